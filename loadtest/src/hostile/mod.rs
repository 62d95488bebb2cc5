//! Abuse of a server, and its effect on users who sign in at the same time.
//!
//! [`ALL`] is the table of abuses. [`Hostile`] starts a server on one core. The attackers are a
//! separate process on another core, and attack one of the server's listeners. Meanwhile users sign
//! in at a modest rate. [`Rule`] decides if the server has withstood the abuse.

mod abuse;
mod abuse_run;
mod args;
mod attack;
mod attack_context;
mod attackers;
mod frames;
mod health;
mod order;
mod outcome;
mod plan;
mod sign_ins;
mod span;
mod table;
mod target_server;
mod verdict;

use std::cell::Cell;
use std::path::PathBuf;

pub use abuse_run::Timing;
pub use args::HostileArgs;
pub use attack::attack;
pub use attackers::Attackers;
pub use order::{AttackCounts, Listener};
pub use outcome::Outcome;
pub use plan::{Run, alone, pairs};
pub use span::Span;
pub use table::{ALL, Abuse, named};
pub use verdict::{Change, Measured, Rule};

use self::target_server::TargetServer;
use crate::LoadError;
use crate::host::pin::{self, Cores};

/// Maximum number of consecutive runs that are compared with the same quiet span.
const RUNS_PER_QUIET: u32 = 5;

/// A series of runs: the server, its attackers, and the rule.
pub struct Hostile {
    /// Path of the server's program.
    pub binary: PathBuf,
    /// Additional keys of the server's configuration, with their values.
    pub set: Vec<(String, String)>,
    /// Cores of the server and of this process. The attackers use the first core of this process.
    pub cores: Cores,
    /// The command that starts the attackers.
    pub attackers: Attackers,
    /// Lengths of a run's three spans, and the rate of its sign-ins.
    pub timing: Timing,
    /// The limits within which the server withstands an abuse.
    pub rule: Rule,
}

/// Returns the attackers' core, which is the first of the client's cores. With two cores in total,
/// the attackers and this process share it.
fn attackers_core(cores: &Cores) -> &[usize] {
    &cores.client[..cores.client.len().min(1)]
}

impl Hostile {
    /// Makes the runs one after the other, and passes each outcome to `show`. After a failed run,
    /// the next run gets a new server. `note` receives at most one remark for the reader.
    ///
    /// # Errors
    /// [`LoadError`] if a server does not start or does not stop, or if this process cannot be
    /// pinned.
    pub async fn run(
        &self,
        runs: Vec<Run>,
        note: impl Fn(&str),
        mut show: impl FnMut(&Outcome),
    ) -> Result<Vec<Outcome>, LoadError> {
        if !self.cores.client.is_empty() {
            pin::this_process(&self.cores.client)?;
        }
        let mut outcomes: Vec<Outcome> = Vec::new();
        let noted = Cell::new(false);
        let note = |text: &str| {
            if !noted.replace(true) {
                note(text);
            }
        };
        let mut at: Option<(TargetServer, Span, u32)> = None;
        for run in runs {
            let before = outcomes.last();
            let harmed = before.is_some_and(|before| !before.wrong.is_empty());
            let moves = before.is_some_and(|before| !before.run.is_beside(&run));
            if (harmed || moves)
                && let Some((server, ..)) = at.take()
            {
                server.end(harmed).await?;
            }
            let (mut server, quiet, used) = match at.take() {
                Some((server, quiet, used)) if used < RUNS_PER_QUIET => (server, quiet, used + 1),
                Some((server, ..)) => self.quiet(server).await,
                None => self.quiet(self.server(&run, &note).await?).await,
            };
            let how = (&self.timing, &self.rule);
            let attackers = (&self.attackers, attackers_core(&self.cores));
            let measured =
                abuse_run::measure(&mut server, &run, how, attackers, quiet.clone()).await;
            // A run without a result counts as failed. The following runs are still made.
            let (measured, wrong) = match measured {
                Ok(measured) => (measured, None),
                Err(error) => (Measured::default(), Some(error.to_string())),
            };
            let wrong = wrong.map_or_else(|| self.rule.judge(&measured), |wrong| vec![wrong]);
            let outcome = Outcome { run, measured, wrong };
            show(&outcome);
            outcomes.push(outcome);
            at = Some((server, quiet, used));
        }
        if let Some((server, ..)) = at {
            server.end(outcomes.last().is_some_and(|last| !last.wrong.is_empty())).await?;
        }
        Ok(outcomes)
    }

    async fn server(&self, run: &Run, note: impl Fn(&str)) -> Result<TargetServer, LoadError> {
        let unknown = |key: &str| note(&format!("the server does not know {key}: left out"));
        let with = (&*self.cores.server, &*self.set);
        let rate = self.timing.sign_ins_per_second;
        TargetServer::start(&self.binary, &run.store, with, rate, unknown).await
    }

    async fn quiet(&self, server: TargetServer) -> (TargetServer, Span, u32) {
        let quiet = abuse_run::span(&server, &self.timing, self.timing.quiet).await;
        (server, quiet, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_and_attackers_have_a_core_each_and_the_client_any_but_the_servers() {
        let cores = pin::split(&[0, 1], 1);
        assert_eq!(attackers_core(&cores), [1]);
        assert_eq!((cores.server, cores.client), (vec![0], vec![1]));
        let cores = pin::split(&[2, 3, 4], 1);
        assert_eq!((attackers_core(&cores), &cores.client), (&[3][..], &vec![3, 4]));
        assert_eq!(pin::split(&[0], 1), Cores::default());
        assert!(attackers_core(&Cores::default()).is_empty());
    }
}
