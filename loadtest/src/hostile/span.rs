//! Figures of one span of time: sign-ins, health probes, and the client's own delay.

use std::time::Duration;

use serde_json::{Value, json};

use crate::run::times::Times;

/// Figures of the sign-ins, the health probes and the client's own delay in one span.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// Times of the completed sign-ins, from their scheduled start.
    pub sign_ins: Times,
    /// Number of failed sign-ins.
    pub failed: u64,
    /// Number of sign-ins that the server refused with 429 or 503, or whose poll it did not hold.
    pub refused: u64,
    /// Text of the first failure or refusal.
    pub first: Option<String>,
    /// Number of kept connections that the server had closed, so that the client opened new ones.
    pub reopened: u64,
    /// Times of the successful health probes.
    pub health: Times,
    /// Number of probes without a response in time, or with a status other than 200.
    pub unhealthy: u64,
    /// Text of the first failed probe.
    pub first_unhealthy: Option<String>,
    /// Delays between the scheduled and the actual start of a request, which the client itself
    /// caused.
    pub own_delay: Times,
}

impl Span {
    /// Returns the number of sign-ins that began.
    pub fn begun(&self) -> u64 {
        self.sign_ins.count() + self.failed + self.refused
    }

    /// Returns the 99th percentile of the sign-in times; `None` without a completed sign-in.
    pub fn p99(&self) -> Option<Duration> {
        self.sign_ins.quantile(0.99)
    }

    /// Returns all figures as JSON.
    pub(super) fn json(&self) -> Value {
        let us = |time: Option<Duration>| time.map(|time| time.as_micros() as u64);
        json!({
            "sign_ins": self.begun(),
            "failed": self.failed,
            "refused": self.refused,
            "reopened": self.reopened,
            "p50_us": us(self.sign_ins.quantile(0.5)),
            "p99_us": us(self.p99()),
            "health_probes": self.health.count() + self.unhealthy,
            "unhealthy": self.unhealthy,
            "health_p99_us": us(self.health.quantile(0.99)),
            "health_max_us": us(self.health.longest()),
            "own_delay_p99_us": us(self.own_delay.quantile(0.99)),
            "own_delay_max_us": us(self.own_delay.longest()),
        })
    }
}
