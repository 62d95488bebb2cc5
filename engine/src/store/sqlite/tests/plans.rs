//! Tests of query plans: every look-up has its index.

use super::*;

/// Returns SQLite's query plan for a statement.
fn plan(fixture: &Fixture, sql: &str) -> Vec<String> {
    let connection = connection(fixture);
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    for number in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(number, 1).unwrap();
    }
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get(3).unwrap());
    }
    steps
}

pub(super) fn user_queries() -> impl Iterator<Item = String> {
    let asked = |bit: bool| bit.then(String::new);
    (0..8).map(move |set| {
        users_sql(&UserQuery {
            email: asked(set & 1 != 0),
            phone_number: asked(set & 2 != 0),
            username: asked(set & 4 != 0),
            ..UserQuery::default()
        })
    })
}

#[test]
fn no_statement_scans_a_table() {
    let fixture = fixture();
    for sql in statements() {
        let steps = plan(&fixture, &sql);
        assert!(!steps.iter().any(|s| s.contains("SCAN")), "{sql}: {steps:?}");
    }
    // Checks that a statement without an index would be noticed.
    let steps = plan(&fixture, "SELECT row FROM accounts WHERE row = ?1");
    assert!(steps.iter().any(|s| s.contains("SCAN")), "{steps:?}");
}

#[test]
fn no_read_sorts_what_it_found() {
    let fixture = fixture();
    for sql in statements() {
        let steps = plan(&fixture, &sql);
        assert!(!steps.iter().any(|s| s.contains("TEMP B-TREE")), "{sql}: {steps:?}");
    }
}

/// Each index with the read for which it exists.
#[test]
fn every_index_is_named_with_its_query() {
    let fixture = fixture();
    let one_of = |attribute: fn(&mut UserQuery) -> &mut Option<String>| {
        let mut query = UserQuery::default();
        *attribute(&mut query) = Some(String::new());
        users_sql(&query)
    };
    let queries = [
        ("sqlite_autoindex_accounts_1", ACCOUNT.to_owned()),
        ("accounts_email", one_of(|query| &mut query.email)),
        ("accounts_phone", one_of(|query| &mut query.phone_number)),
        ("accounts_username", one_of(|query| &mut query.username)),
        ("accounts_removed", prune::DROP_HOT.to_owned()),
        ("devices_key", DEVICES_OF_KEY.to_owned()),
        ("hot_due", DUE.to_owned()),
        ("hot_held", HELD.to_owned()),
        ("COVERING INDEX cases_name", cases::OF_ACCOUNT.to_owned()),
        ("INDEX cases_name (account=? AND name=?)", cases::OF_NAME.to_owned()),
        ("tickets_account", FORGET.to_owned()),
        ("tickets_end", tickets::PRUNE.to_owned()),
        ("sqlite_autoindex_events_1", outbox::REMOVE.to_owned()),
        ("events_due", DUE_EVENTS.to_owned()),
    ];
    for (index, sql) in &queries {
        let steps = plan(&fixture, sql);
        assert!(steps.iter().any(|s| s.contains(index)), "{index}: {steps:?}");
    }
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
    let mut statement = connection(&fixture).prepare(sql).unwrap();
    let names = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    for name in names.map(Result::unwrap) {
        assert!(queries.iter().any(|(index, _)| index.contains(&name)), "{name} has no query");
    }
}

#[test]
fn an_attribute_that_is_asked_for_is_found_by_its_index() {
    let fixture = fixture();
    for sql in user_queries().skip(1) {
        let steps = plan(&fixture, &sql);
        let index = |s: &String| s.contains("INDEX accounts_");
        assert!(steps.iter().any(index), "{sql}: {steps:?}");
    }
}
