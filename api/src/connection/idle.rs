//! Closing of idle connections when the permits of their listener run short.
//!
//! A connection costs its client nothing. So a crowd of idle ones could keep all other clients out
//! until the timeouts for a head or for the next request. While a listener is under pressure,
//! connections without a request in flight are closed after a short patience. Connections of the
//! address with the most connections are closed first, because the client that makes the crowd
//! should bear the cost. Among these, the longest idle one is first.
//!
//! Each worker checks its own connections at an interval, so that an idle connection needs no
//! timer.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::permits::{Permit, Permits};

/// Rules by which idle connections are closed to make room.
#[derive(Clone, Copy, Debug)]
pub struct GivingWay {
    /// Percentage of its permits above which a listener is under pressure.
    pub above_percent: usize,
    /// Time that a connection may be idle under pressure. If it is zero, a new connection replaces
    /// the longest idle one at once.
    pub patience: Duration,
}

/// Rules of the public listener.
pub const OF_PUBLIC: GivingWay = GivingWay { above_percent: 75, patience: Duration::from_secs(1) };
/// Rules of the operators' listener. It has few permits, so health probes must not wait for one.
pub const OF_OPERATORS: GivingWay = GivingWay { above_percent: 95, patience: Duration::ZERO };
/// Interval between checks for idle connections.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Idleness of one connection. Clones share its state, and none may leave its thread.
#[derive(Clone)]
pub(super) struct Idleness(Rc<State>);

struct State {
    /// Begin of the idle time; `None` while a request is in flight.
    since: Cell<Option<Instant>>,
    /// True if the server asked the connection to close.
    is_asked: Cell<bool>,
    asked: Notify,
}

impl Default for Idleness {
    fn default() -> Self {
        let (since, is_asked) = (Cell::new(Some(Instant::now())), Cell::default());
        Self(Rc::new(State { since, is_asked, asked: Notify::new() }))
    }
}

impl Idleness {
    /// Records that the connection has been idle since then.
    pub(super) fn begin(&self, since: Instant) {
        self.0.since.set(Some(since));
    }

    /// Records that a request is in flight.
    pub(super) fn end(&self) {
        self.0.since.set(None);
    }

    /// Waits until the connection has to close to make room. Poll it after the connection's own
    /// work, so that a request which has arrived keeps the connection open.
    pub(super) async fn gives_way(&self) {
        loop {
            self.0.asked.notified().await;
            if self.0.since.get().is_some() {
                return;
            }
            self.0.is_asked.set(false);
        }
    }

    fn ask(&self) {
        self.0.is_asked.set(true);
        self.0.asked.notify_one();
    }
}

/// Roster of the connections of one worker.
pub(super) struct Roster {
    permits: Arc<Permits>,
    patience: Duration,
    members: RefCell<HashMap<u64, (Option<IpAddr>, Idleness)>>,
    next: Cell<u64>,
}

impl Roster {
    /// Creates an empty roster, and a task that checks it until it is dropped. Call it on the
    /// worker's thread.
    pub(super) fn start(permits: Arc<Permits>, patience: Duration) -> Rc<Self> {
        let (members, next) = (RefCell::default(), Cell::default());
        let roster = Rc::new(Self { permits, patience, members, next });
        rt::spawn(look(Rc::downgrade(&roster)));
        roster
    }

    /// Adds a connection of `peer` to the roster. Dropping the [`Member`] removes the connection.
    pub(super) fn enter(self: &Rc<Self>, permit: Permit, peer: Option<SocketAddr>) -> Member {
        let (number, idleness) = (self.next.get(), Idleness::default());
        self.next.set(number + 1);
        self.members.borrow_mut().insert(number, (peer.map(|peer| peer.ip()), idleness.clone()));
        if self.patience.is_zero() {
            self.relieve(Instant::now());
        }
        Member { roster: self.clone(), number, idleness, _permit: permit }
    }

    /// Asks idle connections to close, as many as this worker's part of the excess above the
    /// pressure limit.
    fn relieve(&self, now: Instant) {
        let members = self.members.borrow();
        let part = self.permits.part_too_many(members.len());
        if part == 0 {
            return;
        }
        let since = |member: &Idleness| member.0.since.get();
        // A connection that got a request after it was asked to close stays open.
        let leaves = |member: &Idleness| member.0.is_asked.get() && since(member).is_some();
        let (asked, others): (Vec<_>, Vec<_>) = members.values().partition(|(_, m)| leaves(m));
        let too_long = |since: Instant| now.duration_since(since) >= self.patience;
        let mut crowds: HashMap<Option<IpAddr>, usize> = HashMap::new();
        members.values().for_each(|(peer, _)| *crowds.entry(*peer).or_default() += 1);
        let mut idle = others;
        idle.retain(|(_, member)| since(member).is_some_and(too_long));
        idle.sort_unstable_by_key(|(peer, member)| (Reverse(crowds[peer]), since(member)));
        idle.truncate(part.saturating_sub(asked.len()));
        idle.iter().for_each(|(_, member)| member.ask());
        self.permits.count_given_way(idle.len());
    }
}

async fn look(roster: Weak<Roster>) {
    let mut interval = interval(LOOK_EVERY);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let Some(roster) = roster.upgrade() else { return };
        roster.relieve(Instant::now());
    }
}

/// A connection on the roster of its worker, with its permit.
pub(super) struct Member {
    roster: Rc<Roster>,
    number: u64,
    idleness: Idleness,
    _permit: Permit,
}

impl Member {
    pub(super) const fn idleness(&self) -> &Idleness {
        &self.idleness
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.roster.members.borrow_mut().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn roster(max: usize) -> Rc<Roster> {
        giving_way(max, OF_PUBLIC)
    }

    fn giving_way(max: usize, way: GivingWay) -> Rc<Roster> {
        let permits = Permits::new("test", max, way.above_percent);
        let patience = way.patience;
        Rc::new(Roster { permits, patience, members: RefCell::default(), next: Cell::default() })
    }

    fn enter(roster: &Rc<Roster>, connections: usize) -> Vec<Member> {
        let permit = || roster.permits.accept().unwrap();
        (0..connections).map(|_| roster.enter(permit(), None)).collect()
    }

    /// Asks members to close as at the moment `at`, and returns the positions of those that do.
    fn left(members: &[Member], at: Instant) -> Vec<usize> {
        if let Some(member) = members.first() {
            member.roster.relieve(at);
        }
        let leaves = |member: &Member| member.idleness.gives_way().now_or_never().is_some();
        (0..members.len()).filter(|n| leaves(&members[*n])).collect()
    }

    fn later() -> Instant {
        Instant::now() + OF_PUBLIC.patience
    }

    #[test]
    fn nobody_leaves_without_pressure() {
        let members = enter(&roster(8), 6);
        assert!(left(&members, later() + OF_PUBLIC.patience * 100).is_empty());
    }

    #[test]
    fn under_pressure_as_many_leave_as_are_too_many_the_longest_idle_first() {
        let members = enter(&roster(8), 8);
        // The first two have been idle for the shortest time.
        members[0].idleness.begin(Instant::now());
        members[1].idleness.begin(Instant::now());
        assert_eq!(left(&members, later()), [2, 3]);
    }

    #[test]
    fn those_of_the_address_that_has_most_leave_first() {
        let roster = roster(8);
        let from = |last: u8| {
            let permit = roster.permits.accept().unwrap();
            roster.enter(permit, Some(SocketAddr::from(([127, 0, 0, last], 1))))
        };
        let members: Vec<_> = [1, 2, 3, 3, 3, 3, 2, 1].map(from).into();
        assert_eq!(left(&members, later()), [2, 3]);
    }

    #[test]
    fn without_patience_who_comes_takes_the_place_of_the_longest_idle() {
        let at_once = GivingWay { patience: Duration::ZERO, ..OF_PUBLIC };
        let members = enter(&giving_way(8, at_once), 8);
        let leaves = |member: &Member| member.idleness.gives_way().now_or_never().is_some();
        let left: Vec<_> = (0..8).filter(|n| leaves(&members[*n])).collect();
        assert_eq!(left, [0, 1]);
    }

    #[test]
    fn nobody_leaves_before_the_patience_is_over_or_with_something_under_way() {
        let members = enter(&roster(4), 4);
        assert!(left(&members, Instant::now()).is_empty());
        members.iter().for_each(|member| member.idleness.end());
        assert!(left(&members, later() + OF_PUBLIC.patience * 100).is_empty());
        members[3].idleness.begin(Instant::now());
        assert_eq!(left(&members, later()), [3]);
    }

    #[test]
    fn a_request_that_comes_meanwhile_keeps_its_connection() {
        let members = enter(&roster(4), 4);
        members[0].roster.relieve(later());
        members.iter().for_each(|member| member.idleness.end());
        assert!(left(&members, later()).is_empty());
        members[2].idleness.begin(Instant::now());
        assert_eq!(left(&members, later()), [2], "and it may be asked again");
    }

    #[test]
    fn who_takes_leave_counts_for_who_is_too_many() {
        let members = enter(&roster(8), 8);
        assert_eq!(left(&members, later()).len(), 2);
        assert!(left(&members, later()).is_empty(), "two are leaving");
    }

    #[test]
    fn who_was_asked_and_stays_busy_does_not_keep_others_from_being_asked() {
        let members = enter(&roster(4), 4);
        members[0].roster.relieve(later());
        let asked = |member: &Member| member.idleness.0.is_asked.get();
        let stays = members.iter().position(asked).unwrap();
        members[stays].idleness.end();
        members[0].roster.relieve(later());
        assert_eq!(members.iter().filter(|member| asked(member)).count(), 2);
    }

    #[test]
    fn who_has_left_is_on_the_roster_no_more() {
        let roster = roster(4);
        let mut members = enter(&roster, 4);
        members.truncate(1);
        assert_eq!(roster.members.borrow().len(), 1);
        assert!(left(&members, later()).is_empty(), "there is room again");
    }
}
