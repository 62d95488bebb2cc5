//! The command line of `countersign phone`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use countersign_client::Dialect;
use countersign_core::device::Signing;
use countersign_core::signature::{Algorithm, SignatureFormat};

/// A phone in the terminal: enrolls a key kept in a file, and answers challenges with it.
#[derive(Args)]
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
    /// The signing mode [default: as when the key was enrolled, or challenge-id]
    #[arg(long, global = true, value_parser = one_of(SIGNINGS), conflicts_with = "dialect")]
    pub signing: Option<Signing>,
    /// The mobile SDK to speak like, where challenge ids are signed [default: as when the key was
    /// enrolled, or android]
    #[arg(long, global = true, value_parser = one_of(DIALECTS))]
    pub dialect: Option<Dialect>,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Commands of the phone. They have no `Debug`, because some have a token.
#[derive(Subcommand)]
pub enum Command {
    /// Bind the key to the user of a link or a token, making a key if there is none
    Enroll {
        /// The link that a website shows as a code; - reads it from the standard input
        #[arg(required_unless_present = "token", conflicts_with = "token")]
        link: Option<String>,
        /// The token of a tracked action; - reads it from the standard input
        #[arg(long, allow_hyphen_values = true)]
        token: Option<String>,
        /// The name of this device
        #[arg(long)]
        name: Option<String>,
        /// Of the key that is made [default: es256]
        #[arg(long, value_parser = one_of(ALGORITHMS))]
        algorithm: Option<Algorithm>,
        /// Of an es256 key's signatures, where statements are signed [default: der]
        #[arg(long, value_parser = one_of(FORMATS))]
        signature_format: Option<SignatureFormat>,
    },
    /// Wait for challenges and ask about each, until the input ends
    Watch,
    /// Approve a challenge
    Approve {
        /// The challenge [default: the one that is pending]
        #[arg(long, allow_hyphen_values = true)]
        challenge: Option<String>,
        /// The number shown where the challenge began
        #[arg(long, alias = "code")]
        number: Option<String>,
    },
    /// Deny a challenge
    Deny {
        /// The challenge [default: the one that is pending]
        #[arg(long, allow_hyphen_values = true)]
        challenge: Option<String>,
    },
    /// Deny a challenge and say that it was not you: needs statement-v1
    Report {
        /// The challenge [default: the one that is pending]
        #[arg(long, allow_hyphen_values = true)]
        challenge: Option<String>,
    },
    /// Show the key's enrollment and the pending challenges
    Show,
    /// Tell the server the notification provider's new token, or just that the key is still here
    Update {
        /// The token
        #[arg(long, allow_hyphen_values = true)]
        push_token: Option<String>,
    },
    /// Remove the key from the server and delete its file
    Remove,
}

/// A value that a name of a list stands for, each with its help.
fn one_of<T: Copy + Send + Sync + 'static>(
    names: &'static [(&'static str, T, &'static str)],
) -> impl TypedValueParser<Value = T> {
    let shown = names.iter().map(|(name, _, help)| PossibleValue::new(name).help(*help));
    PossibleValuesParser::new(shown).map(|given| {
        let found = names.iter().find(|(name, ..)| *name == given);
        found.map(|(_, value, _)| *value).expect("the parser takes these names alone")
    })
}

const DIALECTS: &[(&str, Dialect, &str)] =
    &[("android", Dialect::Android, "Android"), ("ios", Dialect::Ios, "Apple's iOS")];

const SIGNINGS: &[(&str, Signing, &str)] = &[
    ("challenge-id", Signing::ChallengeId, "The challenge's name alone, as the official SDKs do"),
    ("statement-v1", Signing::StatementV1, "The shown text, the choice, and the number"),
];

const ALGORITHMS: &[(&str, Algorithm, &str)] = &[
    ("ed25519", Algorithm::Ed25519, "Ed25519"),
    ("es256", Algorithm::Es256, "ECDSA over P-256 with SHA-256"),
];

const FORMATS: &[(&str, SignatureFormat, &str)] = &[
    ("der", SignatureFormat::Der, "ASN.1 DER, as iOS and Android make them"),
    ("p1363", SignatureFormat::P1363, "Two numbers of 32 bytes, as browsers make them"),
];
