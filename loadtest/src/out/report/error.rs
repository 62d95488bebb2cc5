//! Errors of reading and comparing reports.

/// The reason why a report cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The content of the file is not a report.
    #[error("not a report: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The report has another format version.
    #[error("a report of format {found}, and this program reads format {known}")]
    Format {
        /// The format version of the report.
        found: u64,
        /// The format version that this program reads.
        known: u32,
    },
    /// The two reports were not measured in the same way.
    #[error("not comparable: {0} (--anyway compares them all the same)")]
    Incomparable(String),
    /// A file cannot be read.
    #[error("{path}: {why}")]
    File {
        /// Path of the file.
        path: String,
        /// The reason.
        why: String,
    },
}
