//! The machine: what it is, what a process on it uses, and who may use which core.

pub mod descriptors;
mod machine;
pub mod pin;
pub mod process;
