//! Those who use a server: people with a phone, the browser they sign in with, and the backend that
//! asks for the confirmation.

mod crowd;
mod person;
mod phone;
mod user;

pub(crate) use crowd::patiently;
pub use crowd::{Crowd, keys};
pub use person::{Delay, Fate, Mix, span};
pub use phone::{Phone, Seen, Speech};
pub(crate) use user::expect_end;
pub use user::{Open, Poll, User};
