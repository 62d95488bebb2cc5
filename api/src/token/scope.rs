//! Scopes of a bearer token.

/// A right of a token beyond those of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Right to add a further authenticator.
    AddAuthenticators,
    /// Right to list authenticators. Every token has it.
    ReadAuthenticators,
    /// Right to remove an authenticator.
    RemoveAuthenticators,
    /// Right to update an authenticator.
    UpdateAuthenticators,
}

impl Scope {
    const ALL: [Self; 4] = [
        Self::AddAuthenticators,
        Self::ReadAuthenticators,
        Self::RemoveAuthenticators,
        Self::UpdateAuthenticators,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::AddAuthenticators => "add:authenticators",
            Self::ReadAuthenticators => "read:authenticators",
            Self::RemoveAuthenticators => "remove:authenticators",
            Self::UpdateAuthenticators => "update:authenticators",
        }
    }
}

/// Set of scopes, with a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Returns all scopes, for the token of a verified challenge.
    pub fn all() -> Self {
        Scope::ALL.into_iter().fold(Self(0), Self::and)
    }

    /// Parses a space-separated list. The set always has [`Scope::ReadAuthenticators`].
    ///
    /// # Errors
    /// The first name that is not that of a scope.
    pub fn parse(list: &str) -> Result<Self, String> {
        list.split_ascii_whitespace().try_fold(
            Self(0).and(Scope::ReadAuthenticators),
            |set, name| {
                let scope = Scope::ALL.into_iter().find(|s| s.name() == name).ok_or(name)?;
                Ok(set.and(scope))
            },
        )
    }

    const fn and(self, scope: Scope) -> Self {
        Self(self.0 | 1 << scope as u8)
    }

    /// Returns true if the set has a scope.
    pub const fn contains(self, scope: Scope) -> bool {
        self.and(scope).0 == self.0
    }

    pub(super) const fn to_byte(self) -> u8 {
        self.0
    }

    /// Returns the set with these bits, or `None` for a bit of no scope.
    pub(super) fn of_byte(bits: u8) -> Option<Self> {
        Some(Self(bits)).filter(|set| Self::all().0 | set.0 == Self::all().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_scopes_are_refused_and_reading_is_always_allowed() {
        assert_eq!(Scopes::parse("add:everything"), Err("add:everything".to_owned()));
        assert!(Scopes::parse("").unwrap().contains(Scope::ReadAuthenticators));
        assert!(!Scopes::parse("").unwrap().contains(Scope::AddAuthenticators));
    }

    #[test]
    fn a_byte_holds_every_set_and_nothing_else() {
        for set in ["", "add:authenticators", "remove:authenticators update:authenticators"] {
            let set = Scopes::parse(set).unwrap();
            assert_eq!(Scopes::of_byte(set.to_byte()), Some(set));
        }
        assert_eq!(Scopes::of_byte(Scopes::all().to_byte()), Some(Scopes::all()));
        assert_eq!(Scopes::of_byte(1 << Scope::ALL.len()), None);
    }
}
