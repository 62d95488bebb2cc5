//! Runs a scenario: starts its requests, times them and adds up the results.

pub mod drive;
mod meter;
pub mod recorder;
mod sampler;
pub mod schedule;
pub mod session;
pub mod stop;
pub mod tally;
