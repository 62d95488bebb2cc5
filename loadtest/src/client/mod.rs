//! Clients of a server: people with their browsers and phones, and the connections they use.

pub mod lines;
pub(crate) mod patience;
pub mod people;
pub mod raw;
pub mod recorder;
pub mod target;
