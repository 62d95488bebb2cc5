//! Test that the load harness starts a server and runs lifecycles on it.

use std::path::Path;
use std::sync::Arc;

use countersign_loadtest::client::connections::{Connections, Protocol};
use countersign_loadtest::client::people::{PhoneKind, UserFactory};
use countersign_loadtest::out::report::step;
use countersign_loadtest::run::drive::closed_loop;
use countersign_loadtest::run::stop::Stop;
use countersign_loadtest::run::tally::Tally;
use countersign_loadtest::scenario::lifecycle::{Cycle, Learn};
use countersign_loadtest::server::{SpawnSettings, Spawned};

#[tokio::test]
async fn the_harness_starts_a_server_and_goes_through_lifecycles_on_it() {
    let binary = Path::new(env!("CARGO_BIN_EXE_countersign"));
    let settings =
        SpawnSettings { store: "memory:".to_owned(), workers: 1, ..SpawnSettings::default() };
    let server = Spawned::start(binary, &settings).await.unwrap();
    assert!(server.target.operations.as_ref().is_some_and(|url| url.starts_with("http://")));
    let connections = Connections::new(Protocol { http2: false, streams: 1 }, 6, true).unwrap();
    let phone_kinds = vec![PhoneKind::Android, PhoneKind::Ios, PhoneKind::Statement];
    let factory = UserFactory { target: server.target.clone(), connections, phone_kinds };
    factory.target.probe(factory.connections.of(0)).await.unwrap();
    for learn in [Learn::Asking, Learn::Waiting] {
        let users = factory.enroll(3, || ()).await.unwrap();
        let work = users.into_iter().map(|user| Cycle::approving(user, learn));
        let tally = Arc::new(Tally::new(step::WHOLE));
        closed_loop(work, |times| times < 2, &tally, &Stop::default()).await;
        assert_eq!(tally.totals().completed, 6, "{:?}", tally.errors());
    }
    server.stop().await.unwrap();
}
