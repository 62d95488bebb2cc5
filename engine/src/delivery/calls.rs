//! Limit of concurrent webhook calls, because each takes open files.

use std::sync::Arc;

use super::lookups::{LOOKUPS_MAX, LOOKUPS_OF_ONE_MAX, Lookups};
use super::turns::{Turn, Turns};

/// Maximum number of concurrent webhook calls, over all tenants. The server lowers it if the
/// process may open only few files.
pub const WEBHOOK_CALLS_MAX: usize = 1024;

/// Maximum number of idle connections of one tenant.
const IDLE_CONNECTIONS_MAX: usize = 8;

/// A permit for one call. It is given back when its last clone is dropped. The call holds one
/// clone, and its connecting holds another, which may outlive the call by up to the deadline of a
/// call.
///
/// So a permit covers three sockets at most: one that the call uses, and two parallel attempts to
/// connect, by IPv4 and IPv6. Idle connections ([`Calls::idle_max`]) and look-ups that outlive
/// their calls ([`LOOKUPS_MAX`]) are additional.
pub(super) type CallPermit = Arc<Turn>;

/// Permits for the webhook calls of one tenant and for their look-ups. Clones share them.
#[derive(Clone, Debug)]
pub struct Calls {
    /// Maximum number of idle connections of one tenant.
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
    /// Allows `max` concurrent calls for all `tenants` together. All tenants together also keep at
    /// most `max` idle connections, and run at most `max` look-ups.
    #[must_use]
    pub fn new(max: usize, tenants: usize) -> Self {
        let max = max.max(1);
        let turns = Turns::new(max, share(max, tenants));
        let lookups = LOOKUPS_MAX.min(max);
        let lookups = Lookups::new(lookups, LOOKUPS_OF_ONE_MAX.min(share(lookups, tenants)));
        let idle_max = (max / tenants.max(1)).min(IDLE_CONNECTIONS_MAX);
        Self { idle_max, turns, lookups }
    }

    /// Returns the permits of one tenant: half of all if there are several tenants, so that a
    /// tenant whose webhook hangs leaves permits to the others.
    #[must_use]
    pub fn of_one(&self) -> Self {
        let (turns, lookups) = (self.turns.of_one(), self.lookups.of_one());
        Self { turns, lookups, ..*self }
    }

    /// Returns the tenant's permits for look-ups.
    pub(super) fn lookups(&self) -> Lookups {
        self.lookups.clone()
    }

    /// Waits for a permit for one call.
    pub(super) async fn permit(&self) -> CallPermit {
        Arc::new(self.turns.take().await)
    }
}

/// Returns the share of one tenant: half of `max`, rounded up, or all of it if there is only one
/// tenant.
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
