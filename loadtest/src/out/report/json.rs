//! A report as a JSON file, from which every other form can be made.

use std::io;

use serde::Deserialize;

use super::ReportError;
use super::model::{FORMAT, Report};

/// The member that every format version has.
#[derive(Deserialize)]
struct Head {
    format: u64,
}

/// Writes a report as indented JSON, with a newline at the end.
///
/// # Errors
/// If the write to `out` fails.
pub fn write(report: &Report, mut out: impl io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, report)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Reads a report from JSON.
///
/// # Errors
/// [`ReportError::Format`] for another format version; [`ReportError::Unreadable`] if the bytes are
/// not a report.
pub fn read(bytes: &[u8]) -> Result<Report, ReportError> {
    let Head { format } = serde_json::from_slice(bytes)?;
    if format != u64::from(FORMAT) {
        return Err(ReportError::Format { found: format, known: FORMAT });
    }
    Ok(serde_json::from_slice(bytes)?)
}
