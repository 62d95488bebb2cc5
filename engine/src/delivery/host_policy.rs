//! Policy of webhook targets, which prevents server-side request forgery.
//!
//! It checks names and addresses. It makes no look-up and no connection.

use std::collections::HashSet;
use std::net::IpAddr;

use url::{Host, Url};

use super::networks::blocked;

/// Reason why a webhook's URL, or a setting about it, is refused. Its text shows no part of the URL
/// except the host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// An entry of the allowed hosts cannot be the host of any URL.
    #[error("webhook_allow_hosts: {0:?} is not a host name or an address")]
    AllowHost(String),
    /// The host is an address that is not public, or a loopback name.
    #[error(
        "webhook_url: {host} is {what}; name it in webhook_allow_hosts if it is meant to be called"
    )]
    Blocked {
        /// The host.
        host: String,
        /// Kind of the address.
        what: &'static str,
    },
    /// The URL has no host.
    #[error("webhook_url has no host")]
    NoHost,
    /// The URL is neither `https`, nor `http` for an allowed host.
    #[error("webhook_url must be https, or http for a host named in webhook_allow_hosts")]
    Scheme,
    /// The URL carries a user name or a password.
    #[error("webhook_url must not carry a user name or a password")]
    Userinfo,
}

/// Policy of webhook targets. It admits public addresses, and hosts that the configuration names.
#[derive(Clone, Debug)]
pub struct HostPolicy {
    allowed: HashSet<String>,
}

impl HostPolicy {
    /// Makes a policy that admits `allow_hosts` at any address. An entry is a host name or an IP
    /// address. Upper or lower case and a trailing dot make no difference.
    ///
    /// # Errors
    /// [`InvalidTarget::AllowHost`] for an entry that cannot match any host.
    pub fn new(allow_hosts: &[String]) -> Result<Self, InvalidTarget> {
        let entry = |text: &String| {
            canonical_name(text).ok_or_else(|| InvalidTarget::AllowHost(text.clone()))
        };
        Ok(Self { allowed: allow_hosts.iter().map(entry).collect::<Result<_, _>>()? })
    }

    /// Checks a URL as far as possible without a look-up of its host.
    ///
    /// # Errors
    /// [`InvalidTarget`] for a missing host, a wrong scheme, a user name or password, a loopback
    /// name, or a host that is a blocked address. A host that is an address never reaches the
    /// resolver, so that this is its only check.
    pub fn check_url(&self, url: &Url) -> Result<(), InvalidTarget> {
        let host = url.host().ok_or(InvalidTarget::NoHost)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidTarget::Userinfo);
        }
        let name = name_of(&host);
        let allowed = self.allowed.contains(&name);
        match url.scheme() {
            "https" => {}
            "http" if allowed => {}
            // The host is checked before the scheme is refused, because the kind of its address
            // explains more.
            "http" => check_literal(&host).and(Err(InvalidTarget::Scheme))?,
            _ => return Err(InvalidTarget::Scheme),
        }
        if allowed { Ok(()) } else { check_literal(&host) }
    }

    /// Returns the addresses of a host name that may be connected to: all of them for an allowed
    /// host, and only the public ones for any other host.
    #[must_use]
    pub fn admit(&self, name: &str, mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
        let allowed = canonical_name(name).is_some_and(|name| self.allowed.contains(&name));
        if !allowed {
            addresses.retain(|address| blocked(*address).is_none());
        }
        addresses
    }
}

fn check_literal(host: &Host<&str>) -> Result<(), InvalidTarget> {
    let what = match host {
        Host::Domain(_) if is_loopback_name(&name_of(host)) => Some("a loopback name"),
        Host::Domain(_) => None,
        Host::Ipv4(address) => blocked((*address).into()),
        Host::Ipv6(address) => blocked((*address).into()),
    };
    what.map_or(Ok(()), |what| Err(InvalidTarget::Blocked { host: host.to_string(), what }))
}

/// Returns true if a name means this machine, whichever resolver is asked (RFC 6761, section 6.3).
fn is_loopback_name(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// Returns the canonical spelling of a host, by which configured and requested hosts are compared.
/// Returns `None` for a text that is no host.
fn canonical_name(text: &str) -> Option<String> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical().to_string());
    }
    let name = name_of(&Host::parse(text).ok()?);
    // A pattern with `*` is refused, because it looks as if it would work but would match no host.
    (!name.is_empty() && !name.contains('*')).then_some(name)
}

fn name_of(host: &Host<impl AsRef<str>>) -> String {
    match host {
        Host::Domain(name) => {
            let name = name.as_ref();
            name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
        }
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_canonical().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allow: &[&str]) -> HostPolicy {
        HostPolicy::new(&allow.iter().copied().map(String::from).collect::<Vec<_>>()).unwrap()
    }

    fn check(allow: &[&str], url: &str) -> Result<(), InvalidTarget> {
        policy(allow).check_url(&url.parse().unwrap())
    }

    #[test]
    fn an_allowed_host_is_known_by_every_spelling_of_its_name() {
        for (entry, url) in [
            ("Hook.Test", "http://hook.test/"),
            ("hook.test.", "http://HOOK.test/"),
            ("hook.test", "http://hook.test./"),
            ("bücher.test", "http://xn--bcher-kva.test/"),
            ("127.0.0.1", "http://2130706433/"),
            ("::1", "http://[0:0::1]/"),
            ("[::1]", "http://[::1]/"),
            ("127.0.0.1", "http://[::ffff:127.0.0.1]/"),
        ] {
            assert_eq!(check(&[entry], url), Ok(()), "{entry} {url}");
        }
    }

    #[test]
    fn allowing_one_host_allows_no_other() {
        for url in ["http://x.hook.test/", "http://hook.test.evil.example/", "http://hook.tes/"] {
            assert_eq!(check(&["hook.test"], url), Err(InvalidTarget::Scheme), "{url}");
        }
        assert!(check(&["127.0.0.1"], "https://127.0.0.2/").is_err());
    }

    #[test]
    fn a_name_of_this_machine_is_refused_before_it_is_looked_up() {
        for url in ["https://localhost/", "https://LOCALHOST.:9/", "http://hook.localhost/"] {
            let refused = check(&["hook.test"], url).unwrap_err();
            assert!(refused.to_string().contains("is a loopback name; name it in"), "{refused}");
        }
        assert_eq!(check(&["localhost"], "https://localhost:9/"), Ok(()));
        assert_eq!(check(&[], "https://localhost.example/"), Ok(()));
    }

    #[test]
    fn an_allowed_name_does_not_allow_its_address_under_another_name() {
        let addresses = vec![IpAddr::from([127, 0, 0, 1])];
        let policy = policy(&["hook.test"]);
        assert_eq!(policy.admit("HOOK.test.", addresses.clone()), addresses);
        assert!(policy.admit("other.test", addresses).is_empty());
    }

    #[test]
    fn only_the_public_ones_of_a_names_addresses_are_kept() {
        let (public, private) = (IpAddr::from([8, 8, 8, 8]), IpAddr::from([10, 0, 0, 1]));
        assert_eq!(policy(&[]).admit("hook.test", vec![private, public]), [public]);
    }

    #[test]
    fn an_entry_that_could_match_no_host_is_refused() {
        for entry in
            ["", " ", ".", "*", "*.hook.test", "hook.test:80", "http://hook.test", "a b", "[::1"]
        {
            let refused = HostPolicy::new(&[entry.into()]).unwrap_err();
            assert_eq!(refused, InvalidTarget::AllowHost(entry.into()));
        }
    }

    #[test]
    fn a_password_is_refused_and_not_shown() {
        for url in [
            "https://u:hunter2@hook.test/",
            "https://:hunter2@hook.test/",
            "https://hunter2@hook.test/",
        ] {
            let refused = check(&["hook.test"], url).unwrap_err();
            assert_eq!(refused, InvalidTarget::Userinfo);
            assert!(!refused.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn only_web_addresses_are_called() {
        for url in
            ["ftp://hook.test/", "file:///etc/passwd", "gopher://hook.test/", "data:,x", "unix:/x"]
        {
            assert!(check(&["hook.test"], url).is_err(), "{url}");
        }
    }
}
