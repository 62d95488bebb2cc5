//! The table of abuses.

use std::pin::Pin;

use super::abuse::{
    bad_credentials, bad_heads, broken_bodies, connections, crowded_waits, floods, half_closes,
    pipelining, slow_readers, slow_requests, streams, webhook,
};
use super::attack_context::Context;
use super::order::Listener;
use crate::LoadError;

/// A running abuse, which continues until it is dropped.
pub(super) type Abusing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One way to abuse a server.
pub struct Abuse {
    /// Name on the command line.
    pub name: &'static str,
    /// A description in one line.
    pub about: &'static str,
    /// Function that describes the maximum rate in words.
    pub rate: fn() -> String,
    /// True if the abuse applies to the operators' listener too.
    both: bool,
    pub(super) begin: fn(Context) -> Abusing,
}

impl Abuse {
    /// Checks if the abuse applies to a listener.
    pub fn is_for(&self, listener: Listener) -> bool {
        self.both || listener == Listener::Public
    }
}

/// Expands to one row of the table.
macro_rules! abuse {
    ($name:literal, $on:ident, $room:ident, $rate:ident, $begin:ident, $about:literal) => {
        Abuse {
            name: $name,
            about: $about,
            rate: $room::$rate,
            both: $on,
            begin: |context| Box::pin($room::$begin(context)),
        }
    };
}

const BOTH: bool = true;
const PUBLIC: bool = false;

/// All abuses, in the order in which `--list` prints them.
#[rustfmt::skip]
pub const ALL: &[Abuse] = &[
    abuse!("h2-broken-bodies", BOTH, broken_bodies, rate, begin,
        "HTTP/2 bodies longer or shorter than they say, open trailers, resets, lost connections"),
    abuse!("h2-floods", BOTH, floods, rate, begin,
        "floods of PING, SETTINGS, WINDOW_UPDATE and PRIORITY"),
    abuse!("h2-rapid-reset", BOTH, streams, reset_rate, rapid_reset,
        "streams that are opened and reset at once"),
    abuse!("h2-continuations", BOTH, streams, continuation_rate, continuations,
        "a head that goes on for ever in CONTINUATION frames"),
    abuse!("h2-streams", BOTH, streams, unread_rate, unread,
        "every stream of a connection with an answer that the window does not let out"),
    abuse!("connections", BOTH, connections, idle_rate, idle, "connections that do nothing"),
    abuse!("connect-bursts", BOTH, connections, burst_rate, bursts,
        "many connections at once, closed, and again"),
    abuse!("slow-heads", BOTH, slow_requests, heads_rate, heads, "heads that come byte by byte"),
    abuse!("slow-bodies", PUBLIC, slow_requests, rate, bodies,
        "bodies that come byte by byte"),
    abuse!("slow-readers", BOTH, slow_readers, rate, begin,
        "pipelined requests for the largest answer, which nobody reads"),
    abuse!("pipelining", PUBLIC, pipelining, rate, begin, "many small requests sent ahead"),
    abuse!("half-closes", BOTH, half_closes, rate, begin,
        "requests behind which the client shuts its side, or resets the connection"),
    abuse!("bad-heads", BOTH, bad_heads, rate, begin,
        "bytes that are no HTTP, and heads that never end"),
    abuse!("bad-tokens", PUBLIC, bad_credentials, tokens_rate, tokens,
        "browsers' calls with tokens that are none"),
    abuse!("bad-signatures", PUBLIC, bad_credentials, signatures_rate, signatures,
        "decisions with bad signatures, also for a key and a challenge that exist"),
    abuse!("crowded-waits", PUBLIC, crowded_waits, rate, begin,
        "one user's polls, each for as many challenges as one may name"),
    abuse!("webhook-continue", PUBLIC, webhook, rate, begin,
        "a tenant's webhook that answers 100 Continue for ever"),
    abuse!("anonymous-new-work", PUBLIC, bad_credentials, new_work_rate, new_work,
        "actions and enrollments with secrets that are none"),
];

/// Returns the abuses with these names, in the order of the table. Without names it returns all
/// abuses.
///
/// # Errors
/// [`LoadError::Input`] for an unknown name.
pub fn named(names: &[String]) -> Result<Vec<&'static Abuse>, LoadError> {
    if let Some(name) = names.iter().find(|name| ALL.iter().all(|abuse| abuse.name != **name)) {
        let known = ALL.iter().map(|abuse| abuse.name).collect::<Vec<_>>().join(", ");
        return Err(LoadError::Input(format!("{name:?} is none of {known}")));
    }
    let is_named = |abuse: &&Abuse| names.is_empty() || names.iter().any(|n| n == abuse.name);
    Ok(ALL.iter().filter(is_named).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_abuse_has_a_name_of_its_own_a_line_and_a_rate() {
        for (index, abuse) in ALL.iter().enumerate() {
            assert!(ALL[..index].iter().all(|other| other.name != abuse.name), "{}", abuse.name);
            assert!(!abuse.about.is_empty() && abuse.about.len() < 90, "{}", abuse.name);
            assert!((abuse.rate)().chars().any(|c| c.is_ascii_digit()), "{}", abuse.name);
        }
    }

    #[test]
    fn abuses_are_found_by_their_names_and_a_wrong_name_is_refused_with_all_of_them() {
        let of = |names: &[&str]| named(&names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&[]).unwrap().len(), ALL.len());
        let two = of(&["slow-heads", "h2-floods"]).unwrap();
        assert_eq!(two.iter().map(|a| a.name).collect::<Vec<_>>(), ["h2-floods", "slow-heads"]);
        let Err(refused) = of(&["h2-flood"]) else { panic!("it was taken") };
        assert!(refused.to_string().contains("h2-floods, h2-rapid-reset"), "{refused}");
    }
}
