//! The commands of the binary besides the server itself. Each is a thin face over a library.

pub mod phone;
