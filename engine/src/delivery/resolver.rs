//! Looking a webhook's host up, so that only admitted addresses are connected to.
//!
//! The client connects to exactly the addresses given here: there is no second look-up that could
//! answer otherwise.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::guard::Guard;
use crate::ports::Later;

/// Finds the addresses of a host name.
pub type Lookup = Arc<dyn Fn(String) -> Later<io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The operating system's look-up, hosts file included.
#[must_use]
pub fn system_lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// Why a host name leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unresolved {
    /// It has addresses, none of which may be connected to.
    #[error("no address of the host may be connected to")]
    Blocked,
    /// It has no address.
    #[error("the host has no address")]
    Unknown,
}

/// Looks names up and keeps what the guard admits.
pub(super) struct GuardedResolver {
    pub(super) guard: Arc<Guard>,
    pub(super) lookup: Lookup,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.guard);
        let found = (self.lookup)(name.as_str().to_owned());
        Box::pin(async move {
            let found = found.await.unwrap_or_default();
            if found.is_empty() {
                return Err(Box::new(Unresolved::Unknown) as Box<dyn Error + Send + Sync>);
            }
            let admitted = guard.admit(name.as_str(), found);
            if admitted.is_empty() {
                return Err(Box::new(Unresolved::Blocked) as _);
            }
            // Port 0 stands for the port of the URL.
            Ok(Box::new(admitted.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A resolver whose look-ups give these answers, one after the other.
    fn resolver(answers: &[&[&str]]) -> GuardedResolver {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        let answers: Mutex<Vec<Vec<IpAddr>>> =
            Mutex::new(answers.iter().rev().map(parse).collect());
        let lookup: Lookup = Arc::new(move |_| {
            let answer = answers.lock().unwrap().pop().unwrap();
            Box::pin(async move { Ok(answer) })
        });
        GuardedResolver { guard: Arc::new(Guard::new(&[]).unwrap()), lookup }
    }

    async fn resolve(resolver: &GuardedResolver) -> Result<Vec<String>, Unresolved> {
        match resolver.resolve("hook.test".parse().unwrap()).await {
            Ok(found) => Ok(found.map(|address| address.to_string()).collect()),
            Err(error) => Err(*error.downcast().unwrap()),
        }
    }

    #[tokio::test]
    async fn a_name_that_is_bound_anew_to_an_internal_address_is_refused() {
        let resolver = resolver(&[&["8.8.8.8"], &["127.0.0.1"]]);
        assert_eq!(resolve(&resolver).await, Ok(vec!["8.8.8.8:0".to_owned()]));
        assert_eq!(resolve(&resolver).await, Err(Unresolved::Blocked));
    }

    #[tokio::test]
    async fn internal_addresses_among_public_ones_are_dropped() {
        let resolver = resolver(&[&["10.0.0.1", "8.8.8.8", "::1", "2606:4700::1111"]]);
        let found = resolve(&resolver).await.unwrap();
        assert_eq!(found, ["8.8.8.8:0", "[2606:4700::1111]:0"]);
    }

    #[tokio::test]
    async fn a_name_without_address_is_unknown() {
        assert_eq!(resolve(&resolver(&[&[]])).await, Err(Unresolved::Unknown));
    }

    #[tokio::test]
    async fn a_look_up_that_fails_is_no_address() {
        let lookup: Lookup = Arc::new(|_| Box::pin(async { Err(io::ErrorKind::TimedOut.into()) }));
        let resolver = GuardedResolver { guard: Arc::new(Guard::new(&[]).unwrap()), lookup };
        assert_eq!(resolve(&resolver).await, Err(Unresolved::Unknown));
    }
}
