//! Requests of devices in both dialects, and malformed requests.

use countersign_core::device::Platform;
use countersign_core::nonce::Nonce;
use countersign_core::outcome::Decision;
use countersign_core::possession::{RemovalProof, UpdateProof};
use countersign_core::statement::Digest;
use countersign_wire::device::{
    AnswerRequest, EnrollRequest, RemoveRequest, SessionNonceResponse, SessionRequest,
    SessionResponse, UpdateRequest,
};
use countersign_wire::json::parse_strict;
use countersign_wire::secret::Secret;
use countersign_wire::track::TrackRequest;
use countersign_wire::user::UpdateUserRequest;
use countersign_wire::validate::ValidateRequest;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{CHALLENGE, KEY, value};

fn answer_body(extra: &str) -> String {
    let names = format!(r#""publicKey":"{KEY}","challengeId":"{CHALLENGE}""#);
    format!(r#"{{{names},"signature":"c2ln","approved":true{extra}}}"#)
}

#[test]
fn both_dialects_of_an_answer_without_a_number_are_one() {
    for extra in ["", r#","verificationCode":null"#, r#","verificationCode":"""#] {
        let request: AnswerRequest = parse_strict(answer_body(extra).as_bytes()).unwrap();
        assert!(!format!("{request:?}").contains("c2ln"));
        let (_, signed) = request.into_core().unwrap();
        assert!(signed.number.is_none(), "{extra}");
        assert_eq!(signed.decision, Decision::Approve);
    }
    let request: AnswerRequest =
        parse_strict(answer_body(r#","verificationCode":"042""#).as_bytes()).unwrap();
    let (_, signed) = request.into_core().unwrap();
    assert_eq!(signed.number.map(|n| n.reveal().to_owned()).as_deref(), Some("042"));
}

#[test]
fn an_answer_without_a_choice_or_a_signature_is_refused() {
    let whole = answer_body("");
    let signature = r#","signature":"c2ln""#;
    let error = parse_strict::<AnswerRequest>(whole.replace(signature, "").as_bytes()).unwrap_err();
    assert!(error.to_string().contains("signature"), "{error}");
    let null = whole.replace(signature, r#","signature":null"#);
    assert!(parse_strict::<AnswerRequest>(null.as_bytes()).is_err());
    for without in ["", r#","approved":null"#] {
        let body = whole.replace(r#","approved":true"#, without);
        let request: AnswerRequest = parse_strict(body.as_bytes()).unwrap();
        assert_eq!(request.into_core().unwrap_err().field, "approved");
    }
}

#[test]
fn an_update_names_one_nonce_and_a_removal_may() {
    let nonce = Nonce::from_entropy(&[7; 32]);
    let named = format!(r#","nonce":"{}""#, nonce.encoded());
    let body = |extra: &str| format!(r#"{{"publicKey":"{KEY}","signature":"c2ln"{extra}}}"#);
    let update = |extra: &str| {
        let request = parse_strict::<UpdateRequest>(body(extra).as_bytes()).unwrap();
        request.into_core().map(|(_, proof, _)| match proof {
            UpdateProof::Official { handle, .. } => (Some(handle), None),
            UpdateProof::Statement { nonce, .. } => (None, Some(nonce)),
        })
    };
    let remove = |extra: &str| {
        let request = parse_strict::<RemoveRequest>(body(extra).as_bytes()).unwrap();
        request.into_core().map(|(_, proof)| match proof {
            RemovalProof::Official(_) => None,
            RemovalProof::Statement { nonce, .. } => Some(nonce),
        })
    };
    let handle = r#","challengeId":"h""#;
    assert_eq!(update(handle), Ok((Some("h".to_owned()), None)));
    assert_eq!(update(&named), Ok((None, Some(nonce.clone()))));
    assert_eq!(update("").unwrap_err().field, "challengeId");
    assert_eq!(update(&format!("{handle}{named}")).unwrap_err().field, "nonce");
    assert_eq!(remove(""), Ok(None));
    assert_eq!(remove(&named), Ok(Some(nonce.clone())));
    for bad in ["", "AAAA", &format!("{}=", nonce.encoded())] {
        let bad = format!(r#","nonce":"{bad}""#);
        assert_eq!(update(&bad).unwrap_err().field, "nonce");
        assert_eq!(remove(&bad).unwrap_err().field, "nonce");
    }
}

#[test]
fn a_device_session_is_asked_for_with_a_nonce() {
    let nonce = Nonce::from_entropy(&[7; 32]);
    let text = SessionNonceResponse::from(&nonce).nonce;
    let body = |nonce: &str| {
        let body = format!(r#"{{"publicKey":"{KEY}","nonce":"{nonce}","signature":"c2ln"}}"#);
        parse_strict::<SessionRequest>(body.as_bytes()).unwrap().into_core()
    };
    let (_, repeated, signature) = body(text.reveal()).unwrap();
    assert_eq!((repeated, signature.as_slice()), (nonce, &b"sig"[..]));
    assert_eq!(body("").unwrap_err().field, "nonce");
    let (token, expires_in) = (Secret::new("J.W.T"), 900);
    let answer = SessionResponse { token, expires_in };
    assert!(!format!("{answer:?}").contains("J.W.T"));
    assert_eq!(value(answer), json!({"token": "J.W.T", "expiresIn": 900}));
}

#[test]
fn enrollment_takes_both_platforms_and_the_keys_own_algorithm_only() {
    let enroll = |extra: &str| {
        let body = format!(r#"{{"publicKey":"{KEY}"{extra}}}"#);
        let request = parse_strict::<EnrollRequest>(body.as_bytes()).unwrap();
        request.into_core(Digest::of("bearer")).map(|(enroll, _)| enroll)
    };
    assert_eq!(enroll("").unwrap().platform, None);
    assert_eq!(enroll(r#","devicePlatform":"ios""#).unwrap().platform, Some(Platform::Ios));
    assert_eq!(enroll(r#","devicePlatform":"android""#).unwrap().platform, Some(Platform::Android));
    assert!(enroll(r#","algorithm":"es256","performAttestation":{"provider":"X"}"#).is_ok());
    assert_eq!(enroll(r#","algorithm":"ed25519""#).unwrap_err().field, "algorithm");
    let name = enroll(r#","deviceName":"Ann\u202e's""#).unwrap().name.unwrap();
    assert_eq!(name.as_str(), "Ann\u{fffd}'s");
    let token = format!(r#","pushToken":"{}""#, "x".repeat(5000));
    assert_eq!(enroll(&token).unwrap_err().field, "pushToken");
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("publicKey".to_owned()),
        Just("challengeId".to_owned()),
        Just("signature".to_owned()),
        Just("approved".to_owned()),
        Just("verificationCode".to_owned()),
        Just("decision".to_owned()),
        Just("nonce".to_owned()),
        Just("proof".to_owned()),
        Just("pushToken".to_owned()),
        Just("custom".to_owned()),
        Just("userAgent".to_owned()),
        Just("token".to_owned()),
        "[a-z]{1,4}",
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        Just(Value::from(KEY)),
        Just(Value::from(CHALLENGE)),
        Just(json!({"a": ["\u{202e}"]})),
    ]
}

proptest! {
    #[test]
    fn no_request_panics(body in proptest::collection::btree_map(field(), leaf(), 0..6)) {
        let body = serde_json::to_vec(&body).unwrap();
        let _ = parse_strict::<TrackRequest>(&body).map(TrackRequest::into_core);
        let _ = parse_strict::<AnswerRequest>(&body).map(AnswerRequest::into_core);
        let _ = parse_strict::<EnrollRequest>(&body).map(|r| r.into_core(Digest::of("bearer")));
        let _ = parse_strict::<UpdateRequest>(&body).map(UpdateRequest::into_core);
        let _ = parse_strict::<RemoveRequest>(&body).map(RemoveRequest::into_core);
        let _ = parse_strict::<ValidateRequest>(&body);
        let _ = parse_strict::<UpdateUserRequest>(&body).map(UpdateUserRequest::into_core);
    }
}
