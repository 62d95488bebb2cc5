//! Free memory of a Redis with a memory limit.

use super::super::keys::FIRST;
use super::super::reply::text;
use super::super::trouble::Trouble;
use super::Reader;

/// Returns the bytes that Redis can still store; none if it has no memory limit.
pub(in crate::store::redis) async fn room(reader: Reader) -> Result<Option<u64>, Trouble> {
    let mut info = redis::cmd("INFO");
    let told = text(reader.one(FIRST, info.arg("memory").clone()).await?)?;
    Ok(told.and_then(|told| left(&told)))
}

/// Computes the free memory from the figures that Redis itself uses for its limit.
fn left(info: &str) -> Option<u64> {
    let field = |name: &str| -> Option<u64> {
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(field, _)| *field == name)?.1.trim().parse().ok()
    };
    let max = field("maxmemory").filter(|max| *max > 0)?;
    // Buffers of the append-only file and of replicas do not count against the limit.
    let beside = field("mem_not_counted_for_evict").unwrap_or(0);
    Some(max.saturating_sub(field("used_memory")?.saturating_sub(beside)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_the_limit_without_what_counts() {
        let info = |max: u64, used: u64, beside: u64| {
            format!(
                "# Memory\r\nused_memory:{used}\r\nused_memory_human:1K\r\nmaxmemory:{max}\r\n\
                 mem_not_counted_for_evict:{beside}\r\n"
            )
        };
        assert_eq!(left(&info(1_000, 400, 0)), Some(600));
        assert_eq!(left(&info(1_000, 400, 100)), Some(700));
        assert_eq!(left(&info(1_000, 2_000, 0)), Some(0));
        assert_eq!(left(&info(0, 400, 0)), None, "it has no limit");
        assert_eq!(left(""), None, "nothing is told");
    }
}
