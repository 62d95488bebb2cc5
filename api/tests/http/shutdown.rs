//! Tests of the server's shutdown. The server answers parked polls, keeps every record, and exits.

use tokio::time::timeout;

use crate::long_poll::{SOON, park, told};
use crate::support::{Device, Server, Setup, SignIn};

#[tokio::test]
async fn parked_polls_are_answered_pending_and_the_server_exits() {
    let mut it = SignIn::start().await;
    let idle = Device::new();
    it.server.enroll("u-2", &idle).await;
    let (_, browsers) = park(4, || it.server.verify(&it.token, &it.challenge)).await;
    let (_, phones) = park(2, || it.server.pending(&idle)).await;
    it.server.tell_to_stop();
    for answer in told(browsers).await {
        let body = answer.ok();
        assert!(body.get("outcome").is_none(), "{body}");
        assert_eq!(body["isConsumed"], false);
    }
    for answer in told(phones).await {
        assert!(answer.ok().get("challengeId").is_none());
    }
    let ended = timeout(SOON, it.server.ended()).await.expect("it exits");
    ended.expect("in order");
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("test.db").display());
    let start = || Setup::default().set("store.url", &store).start();
    let mut it = SignIn::on(start(), Device::new()).await;
    it.decide(true).await;
    it.server.tell_to_stop();
    let SignIn { server, device, token, challenge, authenticator } = it;
    server.ended().await.expect("in order");
    let again: Server = start();
    // The store keeps the key with which the token was made.
    assert_eq!(again.outcome(&token, &challenge).await["outcome"], "approved");
    assert_eq!(again.validate(&token).ok().await["isValid"], true);
    assert_eq!(again.pending(&device).ok().await["userAuthenticatorId"], *authenticator);
    // The device has not received the response, and repeats its answer.
    again.decide(&device, &challenge, true).ok().await;
    again.decide(&device, &challenge, false).refused(400, "invalid_request").await;
}
