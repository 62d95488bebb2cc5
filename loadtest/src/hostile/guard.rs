//! A look at the server's process all the while, so that an abuse harms the server and not the
//! machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::host::process;

/// Memory above which a server is killed.
const MEMORY_MAX: u64 = 1 << 30;
/// Time between two looks at its memory, and looks at its descriptors among them.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS_OF_DESCRIPTORS: u32 = 4;

/// Peaks of a process.
#[derive(Debug, Default)]
struct Peaks {
    memory: AtomicU64,
    descriptors: AtomicU64,
    killed: AtomicBool,
}

/// A guard over a process, which goes when this is dropped.
pub(super) struct Guard {
    peaks: Arc<Peaks>,
    task: JoinHandle<()>,
}

impl Guard {
    /// Begins to look at a process.
    pub(super) fn over(pid: u32) -> Self {
        let peaks = Arc::new(Peaks::default());
        let task = tokio::spawn(watch(pid, peaks.clone()));
        Self { peaks, task }
    }

    /// The most memory so far, in bytes.
    pub(super) fn memory(&self) -> u64 {
        self.peaks.memory.load(Ordering::Relaxed)
    }

    /// The most descriptors so far.
    pub(super) fn descriptors(&self) -> u64 {
        self.peaks.descriptors.load(Ordering::Relaxed)
    }

    /// True once the process was killed because of its memory.
    pub(super) fn killed(&self) -> bool {
        self.peaks.killed.load(Ordering::Relaxed)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(pid: u32, peaks: Arc<Peaks>) {
    for look in 0_u32.. {
        let Ok(memory) = process::rss_bytes(pid) else { return };
        peaks.memory.fetch_max(memory, Ordering::Relaxed);
        if look.is_multiple_of(LOOKS_OF_DESCRIPTORS) {
            let descriptors = process::descriptors(pid).unwrap_or(0);
            peaks.descriptors.fetch_max(descriptors, Ordering::Relaxed);
        }
        if memory > MEMORY_MAX {
            peaks.killed.store(true, Ordering::Relaxed);
            if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
                let _ended_already = kill_process(pid, Signal::KILL);
            }
            return;
        }
        sleep(LOOK).await;
    }
}
