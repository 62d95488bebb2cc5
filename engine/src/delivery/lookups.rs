//! Look-ups of host names that run at once.
//!
//! A look-up takes a thread of the runtime until the operating system has an answer or gives up,
//! which takes up to half a minute where name servers are dead. No deadline of ours stops it, so
//! that it keeps its permit after the call that asked is over.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use super::turns::Turns;
use crate::ports::Later;

/// Look-ups of all tenants' webhooks at once, at most. The runtime has 512 threads for them and for
/// all other work that blocks.
pub(super) const LOOKUPS_MAX: usize = 64;

/// Look-ups of one webhook at once, at most.
pub(super) const LOOKUPS_OF_ONE_MAX: usize = 8;

/// The longest that a look-up waits for its turn. A call has waited for half of its time before, so
/// that it fails as busy before its deadline.
const LOOKUP_TURN_MS: u64 = 2_000;

/// The reason why a host name leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unresolved {
    /// It has addresses, none of which may be connected to.
    #[error("no address of the host may be connected to")]
    Blocked,
    /// Too many look-ups are running.
    #[error("there was no turn to look the host up")]
    Busy,
    /// It has no address.
    #[error("the host has no address")]
    Unknown,
}

/// The right to look names up. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Lookups {
    turn: Duration,
    turns: Turns,
}

impl Lookups {
    /// At most `max` look-ups at once for all tenants together, and `share` for one.
    pub(super) fn new(max: usize, share: usize) -> Self {
        Self { turn: Duration::from_millis(LOOKUP_TURN_MS), turns: Turns::new(max, share) }
    }

    /// The share of one tenant.
    pub(super) fn of_one(&self) -> Self {
        Self { turn: self.turn, turns: self.turns.of_one() }
    }

    /// Runs a look-up when there is a turn for it. It runs to its end even if nobody waits for its
    /// answer any more, and its permit comes free only then.
    pub(super) async fn run(
        &self,
        lookup: impl FnOnce() -> Later<io::Result<Vec<IpAddr>>> + Send + 'static,
    ) -> Result<Vec<IpAddr>, Unresolved> {
        let turn = tokio::time::timeout(self.turn, self.turns.take()).await;
        let turn = turn.map_err(|_| Unresolved::Busy)?;
        // Dropping the handle of a task detaches it.
        let running = tokio::spawn(async move {
            let found = lookup().await;
            drop(turn);
            found
        });
        Ok(running.await.map_err(io::Error::from).flatten().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    /// So few look-ups that there is no turn for another one, which does not wait.
    fn lookups(max: usize, share: usize) -> Lookups {
        Lookups { turn: Duration::ZERO, ..Lookups::new(max, share) }
    }

    /// Begins a look-up that does not end, and gives it up.
    async fn abandon(lookups: &Lookups) {
        assert!(lookups.run(|| Box::pin(pending())).now_or_never().is_none());
        tokio::task::yield_now().await;
    }

    async fn quick(lookups: &Lookups) -> Result<Vec<IpAddr>, Unresolved> {
        lookups.run(|| Box::pin(async { Ok(vec![ADDRESS]) })).await
    }

    #[tokio::test]
    async fn a_look_up_that_was_given_up_counts_until_it_ends() {
        let lookups = lookups(1, 1);
        let (end, ended) = oneshot::channel();
        let slow = async move { ended.await.unwrap() };
        assert!(lookups.run(|| Box::pin(slow)).now_or_never().is_none());
        assert_eq!(quick(&lookups).await, Err(Unresolved::Busy));
        end.send(Ok(Vec::new())).unwrap();
        while lookups.turns.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(quick(&lookups).await, Ok(vec![ADDRESS]));
    }

    #[tokio::test]
    async fn one_tenant_takes_its_share_and_leaves_the_rest_to_others() {
        let all = lookups(3, 2);
        let tenants = [all.of_one(), all.of_one(), all.of_one()];
        abandon(&tenants[0]).await;
        abandon(&tenants[0]).await;
        assert_eq!(quick(&tenants[0]).await, Err(Unresolved::Busy));
        assert_eq!(quick(&tenants[1]).await, Ok(vec![ADDRESS]));
        abandon(&tenants[1]).await;
        assert_eq!(quick(&tenants[2]).await, Err(Unresolved::Busy), "three are running");
    }

    #[tokio::test]
    async fn a_look_up_that_panics_gives_its_permit_back() {
        let lookups = lookups(1, 1);
        let broken = async { panic!("a test's look-up breaks") };
        assert_eq!(lookups.run(|| Box::pin(broken)).await, Ok(Vec::new()));
        assert_eq!(quick(&lookups).await, Ok(vec![ADDRESS]));
    }
}
