//! Tests of HTTP/2 without TLS: the same routes and limits, and attacks that only HTTP/2 makes
//! possible.

mod bodies;
mod broken_bodies;
mod connections;
mod farewells;
mod floods;
mod frames;
mod heads;
mod streams;
mod untaken;
mod varied;

use serde_json::json;

use crate::long_poll::{park, told};
use crate::support::{Device, Server, Setup, SignIn};

#[tokio::test]
async fn a_sign_in_goes_over_one_connection_with_its_poll() {
    let it = SignIn::on(Server::start().over_http2(), Device::new()).await;
    let (early, parked) = park(4, || it.server.verify(&it.token, &it.challenge)).await;
    assert_eq!(early.ok()["isConsumed"], false);
    assert_eq!(it.server.signed_pending(&it.device).await["challengeId"], it.challenge.as_str());
    assert_eq!(it.decide(true).await["isVerified"], true);
    for answer in told(parked).await {
        assert_eq!(answer.ok()["outcome"], "approved");
    }
}

#[tokio::test]
async fn refusals_are_those_of_http1() {
    let server = Setup::default().set("server.body_bytes_max", "1024").start().over_http2();
    server.get("/nowhere").refused(404, "invalid_request").await;
    server.post("/users/u-1/actions/a").refused(401, "unauthorized").await;
    let long = json!({ "custom": "x".repeat(2000) });
    let call = server.post("/users/u-1/actions/a").secret().json(&long);
    call.refused(413, "invalid_request").await;
    // The connection stays usable.
    server.token("u-1").await;
}
