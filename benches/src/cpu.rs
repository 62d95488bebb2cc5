//! Processor time of one thread or of all threads. It does not include other work on the machine,
//! although other work disturbs the caches.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Returns the processor time that this thread has used, in microseconds.
///
/// # Errors
/// If the kernel does not report it.
pub fn of_this_thread() -> io::Result<f64> {
    used("/proc/thread-self".as_ref())
}

/// Returns the processor time that all running threads of this process have used, in microseconds.
/// Threads that have ended do not count.
///
/// # Errors
/// If the kernel does not report it.
pub fn of_this_process() -> io::Result<f64> {
    fs::read_dir("/proc/self/task")?.map(|thread| used(&thread?.path())).sum()
}

/// Processor time of this thread in several pieces of work. It is exact enough for pieces of a
/// microsecond.
#[derive(Default)]
pub struct Used(Duration);

impl Used {
    /// Runs a piece of work, and adds its processor time.
    pub fn by<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = this_thread();
        let done = work();
        self.0 += this_thread().saturating_sub(before);
        done
    }

    /// Waits for a piece of work. Adds the processor time that this thread used meanwhile.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let before = this_thread();
        let done = work.await;
        self.0 += this_thread().saturating_sub(before);
        done
    }

    /// Returns the sum in microseconds.
    pub fn us(&self) -> f64 {
        self.0.as_secs_f64() * 1e6
    }
}

fn this_thread() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

fn used(thread: &Path) -> io::Result<f64> {
    let counted = fs::read_to_string(thread.join("schedstat"))?;
    let ns: Option<u64> = counted.split_ascii_whitespace().next().and_then(|ns| ns.parse().ok());
    Ok(ns.ok_or(io::ErrorKind::InvalidData)? as f64 / 1e3)
}
