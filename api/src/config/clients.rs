//! Validates the keys that say how the server identifies clients by their addresses.

use std::net::IpAddr;

use actix_web::http::header::HeaderName;
use ipnet::IpNet;

use super::error::{ConfigError, entries};
use super::file::ServerSection;
use super::limits;
use crate::client_address::ClientAddresses;

const PROXIES: &str = "server.trusted_proxies";
const HEADER: &str = "server.client_address_header";
const DIRECT: &str = "server.direct_clients";

/// Returns the rules that identify clients. Returns `None` if the configuration has none.
pub(super) fn addresses(written: &ServerSection) -> Result<Option<ClientAddresses>, ConfigError> {
    let max = limits::LIST_ENTRIES_MAX;
    let proxies: Vec<_> = entries(PROXIES, &written.trusted_proxies, max, network)?;
    if written.direct_clients && !proxies.is_empty() {
        let allowed = "false is allowed there: a peer that is no trusted proxy is a client anyway";
        return Err(ConfigError::value(DIRECT, "is true beside server.trusted_proxies", allowed));
    }
    match (proxies.is_empty(), header(&written.client_address_header)?) {
        (false, Some(header)) => Ok(Some(ClientAddresses::behind(proxies, header))),
        (true, None) => Ok(written.direct_clients.then(ClientAddresses::direct)),
        (false, None) => {
            let allowed = "name the header in which these proxies write the address of a client, \
                           such as x-forwarded-for";
            Err(ConfigError::value(HEADER, "is empty beside server.trusted_proxies", allowed))
        }
        (true, Some(_)) => {
            let allowed = "name the proxies that write it in server.trusted_proxies, since anybody \
                           else may write anything into it";
            Err(ConfigError::value(HEADER, "is set, and no proxy is trusted", allowed))
        }
    }
}

fn header(text: &str) -> Result<Option<HeaderName>, ConfigError> {
    if text.is_empty() {
        return Ok(None);
    }
    HeaderName::from_bytes(text.as_bytes()).map(Some).map_err(|_| {
        let allowed = "one name is allowed, such as x-forwarded-for, forwarded or x-real-ip";
        ConfigError::value(HEADER, "is not the name of a header", allowed)
    })
}

/// Parses a network, or a single address as a network of one. The error has the problem and the
/// allowed form.
fn network(text: &str) -> Result<IpNet, (&'static str, String)> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_canonical().into());
    }
    let network: IpNet = text.parse().map_err(|_| {
        let allowed = "an IP address, or a network such as 10.0.4.0/24 or 2001:db8::/64, is \
                       allowed; host names are not resolved";
        ("is not a network", allowed.to_owned())
    })?;
    if network != network.trunc() {
        let allowed = format!("{} or {} is allowed", network.addr(), network.trunc());
        return Err(("is an address inside a network", allowed));
    }
    if network.prefix_len() == 0 {
        let allowed = "the networks of your proxies are allowed";
        let problem = "holds every address, so that anybody could claim to be any client";
        return Err((problem, allowed.to_owned()));
    }
    if network.addr() != network.addr().to_canonical() {
        let allowed = "the same network is allowed as one of IPv4, such as 10.0.0.0/8";
        return Err(("is IPv4 in an IPv6 wrapping", allowed.to_owned()));
    }
    Ok(network)
}
