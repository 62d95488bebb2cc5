//! The files of a store: readable only by their owner, and locked against a second server.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::ports::store::StoreError;
use crate::system::is_ours;

/// File with a random id, which Linux chooses at each boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const NOTE_BYTES_MAX: u64 = 1024;
/// Minimum size of a database in bytes: one page.
const DATABASE_BYTES_MIN: u64 = 512;
pub(super) const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
/// Mode bits that allow other users to replace files in the folder.
const OPEN_MODE: u32 = 0o022;
/// Mode bit that allows only the owner of a file to move or remove it.
const STICKY_MODE: u32 = 0o1000;

/// The files of a store. They stay locked while this value exists.
pub(super) struct Files {
    /// Path of the database.
    pub(super) path: PathBuf,
    /// True if the machine has not rebooted since the file was last opened.
    pub(super) same_boot: bool,
    /// Id of the machine's current boot; empty if the system does not provide it.
    boot: Vec<u8>,
    lock: File,
}

impl Files {
    /// Takes the lock, then creates missing files.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the system refuses, if another server holds the lock, or if
    /// another user could replace these files.
    pub(super) fn prepare(path: &Path) -> Result<Self, StoreError> {
        let failed = |e: io::Error| StoreError::Unavailable(format!("{}: {e}", path.display()));
        let path = resolve(path).map_err(failed)?;
        if let Some(folder) = path.parent() {
            check_folder(&folder.metadata().map_err(failed)?).map_err(failed)?;
        }
        // The lock file is opened first. If this process closed a descriptor of the database later,
        // it would lose the locks that SQLite holds on the database.
        let lock_path = beside(&path, ".lock");
        let mut lock = private(&lock_path).map_err(failed)?;
        lock.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => StoreError::Unavailable(format!(
                "another server has {} open: it holds {}",
                path.display(),
                lock_path.display()
            )),
            TryLockError::Error(e) => failed(e),
        })?;
        let note = read_note(&mut lock).map_err(failed)?;
        check_length(&path, !note.is_empty())?;
        create(&path).map_err(failed)?;
        // Without a boot id, the machine counts as rebooted.
        let boot = std::fs::read(BOOT_ID).unwrap_or_default();
        let same_boot = !boot.is_empty() && note == boot;
        Ok(Self { path, same_boot, boot, lock })
    }

    /// Writes the boot id, or `unknown`, into the lock file. Any text there also records that a
    /// database was created.
    pub(super) fn note_opened(&self) -> Result<(), StoreError> {
        let note = if self.boot.is_empty() { b"unknown\n" } else { &self.boot[..] };
        let mut lock = &self.lock;
        let noted =
            lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| lock.write_all(note));
        noted.map_err(|e| StoreError::Unavailable(format!("{}: {e}", self.path.display())))
    }
}

/// Returns the absolute path of the file, with links resolved, so that one file has one lock.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    if path.exists() {
        return path.canonicalize();
    }
    let name = path.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
    Ok(folder.canonicalize()?.join(name))
}

fn check_folder(folder: &Metadata) -> io::Result<()> {
    let mode = folder.permissions().mode();
    if !is_ours(folder) {
        return Err(io::Error::other("its folder belongs to another user"));
    }
    if mode & OPEN_MODE != 0 && mode & STICKY_MODE == 0 {
        return Err(io::Error::other("others may write to its folder: chmod 700 it"));
    }
    Ok(())
}

fn check_file(file: &Metadata) -> io::Result<()> {
    if is_ours(file) { Ok(()) } else { Err(io::Error::other("it belongs to another user")) }
}

fn create(path: &Path) -> io::Result<()> {
    let is_new = !path.exists();
    private(path)?;
    // SQLite creates these files with the mode of the database, but files from earlier may have
    // another mode.
    for left in [beside(path, "-wal"), beside(path, "-shm")] {
        if left.exists() {
            check_file(&left.metadata()?)?;
            std::fs::set_permissions(left, Permissions::from_mode(FILE_MODE))?;
        }
    }
    if is_new && let Some(folder) = path.parent() {
        // Syncs the folder, so that the new file's name survives a power cut.
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file =
        options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(path)?;
    check_file(&file.metadata()?)?;
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    Ok(file)
}

/// Refuses a file that was cut to less than one page. SQLite would treat an empty file as a new
/// database, even if it held records before.
fn check_length(path: &Path, was_made: bool) -> Result<(), StoreError> {
    let Ok(file) = path.metadata() else { return Ok(()) };
    if file.len() >= DATABASE_BYTES_MIN || (file.len() == 0 && !was_made) {
        return Ok(());
    }
    let bytes = file.len();
    let message = format!("{}: cut to {bytes} bytes: restore a backup", path.display());
    Err(StoreError::Unreadable(message))
}

fn read_note(lock: &mut File) -> io::Result<Vec<u8>> {
    let mut note = Vec::new();
    lock.take(NOTE_BYTES_MAX).read_to_end(&mut note)?;
    Ok(note)
}

/// Returns the free bytes on the disk of a file that this process may use. None if the system does
/// not know: some network disks report no size.
pub(super) fn room(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok().filter(|disk| disk.f_blocks > 0)?;
    let blocks = if rustix::process::geteuid().is_root() { disk.f_bfree } else { disk.f_bavail };
    Some(blocks.saturating_mul(disk.f_frsize))
}

pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
