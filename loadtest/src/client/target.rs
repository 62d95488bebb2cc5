//! Address and credentials of a server, and a check of both.

use std::net::{IpAddr, SocketAddr};

use countersign_client::wire::secret::Secret;
use countersign_client::wire::token;
use countersign_client::wire::track::TrackRequest;
use countersign_client::{ClientError, Http, RelyingParty};
use url::Url;

use crate::LoadError;
use crate::client::raw::Callers;
use crate::client::retry::retry_refused;

/// A server with its credentials.
#[derive(Clone, Debug)]
pub struct Target {
    /// Base URL, which ends with the API version.
    pub base: String,
    /// The tenant's id.
    pub tenant: String,
    /// One of the tenant's secrets.
    pub secret: Secret,
    /// URL of the operations listener; `None` if its metrics cannot be read.
    pub operations: Option<String>,
}

impl Target {
    /// Checks if the server is on this machine.
    pub fn is_loopback(&self) -> bool {
        Url::parse(&self.base).is_ok_and(|url| is_loopback(&url))
    }

    /// Resolves the server's socket address, for connections without an HTTP client.
    ///
    /// # Errors
    /// [`LoadError::Wrong`] if its name does not resolve.
    pub fn address(&self) -> Result<SocketAddr, LoadError> {
        address(&self.base)
    }

    /// Resolves the socket address of the operations listener.
    ///
    /// # Errors
    /// [`LoadError::Wrong`] if its URL is unknown or does not resolve.
    pub fn operations_address(&self) -> Result<SocketAddr, LoadError> {
        address(self.operations.as_deref().unwrap_or_default())
    }

    /// Builds the authorization headers, for connections without an HTTP client.
    pub fn callers(&self) -> Callers {
        Callers::new(&self.tenant, self.secret.reveal())
    }

    /// Tracks one action, to check that the server responds and accepts the secret for this tenant.
    ///
    /// # Errors
    /// [`LoadError::Server`], which names the cause.
    pub async fn probe(&self, http: &Http) -> Result<(), LoadError> {
        let wrong = |what: String| LoadError::Server(format!("{}: {what}", self.base));
        let backend = RelyingParty::new(http.clone(), &self.base, self.secret.reveal());
        let backend = backend.map_err(|error| wrong(error.to_string()))?;
        let (request, step) = (TrackRequest::default(), LoadError::at("track"));
        let track = async || backend.track("load-probe", "probe", &request).await.map_err(&step);
        let tracked = retry_refused(track).await.map_err(|error| wrong(probed(error)))?;
        match token::named(tracked.token.reveal()) {
            Some((tenant, _)) if tenant == self.tenant => Ok(()),
            Some((tenant, _)) => Err(wrong(format!(
                "the secret is one of tenant {tenant:?}, and the tenant is to be {:?}",
                self.tenant
            ))),
            None => Err(wrong("its token names no tenant".to_owned())),
        }
    }
}

fn address(url: &str) -> Result<SocketAddr, LoadError> {
    let all = Url::parse(url).ok().and_then(|url| url.socket_addrs(|| None).ok());
    let first = all.and_then(|all| all.first().copied());
    first.ok_or(LoadError::Wrong("the server says no address"))
}

/// Explains the error of the first request.
fn probed(error: LoadError) -> String {
    if error.is_transport() {
        return format!("no server answers there: {}", error.kind());
    }
    let LoadError::Request { source: error, .. } = error else { return error.to_string() };
    match error {
        ClientError::Refused { status: 401 | 403, .. } => "it does not take the secret".to_owned(),
        ClientError::Refused { status: 404 | 405, .. } | ClientError::Protocol(_) => {
            format!("this is no Countersign, or its address is another: {error}")
        }
        ClientError::Refused { .. } | ClientError::Transport(_) | ClientError::Input(_) => {
            error.to_string()
        }
    }
}

/// Parses the URL of a server. If it has no path, the API version is added.
///
/// # Errors
/// [`LoadError::Input`] if the URL is invalid, or names another machine without `remote`.
pub(crate) fn base(text: &str, remote: bool) -> Result<String, LoadError> {
    let mut url = parse(text, remote)?;
    if url.path() == "/" {
        url.set_path("/v1");
    }
    Ok(url.to_string().trim_end_matches('/').to_owned())
}

/// Parses a URL.
///
/// # Errors
/// Those of [`base`].
pub(crate) fn parse(text: &str, remote: bool) -> Result<Url, LoadError> {
    let wrong = |why: &str| {
        LoadError::Input(format!("{text:?} is no http:// or https:// address of a server{why}"))
    };
    let url = Url::parse(text).map_err(|error| wrong(&format!(": {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(wrong(""));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(LoadError::Input("an address with a password is refused".to_owned()));
    }
    refuse_remote(&url, remote)?;
    Ok(url)
}

/// Refuses the URL of another machine unless `remote` allows it.
///
/// # Errors
/// [`LoadError::Input`] for such a URL.
pub(crate) fn refuse_remote(url: &Url, remote: bool) -> Result<(), LoadError> {
    if remote || is_loopback(url) {
        return Ok(());
    }
    let host = url.host_str().unwrap_or_default();
    Err(LoadError::Input(format!(
        "{host} is another machine: load is put on this one alone, unless --allow-remote says that \
         its owner agrees"
    )))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_this_machine_is_taken_and_gets_the_version_of_the_contract() {
        for (text, expected) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
            ("http://127.9.0.1:8080/v1/", "http://127.9.0.1:8080/v1"),
            ("http://localhost:1/x", "http://localhost:1/x"),
            ("https://[::1]", "https://[::1]/v1"),
        ] {
            assert_eq!(base(text, false).unwrap(), expected);
        }
    }

    #[test]
    fn another_machine_needs_an_explicit_word() {
        for text in ["http://10.0.0.1:80/v1", "https://example.com", "http://localhost.example"] {
            let refused = base(text, false).unwrap_err().to_string();
            assert!(refused.contains("--allow-remote"), "{refused}");
            assert!(base(text, true).is_ok());
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_text() {
        for text in ["", "127.0.0.1:8080", "ftp://127.0.0.1", "http://"] {
            assert!(matches!(base(text, true), Err(LoadError::Input(_))), "{text}");
        }
        assert!(base("http://a:b@127.0.0.1", false).is_err());
    }
}
