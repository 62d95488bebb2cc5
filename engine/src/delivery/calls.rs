//! Limit of concurrent webhook calls, because each takes open files.

use std::sync::Arc;

use super::lookups::{LOOKUPS_MAX, LOOKUPS_OF_ONE_MAX, Lookups};
use super::turns::{Turn, Turns};

/// Maximum of concurrent webhook calls, over all tenants. A low limit of open files lowers it.
pub const WEBHOOK_CALLS_MAX: usize = 1024;

/// Idle connections kept for one tenant, at most.
const IDLE_CONNECTIONS_MAX: usize = 8;

/// A permit for one call. It comes free when the last clone is dropped: the call has one, and its
/// connecting another, which may outlive the call by as long as a call may take.
///
/// So a call has three sockets at most: one that it uses, and two attempts to connect, by IPv4 and
/// IPv6 side by side. Idle connections ([`Calls::idle_max`]) and look-ups that outlive their calls
/// ([`LOOKUPS_MAX`]) come on top.
pub(super) type CallPermit = Arc<Turn>;

/// The right to call, and to look names up for that. Clones share it.
#[derive(Clone, Debug)]
pub struct Calls {
    /// Idle connections that one tenant may keep.
    pub(super) idle_max: usize,
    turns: Turns,
    lookups: Lookups,
}

impl Default for Calls {
    fn default() -> Self {
        Self::new(WEBHOOK_CALLS_MAX, 1)
    }
}

impl Calls {
    /// At most `max` calls at once for so many tenants together, which keep no more connections
    /// besides. No more look-ups run either.
    #[must_use]
    pub fn new(max: usize, tenants: usize) -> Self {
        let max = max.max(1);
        let turns = Turns::new(max, share(max, tenants));
        let lookups = LOOKUPS_MAX.min(max);
        let lookups = Lookups::new(lookups, LOOKUPS_OF_ONE_MAX.min(share(lookups, tenants)));
        let idle_max = (max / tenants.max(1)).min(IDLE_CONNECTIONS_MAX);
        Self { idle_max, turns, lookups }
    }

    /// The share of one tenant: half of all where there are others, so that one whose webhook hangs
    /// leaves some to them.
    #[must_use]
    pub fn of_one(&self) -> Self {
        let (turns, lookups) = (self.turns.of_one(), self.lookups.of_one());
        Self { turns, lookups, ..*self }
    }

    /// The tenant's right to look names up.
    pub(super) fn lookups(&self) -> Lookups {
        self.lookups.clone()
    }

    /// Waits until one more call may be made.
    pub(super) async fn permit(&self) -> CallPermit {
        Arc::new(self.turns.take().await)
    }
}

/// The share of one tenant among `tenants`.
const fn share(max: usize, tenants: usize) -> usize {
    if tenants > 1 { max.div_ceil(2) } else { max }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn one_tenant_takes_half_of_all_calls_and_leaves_the_rest_to_others() {
        let all = Calls::new(4, 3);
        let tenants = [all.of_one(), all.of_one(), all.of_one()];
        let permit = |tenant: &Calls| tenant.permit().now_or_never();
        let first: Vec<_> = (0..3).map(|_| permit(&tenants[0])).collect();
        assert_eq!(first.iter().flatten().count(), 2);
        let second: Vec<_> = (0..2).map(|_| permit(&tenants[1])).collect();
        assert_eq!(second.iter().flatten().count(), 2);
        assert!(permit(&tenants[2]).is_none(), "four are under way");
        drop(first);
        assert!(permit(&tenants[2]).is_some());
    }

    #[test]
    fn a_single_call_is_always_possible() {
        assert!(Calls::new(0, 0).permit().now_or_never().is_some());
        assert!(Calls::new(1, 1).of_one().permit().now_or_never().is_some());
    }

    #[test]
    fn all_tenants_together_keep_no_more_idle_connections_than_there_are_calls() {
        for max in [1, 8, 64, WEBHOOK_CALLS_MAX] {
            for tenants in [1, 2, 7, 1000] {
                let idle = Calls::new(max, tenants).idle_max;
                assert!(idle * tenants <= max && idle <= IDLE_CONNECTIONS_MAX, "{max} {tenants}");
            }
        }
    }
}
