//! Load on a Countersign server over HTTP, and the latencies under it.
//!
//! A [`scenario`] says what is done, a [`schedule`] when, [`drive`] does it, a [`tally`] writes down
//! what came of it, and a [`report`] shows it. The server is another process, started here or
//! elsewhere. It knows no more of the server than its clients do.

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
