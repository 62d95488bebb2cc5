//! Ordinary sign-ins for hours, with the growth of the server's memory.

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::lifecycle::{Cycle, LifecycleArgs};
use super::{Figures, LoadArgs, RunContext, Scenario};
use crate::LoadError;
use crate::capacity::fit;
use crate::out::report::model::{Point, ServerPoint};

/// Lifecycles for a long time, of people who take theirs and do not all approve.
#[derive(Args, Clone, Debug, Serialize)]
#[command(mut_arg("time", |arg| arg.default_value("1h")))]
#[command(mut_arg("human", |arg| arg.default_value("exp:5s")))]
#[command(mut_arg("mix", |arg| arg.default_value("approve=90,deny=8,ignore=2")))]
pub struct SoakArgs {
    /// The lifecycles.
    #[command(flatten)]
    #[serde(flatten)]
    pub lifecycle: LifecycleArgs,
}

impl Scenario for SoakArgs {
    const NAME: &'static str = "soak";
    const MAIN: &'static str = LifecycleArgs::MAIN;
    type Ready = Vec<Cycle>;

    fn load(&self) -> Option<&LoadArgs> {
        Some(&self.lifecycle.load)
    }

    fn requests(&self) -> usize {
        self.lifecycle.requests()
    }

    async fn prepare(&self, context: &RunContext) -> Result<Vec<Cycle>, LoadError> {
        self.lifecycle.prepare(context).await
    }

    async fn measure(
        &self,
        cycles: Vec<Cycle>,
        context: &RunContext,
    ) -> Result<Figures, LoadError> {
        self.lifecycle.measure(cycles, context).await
    }

    fn conclude(&self, points: &[Point], figures: &mut Figures) {
        let held = |of: fn(&ServerPoint) -> Option<u64>| {
            let at =
                points.iter().filter_map(|p| Some((p.at_seconds, of(p.server.as_ref()?)? as f64)));
            growth_per_hour(&at.collect::<Vec<_>>())
        };
        let memory = held(|server| server.rss_bytes);
        let descriptors = held(|server| server.descriptors);
        figures.insert("growth of memory, bytes per hour".to_owned(), json!(memory));
        figures.insert("growth of descriptors, per hour".to_owned(), json!(descriptors));
    }
}

/// Returns the growth per hour: the slope of the second half of the points, by least squares. The
/// first half does not count, because caches fill up in it. Returns `None` if there are too few
/// points.
fn growth_per_hour(points: &[(f64, f64)]) -> Option<f64> {
    const POINTS_MIN: usize = 10;
    let half = &points[points.len() / 2..];
    if half.len() < POINTS_MIN {
        return None;
    }
    Some((fit::slope(half)? * 3600.0).round())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_that_of_the_second_half() {
        let grown = |at: f64| if at < 50.0 { at * 1e6 } else { 5e7 + at * 2.0 };
        let points: Vec<_> = (0..100).map(f64::from).map(|at| (at, grown(at))).collect();
        assert_eq!(growth_per_hour(&points), Some(7200.0));
        assert_eq!(growth_per_hour(&points[..15]), None);
    }
}
