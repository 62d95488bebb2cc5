//! The rule that decides if a server has withstood an abuse.

use std::time::Duration;

use serde::Serialize;

use super::order::AttackCounts;
use super::span::Span;

const MIB: u64 = 1 << 20;

/// A value before the abuse, its peak during the run, and after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Value before the abuse.
    pub before: u64,
    /// Highest value during the run.
    pub peak: u64,
    /// Value after the recovery.
    pub after: u64,
}

/// All figures of one run.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Figures of the quiet span before the abuse.
    pub quiet: Span,
    /// Figures of the span during the abuse.
    pub during: Span,
    /// Figures of the recovery span after the abuse.
    pub after: Span,
    /// Resident memory, in bytes.
    pub memory: Change,
    /// Number of descriptors.
    pub descriptors: Change,
    /// Share of a core that the server uses after the recovery.
    pub busy: f64,
    /// The reason why the server no longer runs; `None` if it runs.
    pub gone: Option<String>,
    /// Lines of the server's log that report a panic or an error.
    pub complaints: Vec<String>,
    /// Counts of the attackers.
    pub did: AttackCounts,
}

/// Limits within which a server has withstood an abuse.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Limit of the sign-ins' p99 during the abuse, as a multiple of the quiet p99. `None` sets no
    /// limit.
    pub p99_factor: Option<f64>,
    /// Smallest p99 to compare with: a shorter quiet p99 counts as this one.
    pub p99_floor: Duration,
    /// Share of sign-ins that may fail, in each span.
    pub failed_share: f64,
    /// Share of sign-ins that may be refused with 429 or 503, in each span.
    pub refused_share: f64,
    /// Longest time for the response to a health probe.
    pub health_max: Duration,
    /// Limit of the memory after the abuse, as a multiple of the memory before it.
    pub memory_factor: f64,
    /// Bytes of memory that are allowed in addition to that multiple.
    pub memory_spare: u64,
    /// Share of a core that the server may use after the recovery.
    pub busy_max: f64,
}

impl Rule {
    /// Returns the rule that the `hostile` command uses.
    pub const fn strict() -> Self {
        Self {
            p99_factor: Some(5.0),
            p99_floor: Duration::from_millis(5),
            failed_share: 0.0,
            refused_share: 0.0,
            health_max: Duration::from_millis(100),
            memory_factor: 1.2,
            memory_spare: 8 * MIB,
            busy_max: 0.5,
        }
    }

    /// Returns the memory that is allowed after an abuse, in bytes.
    pub fn memory_allowed(&self, before: u64) -> u64 {
        (before as f64 * self.memory_factor) as u64 + self.memory_spare
    }

    /// Returns the broken rules; none if the server has withstood the abuse.
    pub fn judge(&self, measured: &Measured) -> Vec<String> {
        let mut wrong: Vec<String> = measured.gone.iter().cloned().collect();
        wrong.extend(measured.complaints.first().map(|line| format!("log: {line}")));
        let spans = [("before", &measured.quiet), ("during", &measured.during)];
        for (when, span) in spans.into_iter().chain([("after", &measured.after)]) {
            self.sign_ins(when, span, &mut wrong);
            self.health(when, span, &mut wrong);
        }
        wrong.extend(self.p99(measured));
        if measured.did.connections == 0 && measured.did.sent_bytes == 0 {
            wrong.push("the attackers did nothing".to_owned());
        }
        if measured.gone.is_none() {
            self.left_over(measured, &mut wrong);
        }
        wrong
    }

    fn sign_ins(&self, when: &str, span: &Span, wrong: &mut Vec<String>) {
        let is_above = |count: u64, share: f64| count as f64 > span.begun() as f64 * share;
        if is_above(span.failed, self.failed_share) || is_above(span.refused, self.refused_share) {
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

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn span(sign_in: Duration) -> Span {
        let mut span = Span::default();
        (0..1_000).for_each(|_| span.sign_ins.add(sign_in));
        (0..100).for_each(|_| span.health.add(MS));
        span
    }

    fn sound() -> Measured {
        Measured {
            quiet: span(10 * MS),
            during: span(20 * MS),
            after: span(10 * MS),
            memory: Change { before: 100 * MIB, peak: 300 * MIB, after: 120 * MIB },
            descriptors: Change { before: 30, peak: 900, after: 30 },
            did: AttackCounts { connections: 7, ..AttackCounts::default() },
            ..Measured::default()
        }
    }

    /// Asserts that this change breaks exactly one rule, and that its text contains `words`.
    fn wrong(change: impl FnOnce(&mut Measured), words: &str) {
        let mut measured = sound();
        change(&mut measured);
        let wrong = Rule::strict().judge(&measured);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(wrong[0].contains(words), "{words:?} is not in {wrong:?}");
    }

    #[test]
    fn a_server_that_is_within_all_bounds_has_stood_it() {
        assert_eq!(Rule::strict().judge(&sound()), [""; 0]);
    }

    #[test]
    fn each_bound_is_judged_for_itself() {
        wrong(|m| m.during = span(51 * MS), "p99 51.0 ms, 50.");
        wrong(|m| m.during.failed = 1, "during: 1 failed, 0 refused of 1001");
        wrong(|m| m.after.refused = 1, "after: 0 failed, 1 refused of 1001");
        wrong(|m| m.during.health.add(101 * MS), "during: health took 101 ms");
        wrong(
            |m| {
                m.after.unhealthy = 3;
                m.after.first_unhealthy = Some("/health/live: 503".to_owned());
            },
            "after: 3 probes of health failed (/health/live: 503)",
        );
        wrong(|m| m.memory.after = 129 * MIB, "129 MiB of memory are left, 128 allowed");
        wrong(|m| m.descriptors.after = 31, "1 descriptors are left");
        wrong(|m| m.busy = 0.9, "90 % of a core");
        wrong(|m| m.complaints = vec!["panicked".to_owned()], "log: panicked");
        wrong(|m| m.did = AttackCounts::default(), "the attackers did nothing");
        wrong(|m| m.gone = Some("it has ended".to_owned()), "it has ended");
    }

    #[test]
    fn a_short_quiet_time_counts_as_the_floor() {
        let measured = |during| Measured { quiet: span(MS), during: span(during), ..sound() };
        assert!(Rule::strict().judge(&measured(24 * MS)).is_empty());
        assert_eq!(Rule::strict().judge(&measured(26 * MS)).len(), 1);
    }

    #[test]
    fn nobody_who_signs_in_is_no_good_time() {
        let measured = Measured { during: Span::default(), ..sound() };
        assert_eq!(Rule::strict().judge(&measured), ["during: nobody signed in"]);
    }

    #[test]
    fn a_loose_rule_judges_no_time_and_no_refusal_but_failures_and_what_is_left() {
        let strict = Rule::strict();
        let loose = Rule { p99_factor: None, failed_share: 0.05, refused_share: 1.0, ..strict };
        let mut measured = Measured { during: span(900 * MS), ..sound() };
        (measured.during.refused, measured.during.failed) = (500, 40);
        assert!(loose.judge(&measured).is_empty());
        measured.during.failed = 200;
        measured.descriptors.after = 40;
        assert_eq!(loose.judge(&measured).len(), 2);
    }
}
