//! The display text of a challenge, which a device shows and hashes: one text of canonical JSON.
//!
//! Keys are sorted, and there is no white space. Strings are in Unicode's normal form C. A number
//! that is no integer, or is beyond 2^53, is written as a string, because not every JSON reader
//! gets the same value from it. Amounts and the browser have an additional text, so that no device
//! has to compute one.

mod amount;
mod browser;
mod custom;

use std::borrow::Cow;

use countersign_core::action::Action;
use countersign_core::display::DisplayText;
use countersign_core::refusal::Refusal;
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;
use serde::Serialize;
use serde_json::{Map, Value};

pub(crate) use custom::check_text;
use custom::{Seen, text};

/// Builds the display text of an action. `public` names the members of its custom data that a
/// device may show.
///
/// # Errors
/// [`Refusal::CustomUnshowable`], [`Refusal::DisplayTooLong`], or [`Refusal::DisplayUnsafe`] for an
/// action that was recorded before its characters were refused by [`check`].
pub(crate) fn build(
    action: &Action,
    public: &[String],
    issued_at: UnixMillis,
) -> Result<DisplayText, Refusal> {
    DisplayText::new(&written(action, public, issued_at, browser::name)?)
}

/// Checks that the display text of an action can be built. The check first assumes the longest
/// possible browser name, because finding the real one takes longer than all other steps. It builds
/// the real text only if the assumed one is refused.
///
/// # Errors
/// The errors of [`build`].
pub(crate) fn check(
    action: &Action,
    public: &[String],
    issued_at: UnixMillis,
) -> Result<(), Refusal> {
    let longest = " ".repeat(browser::NAME_BYTES_MAX);
    let written = written(action, public, issued_at, |_| Cow::Owned(longest))?;
    if DisplayText::new(&written).is_err() {
        build(action, public, issued_at)?;
    }
    Ok(())
}

fn written(
    action: &Action,
    public: &[String],
    issued_at: UnixMillis,
    name: impl FnOnce(&str) -> Cow<'_, str>,
) -> Result<String, Refusal> {
    let Seen { custom, amounts } = custom::seen(action.context.custom.as_deref(), public)?;
    let user_agent = line(action.context.user_agent.as_ref())?;
    let shown = Shown {
        action: action.key.code.as_str(),
        amounts,
        browser: user_agent.as_deref().map(name),
        custom,
        ip_address: line(action.context.ip_address.as_ref())?,
        issued_at: issued_at.seconds(),
        requester: action.account.tenant.as_str(),
        user_agent: user_agent.as_deref(),
    };
    Ok(serde_json::to_string(&shown).expect("all of it is JSON"))
}

/// Members of the display text, declared in the order of their names, because they are written in
/// the order of the declaration.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    action: &'a str,
    #[serde(skip_serializing_if = "Map::is_empty")]
    amounts: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    browser: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    custom: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<Cow<'a, str>>,
    issued_at: u64,
    requester: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
}

fn line(line: Option<&Line>) -> Result<Option<Cow<'_, str>>, Refusal> {
    line.map(|line| text(line.as_str()).ok_or(Refusal::DisplayUnsafe)).transpose()
}

#[cfg(test)]
mod tests {
    use countersign_core::action::{ActionContext, ActionState};
    use countersign_core::id::{
        AccountKey, ActionCode, ActionKey, IdempotencyKey, TenantId, UserId,
    };
    use countersign_core::policy::DISPLAY_BYTES_MAX;

    use super::*;

    fn action(custom: Option<&str>) -> Action {
        let tenant = TenantId::parse("shop").unwrap();
        Action {
            account: AccountKey { tenant, user: UserId::parse("ann").unwrap() },
            key: ActionKey {
                code: ActionCode::parse("pay").unwrap(),
                idempotency_key: IdempotencyKey::parse("one").unwrap(),
            },
            state: ActionState::Allow,
            context: ActionContext { custom: custom.map(Into::into), ..ActionContext::default() },
            created_at: UnixMillis(0),
            state_updated_at: UnixMillis(0),
            decided_by: None,
            approved: None,
            revision: 0,
        }
    }

    fn shown(custom: &str, public: &[&str]) -> Result<String, Refusal> {
        let public: Vec<_> = public.iter().map(ToString::to_string).collect();
        let text = build(&action(Some(custom)), &public, UnixMillis(1_735_689_600_999))?;
        Ok(text.as_str().to_owned())
    }

    const BARE: &str = r#"{"action":"pay","issuedAt":1735689600,"requester":"shop"}"#;

    #[test]
    fn only_what_is_public_is_shown_and_keys_are_in_order() {
        let custom = r#"{"z":1,"payee":{"name":"Bob","account":"DE1"},"amount":1000}"#;
        assert_eq!(shown(custom, &[]).as_deref(), Ok(BARE));
        assert_eq!(shown(custom, &["absent"]).as_deref(), Ok(BARE));
        let expected = concat!(
            r#"{"action":"pay","custom":{"amount":1000,"payee":{"account":"DE1","name":"Bob"}},"#,
            r#""issuedAt":1735689600,"requester":"shop"}"#
        );
        assert_eq!(shown(custom, &["payee", "amount"]).as_deref(), Ok(expected));
    }

    #[test]
    fn an_amount_and_a_browser_have_a_text_beside_what_they_are_made_of() {
        let mut action =
            action(Some(r#"{"amount":125000,"currency":"HUF","payee":{"name":"Zoë"}}"#));
        let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 \
                     (KHTML, like Gecko) CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1";
        action.context.user_agent = Some(Line::cleaned(agent, 512));
        let public = ["amount", "currency", "payee"].map(str::to_owned);
        let text = build(&action, &public, UnixMillis(1_735_689_600_999)).unwrap();
        let expected = format!(
            "{{\"action\":\"pay\",\"amounts\":{{\"amount\":\"HUF 1\u{a0}250.00\"}},\
             \"browser\":\"Chrome on iPhone\",\
             \"custom\":{{\"amount\":125000,\"currency\":\"HUF\",\"payee\":{{\"name\":\"Zoë\"}}}},\
             \"issuedAt\":1735689600,\"requester\":\"shop\",\"userAgent\":\"{agent}\"}}"
        );
        assert_eq!(text.as_str(), expected);
    }

    #[test]
    fn a_number_that_not_every_reader_takes_for_the_same_is_written_as_text() {
        for (number, written) in [
            ("0", "0"),
            ("-7", "-7"),
            ("9007199254740991", "9007199254740991"),
            ("9007199254740992", r#""9007199254740992""#),
            ("-9007199254740992", r#""-9007199254740992""#),
            ("18446744073709551615", r#""18446744073709551615""#),
            ("12.5", r#""12.5""#),
            ("1e3", r#""1000.0""#),
        ] {
            let text = shown(&format!(r#"{{"a":[{number}]}}"#), &["a"]).unwrap();
            assert!(text.contains(&format!(r#""custom":{{"a":[{written}]}}"#)), "{text}");
        }
    }

    #[test]
    fn text_is_in_its_one_normal_form() {
        let decomposed = shown("{\"e\u{301}\":\"A\u{30a}\"}", &["e\u{301}"]).unwrap();
        assert!(decomposed.contains("\"custom\":{\"\u{e9}\":\"\u{c5}\"}"), "{decomposed}");
    }

    #[test]
    fn what_hides_or_reorders_is_refused_even_where_json_would_escape_it() {
        for bad in ["\\n", "\\u0007", "\u{202e}", "\u{200b}", "\\u202e", "x\u{200d}y"] {
            for custom in [format!("{{\"a\":\"{bad}\"}}"), format!("{{\"a\":[{{\"{bad}\":1}}]}}")] {
                let refused = shown(&custom, &["a"]).unwrap_err();
                assert!(refused.to_string().starts_with("custom.a"), "{custom:?}: {refused}");
                assert_eq!(shown(&custom, &["b"]).as_deref(), Ok(BARE), "it is not shown");
            }
        }
    }

    #[test]
    fn a_text_of_the_longest_is_shown_and_a_longer_one_refused() {
        let around = shown(r#"{"a":""}"#, &["a"]).unwrap().len();
        let of = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length));
        let longest = DISPLAY_BYTES_MAX - around;
        assert_eq!(shown(&of(longest), &["a"]).unwrap().len(), DISPLAY_BYTES_MAX);
        let refused = Refusal::DisplayTooLong { max: DISPLAY_BYTES_MAX };
        assert_eq!(shown(&of(longest + 1), &["a"]), Err(refused.clone()));
        // A check gives the same result for every browser name.
        let public = ["a".to_owned()];
        let around = around + r#""browser":"Firefox","userAgent":"Firefox","#.len();
        for (length, expected) in [(0, Ok(())), (1, Err(refused))] {
            let mut action = action(Some(&of(DISPLAY_BYTES_MAX - around + length)));
            action.context.user_agent = Some(Line::cleaned("Firefox", 64));
            assert_eq!(check(&action, &public, UnixMillis(1_735_689_600_999)), expected);
        }
    }
}
