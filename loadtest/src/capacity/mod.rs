//! Capacity arithmetic: the highest rate a server bears, and the resources for a higher one. No
//! load runs here.
//!
//! A [`search`] says which rate to try next; [`fit`] finds what one more of something costs; from
//! both [`plan`] makes the planner's table. Who runs the trials gives their reports to [`trial`].

pub mod fit;
pub mod objective;
pub mod plan;
pub mod search;
pub mod trial;
