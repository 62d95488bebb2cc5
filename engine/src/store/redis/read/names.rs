//! Names of keys, as a walk over all keys meets them.

use super::super::keys::{self, Bucket, Names, Partition};

/// A key of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// The hash of an account.
    Account(Names),
    /// The cases of a bucket.
    Cases(Names, Bucket),
    /// The cases of a bucket of a removed user.
    Left(Names, Bucket),
    /// An event.
    Event(Names),
    /// An index, or a key of the whole store or of a partition.
    Other,
}

impl Key {
    /// Recognises a name; none if this store has no such key.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        let rest = name.strip_prefix(keys::PREFIX.as_bytes())?;
        let fixed = [keys::STORE, keys::LOCK, keys::OLD_STATE, keys::SECRETS, keys::CLOCK];
        if fixed.iter().any(|fixed| fixed.as_bytes() == name) {
            return Some(Self::Other);
        }
        if let [b'u' | b'k' | b't', b':', digest @ ..] = rest {
            return (digest.len() == 16).then_some(Self::Other);
        }
        let end = rest.iter().position(|byte| *byte == b':')?;
        let of_partition = rest.get(end + 1..)?;
        let is_other = |p: Partition| {
            [p.state(), p.due(), p.held(), p.events()].iter().any(|key| key.as_bytes() == name)
        };
        if matches!(of_partition, b"p" | b"due" | b"held" | b"events") {
            return Partition::all().any(is_other).then_some(Self::Other);
        }
        let (kind, rest) = of_partition.split_first()?;
        let (digest, rest) = rest.split_first_chunk()?;
        let names = Names(*digest);
        let bucket = || rest.try_into().map(|bytes| Bucket(u16::from_be_bytes(bytes)));
        let key = match kind {
            b'a' if rest.is_empty() => Self::Account(names),
            b'h' => Self::Cases(names, bucket().ok()?),
            b'g' => Self::Left(names, bucket().ok()?),
            b'e' if rest.len() == 16 => Self::Event(names),
            _ => return None,
        };
        name.starts_with(names.partition().prefix().as_bytes()).then_some(key)
    }
}

/// Returns the name of the hash of an event, by the binary id.
pub(super) fn event_key(account: Names, id: &[u8]) -> Vec<u8> {
    [account.partition().prefix().as_bytes(), b"e", &account.0, id].concat()
}

#[cfg(test)]
mod tests {
    use countersign_core::id::{AccountKey, EventId, TenantId, UserId};

    use super::*;

    #[test]
    fn every_key_is_recognised_and_no_other_name() {
        let tenant = TenantId::parse("demo").unwrap();
        let names = Names::of(&AccountKey { tenant, user: UserId::parse("ann").unwrap() });
        let event = EventId::parse("01010101-0101-8101-8101-010101010101").unwrap();
        let known = [
            (names.account(), Key::Account(names)),
            (names.cases(Bucket(0x3a3a)), Key::Cases(names, Bucket(0x3a3a))),
            (names.left(Bucket(7)), Key::Left(names, Bucket(7))),
            (names.event(&event), Key::Event(names)),
            (keys::users_name(&names.0), Key::Other),
            (keys::credential_name(&names.0), Key::Other),
            (keys::ticket_name(&names.0), Key::Other),
            (names.partition().due().into_bytes(), Key::Other),
            (keys::STORE.as_bytes().to_vec(), Key::Other),
            (keys::CLOCK.as_bytes().to_vec(), Key::Other),
        ];
        for (name, key) in known {
            assert_eq!(Key::of(&name), Some(key), "{}", name.escape_ascii());
            let longer = [&name[..], b"x"].concat();
            assert_eq!(Key::of(&longer), None, "{}", longer.escape_ascii());
        }
        for tag in ["{m}:p", "{4}:due", "{10}:what", "", "x", "{10}:a"] {
            assert_eq!(Key::of(format!("{}{tag}", keys::PREFIX).as_bytes()), None, "{tag}");
        }
        let elsewhere = [b"countersign:{4}:a", &names.0[..]].concat();
        assert_eq!(Key::of(&elsewhere), None, "an account in another partition");
    }
}
