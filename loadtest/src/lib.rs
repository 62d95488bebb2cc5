//! Load on a Countersign server over HTTP, and how long what it did took.
//!
//! A [`scenario`] says what is done, a [`schedule`] when, a [`recorder`] writes down how long it
//! took, and a [`report`] shows it. The server is another process, started here or elsewhere. It
//! knows no more of the server than its clients do.

#![warn(missing_docs)]

pub mod capacity;
pub mod compare;
pub mod descriptors;
mod error;
mod gauge;
pub mod recorder;
pub mod render;
pub mod report;
pub mod scenario;
pub mod schedule;
pub mod server;
pub mod user;

pub use error::LoadError;
