//! Why a report cannot be used.

/// Why a report cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The content of the file is no report.
    #[error("not a report: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// It has another format.
    #[error("a report of format {found}, and this program reads format {known}")]
    Format {
        /// The format that it has.
        found: u64,
        /// The one that is read.
        known: u32,
    },
    /// The two were not measured in the same way.
    #[error("not comparable: {0} (--anyway compares them all the same)")]
    Incomparable(String),
    /// A file cannot be used.
    #[error("{path}: {why}")]
    File {
        /// Its path.
        path: String,
        /// Why not.
        why: String,
    },
}
