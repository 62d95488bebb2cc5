//! One run: the abuse, the recovery, and the measurements around them.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::attackers::Attackers;
use super::health::probe;
use super::order::{Listener, Order};
use super::plan::Run;
use super::span::Span;
use super::target_server::TargetServer;
use super::verdict::{Change, Measured, Rule};
use crate::LoadError;
use crate::host::peaks::Peaks;
use crate::host::process;

/// Memory above which the server is killed, in bytes, so that an abuse cannot harm the machine.
const MEMORY_MAX: u64 = 1 << 30;
/// Longest time after the end of an abuse for memory and descriptors to return to their allowed
/// values.
const BACK: Duration = Duration::from_secs(10);
/// Time between two reads of memory and descriptors.
const LOOK: Duration = Duration::from_millis(200);
/// Time over which the processor use is measured after the recovery.
const IDLE: Duration = Duration::from_millis(500);
/// Longest time for the attackers' process to start.
const START: Duration = Duration::from_millis(300);

/// Lengths of a run's three spans, and the rate of its sign-ins.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Length of the abuse.
    pub abuse: Duration,
    /// Length of the quiet span before the abuse.
    pub quiet: Duration,
    /// Length of the recovery span after the abuse.
    pub recovery: Duration,
    /// Number of sign-ins that begin per second.
    pub sign_ins_per_second: f64,
}

/// Runs sign-ins and health probes for `time`, and returns their figures.
pub(super) async fn span(server: &TargetServer, timing: &Timing, time: Duration) -> Span {
    let sign_ins = server.sign_ins.go_on(timing.sign_ins_per_second, time);
    let (mut span, health) = tokio::join!(sign_ins, probe(server.operators, time));
    span.health = health.health;
    span.unhealthy = health.unhealthy;
    span.first_unhealthy = health.first_unhealthy;
    span.own_delay.merge(&health.own_delay);
    span
}

/// Runs the attackers and measures their effect. `quiet` holds the figures of a span without abuse.
///
/// # Errors
/// [`LoadError`] if the attackers fail, or if the server does not start their challenges.
pub(super) async fn measure(
    server: &mut TargetServer,
    run: &Run,
    (timing, rule): (&Timing, &Rule),
    (attackers, cores): (&Attackers, &[usize]),
    quiet: Span,
) -> Result<Measured, LoadError> {
    let (victim, waits) = server.targets().await?;
    let order = Order {
        abuses: run.abuses.iter().map(|abuse| abuse.name.to_owned()).collect(),
        listener: run.listener,
        address: match run.listener {
            Listener::Public => server.public,
            Listener::Operators => server.operators,
        },
        seconds: timing.abuse.as_secs_f64(),
        cores: cores.to_vec(),
        tenant: server.tenant.clone(),
        waits,
        victim,
        accomplice: server.accomplice.clone(),
    };
    let (memory, descriptors) = before(server.pid()).await?;
    let peaks = Peaks::watch(server.pid(), MEMORY_MAX);
    let attacking = attackers.begin(&order).await?;
    let (during, did) = tokio::join!(span(server, timing, timing.abuse + START), attacking.ended());
    let (did, ended) = (did?, Instant::now());
    let after = span(server, timing, timing.recovery).await;
    let (left, busy) = after_all(server.pid(), rule, (memory, descriptors), ended).await;
    let highest = peaks.highest();
    let gone = highest.killed.then(|| "it took too much memory and was killed".to_owned());
    let dead = !process::is_alive(server.pid());
    let gone = gone.or_else(|| dead.then(|| "the server has ended".to_owned()));
    Ok(Measured {
        quiet,
        during,
        after,
        memory: Change { before: memory, peak: highest.memory.max(memory), after: left.0 },
        descriptors: Change { before: descriptors, peak: highest.descriptors, after: left.1 },
        busy,
        gone,
        complaints: server.complaints(),
        did,
    })
}

/// Returns memory and descriptors before an abuse. It waits until the number of descriptors is
/// stable, because connections of earlier spans may still be closing.
async fn before(pid: u32) -> Result<(u64, u64), LoadError> {
    let mut last = process::descriptors(pid)?;
    let end = Instant::now() + BACK;
    loop {
        sleep(LOOK).await;
        let now = process::descriptors(pid)?;
        if now == last || Instant::now() >= end {
            return Ok((process::rss_bytes(pid)?, now));
        }
        last = now;
    }
}

/// Waits after the abuse until memory and descriptors are within their allowed values, at most for
/// [`BACK`]. Returns both, and the share of a core that the server uses afterwards.
async fn after_all(
    pid: u32,
    rule: &Rule,
    (memory, descriptors): (u64, u64),
    ended: Instant,
) -> ((u64, u64), f64) {
    let read = || (process::rss_bytes(pid).unwrap_or(0), process::descriptors(pid).unwrap_or(0));
    let is_back = |left: (u64, u64)| left.0 <= rule.memory_allowed(memory) && left.1 <= descriptors;
    let mut left = read();
    while !is_back(left) && ended.elapsed() < BACK && process::is_alive(pid) {
        sleep(LOOK).await;
        left = read();
    }
    let cpu = || process::cpu_seconds(pid).unwrap_or(0.0);
    let used = cpu();
    sleep(IDLE).await;
    (left, (cpu() - used) / IDLE.as_secs_f64())
}
