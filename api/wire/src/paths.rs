//! Paths of the HTTP contract. Each path is written here once; the server's routes and lanes and
//! the clients use it. `{name}` matches one segment, in the syntax of the server's router.

use percent_encoding::percent_decode_str;

/// Version prefix of the API. The server serves every path of the API both with and without it.
pub const VERSION: &str = "/v1";

macro_rules! paths {
    ($($(#[$doc:meta])* $name:ident = $path:literal;)+) => {
        $($(#[$doc])* pub const $name: &str = $path;)+

        /// All paths that this macro declares.
        const PUBLIC: &[&str] = &[$($name),+];
    };
}

paths! {
    // Server API. It takes Basic authorization with a secret of the tenant.
    /// Validates a token.
    VALIDATE = "/validate";
    /// Finds users.
    USERS = "/users";
    /// Reads, updates or deletes one user.
    USER = "/users/{user}";
    /// Lists the actions of a user.
    ACTIONS = "/users/{user}/actions";
    /// Tracks an action.
    TRACK = "/users/{user}/actions/{action}";
    /// Reads or updates one action.
    ACTION = "/users/{user}/actions/{action}/{key}";
    /// Lists the authenticators of a user.
    AUTHENTICATORS = "/users/{user}/authenticators";
    /// Removes one authenticator of a user.
    AUTHENTICATOR = "/users/{user}/authenticators/{authenticator}";
    /// Path by which an SDK enrolls other methods (`POST`). With every other method, the path names
    /// the user `authenticators`.
    SERVER_ENROLLMENT = "/users/authenticators";

    // Client API. It takes a bearer token.
    /// Starts a challenge.
    START_CHALLENGE = "/client/challenge/push";
    /// Reads the state of a challenge, or waits for its end.
    VERIFY = "/client/verify/push";
    /// Cancels a challenge.
    CANCEL = "/client/cancel/push";
    /// Waits for several challenges.
    WAIT = "/client/wait/push";
    /// Reports that the page of a challenge was closed.
    LEAVE = "/client/leave/push";
    /// Makes a nonce for methods other than push.
    NONCE = "/client/challenge";
    /// Lists the authenticators of the token's user.
    OWN_AUTHENTICATORS = "/client/user-authenticators";
    /// Removes an authenticator of the token's user.
    REMOVE_OWN_AUTHENTICATOR = "/client/user-authenticators/remove";

    // Pages for browsers, with the files and calls that they need.
    /// Start page for newcomers.
    HOME = "/";
    /// The pre-built UI.
    UI = "/ui";
    /// The phone in a browser.
    PHONE = "/phone";
    /// The demo's page.
    DEMO = "/demo";
    /// A call from the demo's page to the demo's backend.
    DEMO_BACKEND = "/demo/backend/{call}";
    /// The pages, with a slash at the end of the path.
    PAGES_WITH_SLASH = "/{page:ui|phone|demo}/";
    /// The tenant's brand.
    BRAND = "/brand/{tenant}";
    /// Files that the pages load.
    FILES = "/{folder:sdk|shared|vendor|ui|phone|demo}/{file:.+}";
}

/// Paths of the Device API, below [`device::BASE`]. They take Basic authorization with the tenant's
/// id. Enrollment, and making a ticket for an enrollment, take a bearer token.
pub mod device {
    /// Prefix of the paths.
    pub const BASE: &str = "/client/user-authenticators/push";
    /// Older name of the prefix.
    pub const OLD_BASE: &str = "/client/user-authenticators/device";

    /// The credential: enrollment, reads and updates.
    pub const CREDENTIAL: &str = "";
    /// The pending challenges, and answers to them.
    pub const CHALLENGE: &str = "/challenge";
    /// Makes a nonce for a signed read.
    pub const READ_NONCE: &str = "/challenge/sign";
    /// Makes a nonce for an update.
    pub const UPDATE_NONCE: &str = "/sign";
    /// Makes a ticket.
    pub const TICKET: &str = "/ticket";
    /// Reads the account that a ticket is for.
    pub const OPEN_TICKET: &str = "/ticket/open";
    /// Begins a device session.
    pub const SESSION: &str = "/session";
    /// Makes a nonce for the statement of a session, an update or a removal.
    pub const SESSION_NONCE: &str = "/session/nonce";
    /// Removes every binding of the key.
    pub const REMOVE: &str = "/remove";
}

/// Paths of the operators' listener.
pub mod operator {
    /// The metrics.
    pub const METRICS: &str = "/metrics";
    /// Liveness: responds while the process runs.
    pub const LIVE: &str = "/health/live";
    /// Readiness: succeeds if the server can handle requests.
    pub const READY: &str = "/health/ready";
    /// Reads one account.
    pub const ACCOUNT: &str = "/operator/accounts/{tenant}/{user}";
    /// Ends the waits that limits have imposed on an account.
    pub const RELEASE_HOLD: &str = "/operator/accounts/{tenant}/{user}/release-hold";
    /// Removes one device of an account.
    pub const DEVICE: &str = "/operator/accounts/{tenant}/{user}/devices/{device}";
}

/// Paths that the SDKs call for verification methods that this server does not support.
pub const UNSUPPORTED: &[&str] = &[
    "/authenticators",
    "/challenge",
    "/challenges",
    // Two SDKs build the path of `GET /challenges` wrongly, each in its own way. One leaves out the
    // question mark, and its query may begin with any parameter.
    r"/challenges{query:\w+=.*}",
    "/v1/challenges",
    "/claim",
    "/verify",
    "/sessions",
    "/sessions/{call:.*}",
    "/users/{user}/devices",
    "/users/{user}/devices/{call:.*}",
    "/client/challenge/{method}",
    "/client/verify/{method:.*}",
    "/client/user-authenticators/device/challenge/claim",
    "/client/user-authenticators/{method}",
    "/client/user-authenticators/{method}/{call:.*}",
    "/client/public/{tenant}/.well-known/jwks",
    "/ws-v1-challenge",
];

/// Replaces the braces of a path by `names`, in order.
#[must_use]
pub fn filled(path: &str, names: &[impl AsRef<str>]) -> String {
    let mut names = names.iter().map(AsRef::as_ref);
    let part = |part| if is_name(part) { names.next().unwrap_or(part) } else { part };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Returns true if the request path `actual` matches the route `path`.
#[must_use]
pub fn is_at(path: &str, actual: &str) -> bool {
    // Most paths differ before the first name. The comparison of segments costs much more.
    let literal = path.split_once('{').map_or(path, |(literal, _)| literal);
    if !actual.starts_with(literal) {
        return false;
    }
    let (mut parts, mut segments) = (path.split('/'), actual.split('/'));
    loop {
        match (parts.next(), segments.next()) {
            (None, None) => return true,
            (Some(part), Some(segment)) if is_name(part) && !segment.is_empty() => {}
            (Some(part), Some(segment)) if part == segment => {}
            (..) => return false,
        }
    }
}

/// Returns the first segment of `path` if a route begins with the same segment. The server refuses
/// a public URL with such a path, because a request could then mean the prefix or the route.
#[must_use]
pub fn route_at(path: &str) -> Option<&'static str> {
    let first = path.split('/').find(|segment| !segment.is_empty())?;
    let first = percent_decode_str(first).decode_utf8().ok()?;
    first_segments().find(|name| *name == first)
}

/// Lists the first segments of all routes.
fn first_segments() -> impl Iterator<Item = &'static str> {
    let routes = PUBLIC.iter().chain(UNSUPPORTED).chain([&VERSION, &device::BASE]);
    routes.flat_map(|route| alternatives(route))
}

/// Lists the possible first segments of a route: one, or several for a list such as
/// `{page:ui|phone}`.
fn alternatives(route: &'static str) -> impl Iterator<Item = &'static str> {
    let first = route.split('/').nth(1).unwrap_or_default();
    let list = first.strip_prefix('{').and_then(|list| list.strip_suffix('}'));
    let names = match list.and_then(|list| list.split_once(':')) {
        Some((_, names)) => names,
        None => first.split('{').next().unwrap_or_default(),
    };
    names.split('|').filter(|name| !name.is_empty())
}

fn is_name(part: &str) -> bool {
    part.starts_with('{')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_stand_in_the_place_of_braces() {
        assert_eq!(filled(ACTION, &["u", "pay", "k"]), "/users/u/actions/pay/k");
        assert_eq!(filled(VALIDATE, &[""; 0]), "/validate");
    }

    #[test]
    fn a_path_is_at_a_route_segment_by_segment() {
        assert!(is_at(TRACK, "/users/u-1/actions/pay"));
        for other in ["/users//actions/pay", "/users/u/actions", "/users/u/actions/pay/k", ""] {
            assert!(!is_at(TRACK, other), "{other}");
        }
    }

    #[test]
    fn the_first_segments_are_those_of_every_route() {
        let all: BTreeSet<_> = first_segments().collect();
        let expected = "authenticators brand challenge challenges claim client demo phone sdk \
                        sessions shared ui users v1 validate vendor verify ws-v1-challenge";
        assert_eq!(all.into_iter().collect::<Vec<_>>().join(" "), expected);
        assert_eq!(route_at("//%75i/x"), Some("ui"));
        assert_eq!(route_at("/auth"), None);
        assert_eq!(route_at("/"), None);
    }
}
