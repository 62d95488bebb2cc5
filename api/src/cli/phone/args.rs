//! The command line of `countersign phone`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use countersign_client::Dialect;
use countersign_core::signature::{Algorithm, SignatureFormat};

/// A phone in the terminal: enrolls a key kept in a file, and answers challenges with it.
#[derive(Args, Debug)]
pub struct PhoneArgs {
    /// Base address of the server [default: the server of the enrolled key, or
    /// `http://127.0.0.1:8080/v1`]
    #[arg(long, global = true)]
    pub url: Option<String>,
    /// Id of the tenant [default: the tenant of the enrolled key, or demo]
    #[arg(long, global = true)]
    pub tenant: Option<String>,
    /// File of the key
    #[arg(long, global = true, default_value = "./countersign-phone.json")]
    pub key_file: PathBuf,
    /// Signing mode [default: that of the enrolled key, or challenge-id]
    #[arg(long, global = true, value_enum, conflicts_with = "dialect")]
    pub signing: Option<SigningArg>,
    /// Mobile SDK whose protocol to speak, for a key that signs challenge ids [default: that of
    /// the enrolled key, or android]
    #[arg(long, global = true, value_enum)]
    pub dialect: Option<DialectArg>,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Commands of the phone.
#[derive(Subcommand)]
pub enum Command {
    /// Enroll the key for the user of a link or a token; make a key if there is none
    Enroll {
        /// Enrollment link, which a website shows as a QR code; - reads it from the standard input
        #[arg(required_unless_present = "token", conflicts_with = "token")]
        link: Option<String>,
        /// Token of a tracked action; - reads it from the standard input
        #[arg(long, allow_hyphen_values = true)]
        token: Option<String>,
        /// Name of this device
        #[arg(long)]
        name: Option<String>,
        /// Algorithm of the new key [default: es256]
        #[arg(long, value_enum)]
        algorithm: Option<AlgorithmArg>,
        /// Format of an es256 key's signatures, for a key that signs statements [default: der]
        #[arg(long, value_enum)]
        signature_format: Option<FormatArg>,
    },
    /// Wait for challenges and ask you about each, until the input ends
    Watch,
    /// Approve a challenge
    Approve {
        /// Id of the challenge [default: the pending one]
        #[arg(long, allow_hyphen_values = true)]
        challenge: Option<String>,
        /// Number that the browser shows
        #[arg(long, alias = "code")]
        number: Option<String>,
    },
    /// Deny a challenge
    Deny {
        /// Id of the challenge [default: the pending one]
        #[arg(long, allow_hyphen_values = true)]
        challenge: Option<String>,
    },
    /// Deny a challenge and report that it was not you; needs statement-v1
    Report {
        /// Id of the challenge [default: the pending one]
        #[arg(long, allow_hyphen_values = true)]
        challenge: Option<String>,
    },
    /// Show the key's enrollment and the pending challenges
    Show,
    /// Send a new push token, or only show that the key is still in use
    Update {
        /// New token of the notification provider
        #[arg(long, allow_hyphen_values = true)]
        push_token: Option<String>,
    },
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
            Self::Report { .. } => "Report",
            Self::Show => "Show",
            Self::Update { .. } => "Update",
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

/// Signing mode of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SigningArg {
    /// Sign the challenge's id alone, as the official SDKs do
    ChallengeId,
    /// Sign the shown text, the decision and the number
    StatementV1,
}

/// An algorithm of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AlgorithmArg {
    /// Ed25519
    Ed25519,
    /// ECDSA over P-256 with SHA-256
    Es256,
}

impl From<AlgorithmArg> for Algorithm {
    fn from(arg: AlgorithmArg) -> Self {
        match arg {
            AlgorithmArg::Ed25519 => Self::Ed25519,
            AlgorithmArg::Es256 => Self::Es256,
        }
    }
}

/// A format of ECDSA signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// ASN.1 DER, as iOS and Android make them
    Der,
    /// Two numbers of 32 bytes, as browsers make them
    P1363,
}

impl From<FormatArg> for SignatureFormat {
    fn from(arg: FormatArg) -> Self {
        match arg {
            FormatArg::Der => Self::Der,
            FormatArg::P1363 => Self::P1363,
        }
    }
}
