//! What is done to a server, one file per scenario.

pub mod lifecycle;
pub mod waiters;
