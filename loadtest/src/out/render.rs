//! The `render` command: an HTML page or Markdown from a report's JSON file.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::LoadError;
use crate::out::files;
use crate::out::output::OutputArgs;
use crate::out::report::model::Report;
use crate::out::report::{ReportError, json, markdown};

/// The report and its forms.
#[derive(Args)]
pub struct RenderArgs {
    /// The JSON file of a report.
    pub report: PathBuf,
    /// File for the page.
    #[arg(long)]
    pub html: Option<PathBuf>,
    /// File for the Markdown. Without both options it goes to the standard output.
    #[arg(long)]
    pub markdown: Option<PathBuf>,
}

impl RenderArgs {
    /// Writes the requested forms.
    ///
    /// # Errors
    /// [`LoadError::Report`] or [`LoadError::Output`]. Each names the path of its file.
    pub fn run(&self, mut out: impl Write) -> Result<(), LoadError> {
        let report = read(&self.report)?;
        OutputArgs::render(self.html.clone(), self.markdown.clone(), &report)?;
        if self.html.is_none() && self.markdown.is_none() {
            shown(out.write_all(markdown::render(&report).as_bytes()))?;
        }
        Ok(())
    }
}

/// Reads a report from its JSON file.
///
/// # Errors
/// [`LoadError::Report`], which names the path.
pub fn read(path: &Path) -> Result<Report, LoadError> {
    let unusable = |why| ReportError::File { path: path.display().to_string(), why };
    let unreadable = |why| unusable(format!("the report cannot be read: {why}"));
    let bytes = files::read(path).map_err(unreadable)?;
    Ok(json::read(&bytes).map_err(|error| unusable(error.to_string()))?)
}

/// Converts a failed write to the standard output into an error that names it.
///
/// # Errors
/// [`LoadError::Output`].
pub(crate) fn shown(written: std::io::Result<()>) -> Result<(), LoadError> {
    let path = PathBuf::from("standard output");
    written.map_err(|error| LoadError::Output { path, why: error.to_string() })
}
