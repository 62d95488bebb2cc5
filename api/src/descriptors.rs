//! Budget of open files: the limit of this process, and the number of connections for which it has
//! room.
//!
//! Every connection is an open file, and the server needs others too. These must have a share of
//! their own: otherwise the store or the operators' listener would fail as soon as clients have
//! opened enough connections.

use countersign_engine::delivery::WEBHOOK_CALLS_MAX;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Maximum of open files that the process asks for. Some systems have a far higher hard limit,
/// which does not mean that they have the memory for it.
pub const DESCRIPTORS_MAX: u64 = 1 << 20;
/// Minimum of connections of the public listener. A server with room for fewer does not start.
pub const CONNECTIONS_MIN: u64 = 32;
/// Maximum of connections of the public listener, unless twice `server.requests_in_flight_max` is
/// more. Then it is that number, so that as many connections may be idle as have a request.
pub const CONNECTIONS_MAX: u64 = 25_600;

/// Files of the process itself: its output, its listeners, the event loops for accepting and for
/// shutdown, files that it reads for a moment, and a reserve.
const OF_THE_PROCESS: u64 = 64;
/// Files of one worker's event loop.
const OF_A_WORKER: u64 = 8;
/// Files of one webhook call: the connection in use, two attempts to connect beside it, an idle
/// connection, and a DNS query that outlives its call.
const OF_A_CALL: u64 = 5;
/// Minimum of concurrent webhook calls.
const CALLS_MIN: u64 = 8;
/// The process may make one concurrent webhook call for every 16 open files of its limit.
const FOR_ONE_CALL: u64 = 16;

/// Raises the process's limit of open files as far as possible, and returns the limit.
pub fn raise() -> u64 {
    let limits = getrlimit(Resource::Nofile);
    let current = limits.current.unwrap_or(u64::MAX);
    let wanted = limits.maximum.unwrap_or(u64::MAX).min(DESCRIPTORS_MAX);
    if current >= wanted {
        return current;
    }
    let raised = Rlimit { current: Some(wanted), maximum: limits.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, current, wanted, "the limit of open files cannot be raised");
            current
        }
    }
}

/// Files that a server needs, and the number of requests that its connections should serve.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// Number of worker threads, those of the operators' listener included.
    pub workers: usize,
    /// Number of files of the store.
    pub store: usize,
    /// Number of connections of the operators' listener.
    pub operators: usize,
    /// True if a webhook is configured.
    pub webhooks: bool,
    /// Number of files of the demo's backend.
    pub demo: usize,
    /// Maximum number of requests in flight.
    pub requests_max: usize,
}

/// Shares of a server's open files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Limit of open files.
    pub limit: u64,
    /// Maximum number of connections of the public listener.
    pub connections: usize,
    /// Maximum number of concurrent webhook calls.
    pub webhook_calls: usize,
    /// Limit that has room for one connection for each request in flight; `None` if the present
    /// limit suffices.
    pub wanted: Option<u64>,
}

/// Error: the limit of open files is too low for the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{limit} open files are too few: at least {needed} are needed. Raise the hard limit: \
     ulimit -Hn in a shell, LimitNOFILE in a unit, ulimits: nofile in a compose file"
)]
pub struct TooFew {
    /// Present limit.
    pub limit: u64,
    /// Lowest limit with which the server starts.
    pub needed: u64,
}

impl Budget {
    /// Divides `limit` open files.
    ///
    /// # Errors
    /// [`TooFew`].
    pub fn of(limit: u64, needs: &Needs) -> Result<Self, TooFew> {
        let fixed = needs.fixed();
        let of_calls = |calls: u64| if needs.webhooks { OF_A_CALL * calls } else { 0 };
        let needed = fixed + of_calls(CALLS_MIN) + CONNECTIONS_MIN;
        if limit < needed {
            return Err(TooFew { limit, needed });
        }
        // Connections have priority over webhook calls above their minimum.
        let spare = CALLS_MIN + (limit - needed) / OF_A_CALL;
        let calls = (limit / FOR_ONE_CALL).clamp(CALLS_MIN, WEBHOOK_CALLS_MAX as u64).min(spare);
        let rest = limit - fixed - of_calls(calls);
        let requests = needs.requests_max as u64;
        let connections = rest.min(CONNECTIONS_MAX.max(requests.saturating_mul(2)));
        let is_short = connections < requests;
        Ok(Self {
            limit,
            connections: usize::try_from(connections).unwrap_or(usize::MAX),
            webhook_calls: usize::try_from(calls).unwrap_or(usize::MAX),
            wanted: is_short.then(|| fixed + of_calls(WEBHOOK_CALLS_MAX as u64) + requests),
        })
    }
}

impl Needs {
    const fn fixed(&self) -> u64 {
        let others = (self.store + self.operators + self.demo) as u64;
        OF_THE_PROCESS + OF_A_WORKER * self.workers as u64 + others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDS: Needs = Needs {
        workers: 3,
        store: 32,
        operators: 64,
        webhooks: true,
        demo: 0,
        requests_max: 25_000,
    };

    /// Returns the number of files that may be open at once.
    fn taken(budget: &Budget, needs: &Needs) -> u64 {
        let calls = if needs.webhooks { OF_A_CALL * budget.webhook_calls as u64 } else { 0 };
        needs.fixed() + calls + budget.connections as u64
    }

    #[test]
    fn nothing_is_given_twice_and_little_is_left_unused() {
        let limits = (0..3000).chain([4096, 20_000, 65_536, DESCRIPTORS_MAX, u64::MAX]);
        for limit in limits {
            for needs in [NEEDS, Needs { webhooks: false, ..NEEDS }, Needs { demo: 64, ..NEEDS }] {
                match Budget::of(limit, &needs) {
                    Ok(budget) => {
                        let taken = taken(&budget, &needs);
                        let is_full = budget.connections as u64 == 2 * needs.requests_max as u64;
                        assert!(taken == limit || is_full && taken < limit, "{limit} {budget:?}");
                        assert!(budget.connections as u64 >= CONNECTIONS_MIN, "{budget:?}");
                    }
                    Err(TooFew { limit: told, needed }) => {
                        assert_eq!(told, limit);
                        assert!(needed > limit, "{needed} of {limit}");
                        Budget::of(needed, &needs).unwrap();
                    }
                }
            }
        }
    }

    #[test]
    fn more_open_files_are_never_room_for_fewer_connections() {
        let connections = |limit| Budget::of(limit, &NEEDS).map_or(0, |budget| budget.connections);
        let all: Vec<_> = (0..70_000).map(connections).collect();
        let falls = all.windows(2).filter(|pair| pair[1] + OF_A_CALL as usize <= pair[0]);
        assert_eq!(falls.count(), 0);
        assert_eq!(all.last(), Some(&50_000));
    }

    #[test]
    fn a_limit_below_the_requests_is_named_with_one_that_is_enough() {
        for limit in [1024, 4096, 20_000] {
            let budget = Budget::of(limit, &NEEDS).unwrap();
            assert!(budget.connections < limit as usize);
            let wanted = budget.wanted.expect("it is short");
            let budget = Budget::of(wanted, &NEEDS).unwrap();
            assert!(budget.wanted.is_none() && budget.connections >= NEEDS.requests_max);
        }
        assert!(Budget::of(65_536, &NEEDS).unwrap().wanted.is_none(), "as in the unit");
    }

    #[test]
    fn a_server_for_few_requests_has_room_for_those_that_it_turns_away() {
        let few = Needs { requests_max: 1, ..NEEDS };
        assert_eq!(Budget::of(65_536, &few).unwrap().connections as u64, CONNECTIONS_MAX);
    }

    #[test]
    fn too_few_say_what_to_do() {
        let told = Budget::of(64, &NEEDS).unwrap_err().to_string();
        assert!(told.starts_with("64 open files are too few: at least 256 are needed"), "{told}");
    }

    #[test]
    fn the_limit_is_raised_to_the_hard_one() {
        let raised = raise();
        let limits = getrlimit(Resource::Nofile);
        assert_eq!(limits.current.unwrap_or(u64::MAX), raised);
        assert!(raised >= limits.maximum.unwrap_or(u64::MAX).min(DESCRIPTORS_MAX));
    }
}
