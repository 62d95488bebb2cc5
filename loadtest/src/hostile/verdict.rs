//! The rule by which a server has stood an abuse.

use std::time::Duration;

use super::order::Did;
use super::span::Span;

const MIB: u64 = 1 << 20;

/// A value before the abuse, its highest meanwhile, and after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Before.
    pub before: u64,
    /// The highest.
    pub peak: u64,
    /// After.
    pub after: u64,
}

/// Everything that was measured around one abuse.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Before the abuse.
    pub quiet: Span,
    /// While it went on.
    pub during: Span,
    /// After it.
    pub after: Span,
    /// Resident memory, in bytes.
    pub memory: Change,
    /// Descriptors.
    pub descriptors: Change,
    /// Share of a core that the server uses after everybody has left.
    pub busy: f64,
    /// Why the server is gone, if it is.
    pub gone: Option<String>,
    /// Lines of its log that a sound server does not write.
    pub complaints: Vec<String>,
    /// An account of the attackers.
    pub did: Did,
}

/// Bounds within which a server has stood an abuse.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// How many times as long a sign-in's p99 may take as without the abuse; not judged if none.
    pub p99_factor: Option<f64>,
    /// A shorter quiet p99 counts as this one.
    pub p99_floor: Duration,
    /// Share of sign-ins that may fail or be refused.
    pub failed_share: f64,
    /// Whether any number of sign-ins may be refused with 429 or 503.
    pub allow_refused: bool,
    /// Longest time for an answer about health.
    pub health_max: Duration,
    /// How many times as much memory there may be afterwards.
    pub memory_factor: f64,
    /// Bytes that there may be beyond that.
    pub memory_spare: u64,
    /// Share of a core that may be in use afterwards.
    pub busy_max: f64,
}

impl Rule {
    /// The rule of the command.
    #[must_use]
    pub const fn strict() -> Self {
        Self {
            p99_factor: Some(5.0),
            p99_floor: Duration::from_millis(5),
            failed_share: 0.0,
            allow_refused: false,
            health_max: Duration::from_millis(100),
            memory_factor: 1.2,
            memory_spare: 8 * MIB,
            busy_max: 0.5,
        }
    }

    /// A rule for a machine that does other work at the same time, as one that builds does: it judges
    /// no sign-in's time.
    #[must_use]
    pub const fn loose() -> Self {
        Self {
            p99_factor: None,
            failed_share: 0.02,
            health_max: Duration::from_secs(1),
            memory_factor: 2.0,
            memory_spare: 64 * MIB,
            busy_max: 0.9,
            ..Self::strict()
        }
    }

    /// Memory that is allowed after an abuse, in bytes.
    #[must_use]
    pub fn memory_allowed(&self, before: u64) -> u64 {
        (before as f64 * self.memory_factor) as u64 + self.memory_spare
    }

    /// Everything that is wrong; nothing if the server has stood the abuse.
    #[must_use]
    pub fn judge(&self, measured: &Measured) -> Vec<String> {
        let mut wrong: Vec<String> = measured.gone.iter().cloned().collect();
        wrong.extend(measured.complaints.first().map(|line| format!("log: {line}")));
        let spans = [("before", &measured.quiet), ("during", &measured.during)];
        for (when, span) in spans.into_iter().chain([("after", &measured.after)]) {
            self.sign_ins(when, span, &mut wrong);
            self.health(when, span, &mut wrong);
        }
        wrong.extend(self.p99(measured));
        if measured.gone.is_none() {
            self.left_over(measured, &mut wrong);
        }
        wrong
    }

    fn sign_ins(&self, when: &str, span: &Span, wrong: &mut Vec<String>) {
        let lost = span.failed + if self.allow_refused { 0 } else { span.refused };
        if lost as f64 > span.begun() as f64 * self.failed_share {
            let why = span.first.as_deref().unwrap_or_default();
            let (failed, refused, all) = (span.failed, span.refused, span.begun());
            wrong.push(format!("{when}: {failed} failed, {refused} refused of {all} ({why})"));
        }
    }

    fn health(&self, when: &str, span: &Span, wrong: &mut Vec<String>) {
        if let Some(first) = &span.first_unhealthy {
            wrong.push(format!("{when}: {} probes of health failed ({first})", span.unhealthy));
        }
        if let Some(longest) = span.health.longest().filter(|longest| *longest > self.health_max) {
            wrong.push(format!("{when}: health took {} ms", longest.as_millis()));
        }
    }

    fn p99(&self, measured: &Measured) -> Option<String> {
        let factor = self.p99_factor?;
        let quiet = measured.quiet.p99().unwrap_or_default().max(self.p99_floor);
        let Some(during) = measured.during.p99() else {
            return Some("during: nobody signed in".to_owned());
        };
        let allowed = quiet.mul_f64(factor);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        (during > allowed).then(|| {
            let own = ms(measured.during.own_delay.quantile(0.99).unwrap_or_default());
            format!(
                "p99 {:.1} ms, {:.1} allowed (the client's own delay: {own:.1})",
                ms(during),
                ms(allowed)
            )
        })
    }

    fn left_over(&self, measured: &Measured, wrong: &mut Vec<String>) {
        let Measured { memory, descriptors, busy, .. } = measured;
        let allowed = self.memory_allowed(memory.before);
        if memory.after > allowed {
            let (after, allowed) = (memory.after / MIB, allowed / MIB);
            wrong.push(format!("{after} MiB of memory are left, {allowed} allowed"));
        }
        if descriptors.after > descriptors.before {
            let more = descriptors.after - descriptors.before;
            wrong.push(format!("{more} descriptors are left"));
        }
        if *busy > self.busy_max {
            wrong.push(format!("it still uses {:.0} % of a core", busy * 100.0));
        }
    }
}
