//! Acceptance of signatures: published vectors, and random mixtures checked in every way there is.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

mod batches;
mod compositions;
mod draw;

mod forge;
mod formats;
mod wycheproof;
