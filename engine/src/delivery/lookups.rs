//! Limits of concurrent host name look-ups.
//!
//! A look-up occupies a thread of the runtime until the operating system answers or gives up, which
//! takes up to 30 seconds if name servers are dead. Our deadlines cannot stop it. Therefore a
//! look-up keeps its permit until it ends, even if the webhook call that needed it is over.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use super::turns::Turns;
use crate::ports::Later;

/// Maximum number of concurrent look-ups, over all tenants. The runtime has 512 threads for
/// look-ups and for all other blocking work.
pub(super) const LOOKUPS_MAX: usize = 64;

/// Maximum number of concurrent look-ups of one tenant's webhook.
pub(super) const LOOKUPS_OF_ONE_MAX: usize = 8;

/// Maximum wait of a look-up for its permit, in milliseconds. Its call may have waited for half of
/// the call's deadline before, so with this limit it fails as busy before that deadline.
const LOOKUP_TURN_MS: u64 = 2_000;

/// Reason why a look-up gives no usable address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unresolved {
    /// The host has addresses, but the policy admits none of them.
    #[error("no address of the host may be connected to")]
    Blocked,
    /// Too many look-ups are running.
    #[error("there was no turn to look the host up")]
    Busy,
    /// The host has no address, or the look-up failed.
    #[error("the host has no address")]
    Unknown,
}

/// Permits for look-ups of one tenant. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Lookups {
    turn: Duration,
    turns: Turns,
}

impl Lookups {
    /// Allows `max` concurrent look-ups for all tenants together, and `share` of them for one
    /// tenant.
    pub(super) fn new(max: usize, share: usize) -> Self {
        Self { turn: Duration::from_millis(LOOKUP_TURN_MS), turns: Turns::new(max, share) }
    }

    /// Returns the permits of another tenant: the total limit is shared, the limit of one tenant is
    /// separate.
    pub(super) fn of_one(&self) -> Self {
        Self { turn: self.turn, turns: self.turns.of_one() }
    }

    /// Runs a look-up as soon as it has a permit. The look-up runs to its end even if its caller no
    /// longer waits, and gives the permit back only then.
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

    /// Makes limits under which a look-up without a free permit fails at once.
    fn lookups(max: usize, share: usize) -> Lookups {
        Lookups { turn: Duration::ZERO, ..Lookups::new(max, share) }
    }

    /// Starts a look-up that never ends, and stops waiting for it.
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
