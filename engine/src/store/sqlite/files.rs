//! The files of a store: made for their owner alone, and locked against a second server.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::ports::store::StoreError;
use crate::system::is_ours;

/// Random for each run of the machine.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const NOTE_BYTES_MAX: u64 = 1024;
/// The least that a database has: one page.
const DATABASE_BYTES_MIN: u64 = 512;
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
/// Bits with which other users could replace files in the folder.
const OPEN_MODE: u32 = 0o022;
/// Unless only its owner may move or remove a file.
const STICKY_MODE: u32 = 0o1000;

/// The file of a store, locked for as long as this value is.
pub(super) struct Files {
    /// The database.
    pub(super) path: PathBuf,
    /// True if the machine has run on since the file was last open.
    pub(super) same_boot: bool,
    /// Names the run of the machine.
    boot: Vec<u8>,
    lock: File,
}

impl Files {
    /// Takes the lock, then makes missing files.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the system refuses, another server holds the lock, or
    /// somebody else could put files in the place of these.
    pub(super) fn prepare(path: &Path) -> Result<Self, StoreError> {
        let failed = |e: io::Error| StoreError::Unavailable(format!("{}: {e}", path.display()));
        let path = resolve(path).map_err(failed)?;
        if let Some(folder) = path.parent() {
            check_folder(&folder.metadata().map_err(failed)?).map_err(failed)?;
        }
        // The lock comes first: closing any descriptor of the database would drop the locks that
        // SQLite holds in this process.
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
        // If the system does not tell, no run counts as the same as another.
        let boot = std::fs::read(BOOT_ID).unwrap_or_default();
        let same_boot = !boot.is_empty() && note == boot;
        Ok(Self { path, same_boot, boot, lock })
    }

    /// Notes in the lock's file that there is a database, and during which run of the machine it
    /// was open last.
    pub(super) fn note_opened(&self) -> Result<(), StoreError> {
        let note = if self.boot.is_empty() { b"unknown\n" } else { &self.boot[..] };
        let mut lock = &self.lock;
        let noted =
            lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| lock.write_all(note));
        noted.map_err(|e| StoreError::Unavailable(format!("{}: {e}", self.path.display())))
    }
}

/// The one absolute path of the file, whatever link it was named by, so that there is one lock for
/// it.
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
    // SQLite gives these the mode of the database when it makes them; here they may be left over.
    for left in [beside(path, "-wal"), beside(path, "-shm")] {
        if left.exists() {
            check_file(&left.metadata()?)?;
            std::fs::set_permissions(left, Permissions::from_mode(FILE_MODE))?;
        }
    }
    if is_new && let Some(folder) = path.parent() {
        // The file's name has to outlive a power cut too.
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

/// An empty file would be taken for a new one, whatever was in it before.
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

/// Bytes that this process can still put on the disk of a file. Absent where the system does not
/// know: some network disks have no size.
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
