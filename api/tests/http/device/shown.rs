//! Tests of the values of an action that a phone shows: the texts that the server writes for them,
//! and the values that it refuses.

use serde_json::{Value, json};

use crate::support::{Device, Server, Setup};

const PUBLIC: &str = "amount,currency,payee,fee";

fn server() -> Server {
    Setup::default().set("tenants.0.push.custom_public", PUBLIC).start()
}

/// Tracks an action with this body and starts a challenge. Returns the parsed display text.
async fn display(server: &Server, body: Value) -> Value {
    let device = Device::ed25519();
    server.enroll_stated("u-1", &device).await;
    let tracked = server.track("u-1", body).await;
    server.challenge(tracked["token"].as_str().unwrap()).await;
    let shown = server.read(&server.session(&device).await).ok().await;
    serde_json::from_str(shown["display"].as_str().unwrap()).unwrap()
}

/// Tracks an action with this custom data, which the server must refuse. Returns the error's
/// description.
async fn refused(server: &Server, custom: Value) -> String {
    let call = server.post("/users/u-1/actions/pay").secret();
    let body = call.json(&json!({ "custom": custom })).refused(400, "invalid_request").await;
    body["errorDescription"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_amount_has_the_servers_text_beside_what_was_tracked() {
    for (custom, amounts) in [
        (
            json!({ "amount": "1250.00", "currency": "EUR" }),
            json!({ "amount": "EUR 1\u{a0}250.00" }),
        ),
        (json!({ "amount": 125_000, "currency": "HUF" }), json!({ "amount": "HUF 1\u{a0}250.00" })),
        (json!({ "amount": "-5", "currency": "JPY" }), json!({ "amount": "JPY -5" })),
        (
            json!({ "payee": { "name": "Zoë" }, "fee": [{ "amount": 5, "currency": "BHD" }] }),
            json!({ "fee": { "0": { "amount": "BHD 0.005" } } }),
        ),
    ] {
        let shown = display(&server(), json!({ "custom": custom })).await;
        assert_eq!((&shown["custom"], &shown["amounts"]), (&custom, &amounts));
    }
    let none = display(&server(), json!({ "custom": { "amount": "10.00" } })).await;
    assert!(none.get("amounts").is_none(), "no currency stands beside it: {none}");
}

#[tokio::test]
async fn an_amount_that_is_none_is_refused_by_its_name_where_a_phone_would_show_it() {
    let server = server();
    let eur = |amount: Value| json!({ "amount": amount, "currency": "EUR" });
    for amount in [
        json!(1250.0),
        json!(null),
        json!(true),
        json!(""),
        json!("1250.5"),
        json!("1,250.00"),
        json!([1]),
    ] {
        let told = refused(&server, eur(amount.clone())).await;
        assert!(told.starts_with("custom.amount: must be minor units"), "{amount}: {told}");
        let told = refused(&server, json!({ "fee": { "paid": eur(amount.clone()) } })).await;
        assert!(told.starts_with("custom.fee.paid.amount: must be"), "{amount}: {told}");
        // The value is accepted in members that phones do not show, because it cannot mislead the
        // person there.
        for hidden in [json!({ "hidden": eur(amount.clone()) }), json!({ "note": amount })] {
            let body = json!({ "custom": hidden });
            server.post("/users/u-1/actions/pay").secret().json(&body).ok().await;
        }
    }
    for currency in ["XAU", "EURO", "eur", "ZZZ", ""] {
        let told = refused(&server, json!({ "amount": 1, "currency": currency })).await;
        assert!(told.starts_with("custom.currency: "), "{currency}: {told}");
    }
}

#[tokio::test]
async fn a_browser_has_its_name_beside_what_it_calls_itself() {
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1";
    let shown = display(&server(), json!({ "userAgent": agent })).await;
    assert_eq!(
        (&shown["browser"], &shown["userAgent"]),
        (&json!("Chrome on iPhone"), &json!(agent))
    );
    let unknown = "x".repeat(130);
    let shown = display(&server(), json!({ "userAgent": unknown })).await;
    assert_eq!(shown["browser"], "Unknown browser");
    assert!(display(&server(), json!({})).await.get("browser").is_none());
}

#[tokio::test]
async fn characters_are_refused_by_the_name_of_what_has_them_where_a_phone_would_show_them() {
    let server = server();
    for c in ['\u{0}', '\n', '\u{1b}', '\u{7f}', '\u{85}', '\u{202e}', '\u{2066}', '\u{feff}'] {
        let bad = format!("x{c}y");
        for (custom, field) in [
            (json!({ "payee": bad }), "custom.payee: "),
            (json!({ "payee": { "name": bad } }), "custom.payee.name: "),
            (json!({ "payee": [{ bad.clone(): 1 }] }), "custom.payee[0].x\u{fffd}y: "),
        ] {
            let told = refused(&server, custom.clone()).await;
            assert!(told.starts_with(field), "{custom}: {told}");
            let body = json!({ "custom": custom });
            let told = server.patch("/users/u-1").secret().json(&body);
            let told = told.refused(400, "invalid_request").await;
            assert!(told["errorDescription"].as_str().unwrap().starts_with(field), "{told}");
            // Data for the relying party alone is returned unchanged.
            let body = json!({ "custom": { "note": custom, bad.clone(): bad } });
            server.post("/users/u-1/actions/pay").secret().json(&body).ok().await;
            let user = server.patch("/users/u-1").secret().json(&body).ok().await;
            assert_eq!(user["custom"], body["custom"]);
        }
    }
}

#[tokio::test]
async fn a_name_with_marks_of_its_direction_is_shown() {
    let name = "\u{200f}אברהם (בנק)\u{200f}";
    let custom = json!({ "payee": { "name": name, "account": "\u{200f}12-34" } });
    let shown = display(&server(), json!({ "custom": custom })).await;
    assert_eq!(shown["custom"]["payee"], json!({ "name": name, "account": "12-34" }));
    let server = server();
    let body = json!({ "displayName": name, "username": name, "custom": { "payee": name } });
    let user = server.patch("/users/u-1").secret().json(&body).ok().await;
    assert_eq!((&user["displayName"], &user["username"]), (&json!(name), &json!(name)));
}

#[tokio::test]
async fn the_server_writes_the_display_of_the_published_vectors() {
    let file = include_str!("../../../client/vectors/statements-v1.json");
    let file: Value = serde_json::from_str(file).unwrap();
    let texts = file["vectors"].as_array().unwrap().iter();
    let text =
        texts.filter_map(|v| v["inputs"]["display"].as_str()).find(|t| t.contains("amounts"));
    let text = text.unwrap();
    let expected: Value = serde_json::from_str(text).unwrap();
    let body = json!({
        "custom": expected["custom"], "ipAddress": expected["ipAddress"],
        "userAgent": expected["userAgent"],
    });
    let mut shown = display(&server(), body).await;
    for (member, here) in [("action", "signIn"), ("requester", "demo")] {
        assert_eq!(shown[member], here);
        shown[member] = expected[member].clone();
    }
    shown["issuedAt"] = expected["issuedAt"].clone();
    assert_eq!(shown.to_string(), text, "in one form, byte by byte");
}
