//! Routes for the browser in which an action began (section 2 of the contract).

mod cancel;
mod challenge;
mod leave;
mod list_authenticators;
mod remove_authenticator;
mod start_challenge;
mod verify;
mod wait;

pub use cancel::cancel;
pub use challenge::challenge;
pub use leave::leave;
pub use list_authenticators::list_authenticators;
pub use remove_authenticator::remove_authenticator;
pub use start_challenge::start_challenge;
pub use verify::verify;
pub use wait::wait;
