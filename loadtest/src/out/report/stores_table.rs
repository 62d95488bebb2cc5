//! The table of stores: findings of `capacity` with several stores side by side, for the HTML page
//! and the Markdown.

use super::capacity::{Capacity, Conclusion, Fit, StoreFindings};
use super::model::Report;
use super::table::Table;
use super::{capacity_text, facts, format};

/// Builds the table of all stores, with the highest rate and each cost as rows; `None` if there is
/// only one store.
pub(super) fn table(report: &Report, capacity: &Capacity) -> Option<Table> {
    if capacity.beside.is_empty() {
        return None;
    }
    let all = capacity.by_store(facts::own_store(report));
    let row = |name: &str, cell: &dyn Fn(&StoreFindings) -> String| {
        std::iter::once(name.to_owned()).chain(all.iter().map(cell)).collect()
    };
    let rate = |findings: &StoreFindings| highest_rate(findings.highest_rate, findings.conclusion);
    let mut rows = vec![row("Highest rate", &rate)];
    let mut known: Vec<&Fit> = Vec::new();
    for fit in all.iter().flat_map(|findings| &findings.fits) {
        if !known.iter().any(|other| is_same(other, fit)) {
            known.push(fit);
            rows.push(row(&capacity_text::cost(fit), &|findings| {
                let found = findings.fits.iter().find(|other| is_same(other, fit));
                facts::known(found, capacity_text::of_one_with_error)
            }));
        }
    }
    let caption = "The highest rate and each cost, by store".to_owned();
    Some(Table { caption, heads: row("Cost", &|findings| findings.store.clone()), rows })
}

pub(crate) fn highest_rate(rate: f64, conclusion: Conclusion) -> String {
    let rate = format::rate(rate);
    match conclusion {
        Conclusion::Found => rate,
        Conclusion::Ceiling => format!("{rate} or more"),
        Conclusion::Nothing => "none that was tried".to_owned(),
        Conclusion::GaveUp => format!("{rate}, and not searched to its end"),
    }
}

fn is_same(one: &Fit, other: &Fit) -> bool {
    one.cost == other.cost && one.step == other.step
}
