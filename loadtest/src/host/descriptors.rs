//! Limit of open file descriptors, for this process and for a server that it starts.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::LoadError;

/// Maximum number of open descriptors that belong to no connection.
const OTHERS: u64 = 200;

/// Raises this process's soft limit, so that `connections` can be open at once. A process that is
/// started afterwards inherits the limit.
///
/// # Errors
/// [`LoadError::Input`] if the hard limit is too low; [`LoadError::Io`] if the system refuses.
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
