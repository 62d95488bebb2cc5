//! Output of challenges to the terminal. Text of other parties is cleaned of the control characters
//! that a terminal executes.

use std::io::{self, Write};

use countersign_client::wire::custom::Object;
use countersign_client::wire::pending::PendingChallenge;
use countersign_client::wire::time::Iso8601;
use countersign_client::{Display, Row, Unreadable, rows};
use countersign_core::policy::DISPLAY_BYTES_MAX;
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;
use serde_json::Value;

use super::device::Asked;

/// Maximum length of one shown text, in bytes. It is above the limit of a display, because the
/// device signs the whole display and must not show less.
const SHOWN_BYTES_MAX: usize = 4 * DISPLAY_BYTES_MAX;

/// Replaces the control and bidirectional characters of a text.
pub(super) fn clean(text: &str) -> String {
    Line::cleaned(text, SHOWN_BYTES_MAX).as_str().to_owned()
}

/// Prints a challenge's question.
pub(super) fn show_challenge(
    asked: &Asked,
    now: UnixMillis,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out)?;
    if let Some(digits) = asked.digits() {
        line("number", &format!("{digits} digits, shown where this began, to approve"), out)?;
    }
    let Asked { pending, prompt } = asked;
    let Some(prompt) = prompt else { return show_official(pending, now, out) };
    line("challenge", &pending.challenge_id, out)?;
    line("user", &pending.user_id, out)?;
    show_display(prompt.display(), out)?;
    show_expiry(pending.expires_at, now, out)
}

/// Prints that a challenge is pending which cannot be shown.
pub(super) fn show_unreadable(
    challenge: &str,
    error: &Unreadable,
    out: &mut impl Write,
) -> io::Result<()> {
    let (challenge, error) = (clean(challenge), clean(&error.to_string()));
    writeln!(out, "\nchallenge {challenge} cannot be shown, and so not answered: {error}")
}

/// Prints the display, which is the text that the device signs, and nothing else.
fn show_display(display: &Display, out: &mut impl Write) -> io::Result<()> {
    line("action", display.action(), out)?;
    show_rows(&display.custom_rows(), "", out)?;
    for (name, value) in display.members() {
        match (name.as_str(), value) {
            // `custom` and `amounts` are printed above.
            ("action", _) | ("amounts" | "custom", Value::Object(_)) => {}
            ("issuedAt", Value::Number(seconds)) if seconds.is_u64() => {
                let seconds = seconds.as_u64().unwrap_or_default();
                let at = UnixMillis(seconds.saturating_mul(1000));
                line("issued", &Iso8601(at).to_string(), out)?;
            }
            ("ipAddress", Value::String(text)) => line("IP address", text, out)?,
            ("userAgent", Value::String(text)) => line("user agent", text, out)?,
            (name, value) => {
                let one = Object::from_iter([(name.to_owned(), value.clone())]);
                show_rows(&rows(&one, None), "", out)?;
            }
        }
    }
    Ok(())
}

fn show_official(
    pending: &PendingChallenge,
    now: UnixMillis,
    out: &mut impl Write,
) -> io::Result<()> {
    line("challenge", &pending.challenge_id, out)?;
    line("action", &pending.action_code, out)?;
    line("user", &pending.user_id, out)?;
    for (name, text) in [
        ("IP address", &pending.ip_address),
        ("user agent", &pending.user_agent),
        ("device id", &pending.device_id),
    ] {
        if let Some(text) = text {
            line(name, text, out)?;
        }
    }
    let display = pending.display.as_deref().and_then(|text| Display::parse(text).ok());
    if let Some(browser) = display.as_ref().and_then(Display::browser) {
        line("browser", browser, out)?;
    }
    // Only the display has the formatted amount.
    let unshown = || pending.custom.as_ref().map(|custom| rows(custom, None)).unwrap_or_default();
    show_rows(&display.as_ref().map_or_else(unshown, Display::custom_rows), "", out)?;
    let users = pending.user.as_ref().and_then(|user| user.custom.as_ref());
    show_rows(&users.map(|custom| rows(custom, None)).unwrap_or_default(), "user's ", out)?;
    show_expiry(pending.expires_at, now, out)
}

fn show_expiry(seconds: u64, now: UnixMillis, out: &mut impl Write) -> io::Result<()> {
    let expires_at = UnixMillis(seconds.saturating_mul(1000));
    let left = expires_at.ms_since(now) / 1000;
    line("expires", &format!("{} (in {left} s)", Iso8601(expires_at)), out)
}

fn show_rows(rows: &[Row], whose: &str, out: &mut impl Write) -> io::Result<()> {
    rows.iter().try_for_each(|Row { name, text }| line(&format!("{whose}{name}"), text, out))
}

fn line(name: &str, text: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "  {:<11} {}", clean(name), clean(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_signed_is_shown() {
        let long = "ü".repeat(1900);
        let text = serde_json::json!({"action": "pay", "custom": {"note": long, "to": {"a": [1]}},
            "ipAddress": "::1", "issuedAt": "then", "location": "Zürich", "requester": "shop"});
        let display = Display::parse(&text.to_string()).unwrap();
        let mut out = Vec::new();
        show_display(&display, &mut out).unwrap();
        let shown = String::from_utf8(out).unwrap();
        for part in ["pay", &long, "  to.a.1      1\n", "::1", "then", "Zürich", "shop"] {
            assert!(shown.contains(part), "{part:.20}");
        }
        assert!(!shown.contains('{'), "nested values are rows: {shown}");
    }

    #[test]
    fn an_amount_is_shown_by_the_text_that_is_signed_and_a_browser_by_its_name() {
        let display = serde_json::json!({"action": "pay",
            "amounts": {"amount": "HUF 1\u{a0}250.00"}, "browser": "Chrome on iPhone",
            "userAgent": "Mozilla/5.0 (iPhone)",
            "custom": {"amount": 125_000, "currency": "HUF", "payee": {"name": "Zoë"}}});
        let text = display.to_string();
        let pending: PendingChallenge = serde_json::from_value(serde_json::json!({
            "userAuthenticatorId": "b7", "challengeId": "c", "userId": "u-1", "actionCode": "pay",
            "idempotencyKey": "k", "expiresAt": 0, "display": text, "custom": display["custom"],
        }))
        .unwrap();
        let (mut stated, mut official) = (Vec::new(), Vec::new());
        show_display(&Display::parse(&text).unwrap(), &mut stated).unwrap();
        show_official(&pending, UnixMillis(0), &mut official).unwrap();
        for shown in [stated, official] {
            let shown = String::from_utf8(shown).unwrap();
            for part in [
                "  amount      HUF 1\u{a0}250.00\n",
                "  payee.name  Zoë\n",
                "  browser     Chrome on iPhone\n",
            ] {
                assert!(shown.contains(part), "{part:?} is in {shown}");
            }
            assert!(!shown.contains("125000"), "{shown}");
        }
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_shown() {
        let evil = "\u{1b}[2J\u{9b}31m\r\u{202e}x";
        let pending: PendingChallenge = serde_json::from_value(serde_json::json!({
            "userAuthenticatorId": "b7", "challengeId": evil, "userId": evil, "actionCode": evil,
            "idempotencyKey": evil, "ipAddress": evil, "userAgent": evil, "deviceId": evil,
            "expiresAt": u64::MAX,
            "custom": {evil: evil, "nested": {evil: [evil]}}, "user": {"custom": {evil: evil}},
        }))
        .unwrap();
        let mut out = Vec::new();
        show_challenge(&Asked { pending, prompt: None }, UnixMillis(0), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().count() > 9);
        let obeyed = |c: char| c != '\n' && countersign_core::text::is_unsafe(c);
        assert!(!text.contains(obeyed), "{text:?}");
    }
}
