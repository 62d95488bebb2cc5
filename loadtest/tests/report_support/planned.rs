//! Sample `capacity` reports: a search with a hiccup, and costs that were measured with noise.

use countersign_loadtest::capacity::fit::{self, Mixture};
use countersign_loadtest::capacity::plan::USUAL;
use countersign_loadtest::capacity::search::{Next, Search, SearchSettings};
use countersign_loadtest::out::report::capacity::{
    Assumptions, Capacity, Cost, Fit, Objective, Plan, StoreFindings, Trial,
};
use countersign_loadtest::out::report::model::Report;

use crate::report_support::{sample, wobble};

pub(crate) const OBJECTIVE: Objective =
    Objective { quantile: 0.99, latency_us: 50_000, errors_share: 0.000_1 };

/// Simulates a trial of a server whose latency grows like that of a queue, up to 900 lifecycles per
/// second.
fn tried(rate: f64, number: u64) -> Trial {
    let busy = (rate / 900.0).min(0.999);
    // Something else on the machine disturbs the third trial.
    let hiccup = if number == 2 { 30.0 } else { 1.0 };
    let us = 4_000.0 / (1.0 - busy) * hiccup * (1.0 + 0.1 * wobble(number));
    let us = us.min(60e6);
    let mut trial = Trial {
        rate,
        completed_rate: rate.min(880.0),
        latency_us: Some(us as u64),
        errors_share: 0.0,
        samples: (rate * 10.0) as u64,
        server_cores: Some(0.02 + busy * 0.95),
        client_share: 0.2 + busy * 0.4,
        late_share: 0.001,
        met: false,
    };
    trial.met = OBJECTIVE.is_met_by(&trial);
    trial
}

fn line(cost: Cost, empty: f64, each: f64, most: f64, seed: u64) -> Fit {
    let point = |n: u64| {
        let x = most * n as f64 / 5.0;
        (x, empty + each * x * (1.0 + 0.06 * (wobble(seed + n) - 0.5)))
    };
    fit::line(cost, &(1..=5).map(point).collect::<Vec<_>>()).expect("five points make a line")
}

fn fits() -> Vec<Fit> {
    let mib = 1024.0 * 1024.0;
    let mut fits = vec![
        line(Cost::CpuPerLifecycle, 0.02, 0.001_06, 800.0, 1),
        line(Cost::BytesPerChallenge, 31.0 * mib, 2_760.0, 20_000.0, 2),
        line(Cost::BytesPerWaiterHttp1, 31.0 * mib, 19_400.0, 8_000.0, 3),
        line(Cost::BytesPerWaiterHttp2, 31.0 * mib, 4_900.0, 8_000.0, 4),
        line(Cost::BytesPerDevice, 31.0 * mib, 1_350.0, 50_000.0, 5),
        line(Cost::WritesPerLifecycle, 0.0, 5.0, 20_000.0, 6),
    ];
    let rates = |n: u64| [1, 2, 3].map(|step| 50.0 + 300.0 * wobble(90 + n * step)).to_vec();
    let mixture = |n: u64| {
        let rates = rates(n);
        let costs = [0.000_14, 0.000_21, 0.000_38];
        let cores: f64 = rates.iter().zip(costs).map(|(rate, cost)| rate * cost).sum();
        Mixture { rates, cores: 0.02 + cores * (1.0 + 0.02 * wobble(n)) }
    };
    let mixtures: Vec<_> = (1..=9).map(mixture).collect();
    fits.extend(fit::steps(&["track", "challenge", "decide"], &mixtures).expect("they differ"));
    fits
}

/// Builds a report of the search, whose run at the highest rate is that of [`sample`].
pub(crate) fn planned() -> Report {
    let mut search = Search::new(SearchSettings::default());
    while let Next::Try(rate) = search.next() {
        search.record(tried(rate, search.trials().len() as u64));
    }
    let capacity = Capacity::new(OBJECTIVE, &search, fits(), Assumptions::default(), &USUAL);
    Report {
        scenario: "capacity".to_owned(),
        command: "countersign-loadtest capacity --spawn target/release/countersign --slo p99=50ms \
                  --errors 0.01%"
            .to_owned(),
        capacity: Some(capacity),
        ..sample()
    }
}

/// Builds a report with two more stores at lower rates: `sqlite` at half of the highest rate, and a
/// Redis at a quarter.
pub(crate) fn planned_beside() -> Report {
    let mut report = planned();
    let first = report.capacity.as_mut().expect("it was searched");
    first.fits.retain(|fit| fit.cost != Cost::WritesPerLifecycle);
    first.plan = replanned(first);
    let bearing = |part: f64| {
        let mut other = first.clone();
        other.highest_rate *= part;
        other.fits.push(line(Cost::WritesPerLifecycle, 0.0, 3.0, 20_000.0, 6));
        other
    };
    let mut sqlite = bearing(0.5);
    sqlite.fits.push(line(Cost::DiskBytesPerDevice, 1e5, 420.0, 20_000.0, 7));
    sqlite.fits.push(line(Cost::DiskBytesPerLifecycle, 1e5, 1_200.0, 20_000.0, 8));
    sqlite.fits.push(line(Cost::DiskBytesPerOldLifecycle, 1e5, 470.0, 20_000.0, 9));
    sqlite.plan = replanned(&sqlite);
    let mut redis = bearing(0.25);
    redis.fits.push(line(Cost::RedisBytesPerDevice, 1e6, 3_100.0, 20_000.0, 7));
    redis.fits.push(line(Cost::RedisBytesPerLifecycle, 1e6, 2_700.0, 20_000.0, 8));
    redis.fits.push(line(Cost::RedisBytesPerOldLifecycle, 1e6, 1_150.0, 20_000.0, 9));
    redis.plan = replanned(&redis);
    first.beside = vec![
        StoreFindings::new("sqlite".to_owned(), sqlite),
        StoreFindings::new("redis://127.0.0.1:6379/0".to_owned(), redis),
    ];
    report
}

fn replanned(capacity: &Capacity) -> Vec<Plan> {
    USUAL.iter().map(|demand| capacity.plan_for(demand)).collect()
}
