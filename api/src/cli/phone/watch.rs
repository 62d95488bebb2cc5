//! Waiting for challenges and asking about each.

use std::collections::HashSet;
use std::io::{BufRead, Write};
use std::time::Duration;

use countersign_client::ClientError;
use countersign_core::decision::Decision;
use countersign_engine::ports::Clock as _;
use countersign_engine::system::SystemClock;
use tokio::time::{MissedTickBehavior, interval};

use super::CliError;
use super::answer::{answer, is_number};
use super::device::{Asked, Phone};
use super::terminal::{clean, show_challenge, show_unreadable};

/// How long one poll waits, in seconds.
const WAIT: u64 = 30;
/// Shortest time from one poll to the next when nothing came of the first.
const PACE: Duration = Duration::from_secs(1);

/// What a person typed.
enum Typed {
    Answer(Decision, Option<String>),
    Skip,
    /// The input has ended: nobody is there.
    Leave,
}

/// Asks about every challenge until the input ends.
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
                            // It is asked about again, at the next look.
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

/// Tells that an answer was not taken. What a person may still answer is asked about again, at
/// the next look.
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

/// Whether the same request may succeed later.
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
    show_challenge(asked, SystemClock.now(), out)?;
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
        let mut words = line.split_whitespace();
        let typed = match words.next() {
            Some("a" | "approve") => match (words.next(), asked.digits()) {
                (None, Some(digits)) => match ask_number(digits, out, input)? {
                    Some(typed) => typed,
                    None => continue,
                },
                (number, _) => Typed::Answer(Decision::Approve, number.map(str::to_owned)),
            },
            Some("d" | "deny") => Typed::Answer(Decision::Deny, None),
            Some("r" | "report") if can_report => Typed::Answer(Decision::Report, None),
            Some("s" | "skip") => Typed::Skip,
            _ => continue,
        };
        // Whoever types more has not understood the question.
        if words.next().is_none() {
            return Ok(typed);
        }
    }
}

/// Asks for the number alone, of who said that they approve. None if it is no such number.
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
    // Whoever types the whole answer once more means it.
    let number = number.strip_prefix("a ").unwrap_or(number).trim();
    let typed = Typed::Answer(Decision::Approve, Some(number.to_owned()));
    Ok(is_number(number, digits).then_some(typed))
}
