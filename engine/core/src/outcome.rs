//! Decisions of a user, and outcomes of a challenge.

/// The outcome of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The user approved.
    Approved,
    /// The relying party, or the server after a failed notification, cancelled the challenge.
    Cancelled,
    /// The user denied.
    Denied,
    /// Nobody answered in time.
    Expired,
    /// Wrong numbers were typed too often.
    Failed,
    /// The user reported that somebody else caused the challenge.
    Reported,
    /// The devices that might answer, or the user, were removed.
    Revoked,
    /// A newer challenge of the same action code replaced it.
    Superseded,
}

impl Outcome {
    /// Returns true if only a device's decision causes this outcome.
    #[must_use]
    pub const fn needs_device(self) -> bool {
        match self {
            Self::Approved | Self::Denied | Self::Reported => true,
            Self::Cancelled | Self::Expired | Self::Failed | Self::Revoked | Self::Superseded => {
                false
            }
        }
    }

    /// Returns the name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Cancelled => "cancelled",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Reported => "reported",
            Self::Revoked => "revoked",
            Self::Superseded => "superseded",
        }
    }
}

/// The user's decision about a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The user approves the action.
    Approve,
    /// The user denies the action.
    Deny,
    /// The user denies the action and reports that somebody else caused it.
    Report,
}

impl Decision {
    /// Returns the outcome of a challenge after this decision.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Approve => Outcome::Approved,
            Self::Deny => Outcome::Denied,
            Self::Report => Outcome::Reported,
        }
    }

    /// Returns the name on the wire and in statements.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Report => "report",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_have_the_names_of_the_wire() {
        let named = [
            (Outcome::Approved, "approved"),
            (Outcome::Cancelled, "cancelled"),
            (Outcome::Denied, "denied"),
            (Outcome::Expired, "expired"),
            (Outcome::Failed, "failed"),
            (Outcome::Reported, "reported"),
            (Outcome::Revoked, "revoked"),
            (Outcome::Superseded, "superseded"),
        ];
        named.iter().for_each(|(outcome, name)| assert_eq!(outcome.name(), *name));
        let choices = [Decision::Approve, Decision::Deny, Decision::Report];
        let names = choices.map(|choice| (choice.name(), choice.outcome().name()));
        assert_eq!(names, [("approve", "approved"), ("deny", "denied"), ("report", "reported")]);
    }
}
