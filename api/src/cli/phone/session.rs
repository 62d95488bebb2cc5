//! Session of a command: the key, its server, and the commands that use them.

use std::io::Write;
use std::path::PathBuf;

use countersign_client::{Dialect, Enrollment, Home, KeyFile, Manner, SoftwareKey};
use countersign_core::device::Signing;
use countersign_core::signature::{Algorithm, SignatureFormat};
use countersign_engine::ports::Clock as _;
use countersign_engine::system::SystemClock;

use super::CliError;
use super::args::PhoneArgs;
use super::device::Phone;
use super::invitation::Invitation;
use super::terminal::{clean, show_challenge, show_unreadable};

const DEFAULT_URL: &str = "http://127.0.0.1:8080/v1";
const DEFAULT_TENANT: &str = "demo";

/// State with which every command begins.
pub(super) struct Session {
    path: PathBuf,
    key: Option<SoftwareKey>,
    home: Home,
    /// Server, tenant and protocol of the key's enrollment, as the key file has them.
    known: Option<Home>,
    /// True if the command line or the key file names the tenant.
    tenant_is_named: bool,
}

/// Options of `enroll` for the key. Server and tenant are not included.
pub(super) struct NewKey {
    pub(super) name: Option<String>,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) format: Option<SignatureFormat>,
}

impl Session {
    /// Reads the key file, if there is one. A value of the command line has precedence over the
    /// file.
    pub(super) fn open(args: &PhoneArgs) -> Result<Self, CliError> {
        let path = args.key_file.clone();
        let file = KeyFile::load(&path);
        let file = file.map_err(|error| CliError::KeyFile { path: path.clone(), error })?;
        let (key, known) = file.map(|f| (f.key, f.home)).unzip();
        let known = known.flatten();
        let from = |flag: &Option<String>, known: Option<&String>, default: &str| {
            flag.as_ref().or(known).map_or_else(|| default.to_owned(), Clone::clone)
        };
        let algorithm = key.as_ref().map_or(Algorithm::Es256, SoftwareKey::algorithm);
        let tenant_is_named = args.tenant.is_some() || known.is_some();
        let home = Home {
            url: from(&args.url, known.as_ref().map(|h| &h.url), DEFAULT_URL),
            tenant: from(&args.tenant, known.as_ref().map(|h| &h.tenant), DEFAULT_TENANT),
            manner: manner(args, known.as_ref().map(|h| h.manner), algorithm),
        };
        Ok(Self { path, key, home, known, tenant_is_named })
    }

    /// Returns the phone with the key of the key file. It is an error if there is no key.
    pub(super) fn enrolled(&self) -> Result<Phone, CliError> {
        let key = self.key.clone().ok_or_else(|| CliError::NoKey(self.path.clone()))?;
        Ok(Phone::new(&self.home, key)?)
    }

    pub(super) async fn enroll(
        mut self,
        invitation: &Invitation,
        new: NewKey,
        out: &mut impl Write,
    ) -> Result<(), CliError> {
        let of = invitation.tenant(&self.home.url).await?;
        if let Some(of) = of.filter(|of| *of != self.home.tenant) {
            // The server reads the token alone, so it would bind the key at the token's tenant,
            // where this phone does not look for challenges. A link may choose the tenant if
            // neither the command line nor the key file names one.
            if self.tenant_is_named || invitation.url.is_none() {
                return Err(CliError::OtherTenant { of, wanted: self.home.tenant.clone() });
            }
            self.home.tenant = of;
        }
        let key = self.key_of(new.algorithm)?;
        let home = self.home_of(&key, new.format)?;
        let phone = Phone::new(&home, key.clone())?;
        let enrollment = Enrollment { name: new.name, push_token: None };
        let credential = phone.enroll(invitation.bearer(), &enrollment).await?;
        let signing = home.manner.signing().name();
        self.save(&KeyFile { key, home: Some(home) })?;
        let (user, id) = (clean(&credential.user_id), clean(&credential.user_authenticator_id));
        let path = self.shown_path();
        writeln!(
            out,
            "enrolled for user {user} as authenticator {id}; signs {signing}; key in {path}"
        )?;
        Ok(())
    }

    pub(super) async fn show(&self, out: &mut impl Write) -> Result<(), CliError> {
        let phone = self.enrolled()?;
        if let Some(key) = &self.key {
            writeln!(out, "key         {key:?} in {}", self.shown_path())?;
        }
        let Home { url, tenant, manner } = &self.home;
        let speaks = match manner {
            Manner::Official(dialect) => format!("speaking like {}", dialect.name()),
            Manner::Statement(format) => format!("signing statement-v1 ({})", format.name()),
        };
        writeln!(out, "server      {url}, tenant {tenant}, {speaks}")?;
        let credential = phone.get_credential().await?;
        writeln!(out, "user        {}", clean(&credential.user_id))?;
        writeln!(out, "enrolled as {}", clean(&credential.user_authenticator_id))?;
        writeln!(out, "enrolled at {}", credential.verified_at)?;
        let pending = phone.pending(true, None).await?;
        if pending.is_empty() {
            writeln!(out, "nothing is pending")?;
        }
        for waiting in pending {
            match &waiting.asked {
                Ok(asked) => show_challenge(asked, SystemClock.wall(), out)?,
                Err(error) => show_unreadable(&waiting.id, error, out)?,
            }
        }
        Ok(())
    }

    /// Sends the server a new push token, or only a proof that the key is still in use.
    pub(super) async fn update(
        &self,
        push_token: Option<&str>,
        out: &mut impl Write,
    ) -> Result<(), CliError> {
        let updated = self.enrolled()?.update(push_token).await?;
        let id = clean(&updated.user_authenticator_id);
        writeln!(out, "updated authenticator {id}, last verified at {}", updated.last_verified_at)?;
        Ok(())
    }

    /// Removes the key from the server, then deletes the key file. The file is deleted only after
    /// the server removed the key, or answered that it does not know the key. It is kept if that
    /// server is not the one at which the key was enrolled.
    pub(super) async fn remove(&self, out: &mut impl Write) -> Result<(), CliError> {
        let phone = self.enrolled()?;
        let at = SystemClock.wall();
        let told = match phone.remove(at).await {
            Ok(removed) => removed.removed_authenticator_id.map_or_else(
                || "removed the key from the server".to_owned(),
                |id| format!("removed authenticator {}", clean(&id)),
            ),
            Err(refused) if refused.code() == Some("invalid_credential") => {
                // The same error has other causes too: a wrong clock on this machine, an expired
                // nonce, or another signing mode.
                if self.is_known_to_server().await? {
                    let signed_at = matches!(phone, Phone::Official(_)).then_some(at);
                    return Err(CliError::StillEnrolled { refused, signed_at });
                }
                "the server does not know the key".to_owned()
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(known) = self.known.as_ref().filter(|known| !self.is_home(known)) {
            let Home { url, tenant, .. } = known;
            let kept = format!("kept the key, which was enrolled at {url}, tenant {tenant}");
            writeln!(out, "{told}; {}", clean(&kept))?;
            return Ok(());
        }
        std::fs::remove_file(&self.path)?;
        writeln!(out, "{told}; deleted the key")?;
        Ok(())
    }

    fn is_home(&self, known: &Home) -> bool {
        known.url == self.home.url && known.tenant == self.home.tenant
    }

    /// Asks the server whether it knows the key, by a request without a signature, so that neither
    /// the clock nor a nonce can cause a refusal. For a key that signs statements the server
    /// answers `invalid_token`, because such a key needs a session: the key is known then too.
    async fn is_known_to_server(&self) -> Result<bool, CliError> {
        let key = self.key.clone().ok_or_else(|| CliError::NoKey(self.path.clone()))?;
        let manner = Manner::Official(Dialect::default());
        let asking = Phone::new(&Home { manner, ..self.home.clone() }, key)?;
        match asking.pending(false, None).await {
            Ok(_) => Ok(true),
            Err(refused) if refused.code() == Some("invalid_token") => Ok(true),
            Err(refused) if refused.code() == Some("invalid_credential") => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the key of the key file, or generates and saves one.
    fn key_of(&self, wanted: Option<Algorithm>) -> Result<SoftwareKey, CliError> {
        if let Some(key) = &self.key {
            if wanted.is_some_and(|algorithm| algorithm != key.algorithm()) {
                return Err(CliError::OtherAlgorithm(self.path.clone()));
            }
            return Ok(key.clone());
        }
        let key = SoftwareKey::generate(wanted.unwrap_or(Algorithm::Es256));
        // We save the key before the server knows it, because an enrolled key that is lost cannot
        // answer.
        self.save(&KeyFile { key: key.clone(), home: None })?;
        Ok(key)
    }

    /// Returns the server, tenant and protocol of the new enrollment.
    fn home_of(
        &self,
        key: &SoftwareKey,
        format: Option<SignatureFormat>,
    ) -> Result<Home, CliError> {
        let manner = match (self.home.manner, format) {
            // This format was chosen before the key's algorithm was known, so it is chosen again.
            (Manner::Statement(_), None) if self.key.is_none() => {
                Manner::Statement(first_format(key.algorithm()))
            }
            (Manner::Statement(_), Some(format)) => Manner::Statement(format),
            (Manner::Official(_), Some(_)) => return Err(CliError::FormatUnsaid),
            (manner, None) => manner,
        };
        Ok(Home { manner, ..self.home.clone() })
    }

    fn save(&self, file: &KeyFile) -> Result<(), CliError> {
        let saved = file.save(&self.path);
        saved.map_err(|error| CliError::KeyFile { path: self.path.clone(), error })
    }

    fn shown_path(&self) -> String {
        clean(&self.path.display().to_string())
    }
}

/// Chooses the protocol: that of the command line, else that of the key file, else that of the
/// Android SDK.
fn manner(args: &PhoneArgs, known: Option<Manner>, algorithm: Algorithm) -> Manner {
    let official = |dialect: Option<Dialect>| match (dialect, known) {
        (Some(dialect), _) | (None, Some(Manner::Official(dialect))) => Manner::Official(dialect),
        (None, _) => Manner::Official(Dialect::default()),
    };
    match (args.signing, args.dialect, known) {
        (Some(Signing::StatementV1), ..) => match known {
            Some(Manner::Statement(format)) => Manner::Statement(format),
            _ => Manner::Statement(first_format(algorithm)),
        },
        (Some(Signing::ChallengeId), dialect, _) | (None, dialect @ Some(_), _) => {
            official(dialect)
        }
        (None, None, Some(known)) => known,
        (None, None, None) => official(None),
    }
}

const fn first_format(algorithm: Algorithm) -> SignatureFormat {
    match algorithm {
        Algorithm::Es256 => SignatureFormat::Der,
        Algorithm::Ed25519 => SignatureFormat::Raw,
    }
}
