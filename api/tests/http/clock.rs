//! A clock that was set back while nobody served, as callers see it.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::time::UnixMillis;
use countersign_engine::ports::Clock;
use countersign_engine::system::SystemClock;

use crate::support::{Device, Setup, SignIn};

/// Less than a challenge is open, so that it would be open still.
const BACK: Duration = Duration::from_secs(120);

/// The clock that is fast.
struct Fast;

impl Clock for Fast {
    fn now(&self) -> UnixMillis {
        SystemClock.now().plus_ms(BACK.as_millis().try_into().unwrap())
    }
}

#[tokio::test]
async fn what_was_pending_expires_when_the_clock_was_set_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("test.db").display());
    let setup = || Setup::default().set("store.url", &store);
    let it = SignIn::on(setup().start_at(Arc::new(Fast)), Device::new()).await;
    let SignIn { mut server, device, challenge, token, .. } = it;
    server.tell_to_stop();
    server.ended().await.expect("in order");
    let mut server = setup().start_at(Arc::new(Fast));
    assert_eq!(server.signed_pending(&device).await["challengeId"], *challenge);
    server.tell_to_stop();
    server.ended().await.expect("in order");
    let server = setup().start();
    let seen = server.signed_pending(&device).await;
    assert_eq!(seen["challengeId"], serde_json::Value::Null, "{seen}");
    server.decide(&device, &challenge, true).refused(400, "invalid_request").await;
    assert_eq!(server.outcome(&token, &challenge).await["isVerified"], false);
    // It goes on with the clock that it has.
    let token = server.token("u-1").await;
    let challenge = server.challenge(&token).await;
    server.decide(&device, &challenge, true).ok().await;
    assert_eq!(server.outcome(&token, &challenge).await["isVerified"], true);
}
