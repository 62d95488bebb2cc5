//! Test of a person's report when the server is killed before the relying party has acknowledged
//! it.

use countersign_client::{Choice, Enrollment, Http, Prompt, SoftwareKey, StatementDevice};
use countersign_core::outcome::Decision;
use countersign_core::signature::{Algorithm, SignatureFormat};
use countersign_testkit::hook::{Hook, Request};
use serde_json::Value;

use crate::caller::Caller;
use crate::server::{Server, TENANT};

fn event(call: &Request) -> Value {
    serde_json::from_str(&call.body).unwrap()
}

#[tokio::test]
async fn a_report_whose_telling_was_cut_off_by_a_kill_is_told_after_it() {
    let (folder, mut hook) = (tempfile::tempdir().unwrap(), Hook::listen().await);
    let url = hook.url();
    let settings = [
        ("COUNTERSIGN_WEBHOOK_URL", url.as_str()),
        ("COUNTERSIGN_WEBHOOK_ALLOW_HOSTS", "127.0.0.1"),
    ];
    let mut server = Server::start_with(folder.path(), &settings).await;
    let caller = Caller::new(server.url(), None);
    let (http, key) = (Http::new().unwrap(), SoftwareKey::generate(Algorithm::Ed25519));
    let format = SignatureFormat::Raw;
    let device = StatementDevice::new(http, server.url(), TENANT, format, key).unwrap();
    let token = caller.track("alice").await.unwrap().token.into_string();
    device.enroll(&token, &Enrollment { name: None, push_token: None }).await.unwrap();

    hook.answer(200);
    let challenge = caller.challenge(&token).await.unwrap().challenge_id;
    assert_eq!(event(&hook.called().await)["type"], "push.created");
    let pending = device.pending(None).await.unwrap().challenges;
    let prompt = Prompt::try_from(&pending[0]).unwrap();
    let action = prompt.display().action().to_owned();
    let choice = Choice { shown_action: &action, decision: Decision::Report, number: None };
    device.answer(&prompt, &choice).await.unwrap();

    let first = event(&hook.called().await);
    assert_eq!(
        (&first["type"], &first["data"]["challengeId"]),
        (&"push.reported".into(), &challenge.into())
    );
    server.kill();
    let server = Server::start_with(folder.path(), &settings).await;
    // One response is for the call of the killed process, the other for the call of the next
    // process, which follows half a minute after the first.
    hook.answer(200);
    hook.answer(200);
    let again = event(&hook.called().await);
    assert_eq!(again["type"], "push.reported");
    assert_eq!((&again["id"], &again["data"]), (&first["id"], &first["data"]));
    server.assert_log_is_clean();
}
