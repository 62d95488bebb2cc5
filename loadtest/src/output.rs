//! Where a report goes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::NamedTempFile;

use crate::LoadError;
use crate::report::model::Report;
use crate::report::{html, json, markdown};

/// Where a report goes, besides the terminal.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Report")]
pub struct OutputArgs {
    /// File for machines, which `compare` reads.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Page with charts, in one file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Short text for a pull request.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Show nothing while it runs.
    #[arg(long, short)]
    pub quiet: bool,
}

impl OutputArgs {
    /// Looks whether every file can be written, before anything is measured.
    ///
    /// # Errors
    /// [`LoadError::Output`] for the first that cannot.
    pub fn check(&self) -> Result<(), LoadError> {
        for path in [&self.json, &self.html, &self.markdown].into_iter().flatten() {
            let writable = if path.is_dir() {
                Err(io::Error::other("it is a folder"))
            } else {
                NamedTempFile::new_in(folder(path)).map(drop)
            };
            writable.map_err(|source| output(path, source))?;
        }
        Ok(())
    }

    /// Writes every file that was asked for.
    ///
    /// # Errors
    /// [`LoadError::Output`] for the first that cannot be written.
    pub fn write(&self, report: &Report) -> Result<(), LoadError> {
        if let Some(path) = &self.json {
            place(path, |file| json::write(report, file).map_err(io::Error::other))?;
        }
        if let Some(path) = &self.html {
            place(path, |file| file.write_all(html::render(report).as_bytes()))?;
        }
        if let Some(path) = &self.markdown {
            place(path, |file| file.write_all(markdown::render(report).as_bytes()))?;
        }
        Ok(())
    }
}

/// Writes a file whole or not at all.
fn place(
    path: &Path,
    write: impl FnOnce(&mut NamedTempFile) -> io::Result<()>,
) -> Result<(), LoadError> {
    let written = NamedTempFile::new_in(folder(path)).and_then(|mut file| {
        write(&mut file)?;
        file.flush()?;
        // A report is no secret, and its reader may be somebody else.
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(permissions)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    });
    written.map_err(|source| output(path, source))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn output(path: &Path, source: io::Error) -> LoadError {
    LoadError::Output { path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_cannot_be_written_is_noticed_before_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let with = |path: PathBuf| OutputArgs { json: Some(path), ..OutputArgs::default() };
        assert!(with(folder.path().join("a.json")).check().is_ok());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "looking leaves nothing");
        let refused = with(folder.path().join("missing/a.json")).check().unwrap_err();
        assert!(refused.to_string().contains("missing/a.json: the report cannot be written"));
        assert!(with(folder.path().to_path_buf()).check().is_err());
    }
}
