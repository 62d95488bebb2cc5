//! The layer around every route: admission, preflights, measures, and headers of every answer.

pub mod cors;
pub mod date;
pub mod middleware;
pub mod observe;
