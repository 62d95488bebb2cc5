//! Typed HTTP client of a Countersign server, for a relying party's backend, a browser and a
//! device.
//!
//! The tests, benchmarks, load harness and command line share it. A [`Device`] behaves like the
//! official SDKs. A [`StatementDevice`] signs the displayed text and the person's decision, as the
//! README of this crate describes. The client retries nothing, except that a [`StatementDevice`]
//! renews its session. That session is the only state that it keeps.

#![warn(missing_docs)]

mod api;
mod browser;
mod device;
mod dialect;
mod error;
mod key;
mod keyfile;
mod relying_party;
mod statement;
mod ticket;

pub use api::{Connecting, Http};
pub use browser::Browser;
pub use device::{Device, Enrollment};
pub use dialect::{Dialect, Manner};
pub use error::ClientError;
pub use key::{InvalidKeyText, SoftwareKey};
pub use keyfile::{Home, KeyFile, KeyFileError};
pub use relying_party::RelyingParty;
pub use statement::{
    Choice, Display, InvalidDisplay, Prompt, Row, StatementDevice, Unreadable, rows,
};
pub use ticket::{EnrollmentLink, open_ticket};

pub use countersign_wire as wire;
