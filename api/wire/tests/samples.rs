//! The sample bodies of the wire contract, and requests that nobody should send.

#![expect(clippy::unwrap_used, reason = "every function here serves tests")]

use countersign_core::account::Profile;
use countersign_core::action::{self, Action, ActionContext};
use countersign_core::challenge::{Challenge, Outcome};
use countersign_core::decision::Decision;
use countersign_core::device::{Device, Platform};
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, AuthenticatorId, ChallengeId, IdempotencyKey, TenantId,
    UserId,
};
use countersign_core::inbox::Offer;
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;
use countersign_wire::action::{ActionItem, GetActionResponse};
use countersign_wire::authenticator::AuthenticatorItem;
use countersign_wire::device::{
    AnswerRequest, AnswerResponse, CredentialResponse, EnrollRequest, RemoveRequest, UpdateRequest,
    UpdateResponse,
};
use countersign_wire::json::parse_strict;
use countersign_wire::pending::PendingResponse;
use countersign_wire::publickey::PresentedKey;
use countersign_wire::secret::Secret;
use countersign_wire::track::{TrackRequest, TrackResponse};
use countersign_wire::user::UpdateUserRequest;
use countersign_wire::validate::{ValidateRequest, ValidateResponse};
use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

const KEY: &str = concat!(
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMj+6XmuroBhoQF4q0gx0Ojry17Bh",
    "Xtf4sKvkSn2YN6S9AKWfZgbqfVeZmhIJW9qhyIxt49tBlO91/QQeuRjX6A=="
);
const AUTHENTICATOR: &str = "b7b7b7b7-b7b7-47b7-b7b7-b7b7b7b7b7b7";
const CHALLENGE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const START: UnixMillis = UnixMillis(1_735_689_600_000);

fn value(body: impl Serialize) -> Value {
    serde_json::to_value(body).unwrap()
}

fn account() -> AccountKey {
    let (tenant, user) = (TenantId::parse("demo").unwrap(), UserId::parse("u-1").unwrap());
    AccountKey { tenant, user }
}

fn action(state: action::ActionState) -> Action {
    let custom = r#"{"amount":"10.00","risk":7}"#;
    Action {
        account: account(),
        key: ActionKey {
            code: ActionCode::parse("signIn").unwrap(),
            idempotency_key: IdempotencyKey::parse("6f1c").unwrap(),
        },
        state,
        context: ActionContext {
            ip_address: Some(Line::cleaned("203.0.113.7", 64)),
            user_agent: Some(Line::cleaned("Mozilla/5.0", 64)),
            device_id: None,
            custom: Some(custom.into()),
        },
        created_at: START,
        state_updated_at: START.plus_ms(5000),
        decided_by: Some(AuthenticatorId::parse(AUTHENTICATOR).unwrap()),
    }
}

fn device() -> Device {
    Device {
        id: AuthenticatorId::parse(AUTHENTICATOR).unwrap(),
        account: account(),
        key: PresentedKey::from_body(KEY).unwrap().parse().unwrap(),
        name: Some(Line::cleaned("Ann's phone", 64)),
        platform: Some(Platform::Ios),
        push_token: None,
        created_at: START,
        verified_at: START,
        last_verified_at: Some(START),
    }
}

fn offer() -> Offer {
    let action = action(action::ActionState::ChallengeRequired);
    let challenge = Challenge {
        id: ChallengeId::parse(CHALLENGE).unwrap(),
        account: account(),
        action: action.key.clone(),
        targets: vec![device().id],
        issued_at: START,
        expires_at: START.plus_ms(600_000),
        held: false,
        notifications: 0,
        ended: None,
        number: None,
    };
    Offer { challenge: challenge.into(), action: action.into(), user_custom: None }
}

#[test]
fn track() {
    let action = action(action::ActionState::ChallengeRequired);
    let url = Secret::new("http://127.0.0.1:8080/ui?token=J.W.T");
    let body = TrackResponse::new(&action, true, Secret::new("J.W.T"), url);
    assert!(!format!("{body:?}").contains("J.W.T"));
    assert_eq!(
        value(body),
        json!({"idempotencyKey": "6f1c", "state": "CHALLENGE_REQUIRED",
            "url": "http://127.0.0.1:8080/ui?token=J.W.T", "token": "J.W.T", "isEnrolled": true,
            "enrolledVerificationMethods": ["PUSH"], "allowedVerificationMethods": ["PUSH"],
            "defaultVerificationMethod": "PUSH", "ruleIds": []})
    );
}

#[test]
fn enroll_and_get_credential() {
    assert_eq!(
        value(CredentialResponse::from(&device())),
        json!({"userAuthenticatorId": AUTHENTICATOR, "userId": "u-1",
            "verifiedAt": "2025-01-01T00:00:00.000Z", "lastVerifiedAt": "2025-01-01T00:00:00.000Z"})
    );
    let updated = value(UpdateResponse::new(&device(), None));
    assert_eq!(updated.get("pushToken"), None);
}

#[test]
fn pending_for_a_signed_read() {
    let names = ["amount".to_owned()];
    assert_eq!(
        value(PendingResponse::offer(&device(), &offer(), Some(&names))),
        json!({"userAuthenticatorId": AUTHENTICATOR, "challengeId": CHALLENGE, "userId": "u-1",
            "actionCode": "signIn", "idempotencyKey": "6f1c", "ipAddress": "203.0.113.7",
            "userAgent": "Mozilla/5.0", "expiresAt": 1_735_690_200,
            "custom": {"amount": "10.00"}, "user": {"custom": {}}})
    );
}

#[test]
fn pending_for_an_unsigned_read_has_no_custom_data() {
    let body = value(PendingResponse::offer(&device(), &offer(), None));
    assert_eq!((body.get("custom"), body.get("user")), (None, None));
    assert_eq!(body["challengeId"], CHALLENGE);
}

#[test]
fn nothing_pending() {
    let body = value(PendingResponse::nothing(&device().id));
    assert_eq!(body, json!({ "userAuthenticatorId": AUTHENTICATOR }));
}

#[test]
fn answer() {
    let body = value(AnswerResponse::from(Outcome::Approved));
    assert_eq!(body, json!({"isVerified": true, "outcome": "approved"}));
    let body = value(AnswerResponse::from(Outcome::Denied));
    assert_eq!(body, json!({"isVerified": false, "outcome": "denied"}));
}

#[test]
fn validate() {
    assert_eq!(
        value(ValidateResponse::of(&action(action::ActionState::ChallengeSucceeded))),
        json!({"isValid": true, "state": "CHALLENGE_SUCCEEDED",
            "stateUpdatedAt": "2025-01-01T00:00:05.000Z", "userId": "u-1", "action": "signIn",
            "actionCode": "signIn", "idempotencyKey": "6f1c", "verificationMethod": "PUSH"})
    );
    for state in [
        action::ActionState::Allow,
        action::ActionState::Block,
        action::ActionState::ChallengeFailed,
        action::ActionState::ChallengeRequired,
        action::ActionState::ReviewFailed,
        action::ActionState::ReviewRequired,
        action::ActionState::ReviewSucceeded,
    ] {
        let body = ValidateResponse::of(&action(state));
        assert!(!body.is_valid && body.verification_method.is_none(), "{state:?}");
    }
    let invalid = value(ValidateResponse::invalid("token lifetime is over"));
    assert_eq!(invalid, json!({"isValid": false, "error": "token lifetime is over"}));
}

#[test]
fn an_action_that_a_device_denied_names_no_authenticator_as_having_verified_it() {
    let failed = action(action::ActionState::ChallengeFailed);
    assert_eq!(value(ActionItem::from(&failed)).get("verifiedByAuthenticatorId"), None);
    let succeeded = action(action::ActionState::ChallengeSucceeded);
    assert_eq!(value(ActionItem::from(&succeeded))["verifiedByAuthenticatorId"], AUTHENTICATOR);
    assert_eq!(value(GetActionResponse::from(&failed))["output"], json!({}));
}

#[test]
fn a_browser_is_not_told_whose_an_authenticator_is() {
    let item = AuthenticatorItem::from(&device());
    let backend = value(item.clone());
    assert_eq!((&backend["userId"], &backend["devicePlatform"]), (&json!("u-1"), &json!("IOS")));
    assert_eq!(backend["displayName"], "Ann's phone");
    let email = Some("ann@example.com".to_owned());
    let browser = value(AuthenticatorItem { email, ..item }.for_client());
    assert_eq!(browser.get("userId"), None);
    assert_eq!(browser["email"], "a***@example.com");
}

#[test]
fn a_users_patch_is_the_users_answer() {
    let patch = parse_strict::<UpdateUserRequest>(br#"{"email":"a@example.com"}"#).unwrap();
    let profile = Profile::default().patched(&patch.into_core().unwrap());
    assert!(!profile.email_verified);
}

fn answer_body(extra: &str) -> String {
    let names = format!(r#""publicKey":"{KEY}","challengeId":"{CHALLENGE}""#);
    format!(r#"{{{names},"signature":"c2ln","approved":true{extra}}}"#)
}

#[test]
fn both_dialects_of_an_answer_without_a_number_are_one() {
    for extra in ["", r#","verificationCode":null"#, r#","verificationCode":"""#] {
        let request: AnswerRequest = parse_strict(answer_body(extra).as_bytes()).unwrap();
        assert!(!format!("{request:?}").contains("c2ln"));
        let answer = request.into_core().unwrap();
        assert!(answer.signed.number.is_none(), "{extra}");
        assert_eq!(answer.signed.decision, Decision::Approve);
    }
    let request: AnswerRequest =
        parse_strict(answer_body(r#","verificationCode":"042""#).as_bytes()).unwrap();
    let answer = request.into_core().unwrap();
    assert_eq!(answer.signed.number.map(|n| n.reveal().to_owned()).as_deref(), Some("042"));
}

#[test]
fn an_answer_without_a_choice_is_refused() {
    let whole = answer_body("");
    for (field, text) in
        [("approved", r#","approved":true"#), ("signature", r#","signature":"c2ln""#)]
    {
        let error = parse_strict::<AnswerRequest>(whole.replace(text, "").as_bytes()).unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
        let null = text.replace("true", "null").replace("\"c2ln\"", "null");
        let null = whole.replace(text, &null);
        assert!(parse_strict::<AnswerRequest>(null.as_bytes()).is_err());
    }
}

#[test]
fn enrollment_takes_both_platforms_and_the_keys_own_algorithm_only() {
    let enroll = |extra: &str| {
        let body = format!(r#"{{"publicKey":"{KEY}"{extra}}}"#);
        parse_strict::<EnrollRequest>(body.as_bytes()).unwrap().into_core(false)
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
        let _ = parse_strict::<EnrollRequest>(&body).map(|r| r.into_core(true));
        let _ = parse_strict::<UpdateRequest>(&body).map(UpdateRequest::into_core);
        let _ = parse_strict::<RemoveRequest>(&body).map(RemoveRequest::into_core);
        let _ = parse_strict::<ValidateRequest>(&body);
        let _ = parse_strict::<UpdateUserRequest>(&body).map(UpdateUserRequest::into_core);
    }
}
