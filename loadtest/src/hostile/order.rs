//! Orders to the attackers' process, and the counts that it returns.

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
    /// Returns the listener's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Operators => "operators",
        }
    }
}

/// All that the attackers know about a server. Its only secret is that of the accomplice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// Names of the abuses, which run at the same time.
    pub(super) abuses: Vec<String>,
    /// The attacked listener and its address.
    pub(super) listener: Listener,
    pub(super) address: SocketAddr,
    /// Length of the attack, in seconds.
    pub(super) seconds: f64,
    /// Cores of the attackers; empty if the process is not pinned.
    pub(super) cores: Vec<usize>,
    /// The id of the tenant whose users sign in. It is not a secret.
    pub(super) tenant: String,
    /// Pending challenges for one poll, with the tokens of their browsers.
    pub(super) waits: Vec<Wait>,
    /// A user whose public key and pending challenge the attackers know.
    pub(super) victim: Victim,
    /// A tenant that works for the attackers.
    pub(super) accomplice: Accomplice,
}

/// The public key of an enrolled user, and the id of their pending challenge.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Victim {
    pub(super) public_key: String,
    pub(super) challenge: String,
}

/// A tenant whose secret the attackers know, and whose webhook they answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Accomplice {
    pub(super) tenant: String,
    pub(super) secret: String,
    pub(super) webhook: SocketAddr,
}

/// Counts of one attack.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct AttackCounts {
    /// Connections that the server accepted.
    pub connections: u64,
    /// Connections that the server did not accept in time.
    pub unconnected: u64,
    /// Calls that got a response, with any status.
    pub calls: u64,
    /// Bytes that the attackers sent.
    pub sent_bytes: u64,
    /// Bytes that the attackers received.
    pub received_bytes: u64,
}
