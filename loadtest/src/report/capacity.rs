//! What `capacity` found, as the JSON file holds it.

use serde::{Deserialize, Serialize};

/// How much a server bears, and what a planner counts with.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Capacity {
    /// The highest rate that met the objective, in lifecycles per second.
    pub highest_rate: f64,
}
