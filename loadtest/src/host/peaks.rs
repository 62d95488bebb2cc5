//! Peaks of a process's memory and descriptors, and a bound above which it is killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::process;

/// Time between two looks at its memory, and looks at its descriptors among them.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS_OF_DESCRIPTORS: u32 = 4;

/// The highest values so far.
#[derive(Debug, Default)]
struct Highest {
    memory: AtomicU64,
    descriptors: AtomicU64,
    killed: AtomicBool,
}

/// Watches a process until this is dropped.
pub struct Peaks {
    highest: Arc<Highest>,
    task: JoinHandle<()>,
}

impl Peaks {
    /// Begins to watch a process, and kills it once it has more memory than `memory_max`.
    #[must_use]
    pub fn watch(pid: u32, memory_max: u64) -> Self {
        let highest = Arc::new(Highest::default());
        let task = tokio::spawn(watch(pid, memory_max, highest.clone()));
        Self { highest, task }
    }

    /// The most memory so far, in bytes.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.highest.memory.load(Ordering::Relaxed)
    }

    /// The most descriptors so far.
    #[must_use]
    pub fn descriptors(&self) -> u64 {
        self.highest.descriptors.load(Ordering::Relaxed)
    }

    /// True once the process was killed because of its memory.
    #[must_use]
    pub fn killed(&self) -> bool {
        self.highest.killed.load(Ordering::Relaxed)
    }
}

impl Drop for Peaks {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(pid: u32, memory_max: u64, highest: Arc<Highest>) {
    for look in 0_u32.. {
        let Ok(memory) = process::rss_bytes(pid) else { return };
        highest.memory.fetch_max(memory, Ordering::Relaxed);
        if look.is_multiple_of(LOOKS_OF_DESCRIPTORS) {
            let descriptors = process::descriptors(pid).unwrap_or(0);
            highest.descriptors.fetch_max(descriptors, Ordering::Relaxed);
        }
        if memory > memory_max {
            highest.killed.store(true, Ordering::Relaxed);
            if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
                let _ended_already = kill_process(pid, Signal::KILL);
            }
            return;
        }
        sleep(LOOK).await;
    }
}
