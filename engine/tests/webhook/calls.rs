//! Tests of webhook calls to servers on loopback: the content of the calls, and the accepted
//! responses.

use std::future::pending;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Behaviour, Server, Untouched, issued, lookup, offered, settings, status};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use countersign_core::id::TenantId;
use countersign_engine::delivery::{
    Calls, Lookup, WEBHOOK_DEADLINE_MS, Webhook, WebhookError, WebhookSettings,
};
use countersign_engine::ports::Delivery;
use countersign_engine::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::time::timeout;

const HEAD: &str = concat!(
    r#"{"version":1,"id":"9d5fdb8a-bf4c-8525-b342-a05ef98a80ef","#,
    r#""source":"https://countersign.example","time":"2025-01-01T00:00:00.123Z","tenantId":"t-1","#,
    r#""type":"push.created","#,
    r#""data":{"challengeId":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","userId":"u-\"1\"","#,
    r#""idempotencyKey":"k-1","actionCode":"signIn""#
);

const SHORT: Duration = Duration::from_millis(50);

fn webhook(server: &Server) -> Webhook {
    Webhook::new(settings(&server.url(), &["127.0.0.1"])).unwrap()
}

async fn deliver(webhook: &Webhook) -> Result<(), String> {
    match webhook.deliver(&issued(None, None), offered()).await {
        Ok(notified) => {
            assert!(notified.is_empty(), "the relying party notifies, not the webhook");
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    }
}

async fn answer_to(behaviour: Behaviour) -> Result<(), String> {
    deliver(&webhook(&Server::start(behaviour).await)).await
}

fn signed(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("1735689600.{body}").as_bytes());
    STANDARD_NO_PAD.encode(mac.finalize().into_bytes())
}

#[tokio::test]
async fn a_created_challenge_is_told_with_exactly_the_fields_of_the_contract() {
    let server = Server::start(status(200)).await;
    let answer =
        webhook(&server).deliver(&issued(Some("Firefox"), Some("2001:db8::1")), offered()).await;
    assert_eq!(answer, Ok(Vec::new()));
    let requests = server.requests();
    let [request] = &*requests else { panic!("one request: {requests:?}") };
    let context = r#","userAgent":"Firefox","ipAddress":"2001:db8::1"}}"#;
    assert_eq!(request.body, format!("{HEAD}{context}"));
    assert_eq!(request.line, "POST /hook?token=hunter2 HTTP/1.1");
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("host"), format!("127.0.0.1:{}", server.port));
    let signature = signed("demo-secret-key", &request.body);
    assert_eq!(request.header("x-signature-v2"), format!("t=1735689600,v2={signature}"));
}

#[tokio::test]
async fn what_is_not_known_of_the_browser_is_left_out() {
    let server = Server::start(status(200)).await;
    deliver(&webhook(&server)).await.unwrap();
    assert_eq!(server.requests()[0].body, format!("{HEAD}}}}}"));
}

#[tokio::test]
async fn every_datum_is_a_string() {
    let server = Server::start(status(200)).await;
    webhook(&server).deliver(&issued(Some("Firefox"), Some("192.0.2.1")), offered()).await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&server.requests()[0].body).unwrap();
    let data = body["data"].as_object().unwrap();
    assert_eq!(data.len(), 6);
    assert!(data.values().all(serde_json::Value::is_string), "{data:?}");
}

#[tokio::test]
async fn each_active_secret_signs_what_was_sent() {
    let server = Server::start(status(200)).await;
    let mut settings = settings(&server.url(), &["127.0.0.1"]);
    settings.secrets =
        ["new-secret-key", "old-secret-key"].map(|s| Secret::parse(s).unwrap()).to_vec();
    deliver(&Webhook::new(settings).unwrap()).await.unwrap();
    let request = &server.requests()[0];
    let [new, old] =
        ["new-secret-key", "old-secret-key"].map(|secret| signed(secret, &request.body));
    assert_eq!(request.header("x-signature-v2"), format!("t=1735689600,v2={new},v2={old}"));
}

#[tokio::test]
async fn any_2xx_is_acceptance_and_nothing_else_is() {
    for accepted in [200, 201, 202, 204, 299] {
        assert_eq!(answer_to(status(accepted)).await, Ok(()), "{accepted}");
    }
    for refused in [300, 304, 400, 401, 404, 410, 429, 500, 502, 503, 599] {
        let reason = format!("the webhook answered with status {refused}");
        assert_eq!(answer_to(status(refused)).await, Err(reason));
    }
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let other = Untouched::listen();
    for code in [301, 302, 303, 307, 308] {
        let location = format!("http://127.0.0.1:{}/", other.port());
        let answer =
            format!("HTTP/1.1 {code} Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let refused = answer_to(Behaviour::Answer(answer)).await;
        assert_eq!(refused, Err(format!("the webhook answered with status {code}")));
    }
    assert!(!other.was_connected_to());
}

#[tokio::test]
async fn what_a_failed_webhook_answers_is_not_shown() {
    let answer = "HTTP/1.1 500 hunter3\r\nX: hunter3\r\nContent-Length: 7\r\n\r\nhunter3";
    let reason = answer_to(Behaviour::Answer(answer.into())).await.unwrap_err();
    assert_eq!(reason, "the webhook answered with status 500");
}

#[tokio::test]
async fn an_endless_body_is_not_read() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\nand so on";
    assert_eq!(answer_to(Behaviour::Answer(answer.into())).await, Ok(()));
}

#[tokio::test]
async fn what_is_not_http_is_a_failure() {
    for answer in
        ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200", "HTTP/9.9 200 OK\r\n\r\n", "\r\n\0\r\n"]
    {
        let server = Server::start(Behaviour::Answer(answer.into())).await;
        assert!(deliver(&webhook(&server).with_deadline(SHORT)).await.is_err(), "{answer:?}");
    }
    let lost = Err("the webhook's connection was lost".to_owned());
    assert_eq!(answer_to(Behaviour::Close).await, lost);
}

async fn assert_left_at_the_deadline(webhook: Webhook) {
    let usual = Duration::from_millis(WEBHOOK_DEADLINE_MS);
    let answer =
        timeout(usual, deliver(&webhook)).await.expect("the deadline is the webhook's own");
    assert_eq!(answer, Err("the webhook did not answer in time".into()));
}

#[tokio::test]
async fn a_server_that_hangs_is_left_at_the_deadline() {
    let server = Server::start(Behaviour::Hang).await;
    assert_left_at_the_deadline(webhook(&server).with_deadline(SHORT)).await;
}

#[tokio::test]
async fn a_tenant_whose_webhook_hangs_has_half_of_all_calls_and_leaves_the_others_alone() {
    let (hanging, quick) = (Server::start(Behaviour::Hang).await, Server::start(status(200)).await);
    let calls = Calls::new(4, 2);
    let of_one = |server: &Server| {
        let settings = settings(&server.url(), &["127.0.0.1"]);
        let settings = WebhookSettings { calls: calls.of_one(), ..settings };
        Webhook::new(settings).unwrap().with_deadline(SHORT * 8)
    };
    let (slow, other) = (of_one(&hanging), of_one(&quick));
    let (first, second, third, of_other) =
        tokio::join!(deliver(&slow), deliver(&slow), deliver(&slow), deliver(&other));
    let timeout = Err("the webhook did not answer in time".to_owned());
    assert_eq!([first, second], [timeout.clone(), timeout]);
    let busy = "too many webhooks are being called: this one had no turn in time";
    assert_eq!(third, Err(busy.to_owned()));
    assert_eq!(of_other, Ok(()));
}

#[tokio::test]
async fn a_look_up_that_hangs_is_left_at_the_deadline() {
    let hanging: Lookup = Arc::new(|_| Box::pin(pending()));
    let webhook = Webhook::with_lookup(settings("https://hook.test/", &[]), hanging).unwrap();
    assert_left_at_the_deadline(webhook.with_deadline(SHORT)).await;
}

#[tokio::test]
async fn a_refused_connection_is_a_failure_that_shows_no_address() {
    let unused = Untouched::listen().port();
    let url = format!("http://hook.test:{unused}/hook?token=hunter2");
    let webhook = Webhook::with_lookup(settings(&url, &["hook.test"]), lookup(&["127.0.0.1"]));
    let reason = deliver(&webhook.unwrap()).await.unwrap_err();
    assert_eq!(reason, "the webhook's host cannot be reached");
}

#[tokio::test]
async fn an_unknown_host_is_a_failure() {
    let webhook = Webhook::with_lookup(settings("https://hook.test/", &[]), lookup(&[]));
    let reason = deliver(&webhook.unwrap()).await.unwrap_err();
    assert_eq!(reason, "the webhook's host name is not known");
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_told_nothing() {
    let server = Server::start(Behaviour::Greet("HTTP/1.1 200 OK\r\n\r\n")).await;
    let url = server.url().replace("http:", "https:");
    let webhook = Webhook::new(settings(&url, &["127.0.0.1"])).unwrap();
    let reason = deliver(&webhook).await.unwrap_err();
    assert_eq!(reason, "no trusted TLS connection to the webhook's host can be made");
}

#[tokio::test]
async fn a_host_allowed_by_name_is_called_wherever_it_is() {
    let server = Server::start(status(200)).await;
    let url = format!("http://Hook.Test.:{}/", server.port);
    let webhook = Webhook::with_lookup(settings(&url, &["hook.test"]), lookup(&["127.0.0.1"]));
    assert_eq!(deliver(&webhook.unwrap()).await, Ok(()));
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Server::start(status(200)).await;
    let webhook = webhook(&server);
    for _ in 0..10 {
        deliver(&webhook).await.unwrap();
    }
    assert_eq!(server.requests().len(), 10);
    assert!(server.connections() < 10, "{} connections", server.connections());
}

#[tokio::test]
async fn a_challenge_of_another_tenant_is_not_told() {
    let server = Server::start(status(200)).await;
    let mut foreign = issued(None, None);
    Arc::make_mut(&mut foreign.challenge).account.tenant = TenantId::parse("t-2").unwrap();
    assert!(webhook(&server).deliver(&foreign, offered()).await.is_err());
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_webhook_that_could_not_be_signed_is_refused() {
    let mut settings = settings("https://hook.test/", &[]);
    settings.secrets.clear();
    assert!(matches!(Webhook::new(settings), Err(WebhookError::NoSecret)));
}

#[tokio::test]
async fn a_call_that_was_lost_on_its_way_is_worth_another_and_a_refusal_is_not() {
    let behaviours = [
        (Behaviour::Close, true),
        (status(502), true),
        (status(503), true),
        (status(504), true),
        (status(500), false),
        (status(501), false),
        (status(505), false),
        (status(429), false),
        (status(400), false),
    ];
    for (behaviour, passing) in behaviours {
        let server = Server::start(behaviour).await;
        let error = webhook(&server).deliver(&issued(None, None), offered()).await.unwrap_err();
        assert_eq!(error.passing, passing, "{error}");
    }
    let nobody = Webhook::new(settings("http://127.0.0.1:1/", &["127.0.0.1"])).unwrap();
    assert!(nobody.deliver(&issued(None, None), offered()).await.unwrap_err().passing);
    let hangs = webhook(&Server::start(Behaviour::Hang).await).with_deadline(Duration::ZERO);
    assert!(!hangs.deliver(&issued(None, None), offered()).await.unwrap_err().passing);
}

#[test]
fn a_webhook_does_not_show_its_url_or_secrets() {
    let webhook = Webhook::new(settings("https://hook.test/hunter2", &[])).unwrap();
    assert_eq!(format!("{webhook:?}"), r#"Webhook { tenant: TenantId(t-1), .. }"#);
}

#[test]
fn a_proxy_named_by_the_environment_is_not_used() {
    // The environment belongs to the whole process, so another test is run in a process with these
    // variables.
    let proxy = Untouched::listen();
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "calls::what_is_not_known_of_the_browser_is_left_out"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    {
        again.env(name, format!("http://127.0.0.1:{}", proxy.port()));
    }
    let output = again.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert!(!proxy.was_connected_to());
}
