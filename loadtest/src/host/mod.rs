//! The machine: its description, the resources of its processes, and their cores.

pub mod descriptors;
mod machine;
pub mod peaks;
pub mod pin;
pub mod process;
