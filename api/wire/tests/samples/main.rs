//! Checks of the wire types against the sample bodies of the contract.

#![expect(clippy::unwrap_used, reason = "every function here serves tests")]

mod requests;

use countersign_core::account::Profile;
use countersign_core::action::{self, Action, ActionContext};
use countersign_core::challenge::{Challenge, Shown};
use countersign_core::device::{Device, Platform, Signing};
use countersign_core::display::DisplayText;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, AuthenticatorId, ChallengeId, IdempotencyKey, TenantId,
    UserId,
};
use countersign_core::inbox::Offer;
use countersign_core::nonce::Nonce;
use countersign_core::outcome::Outcome;
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;
use countersign_wire::action::{ActionItem, GetActionResponse};
use countersign_wire::authenticator::AuthenticatorItem;
use countersign_wire::device::{AnswerResponse, CredentialResponse, UpdateResponse};
use countersign_wire::json::parse_strict;
use countersign_wire::pending::{PendingChallenge, PendingResponse, Private};
use countersign_wire::publickey::PresentedKey;
use countersign_wire::secret::Secret;
use countersign_wire::track::TrackResponse;
use countersign_wire::user::UpdateUserRequest;
use countersign_wire::validate::ValidateResponse;
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
        approved: None,
        revision: 1,
    }
}

fn device() -> Device {
    Device {
        id: AuthenticatorId::parse(AUTHENTICATOR).unwrap(),
        account: account(),
        key: PresentedKey::from_body(KEY).unwrap().parse().unwrap(),
        signing: Signing::ChallengeId,
        confirmed: false,
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
        shown: Some(Shown {
            nonce: Nonce::from_entropy(&[0; 32]),
            display: DisplayText::restore("{}"),
        }),
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
        value(CredentialResponse::new(&device(), Signing::ChallengeId)),
        json!({"userAuthenticatorId": AUTHENTICATOR, "userId": "u-1",
            "verifiedAt": "2025-01-01T00:00:00.000Z", "lastVerifiedAt": "2025-01-01T00:00:00.000Z",
            "signing": "challenge-id", "algorithm": "es256"})
    );
    let updated = value(UpdateResponse::new(&device(), None));
    assert_eq!(updated.get("pushToken"), None);
}

fn pending(private: Option<Private<'_>>) -> Value {
    let challenge = PendingChallenge::new(&device(), &offer(), private);
    value(PendingResponse::new(&device().id, vec![challenge]))
}

#[test]
fn pending_for_the_keys_holder() {
    let names = ["amount".to_owned()];
    let nonce = Nonce::from_entropy(&[0; 32]);
    let body = pending(Some(Private { public: &names, shown: Some((&nonce, "{}")) }));
    let mut expected = json!({"userAuthenticatorId": AUTHENTICATOR, "challengeId": CHALLENGE,
        "userId": "u-1", "actionCode": "signIn", "idempotencyKey": "6f1c",
        "ipAddress": "203.0.113.7", "userAgent": "Mozilla/5.0", "expiresAt": 1_735_690_200,
        "numberMatch": null, "nonce": "A".repeat(43), "display": "{}",
        "custom": {"amount": "10.00"}, "user": {"custom": {}}});
    expected["challenges"] = json!([expected]);
    assert_eq!(body, expected);
}

#[test]
fn pending_for_somebody_else_has_no_custom_data_and_nothing_to_sign() {
    let body = pending(None);
    for body in [&body, &body["challenges"][0]] {
        for name in ["custom", "user", "nonce", "display"] {
            assert_eq!(body.get(name), None);
        }
        assert_eq!(body["challengeId"], CHALLENGE);
    }
}

#[test]
fn nothing_pending() {
    let body = value(PendingResponse::new(&device().id, Vec::new()));
    assert_eq!(
        body,
        json!({"userAuthenticatorId": AUTHENTICATOR, "numberMatch": null, "challenges": []})
    );
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
        value(ValidateResponse::of(&action(action::ActionState::ChallengeSucceeded), true)),
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
        let body = ValidateResponse::of(&action(state), true);
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
