//! Allowed origins of web pages. They are compared exactly as browsers send them.

use std::collections::BTreeSet;

use url::Url;

/// Origins of the pages that may call a tenant's Client API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Every page may call. This is safe, because calls carry a token and no cookie.
    Any,
    /// Pages of these origins may call. If the set is empty, no page may call.
    Exact(BTreeSet<String>),
}

impl AllowedOrigins {
    /// Returns true if a page with this `Origin` may call.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(origins) => origins.contains(origin),
        }
    }

    /// Combines two rules into one that allows the origins of both.
    #[must_use]
    pub fn union(self, other: &Self) -> Self {
        match (self, other) {
            (Self::Exact(origins), Self::Exact(more)) => {
                Self::Exact(origins.union(more).cloned().collect())
            }
            (Self::Any, _) | (_, Self::Any) => Self::Any,
        }
    }

    /// Parses the entries of a list. The error has the index of the refused entry and its problem.
    pub(super) fn parse(entries: &[String]) -> Result<Self, (usize, String)> {
        if let [only] = entries
            && only == "*"
        {
            return Ok(Self::Any);
        }
        let mut exact = BTreeSet::new();
        for (number, entry) in entries.iter().enumerate() {
            exact.insert(parse_exact(entry).map_err(|problem| (number, problem))?);
        }
        Ok(Self::Exact(exact))
    }
}

fn parse_exact(text: &str) -> Result<String, String> {
    if text == "*" {
        return Err("stands beside other entries".into());
    }
    let url = Url::parse(text).map_err(|_| "is not an origin".to_owned())?;
    let host = url.host_str().filter(|h| !h.is_empty()).ok_or("is not an origin")?;
    if host.contains('*') {
        return Err("has a wildcard".into());
    }
    if super::address::has_credentials(&url) {
        return Err("has a user".into());
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("has a path, a query or a fragment".into());
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let sent = format!("{}://{host}{port}", url.scheme());
    if sent == text { Ok(sent) } else { Err(format!("is sent by browsers as {sent}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(entries: &[&str]) -> Result<AllowedOrigins, (usize, String)> {
        AllowedOrigins::parse(&entries.iter().map(|e| (*e).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_lone_star_allows_every_origin() {
        assert!(parse(&["*"]).unwrap().allows("https://anything.example"));
    }

    #[test]
    fn only_the_listed_origins_are_allowed() {
        let origins =
            parse(&["https://a.example", "http://[::1]:5173", "capacitor://localhost"]).unwrap();
        for allowed in ["https://a.example", "http://[::1]:5173", "capacitor://localhost"] {
            assert!(origins.allows(allowed), "{allowed}");
        }
        for other in
            ["http://a.example", "https://a.example:444", "https://b.example", "null", "", "*"]
        {
            assert!(!origins.allows(other), "{other}");
        }
    }

    #[test]
    fn an_empty_list_allows_no_page() {
        assert!(!parse(&[]).unwrap().allows("https://a.example"));
    }

    #[test]
    fn what_no_browser_would_send_is_refused() {
        for (entry, problem) in [
            ("https://a.example/", "is sent by browsers as https://a.example"),
            ("https://a.example:443", "is sent by browsers as https://a.example"),
            ("HTTPS://A.example", "is sent by browsers as https://a.example"),
            ("https://a.example/path", "has a path, a query or a fragment"),
            ("https://a.example?q", "has a path, a query or a fragment"),
            ("https://u@a.example", "has a user"),
            ("https://*.a.example", "has a wildcard"),
            ("a.example", "is not an origin"),
            ("file:///etc", "is not an origin"),
            ("null", "is not an origin"),
            ("", "is not an origin"),
            ("*", "stands beside other entries"),
        ] {
            assert_eq!(parse(&["https://b.example", entry]), Err((1, problem.into())), "{entry}");
        }
    }
}
