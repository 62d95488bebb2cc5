//! The load harness understands the server that it starts.

use std::path::Path;

use countersign_client::Http;
use countersign_loadtest::scenario::lifecycle::Cycle;
use countersign_loadtest::schedule::closed_loop;
use countersign_loadtest::server::Spawned;
use countersign_loadtest::user::{Learn, enroll_many};

#[tokio::test]
async fn the_harness_starts_a_server_and_goes_through_lifecycles_on_it() {
    let binary = Path::new(env!("CARGO_BIN_EXE_countersign"));
    let server = Spawned::start(binary, "memory:", 1).await.unwrap();
    assert!(server.target.operations.as_ref().is_some_and(|url| url.starts_with("http://")));
    for learn in [Learn::Asking, Learn::Waiting] {
        let users = enroll_many(&server.target, &Http::new().unwrap(), 3).await.unwrap();
        let work = users.into_iter().map(|user| Cycle { user, learn });
        let done = closed_loop(work, |times| times < 2).await;
        assert!(done.first_failure.is_none(), "{:?}", done.first_failure);
        assert_eq!(done.completed, 6);
    }
}
