//! Opening of the partitions, by which a Redis that has lost acknowledged commits is noticed.
//!
//! An epoch is a random name for "this Redis process holds this partition". The history of a
//! partition has the sequence that was found when each of its epochs began: its base. If the epoch
//! that came after this server's own has a base below what was acknowledged in it, commits are
//! lost.

use std::sync::Arc;

use metrics::counter;
use redis::Value;

use super::health::{Health, machine_ms};
use super::keys::{self, Partition};
use super::link::{Link, Peer};
use super::owner::hex;
use super::partitions::Known;
use super::reply::{number, said, text};
use super::script::{ACCEPT, Call, LOSE, OPEN};
use super::trouble::Trouble;
use crate::ports::{Clock as _, Entropy};
use crate::system::SystemClock;
use crate::telemetry;

/// Opens the partitions on each new connection.
pub(super) struct Epochs {
    entropy: Arc<dyn Entropy>,
    may_lose: bool,
    /// The connection on which the partitions were opened; none if they have to be opened.
    opened: Option<Peer>,
    /// True until the partitions were opened after the lock was taken.
    is_new_owner: bool,
}

/// A partition as an opening found it.
#[derive(Debug, Default)]
struct Found {
    guard: String,
    sequence: u64,
    history: String,
    /// The recorded loss; empty if there is none.
    lost: String,
    /// True if another server owns the store.
    is_of_other: bool,
}

impl Epochs {
    pub(super) fn new(entropy: Arc<dyn Entropy>, may_lose: bool) -> Self {
        Self { entropy, may_lose, opened: None, is_new_owner: true }
    }

    /// Lets the next call of [`Self::open`] open the partitions again.
    pub(super) fn doubt(&mut self) {
        self.opened = None;
    }

    /// Opens the partitions, unless they were opened on the present connection. A partition that
    /// lacks acknowledged commits is closed, until its records are back or an operator accepts the
    /// loss.
    pub(super) async fn open(&mut self, link: &Link, health: &Health) -> Result<(), Trouble> {
        let peer = link.connect().await?;
        if self.opened.as_ref() == Some(&peer) {
            return Ok(());
        }
        let sent_ms = machine_ms();
        // A server that was fenced still tells a loss that nobody else can know.
        let mut is_fenced = match health.owner.renew(link).await {
            Ok(()) => false,
            Err(Trouble::Fenced) => true,
            Err(trouble) => return Err(trouble),
        };
        let calls: Vec<_> =
            Partition::all().map(|partition| self.call(partition, health, &peer)).collect();
        let replies = link.calls(&calls).await?;
        for (partition, reply) in Partition::all().zip(replies) {
            let (known, found) = (health.partitions.known(partition), found(reply)?);
            if found.is_of_other {
                is_fenced = true;
                self.report(link, partition, &known, &found).await?;
                continue;
            }
            let known = self.judge(link, partition, &known, found).await?;
            health.partitions.set(partition, known);
        }
        if is_fenced {
            return Err(Trouble::Fenced);
        }
        health.renewed(sent_ms);
        // The connection may have been replaced meanwhile; then all of this is done again.
        (self.opened, self.is_new_owner) = (Some(peer), false);
        Ok(())
    }

    fn call(&self, partition: Partition, health: &Health, peer: &Peer) -> Call {
        let epoch = hex(self.entropy.bytes::<8>());
        let is_new = if self.is_new_owner { "1" } else { "0" };
        let call = Call::new(&OPEN).key(keys::STORE).key(partition.state());
        call.arg(&*health.owner.token).arg(epoch).arg(peer.server.as_bytes()).arg(is_new)
    }

    /// Records the loss of a partition that another server owns, so that its owner closes it.
    async fn report(
        &self,
        link: &Link,
        partition: Partition,
        known: &Known,
        found: &Found,
    ) -> Result<(), Trouble> {
        let missing = missing(known, found);
        if missing == 0 || known.closed.is_some() {
            return Ok(());
        }
        counter!(telemetry::STORE_LOST).increment(missing);
        tracing::error!(
            partition = partition.index(),
            missing,
            "Redis had lost commits of this server"
        );
        if !self.may_lose {
            lose(link, partition, missing).await?;
        }
        Ok(())
    }

    /// Compares an opened partition with what is known of it.
    async fn judge(
        &self,
        link: &Link,
        partition: Partition,
        known: &Known,
        found: Found,
    ) -> Result<Known, Trouble> {
        let missing = missing(known, &found);
        let is_lost = missing > 0 || !found.lost.is_empty();
        let mut closed = None;
        if is_lost && self.may_lose {
            let partition = partition.index();
            tracing::error!(partition, missing, "Redis has lost records, which it may here");
        }
        if !found.lost.is_empty() && self.may_lose {
            link.call(&Call::new(&ACCEPT).key(partition.state())).await?;
        }
        if is_lost && !self.may_lose {
            let (most, since) = lose(link, partition, missing).await?;
            closed = Some(closed_because(partition, most, since));
            if known.closed.is_none() {
                tracing::error!("{}", closed.as_deref().unwrap_or_default());
            }
        }
        // A closed partition is opened again and again, and its loss is counted once.
        if missing > 0 && known.closed.is_none() {
            counter!(telemetry::STORE_LOST).increment(missing);
        }
        // While the partition is closed, its loss is still to be seen at the next opening.
        let closed = closed.map(Arc::from);
        if closed.is_some() && missing > 0 {
            return Ok(Known { closed, ..known.clone() });
        }
        let guard: Arc<str> = found.guard.into();
        let is_first = known.witness.is_empty() || missing > 0;
        let witness = Arc::clone(if is_first { &guard } else { &known.witness });
        // What an earlier process of Redis had recorded may have been read, acknowledged or not.
        let acked = if guard == known.guard { known.acked } else { found.sequence };
        Ok(Known { guard, acked, witness, closed })
    }
}

/// Returns how many acknowledged commits a partition lacks, at most.
fn missing(known: &Known, found: &Found) -> u64 {
    if known.guard.is_empty() {
        return 0;
    }
    if *known.guard == *found.guard {
        return known.acked.saturating_sub(found.sequence);
    }
    let epochs: Vec<_> = found.history.split_terminator(' ').collect();
    let place = |guard: &str| {
        let own = guard.split(' ').next()?;
        epochs.iter().position(|epoch| epoch.split(':').next() == Some(own))
    };
    // Records that were brought back may be older than an epoch in which nothing was acknowledged.
    let Some(place) = place(&known.guard).or_else(|| place(&known.witness)) else {
        // This server's epoch is not in the history, which has its last epochs alone.
        return known.acked.max(1);
    };
    let base = epochs.get(place + 1).and_then(|entry| entry.split(':').nth(1)?.parse().ok());
    known.acked.saturating_sub(base.unwrap_or(found.sequence))
}

async fn lose(link: &Link, partition: Partition, missing: u64) -> Result<(u64, u64), Trouble> {
    let now = SystemClock.wall().0.to_string();
    let call = Call::new(&LOSE).key(partition.state()).arg(missing.to_string()).arg(now);
    let mut noted = said(link.call(&call).await?)?;
    Ok((number(noted.next())?, number(noted.next())?))
}

fn closed_because(partition: Partition, most: u64, since: u64) -> String {
    format!(
        "Redis has lost up to {most} acknowledged commits of partition {} (noticed at {since} ms): \
         bring its records back, or accept the loss with `countersign store accept-loss`",
        partition.index()
    )
}

fn found(reply: Value) -> Result<Found, Trouble> {
    let mut said = said(reply)?;
    let is_of_other = said.word == "other";
    let guard = text(said.next())?.unwrap_or_default();
    let sequence = number(said.next())?;
    let (history, lost) = (text(said.next())?, text(said.next())?);
    let (history, lost) = (history.unwrap_or_default(), lost.unwrap_or_default());
    Ok(Found { guard, sequence, history, lost, is_of_other })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing_of(guard: &str, acked: u64, found: (&str, u64, &str)) -> u64 {
        // The guard, and the guard under which something was acknowledged, if it is another one.
        let (guard, witness) = guard.split_once(", ").unwrap_or((guard, guard));
        let known = Known { guard: guard.into(), acked, witness: witness.into(), closed: None };
        let (guard, sequence, history) = found;
        let (guard, history, lost) = (guard.to_owned(), history.to_owned(), String::new());
        missing(&known, &Found { guard, sequence, history, lost, is_of_other: false })
    }

    #[test]
    fn a_partition_is_compared_with_what_was_acknowledged_in_the_servers_own_epoch() {
        assert_eq!(missing_of("", 0, ("a 1", 7, "a:7 ")), 0, "nothing is known yet");
        assert_eq!(missing_of("a 1", 9, ("a 1", 12, "a:7 ")), 0, "a reply was lost");
        assert_eq!(missing_of("a 1", 9, ("a 1", 8, "a:7 ")), 1, "Redis has rolled back");
        assert_eq!(missing_of("a 1", 9, ("b 2", 9, "a:7 b:9 ")), 0, "it has started again");
        assert_eq!(missing_of("a 1", 9, ("b 2", 8, "a:7 b:8 ")), 1);
        // A later epoch has grown beyond what the server knows of its own.
        assert_eq!(missing_of("a 1", 9, ("c 3", 20, "a:7 b:5 c:19 ")), 4);
        assert_eq!(missing_of("a 1", 9, ("c 3", 20, "b:8 c:19 ")), 9, "too long ago");
        // Nothing was acknowledged in the second epoch, and the records before it are back.
        assert_eq!(missing_of("b 2, a 1", 9, ("c 3", 9, "a:7 c:9 ")), 0);
        assert_eq!(missing_of("b 2, a 1", 9, ("c 3", 8, "a:7 c:8 ")), 1);
        assert_eq!(missing_of("b 2, b 2", 9, ("c 3", 9, "a:7 c:9 ")), 9, "in it there was");
        assert_eq!(missing_of("a 1", 0, ("c 3", 20, "b:8 c:19 ")), 1);
    }
}
