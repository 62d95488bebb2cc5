//! Pinning of processes to cores. A server and its load generator on the same cores would slow each
//! other down.

use std::io;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::LoadError;

/// Cores of the server and of the harness; both are empty if no process is pinned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cores {
    /// Cores of the server.
    pub server: Vec<usize>,
    /// Cores of the harness.
    pub client: Vec<usize>,
}

/// Returns the cores that this process may use.
///
/// # Errors
/// If the system does not report them.
pub fn allowed() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect())
}

/// Splits the cores into halves, the first one for the server. With fewer than two cores, no
/// process is pinned.
pub fn halves(allowed: &[usize]) -> Cores {
    split(allowed, allowed.len() / 2)
}

/// Assigns the first `servers` cores to the server and the remaining ones to the harness. If either
/// part is empty, no process is pinned.
pub fn split(allowed: &[usize], servers: usize) -> Cores {
    let (server, client) = allowed.split_at(servers.min(allowed.len()));
    if server.is_empty() || client.is_empty() {
        return Cores::default();
    }
    Cores { server: server.to_vec(), client: client.to_vec() }
}

/// Rejects cores that this process may not use.
///
/// # Errors
/// [`LoadError::Input`] for the first such core.
pub fn check(cores: &[usize], allowed: &[usize]) -> Result<(), LoadError> {
    match cores.iter().find(|core| !allowed.contains(core)) {
        Some(core) => Err(LoadError::Input(format!("core {core} is none of {allowed:?}"))),
        None => Ok(()),
    }
}

/// Pins every thread of this process. Threads that start later inherit the cores.
///
/// # Errors
/// If the system refuses.
pub fn this_process(cores: &[usize]) -> io::Result<()> {
    for task in std::fs::read_dir("/proc/self/task")? {
        let name = task?.file_name();
        let tid = name.to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        sched_setaffinity(Some(tid.ok_or(io::ErrorKind::InvalidData)?), &set(cores))?;
    }
    Ok(())
}

/// Pins this thread to `cores` while `start` runs. A process that `start` creates inherits the
/// cores. Without cores the thread stays as it is.
///
/// # Errors
/// If the system refuses.
pub fn while_on<T>(cores: &[usize], start: impl FnOnce() -> T) -> io::Result<T> {
    if cores.is_empty() {
        return Ok(start());
    }
    let before = sched_getaffinity(None)?;
    sched_setaffinity(None, &set(cores))?;
    let started = start();
    sched_setaffinity(None, &before)?;
    Ok(started)
}

fn set(cores: &[usize]) -> CpuSet {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_halved_and_one_alone_is_shared() {
        let halved = halves(&[2, 3, 5]);
        assert_eq!((halved.server, halved.client), (vec![2], vec![3, 5]));
        assert_eq!(halves(&[4]), Cores::default());
    }

    #[test]
    fn a_core_that_is_not_ours_is_refused_by_its_number() {
        assert!(check(&[1], &[0, 1]).is_ok());
        let refused = check(&[1, 7], &[0, 1]).unwrap_err();
        assert_eq!(refused.to_string(), "core 7 is none of [0, 1]");
    }

    #[test]
    fn a_thread_is_pinned_for_as_long_as_it_takes() {
        let before = allowed().unwrap();
        let last = *before.last().unwrap();
        assert_eq!(while_on(&[last], || allowed().unwrap()).unwrap(), [last]);
        assert_eq!(allowed().unwrap(), before);
    }
}
