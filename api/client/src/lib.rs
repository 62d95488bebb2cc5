//! Typed HTTP client of a Countersign server: a relying party's backend, a browser, and a device.
//!
//! Tests, benches, the load harness and the command line share it. A [`Device`] speaks as the
//! official SDKs do; a [`StatementDevice`] signs the shown text and the choice, as the README
//! beside this crate says. Nothing is retried, and nothing kept but the session of a
//! [`StatementDevice`].

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
pub use ticket::{EnrollmentLink, open_ticket, token_tenant};

pub use countersign_wire as wire;
