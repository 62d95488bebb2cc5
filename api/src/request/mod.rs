//! Parts of a request that routes read.

pub mod arrival;
pub mod body;
pub mod path;
pub mod prefer;
pub mod query;
