//! Entries of a header that names hops: `X-Forwarded-For` and its like, and `Forwarded` (RFC 7239).

use std::borrow::Cow;

use actix_web::http::header::{FORWARDED, HeaderName};

/// Bytes of an entry that are looked at.
const ENTRY_BYTES_MAX: usize = 1024;

/// The grammar of a header's entries.
#[derive(Clone, Copy)]
pub(super) enum Syntax {
    /// Addresses with commas between them. One address alone is a list too.
    List,
    /// Elements of parameters, of which `for` is the address, and which may be quoted.
    Forwarded,
}

impl Syntax {
    pub(super) fn of(header: &HeaderName) -> Self {
        if *header == FORWARDED { Self::Forwarded } else { Self::List }
    }

    /// The text of an entry that names the hop.
    pub(super) fn node<'e>(self, entry: &'e [u8]) -> Option<Cow<'e, [u8]>> {
        if entry.len() > ENTRY_BYTES_MAX {
            return None;
        }
        match self {
            Self::List => Some(entry.into()),
            Self::Forwarded => for_parameter(entry),
        }
    }

    /// The place of the last comma between entries.
    fn last_comma(self, line: &[u8]) -> Option<usize> {
        match self {
            Self::List => line.iter().rposition(|byte| *byte == b','),
            Self::Forwarded => last_comma_unquoted(line),
        }
    }
}

/// The entries of one line, the last one first. An empty one is an entry too: a proxy that wrote
/// nothing for its caller does not vouch for the caller's own entries.
pub(super) fn entries(line: &[u8], syntax: Syntax) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest.take()?;
        let (before, entry) = match syntax.last_comma(line) {
            Some(at) => (line.get(..at), line.get(at + 1..).unwrap_or_default()),
            None => (None, line),
        };
        rest = before;
        Some(entry.trim_ascii())
    })
}

/// Looks from the right, so that a quotation mark which a client left open changes nothing in a
/// proxy's entries after it.
fn last_comma_unquoted(line: &[u8]) -> Option<usize> {
    let mut is_quoted = false;
    for (at, byte) in line.iter().enumerate().rev() {
        match byte {
            b',' if !is_quoted => return Some(at),
            b'"' if !is_quoted => is_quoted = true,
            b'"' => {
                let before = line.get(..at).unwrap_or_default();
                let escapes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
                is_quoted = escapes % 2 == 1;
            }
            _ => {}
        }
    }
    None
}

/// The value of an element's one `for`.
fn for_parameter(element: &[u8]) -> Option<Cow<'_, [u8]>> {
    let (mut found, mut rest) = (None, Some(element));
    while let Some(text) = rest {
        let (parameter, behind) = first_parameter(text)?;
        rest = behind;
        let at = parameter.iter().position(|byte| *byte == b'=');
        let (name, value) = parameter.split_at(at.unwrap_or(parameter.len()));
        if name.trim_ascii().eq_ignore_ascii_case(b"for") && found.replace(value).is_some() {
            return None;
        }
    }
    let value = found?.strip_prefix(b"=")?.trim_ascii();
    let Some(quoted) = value.strip_prefix(b"\"") else { return Some(value.into()) };
    let quoted = quoted.strip_suffix(b"\"")?;
    // Nothing in an address needs an escape, but each byte may have one.
    let mut is_escaped = false;
    let plain = quoted.iter().copied().filter(|byte| {
        is_escaped = !is_escaped && *byte == b'\\';
        !is_escaped
    });
    Some(plain.collect::<Vec<_>>().into())
}

/// The first parameter of an element, and the rest. `None` if a quotation never ends.
fn first_parameter(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_quoted,
            b'"' => is_quoted = !is_quoted,
            b';' if !is_quoted => return Some((text.get(..at)?, text.get(at + 1..))),
            _ => {}
        }
    }
    (!is_quoted).then_some((text, None))
}
