//! Users of a server: people with a phone, their browser, and the backend that asks for the
//! confirmation.

mod phone;
mod reaction;
mod user;
mod user_factory;

pub use phone::{Phone, PhoneKind, Seen};
pub(crate) use reaction::exponential;
pub use reaction::{Delay, Reaction, Reactions, span};
pub use user::{Open, Poll, User};
pub(crate) use user::{WAIT_SECONDS, expect_end};
pub use user_factory::UserFactory;
