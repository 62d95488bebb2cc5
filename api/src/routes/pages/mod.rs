//! Pages for people in a browser: the SDK, the pre-built UI, the phone and the demo. The files of
//! `api/web` are embedded unchanged. A debug build reads them from the disk, so that an edited page
//! needs no new build.

mod asset;
pub mod demo;
mod headers;
mod home;
mod own;
mod ui;

pub use asset::{asset, phone};
pub use home::{home, without_slash};
pub use ui::{brand, ui};
