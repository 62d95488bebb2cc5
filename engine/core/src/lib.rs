//! The rules of push verification.
//!
//! A function here receives the time and the random bytes as arguments, and returns the changes to
//! store. The crate has no runtime, clock, random source, serialisation format or I/O.
//! `countersign-engine` stores the changes.

#![warn(missing_docs)]

pub mod account;
pub mod action;
pub mod challenge;
pub mod change;
pub mod decision;
pub mod device;
pub mod digits;
pub mod display;
pub mod event;
pub mod fatigue;
mod grant;
pub mod id;
pub mod inbox;
pub mod nonce;
pub mod number_match;
pub mod outcome;
pub mod policy;
pub mod possession;
mod profile;
pub mod query;
mod record;
pub mod refusal;
pub mod set_backs;
pub mod signature;
pub mod statement;
pub mod text;
pub mod ticket;
pub mod time;
pub mod version;
