//! Frames and heads of HTTP/2, byte by byte.

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const NO_ERROR: [u8; 4] = [0, 0, 0, 0];
pub(crate) const REFUSED_STREAM: u8 = 7;
pub(crate) const CANCEL: [u8; 4] = [0, 0, 0, 8];
pub(crate) const ENHANCE_YOUR_CALM: u8 = 11;

/// `GET /` of the host `x`, in HPACK without a table.
pub(crate) const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 1, b'x'];
/// Client settings that give no answer's body any room.
pub(crate) const NO_WINDOW: &[u8] = &[0, 4, 0, 0, 0, 0];

/// `POST` of the host `x` to a path.
pub(crate) fn post(path: &str) -> Vec<u8> {
    [&[0x83, 0x86, 0x04, path.len() as u8], path.as_bytes(), &[0x41, 1, b'x']].concat()
}

/// `POST` to the route that waits.
pub(crate) fn wait() -> Vec<u8> {
    post("/v1/client/wait/push")
}

/// The header `content-length`, the 28th of the table of HPACK.
pub(crate) fn content_length(bytes: &str) -> Vec<u8> {
    [&[0x0f, 13, bytes.len() as u8], bytes.as_bytes()].concat()
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The id of a client's stream, from 0.
pub(crate) fn id(number: u32) -> u32 {
    1 + 2 * number
}
