//! Rows to display: a name and a text for every value, at any depth. Nothing is computed here,
//! because an amount has the text that the server wrote.

use countersign_wire::custom::Object;
use serde_json::Value;

const AMOUNT: &str = "amount";
const CURRENCY: &str = "currency";
const EMPTY: &str = "(empty)";

/// One row to display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Path of the value, such as `payee.name`. Positions in a list count from 1.
    pub name: String,
    /// Text of the value, displayed unchanged.
    pub text: String,
}

/// Lists the rows of an object. `amounts` has the same structure and contains the texts of the
/// object's amounts.
#[must_use]
pub fn rows(object: &Object, amounts: Option<&Object>) -> Vec<Row> {
    let mut rows = Vec::new();
    members(object, amounts, "", &mut rows);
    rows
}

fn members(object: &Object, texts: Option<&Object>, place: &str, rows: &mut Vec<Row>) {
    let text = |name: &str| texts.and_then(|texts| texts.get(name));
    let amount = text(AMOUNT).and_then(Value::as_str);
    for (name, value) in object {
        // The amount's text begins with the currency, so no row is needed for the currency.
        let told = value.as_str().zip(amount).is_some_and(|(code, text)| text.starts_with(code));
        if name == CURRENCY && told {
            continue;
        }
        push(&within(place, name), value, text(name), rows);
    }
    // A text in `amounts` without a value in the object is signed too, so it is displayed.
    for (name, text) in texts.into_iter().flatten().filter(|(name, _)| !object.contains_key(*name))
    {
        push(&within(place, name), text, None, rows);
    }
}

/// Adds the rows of one value. The recursion is bounded, because parsed JSON is at most 128 levels
/// deep.
fn push(place: &str, value: &Value, text: Option<&Value>, rows: &mut Vec<Row>) {
    let mut row = |text: String| rows.push(Row { name: place.to_owned(), text });
    let texts = text.and_then(Value::as_object);
    match value {
        _ if text.is_some_and(Value::is_string) => {
            row(text.and_then(Value::as_str).unwrap_or_default().to_owned());
        }
        Value::Object(object) if object.is_empty() && texts.is_none() => row(EMPTY.to_owned()),
        Value::Array(values) if values.is_empty() => row(EMPTY.to_owned()),
        Value::Object(object) => members(object, texts, place, rows),
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                let text = texts.and_then(|texts| texts.get(&index.to_string()));
                push(&within(place, &(index + 1).to_string()), value, text, rows);
            }
        }
        Value::String(text) => row(text.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) => row(value.to_string()),
    }
}

fn within(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(object: &Value, amounts: &Value) -> Vec<(String, String)> {
        let rows = rows(object.as_object().unwrap(), amounts.as_object());
        rows.into_iter().map(|row| (row.name, row.text)).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn every_value_has_a_row_and_an_amount_has_the_servers_text() {
        let custom = json!({
            "amount": 125_000, "currency": "HUF",
            "items": [{ "price": { "amount": 5, "currency": "EUR" } }, "tea"],
            "payee": { "account": "DE02", "name": "Zoë" },
            "nothing": null, "none": {}, "list": [], "ok": true, "text": "",
        });
        let amounts = json!({
            "amount": "HUF 1\u{a0}250.00", "items": { "0": { "price": { "amount": "EUR 0.05" } } },
        });
        let expected = pairs(&[
            ("amount", "HUF 1\u{a0}250.00"),
            ("items.1.price.amount", "EUR 0.05"),
            ("items.2", "tea"),
            ("list", EMPTY),
            ("none", EMPTY),
            ("nothing", "null"),
            ("ok", "true"),
            ("payee.account", "DE02"),
            ("payee.name", "Zoë"),
            ("text", ""),
        ]);
        assert_eq!(shown(&custom, &amounts), expected);
    }

    #[test]
    fn nothing_that_is_signed_is_left_out() {
        let custom = json!({ "amount": 5, "currency": "EUR" });
        let raw = pairs(&[("amount", "5"), ("currency", "EUR")]);
        assert_eq!(shown(&custom, &Value::Null), raw, "no text was made for it");
        let other = json!({ "amount": "HUF 0.05", "fee": { "amount": "EUR 1.00" } });
        let both =
            pairs(&[("amount", "HUF 0.05"), ("currency", "EUR"), ("fee.amount", "EUR 1.00")]);
        assert_eq!(shown(&custom, &other), both);
    }
}
