//! A run's report: its model, and the files that show it.

pub mod capacity;
mod chart;
pub mod doubts;
mod error;
pub(crate) mod facts;
pub mod format;
mod histogram;
pub mod html;
pub mod json;
pub mod markdown;
pub mod model;
pub(crate) mod planned;
mod sizing_table;
pub mod step;
pub(crate) mod stores_table;
mod table;
mod thinned;

pub use error::ReportError;
