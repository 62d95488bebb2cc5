//! The planner's table: the resources for a number of users, with each measured store, for the HTML
//! page and the Markdown.

use super::capacity::{Assumptions, Capacity, Plan};
use super::facts::own_store;
use super::format;
use super::model::Report;
use super::table::Table;

/// A column of the planner's table: its head, and a function for its cells. The function returns
/// `None` for a value that was not measured.
type Column = (&'static str, fn(&Plan) -> Option<String>);

const COLUMNS: [Column; 11] = [
    ("Users", |plan| Some(format::count(plan.users))),
    ("Challenges a day", |plan| Some(format::plain(plan.challenges_per_day))),
    ("Peak factor", |plan| Some(format!("× {}", format::plain(plan.peak_factor)))),
    ("At the peak", |plan| Some(format::rate(plan.peak_rate))),
    ("Pending", |plan| Some(format::count(plan.pending.ceil() as u64))),
    ("Cores", |plan| plan.cores.map(format::count)),
    ("Memory", |plan| plan.memory_bytes.map(format::bytes)),
    ("Store writes", |plan| plan.writes_per_second.map(format::rate)),
    ("Redis memory", |plan| plan.redis_memory_bytes.map(format::bytes)),
    ("Disk", |plan| plan.disk_bytes.map(format::bytes)),
    ("Range", |plan| Some(if plan.extrapolated { "beyond" } else { "within" }.to_owned())),
];

/// Builds the planner's table of each store. The tables have titles if there are several stores. In
/// a file of an older version, only the first store has a plan.
pub(super) fn all(report: &Report, capacity: &Capacity) -> Vec<(Option<String>, Table)> {
    let several = !capacity.beside.is_empty();
    let stores = capacity.by_store(own_store(report));
    let planned = stores.iter().filter(|found| !found.plan.is_empty());
    planned
        .map(|found| {
            let with = if several { format!(" with {}", found.store) } else { String::new() };
            let title = several.then(|| format!("Plan{with}"));
            (title, table(format!("Resources by number of users{with}"), &found.plan))
        })
        .collect()
}

/// Builds the table of a plan, without columns that have no measured value.
fn table(caption: String, plan: &[Plan]) -> Table {
    let said = COLUMNS.iter().filter(|(_, cell)| plan.iter().any(|row| cell(row).is_some()));
    let unknown = || "not measured".to_owned();
    let row = |plan| said.clone().map(|(_, cell)| cell(plan).unwrap_or_else(unknown)).collect();
    Table {
        caption,
        heads: said.clone().map(|(head, _)| (*head).to_owned()).collect(),
        rows: plan.iter().map(row).collect(),
    }
}

/// Describes the assumptions of the plans, in sentences.
pub(super) fn assumptions(report: &Report, capacity: &Capacity) -> Vec<String> {
    let Assumptions {
        human_delay_seconds,
        devices_per_user,
        active_share,
        http2_share,
        headroom,
        retention_days,
        challenge_retention_days,
        cores_measured: _,
    } = capacity.assumptions;
    let mut said = vec![
        "Measured: the trials, and the points that lines were fitted to. Fitted: the costs, by \
         least squares. Calculated: the plan."
            .to_owned(),
        format!(
            "A person answers after {}. Until then a challenge is pending and a browser waits, {} \
             of them over HTTP/2.",
            format::seconds(human_delay_seconds),
            format::share(http2_share),
        ),
        format!(
            "Each user has {} devices, {} of which are in the server's memory at the peak.",
            format::plain(devices_per_user),
            format::share(active_share),
        ),
        format!("{} of cores, memory and disk are kept free.", format::share(headroom)),
        format!("Finished lifecycles are kept for {}.", days(retention_days)),
    ];
    said.extend(challenge_retention_days.map(|kept| {
        format!(
            "Their challenges are kept for {}. Until then a lifecycle is fresh, and then old.",
            days(kept)
        )
    }));
    said.extend(busy(report, capacity));
    let store = if capacity.beside.is_empty() { "" } else { " with the same store" };
    said.push(format!(
        "Range: a peak is within the highest rate that met the objective on this \
         machine{store}, or beyond it and extrapolated."
    ));
    said
}

fn days(count: f64) -> String {
    format!("{} {}", format::plain(count), if count == 1.0 { "day" } else { "days" })
}

/// Describes the use of the server's cores with each store at its highest rate, because a plan uses
/// its cores no more than that. Returns `None` if no share is known.
fn busy(report: &Report, capacity: &Capacity) -> Option<String> {
    let of = format::cores(capacity.assumptions.cores_measured);
    let shares = capacity.by_store(own_store(report)).into_iter().filter_map(|found| {
        let share = format::share(capacity.busy_share_of(&found)?);
        Some((share, found.store))
    });
    let shares: Vec<_> = shares.collect();
    let used = match &shares[..] {
        [] => return None,
        [(share, _)] if capacity.beside.is_empty() => format!("{share} of its {of}"),
        all => {
            let all: Vec<_> =
                all.iter().map(|(share, with)| format!("{share} with {with}")).collect();
            format!("of its {of} {}", all.join(", "))
        }
    };
    Some(format!(
        "By their costs, at the highest rate the server used {used}. No core of the plan is used \
         more, less the reserve. The plan assumes that throughput grows in proportion to the \
         cores."
    ))
}
