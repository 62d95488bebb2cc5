//! Typed HTTP client of a Countersign server: a relying party's backend, a browser, and a device.
//!
//! Tests, benches, the load harness and the command line share it. It sends what the official SDKs
//! send. It keeps nothing: no token is cached and nothing is retried.

#![warn(missing_docs)]

mod api;
mod browser;
mod device;
mod dialect;
mod error;
mod key;
mod keyfile;
mod relying_party;

pub use api::Http;
pub use browser::Browser;
pub use device::{Device, Enrollment};
pub use dialect::Dialect;
pub use error::ClientError;
pub use key::{InvalidKeyText, SoftwareKey};
pub use keyfile::{Home, KeyFile, KeyFileError};
pub use relying_party::RelyingParty;

pub use countersign_wire as wire;
