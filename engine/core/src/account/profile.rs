//! What the relying party says about a user.

use std::fmt;
use std::sync::Arc;

use super::{Account, AccountRecord, ticketing};
use crate::change::{Transition, Write};
use crate::text::Line;
use crate::time::UnixMillis;

/// A user's attributes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// E-mail address.
    pub email: Option<Line>,
    /// Whether the relying party has verified it.
    pub email_verified: bool,
    /// Phone number, in E.164.
    pub phone_number: Option<Line>,
    /// Whether the relying party has verified it.
    pub phone_number_verified: bool,
    /// User name.
    pub username: Option<Line>,
    /// Name to show.
    pub display_name: Option<Line>,
    /// Language.
    pub locale: Option<Line>,
    /// The relying party's own data, as a JSON object in text.
    pub custom: Option<Arc<str>>,
}

/// Attributes to set; absent ones stay as they are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProfilePatch {
    /// See [`Profile::email`].
    pub email: Option<Line>,
    /// See [`Profile::email_verified`].
    pub email_verified: Option<bool>,
    /// See [`Profile::phone_number`].
    pub phone_number: Option<Line>,
    /// See [`Profile::phone_number_verified`].
    pub phone_number_verified: Option<bool>,
    /// See [`Profile::username`].
    pub username: Option<Line>,
    /// See [`Profile::display_name`].
    pub display_name: Option<Line>,
    /// See [`Profile::locale`].
    pub locale: Option<Line>,
    /// See [`Profile::custom`].
    pub custom: Option<Arc<str>>,
}

impl fmt::Debug for Profile {
    /// Shows nothing of a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").finish_non_exhaustive()
    }
}

impl fmt::Debug for ProfilePatch {
    /// Shows nothing of a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProfilePatch").finish_non_exhaustive()
    }
}

impl Profile {
    /// The profile with a patch applied. A new address or number counts as not verified unless the
    /// patch says otherwise.
    #[must_use]
    pub fn patched(&self, patch: &ProfilePatch) -> Self {
        let mut next = self.clone();
        if patch.email.is_some() && patch.email != self.email {
            next.email.clone_from(&patch.email);
            next.email_verified = false;
        }
        if patch.phone_number.is_some() && patch.phone_number != self.phone_number {
            next.phone_number.clone_from(&patch.phone_number);
            next.phone_number_verified = false;
        }
        next.email_verified = patch.email_verified.unwrap_or(next.email_verified);
        next.phone_number_verified =
            patch.phone_number_verified.unwrap_or(next.phone_number_verified);
        next.username = patch.username.clone().or(next.username);
        next.display_name = patch.display_name.clone().or(next.display_name);
        next.locale = patch.locale.clone().or(next.locale);
        next.custom = patch.custom.clone().or(next.custom);
        next
    }
}

impl Account {
    /// Sets attributes, creating the user where there is none.
    #[must_use]
    pub fn update_profile(&self, patch: &ProfilePatch, now: UnixMillis) -> Transition<Profile> {
        let record = self.patched_record(patch, now);
        let profile = record.profile.clone();
        self.transition(vec![Write::Account(record)], profile)
    }

    pub(super) fn patched_record(&self, patch: &ProfilePatch, now: UnixMillis) -> AccountRecord {
        let known = self.record.as_ref();
        AccountRecord {
            created_at: known.map_or(now, |r| r.created_at),
            profile: known.map(|r| r.profile.clone()).unwrap_or_default().patched(patch),
            counters: known.map(|r| r.counters.clone()).unwrap_or_default(),
            tickets: known.map(|r| ticketing::live(r, now)).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_address_is_not_verified_until_said_so() {
        let line = |text| Some(Line::cleaned(text, 100));
        let known = Profile { email: line("a@x"), email_verified: true, ..Profile::default() };
        let patch = |email, email_verified| ProfilePatch {
            email,
            email_verified,
            ..ProfilePatch::default()
        };
        assert!(known.patched(&patch(line("a@x"), None)).email_verified);
        assert!(!known.patched(&patch(line("b@x"), None)).email_verified);
        assert!(known.patched(&patch(line("b@x"), Some(true))).email_verified);
    }
}
