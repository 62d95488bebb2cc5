//! Load generator for a Countersign server over HTTP, with measurement of its latencies.
//!
//! A [`scenario`] chooses the requests. A [`schedule`] sets their times. [`drive`] sends them. A
//! [`tally`] counts their results, and a [`report`] shows the results. The server is a separate
//! process, started by the harness or by somebody else. The harness uses only the interfaces that
//! the server's clients have.

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
