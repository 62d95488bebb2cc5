//! A report as its JSON file, for machines and as the source of every other form.

use std::io;

use serde::Deserialize;

use super::ReportError;
use super::model::{FORMAT, Report};

/// The one thing that every format has in common.
#[derive(Deserialize)]
struct Head {
    format: u64,
}

/// Writes it, indented, with a line's end after it.
///
/// # Errors
/// If `out` does not take it.
pub fn write(report: &Report, mut out: impl io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, report)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Reads it.
///
/// # Errors
/// [`ReportError::Format`] if it is of another format, [`ReportError::Unreadable`] if it is no
/// report.
pub fn read(bytes: &[u8]) -> Result<Report, ReportError> {
    let Head { format } = serde_json::from_slice(bytes)?;
    if format != u64::from(FORMAT) {
        return Err(ReportError::Format { found: format, known: FORMAT });
    }
    Ok(serde_json::from_slice(bytes)?)
}
