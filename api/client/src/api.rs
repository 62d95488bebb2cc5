//! HTTP transport: sends requests and reads responses, for the backend, the browser and the device.

use std::net::IpAddr;
use std::time::Duration;

use countersign_wire::paths;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::ClientError;

/// Longest time to open a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest time to wait for a response. For a long poll, the time that the server may hold the poll
/// is added.
const ANSWER: Duration = Duration::from_secs(15);
/// Longest response body, in bytes.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Characters to percent-encode in a segment of a path: all but letters, digits and the characters
/// below.
const SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'|');

/// A pool of connections. Its clones share the pool.
#[derive(Clone, Debug)]
pub struct Http(Client);

/// Options of the connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connecting {
    /// True to use HTTP/2 from the first byte, without asking the server whether it supports
    /// HTTP/2.
    pub http2: bool,
    /// Local address of the connections. If None, the operating system chooses.
    pub from: Option<IpAddr>,
}

impl Http {
    /// Makes a client that ignores proxies in the environment and follows no redirects, so that a
    /// token reaches only the server that it is meant for.
    ///
    /// # Errors
    /// [`ClientError::Transport`] if TLS cannot be initialized.
    pub fn new() -> Result<Self, ClientError> {
        Self::with(Connecting::default())
    }

    /// Makes a client whose connections have the given options. It ignores proxies and redirects as
    /// [`Self::new`] does.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn with(how: Connecting) -> Result<Self, ClientError> {
        let builder = Client::builder().no_proxy().redirect(redirect::Policy::none());
        let builder = builder.connect_timeout(CONNECT).tcp_nodelay(true).local_address(how.from);
        let builder = if how.http2 { builder.http2_prior_knowledge() } else { builder };
        Ok(Self(builder.build()?))
    }
}

/// One server, and the connections to it.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    http: Http,
    base: Url,
}

impl Api {
    /// Makes the client of one server. `base` is the server's address up to the version of the
    /// contract (`/v1`).
    pub(crate) fn new(http: Http, base: &str) -> Result<Self, ClientError> {
        let wrong = ClientError::Input("the server's address must be an http or https URL");
        let Ok(mut base) = Url::parse(base.trim_end_matches('/')) else { return Err(wrong) };
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(wrong);
        }
        base.set_query(None);
        base.set_fragment(None);
        Ok(Self { http, base })
    }

    /// Begins a request. `path` starts with a slash and is percent-encoded; see [`path`].
    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        query: Option<&str>,
    ) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url.set_query(query);
        self.http.0.request(method, url).timeout(ANSWER)
    }
}

/// Sends a request with an authorization header, and parses the response.
pub(crate) async fn send<T: DeserializeOwned>(
    request: RequestBuilder,
    authorization: &HeaderValue,
) -> Result<T, ClientError> {
    exchange(request.header(AUTHORIZATION, authorization)).await
}

/// Sends a request and parses the response. Any status but 200 is an error.
pub(crate) async fn exchange<T: DeserializeOwned>(
    request: RequestBuilder,
) -> Result<T, ClientError> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let retry_after =
        response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
    let body = read(response).await?;
    if status == 200 {
        return serde_json::from_slice(&body).map_err(|e| ClientError::Protocol(shape(&e)));
    }
    let text =
        |json: &serde_json::Value, key: &str| json[key].as_str().unwrap_or_default().to_owned();
    let json = serde_json::from_slice(&body).unwrap_or_default();
    let code = text(&json, "errorCode");
    let description = text(&json, "errorDescription");
    let reason = text(&json, "reason");
    Err(ClientError::Refused { status, code, description, reason, retry_after })
}

/// Turns a request into a long poll: the server may hold it for up to `seconds`. If None, the
/// request stays as it is.
pub(crate) fn waiting(request: RequestBuilder, seconds: Option<u64>) -> RequestBuilder {
    let Some(seconds) = seconds else { return request };
    let longest = ANSWER.saturating_add(Duration::from_secs(seconds));
    request.header("Prefer", format!("wait={seconds}")).timeout(longest)
}

/// Fills a path of the contract with percent-encoded `names`. Rejects names that a URL parser would
/// drop.
pub(crate) fn path(path: &str, names: &[&str]) -> Result<String, ClientError> {
    if names.iter().any(|name| matches!(*name, "" | "." | "..")) {
        return Err(ClientError::Input("an empty name, '.' and '..' cannot stand in a path"));
    }
    let names = names.iter().map(|name| utf8_percent_encode(name, SEGMENT).to_string());
    Ok(paths::filled(path, &names.collect::<Vec<_>>()))
}

/// Makes a query string from the text fields of a struct. Absent fields are left out.
pub(crate) fn query_string(query: &impl Serialize) -> Result<Option<String>, ClientError> {
    let value = serde_json::to_value(query).map_err(|e| ClientError::Protocol(e.to_string()))?;
    let fields = value.as_object().into_iter().flatten();
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        if let Some(value) = value.as_str() {
            text.append_pair(name, value);
        }
    }
    Ok(Some(text.finish()).filter(|t| !t.is_empty()))
}

/// Makes an authorization header that the HTTP library hides in its debug output.
pub(crate) fn authorization(scheme: &str, text: &str) -> Result<HeaderValue, ClientError> {
    let value = HeaderValue::from_str(&format!("{scheme} {text}"));
    let mut value =
        value.map_err(|_| ClientError::Input("the token has characters no token can have"))?;
    value.set_sensitive(true);
    Ok(value)
}

async fn read(mut response: Response) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(ClientError::Protocol("it is too long".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Describes why a response does not parse, without quoting its content.
fn shape(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("missing field") {
        return text;
    }
    format!("not the expected JSON at line {}, column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use countersign_wire::user::UsersQuery;

    use super::*;

    fn url(base: &str, path: &str) -> String {
        let api = Api::new(Http::new().unwrap(), base).unwrap();
        api.request(Method::GET, path, Some("a=b==")).build().unwrap().url().to_string()
    }

    #[test]
    fn paths_hang_under_the_base() {
        for base in ["http://h:1/v1", "http://h:1/v1/", "http://h:1/v1//?x#y"] {
            assert_eq!(url(base, "/users"), "http://h:1/v1/users?a=b==");
        }
        assert_eq!(url("http://h:1", "/users"), "http://h:1/users?a=b==");
    }

    #[test]
    fn a_name_stays_one_part_of_its_path() {
        let name = path("{user}", &["auth0|a b/ü?x#%2e+"]).unwrap();
        assert_eq!(name, "auth0|a%20b%2F%C3%BC%3Fx%23%252e%2B");
        assert_eq!(
            url("http://h/v1", &format!("/users/{name}")),
            format!("http://h/v1/users/{name}?a=b==")
        );
        for name in ["", ".", ".."] {
            assert!(path("/{user}", &[name]).is_err());
        }
    }

    #[test]
    fn only_http_is_spoken() {
        for base in ["", "h:1", "ftp://h/", "data:x"] {
            assert!(matches!(Api::new(Http::new().unwrap(), base), Err(ClientError::Input(_))));
        }
    }

    #[test]
    fn a_query_has_the_fields_that_are_given() {
        let email = Some("a+b@x".to_owned());
        let query = UsersQuery { email, ..UsersQuery::default() };
        assert_eq!(query_string(&query).unwrap().as_deref(), Some("email=a%2Bb%40x"));
        assert_eq!(query_string(&UsersQuery::default()).unwrap(), None);
    }

    #[test]
    fn a_token_is_not_shown() {
        let header = authorization("Bearer", "J.W.T").unwrap();
        assert_eq!(format!("{header:?}"), "Sensitive");
        assert!(authorization("Bearer", "a\nb").is_err());
    }
}
