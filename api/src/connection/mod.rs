//! What one connection may hold: how long it may stay without being answered, how far it may run
//! ahead of its answers, and how many requests it may carry.
//!
//! The HTTP library bounds the first head and the idle time between requests, and nothing between
//! the two. What a single request may cost is bounded elsewhere (`body`, `admission`).

mod deadlined;
mod load;
mod serve;

pub use deadlined::Deadlined;
pub use load::{Load, REQUESTS_PER_CONNECTION_MAX, Turn, count};
pub use serve::{Settings, serve};
