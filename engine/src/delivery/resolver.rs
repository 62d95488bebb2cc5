//! Look-up of a webhook's host, which returns only addresses that the policy admits.
//!
//! The HTTP client connects to exactly the returned addresses. There is no second look-up that
//! could return other addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;

use super::host_policy::HostPolicy;
use super::lookups::{Lookups, Unresolved};
use crate::ports::Later;

/// Maximum number of a host's addresses that are tried, because a name may have thousands, and the
/// client would try to connect to each.
const ADDRESSES_MAX: usize = 16;

/// Function that returns the addresses of a host name.
pub type Lookup = Arc<dyn Fn(String) -> Later<io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Returns the operating system's look-up, which includes the hosts file.
#[must_use]
pub fn system_lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// Resolver that returns only the addresses that the policy admits.
#[derive(Clone)]
pub(super) struct CheckedResolver {
    pub(super) policy: Arc<HostPolicy>,
    pub(super) lookup: Lookup,
    pub(super) lookups: Lookups,
}

impl CheckedResolver {
    /// Returns the admitted addresses of a name. Their port is 0, because the client takes the port
    /// from the URL.
    async fn resolve(self, name: Name) -> Result<Vec<SocketAddr>, Unresolved> {
        let (lookup, host) = (self.lookup, name.as_str().to_owned());
        let found = self.lookups.run(move || lookup(host)).await?;
        if found.is_empty() {
            return Err(Unresolved::Unknown);
        }
        let admitted = self.policy.admit(name.as_str(), found);
        if admitted.is_empty() {
            return Err(Unresolved::Blocked);
        }
        let tried = admitted.into_iter().take(ADDRESSES_MAX);
        Ok(tried.map(|ip| SocketAddr::new(ip, 0)).collect())
    }
}

impl Service<Name> for CheckedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Unresolved;
    type Future = Later<Result<Self::Response, Unresolved>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unresolved>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let found = self.clone().resolve(name);
        Box::pin(async move { Ok(found.await?.into_iter()) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::calls::Calls;
    use super::*;

    /// Makes a resolver whose look-ups return these answers, one after the other.
    fn resolver(answers: &[&[&str]]) -> CheckedResolver {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        let answers: Mutex<Vec<Vec<IpAddr>>> =
            Mutex::new(answers.iter().rev().map(parse).collect());
        let lookup: Lookup = Arc::new(move |_| {
            let answer = answers.lock().unwrap().pop().unwrap();
            Box::pin(async move { Ok(answer) })
        });
        checked(lookup)
    }

    fn checked(lookup: Lookup) -> CheckedResolver {
        let policy = Arc::new(HostPolicy::new(&[]).unwrap());
        CheckedResolver { policy, lookup, lookups: Calls::default().lookups() }
    }

    async fn resolve(resolver: &CheckedResolver) -> Result<Vec<String>, Unresolved> {
        let found = resolver.clone().resolve("hook.test".parse().unwrap()).await?;
        Ok(found.into_iter().map(|address| address.to_string()).collect())
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
    async fn of_many_addresses_a_few_are_tried() {
        let many: Vec<_> = (0..255).map(|n| format!("8.8.8.{n}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(resolve(&resolver(&[&many])).await.unwrap().len(), ADDRESSES_MAX);
    }

    #[tokio::test]
    async fn a_name_without_address_is_unknown() {
        assert_eq!(resolve(&resolver(&[&[]])).await, Err(Unresolved::Unknown));
    }

    #[tokio::test]
    async fn a_look_up_that_fails_is_no_address() {
        let lookup: Lookup = Arc::new(|_| Box::pin(async { Err(io::ErrorKind::TimedOut.into()) }));
        assert_eq!(resolve(&checked(lookup)).await, Err(Unresolved::Unknown));
    }
}
