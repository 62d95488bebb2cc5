//! A file system for one test, which the test can fill.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Bytes of one write.
const BLOCK: usize = 4096;

/// A mounted file system with a size in bytes.
pub(crate) struct Disk(tempfile::TempDir);

impl Disk {
    pub(crate) fn mount(bytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={bytes},mode=700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder.path())
            .status();
        let done = mounted.is_ok_and(|status| status.success());
        assert!(done, "cannot mount a tmpfs: run this test as root, as CI does");
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Mounts it again, for reading and writing (`rw`) or for reading only (`ro`).
    pub(crate) fn remount(&self, mode: &str) {
        let options = format!("remount,{mode}");
        let mounted = Command::new("mount").args(["-o", &options]).arg(self.path()).status();
        assert!(mounted.is_ok_and(|status| status.success()), "cannot mount it {mode}");
    }

    /// Fills the file system, and returns the path of the file that takes the space.
    pub(crate) fn fill(&self) -> PathBuf {
        let ballast = self.path().join("ballast");
        let mut file = File::create(&ballast).unwrap();
        while file.write_all(&[0; BLOCK]).is_ok() {}
        ballast
    }

    /// Takes so many bytes of the free space, and returns the path of the file that takes them.
    pub(crate) fn take(&self, bytes: usize) -> PathBuf {
        let ballast = self.path().join("ballast");
        let mut file = File::create(&ballast).unwrap();
        for _ in 0..bytes / BLOCK {
            file.write_all(&[0; BLOCK]).unwrap();
        }
        ballast
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
