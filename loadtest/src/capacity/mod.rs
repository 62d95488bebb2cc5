//! Capacity arithmetic: the highest rate a server bears, and the resources for a higher one. No
//! load runs here.
//!
//! A [`search`] names the next rate to try; [`fit`] finds the cost of one more device, challenge or
//! lifecycle; from both [`plan`] makes the planner's table. The caller runs the trials and gives
//! their reports to [`trial`].

pub mod fit;
pub mod objective;
pub mod plan;
pub mod search;
pub mod trial;
