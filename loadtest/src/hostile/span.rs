//! Figures of one span of time: sign-ins, health, and how late the client itself was.

use std::time::Duration;

use serde_json::{Value, json};

use crate::run::times::Times;

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

impl Span {
    /// Sign-ins that were begun.
    pub fn begun(&self) -> u64 {
        self.sign_ins.count() + self.failed + self.refused
    }

    /// The 99th percentile of the sign-ins.
    pub fn p99(&self) -> Option<Duration> {
        self.sign_ins.quantile(0.99)
    }

    /// All figures, for a file.
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
