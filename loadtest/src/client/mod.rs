//! Clients of a server: people with their browsers and phones, and the connections they use.

pub mod lines;
pub mod people;
pub mod raw;
