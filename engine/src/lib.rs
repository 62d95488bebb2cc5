//! Actors, stores and the verifier pool behind one facade, [`Engine`].
//!
//! ```text
//! Engine → actors → ports ← store, delivery, system
//!             ↓
//!   countersign-core (pure)
//! ```

#![warn(missing_docs)]

mod account;
mod actors;
pub mod delivery;
mod display;
mod engine;
mod error;
mod outbox;
pub mod permits;
pub mod ports;
mod registry;
pub mod secret;
pub mod store;
pub mod system;
pub mod telemetry;
mod tenant;
pub mod verifier;
mod wait_time;

pub use countersign_core as core;
pub use countersign_core::possession::{EnrollmentProof, RemovalProof, UpdateProof};

pub use engine::device::{Crowded, Enrolled, HeldTicket, Pending, Reader, TicketWish};
pub use engine::free_room::FreeRoom;
pub use engine::initiator::{Started, Verdict};
pub use engine::operator::AccountView;
pub use engine::relying_party::User;
pub use engine::{Engine, EngineSettings};
pub use error::{Error, Misbehaviour, Unavailable};
pub use ports::Ports;
pub use tenant::Tenant;
pub use wait_time::WaitTime;
