//! Reading and atomic writing of files that the user names. An error text names the problem and its
//! remedy.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Reads a whole file.
///
/// # Errors
/// The reason as a text, without the path.
#[expect(clippy::wildcard_enum_match_arm, reason = "the system has more kinds than words here")]
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::IsADirectory => "it is a folder: name a file in it".to_owned(),
        ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        _ => words(&error),
    })
}

/// Checks that a file can be written, and leaves no file behind.
///
/// # Errors
/// The reason as a text, without the path.
pub(crate) fn check(path: &Path) -> Result<(), String> {
    if path.file_name().is_none() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err("it names no file".to_owned());
    }
    let looked = match path.metadata() {
        Ok(known) if known.is_dir() => Err(ErrorKind::IsADirectory.into()),
        Ok(known) if !known.is_file() => Ok(()),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => NamedTempFile::new_in(folder(path)).map(drop),
    };
    looked.map_err(|error| unwritable(path, &error))
}

/// Writes a file completely or not at all. A device, a pipe or the target of a link is written
/// directly.
///
/// # Errors
/// The reason as a text, without the path.
pub(crate) fn write(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), String> {
    // The operating system follows the link here, because it refuses a link that another user has
    // put into a shared folder.
    let written = match path.symlink_metadata() {
        Ok(known) if !known.is_file() => {
            let opened = File::options().write(true).truncate(true).open(path);
            opened.and_then(|mut file| write(&mut file))
        }
        Ok(_) => replace(path, write),
        Err(error) if error.kind() == ErrorKind::NotFound => replace(path, write),
        Err(error) => Err(error),
    };
    written.map_err(|error| unwritable(path, &error))
}

/// Stores a file with this extension in the system's folder for temporary files, and returns its
/// path.
///
/// # Errors
/// The reason as a text.
pub(crate) fn keep(
    extension: &str,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<PathBuf, String> {
    let kept = tempfile::Builder::new()
        .prefix("countersign-loadtest-")
        .suffix(extension)
        .tempfile()
        .and_then(|mut file| {
            write(&mut file)?;
            file.flush()?;
            Ok(file.keep()?.1)
        });
    kept.map_err(|error| unwritable(&std::env::temp_dir().join("report"), &error))
}

fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(folder(path))?;
    write(&mut file)?;
    file.flush()?;
    // Other users may read the file, because a report holds no secret.
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(permissions)?;
    file.persist(path)?;
    Ok(())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the system has more kinds than words here")]
fn unwritable(path: &Path, error: &io::Error) -> String {
    let folder = folder(path).display();
    match error.kind() {
        ErrorKind::NotFound => format!("there is no folder {folder}: make it, or name another"),
        ErrorKind::NotADirectory => format!("{folder} is no folder: name another"),
        ErrorKind::IsADirectory => "it is a folder: name a file in it".to_owned(),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("this user may not write in {folder}: name another folder")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("there is no room left in {folder}: make some, or name another folder")
        }
        ErrorKind::InvalidFilename => "its name is too long".to_owned(),
        _ => words(error),
    }
}

/// Returns the system's error message, without the name of a temporary file that it may contain.
fn words(error: &io::Error) -> String {
    let whole = error.to_string();
    whole.split(" at path ").next().unwrap_or_default().to_owned()
}

fn folder(path: &Path) -> &Path {
    let folder = path.parent().map(Path::as_os_str).unwrap_or_default();
    Path::new(if folder.is_empty() { OsStr::new(".") } else { folder })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_file_cannot_be_written_is_said_before_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "x").unwrap();
        assert_eq!(check(&at("a.json")), Ok(()));
        assert_eq!(check(&at("file")), Ok(()));
        let here = folder.path().display();
        for (name, why) in [
            ("no/a.json", format!("there is no folder {here}/no: make it, or name another")),
            ("file/a.json", format!("{here}/file is no folder: name another")),
            ("", "it names no file".to_owned()),
            ("..", "it names no file".to_owned()),
            ("new/", "it names no file".to_owned()),
            (".", "it is a folder: name a file in it".to_owned()),
            (&"x".repeat(300), "its name is too long".to_owned()),
        ] {
            let path = if name.is_empty() { PathBuf::new() } else { at(name) };
            assert_eq!(check(&path), Err(why), "{name}");
        }
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "looking leaves nothing");
    }

    #[test]
    fn a_device_is_written_to_and_a_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        let hello = |out: &mut dyn Write| out.write_all(b"hello");
        std::fs::write(&file, "before").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, hello).unwrap();
        assert_eq!(read(&file).unwrap(), b"hello");
        assert!(link.is_symlink());
        write(Path::new("/dev/null"), hello).unwrap();
        assert!(!Path::new("/dev/null").is_file(), "the device is still one");
        let full = write(Path::new("/dev/full"), hello).unwrap_err();
        assert_eq!(full, "there is no room left in /dev: make some, or name another folder");
    }

    #[test]
    fn no_name_of_a_temporary_file_is_told() {
        let error = NamedTempFile::new_in("/no/such/folder").unwrap_err();
        assert!(error.to_string().contains("/no/such/folder/.tmp"), "{error}");
        assert_eq!(words(&error), "No such file or directory (os error 2)");
    }

    #[test]
    fn who_may_not_write_is_told_where() {
        let said = unwritable(Path::new("/x/a.json"), &ErrorKind::PermissionDenied.into());
        assert_eq!(said, "this user may not write in /x: name another folder");
    }
}
