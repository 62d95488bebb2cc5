//! Runs a scenario: starts its requests, times them and adds up the results.

pub mod drive;
pub(crate) mod meter;
pub(crate) mod sampler;
pub mod schedule;
pub mod stop;
pub mod tally;
pub mod times;
