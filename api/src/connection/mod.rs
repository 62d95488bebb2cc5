//! Bounds of one connection: time without an answer, requests ahead of their answers, and number of
//! requests; and the answers to bytes that are no request. A listener has places for so many
//! connections. Idle ones give way when places run short.
//!
//! The HTTP library bounds the idle time between requests, and nothing else. Other modules bound
//! the cost of a single request (`body`, `admission`).

mod chunks;
mod head;
pub mod http2;
mod idle;
mod linger;
mod listen;
mod load;
mod pieces;
mod places;
mod protocol_sniff;
mod refusal;
mod serve;
mod settings;
mod single_file;
mod take;
mod timed_io;

pub use idle::{GivingWay, OF_OPERATORS, OF_PUBLIC};
pub use listen::{BACKLOG, listen};
pub use load::{Busy, Load, REQUESTS_PER_CONNECTION_MAX, Turn, count, stray};
pub use pieces::in_pieces;
pub use serve::{serve, workers};
pub use settings::Settings;
pub use timed_io::{Deadlined, Patience};
