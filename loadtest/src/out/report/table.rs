//! A table, for the page and the Markdown alike.

/// Rows of cells below their heads.
pub(super) struct Table {
    /// Its caption on the page.
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
