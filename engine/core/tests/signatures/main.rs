//! Tests of the acceptance of signatures: with published vectors, and with random mixtures, each
//! checked alone and in batches.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

mod batches;
mod compositions;
mod draw;

mod forge;
mod formats;
mod wycheproof;
