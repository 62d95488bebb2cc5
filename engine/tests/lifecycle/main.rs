//! Lifecycles through the facade, over a clock that is set by hand and a store that fails as it is
//! told to.

#![expect(clippy::unwrap_used, reason = "a test stops where its ground is missing")]

mod arrival;
mod content;
mod crash;
mod faults;
mod numbers;
mod outbox;
mod prompts;
mod races;
mod statements;
mod storm;
mod support;
mod tickets;
mod waiters;
mod whole;
