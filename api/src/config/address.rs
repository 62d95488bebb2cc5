//! Addresses and URLs in a configuration.

use std::net::SocketAddr;

use url::Url;

use super::error::ConfigError;

/// Parses an IP address with a port. `allowed` names the other values that the key may have.
pub(super) fn socket_address(
    key: &str,
    text: &str,
    allowed: &str,
) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| {
        let allowed = format!("{allowed} is allowed, such as 127.0.0.1:8080 or [::1]:8080");
        ConfigError::value(key, "is not an address", allowed)
    })
}

/// Tells whether a URL has a user or a password.
pub(super) fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}
