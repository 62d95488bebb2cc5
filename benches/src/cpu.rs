//! Processor time of one thread or of all threads. It does not include other work on the machine,
//! although other work disturbs the caches.

use std::fs;
use std::io;
use std::path::Path;

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

fn used(thread: &Path) -> io::Result<f64> {
    let counted = fs::read_to_string(thread.join("schedstat"))?;
    let ns: Option<u64> = counted.split_ascii_whitespace().next().and_then(|ns| ns.parse().ok());
    Ok(ns.ok_or(io::ErrorKind::InvalidData)? as f64 / 1e3)
}
