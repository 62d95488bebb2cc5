//! The files that a report is written to.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::LoadError;
use crate::out::files;
use crate::out::report::model::Report;
use crate::out::report::{html, json, markdown};

/// Destinations of a report besides the terminal.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Report")]
pub struct OutputArgs {
    /// JSON file, from which `render` and `compare` work.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// HTML page with charts, in one file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Markdown file, short enough for a pull request.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Show no progress.
    #[arg(long, short)]
    pub quiet: bool,
}

impl OutputArgs {
    /// Checks that every file can be written, before the measurement starts.
    ///
    /// # Errors
    /// [`LoadError::Output`] for the first file that cannot be written.
    pub fn check(&self) -> Result<(), LoadError> {
        let named = self.named();
        for (index, (path, _)) in named.iter().enumerate() {
            files::check(path).map_err(|why| output(path, why))?;
            if named[..index].iter().any(|(other, _)| other == path) {
                return Err(output(path, "two forms of the report go there".to_owned()));
            }
        }
        Ok(())
    }

    /// Writes every requested file. If a file cannot be written, the report is still kept as JSON,
    /// because `render` makes the other forms from it. The JSON stays in its own file if that was
    /// written, and otherwise in the folder for temporary files.
    ///
    /// # Errors
    /// [`LoadError::Output`] for the first file that cannot be written. It also names the path of
    /// the kept JSON.
    pub fn write(&self, report: &Report) -> Result<(), LoadError> {
        let (mut failed, mut json) = (None, None);
        for (path, form) in self.named() {
            match files::write(path, |out| form(report, out)) {
                Ok(()) if self.json.as_deref() == Some(path) => json = Some(path.to_path_buf()),
                Ok(()) => {}
                Err(why) => failed = failed.or(Some((path, why))),
            }
        }
        let Some((path, why)) = failed else { return Ok(()) };
        let kept = json.map_or_else(|| files::keep(".json", |out| json::write(report, out)), Ok);
        let kept = match kept {
            Ok(json) => format!("it is kept in {}, for `render`", json.display()),
            Err(why) => format!("nor can it be kept elsewhere: {why}"),
        };
        Err(output(path, format!("{why}; {kept}")))
    }

    /// Writes the HTML page and the Markdown file of a report that was read from its JSON file.
    ///
    /// # Errors
    /// [`LoadError::Output`] for the first file that cannot be written.
    pub(crate) fn render(
        html: Option<PathBuf>,
        markdown: Option<PathBuf>,
        report: &Report,
    ) -> Result<(), LoadError> {
        let all = Self { html, markdown, ..Self::default() };
        all.check()?;
        for (path, form) in all.named() {
            files::write(path, |out| form(report, out)).map_err(|why| output(path, why))?;
        }
        Ok(())
    }

    /// Returns the requested files, each with the function that writes its form.
    fn named(&self) -> Vec<(&Path, Form)> {
        let forms: [(&Option<PathBuf>, Form); 3] = [
            (&self.json, |report, out| json::write(report, out)),
            (&self.html, |report, out| out.write_all(html::render(report).as_bytes())),
            (&self.markdown, |report, out| out.write_all(markdown::render(report).as_bytes())),
        ];
        forms.into_iter().filter_map(|(path, form)| Some((path.as_deref()?, form))).collect()
    }
}

/// A function that writes a report in one form.
type Form = fn(&Report, &mut dyn Write) -> io::Result<()>;

pub(crate) fn output(path: &Path, why: String) -> LoadError {
    LoadError::Output { path: path.to_path_buf(), why }
}
