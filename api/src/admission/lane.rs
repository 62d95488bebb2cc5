//! Lanes of requests: new work and existing work. Under overload the server rejects new work first,
//! because a person who has begun a sign-in must be able to finish it.

use actix_web::http::Method;
use countersign_wire::paths::{self, device};

/// A lane of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Requests that begin something: they track an action, start a challenge, enroll a key, or
    /// create an enrollment ticket.
    New,
    /// Everything else: reads, decisions, polls and validations of existing work, and removals.
    Existing,
}

impl Lane {
    /// Returns the lane of a request, from its method and path. The path is compared as the routes
    /// compare it, so that a path in another spelling, which would get the wrong lane, reaches no
    /// route.
    pub fn of(method: &Method, path: &str) -> Self {
        let path = path.strip_prefix(paths::VERSION).unwrap_or(path);
        let of_device = [device::BASE, device::OLD_BASE];
        let of_device = || of_device.iter().filter_map(|base| path.strip_prefix(base));
        let begins = || {
            path == paths::START_CHALLENGE
                || paths::is_at(paths::TRACK, path)
                || paths::is_at(paths::ACTION, path)
                || of_device().any(|rest| matches!(rest, device::CREDENTIAL | device::TICKET))
        };
        if method == Method::POST && begins() { Self::New } else { Self::Existing }
    }

    /// Returns the lane's name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Existing => "existing",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_something_is_new_work() {
        for path in [
            "/users/u-1/actions/signIn",
            // No route has this path, but it counts as new work like the path of a track.
            "/users/u-1/actions/signIn/key",
            "/client/challenge/push",
            "/client/user-authenticators/push",
            "/client/user-authenticators/device",
            "/client/user-authenticators/push/ticket",
            "/client/user-authenticators/device/ticket",
        ] {
            assert_eq!(Lane::of(&Method::POST, path), Lane::New, "{path}");
            assert_eq!(Lane::of(&Method::POST, &format!("/v1{path}")), Lane::New, "{path}");
            assert_eq!(Lane::of(&Method::PATCH, path), Lane::Existing, "{path}");
        }
    }

    #[test]
    fn what_serves_a_challenge_or_takes_something_away_is_not() {
        for path in [
            "/v1/client/verify/push",
            "/v1/client/wait/push",
            "/v1/client/cancel/push",
            "/v1/client/leave/push",
            "/v1/client/user-authenticators/push/challenge",
            "/v1/client/user-authenticators/push/challenge/sign",
            "/v1/client/user-authenticators/push/session",
            "/v1/client/user-authenticators/push/remove",
            "/v1/client/user-authenticators/push/ticket/open",
            "/v1/client/user-authenticators/remove",
            "/v1/validate",
            "/v1/users/u-1",
            "/v1/users/actions/",
            "/ui",
            "/",
            "",
        ] {
            assert_eq!(Lane::of(&Method::POST, path), Lane::Existing, "{path}");
        }
    }
}
