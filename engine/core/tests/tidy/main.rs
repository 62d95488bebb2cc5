//! Checks of the project's own rules in the source text of the whole workspace.
//!
//! The checks do not repeat checks of the compiler or of clippy, and compile nothing.

mod circles;
mod form;
mod map;
mod names;
mod pure;
mod workspace;
