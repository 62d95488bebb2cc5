//! The rules of the house, checked over the source text of the whole workspace.
//!
//! The checks repeat none of the compiler or of clippy, and compile nothing.

mod circles;
mod form;
mod names;
mod pure;
mod workspace;
