//! `countersign phone`: a software device in the terminal, built on `countersign-client`.

mod answer;
mod args;
mod device;
mod invitation;
mod session;
mod terminal;
mod watch;

use std::io::{BufRead, Write};
use std::path::PathBuf;

use countersign_client::wire::time::Iso8601;
use countersign_client::{ClientError, KeyFileError, Unreadable};
use countersign_core::outcome::Decision;
use countersign_core::time::UnixMillis;

pub use args::{Command, PhoneArgs};
use invitation::Invitation;
use session::{NewKey, Session};

/// Errors of a command.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The server refused, or no server answered.
    #[error("{}", terminal::clean(&.0.to_string()))]
    Client(#[from] ClientError),
    /// The key file cannot be used.
    #[error("{}: {error}", path.display())]
    KeyFile {
        /// Its path.
        path: PathBuf,
        /// The fault of the file.
        error: KeyFileError,
    },
    /// The command needs a key file, and there is none.
    #[error("there is no key at {}: first run `countersign phone enroll -`", .0.display())]
    NoKey(PathBuf),
    /// No challenge is pending.
    #[error("no challenge is pending")]
    NothingPending,
    /// The named challenge is not pending for this key.
    #[error("challenge {} is not pending for this key", terminal::clean(.0))]
    NotPending(String),
    /// The server knows the key and refused to remove it.
    #[error(
        "the server knows the key and did not take its removal, so the key file is kept: {}{}",
        terminal::clean(&refused.to_string()),
        signed_at.map_or_else(String::new, |at| format!(
            ". A removal is signed over the time, which is {} here",
            Iso8601(at)
        ))
    )]
    StillEnrolled {
        /// The server's refusal.
        refused: ClientError,
        /// Time that was signed; `None` if the signature has no time.
        signed_at: Option<UnixMillis>,
    },
    /// An approval of this challenge needs its number.
    #[error(
        "the {0} digits are needed that are shown where this began: `approve --number 12`, or \
         `a 12` in `watch`"
    )]
    NumberWanted(usize),
    /// The pending challenge cannot be shown, and the device does not sign what it cannot show.
    #[error("the challenge cannot be shown, and so not answered: {0}")]
    Unreadable(Unreadable),
    /// A key that signs challenge ids cannot report.
    #[error(
        "only a key that signs statement-v1 can report: deny, or enroll with --signing statement-v1"
    )]
    NoReport,
    /// The token is for another tenant.
    #[error(
        "the token is one of tenant {}, not {}: name its tenant with --tenant",
        terminal::clean(of),
        terminal::clean(wanted)
    )]
    OtherTenant {
        /// The token's tenant.
        of: String,
        /// Tenant of the command line or of the key file.
        wanted: String,
    },
    /// The key file has a key of another algorithm.
    #[error("the key in {} is of another algorithm: name another --key-file", .0.display())]
    OtherAlgorithm(PathBuf),
    /// A signature format was given for a key that does not sign statements.
    #[error("--signature-format goes with --signing statement-v1")]
    FormatUnsaid,
    /// The argument was `-`, and the standard input has no text.
    #[error("there is no link or token on the standard input")]
    NoToken,
    /// The text is not an enrollment link.
    #[error(
        "this is not an enrollment link: one ends in /phone#enroll=… (a bare token goes with \
         --token)"
    )]
    NoLink,
    /// Reading or writing the terminal failed.
    #[error("the terminal: {0}")]
    Terminal(#[from] std::io::Error),
}

/// Runs one command. It writes to `out` and reads the person's answers from `input`. Reading blocks
/// the thread, so nothing else should run on it.
///
/// # Errors
/// [`CliError`].
pub async fn run(
    mut args: PhoneArgs,
    out: &mut impl Write,
    input: &mut impl BufRead,
) -> Result<(), CliError> {
    let invitation = if let Command::Enroll { link, token, .. } = &args.command {
        Some(Invitation::read(link.as_deref(), token.as_deref(), input)?)
    } else {
        None
    };
    // A server on the command line has precedence over that of the link, because this machine may
    // know the server by another address.
    args.url = args.url.or_else(|| invitation.as_ref()?.url.clone());
    let session = Session::open(&args)?;
    match args.command {
        Command::Enroll { name, algorithm, signature_format, .. } => {
            let invitation = invitation.ok_or(CliError::NoToken)?;
            session
                .enroll(&invitation, NewKey { name, algorithm, format: signature_format }, out)
                .await
        }
        Command::Watch => watch::run(&session.enrolled()?, out, input).await,
        Command::Approve { challenge, number } => {
            let (phone, approve) = (session.enrolled()?, Decision::Approve);
            answer::run(&phone, challenge, approve, number.as_deref(), out).await
        }
        Command::Deny { challenge } => {
            answer::run(&session.enrolled()?, challenge, Decision::Deny, None, out).await
        }
        Command::Report { challenge } => {
            answer::run(&session.enrolled()?, challenge, Decision::Report, None, out).await
        }
        Command::Show => session.show(out).await,
        Command::Update { push_token } => session.update(push_token.as_deref(), out).await,
        Command::Remove => session.remove(out).await,
    }
}
