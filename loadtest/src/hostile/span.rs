//! Figures of one span of time: sign-ins, health, and how late the client itself was.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longest time that is told from longer ones, in microseconds.
const LONGEST_US: u64 = 120_000_000;

/// Times of one kind.
#[derive(Clone, Debug)]
pub struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_US, 3).expect("the bounds are in order"))
    }
}

impl Times {
    /// Adds one.
    pub fn add(&mut self, time: Duration) {
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(microseconds);
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    /// The time that so great a share does not exceed; none if there are no times.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let any = !self.0.is_empty();
        any.then(|| Duration::from_micros(self.0.value_at_quantile(share)))
    }

    /// The longest.
    #[must_use]
    pub fn longest(&self) -> Option<Duration> {
        self.quantile(1.0)
    }

    /// Their number.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }
}

/// Sign-ins, health and the client's own delay in one span.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// Times of whole sign-ins, from when they were meant to begin.
    pub sign_ins: Times,
    /// Sign-ins that failed.
    pub failed: u64,
    /// Sign-ins that were refused with 429 or 503, or whose poll had no place.
    pub refused: u64,
    /// The first failure or refusal.
    pub first: Option<String>,
    /// Kept connections that the server had closed, and that were opened again.
    pub reopened: u64,
    /// Times of the probes of health.
    pub health: Times,
    /// Probes without an answer, or with another status than 200.
    pub unhealthy: u64,
    /// The first of them.
    pub first_unhealthy: Option<String>,
    /// Time by which the client itself was late.
    pub own_delay: Times,
}

/// The same for a file.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SpanFigures {
    sign_ins: u64,
    failed: u64,
    refused: u64,
    reopened: u64,
    p50_us: Option<u64>,
    p99_us: Option<u64>,
    health_probes: u64,
    unhealthy: u64,
    health_p99_us: Option<u64>,
    health_max_us: Option<u64>,
    own_delay_p99_us: Option<u64>,
    own_delay_max_us: Option<u64>,
}

impl Span {
    /// Sign-ins that were begun.
    #[must_use]
    pub fn begun(&self) -> u64 {
        self.sign_ins.count() + self.failed + self.refused
    }

    /// The 99th percentile of the sign-ins.
    #[must_use]
    pub fn p99(&self) -> Option<Duration> {
        self.sign_ins.quantile(0.99)
    }

    pub(super) fn figures(&self) -> SpanFigures {
        let us = |time: Option<Duration>| time.map(|time| time.as_micros() as u64);
        SpanFigures {
            sign_ins: self.begun(),
            failed: self.failed,
            refused: self.refused,
            reopened: self.reopened,
            p50_us: us(self.sign_ins.quantile(0.5)),
            p99_us: us(self.p99()),
            health_probes: self.health.count() + self.unhealthy,
            unhealthy: self.unhealthy,
            health_p99_us: us(self.health.quantile(0.99)),
            health_max_us: us(self.health.longest()),
            own_delay_p99_us: us(self.own_delay.quantile(0.99)),
            own_delay_max_us: us(self.own_delay.longest()),
        }
    }
}
