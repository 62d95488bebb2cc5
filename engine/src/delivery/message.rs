//! The body of a webhook, and its signature.
//!
//! The data of an event is one flat object whose values are all strings, because receivers read it
//! into maps of strings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::{DateTime, SecondsFormat};
use countersign_core::account::Issued;
use countersign_core::event::Event;
use countersign_core::id::AuthenticatorId;
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

use crate::secret::Secret;

/// Event type of a challenge's notification. The event's id is derived from this type and the
/// challenge.
pub(super) const PUSH_CREATED: &str = "push.created";

/// Envelope of a webhook's body, the same for every event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope<'a> {
    pub(super) version: u32,
    pub(super) id: &'a str,
    pub(super) source: &'a str,
    pub(super) time: String,
    pub(super) tenant_id: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) data: Data<'a>,
}

/// Data of an event, within its envelope.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Data<'a> {
    challenge_id: &'a str,
    user_id: &'a str,
    idempotency_key: &'a str,
    action_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<&'a str>,
    /// Authenticator that caused the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_authenticator_id: Option<&'a str>,
}

impl<'a> From<&'a Issued> for Data<'a> {
    fn from(issued: &'a Issued) -> Self {
        let (challenge, context) = (&issued.challenge, &issued.action.context);
        Self {
            challenge_id: challenge.id.as_str(),
            user_id: challenge.account.user.as_str(),
            idempotency_key: challenge.action.idempotency_key.as_str(),
            action_code: challenge.action.code.as_str(),
            user_agent: context.user_agent.as_ref().map(Line::as_str),
            ip_address: context.ip_address.as_ref().map(Line::as_str),
            user_authenticator_id: None,
        }
    }
}

impl<'a> From<&'a Event> for Data<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            challenge_id: event.challenge.as_str(),
            user_id: event.account.user.as_str(),
            idempotency_key: event.action.idempotency_key.as_str(),
            action_code: event.action.code.as_str(),
            user_authenticator_id: event.by.as_ref().map(AuthenticatorId::as_str),
            ..Self::default()
        }
    }
}

/// Formats a time in ISO 8601, in UTC and with milliseconds. Returns `None` for a time that is too
/// far in the future for this format.
pub(super) fn iso_time(time: UnixMillis) -> Option<String> {
    let time = DateTime::from_timestamp_millis(i64::try_from(time.0).ok()?)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Builds the value of the signature header. It has one signature for each active secret, so that a
/// receiver may have any of them during a rotation. It has no spaces, because receivers reject
/// them.
pub(super) fn signature_header(secrets: &[Secret], seconds: u64, body: &str) -> String {
    let mut header = format!("t={seconds}");
    for secret in secrets {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
            .expect("HMAC takes a key of any length");
        mac.update(format!("{seconds}.").as_bytes());
        mac.update(body.as_bytes());
        header.push_str(",v2=");
        STANDARD_NO_PAD.encode_string(mac.finalize().into_bytes(), &mut header);
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = concat!(
        r#"{"version":1,"id":"e-1","source":"https://authsignal.com","#,
        r#""time":"2025-01-01T00:00:00.000Z","tenantId":"t-1","#,
        r#""type":"push.created","data":{"challengeId":"c-1","userId":"u-1","#,
        r#""idempotencyKey":"k-1","actionCode":"signIn"}}"#
    );
    const SIGNATURE: &str = "MXnkLrRk37AQZXHvhcEijQ5T6FT7kK3GSvYyA0Ljm5o";
    const TIME: UnixMillis = UnixMillis(1_735_689_600_000);

    #[test]
    fn the_published_body_is_written_byte_for_byte() {
        let data = Data {
            challenge_id: "c-1",
            user_id: "u-1",
            idempotency_key: "k-1",
            action_code: "signIn",
            ..Data::default()
        };
        let envelope = Envelope {
            version: 1,
            id: "e-1",
            source: "https://authsignal.com",
            time: iso_time(TIME).unwrap(),
            tenant_id: "t-1",
            kind: PUSH_CREATED,
            data,
        };
        assert_eq!(serde_json::to_string(&envelope).unwrap(), BODY);
    }

    #[test]
    fn the_published_signature_is_made() {
        let header =
            signature_header(&[Secret::parse("demo-secret-key").unwrap()], TIME.seconds(), BODY);
        assert_eq!(header, format!("t=1735689600,v2={SIGNATURE}"));
    }

    #[test]
    fn each_active_secret_signs_in_its_order_and_without_spaces() {
        let secrets = ["old-secret-key", "demo-secret-key", "new-secret-key"]
            .map(|s| Secret::parse(s).unwrap());
        let header = signature_header(&secrets, TIME.seconds(), BODY);
        let items: Vec<_> = header.split(',').collect();
        assert_eq!(items.len(), 4);
        assert_eq!(items[0], "t=1735689600");
        assert_eq!(items[2], format!("v2={SIGNATURE}"));
        assert!(items[1..].iter().all(|item| item.starts_with("v2=") && item.len() == 46));
        assert!(items[1] != items[2] && items[2] != items[3]);
        assert!(!header.contains([' ', '\t']));
    }

    #[test]
    fn another_body_or_time_has_another_signature() {
        let secrets = [Secret::parse("demo-secret-key").unwrap()];
        for (seconds, body) in [(1_735_689_601, BODY), (1_735_689_600, &BODY[1..])] {
            assert!(!signature_header(&secrets, seconds, body).contains(SIGNATURE));
        }
    }

    #[test]
    fn milliseconds_are_always_three_digits() {
        assert_eq!(iso_time(UnixMillis(7)).as_deref(), Some("1970-01-01T00:00:00.007Z"));
        assert_eq!(iso_time(UnixMillis(u64::MAX)), None);
    }
}
