//! The attackers' process: it reads an order, follows it, and prints an account.

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

/// Niceness of the attackers, so that they give way to those who measure on the same core.
const NICE: i32 = 15;
/// Connections of the attackers, at most.
const CONNECTIONS_MAX: u64 = 9_000;
/// Word before the account, since a test's own words may stand before it.
pub(super) const COUNTS: &str = "did ";

/// Follows the order on the standard input, and writes an account to the standard output.
/// [`super::Attackers`] starts a process that calls this.
///
/// # Errors
/// [`LoadError`] if there is no order, or the system gives too little for it.
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
    // The kernel takes its time to close thousands of connections: it belongs to the abuse.
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
        // An abuse that has nothing more to do leaves the others their time.
        sleep(longest).await;
    };
    let _in_time = timeout(longest, all).await;
    under_way.shutdown().await;
    Ok(context.did())
}
