//! Capacity arithmetic: the highest rate that a server sustains, and the resources for a higher
//! rate. This module sends no load.
//!
//! A [`search`] chooses the next rate to try. [`fit`] computes the cost of one more device,
//! challenge or lifecycle. [`plan`] makes the planner's table from both. The caller runs the trials
//! and passes their reports to [`trial`].

pub mod fit;
pub mod objective;
pub mod plan;
pub mod search;
pub mod trial;
