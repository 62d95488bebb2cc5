//! Connections that this process, and a server that it starts, may have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::LoadError;

/// Descriptors that are open besides those of connections, at most.
const OTHERS: u64 = 200;

/// Raises the limit so far that `connections` can be open at once. A process started after that
/// inherits it.
///
/// # Errors
/// [`LoadError::Input`] if the hard limit is too low.
pub fn allow(connections: u64) -> Result<(), LoadError> {
    let needed = connections + OTHERS;
    let limits = getrlimit(Resource::Nofile);
    if limits.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if let Some(allowed) = limits.maximum.filter(|maximum| *maximum < needed) {
        return Err(LoadError::Input(format!(
            "{needed} descriptors are needed and the process may have {allowed}: raise the hard \
             limit (`ulimit -Hn`) or ask for less"
        )));
    }
    let raised = Rlimit { current: Some(needed), maximum: limits.maximum };
    setrlimit(Resource::Nofile, raised).map_err(|error| LoadError::Io(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_hard_limit_is_refused_with_both_numbers() {
        let Some(maximum) = getrlimit(Resource::Nofile).maximum else { return };
        let refused = allow(maximum).unwrap_err().to_string();
        let needed = maximum + OTHERS;
        let numbers =
            format!("{needed} descriptors are needed and the process may have {maximum}:");
        assert!(refused.starts_with(&numbers), "{refused}");
    }
}
