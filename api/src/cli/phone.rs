//! `countersign phone`: a software device in the terminal, over `countersign-client`.

mod answer;
mod args;
mod session;
mod terminal;
mod watch;

use std::io::{BufRead, Write};
use std::path::PathBuf;

use countersign_client::{ClientError, KeyFileError};

pub use args::{Command, DialectArg, PhoneArgs};
use session::Session;

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The server refused, or there is none.
    #[error("{}", terminal::clean(&.0.to_string()))]
    Client(#[from] ClientError),
    /// The key file cannot be used.
    #[error("{}: {error}", path.display())]
    KeyFile {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        error: KeyFileError,
    },
    /// There is no key file, and the command needs one.
    #[error("there is no key at {}: first run `countersign phone enroll --token -`", .0.display())]
    NoKey(PathBuf),
    /// There is nothing to answer.
    #[error("no challenge is pending")]
    NothingPending,
    /// `--token -` found nothing to read.
    #[error("there is no token on the standard input")]
    NoToken,
    /// The terminal cannot be read or written.
    #[error("the terminal: {0}")]
    Terminal(#[from] std::io::Error),
}

/// Runs one command. It writes for people to `out` and reads their answers from `input`, which
/// blocks the thread: nothing else is to be done meanwhile.
///
/// # Errors
/// [`CliError`].
pub async fn run(
    args: PhoneArgs,
    out: &mut impl Write,
    input: &mut impl BufRead,
) -> Result<(), CliError> {
    let session = Session::open(&args)?;
    match args.command {
        Command::Enroll { token, name } => session.enroll(&token, name, out, input).await,
        Command::Watch => watch::run(&session.enrolled()?, out, input).await,
        Command::Approve { challenge, code } => {
            answer::run(&session.enrolled()?, challenge, true, code.as_deref(), out).await
        }
        Command::Deny { challenge } => {
            answer::run(&session.enrolled()?, challenge, false, None, out).await
        }
        Command::Show => session.show(out).await,
        Command::Remove => session.remove(out).await,
    }
}
