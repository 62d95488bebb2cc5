//! The report of a run: its model and the forms in which it is written.

pub mod capacity;
pub(crate) mod capacity_text;
mod chart;
pub mod doubts;
mod downsampled;
mod error;
pub(crate) mod facts;
pub mod format;
mod histogram;
pub mod html;
pub mod json;
pub mod markdown;
pub mod model;
mod sizing_table;
pub mod step;
pub(crate) mod stores_table;
mod table;

pub use error::ReportError;
