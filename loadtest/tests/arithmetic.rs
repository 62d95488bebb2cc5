//! The harness's measured times, compared with a server whose delays are known.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fake;
mod support;

use std::time::Duration;

use countersign_client::wire::track::TrackRequest;
use countersign_client::{Connecting, Http, RelyingParty};
use countersign_loadtest::out::report::model::Report;
use fake::{Fake, Manner, SECRET};
use support::{against, report, said};

const MS: Duration = Duration::from_millis(1);

/// Starts a server that takes 2 ms for every response. After `after` tracked actions it stalls once
/// for a second.
fn stalling(after: u64) -> Fake {
    Fake::start(Manner { delay: 2 * MS, stall: Some((after, 1000 * MS)), ..Manner::default() })
}

fn measured(fake: &Fake, arguments: &str) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let mut command = against(fake, arguments);
    let output = command.args(["--phones", "android", "--json"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    report(&file)
}

/// Returns a quantile of a step, in milliseconds.
fn ms(report: &Report, step: &str, quantile: f64) -> f64 {
    let step = report.steps.iter().find(|s| s.name == step).unwrap();
    step.times.value_at_quantile(quantile) as f64 / 1000.0
}

#[test]
fn an_open_loop_shows_a_stall_to_everyone_who_was_meant_to_come_in_it() {
    // 300 lifecycles are due within 6 s, and 50 of them during the stall of 1 s. These wait between
    // 1 s and 0 s, so a tenth of all waits 0.4 s or more. A busy machine can only make more of them
    // slow. The server has tracked 81 actions before: one for the probe, and 80 for enrollments.
    let fake = stalling(80 + 1 + 100);
    let arguments = "lifecycle --rate 50 --shape constant --time 6s --warm-up 0s --users 80";
    let report = measured(&fake, arguments);
    let totals = &report.totals;
    assert_eq!((totals.offered, totals.begun, totals.completed), (300, 300, 300));
    assert!(ms(&report, "lifecycle", 0.9) >= 350.0, "{}", ms(&report, "lifecycle", 0.9));
    assert!(ms(&report, "lifecycle", 0.99) >= 800.0, "{}", ms(&report, "lifecycle", 0.99));
    // The first request of each lifecycle is late as well, and its time counts from the scheduled
    // start, too.
    assert!(ms(&report, "track", 0.99) >= 800.0, "{}", ms(&report, "track", 0.99));
    // A lifecycle needs seven responses of 2 ms each. Two of them overlap: the poll, and the
    // phone's requests.
    assert!(ms(&report, "lifecycle", 0.01) >= 10.0, "{}", ms(&report, "lifecycle", 0.01));
    let offered: f64 = report.series.iter().map(|point| point.offered).sum();
    assert!((offered / report.series.len() as f64 - 50.0).abs() < 15.0, "{offered}");
}

#[test]
fn arrivals_that_wait_for_a_free_user_wait_from_when_they_were_meant_to_come() {
    // There are four users only. In the stall all of them are busy, so that new arrivals are late.
    let fake = stalling(4 + 1 + 50);
    let report =
        measured(&fake, "lifecycle --rate 25 --shape constant --time 4s --warm-up 0s --users 4");
    assert_eq!((report.totals.offered, report.totals.completed), (100, 100));
    assert!(report.totals.late >= 15, "{}", report.totals.late);
    assert!(report.totals.late_max_us >= 700_000, "{}", report.totals.late_max_us);
    assert!(ms(&report, "lifecycle", 0.95) >= 700.0, "{}", ms(&report, "lifecycle", 0.95));
}

#[test]
fn a_closed_loop_shows_the_same_stall_to_one_alone() {
    let fake = stalling(1 + 1 + 30);
    let report = measured(&fake, "lifecycle --closed 1 --time 5s");
    let slow = &report.steps.iter().find(|step| step.name == "lifecycle").unwrap().times;
    // A closed loop has no further arrivals during the stall, so only one lifecycle is slow.
    let of_stall = slow.iter_recorded().filter(|at| at.value_iterated_to() >= 900_000);
    assert_eq!(of_stall.map(|at| at.count_at_value()).sum::<u64>(), 1);
    assert!(ms(&report, "lifecycle", 0.9) < 350.0, "{}", ms(&report, "lifecycle", 0.9));
}

#[test]
fn refusals_are_told_from_failures() {
    let manner = Manner { delay: MS, full_after: Some(20 + 1 + 30), ..Manner::default() };
    let fake = Fake::start(manner);
    let report =
        measured(&fake, "lifecycle --rate 50 --shape constant --time 2s --warm-up 0s --users 20");
    let totals = &report.totals;
    assert_eq!((totals.completed, totals.refused, totals.failed), (30, 70, 0));
    let kind = &report.errors[0];
    assert_eq!(
        (kind.kind.as_str(), kind.count, kind.refusal),
        ("503 temporarily_unavailable", 70, true)
    );
    assert_eq!(kind.step, "track");
}

#[test]
fn http2_goes_over_as_many_connections_as_its_streams_ask_for() {
    let fake = Fake::start(Manner { delay: MS, ..Manner::default() });
    // At most 2 × 20 requests are sent at the same time, with ten on each connection.
    let report = measured(
        &fake,
        "lifecycle --http 2 --streams 10 --rate 50 --time 1s --warm-up 0s --users 20",
    );
    assert_eq!(report.totals.completed, report.totals.offered);
    let (connections, requests) = fake.seen();
    assert!(connections <= 4, "{connections}");
    assert!(requests >= 7 * report.totals.completed, "{requests}");
}

#[test]
fn connections_can_come_from_any_address_of_this_machine() {
    let fake = Fake::start(Manner::default());
    let from: std::net::IpAddr = "127.0.0.7".parse().unwrap();
    let http = Http::with(Connecting { from: Some(from), ..Connecting::default() }).unwrap();
    let backend = RelyingParty::new(http, &fake.url(), SECRET).unwrap();
    let request = TrackRequest::default();
    let tracked = backend.track("user", "signIn", &request);
    tokio::runtime::Runtime::new().unwrap().block_on(tracked).unwrap();
    assert_eq!(fake.peers().into_iter().collect::<Vec<_>>(), [from]);
}
