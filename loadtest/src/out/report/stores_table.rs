//! The stores' table: findings of `capacity` with several stores, side by side, for the page and
//! the Markdown alike.

use super::capacity::{Capacity, Conclusion, Fit};
use super::model::Report;
use super::{format, planned};

/// A table: the stores at its head, the highest rate and each cost in its rows.
pub(super) struct Table {
    pub(super) heads: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// The table of all stores; none if there is only one.
pub(super) fn table(report: &Report, capacity: &Capacity) -> Option<Table> {
    if capacity.beside.is_empty() {
        return None;
    }
    let first = (own_store(report), capacity.highest_rate, capacity.conclusion, &capacity.fits);
    let others = capacity.beside.iter();
    let others = others.map(|b| (b.store.as_str(), b.highest_rate, b.conclusion, &b.fits));
    let all: Vec<_> = std::iter::once(first).chain(others).collect();
    let heads = std::iter::once("Cost").chain(all.iter().map(|(store, ..)| *store));
    let of_store = |name: &str, cell: &dyn Fn(f64, Conclusion) -> String| {
        let cells = all.iter().map(|(_, rate, conclusion, _)| cell(*rate, *conclusion));
        std::iter::once(name.to_owned()).chain(cells).collect::<Vec<_>>()
    };
    let mut rows = vec![of_store("Highest rate", &highest_rate)];
    let mut known: Vec<&Fit> = Vec::new();
    for fit in all.iter().flat_map(|(.., fits)| *fits) {
        if !known.iter().any(|other| is_same(other, fit)) {
            known.push(fit);
        }
    }
    for fit in known {
        let of = |fits: &[Fit]| {
            let found = fits.iter().find(|other| is_same(other, fit));
            found.map_or_else(|| "–".to_owned(), planned::of_one_with_error)
        };
        let cells = all.iter().map(|(.., fits)| of(fits));
        rows.push(std::iter::once(planned::cost(fit)).chain(cells).collect());
    }
    Some(Table { heads: heads.map(str::to_owned).collect(), rows })
}

/// The store that was measured first.
pub(super) fn own_store(report: &Report) -> &str {
    report.server.store.as_deref().unwrap_or("the first")
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
