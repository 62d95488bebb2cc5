//! Origins of the demo's own page. The demo's backend requires no token, so pages of other origins
//! must not call it. That includes a page whose host name was pointed at this server after it was
//! loaded (DNS rebinding). For such a page `Origin` and `Host` agree, so both are compared with a
//! list.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Origins under which the demo's page is reached on this machine.
pub(super) struct OwnOrigins(Vec<Url>);

impl OwnOrigins {
    /// Returns the origins of a server at `base`: that of `base`, and if `base` is a loopback
    /// address, those of all loopback names.
    pub(super) fn at(base: &Url) -> Self {
        let is_loopback = match base.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(_)) | None => false,
        };
        let mut own = vec![base.clone()];
        let (v4, v6) = (Ipv4Addr::LOCALHOST.to_string(), format!("[{}]", Ipv6Addr::LOCALHOST));
        for name in ["localhost", &v4, &v6].into_iter().filter(|_| is_loopback) {
            let mut url = base.clone();
            if url.set_host(Some(name)).is_ok() {
                own.push(url);
            }
        }
        Self(own)
    }

    /// Returns true if a request with these two headers comes from the demo's own page: each header
    /// must name one of these origins, or that of `public_url`.
    pub(super) fn sent(&self, origin: &str, host: &str, public_url: &Url) -> bool {
        let own = || self.0.iter().chain([public_url]);
        own().any(|url| url.origin().ascii_serialization() == origin)
            && own().any(|url| authority(url).eq_ignore_ascii_case(host))
    }
}

/// Returns the host and the port of a URL, as the `Host` header has them.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_own(base: &str, public_url: &str, origin: &str, host: &str) -> bool {
        let [base, public_url] = [base, public_url].map(|url| Url::parse(url).unwrap());
        OwnOrigins::at(&base).sent(origin, host, &public_url)
    }

    #[test]
    fn the_demo_is_opened_by_its_loopback_names_and_its_public_one() {
        let base = "http://127.0.0.1:8080/v1";
        let public_url = "https://Push.example/path";
        for host in ["127.0.0.1:8080", "localhost:8080", "LocalHost:8080", "[::1]:8080"] {
            let origin = format!("http://{}", host.to_ascii_lowercase());
            assert!(is_own(base, public_url, &origin, host), "{host}");
            // A proxy may send another `Host`.
            assert!(is_own(base, public_url, "https://push.example", host), "{host}");
        }
        assert!(is_own(base, public_url, "https://push.example", "push.example"));
        assert!(is_own("http://127.0.0.1/v1", public_url, "http://localhost", "localhost"));
        assert!(is_own("http://[::1]:81/v1", public_url, "http://[::1]:81", "[::1]:81"));
        let lan = "http://192.0.2.7:8080/v1";
        assert!(is_own(lan, lan, "http://192.0.2.7:8080", "192.0.2.7:8080"));
    }

    #[test]
    fn a_page_of_another_origin_is_not_the_demos_whatever_its_heads_agree_on() {
        let base = "http://127.0.0.1:8080/v1";
        let own = ("http://127.0.0.1:8080", "127.0.0.1:8080");
        for (origin, host) in [
            ("http://evil.example:8080", "evil.example:8080"),
            ("http://evil.example:8080", own.1),
            (own.0, "evil.example:8080"),
            ("http://127.0.0.1:8081", "127.0.0.1:8081"),
            ("http://127.0.0.1:8081", own.1),
            ("https://127.0.0.1:8080", own.1),
            ("http://localhost.evil.example:8080", "localhost.evil.example:8080"),
            ("http://user@127.0.0.1:8080", own.1),
            ("http://127.0.0.1:8080/", own.1),
            ("null", own.1),
            ("", ""),
        ] {
            assert!(!is_own(base, base, origin, host), "{origin} {host}");
        }
        let lan = "http://192.0.2.7:8080/v1";
        assert!(!is_own(lan, lan, "http://localhost:8080", "localhost:8080"));
    }
}
