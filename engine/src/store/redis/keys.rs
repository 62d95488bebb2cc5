//! Names of Redis keys: `countersign:{tag}:kind…`, with binary digests of 128 bits.
//!
//! The accounts are divided into [`PARTITIONS`] shares by their digest. All keys of a share have
//! its hash tag, and so share a slot of a Redis Cluster. Text from callers is hashed before it
//! becomes part of a name. Entries of the indexes over all accounts (`u`, `k` and `t`) have no tag;
//! readers check them against the record.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::account::AccountRecord;
use countersign_core::id::{
    AccountKey, ActionKey, AuthenticatorId, ChallengeId, CredentialKey, EventId, TenantId, UserId,
};
use countersign_core::statement;
use countersign_core::time::UnixMillis;
use sha2::{Digest as _, Sha256};

/// Start of every key's name.
pub(super) const PREFIX: &str = "countersign:";
/// Hash with the store's id, layout, mode and format, and the token of its server.
pub(super) const STORE: &str = "countersign:{m}:store";
/// Lock of the server that owns the store. It expires soon, so the server renews it.
pub(super) const LOCK: &str = "countersign:{m}:lock";
/// State of layout 1. A store of layout 2 has this key too, so that an older program refuses it.
pub(super) const OLD_STATE: &str = "countersign:state";
/// Hash of the tenants' secrets, by tenant. It belongs to [`FIRST`].
pub(super) const SECRETS: &str = "countersign:{10}:secrets";
/// Highest time that the store has seen, as decimal text. It belongs to [`FIRST`].
pub(super) const CLOCK: &str = "countersign:{10}:clock";

/// Number of shares of the accounts.
pub(super) const PARTITIONS: usize = 64;
/// The partition of the records that belong to no account.
pub(super) const FIRST: Partition = Partition(0);

/// Hash tags of the partitions. The slot of the i-th tag lies in the i-th 64th of all slots, so
/// that the primaries of a Redis Cluster get equal shares.
const TAGS: [u16; PARTITIONS] = [
    10, 18, 113, 342, 29, 21, 3, 122, 69, 61, 72, 162, 50, 58, 153, 43, 11, 19, 112, 343, 28, 20,
    2, 123, 68, 60, 73, 163, 51, 59, 152, 42, 12, 102, 111, 119, 133, 23, 1, 9, 173, 63, 70, 78,
    52, 142, 49, 41, 13, 103, 110, 118, 132, 22, 0, 8, 172, 62, 71, 79, 53, 143, 48, 40,
];

/// Length of the time span of a bucket, in milliseconds: 16 days.
const BUCKET_MS: u64 = 16 * 24 * 3_600_000;

/// A digest in a name: the first 128 bits of a SHA-256.
pub(super) type Digest = [u8; 16];

/// Hashes a list of parts. Each part is hashed with its length, so that different lists have
/// different digests.
fn digest<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    first(&hash.finalize())
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes[..N].try_into().expect("a SHA-256 is longer")
}

/// One of the [`PARTITIONS`] shares of the accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Partition(u8);

impl Partition {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..PARTITIONS).map(|index| Self(u8::try_from(index).expect("there are 64")))
    }

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }

    /// Returns the start of the names of this partition's keys.
    pub(super) fn prefix(self) -> String {
        format!("{PREFIX}{{{}}}:", TAGS[self.index()])
    }

    /// Returns the name of the hash with the partition's guard, sequence, history and loss.
    pub(super) fn state(self) -> String {
        self.prefix() + "p"
    }

    /// Returns the name of the index of open challenges by expiry time.
    pub(super) fn due(self) -> String {
        self.prefix() + "due"
    }

    /// Returns the name of the index of held challenges by the time of their issue.
    pub(super) fn held(self) -> String {
        self.prefix() + "held"
    }

    /// Returns the name of the index of events by due time.
    pub(super) fn events(self) -> String {
        self.prefix() + "events"
    }
}

/// Number of a time span of 16 days, by which cases are kept. A case is in the bucket of the time
/// at which its action was tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Bucket(pub(super) u16);

impl Bucket {
    pub(super) fn of(time: UnixMillis) -> Self {
        Self(u16::try_from(time.0 / BUCKET_MS).unwrap_or(u16::MAX))
    }

    /// Returns the buckets that a field of an account's hash lists, oldest first.
    pub(super) fn listed(field: &[u8]) -> impl DoubleEndedIterator<Item = Self> {
        field.chunks_exact(2).map(|pair| Self(u16::from_be_bytes([pair[0], pair[1]])))
    }

    /// Returns the largest number of bytes in the list of an account's buckets: two for each that
    /// cannot have expired.
    pub(super) const fn listed_bytes_max(retention_ms: u64) -> u64 {
        2 * (retention_ms / BUCKET_MS + 3)
    }

    /// Returns the milliseconds for which a new bucket is kept: its span, and the retention after
    /// that.
    pub(super) const fn life_ms(retention_ms: u64) -> u64 {
        retention_ms.saturating_add(BUCKET_MS)
    }
}

/// Names of the keys of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Names(pub(super) Digest);

impl Names {
    pub(super) fn of(key: &AccountKey) -> Self {
        Self(digest(&[key.tenant.as_str().as_bytes(), key.user.as_str().as_bytes()]))
    }

    pub(super) const fn partition(self) -> Partition {
        Partition(self.0[0] >> 2)
    }

    fn name(self, kind: &str, rest: &[u8]) -> Vec<u8> {
        let prefix = self.partition().prefix();
        [prefix.as_bytes(), kind.as_bytes(), &self.0, rest].concat()
    }

    /// Returns the name of the account's hash. `scripts/account.lua` describes its fields.
    pub(super) fn account(self) -> Vec<u8> {
        self.name("a", &[])
    }

    /// Returns the name of the hash of the cases of a bucket, by [`action_id`].
    pub(super) fn cases(self, bucket: Bucket) -> Vec<u8> {
        self.name("h", &bucket.0.to_be_bytes())
    }

    /// Returns the name of the hash of the cases of a bucket that were left when the user was
    /// removed. Their actions are gone; their challenges stay for their retention.
    pub(super) fn left(self, bucket: Bucket) -> Vec<u8> {
        self.name("g", &bucket.0.to_be_bytes())
    }

    /// Returns the name of the hash of an event; its field `row` is the record.
    pub(super) fn event(self, id: &EventId) -> Vec<u8> {
        self.name("e", &uuid(id.as_str()))
    }

    /// Returns the member of an event in the index of events.
    pub(super) fn event_member(self, id: &EventId) -> Vec<u8> {
        [self.0, uuid(id.as_str())].concat()
    }

    /// Splits a member of an index by time into its account, and the binary id of its challenge (24
    /// bytes) or event (16 bytes).
    pub(super) fn of_member(member: &[u8]) -> Option<(Self, &[u8])> {
        let (account, id) = member.split_first_chunk()?;
        Some((Self(*account), id))
    }
}

/// Returns a UUID as 16 bytes. Ids of other forms do not exist; one would be taken for nil.
pub(super) fn uuid(text: &str) -> [u8; 16] {
    let hex = text.bytes().filter_map(|byte| char::from(byte).to_digit(16));
    let number = hex.fold(0_u128, |number, digit| number << 4 | u128::from(digit));
    number.to_be_bytes()
}

/// Returns the field of a device in its account's hash.
pub(super) fn device_field(id: &AuthenticatorId) -> Vec<u8> {
    [&b"d"[..], &uuid(id.as_str())].concat()
}

/// Returns the field of a device in the hash of its credential: `b`, the device and the account.
/// The value is the user's id.
pub(super) fn binding_field(account: Names, id: &AuthenticatorId) -> Vec<u8> {
    [&b"b"[..], &uuid(id.as_str()), &account.0].concat()
}

/// Returns a challenge's id as bytes.
pub(super) fn challenge_id(id: &ChallengeId) -> [u8; 24] {
    let bytes = URL_SAFE_NO_PAD.decode(id.as_str()).ok();
    // The alphabet and the length are checked when an id is made, so that every id has 24 bytes.
    bytes.and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
}

/// Returns the short name of an action within its account.
pub(super) fn action_id(account: Names, key: &ActionKey) -> [u8; 8] {
    let (code, instance) = (key.code.as_str(), key.idempotency_key.as_str());
    digest(&[&account.0, code.as_bytes(), instance.as_bytes()])
}

/// Returns the digest of the index of a tenant's users, by id.
pub(super) fn users(tenant: &TenantId) -> Digest {
    digest(&[tenant.as_str().as_bytes()])
}

/// Returns the digest of the index of a tenant's users with this attribute, by id.
pub(super) fn attribute(tenant: &TenantId, kind: &'static str, text: &str) -> Digest {
    digest(&[kind.as_bytes(), tenant.as_str().as_bytes(), text.as_bytes()])
}

/// Returns the indexes of attributes that have to contain the user.
pub(super) fn attributes(tenant: &TenantId, record: &AccountRecord) -> Vec<Digest> {
    crate::store::attributes(record).map(|(kind, text)| attribute(tenant, kind, &text)).collect()
}

/// Returns the digest of a credential.
pub(super) fn credential(key: &CredentialKey) -> Digest {
    digest(&[key.tenant.as_str().as_bytes(), key.thumbprint.as_bytes()])
}

/// Returns the digest of a ticket.
pub(super) fn ticket(ticket: &statement::Digest) -> Digest {
    first(ticket.as_bytes())
}

/// Returns the name of an index of users. Its members are ids of users, all with the score 0.
pub(super) fn users_name(index: &Digest) -> Vec<u8> {
    untagged("u:", index)
}

/// Returns the name of the hash of the devices that are bound to a credential.
pub(super) fn credential_name(credential: &Digest) -> Vec<u8> {
    untagged("k:", credential)
}

/// Returns the name of the key that holds the account of a ticket, and expires with it.
pub(super) fn ticket_name(ticket: &Digest) -> Vec<u8> {
    untagged("t:", ticket)
}

fn untagged(kind: &str, digest: &Digest) -> Vec<u8> {
    [PREFIX.as_bytes(), kind.as_bytes(), digest].concat()
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

#[cfg(test)]
mod tests {
    use countersign_core::id::{ActionCode, IdempotencyKey};

    use super::*;

    fn names(user: &str) -> Names {
        let tenant = TenantId::parse("demo").unwrap();
        Names::of(&AccountKey { tenant, user: UserId::parse(user).unwrap() })
    }

    fn slot(tag: &str) -> u16 {
        let crc = tag.bytes().fold(0_u16, |crc, byte| {
            (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            })
        });
        crc % 16_384
    }

    #[test]
    fn the_tags_divide_all_slots_into_equal_shares() {
        for (share, tag) in TAGS.iter().enumerate() {
            assert_eq!(usize::from(slot(&tag.to_string())) / 256, share, "{tag}");
        }
        assert!(SECRETS.starts_with(&FIRST.prefix()) && CLOCK.starts_with(&FIRST.prefix()));
    }

    #[test]
    fn the_keys_of_an_account_have_its_tag_and_no_text_of_a_caller() {
        let key = ActionKey {
            code: ActionCode::parse("signIn").unwrap(),
            idempotency_key: IdempotencyKey::parse("a}b:{c*").unwrap(),
        };
        let ann = names("usr_{x}:*\u{e9}");
        let prefix = ann.partition().prefix();
        for name in [ann.account(), ann.cases(Bucket(7)), ann.left(Bucket(7))] {
            assert!(name.starts_with(prefix.as_bytes()), "{name:?}");
            assert!(!name.windows(3).any(|part| part == b"usr"), "{name:?}");
        }
        assert_ne!(action_id(ann, &key), action_id(names("bob"), &key));
    }

    #[test]
    fn accounts_are_spread_over_all_partitions() {
        let met: std::collections::HashSet<_> =
            (0..2_000).map(|n| names(&format!("user-{n}")).partition()).collect();
        assert_eq!(met.len(), PARTITIONS);
    }

    #[test]
    fn ids_become_their_bytes() {
        assert_eq!(challenge_id(&ChallengeId::from_entropy(&[0xfe; 24])), [0xfe; 24]);
        let id = AuthenticatorId::parse("00112233-4455-4677-8899-aabbccddeeff").unwrap();
        assert_eq!(device_field(&id)[1..4], [0x00, 0x11, 0x22]);
        assert_eq!(device_field(&id)[15..], [0xee, 0xff]);
    }

    #[test]
    fn the_last_bucket_takes_every_later_time() {
        assert_eq!(Bucket::of(UnixMillis(u64::MAX)), Bucket(u16::MAX));
        assert_eq!(Bucket::of(UnixMillis(BUCKET_MS - 1)), Bucket(0));
        assert_eq!(Bucket::of(UnixMillis(BUCKET_MS)), Bucket(1));
        let listed: Vec<_> = Bucket::listed(&[0, 1, 1, 0]).collect();
        assert_eq!(listed, [Bucket(1), Bucket(256)]);
    }
}
