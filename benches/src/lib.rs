//! Shared parts of the benchmarks: reference costs, sample data, servers on their own cores, and
//! processor time. The benchmarks measure costs; the load harness measures capacity.

#![warn(missing_docs)]

pub mod bare;
pub mod challenge;
pub mod cpu;
pub mod parts;
pub mod pinned;
pub mod sample;
pub mod sign_in;
pub mod table;
pub mod timed;
