//! Tests of pages for browsers: their files, and the headers that isolate them from other origins.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Server, Setup};

async fn get(server: &Server, path: &str) -> Answer {
    server.call_at(Method::GET, path).send().await
}

/// Returns a directive of a page's content security policy, or None if the policy does not have it.
fn directive(answer: &Answer, name: &str) -> Option<String> {
    let policy = answer.header("content-security-policy").expect("every page has a policy");
    let each = policy.split(';').map(str::trim);
    each.into_iter().find_map(|d| d.strip_prefix(name).map(|rest| rest.trim().to_owned()))
}

/// Returns the data that are embedded in the page of the pre-built UI.
fn about(answer: &Answer) -> Value {
    let start = r#"<script type="application/json" id="page">"#;
    let (_, rest) = answer.text.split_once(start).expect("the page has its place");
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

/// Tracks an action of tenant `demo`, and gets the page at the URL of the response.
async fn page(server: &Server, body: Value) -> Answer {
    let url = server.track("u-1", body).await["url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(&format!("http://{}", server.address)).unwrap();
    get(server, path).await
}

#[tokio::test]
async fn pages_load_nothing_from_elsewhere_and_tell_nobody_their_address() {
    let server = Server::start();
    for path in ["/", "/phone", "/ui?token=x", "/sdk/countersign.js", "/shared/base.css"] {
        let answer = get(&server, path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(directive(&answer, "default-src").as_deref(), Some("'none'"), "{path}");
        for source in ["script-src", "style-src", "connect-src"] {
            assert_eq!(directive(&answer, source).as_deref(), Some("'self'"), "{path} {source}");
        }
        assert_eq!(directive(&answer, "frame-ancestors").as_deref(), Some("'none'"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
}

#[tokio::test]
async fn a_page_says_what_the_token_says() {
    let server = Setup::default()
        .set("tenants.0.name", "Acme & Söhne</script>")
        .set("tenants.0.colour", "#0B6E4F")
        .start();
    let back = "https://shop.example/back";
    let answer = page(&server, json!({ "redirectUrl": back, "redirectToSettings": true })).await;
    let expected = json!({
        "token": "ready",
        "tenantId": "demo",
        "brand": { "name": "Acme & Söhne</script>", "colour": "#0b6e4f" },
        "origins": ["*"],
        "userId": "u-1",
        "action": "signIn",
        "page": { "redirectUrl": back, "settings": true },
    });
    assert_eq!(about(&answer), expected);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let plain = about(&page(&server, json!({})).await);
    assert_eq!(plain["page"], json!({}));
    assert_eq!(about(&get(&server, "/ui?token=a.b.c").await), json!({ "token": "invalid" }));
    assert_eq!(about(&get(&server, "/ui").await), json!({ "token": "invalid" }));
}

#[tokio::test]
async fn nobody_but_the_relying_party_says_where_a_page_leads() {
    let server = Server::start();
    let token = server.token("u-1").await;
    let changed = format!("/ui?token={token}&redirectUrl=https://evil.example");
    assert_eq!(about(&get(&server, &changed).await)["page"], json!({}));
}

#[tokio::test]
async fn a_page_is_framed_by_the_pages_of_its_tenant_and_tells_them_alone() {
    let server = Setup::default().set("tenants.0.allowed_origins", "https://shop.example").start();
    let answer = page(&server, json!({})).await;
    assert_eq!(about(&answer)["origins"], json!(["https://shop.example"]));
    let framed = directive(&answer, "frame-ancestors");
    assert_eq!(framed.as_deref(), Some("'self' https://shop.example"));
    let answer = page(&Server::start(), json!({})).await;
    assert_eq!(directive(&answer, "frame-ancestors").as_deref(), Some("*"));
}

#[tokio::test]
async fn the_servers_own_pages_may_call_for_every_tenant() {
    let server = Setup::default().set("tenants.0.allowed_origins", "https://shop.example").start();
    let token = server.token("u-1").await;
    let list = |origin: &str| {
        server.get("/client/user-authenticators").bearer(&token).header("Origin", origin)
    };
    list(&format!("http://{}", server.address)).ok().await;
    list("https://shop.example").ok().await;
    list("https://evil.example").refused(403, "unauthorized").await;
    list(&format!("https://{}", server.address)).refused(403, "unauthorized").await;
}

#[tokio::test]
async fn a_file_is_loaded_once() {
    let server = Server::start();
    let answer = get(&server, "/sdk/countersign.js").await;
    assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    assert!(answer.text.contains("export class Countersign"));
    let tag = answer.header("etag").unwrap();
    let again = server.call_at(Method::GET, "/sdk/countersign.js").header("If-None-Match", tag);
    let again = again.send().await;
    assert_eq!((again.status, &*again.text), (304, ""));
    assert_eq!(again.header("etag"), Some(tag));
}

#[tokio::test]
async fn what_is_no_file_is_not_found() {
    let server = Server::start();
    for path in [
        "/sdk/nothing.js",
        "/sdk/..%2f..%2fCargo.toml",
        "/sdk//etc/passwd",
        "/ui/index.html",
        "/shared/",
        "/web/sdk/countersign.js",
    ] {
        server.call_at(Method::GET, path).refused(404, "invalid_request").await;
    }
    for path in ["/ui", "/phone", "/sdk/countersign.js", "/"] {
        server.call_at(Method::POST, path).refused(405, "invalid_request").await;
    }
}

#[tokio::test]
async fn a_tenants_brand_is_public_and_nothing_else_is() {
    let server = Setup::default().set("tenants.0.name", "Acme").start();
    let brand = server.call_at(Method::GET, "/brand/demo").ok().await;
    assert_eq!(brand, json!({ "name": "Acme" }));
    for path in ["/brand/nobody", "/brand/a%20b"] {
        server.call_at(Method::GET, path).refused(404, "invalid_request").await;
    }
}

#[tokio::test]
async fn a_configured_server_has_no_demo() {
    let server = Server::start();
    server.call_at(Method::GET, "/demo").refused(404, "invalid_request").await;
    let order = server.call_at(Method::POST, "/demo/backend/signIn").json(&json!({}));
    order.refused(404, "invalid_request").await;
}
