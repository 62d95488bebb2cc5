//! Load on a Countersign server over HTTP, and how long what it did took.
//!
//! A [`scenario`] says what is done, a [`schedule`] when, [`drive`] does it, a [`book`] writes down
//! what came of it, and a [`report`] shows it. The server is another process, started here or
//! elsewhere. It knows no more of the server than its clients do.

#![warn(missing_docs)]

pub mod book;
pub mod capacity;
pub mod cli;
pub mod compare;
pub mod drive;
mod error;
mod files;
pub mod host;
pub mod hostile;
pub mod lines;
mod meter;
pub mod metrics;
pub mod output;
pub mod people;
pub mod progress;
pub mod raw;
pub mod recorder;
pub mod render;
pub mod report;
mod sampler;
pub mod scenario;
pub mod schedule;
pub mod server;
pub mod session;
pub mod step;
pub mod stop;
mod summary;
pub mod survey;

pub use error::LoadError;
pub use host::descriptors;
