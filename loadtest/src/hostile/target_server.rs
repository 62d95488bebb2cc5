//! The server under attack, with the users who sign in on it.

use std::net::SocketAddr;
use std::path::Path;

use countersign_client::wire::challenge::{WAITS_PER_POLL_MAX, Wait};

use super::order::{Accomplice, Victim};
use super::sign_ins::{SignIns, targets};
use crate::LoadError;
use crate::server::{SpawnSettings, Spawned};

/// Soft and hard limit of the server's descriptors, as most systems set them.
const DESCRIPTORS: (u64, u64) = (1_024, 20_000);
/// True for a server that peers reach directly. It is left out if the server does not know it.
const DIRECT: &str = "server.direct_clients";
/// Address of the accomplice's webhook, which no other part of the harness uses.
const WEBHOOK: &str = "127.0.0.10";
/// Tenant id of the accomplice, whose secret the attackers know.
const ACCOMPLICE: &str = "accomplice";
const ACCOMPLICE_SECRET: &str = "a-secret-that-attackers-know";
/// Prefix of the server's error message for an unknown variable.
const UNKNOWN: &str = "unknown variable ";

/// A running server and its users.
pub(super) struct TargetServer {
    spawned: Spawned,
    /// Addresses of the server's listeners.
    pub(super) public: SocketAddr,
    pub(super) operators: SocketAddr,
    /// Id of the tenant whose users sign in.
    pub(super) tenant: String,
    /// The users who sign in.
    pub(super) sign_ins: SignIns,
    /// The tenant that works for the attackers.
    pub(super) accomplice: Accomplice,
    log_read: u64,
}

impl TargetServer {
    /// Starts a server, and enrolls enough users for `per_second` sign-ins per second. If the
    /// server does not know [`DIRECT`], it is started without that key, and `left_out` receives the
    /// key.
    ///
    /// # Errors
    /// [`LoadError`] if the server does not start, or rejects an enrollment.
    pub(super) async fn start(
        binary: &Path,
        store: &str,
        (cores, set): (&[usize], &[(String, String)]),
        per_second: f64,
        left_out: impl Fn(&str),
    ) -> Result<Self, LoadError> {
        let webhook = free_port()?;
        let direct = (DIRECT.to_owned(), "true".to_owned());
        let mut settings = SpawnSettings {
            store: store.to_owned(),
            workers: 0,
            cores: cores.to_vec(),
            keys: std::iter::once(direct).chain(accomplice_keys(webhook)).collect(),
            descriptors: Some(DESCRIPTORS),
        };
        settings.keys.extend_from_slice(set);
        let is_set = set.iter().any(|(key, _)| key == DIRECT);
        let spawned = match Spawned::start(binary, &settings).await {
            Err(error) if !is_set && is_unknown(DIRECT, &error.to_string()) => {
                settings.keys.retain(|(key, _)| key != DIRECT);
                left_out(DIRECT);
                Spawned::start(binary, &settings).await?
            }
            started => started?,
        };
        let target = &spawned.target;
        let (public, operators) = (target.address()?, target.operations_address()?);
        let sign_ins = SignIns::enroll(public, &target.callers(), per_second).await?;
        let [tenant, accomplice, secret] =
            [&target.tenant, ACCOMPLICE, ACCOMPLICE_SECRET].map(str::to_owned);
        let accomplice = Accomplice { tenant: accomplice, secret, webhook };
        Ok(Self { spawned, public, operators, tenant, sign_ins, accomplice, log_read: 0 })
    }

    /// Returns the server's process id.
    pub(super) const fn pid(&self) -> u32 {
        self.spawned.pid
    }

    /// Starts new challenges for the attackers.
    ///
    /// # Errors
    /// If the server rejects a request.
    pub(super) async fn targets(&self) -> Result<(Victim, Vec<Wait>), LoadError> {
        Ok(targets(self.public, &self.spawned.target.callers(), WAITS_PER_POLL_MAX).await?)
    }

    /// Returns the lines of the server's log since the previous call that report a panic or an
    /// error.
    pub(super) fn complaints(&mut self) -> Vec<String> {
        let Ok((log, read)) = self.spawned.log_from(self.log_read) else {
            return vec!["the log cannot be read".to_owned()];
        };
        self.log_read = read;
        complaints(&log)
    }

    /// Stops the server. A harmed server is killed without a grace period.
    ///
    /// # Errors
    /// [`LoadError`] if the server does not stop.
    pub(super) async fn end(self, harmed: bool) -> Result<(), LoadError> {
        if harmed {
            return Ok(self.spawned.kill().await?);
        }
        self.spawned.stop().await.map(drop)
    }
}

/// Returns the lines of a log that report a panic or an error.
fn complaints(log: &str) -> Vec<String> {
    let is_one = |line: &&str| line.contains(" ERROR ") || line.contains("panicked");
    log.lines().filter(is_one).map(|line| line.trim().to_owned()).collect()
}

fn accomplice_keys(webhook: SocketAddr) -> impl Iterator<Item = (String, String)> {
    let keys = [
        ("id", ACCOMPLICE.to_owned()),
        ("secret_keys", ACCOMPLICE_SECRET.to_owned()),
        ("push.webhook_url", format!("http://{webhook}/")),
        ("push.webhook_allow_hosts", WEBHOOK.to_owned()),
        ("push.prompts_max", "1000".to_owned()),
        ("push.prompts_window_seconds", "1".to_owned()),
    ];
    keys.into_iter().map(|(key, value)| (format!("tenants.1.{key}"), value))
}

/// Checks if an error of the start is about this unknown configuration key.
fn is_unknown(key: &str, error: &str) -> bool {
    let variable = format!("COUNTERSIGN__{}", key.replace('.', "__").to_ascii_uppercase());
    error.contains(&format!("{UNKNOWN}{variable}:"))
}

/// Returns a free port on the accomplice's address.
fn free_port() -> Result<SocketAddr, LoadError> {
    Ok(std::net::TcpListener::bind((WEBHOOK, 0))?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_and_an_error_are_complaints_and_a_warning_is_none() {
        let log = "2026 WARN a::b: late\nthread 'x' panicked at y\n2026 ERROR a::b: no disk\n";
        assert_eq!(complaints(log), ["thread 'x' panicked at y", "2026 ERROR a::b: no disk"]);
    }

    #[test]
    fn a_key_that_the_server_does_not_know_is_told_from_others() {
        let error = "x did not start: unknown variable COUNTERSIGN__SERVER__DIRECT_CLIENTS: the…";
        assert!(is_unknown("server.direct_clients", error));
        assert!(!is_unknown("server.direct", error) && !is_unknown("server.workers", error));
    }
}
