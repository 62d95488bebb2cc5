//! The HTTP server from outside: every route, over a socket, with the store in memory.
//!
//! One file per route, as in `src/routes/`, and one per rule that holds for many of them.

#![expect(clippy::unwrap_used, reason = "a test stops where its ground is missing")]

mod bad_bodies;
mod bad_heads;
mod client;
mod client_shares;
mod clock;
mod connections;
mod cors;
mod defaults;
mod device;
mod dialects;
mod every_route;
mod giving_way;
mod half_closed;
mod http2;
mod isolation;
mod lanes;
mod last_requests;
mod late;
mod limits;
mod long_poll;
mod numbers;
mod ops;
mod pages;
mod prompts;
mod random_bodies;
mod reasons;
mod routing;
mod server;
mod shutdown;
mod slow_readers;
mod support;
mod tokens;
mod upgrades;
