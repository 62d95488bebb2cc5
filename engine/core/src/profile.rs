//! Attributes of a user, and patches of them.

use std::fmt;
use std::sync::Arc;

use crate::text::Line;

/// A user's attributes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// E-mail address.
    pub email: Option<Line>,
    /// True if the relying party has verified the e-mail address.
    pub email_verified: bool,
    /// Phone number, in E.164.
    pub phone_number: Option<Line>,
    /// True if the relying party has verified the phone number.
    pub phone_number_verified: bool,
    /// User name.
    pub username: Option<Line>,
    /// Display name.
    pub display_name: Option<Line>,
    /// Language of the user.
    pub locale: Option<Line>,
    /// The relying party's own data, as a JSON object in text.
    pub custom: Option<Arc<str>>,
}

/// Effect of a patch on an attribute that can be removed.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Edit {
    /// Keeps the attribute.
    #[default]
    Keep,
    /// Removes the attribute.
    Clear,
    /// Replaces the attribute by this text.
    Set(Line),
}

impl Edit {
    /// Makes an edit that sets `text`, or keeps the attribute if `text` is `None`.
    #[must_use]
    pub fn set_or_keep(text: Option<Line>) -> Self {
        text.map_or(Self::Keep, Self::Set)
    }

    /// Makes an edit that sets `text`, or removes the attribute if `text` is `None`.
    #[must_use]
    pub fn set_or_clear(text: Option<Line>) -> Self {
        text.map_or(Self::Clear, Self::Set)
    }

    /// Returns the attribute after the edit.
    fn of(&self, known: Option<Line>) -> Option<Line> {
        match self {
            Self::Keep => known,
            Self::Clear => None,
            Self::Set(text) => Some(text.clone()),
        }
    }
}

/// Changes of a user's attributes. An absent member keeps its attribute.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProfilePatch {
    /// See [`Profile::email`].
    pub email: Edit,
    /// See [`Profile::email_verified`].
    pub email_verified: Option<bool>,
    /// See [`Profile::phone_number`].
    pub phone_number: Edit,
    /// See [`Profile::phone_number_verified`].
    pub phone_number_verified: Option<bool>,
    /// See [`Profile::username`].
    pub username: Edit,
    /// See [`Profile::display_name`].
    pub display_name: Edit,
    /// See [`Profile::locale`].
    pub locale: Option<Line>,
    /// See [`Profile::custom`].
    pub custom: Option<Arc<str>>,
}

impl fmt::Debug for Profile {
    /// Prints none of the fields, because they hold personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").finish_non_exhaustive()
    }
}

impl fmt::Debug for ProfilePatch {
    /// Prints none of the fields, because they hold personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProfilePatch").finish_non_exhaustive()
    }
}

impl Profile {
    /// Returns the profile after `patch`. A changed e-mail address or phone number is not verified
    /// unless the patch says so. A removed one is never verified.
    #[must_use]
    pub fn patched(&self, patch: &ProfilePatch) -> Self {
        let (email, phone_number) =
            (patch.email.of(self.email.clone()), patch.phone_number.of(self.phone_number.clone()));
        let verified = |edit: &Edit, is_same: bool, was: bool, said: Option<bool>| match edit {
            Edit::Clear => false,
            Edit::Keep | Edit::Set(_) => said.unwrap_or(was && is_same),
        };
        let mut next = self.clone();
        next.email_verified =
            verified(&patch.email, email == self.email, self.email_verified, patch.email_verified);
        next.phone_number_verified = verified(
            &patch.phone_number,
            phone_number == self.phone_number,
            self.phone_number_verified,
            patch.phone_number_verified,
        );
        (next.email, next.phone_number) = (email, phone_number);
        next.username = patch.username.of(next.username);
        next.display_name = patch.display_name.of(next.display_name);
        next.locale = patch.locale.clone().or(next.locale);
        next.custom = patch.custom.clone().or(next.custom);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_address_is_not_verified_until_said_so() {
        let line = |text| Some(Line::cleaned(text, 100));
        let known = Profile {
            email: line("a@x"),
            email_verified: true,
            phone_number: line("+1"),
            phone_number_verified: true,
            ..Profile::default()
        };
        let verified = |email, phone_number, said| {
            let patch = ProfilePatch {
                email: Edit::set_or_keep(line(email)),
                email_verified: said,
                phone_number: Edit::set_or_clear(line(phone_number)),
                phone_number_verified: said,
                ..ProfilePatch::default()
            };
            let patched = known.patched(&patch);
            (patched.email_verified, patched.phone_number_verified)
        };
        assert_eq!(verified("a@x", "+1", None), (true, true));
        assert_eq!(verified("b@x", "+1", None), (false, true));
        assert_eq!(verified("a@x", "+2", None), (true, false));
        assert_eq!(verified("b@x", "+2", Some(true)), (true, true));
        assert!(known.patched(&ProfilePatch::default()) == known);
        let absent = (Edit::set_or_keep(None), Edit::set_or_clear(None));
        assert!(absent == (Edit::Keep, Edit::Clear));
    }

    #[test]
    fn an_attribute_that_is_taken_away_is_not_verified_either() {
        let line = |text| Some(Line::cleaned(text, 100));
        let known = Profile {
            email: line("a@x"),
            email_verified: true,
            phone_number: line("+1"),
            phone_number_verified: true,
            username: line("ann"),
            display_name: line("Ann"),
            locale: line("en"),
            custom: Some("{}".into()),
        };
        let patch = ProfilePatch {
            email: Edit::Clear,
            email_verified: Some(true),
            phone_number: Edit::Clear,
            username: Edit::Clear,
            display_name: Edit::Clear,
            ..ProfilePatch::default()
        };
        let rest = Profile { locale: line("en"), custom: Some("{}".into()), ..Profile::default() };
        assert!(known.patched(&patch) == rest);
        assert!(rest.patched(&patch) == rest, "what is not there is taken away without a word");
    }
}
