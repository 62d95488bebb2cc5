//! Conditions under which two reports are comparable.

use serde_json::{Map, Value};

use crate::out::report::capacity_text;
use crate::out::report::facts;
use crate::out::report::model::Report;

/// Lists the reasons why two reports cannot be compared; empty if they can.
pub(super) fn of_other_things(a: &Report, b: &Report) -> Vec<String> {
    if a.scenario != b.scenario {
        return vec![format!("the scenarios are `{}` and `{}`", a.scenario, b.scenario)];
    }
    let mut found = of_maps(&a.settings, &b.settings);
    if let (Some(a), Some(b)) = (&a.capacity, &b.capacity)
        && a.objective != b.objective
    {
        let [a, b] = [a, b].map(|found| capacity_text::objective(&found.objective));
        found.push(format!("the objectives are {a}, and {b}"));
    }
    found
}

/// Lists the circumstances in which the reports differ, such as the machine. They do not forbid the
/// comparison, because one of them may be its subject.
pub(super) fn circumstances(a: &Report, b: &Report) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |what: &str, one: String, other: String| {
        if one != other {
            found.push(format!("{what}: {one} and {other}"));
        }
    };
    differ("the machines", facts::machine(a), facts::machine(b));
    let known = |store: &Option<String>| store.clone().unwrap_or_else(|| "unknown".to_owned());
    differ("the stores", known(&a.server.store), known(&b.server.store));
    let workers = |count: Option<usize>| count.map_or("unknown".to_owned(), |n| n.to_string());
    differ("the server's workers", workers(a.server.workers), workers(b.server.workers));
    let cores = facts::pinned;
    differ("the server's cores", cores(&a.server.cores), cores(&b.server.cores));
    differ("the harness's cores", cores(&a.server.client_cores), cores(&b.server.client_cores));
    found
}

fn of_maps(a: &Map<String, Value>, b: &Map<String, Value>) -> Vec<String> {
    let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
    let value = |map: &Map<String, Value>, name: &String| {
        map.get(name).map_or_else(|| "not set".to_owned(), facts::plain)
    };
    let differing = names.filter(|name| a.get(*name) != b.get(*name));
    differing
        .map(|name| {
            format!("`{name}` is {} in one and {} in the other", value(a, name), value(b, name))
        })
        .collect()
}
