//! `Prefer: wait=N` (RFC 7240): the seconds for which a poll may be parked.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use countersign_core::policy::WAIT_MS_MAX;

static PREFER: HeaderName = HeaderName::from_static("prefer");

/// Header that names the applied preference.
pub static PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Time that a caller prefers to wait, limited to the maximum of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    seconds: u64,
}

impl Wait {
    /// Parses the first `wait` preference. An invalid one is ignored, as RFC 7240 demands.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(&PREFER).filter_map(|v| v.to_str().ok());
        let mut preferences = values.flat_map(|v| v.split(','));
        let wait = preferences.find_map(|preference| {
            let (name, value) = preference.split(';').next()?.split_once('=')?;
            name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"'))
        })?;
        let digits = !wait.is_empty() && wait.bytes().all(|b| b.is_ascii_digit());
        // A number that does not fit means a long wait, which is limited to the maximum.
        digits.then(|| Self { seconds: wait.parse().unwrap_or(u64::MAX).min(WAIT_MS_MAX / 1000) })
    }

    /// Returns the time to wait, in milliseconds.
    pub const fn ms(self) -> u64 {
        self.seconds * 1000
    }

    /// Returns the value of `Preference-Applied`.
    pub fn applied(self) -> HeaderValue {
        let text = format!("wait={}", self.seconds);
        HeaderValue::try_from(text).expect("ASCII letters and digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_of(values: &[&'static str]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PREFER.clone(), HeaderValue::from_static(value));
        }
        Wait::of(&headers).map(|wait| wait.seconds)
    }

    #[test]
    fn a_wait_is_read_wherever_it_stands() {
        assert_eq!(wait_of(&["wait=10"]), Some(10));
        assert_eq!(wait_of(&["respond-async, WAIT = \"7\" ; x=y"]), Some(7));
        assert_eq!(wait_of(&["respond-async", "wait=3, wait=9"]), Some(3));
        assert_eq!(wait_of(&["wait=0"]), Some(0));
    }

    #[test]
    fn a_long_wait_is_clamped() {
        assert_eq!(wait_of(&["wait=31"]), Some(30));
        assert_eq!(wait_of(&["wait=99999999999999999999999"]), Some(30));
    }

    #[test]
    fn what_is_no_wait_is_ignored() {
        for value in ["wait", "wait=", "wait=-1", "wait=1.5", "wait=ten", "waiting=5", ""] {
            assert_eq!(wait_of(&[value]), None, "{value}");
        }
    }
}
