//! Parser of headers that name hops: `X-Forwarded-For` and similar ones, and `Forwarded` (RFC
//! 7239).

use std::borrow::Cow;

use actix_web::http::header::{FORWARDED, HeaderName};

/// Maximum length of an entry, in bytes. A longer entry names no address.
const ENTRY_BYTES_MAX: usize = 1024;

/// Grammar of a header's entries.
#[derive(Clone, Copy)]
pub(super) enum Syntax {
    /// Addresses separated by commas. One address alone is a list too.
    List,
    /// Elements of parameters, as in RFC 7239. The parameter `for` is the address. Values may be
    /// quoted.
    Forwarded,
}

impl Syntax {
    pub(super) fn of(header: &HeaderName) -> Self {
        if *header == FORWARDED { Self::Forwarded } else { Self::List }
    }

    /// Returns the part of an entry that names the hop.
    pub(super) fn node<'e>(self, entry: &'e [u8]) -> Option<Cow<'e, [u8]>> {
        if entry.len() > ENTRY_BYTES_MAX {
            return None;
        }
        match self {
            Self::List => Some(entry.into()),
            Self::Forwarded => for_parameter(entry),
        }
    }

    /// Returns the position of the last comma that separates entries.
    fn last_comma(self, line: &[u8]) -> Option<usize> {
        match self {
            Self::List => line.iter().rposition(|byte| *byte == b','),
            Self::Forwarded => last_comma_unquoted(line),
        }
    }
}

/// Returns the entries of one header line, the last one first. An empty entry counts too: a proxy
/// that wrote no address does not vouch for the entries to its left, because its client wrote them.
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

/// Returns the position of the last comma outside quotation marks. It searches from the right, so
/// that an unclosed quotation mark of a client changes nothing in the entries that a proxy
/// appended.
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

/// Returns the value of an element's `for`. Returns `None` if there is no `for`, or a second one.
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
    // An address needs no escapes, but the grammar allows one before each byte.
    let mut is_escaped = false;
    let plain = quoted.iter().copied().filter(|byte| {
        is_escaped = !is_escaped && *byte == b'\\';
        !is_escaped
    });
    Some(plain.collect::<Vec<_>>().into())
}

/// Returns the first parameter of an element, and the text behind it if there is any. Returns
/// `None` if a quotation has no end.
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
