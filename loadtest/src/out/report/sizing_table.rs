//! The sizing table: the resources for a number of users, with each measured store, for the page
//! and the Markdown alike.

use super::capacity::{Assumptions, Capacity, Plan};
use super::format;
use super::model::Report;
use super::stores_table::{Table, own_store};

/// A row before it is known which columns say something: none where nothing was measured.
type Row = Vec<Option<String>>;

/// The heads of a planner's table.
const HEADS: [&str; 10] = [
    "Users",
    "Challenges a day",
    "Peak factor",
    "At the peak",
    "Pending",
    "Cores",
    "Memory",
    "Store writes",
    "Redis memory",
    "Range",
];

/// The resources with one store.
pub(super) struct Takes<'a> {
    /// The store; none where there is only one.
    pub(super) store: Option<&'a str>,
    pub(super) table: Table,
}

impl Takes<'_> {
    /// A title, with the store where there are several.
    pub(super) fn titled(&self, what: &str) -> String {
        self.store.map_or_else(|| what.to_owned(), |store| format!("{what} with {store}"))
    }
}

/// The planner's table of each store. Files from before stores beside the first had a plan have
/// that of the first alone.
pub(super) fn all<'a>(report: &'a Report, capacity: &'a Capacity) -> Vec<Takes<'a>> {
    let several = !capacity.beside.is_empty();
    let first = (own_store(report), &capacity.plan);
    let others = capacity.beside.iter().map(|other| (other.store.as_str(), &other.plan));
    let planned = std::iter::once(first).chain(others).filter(|(_, plan)| !plan.is_empty());
    planned
        .map(|(store, plan)| Takes { store: several.then_some(store), table: table(plan) })
        .collect()
}

/// The rows of a plan, without columns in which nothing at all was measured.
fn table(plan: &[Plan]) -> Table {
    let rows: Vec<Row> = plan.iter().map(row).collect();
    let said: Vec<usize> =
        (0..HEADS.len()).filter(|column| rows.iter().any(|row| row[*column].is_some())).collect();
    let unknown = || "not measured".to_owned();
    let cells = |row: &Row| {
        let cell = |column: &usize| row[*column].clone().unwrap_or_else(unknown);
        said.iter().map(cell).collect()
    };
    Table {
        heads: said.iter().map(|column| HEADS[*column].to_owned()).collect(),
        rows: rows.iter().map(cells).collect(),
    }
}

fn row(plan: &Plan) -> Row {
    let range = if plan.extrapolated { "beyond" } else { "within" };
    vec![
        Some(format::count(plan.users)),
        Some(format::trimmed(&format::number(plan.challenges_per_day))),
        Some(format!("× {}", format::trimmed(&format::number(plan.peak_factor)))),
        Some(format::rate(plan.peak_rate)),
        Some(format::count(plan.pending.ceil() as u64)),
        plan.cores.map(format::count),
        plan.memory_bytes.map(format::bytes),
        plan.writes_per_second.map(format::rate),
        plan.redis_memory_bytes.map(format::bytes),
        Some(range.to_owned()),
    ]
}

/// The assumptions of the plans, in sentences.
pub(super) fn assumptions(report: &Report, capacity: &Capacity) -> Vec<String> {
    let Assumptions {
        human_delay_seconds,
        devices_per_user,
        active_share,
        http2_share,
        headroom,
        retention_days,
        cores_measured: _,
    } = capacity.assumptions;
    let plain = |value: f64| format::trimmed(&format::number(value));
    let mut said = vec![
        "Measured: the trials, and the points that lines were fitted to. Fitted: what one more \
         costs, by least squares. Calculated: the plan."
            .to_owned(),
        format!(
            "People take {} to answer; so long a challenge is pending and a browser parked, {} of \
             them over HTTP/2.",
            format::seconds(human_delay_seconds),
            format::share(http2_share),
        ),
        format!(
            "Each user has {} devices, {} of which are in the server's memory at the peak.",
            plain(devices_per_user),
            format::share(active_share),
        ),
        format!("{} of cores and memory are kept free.", format::share(headroom)),
        format!("Finished lifecycles are kept for {} days.", plain(retention_days)),
    ];
    said.extend(busy(report, capacity));
    let store = if capacity.beside.is_empty() { "" } else { " with the same store" };
    said.push(format!(
        "Range: whether the peak is within the highest rate that was measured to meet the \
         objective on this machine{store}, or beyond it and so extrapolated."
    ));
    said
}

/// Use of the server's cores with each store, which bounds the use in a plan.
fn busy(report: &Report, capacity: &Capacity) -> Option<String> {
    let of = format::cores(capacity.assumptions.cores_measured);
    let used = if capacity.beside.is_empty() {
        format!("{} of its {of}", format::share(capacity.busy_share()?))
    } else {
        let first = (own_store(report), capacity.busy_share());
        let others = capacity.beside.iter();
        let others = others.map(|other| (other.store.as_str(), capacity.busy_share_beside(other)));
        let shares = std::iter::once(first).chain(others);
        let shares = shares.filter_map(|(store, share)| Some((store, format::share(share?))));
        let shares: Vec<_> = shares.map(|(store, share)| format!("{share} with {store}")).collect();
        if shares.is_empty() {
            return None;
        }
        format!("of its {of} {}", shares.join(", "))
    };
    Some(format!(
        "By their costs, at the highest rate the server used {used}; no core of the plan is used \
         more, less what is kept free. That more cores bear more in proportion is taken for \
         granted."
    ))
}
