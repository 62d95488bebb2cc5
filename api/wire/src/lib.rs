//! Request and response bodies of the HTTP contract, shared by the server and its clients.
//!
//! Each module covers one area. A request has a method `into_core`, which checks the limits of its
//! fields and converts it to types of the core. A response is made from types of the core. This
//! crate knows nothing of HTTP, of the caller, or of the caller's rights.

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
pub mod token;
pub mod track;
pub mod user;
pub mod validate;

pub use field::InvalidField;
