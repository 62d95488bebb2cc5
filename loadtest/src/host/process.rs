//! What a process uses, as the kernel counts it.

use std::fs;
use std::io;

use rustix::param::{clock_ticks_per_second, page_size};

/// Processor time that a process has used, in user mode and in the kernel, in seconds. It advances
/// in ticks, mostly of 10 ms.
///
/// # Errors
/// If there is no such process.
pub fn cpu_seconds(pid: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = ticks(&stat).ok_or(io::ErrorKind::InvalidData)?;
    Ok(ticks as f64 / clock_ticks_per_second() as f64)
}

/// Memory of a process that is in use, in bytes.
///
/// # Errors
/// If there is no such process.
pub fn rss_bytes(pid: u32) -> io::Result<u64> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm"))?;
    let pages: Option<u64> = statm.split_ascii_whitespace().nth(1).and_then(|n| n.parse().ok());
    Ok(pages.ok_or(io::ErrorKind::InvalidData)? * page_size() as u64)
}

/// Descriptors that a process has open.
///
/// # Errors
/// If there is no such process, or it is somebody else's.
pub fn descriptors(pid: u32) -> io::Result<u64> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count() as u64)
}

/// Whether a process is there and not only waiting to be forgotten.
#[must_use]
pub fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
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

    #[test]
    fn this_process_is_alive_and_uses_something() {
        let pid = std::process::id();
        assert!(is_alive(pid));
        assert!(rss_bytes(pid).unwrap() > 1 << 16 && descriptors(pid).unwrap() > 2);
        assert!(cpu_seconds(pid).unwrap() >= 0.0);
        // No process has the highest number that there is.
        assert!(!is_alive(u32::MAX) && cpu_seconds(u32::MAX).is_err());
    }
}
