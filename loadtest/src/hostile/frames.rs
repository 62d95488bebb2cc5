//! HTTP/2 frames (RFC 9113), valid and invalid. We write them ourselves, because a library refuses
//! to send invalid ones.

/// First bytes of a client that uses HTTP/2 without negotiation.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Frame types.
pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

/// Frame flags.
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// The setting for the number of bytes that the server may send on a stream before it needs a
/// `WINDOW_UPDATE`.
pub(super) const INITIAL_WINDOW: u16 = 4;

/// Error code of a reset whose client no longer needs the response.
const CANCEL: u32 = 8;

/// A sequence of encoded frames.
#[derive(Clone, Debug, Default)]
pub(super) struct Frames(pub(super) Vec<u8>);

impl Frames {
    /// Starts a connection: the preface and a SETTINGS frame with these settings.
    pub(super) fn opening(settings: &[(u16, u32)]) -> Self {
        Self(PREFACE.to_vec()).settings(settings)
    }

    /// Appends a frame.
    pub(super) fn frame(mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Self {
        let length = u32::try_from(payload.len()).expect("payloads are short").to_be_bytes();
        self.0.extend_from_slice(&length[1..]);
        self.0.extend_from_slice(&[kind, flags]);
        self.0.extend_from_slice(&stream.to_be_bytes());
        self.0.extend_from_slice(payload);
        self
    }

    /// Appends a SETTINGS frame.
    pub(super) fn settings(self, settings: &[(u16, u32)]) -> Self {
        let pair = |(name, value): &(u16, u32)| {
            name.to_be_bytes().into_iter().chain(value.to_be_bytes()).collect::<Vec<_>>()
        };
        let payload: Vec<u8> = settings.iter().flat_map(pair).collect();
        self.frame(SETTINGS, 0, 0, &payload)
    }

    /// Appends an `RST_STREAM` frame.
    pub(super) fn reset(self, stream: u32) -> Self {
        self.frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
    }

    /// Appends a complete GET request.
    pub(super) fn get(self, stream: u32, path: &str) -> Self {
        self.frame(HEADERS, END_STREAM | END_HEADERS, stream, &head(false, path, None))
    }

    /// Appends the head of a POST request with this content length.
    pub(super) fn post(self, stream: u32, path: &str, length: usize) -> Self {
        self.frame(HEADERS, END_HEADERS, stream, &head(true, path, Some(length)))
    }
}

/// Encodes a head in HPACK (RFC 7541), without the dynamic table and without Huffman coding.
pub(super) fn head(post: bool, path: &str, length: Option<usize>) -> Vec<u8> {
    // Indexes of the static table: `:method`, `:scheme: http`, and the names of `:path` and
    // `:authority`.
    let mut head = vec![if post { 0x83 } else { 0x82 }, 0x86];
    literal(&mut head, &[0x04], path);
    literal(&mut head, &[0x01], "x");
    if let Some(length) = length {
        literal(&mut head, &[0x0f, 0x0d], &length.to_string());
        literal(&mut head, &[0x0f, 0x10], "application/json");
    }
    head
}

fn literal(head: &mut Vec<u8>, name: &[u8], value: &str) {
    head.extend_from_slice(name);
    head.push(u8::try_from(value.len()).expect("values are shorter than 127 bytes") & 0x7f);
    head.extend_from_slice(value.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_its_length_type_flags_and_stream_before_its_payload() {
        let frames = Frames::default().frame(DATA, END_STREAM, 3, b"hello");
        assert_eq!(frames.0, b"\0\0\x05\0\x01\0\0\0\x03hello");
        assert_eq!(Frames::default().settings(&[(INITIAL_WINDOW, 0)]).0.len(), 9 + 6);
    }

    #[test]
    fn a_head_names_method_scheme_path_and_length() {
        let head = head(true, "/a", Some(5));
        assert!(head.starts_with(b"\x83\x86\x04\x02/a\x01\x01x\x0f\x0d\x015"), "{head:?}");
    }
}
