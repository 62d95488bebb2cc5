//! Clients of a server: people with their browsers and phones, and the connections that they use.

pub mod connections;
pub mod people;
pub mod raw;
pub mod recorder;
pub(crate) mod retry;
pub mod target;
