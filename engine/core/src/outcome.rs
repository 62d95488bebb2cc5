//! Decisions of a person, and outcomes of a challenge.

/// The outcome of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The person approved.
    Approved,
    /// The relying party took it back.
    Cancelled,
    /// The person denied.
    Denied,
    /// Nobody answered in time.
    Expired,
    /// It was answered wrongly too often.
    Failed,
    /// The person said that it was not them.
    Reported,
    /// No device is left that could answer.
    Revoked,
    /// A newer challenge of the same action took its place.
    Superseded,
}

impl Outcome {
    /// Tells whether the outcome takes a device.
    #[must_use]
    pub const fn needs_device(self) -> bool {
        match self {
            Self::Approved | Self::Denied | Self::Reported => true,
            Self::Cancelled | Self::Expired | Self::Failed | Self::Revoked | Self::Superseded => {
                false
            }
        }
    }

    /// The name on the wire.
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

/// The person's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The person approves.
    Approve,
    /// Stop.
    Deny,
    /// Stop, and it was not me.
    Report,
}

impl Decision {
    /// Gives the outcome of a challenge that is decided this way.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Approve => Outcome::Approved,
            Self::Deny => Outcome::Denied,
            Self::Report => Outcome::Reported,
        }
    }

    /// The name on the wire and in statements.
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
