//! The abuses, in one file for each family.

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

/// Path of the largest file that the public listener serves (130 KB).
const LARGEST_FILE: &str = "/vendor/qr/decode.js";
/// Path of the largest response of the operators' listener.
const METRICS: &str = "/metrics";
