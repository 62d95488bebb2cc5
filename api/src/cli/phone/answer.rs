//! Command that answers one challenge.

use std::io::Write;

use countersign_client::wire::device::AnswerResponse;
use countersign_core::number_match::TypedNumber;
use countersign_core::outcome::Decision;
use countersign_engine::ports::Clock as _;
use countersign_engine::system::SystemClock;

use super::CliError;
use super::device::{Asked, Phone, Unanswered};
use super::terminal::{clean, show_challenge};

/// Answers a challenge: the named one, or the newest pending one. It prints the challenge first,
/// except for an official device that gets the challenge's id, because such a device signs only the
/// id.
pub(super) async fn run(
    phone: &Phone,
    challenge: Option<String>,
    decision: Decision,
    number: Option<&str>,
    out: &mut impl Write,
) -> Result<(), CliError> {
    if let (Phone::Official(_), Some(challenge)) = (phone, &challenge) {
        let answered = phone.answer_unseen(challenge, decision, number).await?;
        return told(challenge, answered, out);
    }
    let pending = phone.pending(false, None).await?;
    let wanted = |w: &Unanswered| challenge.as_ref().is_none_or(|id| *id == w.id);
    let missing = || challenge.clone().map_or(CliError::NothingPending, CliError::NotPending);
    let waiting = pending.into_iter().find(wanted).ok_or_else(missing)?;
    if let Ok(asked) = &waiting.asked {
        show_challenge(asked, SystemClock.wall(), out)?;
    }
    answer(phone, &waiting, decision, number, out).await
}

/// Sends an answer and prints the challenge's outcome.
pub(super) async fn answer(
    phone: &Phone,
    waiting: &Unanswered,
    decision: Decision,
    number: Option<&str>,
    out: &mut impl Write,
) -> Result<(), CliError> {
    // A number of another length is not sent, because it would use up an attempt.
    let digits = waiting.asked.as_ref().ok().and_then(Asked::digits);
    if let (Decision::Approve, Some(digits)) = (decision, digits)
        && !number.is_some_and(|number| is_number(number, digits))
    {
        return Err(CliError::NumberWanted(digits));
    }
    let answered = phone.answer(waiting, decision, number).await?;
    told(&waiting.id, answered, out)
}

/// Returns true if a text consists of `digits` digits, of any script, and otherwise only of blanks.
pub(super) fn is_number(text: &str, digits: usize) -> bool {
    TypedNumber::parse(text).is_ok_and(|typed| typed.reveal().len() == digits)
}

fn told(challenge: &str, answered: AnswerResponse, out: &mut impl Write) -> Result<(), CliError> {
    let outcome = countersign_core::outcome::Outcome::from(answered.outcome).name();
    writeln!(out, "{outcome}: challenge {}", clean(challenge))?;
    Ok(())
}
