//! Lines in the format of the JSON log, for output of the program that does not pass through the
//! logger.

use std::fmt;

use countersign_engine::ports::Clock as _;
use countersign_engine::system::SystemClock;
use countersign_wire::time::Iso8601;
use serde_json::{Map, Value, json};

/// One line of JSON. As an error, it is the last line that the program writes.
#[derive(Debug)]
pub(super) struct JsonLine(Value);

impl JsonLine {
    /// Creates a line with a level, a message and further fields.
    pub(super) fn new(level: &str, message: &str, fields: Map<String, Value>) -> Self {
        let timestamp = Iso8601(SystemClock.now()).to_string();
        let mut all = Map::from_iter([("message".to_owned(), message.into())]);
        all.extend(fields);
        Self(json!({
            "timestamp": timestamp,
            "level": level,
            "fields": all,
            "target": env!("CARGO_PKG_NAME"),
        }))
    }
}

impl fmt::Display for JsonLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for JsonLine {}
