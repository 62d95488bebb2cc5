//! The HTTP server from outside: every route, over a socket, with the store in memory.
//!
//! One file per route, as in `src/routes/`, and one per rule that holds for many of them.

mod client;
mod device;
mod server;
mod support;
