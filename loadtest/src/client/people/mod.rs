//! Users of a server: people with a phone, their browser, and the backend that asks for the
//! confirmation.

mod crowd;
mod person;
mod phone;
mod user;

pub use crowd::{Crowd, keys};
pub(crate) use person::exponential;
pub use person::{Delay, Fate, Mix, span};
pub use phone::{Phone, Seen, Speech};
pub(crate) use user::expect_end;
pub use user::{Open, Poll, User};
