//! Tests of the HTTP server over a socket: every route, with the store in memory.
//!
//! Each route has one file, as in `src/routes/`. Each rule that holds for many routes has one file
//! too.

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
