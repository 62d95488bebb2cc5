//! A table, for the HTML page and the Markdown.

/// A caption, column heads, and rows of cells.
pub(super) struct Table {
    /// Caption, which only the HTML page shows.
    pub(super) caption: String,
    pub(super) heads: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new<const N: usize>(
        caption: &str,
        heads: [&str; N],
        rows: impl Iterator<Item = [String; N]>,
    ) -> Self {
        Self {
            caption: caption.to_owned(),
            heads: heads.map(str::to_owned).into(),
            rows: rows.map(Vec::from).collect(),
        }
    }
}
