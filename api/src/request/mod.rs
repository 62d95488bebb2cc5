//! Parts of a request, as routes read them.

pub mod arrival;
pub mod body;
pub mod path;
pub mod prefer;
pub mod query;
