//! Lifecycles under way: the field `l` of an account's hash, which `scripts/units.lua` writes.
//!
//! The field is a list of lifecycles, oldest first. Each is: the action's short name (8 bytes), its
//! bucket (2), flags (1), the number of open challenges (1), the length of the action's part (4)
//! and the part, the length of the ended challenges' parts (4) and the parts, and for each open
//! challenge its id (24), 1 if it is held (1), the length of its part (4) and the part. Numbers are
//! big-endian.
//!
//! The flags are 1 if the action requires a challenge, and 2 if the lifecycle has a case too, whose
//! parts come before these. The part of the action is empty if the action is unknown, or only in
//! the case.

use super::keys::Bucket;
use super::reply::unexpected;
use super::trouble::Trouble;

/// Flag of a lifecycle that has a case too.
const SPLIT: u8 = 2;

/// A lifecycle under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Live<'a> {
    /// Short name of the action.
    pub(super) id: [u8; 8],
    pub(super) bucket: Bucket,
    /// True if the lifecycle has a case too, whose parts come before these.
    pub(super) is_split: bool,
    /// Part of the action; empty if there is none here.
    pub(super) action: &'a [u8],
    /// Parts of the ended challenges.
    pub(super) ended: &'a [u8],
    pub(super) open: Vec<Open<'a>>,
}

/// An open challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Open<'a> {
    pub(super) id: [u8; 24],
    pub(super) held: bool,
    pub(super) part: &'a [u8],
}

/// Splits the field into its lifecycles.
pub(super) fn lifecycles(field: &[u8]) -> Result<Vec<Live<'_>>, Trouble> {
    let (mut rest, mut found) = (Cut(field), Vec::new());
    while !rest.0.is_empty() {
        found.push(rest.lifecycle().ok_or_else(|| unexpected("a lifecycle is cut off"))?);
    }
    Ok(found)
}

/// The part of the field that is not read yet.
struct Cut<'a>(&'a [u8]);

impl<'a> Cut<'a> {
    fn lifecycle(&mut self) -> Option<Live<'a>> {
        let (id, bucket, [flags, count]) = (self.array()?, self.array()?, self.array()?);
        let (action, ended) = (self.sized()?, self.sized()?);
        let open = (0..count).map(|_| {
            let (id, [held]) = (self.array()?, self.array()?);
            Some(Open { id, held: held == 1, part: self.sized()? })
        });
        let open = open.collect::<Option<_>>()?;
        let bucket = Bucket(u16::from_be_bytes(bucket));
        Some(Live { id, bucket, is_split: flags & SPLIT != 0, action, ended, open })
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_be_bytes(self.array()?);
        let (bytes, rest) = self.0.split_at_checked(length as usize)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_split_into_its_lifecycles_or_refused() {
        let open = [&[7; 24][..], &[1], &[0, 0, 0, 2], b"oo"].concat();
        let one = [&[9; 8][..], &[0, 5, 1, 1, 0, 0, 0, 1], b"a", &[0, 0, 0, 0], &open].concat();
        let two = [&[8; 8][..], &[0, 6, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1], b"e"].concat();
        let field = [one, two].concat();
        let found = lifecycles(&field).unwrap();
        let open = Open { id: [7; 24], held: true, part: b"oo" };
        let (first, second) = (&found[0], &found[1]);
        assert_eq!((first.id, first.bucket, first.action), ([9; 8], Bucket(5), &b"a"[..]));
        assert_eq!((&first.open, first.ended), (&vec![open], &b""[..]));
        assert_eq!((second.id, second.action, second.ended), ([8; 8], &b""[..], &b"e"[..]));
        assert_eq!((found.len(), first.is_split, second.is_split), (2, false, true));
        for cut in 1..field.len() {
            let cut = lifecycles(&field[..cut]);
            assert!(cut.is_err() || cut.unwrap().len() == 1);
        }
        assert_eq!(lifecycles(b"").unwrap(), []);
    }
}
