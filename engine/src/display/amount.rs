//! The text of an amount: the currency's code first, a no-break space between thousands, a point
//! before the decimals. The text is the same for every reader, so that a person can compare two
//! screens.

use std::fmt;

use countersign_core::refusal::CustomFault;
use iso_currency::Currency;
use serde_json::Value;

/// Name of the member that is an amount, if its object also has a member [`CURRENCY`].
pub(super) const AMOUNT: &str = "amount";
/// Name of the member that is the currency of the amount beside it.
pub(super) const CURRENCY: &str = "currency";

const THOUSANDS: char = '\u{a0}';

/// An amount of a currency.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Amount {
    code: &'static str,
    is_negative: bool,
    /// Digits before the point, without leading zeros.
    whole: String,
    /// Digits after the point, as many as the currency has decimals.
    fraction: String,
}

/// Error: the member that breaks a rule, and the rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Currency(CustomFault),
    Amount(CustomFault),
}

impl Amount {
    /// Parses an amount and its currency. An amount is minor units (a JSON integer, or digits with
    /// an optional minus), or a text with exactly the currency's decimals.
    pub(super) fn parse(amount: &Value, currency: &Value) -> Result<Self, Fault> {
        let currency = currency.as_str().and_then(Currency::from_code);
        let currency = currency.ok_or(Fault::Currency(CustomFault::UnknownCurrency))?;
        let decimals = currency.exponent().ok_or(Fault::Currency(CustomFault::NoDecimals))?;
        let decimals = usize::from(decimals);
        // A JSON number with a point or an exponent is not accepted, because not every reader gets
        // the same value from it.
        let integer = amount.as_number().filter(|number| number.is_i64() || number.is_u64());
        let text = integer.map(ToString::to_string).or_else(|| Some(amount.as_str()?.to_owned()));
        let parsed = text.and_then(|text| Self::of_text(currency.code(), decimals, &text));
        parsed.ok_or(Fault::Amount(CustomFault::NotAnAmount { decimals }))
    }

    fn of_text(code: &'static str, decimals: usize, text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((whole, fraction)) => {
                let all = decimals > 0 && fraction.len() == decimals;
                (whole.to_owned(), all.then(|| fraction.to_owned())?)
            }
            None => {
                let minor = Some(unsigned).filter(|digits| !digits.is_empty())?;
                let padded = format!("{minor:0>width$}", width = decimals + 1);
                let (whole, fraction) = padded.split_at_checked(padded.len() - decimals)?;
                (whole.to_owned(), fraction.to_owned())
            }
        };
        let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !is_digits(&whole) || !is_digits(&fraction) {
            return None;
        }
        let is_zero = [&whole, &fraction].iter().all(|part| part.bytes().all(|b| b == b'0'));
        let significant = whole.trim_start_matches('0');
        let whole = if significant.is_empty() { "0" } else { significant };
        let is_negative = unsigned.len() < text.len() && !is_zero;
        Some(Self { code, is_negative, whole: whole.to_owned(), fraction })
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, if self.is_negative { "-" } else { "" })?;
        for (at, digit) in self.whole.char_indices() {
            if at > 0 && (self.whole.len() - at).is_multiple_of(3) {
                write!(f, "{THOUSANDS}")?;
            }
            write!(f, "{digit}")?;
        }
        if self.fraction.is_empty() { Ok(()) } else { write!(f, ".{}", self.fraction) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn text(amount: &Value, currency: &str) -> Result<String, Fault> {
        Amount::parse(amount, &json!(currency)).map(|amount| amount.to_string())
    }

    #[test]
    fn an_amount_is_minor_units_or_has_exactly_the_currencys_decimals() {
        for (amount, currency, shown) in [
            (json!("1250.00"), "EUR", "EUR 1\u{a0}250.00"),
            (json!(125_000), "EUR", "EUR 1\u{a0}250.00"),
            (json!("125000"), "EUR", "EUR 1\u{a0}250.00"),
            (json!(125_000), "HUF", "HUF 1\u{a0}250.00"),
            (json!(125_000), "ISK", "ISK 125\u{a0}000"),
            (json!("125000"), "JPY", "JPY 125\u{a0}000"),
            (json!(125_000), "BHD", "BHD 125.000"),
            (json!("0.125"), "BHD", "BHD 0.125"),
            (json!(125_000), "CLF", "CLF 12.5000"),
            (json!(0), "EUR", "EUR 0.00"),
            (json!(5), "EUR", "EUR 0.05"),
            (json!(-5), "EUR", "EUR -0.05"),
            (json!("-1234567.89"), "USD", "USD -1\u{a0}234\u{a0}567.89"),
            (json!("-0"), "EUR", "EUR 0.00"),
            (json!("-0.00"), "EUR", "EUR 0.00"),
            (json!("007"), "EUR", "EUR 0.07"),
            (json!("0010.50"), "EUR", "EUR 10.50"),
            (json!(99_999), "EUR", "EUR 999.99"),
            (json!(u64::MAX), "EUR", "EUR 184\u{a0}467\u{a0}440\u{a0}737\u{a0}095\u{a0}516.15"),
            (
                json!(i64::MIN),
                "JPY",
                "JPY -9\u{a0}223\u{a0}372\u{a0}036\u{a0}854\u{a0}775\u{a0}808",
            ),
        ] {
            assert_eq!(text(&amount, currency).as_deref(), Ok(shown), "{amount} {currency}");
        }
    }

    #[test]
    fn anything_else_is_no_amount() {
        let refused = |decimals| Err(Fault::Amount(CustomFault::NotAnAmount { decimals }));
        for amount in [
            json!(null),
            json!(true),
            json!(12.5),
            json!(1250.0),
            json!([1]),
            json!({ "a": 1 }),
            json!(""),
            json!("-"),
            json!("."),
            json!(".00"),
            json!("1."),
            json!("1.5"),
            json!("1.500"),
            json!("1,50"),
            json!("1 000"),
            json!("1\u{a0}000"),
            json!("+1"),
            json!("--1"),
            json!(" 1"),
            json!("1e3"),
            json!("1.0.0"),
            json!("-1.-5"),
            json!("0x10"),
            json!("١٢"),
            json!("é1"),
            json!("1.é"),
        ] {
            assert_eq!(text(&amount, "EUR"), refused(2), "{amount}");
        }
        assert_eq!(text(&json!("1250.00"), "JPY"), refused(0));
        assert_eq!(text(&json!("1250.00"), "BHD"), refused(3));
    }

    #[test]
    fn a_currency_is_one_of_iso_4217_that_has_decimals() {
        for unknown in
            [json!("EURO"), json!("eur"), json!("ZZZ"), json!(""), json!(null), json!(978)]
        {
            let fault = Fault::Currency(CustomFault::UnknownCurrency);
            assert_eq!(Amount::parse(&json!(1), &unknown), Err(fault), "{unknown}");
        }
        for code in ["XAU", "XAG", "XPD", "XPT", "XDR", "XTS"] {
            let fault = Fault::Currency(CustomFault::NoDecimals);
            assert_eq!(Amount::parse(&json!(1), &json!(code)), Err(fault), "{code}");
        }
    }

    /// Checks the library's table against ISO 4217, list one, because a new version of the library
    /// must not change the decimals of a currency unnoticed.
    #[test]
    fn the_decimals_are_those_of_the_standard() {
        let of = |code| Currency::from_code(code).and_then(Currency::exponent);
        let none = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
        let three = "BHD IQD JOD KWD LYD OMR TND";
        let two = "AED AUD BGN BRL CAD CHF CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR IRR \
                   KES LAK LBP MGA MRU MXN MYR NOK NZD PHP PKR PLN QAR RON RSD RUB SAR SEK SGD \
                   THB TRY TWD UAH USD UZS YER ZAR";
        for (codes, decimals) in [(none, 0), (two, 2), (three, 3), ("CLF UYW", 4)] {
            for code in codes.split_whitespace() {
                assert_eq!(of(code), Some(decimals), "{code}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_text_says_the_number_that_was_given(minor in any::<i64>()) {
            for (currency, decimals) in [("JPY", 0), ("EUR", 2), ("BHD", 3), ("CLF", 4)] {
                let shown = text(&json!(minor), currency).unwrap();
                prop_assert_eq!(&shown, &text(&json!(minor.to_string()), currency).unwrap());
                let number = shown.strip_prefix(&format!("{currency} ")).unwrap();
                let digits = number.replace(['.', THOUSANDS], "");
                prop_assert_eq!(digits.parse(), Ok(minor));
                let behind = number.split_once('.').map_or(0, |(_, fraction)| fraction.len());
                prop_assert_eq!(behind, decimals);
                let plain = number.replace(THOUSANDS, "");
                prop_assert_eq!(&shown, &text(&json!(plain), currency).unwrap());
            }
        }

        #[test]
        fn no_text_panics(amount in "\\PC{0,12}", currency in "[A-Z]{3}") {
            let _ = text(&json!(amount), &currency);
        }
    }
}
