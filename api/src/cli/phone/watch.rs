//! Command that waits for challenges and asks the person about each.

use std::collections::HashSet;
use std::io::{BufRead, Write};
use std::time::Duration;

use countersign_client::ClientError;
use countersign_core::outcome::Decision;
use countersign_engine::ports::Clock as _;
use countersign_engine::system::SystemClock;
use tokio::time::{MissedTickBehavior, interval};

use super::CliError;
use super::answer::{answer, is_number};
use super::device::{Asked, Phone};
use super::terminal::{clean, show_challenge, show_unreadable};

/// Seconds that one poll waits for a challenge.
const WAIT: u64 = 30;
/// Minimum time between two polls if the first returned no new challenge.
const PACE: Duration = Duration::from_secs(1);

/// Choice that a person typed.
enum Typed {
    Answer(Decision, Option<String>),
    Skip,
    /// The input has ended, so nobody is there to answer.
    Leave,
}

/// Asks the person about every new challenge until the input ends.
pub(super) async fn run(
    phone: &Phone,
    out: &mut impl Write,
    input: &mut impl BufRead,
) -> Result<(), CliError> {
    let mut passed = HashSet::new();
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    writeln!(out, "waiting for challenges; each is shown here and asks what to do; Ctrl-C ends")?;
    out.flush()?;
    loop {
        pace.tick().await;
        let polled = match phone.pending(true, Some(WAIT)).await {
            Ok(polled) => polled,
            Err(error) if passes(&error) => {
                writeln!(out, "{}; trying again", clean(&error.to_string()))?;
                out.flush()?;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let fresh = polled.into_iter().find(|w| !passed.contains(&w.id));
        let Some(waiting) = fresh else { continue };
        passed.insert(waiting.id.clone());
        match &waiting.asked {
            Err(unreadable) => show_unreadable(&waiting.id, unreadable, out)?,
            Ok(asked) => match ask(phone, asked, out, input)? {
                Typed::Leave => {
                    let id = clean(&waiting.id);
                    writeln!(out, "\nthe input has ended: challenge {id} is left unanswered")?;
                    return Ok(());
                }
                Typed::Skip => {}
                Typed::Answer(decision, number) => {
                    match answer(phone, &waiting, decision, number.as_deref(), out).await {
                        Ok(()) => {}
                        Err(CliError::Client(error)) => {
                            report(&waiting.id, &error, &mut passed, out)?;
                        }
                        Err(error @ CliError::NumberWanted(_)) => {
                            // The challenge becomes new again, so that the next round asks about
                            // it.
                            passed.remove(&waiting.id);
                            writeln!(out, "not answered: {error}")?;
                        }
                        Err(error) => return Err(error),
                    }
                }
            },
        }
        out.flush()?;
        pace.reset_immediately();
    }
}

/// Prints that the server refused an answer. If the person may still answer, the next round asks
/// again.
fn report(
    challenge: &str,
    error: &ClientError,
    passed: &mut HashSet<String>,
    out: &mut impl Write,
) -> Result<(), CliError> {
    writeln!(out, "not answered: {}", clean(&error.to_string()))?;
    let mistyped = matches!(error, ClientError::Input(_));
    if mistyped || passes(error) {
        passed.remove(challenge);
    }
    Ok(())
}

/// Returns true if the same request may succeed later.
fn passes(error: &ClientError) -> bool {
    match error {
        ClientError::Transport(_) => true,
        ClientError::Refused { status, .. } => matches!(status, 429 | 500..),
        ClientError::Protocol(_) | ClientError::Input(_) => false,
    }
}

fn ask(
    phone: &Phone,
    asked: &Asked,
    out: &mut impl Write,
    input: &mut impl BufRead,
) -> Result<Typed, CliError> {
    show_challenge(asked, SystemClock.wall(), out)?;
    let approve = asked.digits().map_or_else(
        || "a to approve".to_owned(),
        |digits| format!("a and the {digits} digits shown where this began to approve"),
    );
    let can_report = matches!(phone, Phone::Statement(_));
    let report = if can_report { ", r to report that it was not you" } else { "" };
    loop {
        write!(out, "type {approve}, d to deny{report}, s to skip: ")?;
        out.flush()?;
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(Typed::Leave);
        }
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let typed = match (word, asked.digits()) {
            ("a" | "approve", Some(digits)) if rest.is_empty() => ask_number(digits, out, input)?,
            ("a" | "approve", Some(digits)) if is_number(rest, digits) => approved_with(rest),
            // More than one word after the first is not a valid answer.
            _ if rest.contains(char::is_whitespace) => None,
            ("a" | "approve", _) if rest.is_empty() => Some(Typed::Answer(Decision::Approve, None)),
            ("a" | "approve", _) => approved_with(rest),
            _ if !rest.is_empty() => None,
            ("d" | "deny", _) => Some(Typed::Answer(Decision::Deny, None)),
            ("r" | "report", _) if can_report => Some(Typed::Answer(Decision::Report, None)),
            ("s" | "skip", _) => Some(Typed::Skip),
            _ => None,
        };
        if let Some(typed) = typed {
            return Ok(typed);
        }
    }
}

fn approved_with(number: &str) -> Option<Typed> {
    Some(Typed::Answer(Decision::Approve, Some(number.to_owned())))
}

/// Asks for the number, after the person has typed only that they approve. Returns `None` if the
/// input is not a number of `digits` digits.
fn ask_number(
    digits: usize,
    out: &mut impl Write,
    input: &mut impl BufRead,
) -> Result<Option<Typed>, CliError> {
    write!(out, "type the {digits} digits: ")?;
    out.flush()?;
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Ok(Some(Typed::Leave));
    }
    let number = line.trim();
    // The person may type the whole answer again, with the leading `a`.
    let number = number.strip_prefix("a ").unwrap_or(number).trim();
    Ok(approved_with(number).filter(|_| is_number(number, digits)))
}
