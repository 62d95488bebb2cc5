//! Outcome of a run: its figures and its verdict.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::plan::Run;
use super::span::Span;
use super::verdict::{Change, Measured};
use crate::server::without_password;

/// A run, its figures and the rules that it broke.
pub struct Outcome {
    /// The run.
    pub run: Run,
    /// The figures of the run.
    pub measured: Measured,
    /// The broken rules; empty if the server withstood the abuse.
    pub wrong: Vec<String>,
}

impl Outcome {
    /// Returns all figures of the run as JSON.
    pub fn json(&self) -> Value {
        let Measured { quiet, during, after, memory, descriptors, .. } = &self.measured;
        json!({
            "store": without_password(&self.run.store),
            "listener": self.run.listener,
            "abuses": self.run.abuses.iter().map(|abuse| abuse.name).collect::<Vec<_>>(),
            "spans": { "quiet": quiet.json(), "during": during.json(), "after": after.json() },
            "memoryBytes": memory,
            "descriptors": descriptors,
            "busy": self.measured.busy,
            "attackers": self.measured.did,
            "wrong": self.wrong,
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measured { quiet, during, memory, descriptors, did, busy, .. } = &self.measured;
        let verdict = if self.wrong.is_empty() { "ok" } else { "FAILED" };
        let store = self.run.store.split(':').next().unwrap_or_default();
        let (listener, name) = (self.run.listener.name(), self.run.name());
        write!(f, "{listener:<9} {store:<6} {name:<18} {verdict:<6} {}", times(quiet, during))?;
        let (lost, refused, begun) = (during.failed, during.refused, during.begun());
        write!(f, "; {lost} failed, {refused} refused of {begun}")?;
        let (p99, max) = (during.health.quantile(0.99), during.health.longest());
        write!(f, "; health {}/{} ms", ms(p99), ms(max))?;
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let (before, peak, after) = (mib(memory.before), mib(memory.peak), mib(memory.after));
        write!(f, "; memory {before:.0} → {after:.0} MiB (peak {peak:.0})")?;
        let Change { before, peak, after } = descriptors;
        write!(f, "; descriptors {before} → {after} (peak {peak}); busy {:.0} %", busy * 100.0)?;
        let own = &during.own_delay;
        write!(f, "; own delay {}/{} ms", ms(own.quantile(0.99)), ms(own.longest()))?;
        let sent = did.sent_bytes as f64 / 1e6;
        write!(f, "; sent {sent:.1} MB")?;
        if did.connections > 0 {
            write!(f, " on {} connections", did.connections)?;
        }
        if did.calls > 0 {
            write!(f, " in {} calls", did.calls)?;
        }
        if did.unconnected > 0 {
            write!(f, " ({} not taken)", did.unconnected)?;
        }
        writeln!(f)?;
        self.wrong.iter().try_for_each(|wrong| writeln!(f, "    {wrong}"))
    }
}

fn times(quiet: &Span, during: &Span) -> String {
    let (before, now) = (quiet.p99(), during.p99());
    let ratio = before.zip(now).map(|(before, now)| now.as_secs_f64() / before.as_secs_f64());
    let ratio = ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.1} ×"));
    format!("p99 {} → {} ms ({ratio})", ms(before), ms(now))
}

fn ms(time: Option<Duration>) -> String {
    time.map_or_else(|| "–".to_owned(), |time| format!("{:.1}", time.as_secs_f64() * 1e3))
}
