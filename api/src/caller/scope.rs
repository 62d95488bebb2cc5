//! What a bearer token allows besides its kind.

/// What a token allows besides its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Bind a further authenticator.
    AddAuthenticators,
    /// List authenticators; every token allows it.
    ReadAuthenticators,
    /// Remove an authenticator.
    RemoveAuthenticators,
    /// Update an authenticator.
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

/// A set of scopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// What the token of a verified challenge allows.
    #[must_use]
    pub fn all() -> Self {
        Self(Scope::ALL.to_vec())
    }

    /// Reads a space-separated list. Reading authenticators is always allowed.
    ///
    /// # Errors
    /// The first name that is not one of a scope.
    pub fn parse(list: &str) -> Result<Self, String> {
        let mut scopes = vec![Scope::ReadAuthenticators];
        for name in list.split_ascii_whitespace() {
            let scope = Scope::ALL.into_iter().find(|s| s.name() == name).ok_or(name)?;
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        Ok(Self(scopes))
    }

    /// Whether the set has a scope.
    #[must_use]
    pub fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    pub(super) fn to_list(&self) -> String {
        self.0.iter().map(|s| s.name()).collect::<Vec<_>>().join(" ")
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
}
