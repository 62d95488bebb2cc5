//! Frames and header blocks of HTTP/2, byte by byte.

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

pub const NO_ERROR: [u8; 4] = [0, 0, 0, 0];
pub const REFUSED_STREAM: u8 = 7;
pub const CANCEL: [u8; 4] = [0, 0, 0, 8];
pub const ENHANCE_YOUR_CALM: u8 = 11;

/// Header block of `GET /` for the host `x`, in HPACK without its dynamic table.
pub const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 1, b'x'];
/// Client settings with a window of zero, so that the server cannot send a response body.
pub const NO_WINDOW: &[u8] = &[0, 4, 0, 0, 0, 0];

/// Returns the header block of a `POST` for the host `x`.
pub fn post(path: &str) -> Vec<u8> {
    [&[0x83, 0x86, 0x04, path.len() as u8], path.as_bytes(), &[0x41, 1, b'x']].concat()
}

/// Returns the header block of a `POST` to the long-poll route.
pub fn wait() -> Vec<u8> {
    post("/v1/client/wait/push")
}

/// Returns the header `content-length`, which is entry 28 of the static table of HPACK.
pub fn content_length(bytes: &str) -> Vec<u8> {
    [&[0x0f, 13, bytes.len() as u8], bytes.as_bytes()].concat()
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Returns the id of the client's stream `number`, counted from 0.
pub fn id(number: u32) -> u32 {
    1 + 2 * number
}
