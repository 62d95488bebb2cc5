//! What was measured, as a model and as files.

pub(crate) mod beside;
pub mod capacity;
mod chart;
pub mod doubts;
mod error;
pub(crate) mod facts;
mod histogram;
pub mod html;
pub mod json;
pub mod markdown;
pub mod model;
pub(crate) mod planned;
mod takes;
mod thinned;
pub mod words;

pub use error::ReportError;
