//! Custom data that a device may show: its members are checked and normalized, and each amount gets
//! a text.

use std::borrow::Cow;
use std::fmt::Write as _;

use countersign_core::refusal::CustomFault;
use countersign_core::refusal::Refusal;
use countersign_core::text::{Line, is_safe, without_stray_marks};
use icu_normalizer::ComposingNormalizerBorrowed;
use serde_json::{Map, Value};

use super::amount::{AMOUNT, Amount, CURRENCY, Fault};

/// Largest integer up to which a double-precision number represents every integer exactly.
const INTEGER_MAX: u64 = (1 << 53) - 1;
/// Maximum length of a member's path in a refusal, in bytes. A longer path is cut.
const FIELD_BYTES_MAX: usize = 128;

/// Custom data as a device shows it.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) custom: Map<String, Value>,
    /// Text of each amount, at the path that the amount has in `custom`. The key of a list's
    /// element is its index, from 0.
    pub(super) amounts: Map<String, Value>,
}

/// Parses a JSON object, and returns the members that `public` names, checked and normalized. A
/// text that is no JSON object has no members.
///
/// # Errors
/// [`Refusal::CustomUnshowable`] for a member that breaks a rule, with its path.
pub(super) fn seen(json: Option<&str>, public: &[String]) -> Result<Seen, Refusal> {
    let Some(json) = json.filter(|_| !public.is_empty()) else { return Ok(Seen::default()) };
    Walk { place: Vec::new(), has_amounts: true }.object(members(json, public))
}

/// Checks the characters of the public members of a user's own custom data. Amounts are not
/// checked, because this data describes the user, and nobody approves an amount by it.
///
/// # Errors
/// [`Refusal::CustomUnshowable`] for a member that breaks a rule, with its path.
pub(crate) fn check_text(json: &str, public: &[String]) -> Result<(), Refusal> {
    let mut walk = Walk { place: Vec::new(), has_amounts: false };
    walk.object(members(json, public)).map(|_| ())
}

fn members(json: &str, public: &[String]) -> Map<String, Value> {
    let all: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
    all.into_iter().filter(|(name, _)| public.contains(name)).collect()
}

/// Returns a text in Unicode's normal form C, without direction marks that have no effect. Returns
/// `None` for a text with characters that hide, reorder or forge text. The check comes before the
/// text is written as JSON, because JSON would escape the forbidden characters.
pub(super) fn text(line: &str) -> Option<Cow<'_, str>> {
    let normal = normal(line);
    let text = match normal {
        Cow::Borrowed(line) => without_stray_marks(line),
        Cow::Owned(line) => without_stray_marks(&line).into_owned().into(),
    };
    is_safe(&text).then_some(text)
}

fn normal(line: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(line)
}

/// State of a walk over custom data.
struct Walk {
    /// Path of the current member, from `custom` on.
    place: Vec<Step>,
    /// True if amounts are checked and get a text.
    has_amounts: bool,
}

enum Step {
    Name(String),
    Index(usize),
}

impl Walk {
    /// Checks and normalizes an object. The recursion ends, because parsed JSON is at most 128
    /// levels deep.
    fn object(&mut self, object: Map<String, Value>) -> Result<Seen, Refusal> {
        let amount = self.amount(&object)?;
        let mut seen = Seen::default();
        for (name, member) in object {
            self.place.push(Step::Name(name.clone()));
            // A name with a direction mark is refused, because two different names would look
            // alike.
            let name = Some(normal(&name)).filter(|name| is_safe(name));
            let name = name.ok_or_else(|| self.refused(CustomFault::Unsafe))?.into_owned();
            let (value, texts) = self.value(member)?;
            if !texts.is_empty() {
                seen.amounts.insert(name.clone(), Value::Object(texts));
            }
            seen.custom.insert(name, value);
            self.place.pop();
        }
        if let Some(amount) = amount {
            seen.amounts.insert(AMOUNT.to_owned(), Value::String(amount.to_string()));
        }
        Ok(seen)
    }

    /// Parses the amount of an object that has both an amount and a currency.
    fn amount(&mut self, object: &Map<String, Value>) -> Result<Option<Amount>, Refusal> {
        let beside = object.get(AMOUNT).zip(object.get(CURRENCY));
        let Some((amount, currency)) = beside.filter(|_| self.has_amounts) else {
            return Ok(None);
        };
        let (name, fault) = match Amount::parse(amount, currency) {
            Ok(amount) => return Ok(Some(amount)),
            Err(Fault::Amount(fault)) => (AMOUNT, fault),
            Err(Fault::Currency(fault)) => (CURRENCY, fault),
        };
        self.place.push(Step::Name(name.to_owned()));
        Err(self.refused(fault))
    }

    /// Checks and normalizes a value, and returns it with the texts of the amounts in it. A number
    /// that not every reader gets the same value from is written as a string.
    fn value(&mut self, value: Value) -> Result<(Value, Map<String, Value>), Refusal> {
        let plain = match value {
            Value::Null | Value::Bool(_) => value,
            Value::Number(number) => {
                let exact = number.as_i64().is_some_and(|n| n.unsigned_abs() <= INTEGER_MAX);
                if exact { Value::Number(number) } else { Value::String(number.to_string()) }
            }
            Value::String(line) => {
                let text = text(&line).ok_or_else(|| self.refused(CustomFault::Unsafe))?;
                Value::String(text.into_owned())
            }
            Value::Array(values) => return self.list(values),
            Value::Object(object) => {
                let Seen { custom, amounts } = self.object(object)?;
                return Ok((Value::Object(custom), amounts));
            }
        };
        Ok((plain, Map::new()))
    }

    fn list(&mut self, values: Vec<Value>) -> Result<(Value, Map<String, Value>), Refusal> {
        let (mut list, mut amounts) = (Vec::with_capacity(values.len()), Map::new());
        for (index, value) in values.into_iter().enumerate() {
            self.place.push(Step::Index(index));
            let (value, texts) = self.value(value)?;
            if !texts.is_empty() {
                amounts.insert(index.to_string(), Value::Object(texts));
            }
            list.push(value);
            self.place.pop();
        }
        Ok((Value::Array(list), amounts))
    }

    /// Returns the refusal of the current member, with its path. Unsafe characters in a name are
    /// replaced.
    fn refused(&self, fault: CustomFault) -> Refusal {
        let mut field = "custom".to_owned();
        for step in &self.place {
            let written = match step {
                Step::Name(name) => write!(field, ".{name}"),
                Step::Index(index) => write!(field, "[{index}]"),
            };
            written.expect("a String takes all that is written");
        }
        let field = Line::cleaned(&field, FIELD_BYTES_MAX).as_str().to_owned();
        Refusal::CustomUnshowable { field, fault }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(custom: &Value, public: &[&str]) -> Result<(Value, Value), (String, CustomFault)> {
        let public: Vec<_> = public.iter().map(ToString::to_string).collect();
        match seen(Some(&custom.to_string()), &public) {
            Ok(Seen { custom, amounts }) => Ok((Value::Object(custom), Value::Object(amounts))),
            Err(Refusal::CustomUnshowable { field, fault }) => Err((field, fault)),
            Err(other) => panic!("{other}"),
        }
    }

    fn refused(custom: &Value, public: &[&str]) -> String {
        of(custom, public).unwrap_err().0
    }

    #[test]
    fn an_amount_gets_its_text_wherever_a_currency_stands_beside_it() {
        let custom = json!({
            "amount": "1250.00", "currency": "EUR",
            "fee": { "amount": 5, "currency": "EUR", "note": "flat" },
            "items": [{ "name": "a" }, { "price": { "amount": "700", "currency": "JPY" } }],
        });
        let public = ["amount", "currency", "fee", "items"];
        let amounts = json!({
            "amount": "EUR 1\u{a0}250.00",
            "fee": { "amount": "EUR 0.05" },
            "items": { "1": { "price": { "amount": "JPY 700" } } },
        });
        assert_eq!(of(&custom, &public), Ok((custom, amounts)), "the custom data is unchanged");
    }

    #[test]
    fn an_amount_that_no_currency_stands_beside_is_shown_as_it_came() {
        for custom in [
            json!({ "amount": null }),
            json!({ "amount": "1250.00", "fee": { "currency": "EUR" } }),
            json!({ "currency": "gold", "coins": 5 }),
            json!({ "Amount": "many", "currency": "EUR" }),
        ] {
            let public = ["amount", "Amount", "currency", "coins", "fee"];
            assert_eq!(of(&custom, &public), Ok((custom, json!({}))));
        }
    }

    #[test]
    fn a_refusal_names_the_member_that_a_device_would_show() {
        let bad = json!("a\u{202e}b");
        for (custom, field) in [
            (json!({ "payee": bad }), "custom.payee"),
            (json!({ "payee": { "name": bad } }), "custom.payee.name"),
            (json!({ "payee": [1, { "name": [bad] }] }), "custom.payee[1].name[0]"),
            (json!({ "payee": { "a\u{7}b": 1 } }), "custom.payee.a\u{fffd}b"),
            (json!({ "payee": { "a\u{200f}b": 1 } }), "custom.payee.a\u{fffd}b"),
            (json!({ "payee": { "amount": true, "currency": "EUR" } }), "custom.payee.amount"),
            (json!({ "payee": [{ "amount": 1, "currency": "XAU" }] }), "custom.payee[0].currency"),
            (json!({ "amount": null, "currency": "EUR" }), "custom.amount"),
            (json!({ "amount": 1250.5, "currency": "EUR" }), "custom.amount"),
            (
                json!({ "amount": { "amount": 1, "currency": "EUR" }, "currency": "EUR" }),
                "custom.amount",
            ),
            (json!({ "amount": 1, "currency": "EURO" }), "custom.currency"),
            (json!({ "amount": 1, "currency": null }), "custom.currency"),
        ] {
            assert_eq!(refused(&custom, &["payee", "amount", "currency"]), field, "{custom}");
            assert!(
                of(&custom, &["other"]).is_ok(),
                "what no device shows is not checked: {custom}"
            );
            assert!(of(&custom, &[]).is_ok());
        }
        // Without both an amount and its currency there is nothing to check.
        let custom = json!({ "amount": null, "currency": "EUR" });
        assert!(of(&custom, &["amount"]).is_ok());
        assert!(of(&custom, &["currency"]).is_ok());
        let long = "x".repeat(1000);
        assert_eq!(refused(&json!({ "a": { long: bad } }), &["a"]).len(), FIELD_BYTES_MAX);
    }

    #[test]
    fn of_a_users_own_data_only_the_characters_are_checked() {
        let public = ["amount".to_owned(), "currency".to_owned()];
        let of = |custom: Value| check_text(&custom.to_string(), &public);
        assert_eq!(of(json!({ "amount": null, "currency": "EUR", "note": "\u{202e}" })), Ok(()));
        let refused = of(json!({ "amount": "\u{202e}" })).unwrap_err().to_string();
        assert!(refused.starts_with("custom.amount: control, bidirectional"), "{refused}");
    }

    #[test]
    fn a_right_to_left_name_keeps_its_marks_and_others_lose_them() {
        for (name, shown) in [
            ("\u{200f}אברהם (בנק)\u{200f}", "\u{200f}אברהם (בנק)\u{200f}"),
            ("شركة\u{61c} 12", "شركة\u{61c} 12"),
            ("\u{200f}12-34\u{200f}", "12-34"),
            ("Acme\u{200e}", "Acme"),
        ] {
            let custom = json!({ "payee": { "name": name } });
            let expected = json!({ "payee": { "name": shown } });
            assert_eq!(of(&custom, &["payee"]), Ok((expected, json!({}))), "{name:?}");
        }
    }
}
