//! Request and response bodies of the HTTP contract, for the server and its clients alike.
//!
//! One module per area. A request turns into types of the core by its `into_core`, which is where
//! limits on single fields are checked; a response is made from types of the core. Nothing here
//! knows about HTTP, the caller, or the caller's rights.

#![warn(missing_docs)]

pub mod action;
mod address;
pub mod authenticator;
pub mod basic;
pub mod challenge;
pub mod code;
pub mod custom;
pub mod device;
pub mod error;
mod field;
pub mod json;
pub mod names;
pub mod operator;
pub mod paths;
pub mod pending;
pub mod publickey;
pub mod reason;
pub mod secret;
pub mod spelling;
pub mod time;
pub mod track;
pub mod user;
pub mod validate;

pub use field::InvalidField;
