//! Tests of properties that every route has: HEAD beside GET, the methods that a refusal lists,
//! empty path segments, and the response to a caller without a secret.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::routing::UNSUPPORTED;
use crate::support::{Answer, Call, Connection, Device, PUSH, SECRET, Server, Setup, SignIn};

/// The text that the test suites of the official SDKs compare.
const UNAUTHORIZED: &str = "The request is unauthorized. Check that your API key and region base \
                            URL are correctly configured.";

/// Every route, served under `/v1` and under `/`, with the methods that a refusal lists in `Allow`.
const API: [(&str, &str); 29] = [
    ("/users/u-1/actions/signIn", "POST"),
    ("/users/u-1/actions/signIn/k-1", "GET, HEAD, PATCH"),
    ("/users/u-1/actions", "GET, HEAD"),
    ("/validate", "POST"),
    ("/users/u-1/authenticators", "GET, HEAD, POST"),
    ("/users/u-1/authenticators/a-1", "DELETE"),
    ("/users/u-1", "DELETE, GET, HEAD, PATCH, POST"),
    ("/users", "GET, HEAD"),
    ("/client/challenge/push", "POST"),
    ("/client/verify/push", "POST"),
    ("/client/cancel/push", "POST"),
    ("/client/wait/push", "POST"),
    ("/client/user-authenticators", "GET, HEAD"),
    ("/client/user-authenticators/remove", "POST"),
    ("/client/challenge", "POST"),
    ("/client/user-authenticators/push", "GET, HEAD, PATCH, POST"),
    ("/client/user-authenticators/push/challenge", "GET, HEAD, POST"),
    ("/client/user-authenticators/push/challenge/sign", "POST"),
    ("/client/user-authenticators/push/session", "POST"),
    ("/client/user-authenticators/push/session/nonce", "POST"),
    ("/client/user-authenticators/push/sign", "POST"),
    ("/client/user-authenticators/push/remove", "POST"),
    ("/client/user-authenticators/device", "GET, HEAD, PATCH, POST"),
    ("/client/user-authenticators/device/challenge", "GET, HEAD, POST"),
    ("/client/user-authenticators/device/challenge/sign", "POST"),
    ("/client/user-authenticators/device/session", "POST"),
    ("/client/user-authenticators/device/session/nonce", "POST"),
    ("/client/user-authenticators/device/sign", "POST"),
    ("/client/user-authenticators/device/remove", "POST"),
];

/// Routes for browsers, served under `/` only.
const PAGES: [(&str, &str); 8] = [
    ("/", "GET, HEAD"),
    ("/ui", "GET, HEAD"),
    ("/phone", "GET, HEAD"),
    ("/demo", "GET, HEAD"),
    ("/demo/backend/pay", "POST"),
    ("/brand/demo", "GET, HEAD"),
    ("/sdk/countersign.js", "GET, HEAD"),
    ("/phone/", "GET, HEAD"),
];

const OPERATORS: [(&str, &str); 6] = [
    ("/metrics", "GET, HEAD"),
    ("/health/live", "GET, HEAD"),
    ("/health/ready", "GET, HEAD"),
    ("/operator/accounts/demo/u-1", "GET, HEAD"),
    ("/operator/accounts/demo/u-1/release-hold", "POST"),
    ("/operator/accounts/demo/u-1/devices/d-1", "DELETE"),
];

fn purge() -> Method {
    Method::from_bytes(b"PURGE").unwrap()
}

fn is_server_api(path: &str) -> bool {
    !path.starts_with("/client") && path != "/ws-v1-challenge"
}

/// Checks that the response refuses the method, and lists the route's methods in `Allow`.
fn names(answer: &Answer, allow: &str, path: &str) {
    answer.refused(405, "invalid_request");
    assert_eq!(answer.header("allow"), Some(allow), "{path}");
}

#[tokio::test]
async fn a_refused_method_names_those_that_there_are() {
    let server = Server::start();
    for method in [purge(), Method::OPTIONS, Method::PUT] {
        for (path, allow) in API {
            for mount in ["/v1", ""] {
                let call = server.call_at(method.clone(), &format!("{mount}{path}")).secret();
                names(&call.send().await, allow, path);
            }
        }
        for (path, allow) in PAGES {
            names(&server.call_at(method.clone(), path).send().await, allow, path);
        }
        for (path, allow) in OPERATORS {
            names(&server.operator_call(method.clone(), path).send().await, allow, path);
        }
    }
}

#[tokio::test]
async fn one_empty_segment_leads_to_the_same_route() {
    let server = Server::start();
    for (path, allow) in API {
        for spelling in [
            format!("/v1/{path}"),
            format!("/v1{path}/"),
            format!("/v1/{path}/"),
            format!("/{path}"),
            format!("{path}/"),
        ] {
            let call = server.call_at(purge(), &spelling).secret();
            names(&call.send().await, allow, &spelling);
        }
        // Two slashes at the end are not accepted, nor an empty segment in the middle.
        for spelling in [format!("/v1//{path}"), format!("/v1{path}//")] {
            let answer = server.call_at(purge(), &spelling).secret().send().await;
            assert!([400, 404].contains(&answer.status), "{spelling}: {}", answer.text);
        }
    }
    for (path, allow) in OPERATORS {
        let answer = server.operator_call(purge(), &format!("{path}/")).send().await;
        names(&answer, allow, path);
    }
    server.get("/users//actions/signIn").secret().refused(404, "invalid_request").await;
    // The request is classified as new work, however its path is spelled.
    let tracked = server.call_at(Method::POST, "/v1//users/u-1/actions/signIn/").secret();
    assert_eq!(tracked.ok().await["state"], "ALLOW");
    assert_eq!(server.get("/users/u-1/").secret().ok().await["isEnrolled"], false);
}

#[tokio::test]
async fn a_page_with_a_slash_at_its_end_leads_to_the_page() {
    let server = Server::start();
    let get = |path: &str| server.call_at(Method::GET, path).send();
    for path in ["/phone", "/ui"] {
        let (page, led) = (get(path).await, get(&format!("{path}/?token=x")).await);
        assert_eq!((led.status, &led.text), (200, &page.text), "{path}");
    }
    let mut connection = Connection::open(&server).await;
    connection.write(b"GET //ui/?token=x HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let redirect = connection.read().await;
    assert_eq!((redirect.status, &*redirect.headers["location"]), (308, "../ui?token=x"));
}

#[tokio::test]
async fn a_public_url_with_a_path_is_served_with_the_path_and_without() {
    let server = Setup::default().set("server.public_url", "https://push.example/auth/").start();
    let url = server.track("u-1", json!({})).await["url"].as_str().unwrap().to_owned();
    let page = url.strip_prefix("https://push.example").unwrap();
    assert!(page.starts_with("/auth/ui?token="), "{page}");
    let get = |path: &str| server.call_at(Method::GET, path).send();
    for under in ["/auth", ""] {
        for path in ["/phone", "/ui", "/", "/sdk/countersign.js", "/brand/demo", "/phone/"] {
            assert_eq!(get(&format!("{under}{path}")).await.status, 200, "{under}{path}");
        }
        let call = server.call_at(Method::GET, &format!("{under}/v1/users/u-1/actions")).secret();
        assert_eq!(call.ok().await.as_array().unwrap().len(), 1);
        let call = server.call_at(Method::GET, &format!("{under}/users/u-1"));
        call.refused(401, "unauthorized").await;
    }
    assert!(get(page).await.text.contains("\"token\":\"ready\""));
    // The redirect goes to the path with a slash, because the page's links are relative to it.
    let mut connection = Connection::open(&server).await;
    connection.write(b"GET /auth HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let redirect = connection.read().await;
    assert_eq!((redirect.status, &*redirect.headers["location"]), (308, "auth/"));
    assert_eq!(get("/authentic").await.status, 404);
}

/// A path, and a function that calls it with the right credentials.
type Read<'s> = (String, Box<dyn Fn(Method) -> Call + 's>);

/// Lists every route that has GET.
fn reads(it: &SignIn) -> Vec<Read<'_>> {
    let query = it.device.query();
    let api = API.into_iter().filter(|(_, allow)| allow.contains("GET")).map(|(path, _)| path);
    let api = api.map(|path| match path {
        "/users" => "/users?email=a%40x".to_owned(),
        path if path.contains("/push") || path.contains("/device") => format!("{path}?{query}"),
        path => path.to_owned(),
    });
    let server = &it.server;
    let mut reads: Vec<Read<'_>> = Vec::new();
    for path in api {
        let name = path.clone();
        let call = move |method| match &*path {
            "/client/user-authenticators" => server.call(method, &path).bearer(&it.token),
            path if is_server_api(path) => server.call(method, path).secret(),
            path => server.call(method, path).tenant(),
        };
        reads.push((name, Box::new(call)));
    }
    for (path, _) in PAGES.into_iter().filter(|(_, allow)| allow.contains("GET")) {
        reads.push((path.to_owned(), Box::new(move |method| server.call_at(method, path))));
    }
    for (path, _) in OPERATORS.into_iter().filter(|(_, allow)| allow.contains("GET")) {
        reads.push((path.to_owned(), Box::new(move |method| server.operator_call(method, path))));
    }
    reads
}

/// Returns the headers that must be equal for HEAD and GET. The length of the metrics is left out,
/// because they grow between two reads.
fn stable(answer: &Answer, path: &str) -> Vec<(String, String)> {
    let varies = |name: &str| {
        ["date", "transfer-encoding"].contains(&name)
            || (name == "content-length" && (path == "/metrics" || path.contains("/challenge?")))
    };
    let headers = answer.headers.iter().filter(|(name, _)| !varies(name.as_str()));
    let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
    let mut headers: Vec<_> =
        headers.map(|(name, value)| (name.to_string(), text(value))).collect();
    headers.sort();
    headers
}

#[tokio::test]
async fn head_is_answered_wherever_get_is_and_without_a_body() {
    for over_http2 in [false, true] {
        let mut it = SignIn::start().await;
        it.server.track("u-1", json!({ "idempotencyKey": "k-1" })).await;
        if over_http2 {
            it.server = it.server.over_http2();
        }
        for (path, call) in reads(&it) {
            let (head, get) = (call(Method::HEAD).send().await, call(Method::GET).send().await);
            assert_eq!(head.text, "", "{path}");
            assert_eq!(head.status, get.status, "{path}");
            assert_eq!(stable(&head, &path), stable(&get, &path), "{path}");
        }
        for path in ["/v1/nothing", "/v1/validate"] {
            let head = it.server.call_at(Method::HEAD, path).secret().send().await;
            let get = it.server.call_at(Method::GET, path).secret().send().await;
            assert_eq!((head.status, &*head.text), (get.status, ""), "{path}");
        }
    }
}

#[tokio::test]
async fn head_never_waits_and_uses_no_nonce() {
    let server = Server::start();
    let device = Device::new();
    server.enroll("u-1", &device).await;
    let path = format!("{PUSH}/challenge?{}", device.query());
    let signature = device.sign(&server.nonce(&device).await);
    let head = || {
        let head = server.call(Method::HEAD, &path).tenant().wait(30);
        head.header("X-Authsignal-Signature", &signature).send()
    };
    for _ in 0..2 {
        let answer = tokio::time::timeout(Duration::from_secs(15), head()).await.unwrap();
        assert_eq!((answer.status, answer.header("preference-applied")), (200, None));
    }
    let tracked = server.track("u-1", json!({ "custom": { "amount": 1 } })).await;
    server.challenge(tracked["token"].as_str().unwrap()).await;
    head().await;
    let read = server.pending(&device).header("X-Authsignal-Signature", &signature).ok().await;
    assert_eq!(read["custom"], json!({ "amount": 1 }), "the nonce was still good");
}

/// Lists every path of the Server API, with methods that it has and methods that it does not have.
fn called_by_backends() -> Vec<(Method, String)> {
    let method = |text: &str| Method::from_bytes(text.as_bytes()).unwrap();
    let known = API.into_iter().filter(|(path, _)| is_server_api(path));
    let known = known.flat_map(|(path, allow)| {
        let methods = allow.split(", ").filter(|name| *name != "HEAD").chain(["PUT", "OPTIONS"]);
        methods.map(move |name| (method(name), path.to_owned())).collect::<Vec<_>>()
    });
    let unsupported = UNSUPPORTED.into_iter().filter(|(_, path)| is_server_api(path));
    let unsupported = unsupported.map(|(name, path)| (method(name), path.to_owned()));
    let nowhere = [
        ("GET", "/users/u/actions/a/"),
        ("GET", "/users/"),
        ("POST", "/users/u/nothing/at/all"),
        ("GET", "/users//actions/a"),
        ("GET", "/validate/more"),
        ("GET", "/authenticators/more"),
        ("GET", "/users/%ff"),
    ];
    let nowhere = nowhere.into_iter().map(|(name, path)| (method(name), path.to_owned()));
    known.chain(unsupported).chain(nowhere).collect()
}

#[tokio::test]
async fn a_backend_without_a_good_secret_is_told_one_thing_and_before_any_other() {
    let it = SignIn::start().await;
    let body = json!({ "token": 1, "custom": "no object" });
    for (method, path) in called_by_backends() {
        for mount in ["/v1", "/v1/", ""] {
            let call = || it.server.call_at(method.clone(), &format!("{mount}{path}"));
            for call in [
                call(),
                call().with_secret("first-secret-of-dem").json(&body),
                call().tenant(),
                call().bearer(&it.token).json(&body),
                call().header("Authorization", &format!("Basic {SECRET}")),
                call().header("Authorization", "nonsense"),
            ] {
                let answer = call.send().await;
                let told = answer.refused(401, "unauthorized");
                assert_eq!(told["errorDescription"], UNAUTHORIZED, "{method} {mount}{path}");
            }
        }
        let known = it.server.call(method.clone(), &path).secret().send().await;
        assert_ne!(known.status, 401, "{method} {path}");
    }
}

#[tokio::test]
async fn a_preflight_comes_before_the_secret_and_other_routes_are_as_they_were() {
    let it = SignIn::start().await;
    for (_, path) in called_by_backends() {
        let call = it.server.call(Method::OPTIONS, &path).header("Origin", "https://a.example");
        call.header("Access-Control-Request-Method", "POST").ok().await;
    }
    let bad = |method: Method, path: &str| {
        it.server.call_at(method, path).with_secret("first-secret-of-dem")
    };
    bad(Method::POST, "/v1/client/verify/push").refused(401, "invalid_token").await;
    bad(Method::GET, "/v1/client/verify/push").refused(405, "invalid_request").await;
    bad(Method::GET, "/v1/client/nothing").refused(404, "invalid_request").await;
    bad(Method::POST, "/client/challenge/sms").refused(400, "invalid_configuration").await;
    bad(Method::GET, "/v2/users").refused(404, "invalid_request").await;
    let device = bad(Method::GET, &format!("/v1{PUSH}?{}", it.device.query()));
    let told = device.refused(401, "unauthorized").await;
    assert_eq!(told["errorDescription"], "the tenant is not known");
    assert_eq!(bad(Method::GET, "/phone").send().await.status, 200);
    let metrics = it.server.operator_call(Method::GET, "/users").send().await;
    metrics.refused(404, "invalid_request");
}
