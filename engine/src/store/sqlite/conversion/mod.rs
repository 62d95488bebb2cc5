//! Conversion of a file of an older layout, at the start of the server.
//!
//! The new file is built beside the old one and synced. Then the old file gets a second name, under
//! which it is kept, and the new file takes over its first name in one step. So a conversion that
//! is killed leaves the old file in its place, and the next start begins anew.

mod lifecycles;
mod new;
mod old;
mod progress;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use countersign_core::change::Write;

use self::new::NewFile;
use self::old::{LAYOUTS, OldAccount, OldFile};
use self::progress::Progress;
use super::files::{self, FILE_MODE, Files, beside};
use super::{Fault, scan};
use crate::ports::store::StoreError;

/// Suffix of the new file until it is complete.
const UNFINISHED: &str = ".converting";
/// Suffix of an index that the conversion needs meanwhile.
const INDEX: &str = "-index";
/// Free bytes that a conversion needs besides the size of the old file. A record takes less room in
/// the new file and its index than in the old one; an almost empty file does not.
const SPARE_BYTES: u64 = 16 << 20;
/// Number of files that can be kept beside a store, of one layout.
const KEPT_MAX: usize = 100;

/// Converts the file if it has an older layout.
///
/// # Errors
/// [`StoreError::Unavailable`] if there is no room, or the disk refuses; [`StoreError::Unreadable`]
/// if the old file has a damaged row. The old file is unchanged then.
pub(super) fn at_open(files: &Files) -> Result<(), StoreError> {
    let path = &files.path;
    let unfinished = beside(path, UNFINISHED);
    remove_leftover(&unfinished).map_err(|e| unavailable(&unfinished, &e))?;
    let Some(layout) = old::layout(path)?.filter(|layout| LAYOUTS.contains(layout)) else {
        return Ok(());
    };
    let converted = convert(path, layout, &unfinished);
    if converted.is_err() {
        // The next start removes the file if this fails.
        let _ = remove_leftover(&unfinished);
    }
    converted
}

fn convert(path: &Path, layout: i64, unfinished: &Path) -> Result<(), StoreError> {
    let old = OldFile::open(path)?;
    let bytes = old.bytes()?;
    check_room(path, bytes)?;
    let records = old.count()?;
    tracing::info!("{} has layout {layout}: {records} records are converted", path.display());
    scan::verify(old.connection())?;
    let mut progress = Progress::of(records);
    fill(&old, unfinished, &mut progress).map_err(|e| refused(path, e.into()))?;
    let kept = put_in_place(path, layout, unfinished).map_err(|e| unavailable(path, &e))?;
    // No program could write to the old file until it had lost its name.
    drop(old);
    tracing::info!(
        "{} is converted, {records} records in {:.1} s; the old file is kept as {}",
        path.display(),
        progress.seconds(),
        kept.display()
    );
    Ok(())
}

/// Writes every record of the old file into the new one.
fn fill(old: &OldFile, unfinished: &Path, progress: &mut Progress) -> Result<(), Fault> {
    let index = beside(unfinished, INDEX);
    for path in [unfinished, &index] {
        create(path).map_err(|e| unavailable(path, &e))?;
    }
    let mut new = NewFile::create(unfinished, &index)?;
    old.each(&old::SECRETS, |_, (tenant, secret)| {
        progress.count(1);
        new.put_secret(&tenant, &secret)
    })?;
    old.each(&old::CLOCK, |_, time| {
        progress.count(1);
        new.put_latest_time(time)
    })?;
    old.each(&old::EVENTS, |_, event| {
        progress.count(1);
        new.put_event(&event)
    })?;
    old.each(&old::ACCOUNTS, |_, OldAccount { key, revision, record }| {
        let devices = old.devices(&key)?;
        progress.count(1 + devices.len());
        let account = record.map_or(Write::RemoveAccount, Write::Account);
        let devices = devices.into_iter().map(|device| Write::Device(device.into()));
        new.put_account(&key, revision, std::iter::once(account).chain(devices).collect())
    })?;
    lifecycles::convert(old, &mut new, progress)?;
    if progress.missing() > 0 {
        let left = format!("{} records belong to no account", progress.missing());
        return Err(StoreError::Unreadable(left).into());
    }
    new.finish()?;
    remove(&index).map_err(|e| unavailable(&index, &e).into())
}

/// Refuses to begin without room for the new file. The kept file needs none, because it is the old
/// one under another name.
fn check_room(path: &Path, bytes: u64) -> Result<(), StoreError> {
    let needed = bytes.saturating_add(SPARE_BYTES);
    match files::room(path) {
        Some(free) if free < needed => Err(StoreError::Unavailable(format!(
            "{}: its conversion needs {} MiB of free space, the size of the file and {} MiB, and \
             {} MiB are free: nothing was changed",
            path.display(),
            needed.div_ceil(1 << 20),
            SPARE_BYTES >> 20,
            free >> 20,
        ))),
        _ => Ok(()),
    }
}

fn refused(path: &Path, error: StoreError) -> StoreError {
    let StoreError::Unreadable(reason) = error else { return error };
    StoreError::Unreadable(format!(
        "{}: {reason}: the file cannot be converted and was not changed; restore a backup, or see \
         \"A damaged record\" in deploy/README.md",
        path.display()
    ))
}

/// Creates the file, so that SQLite does not choose its mode.
fn create(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?.sync_all()
}

/// Keeps the old file under another name, and gives its name to the new one. Returns the path of
/// the kept file.
fn put_in_place(path: &Path, layout: i64, unfinished: &Path) -> io::Result<PathBuf> {
    let folder = path.parent().map_or_else(|| Err(io::Error::other("no folder")), File::open)?;
    File::open(unfinished)?.sync_all()?;
    let kept = keep(path, layout)?;
    // The old file's log is empty. Without these files nothing of it can meet the new file.
    for suffix in ["-wal", "-shm"] {
        remove(&beside(path, suffix))?;
    }
    folder.sync_all()?;
    fs::rename(unfinished, path)?;
    folder.sync_all()?;
    Ok(kept)
}

/// Gives the old file a second name. After a kill it may have one already.
fn keep(path: &Path, layout: i64) -> io::Result<PathBuf> {
    let old = path.metadata()?;
    for number in 0..KEPT_MAX {
        let number = if number == 0 { String::new() } else { format!(".{number}") };
        let kept = beside(path, &format!(".layout-{layout}{number}"));
        match fs::hard_link(path, &kept) {
            Ok(()) => return Ok(kept),
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            Err(_) => {
                let is_same = fs::symlink_metadata(&kept)
                    .is_ok_and(|found| (found.dev(), found.ino()) == (old.dev(), old.ino()));
                if is_same {
                    return Ok(kept);
                }
            }
        }
    }
    Err(io::Error::other("too many old files are kept beside it: remove some"))
}

/// Removes the unfinished file of a killed conversion.
fn remove_leftover(unfinished: &Path) -> io::Result<()> {
    for suffix in ["", "-journal", "-wal", "-shm", INDEX] {
        remove(&beside(unfinished, suffix))?;
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn unavailable(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}
