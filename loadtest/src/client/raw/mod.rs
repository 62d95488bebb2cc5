//! Requests whose bytes are written beforehand, so that a driver uses little processor time beside
//! the server.

mod connection;
mod person;

pub(crate) use connection::refused;
pub use connection::{Answer, Connection};
pub(crate) use person::post;
pub use person::{Callers, DEVICES, POLL, Person, expect};
