//! The command line of `countersign phone`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use countersign_client::Dialect;

/// A phone in the terminal: enrolls a key kept in a file, and answers challenges with it.
#[derive(Args, Debug)]
pub struct PhoneArgs {
    /// Base address of the server [default: where the key was enrolled, else a server on this
    /// machine: `http://127.0.0.1:8080/v1`]
    #[arg(long, global = true)]
    pub url: Option<String>,
    /// The tenant [default: where the key was enrolled, or demo]
    #[arg(long, global = true)]
    pub tenant: Option<String>,
    /// The file that keeps the key
    #[arg(long, global = true, default_value = "./countersign-phone.json")]
    pub key_file: PathBuf,
    /// The mobile SDK to speak like [default: as when the key was enrolled, or android]
    #[arg(long, global = true, value_enum)]
    pub dialect: Option<DialectArg>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Bind the key to the user of a token, making a key if there is none
    Enroll {
        /// The token of a tracked action; - reads it from the standard input
        #[arg(long, allow_hyphen_values = true)]
        token: String,
        /// What to call this device
        #[arg(long)]
        name: Option<String>,
    },
    /// Wait for challenges and ask about each
    Watch,
    /// Approve a challenge
    Approve {
        /// Which one [default: the one that is pending]
        #[arg(long, allow_hyphen_values = true)]
        challenge: Option<String>,
        /// The number shown where the challenge began
        #[arg(long)]
        code: Option<String>,
    },
    /// Deny a challenge
    Deny {
        /// Which one [default: the one that is pending]
        #[arg(long, allow_hyphen_values = true)]
        challenge: Option<String>,
    },
    /// Show where the key is enrolled and what is pending
    Show,
    /// Remove the key from the server and delete its file
    Remove,
}

impl std::fmt::Debug for Command {
    /// Shows the command without its token and number.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Enroll { .. } => "Enroll",
            Self::Watch => "Watch",
            Self::Approve { .. } => "Approve",
            Self::Deny { .. } => "Deny",
            Self::Show => "Show",
            Self::Remove => "Remove",
        })
    }
}

/// A mobile SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DialectArg {
    /// Android
    Android,
    /// Apple's iOS
    Ios,
}

impl From<DialectArg> for Dialect {
    fn from(arg: DialectArg) -> Self {
        match arg {
            DialectArg::Android => Self::Android,
            DialectArg::Ios => Self::Ios,
        }
    }
}
