//! Set-up that the tests of several crates share: a Redis and a proxy before it, webhooks, clocks,
//! randomness that repeats, phones, frames of HTTP/2, and sample records.
//!
//! Crates depend on it in their tests alone. The unit tests of the engine see types of their own
//! build: of this crate they can use what names types of the core, and not clocks and entropy.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub mod answers;
pub mod clock;
pub mod hook;
pub mod http2;
pub mod phone;
pub mod proxy;
pub mod random;
pub mod records;
pub mod redis_server;
pub mod sample;
mod until;

pub use until::until;
