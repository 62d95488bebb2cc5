//! Control of the attackers' process: its start, its order, and its end.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::attack::COUNTS;
use super::order::{AttackCounts, Order};
use crate::LoadError;

/// Time after the end of its order after which the process is killed.
const GRACE: Duration = Duration::from_secs(10);

/// The command line of a process that calls [`super::attack()`].
#[derive(Clone, Debug)]
pub struct Attackers {
    program: PathBuf,
    arguments: Vec<String>,
}

/// A running attackers' process, which is killed when this value is dropped.
pub(super) struct Attacking {
    process: Child,
    longest: Duration,
}

impl Attackers {
    /// Uses this program's own executable, with these arguments.
    ///
    /// # Errors
    /// If the system does not report the path of this program.
    pub fn this_program(arguments: &[&str]) -> Result<Self, LoadError> {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Ok(Self { program: std::env::current_exe()?, arguments })
    }

    /// Starts the process and sends it the order.
    ///
    /// # Errors
    /// If the process does not start, or does not read the order.
    pub(super) async fn begin(&self, order: &Order) -> Result<Attacking, LoadError> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.process_group(0).kill_on_drop(true).spawn()?;
        let order_text = serde_json::to_vec(order).map_err(io::Error::other)?;
        let mut input = process.stdin.take().expect("its input is piped");
        input.write_all(&order_text).await?;
        drop(input);
        Ok(Attacking { process, longest: Duration::from_secs_f64(order.seconds) + GRACE })
    }
}

impl Attacking {
    /// Waits until the process has ended, and returns its counts.
    ///
    /// # Errors
    /// [`LoadError::Server`] if the process had to be killed or printed no counts;
    /// [`LoadError::Io`] if it cannot be awaited.
    pub(super) async fn ended(mut self) -> Result<AttackCounts, LoadError> {
        let mut said = String::new();
        let mut output = self.process.stdout.take().expect("its output is piped");
        let ended = timeout(self.longest, async {
            output.read_to_string(&mut said).await?;
            self.process.wait().await
        });
        let Ok(status) = ended.await else {
            self.process.kill().await?;
            return Err(LoadError::Server("the attackers did not end and were killed".to_owned()));
        };
        let status = status?;
        let account = said.lines().find_map(|line| line.split_once(COUNTS));
        let did = account.and_then(|(_, did)| serde_json::from_str(did).ok());
        did.ok_or_else(|| LoadError::Server(format!("the attackers failed: {status}")))
    }
}
