//! Sample reports for the tests: a run with known numbers, which uses every field of a report.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod planned;

use countersign_loadtest::out::report::model::{
    FORMAT, Failures, Machine, Point, Report, Server, ServerPoint, Step, Totals,
};
use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

/// Length of the run, in seconds.
const SECONDS: u64 = 40;

/// Builds a histogram of `count` times from `low` to `high`, in microseconds. Short times are
/// frequent and long ones rare, as with real servers.
pub(crate) fn times(count: u64, low: u64, high: u64) -> Histogram<u64> {
    let mut times = Histogram::new_with_bounds(1, 60_000_000, 3).expect("such bounds are taken");
    for n in 0..count {
        let part = (n as f64 + 0.5) / count as f64;
        // The time grows by the same factor with each further nine of the quantile, up to `high`.
        let us = low as f64 * (1.0 - part).powf(-0.45);
        times.saturating_record((us as u64).min(high));
    }
    times
}

pub(crate) fn step(name: &str, about: &str, times: Histogram<u64>) -> Step {
    Step { name: name.to_owned(), about: about.to_owned(), times }
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("not an object") };
    map
}

/// Returns a number from 0 to 1 that looks random, and that is the same for the same `n`
/// (`SplitMix64`).
pub(crate) fn wobble(n: u64) -> f64 {
    let mut z = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Builds the report of a lifecycle run in which the server stalled for a moment, was overloaded
/// for a while, and sent hostile text.
pub(crate) fn sample() -> Report {
    let offered: u64 = (1..=SECONDS).map(|at| point(at).offered as u64).sum();
    Report {
        format: FORMAT,
        scenario: "lifecycle".to_owned(),
        command: "countersign-loadtest lifecycle --spawn target/release/countersign --rate 200 \
                  --shape constant --time 40s --human 500ms --workers 1"
            .to_owned(),
        started_at: "2026-11-24T22:55:00Z".to_owned(),
        took_seconds: SECONDS as f64,
        cut_short: None,
        machine: Machine {
            cpu: "AMD EPYC 7B13".to_owned(),
            cores: 2,
            memory_bytes: 24 << 30,
            kernel: "Linux 6.1.0".to_owned(),
        },
        server: Server {
            url: "http://127.0.0.1:8080/v1".to_owned(),
            spawned: true,
            store: Some("memory:".to_owned()),
            workers: Some(1),
            cores: vec![0],
            client_cores: vec![1],
        },
        settings: object(json!({
            "rate": 200, "shape": "constant", "time": 40.0, "human": "500ms", "users": null,
            "mix": "approve=90,deny=8,ignore=2",
        })),
        totals: Totals {
            offered,
            begun: offered,
            late: 12,
            late_max_us: 2_300,
            completed: offered - 57,
            failed: 7,
            refused: 50,
            server_cpu_seconds: Some(13.6),
            client_cpu_seconds: 17.1,
        },
        steps: steps(offered - 57),
        series: (1..=SECONDS).map(point).collect(),
        errors: errors(),
        figures: object(json!({ "approved": 7_200, "share of late decisions": 0.0042 })),
        capacity: None,
    }
}

fn steps(completed: u64) -> Vec<Step> {
    vec![
        step("track", "the relying party tracks an action", times(completed, 350, 60_000)),
        step("challenge", "the browser asks for a challenge", times(completed, 520, 80_000)),
        step("read", "the phone reads what waits for it", times(completed, 610, 70_000)),
        step("decide", "the phone sends its decision", times(completed, 700, 90_000)),
        step("outcome", "the browser learns of the outcome", times(completed, 240, 95_000)),
        step("validate", "the relying party validates", times(completed / 20, 290, 30_000)),
        step("lifecycle", "all of it, without the person", times(completed, 2_900, 180_000)),
    ]
}

fn point(at: u64) -> Point {
    let stalled = at == 17;
    let offered = if (24..=30).contains(&at) { 400.0 } else { 200.0 };
    let refused = if (25..=29).contains(&at) { 10.0 } else { 0.0 };
    let noise = wobble(at);
    Point {
        at_seconds: at as f64,
        offered,
        completed: if stalled { 0.0 } else { offered - refused },
        failed: if stalled { 7.0 } else { 0.0 },
        refused,
        in_flight: if stalled { 310 } else { (offered * 0.55 + 8.0 * noise) as u64 },
        p50_us: (!stalled).then_some(3_400 + (900.0 * noise) as u64),
        p99_us: (!stalled).then_some(if at == 18 {
            180_000
        } else {
            21_000 + (9_000.0 * noise) as u64
        }),
        client_cores: 0.3 + 0.2 * noise + offered / 2_000.0,
        client_rss_bytes: Some((26 << 20) + at * 90_000),
        server: Some(ServerPoint {
            cores: Some(if stalled { 0.02 } else { offered / 620.0 + 0.04 * noise }),
            rss_bytes: Some((38 << 20) + at * 160_000),
            descriptors: Some(240 + (20.0 * noise) as u64),
            actors: Some(900 + at * 14),
            waiters: Some((offered * 0.5) as u64),
            batch_units: Some(1.0 + offered / 400.0 + noise / 4.0),
            commits: Some(at * 800),
        }),
    }
}

fn errors() -> Vec<Failures> {
    let failures = |step: &str, kind: &str, count, refusal, first: &str| Failures {
        step: step.to_owned(),
        kind: kind.to_owned(),
        count,
        refusal,
        first: first.to_owned(),
    };
    vec![
        failures("track", "503 temporarily_unavailable", 50, true, "too many requests in flight"),
        failures("outcome", "timeout", 4, false, "no answer within 10 s"),
        failures("decide", "connection reset", 2, false, "reset by peer (os error 104)"),
        failures(
            "read",
            "answer <script>alert(1)</script>",
            1,
            false,
            "not JSON: <script>alert(\"first\")</script><img src=x onerror=alert(2)> & more",
        ),
    ]
}
