//! Middleware around every route: admission, preflights, metrics, and headers of every response.

pub mod cors;
pub mod date;
pub mod middleware;
pub mod observe;
