//! Resources of a process, as the kernel reports them.

use std::io;

use procfs::process::{ProcState, Process};

/// Returns the processor time of a process so far, in user mode and in the kernel, in seconds. The
/// value advances in ticks, mostly of 10 ms.
///
/// # Errors
/// If there is no such process.
pub fn cpu_seconds(pid: u32) -> io::Result<f64> {
    let stat = process(pid)?.stat().map_err(io::Error::other)?;
    Ok((stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64)
}

/// Returns the resident memory of a process, in bytes.
///
/// # Errors
/// If there is no such process.
pub fn rss_bytes(pid: u32) -> io::Result<u64> {
    Ok(process(pid)?.statm().map_err(io::Error::other)?.resident * procfs::page_size())
}

/// Returns the number of descriptors that a process has open.
///
/// # Errors
/// If there is no such process, or it belongs to another user.
pub fn descriptors(pid: u32) -> io::Result<u64> {
    Ok(process(pid)?.fd_count().map_err(io::Error::other)? as u64)
}

/// Checks if a process runs. A zombie does not run.
pub fn is_alive(pid: u32) -> bool {
    let state = process(pid).ok().and_then(|found| found.stat().ok()?.state().ok());
    state.is_some_and(|state| !matches!(state, ProcState::Zombie | ProcState::Dead))
}

fn process(pid: u32) -> io::Result<Process> {
    let pid = i32::try_from(pid).map_err(|_| io::ErrorKind::NotFound)?;
    Process::new(pid).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_uses_something() {
        let pid = std::process::id();
        assert!(is_alive(pid));
        assert!(rss_bytes(pid).unwrap() > 1 << 16 && descriptors(pid).unwrap() > 2);
        assert!(cpu_seconds(pid).unwrap() >= 0.0);
        // No process has the highest possible number.
        assert!(!is_alive(u32::MAX) && cpu_seconds(u32::MAX).is_err());
    }
}
