//! The attackers' process: it reads an order, attacks, and prints its counts.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::time::Duration;

use rustix::process::nice;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::attack_context::AttackContext;
use super::order::{AttackCounts, Order};
use super::table::named;
use crate::LoadError;
use crate::host::{descriptors, pin};

/// Niceness of the attackers, so that the measuring process gets the processor first if both share
/// a core.
const NICE: i32 = 15;
/// Maximum number of the attackers' connections.
const CONNECTIONS_MAX: u64 = 9_000;
/// Prefix of the line with the counts, because a test harness may print other lines before it.
pub(super) const COUNTS: &str = "did ";

/// Reads the order from the standard input, attacks, and writes the counts to the standard output.
/// [`super::Attackers`] starts the process that calls this function.
///
/// # Errors
/// [`LoadError`] if the order is missing or invalid, or if the system does not grant the resources
/// for it.
pub fn attack() -> Result<(), LoadError> {
    let mut text = String::new();
    if !std::io::stdin().is_terminal() {
        std::io::stdin().read_to_string(&mut text)?;
    }
    if text.trim().is_empty() {
        return Err(LoadError::Wrong("an order on the standard input is missing"));
    }
    let order: Order = serde_json::from_str(&text).map_err(std::io::Error::other)?;
    if !order.cores.is_empty() {
        pin::this_process(&order.cores)?;
    }
    nice(NICE).map_err(std::io::Error::from)?;
    descriptors::allow(CONNECTIONS_MAX)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let did = runtime.block_on(carry_out(order))?;
    // The kernel needs time to close thousands of connections. This time counts as part of the
    // abuse.
    runtime.shutdown_timeout(Duration::from_millis(100));
    let did = serde_json::to_string(&did).map_err(std::io::Error::other)?;
    writeln!(std::io::stdout(), "{COUNTS}{did}")?;
    Ok(())
}

async fn carry_out(order: Order) -> Result<AttackCounts, LoadError> {
    let (abuses, longest) = (named(&order.abuses)?, Duration::from_secs_f64(order.seconds));
    let context = AttackContext::new(order);
    let mut under_way = JoinSet::new();
    for abuse in abuses {
        under_way.spawn((abuse.begin)(context.clone()));
    }
    let all = async {
        while under_way.join_next().await.is_some() {}
        // If all abuses end early, the process waits for the full length of the attack.
        sleep(longest).await;
    };
    let _in_time = timeout(longest, all).await;
    under_way.shutdown().await;
    Ok(context.did())
}
