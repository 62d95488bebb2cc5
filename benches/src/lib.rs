//! What the benchmarks share: the parts that the whole is compared with, and how a process's use of
//! the processor is measured. It measures cost, not what a server can bear: that is the load
//! harness's.

#![warn(missing_docs)]

pub mod bare;
pub mod challenge;
pub mod cpu;
pub mod crowd;
pub mod pinned;
pub mod sample;
pub mod table;
pub mod timed;
