//! What was measured, as a model and as files.

pub mod capacity;
mod histogram;
pub mod model;
