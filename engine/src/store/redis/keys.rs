//! Names of Redis keys: `countersign:{tag}:kind:id`. The tag is the first 16 hexadecimal digits of
//! the SHA-256 of tenant and user.
//!
//! Records that change together share a tag, and so a slot of a cluster. Text from callers is
//! hashed before it becomes part of a name. Indexes over all accounts have names without an
//! account's tag. Their entries are hints, which readers check against the record.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::account::AccountRecord;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, AuthenticatorId, ChallengeId, CredentialKey, EventId,
    TenantId, UserId,
};
use countersign_core::statement;
use sha2::{Digest as _, Sha256};

use crate::store::folded;

/// The highest time that the store has seen.
pub(super) const CLOCK: &str = "countersign:clock";
/// Hash with the owner and the progress of the store.
pub(super) const STATE: &str = "countersign:state";
/// Lock of the server that owns the store. It expires soon, so the server renews it.
pub(super) const LOCK: &str = "countersign:lock";
/// Open challenges by expiry time.
pub(super) const DUE: &str = "countersign:due";
/// Held challenges by expiry time.
pub(super) const HELD: &str = "countersign:held";
/// Ended challenges by the time of their end.
pub(super) const ENDED: &str = "countersign:ended";
/// Actions by the time at which they were tracked.
pub(super) const TRACKED: &str = "countersign:tracked";
/// Tenants that have a secret.
pub(super) const TENANTS: &str = "countersign:tenants";
/// Removed accounts by mark: 0 before the first pruning after the removal, then that pruning's
/// time.
pub(super) const REMOVED: &str = "countersign:removed";
/// Events by due time.
pub(super) const EVENTS: &str = "countersign:events";

/// Kind of the indexes of e-mail addresses.
pub(super) const EMAIL: &str = "email";

/// Length of a digest in a name.
const DIGEST_CHARACTERS: usize = 43;

/// A SHA-256 that replaces text in a name: 43 characters of URL-safe base64.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Digest(String);

impl Digest {
    /// Hashes a list of parts. Each part is hashed with its length, so that different lists have
    /// different digests.
    fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(URL_SAFE_NO_PAD.encode(hash.finalize()))
    }

    /// Hashes a list of names.
    pub(super) fn of_names(names: &[String]) -> Self {
        Self::of(&names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Parses a digest that this module has written into an index.
    fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (text.len() == DIGEST_CHARACTERS && bytes.len() == 32).then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn tag(&self) -> String {
        let bytes = URL_SAFE_NO_PAD.decode(&self.0).expect("a digest is base64");
        bytes[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Names of the keys of one account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct AccountNames {
    digest: Digest,
    tag: String,
}

impl AccountNames {
    pub(super) fn of(key: &AccountKey) -> Self {
        Self::from(Digest::of(&[key.tenant.as_str(), key.user.as_str()]))
    }

    fn from(digest: Digest) -> Self {
        let tag = digest.tag();
        Self { digest, tag }
    }

    /// Parses the digest of an account from an index entry.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Digest::parse(text).map(Self::from)
    }

    pub(super) fn digest(&self) -> &Digest {
        &self.digest
    }

    fn name(&self, kind: &str) -> String {
        format!("countersign:{{{}}}:{kind}:{}", self.tag, self.digest.0)
    }

    /// Returns the name of the account's hash. It holds the revision, the id of the latest commit,
    /// and the account's row.
    pub(super) fn account(&self) -> String {
        self.name("account")
    }

    /// Returns the name of the set of the account's devices, as digests.
    pub(super) fn devices(&self) -> String {
        self.name("devices")
    }

    /// Returns the name of the set of the account's open challenges, as digests.
    pub(super) fn open(&self) -> String {
        self.name("open")
    }

    /// Returns the name of the set of the codes of the account's actions, as digests.
    pub(super) fn codes(&self) -> String {
        self.name("codes")
    }

    /// Returns the name of the list of the account's actions in one state, of one code or of all.
    /// Entries are ordered by time; each is an action's order number and its digest.
    pub(super) fn list(&self, code: Option<&Digest>, state: u8) -> String {
        let code = code.map(|code| format!("{}:", code.0)).unwrap_or_default();
        format!("{}{code}{state}", self.prefix("list"))
    }

    /// Returns the beginning of the names of this kind. The digest of a record follows it.
    pub(super) fn prefix(&self, kind: &str) -> String {
        format!("{}:", self.name(kind))
    }

    pub(super) fn device(&self, id: &Digest) -> String {
        self.prefix("device") + &id.0
    }

    pub(super) fn challenge(&self, id: &Digest) -> String {
        self.prefix("challenge") + &id.0
    }

    pub(super) fn action(&self, id: &Digest) -> String {
        self.prefix("action") + &id.0
    }

    pub(super) fn event(&self, id: &EventId) -> String {
        self.prefix("event") + &Digest::of(&["event", id.as_str()]).0
    }

    /// Returns the entry of an event in the index of events. It begins with the event's id, so that
    /// events that are due at the same time are ordered by id.
    pub(super) fn event_member(&self, id: &EventId) -> String {
        format!("{}:{}", id.as_str(), self.digest.0)
    }

    /// Returns the entry of a record in an index over all accounts.
    pub(super) fn member(&self, id: &Digest) -> String {
        format!("{}:{}", self.digest.0, id.0)
    }
}

/// Start of every key's name.
pub(super) const PREFIX: &str = "countersign:";

/// Returns the kind in a name that has a tag.
pub(super) fn kind(name: &str) -> Option<&str> {
    let (_, kind) = name.strip_prefix(PREFIX)?.strip_prefix('{')?.split_once("}:")?;
    Some(kind.split_once(':')?.0)
}

/// Returns an account as text. Tenant ids contain no colon, so that the text can be parsed.
pub(super) fn account_name(key: &AccountKey) -> String {
    format!("{}:{}", key.tenant, key.user)
}

/// Parses the text of [`account_name`].
pub(super) fn parse_account_name(text: &str) -> Option<AccountKey> {
    let (tenant, user) = text.split_once(':')?;
    Some(AccountKey { tenant: TenantId::parse(tenant).ok()?, user: UserId::parse(user).ok()? })
}

/// Parses an index entry into its account and its record's digest.
pub(super) fn parse_member(text: &str) -> Option<(AccountNames, Digest)> {
    let (account, id) = text.split_once(':')?;
    Some((AccountNames::parse(account)?, Digest::parse(id)?))
}

/// Parses an entry of the index of events into its account and its event.
pub(super) fn parse_event_member(text: &str) -> Option<(AccountNames, EventId)> {
    let (id, account) = text.split_once(':')?;
    Some((AccountNames::parse(account)?, EventId::parse(id).ok()?))
}

pub(super) fn device_id(id: &AuthenticatorId) -> Digest {
    Digest::of(&["device", id.as_str()])
}

pub(super) fn action_id(key: &ActionKey) -> Digest {
    Digest::of(&[key.code.as_str(), key.idempotency_key.as_str()])
}

pub(super) fn code_id(code: &ActionCode) -> Digest {
    Digest::of(&["code", code.as_str()])
}

pub(super) fn challenge_id(tenant: &TenantId, id: &ChallengeId) -> Digest {
    Digest::of(&["challenge", tenant.as_str(), id.as_str()])
}

/// Returns the name of the key that holds the owner of a challenge.
pub(super) fn challenge_owner(id: &Digest) -> String {
    format!("countersign:{{{}}}:challenge-owner:{}", id.tag(), id.0)
}

fn indexed(kind: &str, parts: &[&str]) -> String {
    let digest = Digest::of(parts);
    format!("countersign:{{{}}}:{kind}:{}", digest.tag(), digest.0)
}

/// Returns the name of the index of a tenant's users, by id.
pub(super) fn users(tenant: &TenantId) -> String {
    indexed("users", &[tenant.as_str()])
}

/// Returns the name of the index of a tenant's users with this attribute, by id.
pub(super) fn attribute(tenant: &TenantId, kind: &'static str, text: &str) -> String {
    indexed(kind, &[tenant.as_str(), text])
}

/// Returns the name of the index in which older versions kept this e-mail address; none if it is in
/// lower case.
pub(super) fn unfolded_email(tenant: &TenantId, text: &str) -> Option<String> {
    (folded(text) != text).then(|| indexed(EMAIL, &[tenant.as_str(), text]))
}

/// Returns the name of the index of the devices that are bound to a key.
pub(super) fn bindings(key: &CredentialKey) -> String {
    let thumbprint = URL_SAFE_NO_PAD.encode(key.thumbprint.as_bytes());
    indexed("bindings", &[key.tenant.as_str(), &thumbprint])
}

/// Returns the name of the index that finds the account of a ticket. The index has one entry, and
/// expires with the ticket.
pub(super) fn ticket(digest: &statement::Digest) -> String {
    indexed("ticket", &[&URL_SAFE_NO_PAD.encode(digest.as_bytes())])
}

/// Returns the name of the key that holds a tenant's secret for its tokens.
pub(super) fn secret(tenant: &TenantId) -> String {
    indexed("secret", &[tenant.as_str()])
}

/// Returns every index that has to contain the account.
pub(super) fn attributes(tenant: &TenantId, record: &AccountRecord) -> Vec<String> {
    let named = crate::store::attributes(record).map(|(kind, text)| attribute(tenant, kind, &text));
    std::iter::once(users(tenant)).chain(named).collect()
}

#[cfg(test)]
mod tests {
    use countersign_core::id::IdempotencyKey;

    use super::*;

    fn names(user: &str) -> AccountNames {
        let tenant = TenantId::parse("demo").unwrap();
        AccountNames::of(&AccountKey { tenant, user: UserId::parse(user).unwrap() })
    }

    #[test]
    fn no_text_of_a_caller_is_in_a_name() {
        let key = ActionKey {
            code: ActionCode::parse("signIn").unwrap(),
            idempotency_key: IdempotencyKey::parse("a}b:{c*").unwrap(),
        };
        let names = names("usr_{x}:*\u{e9}");
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-:{}".contains(c);
        for name in [names.account(), names.open(), names.action(&action_id(&key))] {
            assert!(name.chars().all(allowed), "{name}");
            assert_eq!(name.matches(['{', '}']).count(), 2, "{name}");
            assert!(!name.contains("usr") && !name.contains("signIn"), "{name}");
        }
    }

    #[test]
    fn what_belongs_to_an_account_has_its_tag() {
        let tag = |name: &str| name.split(['{', '}']).nth(1).map(str::to_owned);
        let (ann, bob) = (names("ann"), names("bob"));
        let device = device_id(&AuthenticatorId::from_entropy([1; 16]));
        for name in [ann.devices(), ann.codes(), ann.open(), ann.list(None, 1), ann.device(&device)]
        {
            assert_eq!(tag(&name), tag(&ann.account()), "{name}");
        }
        assert_ne!(tag(&ann.account()), tag(&bob.account()));
        assert_eq!(tag(&ann.account()).unwrap().len(), 16);
    }

    #[test]
    fn a_member_of_an_index_leads_back() {
        let device = device_id(&AuthenticatorId::from_entropy([1; 16]));
        let (ann, id) = parse_member(&names("ann").member(&device)).unwrap();
        assert_eq!((ann, id), (names("ann"), device));
        for bad in ["", ":", "a:b", "*:*", &"x".repeat(87)] {
            assert!(parse_member(bad).is_none(), "{bad}");
        }
    }
}
