//! Showing a challenge to a person. Whatever others wrote is cleaned of characters that a terminal
//! obeys.

use std::io::{self, Write};

use countersign_client::wire::custom::Object;
use countersign_client::wire::pending::PendingResponse;
use countersign_client::wire::time::Iso8601;
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;

/// Bytes of one text that are shown, at most.
const SHOWN_BYTES_MAX: usize = 1024;

/// A text in which control and bidirectional characters are replaced.
pub(super) fn clean(text: &str) -> String {
    Line::cleaned(text, SHOWN_BYTES_MAX).as_str().to_owned()
}

/// Shows what is to be decided.
pub(super) fn show_challenge(
    pending: &PendingResponse,
    now: UnixMillis,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out)?;
    for (name, text) in [
        ("challenge", &pending.challenge_id),
        ("action", &pending.action_code),
        ("user", &pending.user_id),
        ("IP address", &pending.ip_address),
        ("user agent", &pending.user_agent),
        ("device id", &pending.device_id),
    ] {
        if let Some(text) = text {
            writeln!(out, "  {name:<11} {}", clean(text))?;
        }
    }
    show_custom(pending.custom.as_ref(), "", out)?;
    show_custom(pending.user.as_ref().and_then(|u| u.custom.as_ref()), "user's ", out)?;
    if let Some(seconds) = pending.expires_at {
        let expires_at = UnixMillis(seconds.saturating_mul(1000));
        let left = expires_at.ms_since(now) / 1000;
        writeln!(out, "  {:<11} {} (in {left} s)", "expires", Iso8601(expires_at))?;
    }
    Ok(())
}

fn show_custom(custom: Option<&Object>, whose: &str, out: &mut impl Write) -> io::Result<()> {
    for (name, value) in custom.into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        writeln!(out, "  {:<11} {}", format!("{whose}{}", clean(name)), clean(&text))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_shown() {
        let evil = "\u{1b}[2J\u{9b}31m\r\u{202e}x";
        let pending: PendingResponse = serde_json::from_value(serde_json::json!({
            "userAuthenticatorId": "b7", "challengeId": evil, "userId": evil, "actionCode": evil,
            "ipAddress": evil, "userAgent": evil, "deviceId": evil, "expiresAt": u64::MAX,
            "custom": {evil: evil, "nested": {evil: [evil]}}, "user": {"custom": {evil: evil}},
        }))
        .unwrap();
        let mut out = Vec::new();
        show_challenge(&pending, UnixMillis(0), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().count() > 9);
        let obeyed = |c: char| c != '\n' && countersign_core::text::is_unsafe(c);
        assert!(!text.contains(obeyed), "{text:?}");
    }
}
