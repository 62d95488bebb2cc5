//! Set-up that the tests of several crates share: a Redis and a proxy before it, webhooks, clocks,
//! seeded randomness, phones, HTTP/2 frames, sample records, and files of older layouts.
//!
//! Crates use it only as a dev-dependency. In the engine's own unit tests, this crate sees another
//! build of the engine, so its types for clocks and entropy do not fit there. Those tests can use
//! only the parts with types of the core.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub mod answers;
pub mod clock;
pub mod hook;
pub mod http2;
pub mod layouts;
pub mod phone;
pub mod proxy;
pub mod random;
pub mod records;
pub mod redis_server;
pub mod redis_store;
pub mod sample;
mod until;

pub use until::until;
