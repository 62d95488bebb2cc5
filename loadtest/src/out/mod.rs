//! Output: a run's report in every form, its comparison with another run, and progress.

pub mod compare;
pub(crate) mod files;
pub mod output;
pub mod progress;
pub mod render;
pub mod report;
mod terminal;
