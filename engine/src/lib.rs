//! Actors, stores and the verifier pool behind one facade.

#![warn(missing_docs)]

pub mod delivery;
pub mod ports;
pub mod secret;
pub mod store;
pub mod system;
