//! Watch on a process: its peak memory, its peak number of descriptors, and a memory limit above
//! which the process is killed.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::process;

/// Time between two reads of the memory. Every fourth read includes the number of descriptors.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS_OF_DESCRIPTORS: u32 = 4;

/// The highest memory and the highest number of descriptors so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Highest {
    /// Highest resident memory, in bytes.
    pub memory: u64,
    /// Highest number of descriptors.
    pub descriptors: u64,
    /// True after the process was killed because of its memory.
    pub killed: bool,
}

/// A watch on a process, which ends when this value is dropped.
pub struct Peaks {
    highest: watch::Receiver<Highest>,
    task: JoinHandle<()>,
}

impl Peaks {
    /// Starts to watch a process. The watch kills the process if it uses more than `memory_max`
    /// bytes.
    #[must_use]
    pub fn watch(pid: u32, memory_max: u64) -> Self {
        let (tell, highest) = watch::channel(Highest::default());
        Self { highest, task: tokio::spawn(look(pid, memory_max, tell)) }
    }

    /// Returns the highest memory and the highest number of descriptors so far.
    pub fn highest(&self) -> Highest {
        *self.highest.borrow()
    }
}

impl Drop for Peaks {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn look(pid: u32, memory_max: u64, tell: watch::Sender<Highest>) {
    for look in 0_u32.. {
        let Ok(memory) = process::rss_bytes(pid) else { return };
        let killed = memory > memory_max;
        tell.send_modify(|highest| {
            highest.memory = highest.memory.max(memory);
            if look.is_multiple_of(LOOKS_OF_DESCRIPTORS) {
                let descriptors = process::descriptors(pid).unwrap_or(0);
                highest.descriptors = highest.descriptors.max(descriptors);
            }
            highest.killed = killed;
        });
        if killed {
            if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
                let _ended_already = kill_process(pid, Signal::KILL);
            }
            return;
        }
        sleep(LOOK).await;
    }
}
