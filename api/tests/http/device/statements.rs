//! Tests of `POST …/challenge` with statements. The phone signs the text that it showed, and the
//! decision.

use serde_json::{Value, json};

use crate::support::{Device, PUSH, Server, Setup, Stated, Statements};

/// Parses the display text.
fn display(shown: &Value) -> Value {
    serde_json::from_str(shown["display"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn every_decision_is_recorded_and_answered_with_its_outcome() {
    for (decision, outcome) in [("approve", "approved"), ("deny", "denied"), ("report", "reported")]
    {
        let it = Stated::start().await;
        let answer = it.device.statement(&it.shown().await, decision, None);
        let told = it.send(&answer).ok().await;
        let verified = outcome == "approved";
        assert_eq!(told, json!({ "isVerified": verified, "outcome": outcome }));
        assert_eq!(it.outcome().await["outcome"], outcome);
        // A repeated answer gets the same response. A different answer is refused.
        assert_eq!(it.send(&answer).ok().await, told);
        assert_eq!(it.shown().await["challenges"], json!([]));
    }
}

#[tokio::test]
async fn what_is_shown_is_canonical_json_of_the_action() {
    let server = Server::start();
    let device = Device::ed25519();
    server.enroll_stated("u-1", &device).await;
    let amount = json!({ "minor": 1000, "e\u{301}": 12.5, "big": 9_007_199_254_740_993_u64 });
    let context = json!({
        "ipAddress": "203.0.113.7", "userAgent": "Fire\u{202e}fox", "deviceId": "d-1",
        "custom": { "secret": "hidden", "amount": amount },
    });
    let tracked = server.track("u-1", context).await;
    server.challenge(tracked["token"].as_str().unwrap()).await;
    let shown = server.read(&server.session(&device).await).ok().await;
    let text = shown["display"].as_str().unwrap();
    let issued_at = display(&shown)["issuedAt"].as_u64().unwrap();
    let expected = format!(
        "{{\"action\":\"signIn\",\"browser\":\"Fire\u{fffd}fox\",\
         \"custom\":{{\"amount\":{{\"big\":\"9007199254740993\",\
         \"minor\":1000,\"\u{e9}\":\"12.5\"}}}},\"ipAddress\":\"203.0.113.7\",\
         \"issuedAt\":{issued_at},\"requester\":\"demo\",\"userAgent\":\"Fire\u{fffd}fox\"}}"
    );
    assert_eq!(text, expected);
    let expires_at = shown["expiresAt"].as_u64().unwrap();
    assert_eq!(expires_at - issued_at, 300);
}

#[tokio::test]
async fn what_cannot_be_shown_is_refused_where_it_is_tracked() {
    let server = Server::start();
    let track = |amount: Value| {
        let body = json!({ "custom": { "amount": amount } });
        server.post("/users/u-1/actions/pay").secret().json(&body)
    };
    for text in
        ["a\u{202e}b", "a\u{7}", "a\u{200b}b", "pay\u{200d}pal", "\u{ad}", "a\u{2028}", "\u{e0041}"]
    {
        track(json!(text)).refused(400, "invalid_request").await;
        track(json!({ text: 1 })).refused(400, "invalid_request").await;
    }
    track(json!("x".repeat(4050))).refused(400, "invalid_request").await;
    track(json!("x".repeat(3900))).ok().await;
    track(json!("👩\u{200d}💻 مى\u{200c}خواهم")).ok().await;
}

#[tokio::test]
async fn what_was_not_shown_so_is_not_decided() {
    let it = Stated::start().await;
    let shown = it.shown().await;
    let stranger = Device::ed25519();
    let refused = async |body: Value, what: &str| {
        let answer = it.send(&body).send().await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text);
        answer.refused(401, "invalid_credential");
    };
    for (name, value) in [
        ("nonce", json!("A".repeat(43))),
        ("display", json!("{}")),
        ("display", json!(format!("{} ", shown["display"].as_str().unwrap()))),
        ("userAuthenticatorId", json!("07070707-0707-4707-8707-070707070707")),
        ("expiresAt", json!(shown["expiresAt"].as_u64().unwrap() + 1)),
    ] {
        let mut other = shown.clone();
        other[name] = value;
        refused(it.device.statement(&other, "approve", None), name).await;
    }
    let good = it.device.statement(&shown, "approve", None);
    for (name, value) in [
        ("decision", json!("deny")),
        ("decision", json!("report")),
        ("verificationCode", json!("42")),
        ("signature", stranger.statement(&shown, "approve", None)["signature"].clone()),
        ("signature", json!("AAAA")),
    ] {
        let mut body = good.clone();
        body[name] = value;
        refused(body, name).await;
    }
    let text = it.device.decision_text(&shown, "approve", None);
    for (what, text) in [
        ("tenant", text.replace("tenant:demo", "tenant:other")),
        ("version", text.replace("/v1", "/v2")),
        ("an LF at the end", format!("{text}\n")),
        ("CR LF", text.replace('\n', "\r\n")),
        ("no expiry", text.rsplit_once('\n').unwrap().0.to_owned()),
    ] {
        let mut body = good.clone();
        body["signature"] = it.device.sign(&text).into();
        refused(body, what).await;
    }
    assert!(it.outcome().await.get("outcome").is_none(), "nothing has changed");
    it.send(&good).ok().await;
}

#[tokio::test]
async fn contradictions_are_refused() {
    let it = Stated::start().await;
    let shown = it.shown().await;
    for (decision, approved) in [("approve", false), ("deny", true), ("report", true)] {
        let mut body = it.device.statement(&shown, decision, None);
        body["approved"] = json!(approved);
        it.send(&body).refused(400, "invalid_request").await;
    }
    let mut body = it.device.statement(&shown, "approve", None);
    for bad in [json!("Approve"), json!(""), json!(1), json!(null)] {
        body["decision"] = bad;
        it.send(&body).refused(400, "invalid_request").await;
    }
    assert!(it.outcome().await.get("outcome").is_none(), "nothing has changed");
    // Both fields may be present if they agree, and `approved` alone is accepted.
    let mut body = it.device.statement(&shown, "deny", None);
    body["approved"] = json!(false);
    body.as_object_mut().unwrap().remove("decision");
    assert_eq!(it.send(&body).ok().await["outcome"], "denied");
    body["decision"] = json!("deny");
    assert_eq!(it.send(&body).ok().await["outcome"], "denied");
}

#[tokio::test]
async fn the_number_is_inside_the_signature() {
    let server = Setup::default().set("tenants.0.push.number_match", "3").start();
    let device = Device::ed25519();
    server.enroll_stated("u-1", &device).await;
    let token = server.token("u-1").await;
    let start = server.post("/client/challenge/push").bearer(&token).json(&json!({})).ok().await;
    let number = start["number"].as_str().unwrap();
    let wrong = if number == "000" { "001" } else { "000" };
    let session = server.session(&device).await;
    let shown = server.read(&session).ok().await;
    assert_eq!(shown["numberMatch"], json!({ "digits": 3 }));
    assert!(!shown.to_string().contains(&format!("\"{number}\"")), "{shown}");
    // The number was changed after the phone had signed. The server rejects the signature and does
    // not count an attempt, because such a request tests no guess.
    for _ in 0..9 {
        let mut changed = device.statement(&shown, "approve", Some(wrong));
        changed["verificationCode"] = json!(number);
        server.answer(&device, &changed).refused(401, "invalid_credential").await;
    }
    let mistyped = device.statement(&shown, "approve", Some(wrong));
    server.answer(&device, &mistyped).refused(400, "invalid_request").await;
    let unsaid = device.statement(&shown, "approve", None);
    server.answer(&device, &unsaid).refused(400, "invalid_request").await;
    // The phone signs the number in ASCII digits, whatever script the person typed.
    let mut typed = device.statement(&shown, "approve", Some(number));
    let wide = number.chars().map(|c| format!(" {}", char::from_u32(c as u32 + 0xfee0).unwrap()));
    typed["verificationCode"] = json!(wide.collect::<String>());
    assert_eq!(server.answer(&device, &typed).ok().await["outcome"], "approved");
}

#[tokio::test]
async fn all_that_is_pending_is_shown_and_each_is_decided_by_its_own_statement() {
    let it = Stated::start().await;
    let second = it.server.enroll_stated("u-2", &it.device).await;
    let other = it.server.challenge(&it.server.token("u-2").await).await;
    let shown = it.shown().await;
    let [first, last] = &shown["challenges"].as_array().unwrap()[..] else { panic!("{shown}") };
    assert_eq!(
        (&first["challengeId"], &last["challengeId"]),
        (&json!(other), &json!(it.challenge))
    );
    assert_eq!(first["userAuthenticatorId"], *second);
    for name in first.as_object().unwrap().keys() {
        assert_eq!(first[name], shown[name], "the official single fields are the first's");
    }
    // A statement that was signed for one challenge does not decide the other challenge, in any
    // combination of their fields.
    for name in ["challengeId", "nonce", "userAuthenticatorId"] {
        for (mine, theirs) in [(first, last), (last, first)] {
            let mut mixed = mine.clone();
            mixed[name] = theirs[name].clone();
            let answer = it.device.statement(&mixed, "approve", None);
            it.send(&answer).refused(401, "invalid_credential").await;
        }
    }
    it.send(&it.device.statement(last, "approve", None)).ok().await;
    it.send(&it.device.statement(first, "deny", None)).ok().await;
    assert_eq!(it.outcome().await["outcome"], "approved");
}

#[tokio::test]
async fn a_replay_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    let open = || Setup::default().set("store.url", &url).start();
    let mut it = Stated::on(open(), Device::ed25519()).await;
    let denied = it.device.statement(&it.shown().await, "deny", None);
    it.send(&denied).ok().await;
    // The signature is used for another challenge of the same action.
    let token = it.server.token("u-1").await;
    let next = it.server.challenge(&token).await;
    let mut moved = denied.clone();
    moved["challengeId"] = json!(next);
    it.send(&moved).refused(401, "invalid_credential").await;
    let unknown = json!("a".repeat(32));
    moved["challengeId"] = unknown;
    it.send(&moved).refused(401, "invalid_credential").await;
    // It is used at another tenant, where the same key might be enrolled.
    let call = |tenant: &str| it.server.post(&format!("{PUSH}/challenge")).with_tenant(tenant);
    call("other").json(&denied).refused(401, "invalid_credential").await;
    // It is sent by another device.
    let thief = Device::ed25519();
    it.server.enroll_stated("u-1", &thief).await;
    let mut stolen = denied.clone();
    stolen["publicKey"] = json!(thief.public_key());
    it.send(&stolen).refused(401, "invalid_credential").await;
    // After a restart, the phone still gets the recorded outcome.
    it.server.tell_to_stop();
    let Stated { server, device, token: first, challenge, .. } = it;
    server.ended().await.unwrap();
    let after = open();
    assert_eq!(after.answer(&device, &denied).ok().await["outcome"], "denied");
    assert_eq!(after.outcome(&first, &challenge).await["outcome"], "denied");
    assert!(after.outcome(&token, &next).await.get("outcome").is_none());
}

#[tokio::test]
async fn the_older_path_serves_statements_too() {
    let it = Stated::start().await;
    let old = "/client/user-authenticators/device";
    let shown = it.server.get(&format!("{old}/challenge")).bearer(&it.session).ok().await;
    assert_eq!(shown, it.shown().await);
    let key = json!({ "publicKey": it.device.public_key() });
    it.server.post(&format!("{old}/session/nonce")).tenant().json(&key).ok().await;
    let answer = it.device.statement(&shown, "approve", None);
    it.server.post(&format!("{old}/challenge")).tenant().json(&answer).ok().await;
}
