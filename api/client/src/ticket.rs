//! Enrollment links, and the one-time tickets in them.

use countersign_wire::device::{OpenTicketRequest, OpenTicketResponse};
use countersign_wire::paths::{self, device};
use countersign_wire::secret::Secret;
use reqwest::Method;
use url::Url;

use crate::ClientError;
use crate::api::{Api, Http, exchange};

/// Parameter in a link's fragment. Its value is the bearer token of the enrollment.
const PARAMETER: &str = "enroll";

/// An enrollment link, which a website shows as a QR code.
#[derive(Clone, Debug)]
pub struct EnrollmentLink {
    /// Base address of the server, up to the version of the contract (`/v1`).
    pub url: String,
    /// Bearer token of the enrollment: a ticket, or a tracked action's token in older links.
    pub bearer: Secret,
}

impl EnrollmentLink {
    /// Parses a link. Returns `None` if the text is not an enrollment link.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut url = Url::parse(text.trim()).ok()?;
        let named = url::form_urlencoded::parse(url.fragment()?.as_bytes());
        let bearer = named.into_iter().find(|(name, _)| name == PARAMETER)?.1;
        let bearer = Some(bearer).filter(|bearer| !bearer.is_empty()).map(Secret::new)?;
        let above = url.path().trim_end_matches('/').strip_suffix(paths::PHONE)?.to_owned();
        url.set_path(&format!("{above}{}", paths::VERSION));
        url.set_query(None);
        url.set_fragment(None);
        matches!(url.scheme(), "http" | "https").then(|| Self { url: url.into(), bearer })
    }
}

/// Reads the account that a ticket is for, from the server at `base`. The ticket stays unused.
///
/// # Errors
/// [`ClientError`]; its code is `invalid_token` if the ticket is unknown, used, or expired.
pub async fn open_ticket(
    http: Http,
    base: &str,
    ticket: &str,
) -> Result<OpenTicketResponse, ClientError> {
    let body = OpenTicketRequest { ticket: Secret::new(ticket) };
    let path = format!("{}{}", device::BASE, device::OPEN_TICKET);
    exchange(Api::new(http, base)?.request(Method::POST, &path, None).json(&body)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_says_its_server_and_what_to_enroll_with() {
        for (text, url) in [
            ("https://auth.example.com/phone#enroll=AbC-_1", "https://auth.example.com/v1"),
            (" http://127.0.0.1:8080/phone/?x=1#a=b&enroll=AbC-_1\n", "http://127.0.0.1:8080/v1"),
            ("https://a.example/push/phone#enroll=AbC-_1", "https://a.example/push/v1"),
        ] {
            let link = EnrollmentLink::parse(text).unwrap();
            assert_eq!((&*link.url, link.bearer.reveal()), (url, "AbC-_1"));
        }
    }

    #[test]
    fn what_leads_elsewhere_or_has_nothing_to_enroll_with_is_no_link() {
        for text in [
            "",
            "AbC",
            "J.W.T",
            "https://a.example/phone",
            "https://a.example/phone#enroll=",
            "https://a.example/phone?enroll=AbC",
            "https://a.example/other#enroll=AbC",
            "javascript:/phone#enroll=AbC",
        ] {
            assert!(EnrollmentLink::parse(text).is_none(), "{text}");
        }
    }
}
