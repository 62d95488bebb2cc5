//! The paths of the HTTP contract, each written once, for the server's routes and lanes and for its
//! clients. `{name}` stands for one segment, as the router of the server has it.

use percent_encoding::percent_decode_str;

/// Mount of the API: every path of it is served with and without this.
pub const VERSION: &str = "/v1";

macro_rules! paths {
    ($($(#[$doc:meta])* $name:ident = $path:literal;)+) => {
        $($(#[$doc])* pub const $name: &str = $path;)+

        /// Every path above.
        const PUBLIC: &[&str] = &[$($name),+];
    };
}

paths! {
    // Server API: Basic with a secret.
    /// Validates a token.
    VALIDATE = "/validate";
    /// Finds users.
    USERS = "/users";
    /// One user.
    USER = "/users/{user}";
    /// The actions of a user.
    ACTIONS = "/users/{user}/actions";
    /// Tracks an action.
    TRACK = "/users/{user}/actions/{action}";
    /// One action.
    ACTION = "/users/{user}/actions/{action}/{key}";
    /// The authenticators of a user.
    AUTHENTICATORS = "/users/{user}/authenticators";
    /// One authenticator of a user.
    AUTHENTICATOR = "/users/{user}/authenticators/{authenticator}";
    /// An SDK enrolls by it. Every other method is about a user of that name.
    SERVER_ENROLLMENT = "/users/authenticators";

    // Client API: Bearer.
    /// Starts a challenge.
    START_CHALLENGE = "/client/challenge/push";
    /// State of a challenge.
    VERIFY = "/client/verify/push";
    /// Cancels a challenge.
    CANCEL = "/client/cancel/push";
    /// Waits for several challenges.
    WAIT = "/client/wait/push";
    /// The page of a challenge goes away.
    LEAVE = "/client/leave/push";
    /// A nonce for other methods than push.
    NONCE = "/client/challenge";
    /// The authenticators of the token's user.
    OWN_AUTHENTICATORS = "/client/user-authenticators";
    /// Removes an authenticator of the token's user.
    REMOVE_OWN_AUTHENTICATOR = "/client/user-authenticators/remove";

    // Pages for browsers.
    /// The page of a newcomer.
    HOME = "/";
    /// The pre-built UI.
    UI = "/ui";
    /// The phone.
    PHONE = "/phone";
    /// The demo.
    DEMO = "/demo";
    /// A call of the demo's page to its backend.
    DEMO_BACKEND = "/demo/backend/{call}";
    /// The pages with a slash at their end.
    PAGES_WITH_SLASH = "/{page:ui|phone|demo}/";
    /// The brand of a tenant.
    BRAND = "/brand/{tenant}";
    /// The files of the pages.
    FILES = "/{folder:sdk|shared|vendor|ui|phone|demo}/{file:.+}";
}

/// The Device API, below [`device::BASE`]: Basic with the tenant's id. Enrollment is Bearer, and so
/// is making a ticket for it.
pub mod device {
    /// Base of the paths.
    pub const BASE: &str = "/client/user-authenticators/push";
    /// The older name of the base.
    pub const OLD_BASE: &str = "/client/user-authenticators/device";

    /// The credential itself.
    pub const CREDENTIAL: &str = "";
    /// The pending challenges, and the answers to them.
    pub const CHALLENGE: &str = "/challenge";
    /// A nonce for a signed read.
    pub const READ_NONCE: &str = "/challenge/sign";
    /// A nonce for an update.
    pub const UPDATE_NONCE: &str = "/sign";
    /// Makes a ticket.
    pub const TICKET: &str = "/ticket";
    /// Looks at a ticket.
    pub const OPEN_TICKET: &str = "/ticket/open";
    /// Begins a device session.
    pub const SESSION: &str = "/session";
    /// A nonce for a session, an update or a removal by statement.
    pub const SESSION_NONCE: &str = "/session/nonce";
    /// Removes the key.
    pub const REMOVE: &str = "/remove";
}

/// The operators' listener.
pub mod operator {
    /// The metrics.
    pub const METRICS: &str = "/metrics";
    /// The process answers.
    pub const LIVE: &str = "/health/live";
    /// Requests can be answered.
    pub const READY: &str = "/health/ready";
    /// One account.
    pub const ACCOUNT: &str = "/operator/accounts/{tenant}/{user}";
    /// Clears the holds of an account.
    pub const RELEASE_HOLD: &str = "/operator/accounts/{tenant}/{user}/release-hold";
    /// One device of an account.
    pub const DEVICE: &str = "/operator/accounts/{tenant}/{user}/devices/{device}";
}

/// Paths that the SDKs have and this server has no method for.
pub const UNSUPPORTED: &[&str] = &[
    "/authenticators",
    "/challenge",
    "/challenges",
    // Two SDKs build the path of `GET /challenges` wrongly, each in its own way: one leaves out the
    // question mark, and begins with whichever parameter it has.
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

/// Puts `names` in place of the braces of a path, in their order.
#[must_use]
pub fn filled(path: &str, names: &[impl AsRef<str>]) -> String {
    let mut names = names.iter().map(AsRef::as_ref);
    let part = |part| if is_name(part) { names.next().unwrap_or(part) } else { part };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Tells whether `actual` is one of the paths that `path` stands for.
#[must_use]
pub fn is_at(path: &str, actual: &str) -> bool {
    let is_alike = |(part, actual): (&str, &str)| match is_name(part) {
        true => !actual.is_empty(),
        false => part == actual,
    };
    path.split('/').count() == actual.split('/').count()
        && path.split('/').zip(actual.split('/')).all(is_alike)
}

/// The first segment of a path, if the path of a route begins with it too. A public URL with such
/// a path would leave open which of the two a request means.
#[must_use]
pub fn route_at(path: &str) -> Option<&'static str> {
    let first = path.split('/').find(|segment| !segment.is_empty())?;
    let first = percent_decode_str(first).decode_utf8().ok()?;
    first_segments().find(|name| *name == first)
}

/// The segments with which the routes begin.
fn first_segments() -> impl Iterator<Item = &'static str> {
    let routes = PUBLIC.iter().chain(UNSUPPORTED).chain([&VERSION, &device::BASE]);
    routes.flat_map(|route| alternatives(route))
}

/// The segments with which a route may begin: one, or those of a list such as `{page:ui|phone}`.
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
