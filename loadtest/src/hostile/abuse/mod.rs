//! The abuses, a file for each family.

pub(super) mod bad_credentials;
pub(super) mod bad_heads;
pub(super) mod broken_bodies;
pub(super) mod connections;
pub(super) mod crowded_waits;
pub(super) mod floods;
pub(super) mod half_closes;
pub(super) mod pipelining;
pub(super) mod slow_readers;
pub(super) mod slow_requests;
pub(super) mod streams;
pub(super) mod webhook;

/// The largest file that the public listener serves: 130 KB.
const LARGEST_FILE: &str = "/vendor/qr/decode.js";
/// The largest answer of the operators' listener.
const METRICS: &str = "/metrics";
