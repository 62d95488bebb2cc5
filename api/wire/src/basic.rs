//! `Authorization: Basic` in the encodings of the official SDKs.
//!
//! Server SDKs and Android send padded base64 of `name:`. iOS sends unpadded base64url of `name:`.
//! Browsers send base64 of the percent-encoded name, without a colon.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::publickey::base64_lenient;

/// Characters to percent-encode as JavaScript's `encodeURIComponent` does: it leaves letters,
/// digits and the characters below as they are.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Decodes the text after `Basic ` to a tenant's id or to a secret. Returns `None` if the text
/// cannot be decoded.
#[must_use]
pub fn decode(credentials: &str) -> Option<String> {
    let text = String::from_utf8(base64_lenient(credentials)?).ok()?;
    let name = text.split(':').next().unwrap_or_default();
    percent_decode_str(name).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// Encodes a tenant's id or a secret as server SDKs and Android do.
#[must_use]
pub fn encode_standard(name: &str) -> String {
    STANDARD.encode(format!("{name}:"))
}

/// Encodes a tenant's id or a secret as iOS does.
#[must_use]
pub fn encode_url(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{name}:"))
}

/// Encodes a tenant's id or a secret as browsers do.
#[must_use]
pub fn encode_browser(name: &str) -> String {
    STANDARD.encode(utf8_percent_encode(name, COMPONENT).to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_three_encodings_mean_one_name() {
        for name in ["demo", "t", "tenant_1-A", "my tenant/ü"] {
            for text in [encode_standard(name), encode_url(name), encode_browser(name)] {
                assert_eq!(decode(&text).as_deref(), Some(name), "{text}");
            }
        }
        assert_eq!(encode_standard("demo"), "ZGVtbzo=");
        assert_eq!(encode_url("demo"), "ZGVtbzo");
    }

    #[test]
    fn a_password_is_not_part_of_the_name() {
        assert_eq!(decode(&STANDARD.encode("demo:secret:x")).as_deref(), Some("demo"));
        assert_eq!(decode("").as_deref(), Some(""));
    }

    #[test]
    fn what_is_not_text_is_refused() {
        for bad in [
            "%",
            "a",
            "ZGVt bzo=",
            "ZGVtbzo=!",
            &STANDARD.encode(b"\xff\xfe"),
            &STANDARD.encode("%ff"),
        ] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = decode(&text);
        }

        #[test]
        fn any_name_survives_the_browser(name in "\\PC{0,40}") {
            prop_assert_eq!(decode(&encode_browser(&name)), Some(name));
        }
    }
}
