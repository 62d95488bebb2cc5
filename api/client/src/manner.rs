//! The ways in which a device can speak to a server.

use countersign_core::device::Signing;
use countersign_core::signature::SignatureFormat;

use crate::dialect::Dialect;

/// A device's protocol, and its signing mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// A device like an official SDK, which signs challenge ids.
    Official(Dialect),
    /// A device that signs statements, with signatures of that format.
    Statement(SignatureFormat),
}

impl Manner {
    /// Gives the signing mode of this protocol.
    #[must_use]
    pub const fn signing(self) -> Signing {
        match self {
            Self::Official(_) => Signing::ChallengeId,
            Self::Statement(_) => Signing::StatementV1,
        }
    }
}
