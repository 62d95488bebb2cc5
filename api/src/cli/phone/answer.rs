//! Answering one challenge.

use std::io::Write;

use countersign_client::Device;
use countersign_client::wire::pending::PendingResponse;
use countersign_engine::ports::Clock as _;
use countersign_engine::system::SystemClock;

use super::CliError;
use super::terminal::{clean, show_challenge};

/// Answers a challenge; the one that is pending where none is named.
pub(super) async fn run(
    device: &Device,
    challenge: Option<String>,
    approve: bool,
    code: Option<&str>,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let challenge = match challenge {
        Some(challenge) => challenge,
        None => {
            let polled = device.pending(false, None).await?;
            let challenge = pending(&polled).ok_or(CliError::NothingPending)?;
            show_challenge(&polled, SystemClock.now(), out)?;
            challenge
        }
    };
    answer(device, &challenge, approve, code, out).await
}

/// Sends an answer and tells how the challenge ended.
pub(super) async fn answer(
    device: &Device,
    challenge: &str,
    approve: bool,
    code: Option<&str>,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let answered = device.answer(challenge, approve, code).await?;
    let outcome = countersign_core::challenge::Outcome::from(answered.outcome).name();
    writeln!(out, "{outcome}: challenge {}", clean(challenge))?;
    Ok(())
}

/// The challenge that is pending, if one is: its name and its user are both there.
pub(super) fn pending(response: &PendingResponse) -> Option<String> {
    response.user_id.as_ref()?;
    response.challenge_id.clone()
}
