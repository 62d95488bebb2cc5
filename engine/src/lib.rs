//! Actors, stores and the verifier pool behind one facade, [`Engine`].
//!
//! ```text
//! Engine → actors → ports ← store, delivery, system
//!             ↓
//!   countersign-core (pure)
//! ```

#![warn(missing_docs)]

mod actors;
pub mod delivery;
mod display;
mod engine;
mod error;
mod patience;
pub mod permits;
pub mod ports;
mod registry;
pub mod secret;
mod shared;
pub mod store;
pub mod system;
pub mod telemetry;
pub mod verifier;

pub use countersign_core as core;

pub use engine::device::{
    Crowded, Enrolled, EnrollmentProof, HeldTicket, Pending, Reader, Refreshing, Removing,
    TicketWish,
};
pub use engine::initiator::{Started, Verdict};
pub use engine::operator::AccountView;
pub use engine::relying_party::User;
pub use engine::{Engine, EngineSettings, Ports, Room};
pub use error::{Error, Misbehaviour, Unavailable};
pub use patience::Patience;
pub use shared::Tenant;
