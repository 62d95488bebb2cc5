//! Tests of requests from pages of other origins: the CORS headers, and the origins that may call.

use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Call, Device, PUSH, Server, Setup};

const MINE: &str = "https://app.example";
const THEIRS: &str = "http://localhost:5173";
const NOBODYS: &str = "https://evil.example";

/// Starts a server on which tenant `demo` allows only the origin [`MINE`], and tenant `other` only
/// [`THEIRS`].
fn exact() -> Server {
    let setup = Setup::default().set("tenants.0.allowed_origins", MINE);
    setup.set("tenants.1.allowed_origins", THEIRS).start()
}

fn preflight(server: &Server, path: &str, origin: &str) -> Call {
    let call = server.call(Method::OPTIONS, path).header("Origin", origin);
    call.header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "authorization,content-type,prefer")
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

#[tokio::test]
async fn a_preflight_names_methods_and_headers() {
    let server = Server::start();
    for path in ["/client/verify/push", "/client/challenge/push", PUSH, "/nothing"] {
        let answer = preflight(&server, path, NOBODYS).send().await;
        assert_eq!(answer.status, 200);
        assert_eq!(allowed(&answer), Some(NOBODYS), "every origin is allowed by default");
        assert_eq!(answer.header("access-control-allow-methods"), Some("GET, POST, PATCH"));
        let headers = answer.header("access-control-allow-headers");
        assert_eq!(headers, Some("authorization, content-type, prefer"));
        assert_eq!(answer.header("access-control-allow-credentials"), None, "no cookies are used");
        assert_eq!(answer.header("vary"), Some("Origin"));
        answer.ok();
    }
}

#[tokio::test]
async fn a_preflight_allows_what_any_tenant_allows() {
    let server = exact();
    for (origin, expected) in
        [(MINE, Some(MINE)), (THEIRS, Some(THEIRS)), (NOBODYS, None), ("null", None)]
    {
        let answer = preflight(&server, "/client/verify/push", origin).send().await;
        assert_eq!(allowed(&answer), expected, "{origin}");
        let methods = answer.header("access-control-allow-methods");
        assert_eq!(methods.is_some(), expected.is_some());
    }
}

#[tokio::test]
async fn the_request_itself_is_checked_against_its_own_tenant() {
    let server = exact();
    let token = server.token("u-1").await;
    let list = |origin: &str| {
        server.get("/client/user-authenticators").bearer(&token).header("Origin", origin)
    };
    let answer = list(MINE).send().await;
    assert_eq!(allowed(&answer), Some(MINE));
    answer.ok();
    for origin in
        [THEIRS, NOBODYS, "null", "https://app.example.evil.example", "https://APP.example"]
    {
        list(origin).refused(403, "unauthorized").await;
    }
    // Apps and backends send no `Origin` header, and may call.
    server.get("/client/user-authenticators").bearer(&token).ok().await;
    let device = Device::new();
    let call = server.post(PUSH).bearer(&token).json(&device.enrollment());
    call.header("Origin", THEIRS).refused(403, "unauthorized").await;
    let credential = server.get(&format!("{PUSH}?{}", device.query())).tenant();
    credential.header("Origin", THEIRS).refused(403, "unauthorized").await;
}

#[tokio::test]
async fn a_page_may_read_what_it_is_answered() {
    let server = Server::start();
    let token = server.token("u-1").await;
    let read = server.get("/client/user-authenticators").bearer(&token).header("Origin", MINE);
    let refused = server.get("/client/user-authenticators").header("Origin", MINE);
    let missing = server.get("/nothing").header("Origin", MINE);
    let large = server.post("/client/verify/push").bearer(&token).header("Origin", MINE);
    let large = large.header("Content-Type", "application/json").body("x".repeat(16_385));
    for call in [read, refused, missing, large] {
        let answer = call.send().await;
        assert_eq!(allowed(&answer), Some(MINE), "{}", answer.status);
        let exposed = answer.header("access-control-expose-headers");
        assert_eq!(exposed, Some("Date, Preference-Applied, Retry-After"));
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
}

#[tokio::test]
async fn without_an_origin_nothing_is_said_about_origins() {
    let server = Server::start();
    let answer = server.get("/users/u-1").secret().send().await;
    assert_eq!((allowed(&answer), answer.header("vary")), (None, None));
    let body = json!({ "isEnrolled": false });
    assert_eq!(answer.ok()["isEnrolled"], body["isEnrolled"]);
}
