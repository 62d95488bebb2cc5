//! Orders to the attackers' process, and its account.

use std::net::SocketAddr;

use clap::ValueEnum;
use countersign_client::wire::challenge::Wait;
use serde::{Deserialize, Serialize};

/// A listener of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Listener {
    /// For backends, browsers and phones.
    Public,
    /// For metrics, health and operators.
    Operators,
}

impl Listener {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Operators => "operators",
        }
    }
}

/// Everything that attackers know of a server. It holds no secret but that of the accomplice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// Names of the abuses, which go on at the same time.
    pub(super) abuses: Vec<String>,
    /// The listener that is attacked, and its address.
    pub(super) listener: Listener,
    pub(super) address: SocketAddr,
    /// Length of the attack.
    pub(super) seconds: f64,
    /// Cores of the attackers; empty where nobody is pinned.
    pub(super) cores: Vec<usize>,
    /// The tenant of those who sign in. It is no secret.
    pub(super) tenant: String,
    /// Challenges that one user may wait for.
    pub(super) waits: Vec<Wait>,
    /// A user whose public key and challenge the attackers know.
    pub(super) victim: Victim,
    /// A tenant that is hostile itself.
    pub(super) accomplice: Accomplice,
}

/// An enrolled public key with a pending challenge.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Victim {
    pub(super) public_key: String,
    pub(super) challenge: String,
}

/// A tenant with a secret of its own, whose webhook the attackers answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Accomplice {
    pub(super) tenant: String,
    pub(super) secret: String,
    pub(super) webhook: SocketAddr,
}

/// The attackers' account.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct AttackCounts {
    /// Connections that the server took.
    pub connections: u64,
    /// Connections that it did not take, or not in time.
    pub unconnected: u64,
    /// Calls that were answered, whatever the answer.
    pub calls: u64,
    /// Bytes that were sent.
    pub sent_bytes: u64,
    /// Bytes that were received.
    pub received_bytes: u64,
}
