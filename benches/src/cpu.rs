//! Processor time of a thread, or of all threads. Other work on the machine does not count, though
//! it disturbs caches.

use std::fs;
use std::io;
use std::path::Path;

/// Processor time that this thread has used, in microseconds.
///
/// # Errors
/// If the kernel does not count it.
pub fn of_this_thread() -> io::Result<f64> {
    used("/proc/thread-self".as_ref())
}

/// Processor time that the threads of this process have used that are still there, in microseconds.
///
/// # Errors
/// If the kernel does not count it.
pub fn of_this_process() -> io::Result<f64> {
    fs::read_dir("/proc/self/task")?.map(|thread| used(&thread?.path())).sum()
}

fn used(thread: &Path) -> io::Result<f64> {
    let counted = fs::read_to_string(thread.join("schedstat"))?;
    let ns: Option<u64> = counted.split_ascii_whitespace().next().and_then(|ns| ns.parse().ok());
    Ok(ns.ok_or(io::ErrorKind::InvalidData)? as f64 / 1e3)
}
