//! A histogram in JSON: `HdrHistogram`'s compressed form in Base64, which other tools can read too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};
use serde::{Deserialize as _, de, ser};

/// Writes a histogram.
pub(super) fn serialize<S: ser::Serializer>(
    times: &Histogram<u64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(times, &mut bytes).map_err(ser::Error::custom)?;
    serializer.serialize_str(&STANDARD.encode(bytes))
}

/// Reads a histogram.
pub(super) fn deserialize<'a, D: de::Deserializer<'a>>(
    deserializer: D,
) -> Result<Histogram<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = STANDARD.decode(text).map_err(de::Error::custom)?;
    let read = Deserializer::new().deserialize(&mut bytes.as_slice());
    read.map_err(de::Error::custom)
}
