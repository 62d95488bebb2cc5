//! Sends random JSON in any field of any route. Every response must follow the contract, and none
//! may be a server error.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use crate::bad_bodies::{call, routes};
use crate::support::SignIn;

const CASES: u32 = 200;

/// Generates values for a field, valid or not.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[A-Za-z0-9_-]{32}".prop_map(Value::from),
        "[A-Za-z0-9+/]{0,130}={0,2}".prop_map(Value::from),
        Just(json!("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE")),
        Just(json!("MCowBQYDK2VwAyEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

#[test]
fn no_json_in_any_field_makes_the_server_fail() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let it = runtime.block_on(SignIn::start());
    let routes = routes(&it);
    let fields: Vec<_> = routes
        .iter()
        .flat_map(|route| route.3.as_object().unwrap().keys().map(move |field| (route, field)))
        .collect();
    let some = (any::<prop::sample::Index>(), any_json(), any::<prop::sample::Index>(), any_json());
    let mut runner =
        TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let run = runner.run(&some, |(first, value, second, other)| {
        let (route, field) = first.get(&fields);
        let (who, method, path, good) = route;
        let mut body = good.clone();
        body[field.as_str()] = value;
        // Sometimes a second field of the same body gets a random value too.
        let names: Vec<_> = good.as_object().unwrap().keys().cloned().collect();
        let also = second.get(&names);
        if also != *field {
            body[also.as_str()] = other;
        }
        let answer = runtime.block_on(call(&it, who, method, path).json(&body).send());
        prop_assert!(answer.status < 500, "{} {}: {}", path, body, answer.text);
        answer.in_contract();
        Ok(())
    });
    run.unwrap();
    // The server still works afterwards.
    runtime.block_on(async { it.server.get("/users/u-1").secret().ok().await });
}
