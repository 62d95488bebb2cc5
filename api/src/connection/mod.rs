//! Limits of one connection: time without a response, requests ahead of their responses, and number
//! of requests. Bytes that are not a request get an error in JSON. A listener has a limited number
//! of permits for connections, and closes idle connections when these run short.
//!
//! The HTTP library limits only the idle time between requests. Other modules limit the cost of a
//! single request (`body`, `admission`).

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
