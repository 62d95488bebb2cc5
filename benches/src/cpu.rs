//! How much processor time was used, by a process or by a thread. Other work on the machine does
//! not count, though it does disturb caches.

use std::fs;
use std::io;

use rustix::param::clock_ticks_per_second;

/// Processor time that a process has used, in user mode and in the kernel, in microseconds. It
/// advances in ticks, mostly of 10 ms.
///
/// # Errors
/// If there is no such process.
pub fn of_process(pid: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = ticks(&stat).ok_or(io::ErrorKind::InvalidData)?;
    Ok(ticks as f64 * 1e6 / clock_ticks_per_second() as f64)
}

/// Processor time that this thread has used, in microseconds.
///
/// # Errors
/// If the kernel does not count it.
pub fn of_this_thread() -> io::Result<f64> {
    let counted = fs::read_to_string("/proc/thread-self/schedstat")?;
    let ns: Option<u64> = counted.split_ascii_whitespace().next().and_then(|ns| ns.parse().ok());
    Ok(ns.ok_or(io::ErrorKind::InvalidData)? as f64 / 1e3)
}

/// `utime` and `stime`: fields 14 and 15, of which the second is a name in brackets with any
/// character.
fn ticks(stat: &str) -> Option<u64> {
    let mut after_name = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: u64 = after_name.next()?.parse().ok()?;
    let kernel: u64 = after_name.next()?.parse().ok()?;
    Some(user + kernel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticks_are_found_behind_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 120 34 0 0 20 0 5 0 100 1 1";
        assert_eq!(ticks(stat), Some(154));
        assert_eq!(ticks("7 (a"), None);
    }
}
