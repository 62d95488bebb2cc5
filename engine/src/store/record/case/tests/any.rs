//! Lifecycles of any content.

use countersign_core::action::{Action, ActionContext};
use countersign_core::challenge::Shown;
use countersign_core::id::{ActionCode, ActionKey, IdempotencyKey};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::signature;
use super::*;

const STATES: [ActionState; 8] = [
    ActionState::Allow,
    ActionState::Block,
    ActionState::ChallengeFailed,
    ActionState::ChallengeRequired,
    ActionState::ChallengeSucceeded,
    ActionState::ReviewFailed,
    ActionState::ReviewRequired,
    ActionState::ReviewSucceeded,
];
const OUTCOMES: [Outcome; 8] = [
    Outcome::Approved,
    Outcome::Cancelled,
    Outcome::Denied,
    Outcome::Expired,
    Outcome::Failed,
    Outcome::Reported,
    Outcome::Revoked,
    Outcome::Superseded,
];

/// Texts of all sorts, among them such that share much with the others.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "\\PC{0,12}",
        any::<String>(),
        select(words::WORDS).prop_map(str::to_owned),
        select(vec![AGENT, CUSTOM, "198.51.100.7", "::1", "shop"]).prop_map(str::to_owned),
        "(2001:db8::[0-9a-f]{1,4}|[0-9]{1,3}(\\.[0-9]{1,3}){3}|0{1,2}[0-9]{1,9})",
    ];
    vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn time() -> impl Strategy<Value = UnixMillis> {
    let near = 1_795_930_123_456_u64;
    prop_oneof![any::<u64>(), near..near + 600_000, near..near + 3].prop_map(UnixMillis)
}

fn device() -> impl Strategy<Value = AuthenticatorId> {
    prop_oneof![Just([1; 16]), any::<[u8; 16]>()].prop_map(AuthenticatorId::from_entropy)
}

fn key() -> impl Strategy<Value = ActionKey> {
    let any_key = prop_oneof![
        any::<[u8; 16]>().prop_map(IdempotencyKey::from_entropy),
        "[ -~]{1,128}|[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}"
            .prop_map(|text| IdempotencyKey::parse(&text).unwrap()),
    ];
    ("[A-Za-z0-9_-]{1,64}|signIn", any_key).prop_map(|(code, idempotency_key)| ActionKey {
        code: ActionCode::parse(&code).unwrap(),
        idempotency_key,
    })
}

fn action() -> impl Strategy<Value = Action> {
    let line = || of(text().prop_map(|text| Line::cleaned(&text, 512)));
    let context = (line(), line(), line(), of(text())).prop_map(
        |(ip_address, user_agent, device_id, custom)| ActionContext {
            ip_address,
            user_agent,
            device_id,
            custom: custom.map(Into::into),
        },
    );
    let decision = (of(device()), of(text()), any::<u64>());
    (key(), select(&STATES[..]), context, time(), time(), decision).prop_map(
        |(key, state, context, created_at, state_updated_at, (decided_by, approved, revision))| {
            let approved = approved.as_deref().map(DisplayText::restore);
            let account = owner();
            Action {
                account,
                key,
                state,
                context,
                created_at,
                state_updated_at,
                decided_by,
                approved,
                revision,
            }
        },
    )
}

fn ended() -> impl Strategy<Value = Ended> {
    let signature = prop_oneof![
        vec(any::<u8>(), 0..80),
        any::<[u8; 64]>().prop_map(|both| both.to_vec()),
        any::<[u8; 64]>().prop_map(|both| signature::der(&both)),
    ];
    (select(&OUTCOMES[..]), time(), of(device()), of(signature))
        .prop_map(|(outcome, at, by, signature)| Ended { outcome, at, by, signature })
}

/// A challenge of any action. Its text is to be completed by that action.
fn challenge() -> impl Strategy<Value = Challenge> {
    let digits = prop_oneof!["[0-9]{0,12}", "\\PC{0,4}"];
    let number = (digits, any::<u32>())
        .prop_map(|(digits, tries)| AskedNumber { number: Number::restore(&digits), tries });
    let shown = (any::<[u8; 32]>(), text()).prop_map(|(nonce, text)| Shown {
        nonce: Nonce::from_entropy(&nonce),
        display: DisplayText::restore(&text),
    });
    let ids = (any::<[u8; 24]>(), key(), vec(device(), 0..18));
    let times = (time(), time(), any::<bool>(), any::<u32>());
    (ids, times, of(ended()), of(number), of(shown)).prop_map(
        |(
            (id, action, targets),
            (issued_at, expires_at, held, notifications),
            e,
            number,
            shown,
        )| {
            Challenge {
                id: ChallengeId::from_entropy(&id),
                account: owner(),
                action,
                targets,
                issued_at,
                expires_at,
                held,
                notifications,
                ended: e,
                number,
                shown,
            }
        },
    )
}

/// Lifecycles, half of which have a challenge that decided the action.
fn lifecycle() -> impl Strategy<Value = Case> {
    (action(), vec(challenge(), 0..4), any::<bool>(), any::<bool>()).prop_map(
        |(mut action, mut challenges, is_decided, is_approved)| {
            for challenge in &mut challenges {
                challenge.action = action.key.clone();
                if let Some(shown) = challenge.shown.as_mut().filter(|_| is_approved) {
                    let custom = shown.display.as_str().replace('"', "'");
                    let custom = format!("\"custom\":\"{custom}\",");
                    let seconds = challenge.issued_at.seconds();
                    shown.display = display(&action, &custom, seconds);
                }
            }
            let last = challenges.last().filter(|_| is_decided);
            if let Some(ended) = last.and_then(|challenge| challenge.ended.as_ref()) {
                (action.state_updated_at, action.decided_by) = (ended.at, ended.by.clone());
                let shown = last.and_then(|challenge| challenge.shown.as_ref());
                action.approved = shown.map(|shown| shown.display.clone());
            }
            Case { action, challenges }
        },
    )
}

proptest! {
    #[test]
    fn every_lifecycle_comes_back(case in lifecycle()) {
        let Case { action, challenges } = &case;
        prop_assert_eq!(&Case::from_parts(&owner(), &case.to_parts()), &Ok(case.clone()));
        let alone = action_part(action);
        prop_assert_eq!(read(&owner(), &alone), Ok((Some(action.clone()), Vec::new())));
        let mut appended = alone;
        for challenge in challenges {
            for of in [None, Some(action)] {
                let part = challenge_part(challenge, of);
                let read = challenge_from(&owner(), Some(action), &part);
                prop_assert_eq!(read.as_ref(), Ok(challenge));
                let without = challenge_from(&owner(), None, &part);
                prop_assert_eq!(without.is_ok(), of.is_none());
                appended.extend(part);
            }
        }
        prop_assert_eq!(&Case::from_parts(&owner(), &appended), &Ok(case.clone()));
        let alone = parts(None, challenges);
        prop_assert_eq!(read(&owner(), &alone), Ok((None, challenges.clone())));
    }

    #[test]
    fn no_bytes_panic_and_every_text_comes_back(bytes in vec(any::<u8>(), 0..300)) {
        properties::case(&bytes);
        properties::packed_text(&bytes);
    }

    #[test]
    fn texts_of_the_usual_pieces_come_back(text in text(), other in text()) {
        properties::packed_text(format!("{text}{other}").as_bytes());
        properties::packed_text(format!("{text}{text}").as_bytes());
    }
}
