//! How much processor time a thread has used. Other work on the machine does not count, though it
//! does disturb caches.

use std::fs;
use std::io;

/// Processor time that this thread has used, in microseconds.
///
/// # Errors
/// If the kernel does not count it.
pub fn of_this_thread() -> io::Result<f64> {
    let counted = fs::read_to_string("/proc/thread-self/schedstat")?;
    let ns: Option<u64> = counted.split_ascii_whitespace().next().and_then(|ns| ns.parse().ok());
    Ok(ns.ok_or(io::ErrorKind::InvalidData)? as f64 / 1e3)
}
