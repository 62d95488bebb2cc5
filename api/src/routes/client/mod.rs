//! Routes for the browser in which an action was started (section 2 of the contract).

mod authenticators;
mod cancel;
mod challenge;
mod start_challenge;
mod verify;
mod wait;

pub use authenticators::{list_authenticators, remove_authenticator};
pub use cancel::{cancel, leave};
pub use challenge::challenge;
pub use start_challenge::start_challenge;
pub use verify::verify;
pub use wait::wait;
