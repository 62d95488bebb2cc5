//! `render`: the other forms of a report, made from its JSON file.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::LoadError;
use crate::report::model::Report;
use crate::report::{ReportError, html, json, markdown};

/// Which report, and what to make of it.
#[derive(Args)]
pub struct RenderArgs {
    /// The JSON file of a report.
    pub report: PathBuf,
    /// Write the page here.
    #[arg(long)]
    pub html: Option<PathBuf>,
    /// Write the Markdown here; it goes to the standard output if nothing is asked for.
    #[arg(long)]
    pub markdown: Option<PathBuf>,
}

impl RenderArgs {
    /// Makes what is asked for.
    ///
    /// # Errors
    /// [`LoadError::Report`], with the path of the file that it is about.
    pub fn run(&self, mut out: impl Write) -> Result<(), LoadError> {
        let report = read(&self.report)?;
        if let Some(path) = &self.html {
            write(path, &html::render(&report))?;
        }
        if let Some(path) = &self.markdown {
            write(path, &markdown::render(&report))?;
        }
        if self.html.is_none() && self.markdown.is_none() {
            out.write_all(markdown::render(&report).as_bytes())?;
        }
        Ok(())
    }
}

/// Reads a report's JSON file.
///
/// # Errors
/// [`LoadError::Report`], with its path.
pub fn read(path: &Path) -> Result<Report, LoadError> {
    let bytes = std::fs::read(path).map_err(|source| of_file(path, source))?;
    let parsed = json::parse(&bytes).map_err(|source| {
        let path = path.display().to_string();
        ReportError::In { path, source: Box::new(source) }
    });
    Ok(parsed?)
}

fn write(path: &Path, text: &str) -> Result<(), LoadError> {
    Ok(std::fs::write(path, text).map_err(|source| of_file(path, source))?)
}

fn of_file(path: &Path, source: std::io::Error) -> ReportError {
    ReportError::File { path: path.display().to_string(), source }
}
