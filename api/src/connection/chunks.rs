//! Search for the end of a chunked body while its bytes arrive.
//!
//! It accepts the same bytes as the HTTP library, so that both find the end at the same byte.

/// Result of a search: the part of some bytes that belongs to a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All bytes belong to the body, and its end is still to come.
    GoesOn,
    /// The body ends after this number of the bytes.
    Ends(usize),
    /// The body is malformed.
    Malformed,
}

/// State of the search in one chunked body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chunks {
    next: Part,
    /// Size of the chunk while it is read; then the number of its bytes that are still to come.
    size: u64,
}

/// The part of a chunked body that the next byte belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    SizeFirst,
    Size,
    SpaceBehindSize,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// Start of a trailer line, or of the empty line that ends the body.
    Line,
    TrailerLine,
    TrailerLf,
    EndLf,
}

impl Chunks {
    /// Consumes the bytes of the body at the start of `bytes`.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Extent {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if self.next == Part::Data {
                let left = usize::try_from(self.size).unwrap_or(usize::MAX);
                let here = left.min(bytes.len() - at);
                self.size -= here as u64;
                at += here;
                if self.size == 0 {
                    self.next = Part::DataCr;
                }
                continue;
            }
            at += 1;
            if (self.next, byte) == (Part::EndLf, b'\n') {
                return Extent::Ends(at);
            }
            let Some(next) = self.step(byte) else { return Extent::Malformed };
            self.next = next;
        }
        Extent::GoesOn
    }

    /// Returns the part that follows a byte outside the data. Returns `None` if the byte is not
    /// allowed.
    fn step(&mut self, byte: u8) -> Option<Part> {
        let digit = char::from(byte).to_digit(16).map(u64::from);
        let next = match (self.next, byte) {
            (Part::SizeFirst, _) => {
                self.size = digit?;
                Part::Size
            }
            (Part::Size, _) if digit.is_some() => {
                self.size = self.size.checked_mul(16)?.checked_add(digit?)?;
                Part::Size
            }
            (Part::Size | Part::SpaceBehindSize, b' ' | b'\t') => Part::SpaceBehindSize,
            (Part::Size | Part::SpaceBehindSize, b';') => Part::Extension,
            (Part::Size | Part::SpaceBehindSize | Part::Extension, b'\r') => Part::SizeLf,
            (Part::Extension, b'\t' | b' '..=b'~' | 0x80..) => Part::Extension,
            (Part::SizeLf, b'\n') if self.size == 0 => Part::Line,
            (Part::SizeLf, b'\n') => Part::Data,
            (Part::DataCr, b'\r') => Part::DataLf,
            (Part::DataLf, b'\n') => Part::SizeFirst,
            (Part::Line, b'\r') => Part::EndLf,
            (Part::TrailerLine, b'\r') => Part::TrailerLf,
            (Part::Line | Part::TrailerLine, _) => Part::TrailerLine,
            (Part::TrailerLf, b'\n') => Part::Line,
            _ => return None,
        };
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODIES: [&str; 7] = [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "A;x=y\r\n0123456789\r\n00\r\n\r\n",
        "1 \t;\u{e4}\r\n\r\r\n000\r\n\r\n",
        "2\r\n\r\n\r\n0\r\nTrailer: x\r\nAnother: y\r\n\r\n",
        "0 \r\n0\r\n\r\n",
        "00000000000000001\r\nx\r\n0\r\n\r\n",
    ];

    #[test]
    fn the_end_is_found_however_the_body_is_cut() {
        for body in BODIES {
            let sent = [body, "GET / HTTP/1.1\r\n"].concat();
            for cut in 0..=sent.len() {
                let (first, second) = sent.as_bytes().split_at(cut);
                let mut chunks = Chunks::default();
                let end = match chunks.pass(first) {
                    Extent::GoesOn => (chunks.pass(second), cut),
                    ended @ (Extent::Ends(_) | Extent::Malformed) => (ended, 0),
                };
                let (Extent::Ends(end), before) = end else { panic!("{sent:?} at {cut}: {end:?}") };
                let end = before + end;
                assert_eq!(end, body.len(), "{sent:?} at {cut}");
            }
        }
    }

    #[test]
    fn a_malformed_body_is_seen_as_the_library_sees_it() {
        for body in [
            "\r\n",
            "x",
            "-1\r\n",
            "1 1\r\n",
            "1\n",
            "1;\n",
            "1\r\nxx",
            "ffffffffffffffffff",
            "0\r\n\rx",
        ] {
            assert_eq!(Chunks::default().pass(body.as_bytes()), Extent::Malformed, "{body:?}");
        }
    }
}
