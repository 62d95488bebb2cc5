//! Pages for people in a browser: the SDK, the pre-built UI, the phone and the demo. The files are
//! those of `api/web`, embedded as they are. A debug build reads them from the disk, so that a page
//! can be edited and loaded again without a build.

mod asset;
pub mod demo;
mod headers;
mod home;
mod own;
mod ui;

pub use asset::{asset, phone};
pub use home::{home, without_slash};
pub use ui::{brand, ui};
