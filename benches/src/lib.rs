//! Parts that the benchmarks share: bare reference costs, and a process's use of the processor. The
//! benchmarks measure cost; the load harness measures capacity.

#![warn(missing_docs)]

pub mod bare;
pub mod challenge;
pub mod cpu;
pub mod pinned;
pub mod sample;
pub mod sign_in;
pub mod table;
pub mod timed;
