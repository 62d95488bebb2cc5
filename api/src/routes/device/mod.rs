//! Routes for the app that holds a key (section 3 of the contract).

mod credential;
mod decide;
mod pending;
mod session;
mod ticket;

pub use credential::{credential, enroll, remove, update};
pub use decide::decide;
pub use pending::pending;
pub use session::{nonce, session, session_nonce, update_nonce};
pub use ticket::{open_ticket, ticket};
