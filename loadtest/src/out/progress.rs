//! Progress of a run, as one line on the terminal.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::out::report::model::Point;

const PREPARING: &str = "{spinner} {msg} {pos}/{len}  {wide_bar}  {eta}";
const RUNNING: &str = "{elapsed}/{prefix} {wide_bar} {msg}";

/// A progress line, which is hidden if the standard error is not a terminal.
#[derive(Clone, Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Creates a progress line. It is hidden if `quiet` is true or if there is no terminal.
    pub fn new(quiet: bool) -> Self {
        let shown = !quiet && std::io::stderr().is_terminal();
        let target =
            if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bar: ProgressBar::with_draw_target(None, target) }
    }

    /// Shows the preparation of `count` items; `what` is its label.
    pub fn prepare(&self, what: &'static str, count: usize) {
        self.bar.set_style(style(PREPARING));
        self.bar.set_length(count as u64);
        self.bar.set_position(0);
        self.bar.set_message(what);
        self.bar.enable_steady_tick(Duration::from_millis(200));
    }

    /// Counts one more prepared item.
    pub fn prepared(&self) {
        self.bar.inc(1);
    }

    /// Shows the start of the measured run. `length` is its length, if it is known.
    pub(crate) fn run(&self, length: Option<Duration>) {
        self.bar.reset();
        self.bar.set_style(style(RUNNING));
        match length.map(|length| length.as_secs().max(1)) {
            Some(seconds) => {
                self.bar.set_length(seconds);
                self.bar.set_prefix(format!("{seconds}s"));
            }
            None => self.bar.set_prefix("…"),
        }
    }

    /// Shows the figures of the last interval.
    pub(crate) fn show(&self, point: &Point) {
        self.bar.set_position(point.at_seconds.round() as u64);
        self.bar.set_message(line(point));
    }

    /// Removes the line from the terminal.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is one of ours")
}

fn line(point: &Point) -> String {
    let ms = |us: Option<u64>| us.map_or("-".to_owned(), |us| format!("{:.1} ms", us as f64 / 1e3));
    let wrong = point.failed + point.refused;
    let wrong = if wrong > 0.0 { format!(" · {wrong:.0}/s failed") } else { String::new() };
    format!(
        "{:.0}/s of {:.0} · {} in flight · p50 {} · p99 {}{wrong}",
        point.completed,
        point.offered,
        point.in_flight,
        ms(point.p50_us),
        ms(point.p99_us)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_rate_flight_and_percentiles() {
        let mut point = Point { offered: 100.0, completed: 90.0, in_flight: 7, ..Point::default() };
        (point.p50_us, point.p99_us) = (Some(1500), None);
        assert_eq!(line(&point), "90/s of 100 · 7 in flight · p50 1.5 ms · p99 -");
        point.refused = 10.0;
        assert!(line(&point).ends_with("· 10/s failed"));
    }
}
