//! Load on a Countersign server over HTTP, and the latencies under it.
//!
//! A [`scenario`] chooses the requests, a [`schedule`] their times, [`drive`] sends them, a
//! [`tally`] notes their results, and a [`report`] shows these. The server is another process,
//! started here or elsewhere. It knows no more of the server than its clients do.

#![warn(missing_docs)]

pub mod capacity;
pub mod capacity_run;
pub mod cli;
pub mod client;
mod error;
pub mod host;
pub mod hostile;
pub mod out;
pub mod run;
pub mod scenario;
pub mod server;
pub mod session;

pub use error::LoadError;
pub use host::descriptors;
