//! Bounds of one connection: time without an answer, requests ahead of their answers, and number of
//! requests; and the answers to bytes that are no request. A listener has permits for so many
//! connections. Idle ones give way when permits run short.
//!
//! The HTTP library bounds the idle time between requests, and nothing else. Other modules bound
//! the cost of a single request (`body`, `admission`).

mod bad_head;
mod chunks;
mod head;
pub mod http2;
mod idle;
mod linger;
mod listen;
mod load;
mod permits;
mod pieces;
mod pipeline;
mod protocol_sniff;
mod serve;
mod settings;
mod take_deadline;
mod timed_io;

pub use idle::{GivingWay, OF_OPERATORS, OF_PUBLIC};
pub use listen::{BACKLOG, listen};
pub use load::{Busy, Load, REQUESTS_PER_CONNECTION_MAX, Turn, count, stray};
pub use pieces::in_pieces;
pub use serve::{serve, workers};
pub use settings::Settings;
pub use timed_io::{Patience, TimedIo};
