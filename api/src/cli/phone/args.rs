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
    #[arg(long, global = true, value_parser = one_of(SIGNINGS), conflicts_with = "dialect")]
    pub signing: Option<Signing>,
    /// Mobile SDK whose protocol to speak, for a key that signs challenge ids [default: that of
    /// the enrolled key, or android]
    #[arg(long, global = true, value_parser = one_of(DIALECTS))]
    pub dialect: Option<Dialect>,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Commands of the phone. They have no `Debug`, because some have a token.
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
        #[arg(long, value_parser = one_of(ALGORITHMS))]
        algorithm: Option<Algorithm>,
        /// Format of an es256 key's signatures, for a key that signs statements [default: der]
        #[arg(long, value_parser = one_of(FORMATS))]
        signature_format: Option<SignatureFormat>,
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

/// Parses one of the names in a list into its value. Each name has a help text.
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
    (
        "challenge-id",
        Signing::ChallengeId,
        "Sign the challenge's id alone, as the official SDKs do",
    ),
    ("statement-v1", Signing::StatementV1, "Sign the shown text, the decision and the number"),
];

const ALGORITHMS: &[(&str, Algorithm, &str)] = &[
    ("ed25519", Algorithm::Ed25519, "Ed25519"),
    ("es256", Algorithm::Es256, "ECDSA over P-256 with SHA-256"),
];

const FORMATS: &[(&str, SignatureFormat, &str)] = &[
    ("der", SignatureFormat::Der, "ASN.1 DER, as iOS and Android make them"),
    ("p1363", SignatureFormat::P1363, "Two numbers of 32 bytes, as browsers make them"),
];
