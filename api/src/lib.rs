//! The server behind the `countersign` binary. The binary itself only calls in here.

#![warn(missing_docs)]

pub mod cli;
