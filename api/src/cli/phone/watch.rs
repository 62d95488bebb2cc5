//! Waiting for challenges and asking about each.

use std::collections::HashSet;
use std::io::{BufRead, Write};
use std::time::Duration;

use countersign_client::wire::pending::PendingResponse;
use countersign_client::{ClientError, Device};
use countersign_engine::ports::Clock as _;
use countersign_engine::system::SystemClock;
use tokio::time::{MissedTickBehavior, interval};

use super::CliError;
use super::answer::{answer, pending};
use super::terminal::{clean, show_challenge};

/// How long one poll waits, in seconds.
const WAIT: u64 = 30;
/// Shortest time from one poll to the next when nothing came of the first.
const PACE: Duration = Duration::from_secs(1);

/// What a person chose.
enum Choice {
    Approve {
        code: Option<String>,
    },
    Deny,
    Skip,
    /// The input has ended: nobody is there.
    Leave,
}

/// Asks about every challenge until the input ends.
pub(super) async fn run(
    device: &Device,
    out: &mut impl Write,
    input: &mut impl BufRead,
) -> Result<(), CliError> {
    let mut passed = HashSet::new();
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    writeln!(out, "waiting for challenges; Ctrl-C ends")?;
    out.flush()?;
    loop {
        pace.tick().await;
        let polled = match device.pending(true, Some(WAIT)).await {
            Ok(polled) => polled,
            Err(error) if passes(&error) => {
                writeln!(out, "{}; trying again", clean(&error.to_string()))?;
                out.flush()?;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let Some(challenge) = pending(&polled).filter(|c| !passed.contains(c)) else { continue };
        passed.insert(challenge.clone());
        let approve = match ask(&polled, out, input)? {
            Choice::Approve { code } => Some((true, code)),
            Choice::Deny => Some((false, None)),
            Choice::Skip => None,
            Choice::Leave => return Ok(()),
        };
        if let Some((approve, code)) = approve {
            match answer(device, &challenge, approve, code.as_deref(), out).await {
                Ok(()) => {}
                Err(CliError::Client(error)) => report(&challenge, &error, &mut passed, out)?,
                Err(error) => return Err(error),
            }
        }
        out.flush()?;
        pace.reset_immediately();
    }
}

/// Tells that an answer was not taken. What a person may still answer is asked about again.
fn report(
    challenge: &str,
    error: &ClientError,
    passed: &mut HashSet<String>,
    out: &mut impl Write,
) -> Result<(), CliError> {
    writeln!(out, "not answered: {}", clean(&error.to_string()))?;
    if passes(error) {
        passed.remove(challenge);
    }
    Ok(())
}

/// Whether the same request may succeed later.
fn passes(error: &ClientError) -> bool {
    match error {
        ClientError::Transport(_) => true,
        ClientError::Refused { status, .. } => matches!(status, 429 | 500..),
        ClientError::Protocol(_) | ClientError::Input(_) => false,
    }
}

fn ask(
    polled: &PendingResponse,
    out: &mut impl Write,
    input: &mut impl BufRead,
) -> Result<Choice, CliError> {
    show_challenge(polled, SystemClock.now(), out)?;
    loop {
        write!(out, "approve [number], deny or skip? [a/d/s] ")?;
        out.flush()?;
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            writeln!(out)?;
            return Ok(Choice::Leave);
        }
        let mut words = line.split_whitespace();
        let choice = match words.next() {
            Some("a" | "approve") => Choice::Approve { code: words.next().map(str::to_owned) },
            Some("d" | "deny") => Choice::Deny,
            Some("s" | "skip") => Choice::Skip,
            _ => continue,
        };
        // Whoever types more has not understood the question.
        if words.next().is_none() {
            return Ok(choice);
        }
    }
}
