//! The ways in which a device can speak to a server.

use countersign_core::device::Signing;
use countersign_core::signature::SignatureFormat;

use crate::dialect::Dialect;

/// How a device speaks, and what it signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As one of the official SDKs does: it signs the names of challenges.
    Official(Dialect),
    /// By statements, with signatures of that format.
    Statement(SignatureFormat),
}

impl Manner {
    /// What a device signs that speaks so.
    #[must_use]
    pub const fn signing(self) -> Signing {
        match self {
            Self::Official(_) => Signing::ChallengeId,
            Self::Statement(_) => Signing::StatementV1,
        }
    }
}
