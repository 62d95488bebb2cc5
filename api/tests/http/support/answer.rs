//! Checks of every response: its form must suit the strictest of the official SDKs.

use countersign_wire::reason::Reason;
use reqwest::Response;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// A complete response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(super) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the whole body comes");
        Self { status, headers, text }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().expect("headers are ASCII"))
    }

    fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{}", self.text);
        serde_json::from_str(&self.text).expect("every answer is JSON")
    }

    /// Checks that the response is a success and returns its body. The status must be exactly 200
    /// and the body JSON with the exact content type, without a key that the browser SDK reads as a
    /// failure.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()
    }

    /// Checks that the response is this refusal and returns its body. It must have the contract's
    /// three keys and a reason of the table.
    pub(crate) fn refused(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        let body = self.json();
        assert_eq!(body["error"], code, "{body}");
        assert_eq!(body["errorCode"], code, "{body}");
        assert!(body["errorDescription"].as_str().is_some_and(|t| !t.is_empty()), "{body}");
        assert_reason(&body, status, code);
        let keys = body.as_object().expect("an object").len();
        assert_eq!(keys, 4 + usize::from(body.get("challengeId").is_some()), "{body}");
        body
    }

    /// Checks that the response is any response of the contract, and no server error.
    pub(crate) fn in_contract(&self) {
        assert!(self.status < 500, "{} {}", self.status, self.text);
        if self.status == 200 {
            self.ok();
        } else {
            let code = self.json()["errorCode"].as_str().expect("a code").to_owned();
            self.refused(self.status, &code);
        }
    }
}

/// Checks that a refusal has a reason of the table, and that the table gives this status and code
/// for it.
#[track_caller]
pub(crate) fn assert_reason(body: &Value, status: u16, code: &str) {
    let row = Reason::ALL.iter().find(|row| body["reason"] == row.name());
    let row = row.unwrap_or_else(|| panic!("no reason of the table: {body}"));
    assert_eq!((row.status(), row.code().name()), (status, code), "{body}");
}

/// Checks that an object has exactly these keys.
#[track_caller]
pub(crate) fn assert_keys(object: &Value, keys: &[&str]) {
    let mut there: Vec<_> = object.as_object().expect("an object").keys().cloned().collect();
    let mut expected: Vec<_> = keys.iter().map(ToString::to_string).collect();
    there.sort();
    expected.sort();
    assert_eq!(there, expected);
}

/// Returns true if a value is a time in the form of the contract: ISO 8601 in UTC with
/// milliseconds.
pub(crate) fn is_iso_time(value: &Value) -> bool {
    let pattern = "dddd-dd-ddTdd:dd:dd.dddZ";
    let matches = |(c, p): (char, char)| if p == 'd' { c.is_ascii_digit() } else { c == p };
    value
        .as_str()
        .is_some_and(|t| t.len() == pattern.len() && t.chars().zip(pattern.chars()).all(matches))
}
