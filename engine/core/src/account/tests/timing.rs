//! Tests of the time that a transition takes.

use super::*;
use crate::device::Device;

/// An account with these times in each place where it has times.
fn accounts(times: &[UnixMillis]) -> Vec<Account> {
    let last = times.last().copied();
    let with = |counters: Counters| {
        let mut account = World::with_devices(1).account;
        account.record.as_mut().unwrap().counters = counters;
        account
    };
    let none = Counters::default;
    let mut used = with(none());
    let device = Device { last_verified_at: last, ..used.devices[0].as_ref().clone() };
    used.devices = vec![device.into()];
    let mut asked = World::with_devices(1);
    asked.open(1, "pay");
    let mut asked = asked.account;
    asked.record.as_mut().unwrap().counters = none();
    asked.open = times
        .iter()
        .map(|at| Challenge { issued_at: *at, ..asked.open[0].as_ref().clone() }.into())
        .collect();
    vec![
        with(Counters { prompts: times.to_vec(), ..none() }),
        with(Counters { unreached: times.to_vec(), ..none() }),
        with(Counters { denied_at: last.unwrap_or_default(), ..none() }),
        with(Counters { number_at: last.unwrap_or_default(), ..none() }),
        with(Counters { reported_at: last, ..none() }),
        used,
        asked,
    ]
}

#[test]
fn a_time_in_the_account_is_taken_if_it_is_at_most_two_seconds_ahead() {
    for (ahead_ms, taken_ms) in [(0, 0), (1, 1), (2_000, 2_000), (2_001, 0), (10_000_000, 0)] {
        for (place, account) in accounts(&[NOW.plus_ms(ahead_ms)]).iter().enumerate() {
            assert_eq!(account.time(NOW), NOW.plus_ms(taken_ms), "{ahead_ms}, place {place}");
        }
    }
}

#[test]
fn a_clock_that_is_ahead_of_the_account_is_taken() {
    for account in accounts(&[NOW.minus_ms(1)]) {
        assert_eq!(account.time(NOW), NOW);
    }
    assert_eq!(World::empty().account.time(NOW), NOW);
}

#[test]
fn a_time_far_ahead_does_not_hide_a_near_one() {
    let (near, far) = (NOW.plus_ms(1_500), NOW.plus_ms(3_600_000));
    for times in [[near, far], [far, near]] {
        let listed = accounts(&times);
        for place in [0, 1, 6] {
            assert_eq!(listed[place].time(NOW), near, "{times:?}, place {place}");
        }
    }
    let mut account = accounts(&[near]).remove(5);
    account.record.as_mut().unwrap().counters.denied_at = far;
    assert_eq!(account.time(NOW), near);
}
