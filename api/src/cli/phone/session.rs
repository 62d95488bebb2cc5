//! The key, the server it belongs to, and the commands about them.

use std::io::{BufRead, Write};
use std::path::PathBuf;

use countersign_client::{ClientError, Device, Enrollment, Home, Http, KeyFile, SoftwareKey};
use countersign_core::signature::Algorithm;
use countersign_engine::ports::Clock as _;
use countersign_engine::system::SystemClock;

use super::CliError;
use super::args::PhoneArgs;
use super::terminal::{clean, show_challenge};

const DEFAULT_URL: &str = "http://127.0.0.1:8080/v1";
const DEFAULT_TENANT: &str = "demo";

/// What every command starts from.
pub(super) struct Session {
    path: PathBuf,
    key: Option<SoftwareKey>,
    home: Home,
}

impl Session {
    /// Reads the key file, if there is one. What the command line says goes before what the file
    /// says.
    pub(super) fn open(args: &PhoneArgs) -> Result<Self, CliError> {
        let path = args.key_file.clone();
        let file = KeyFile::load(&path);
        let file = file.map_err(|error| CliError::KeyFile { path: path.clone(), error })?;
        let (key, known) = file.map(|f| (f.key, f.home)).unzip();
        let known = known.flatten();
        let from = |flag: &Option<String>, known: Option<&String>, default: &str| {
            flag.as_ref().or(known).map_or_else(|| default.to_owned(), Clone::clone)
        };
        let dialect = args.dialect.map(Into::into).or_else(|| Some(known.as_ref()?.dialect));
        let home = Home {
            url: from(&args.url, known.as_ref().map(|h| &h.url), DEFAULT_URL),
            tenant: from(&args.tenant, known.as_ref().map(|h| &h.tenant), DEFAULT_TENANT),
            dialect: dialect.unwrap_or_default(),
        };
        Ok(Self { path, key, home })
    }

    /// The device with the key that there is.
    pub(super) fn enrolled(&self) -> Result<Device, CliError> {
        let key = self.key.clone().ok_or_else(|| CliError::NoKey(self.path.clone()))?;
        self.device(key)
    }

    pub(super) async fn enroll(
        &self,
        token: &str,
        name: Option<String>,
        out: &mut impl Write,
        input: &mut impl BufRead,
    ) -> Result<(), CliError> {
        let token = if token == "-" { read_token(input)? } else { token.to_owned() };
        let key = match &self.key {
            Some(key) => key.clone(),
            None => {
                let key = SoftwareKey::generate(Algorithm::Es256);
                // Before the server knows it: an enrolled key that is lost answers nothing.
                self.save(&KeyFile { key: key.clone(), home: None })?;
                key
            }
        };
        let device = self.device(key.clone())?;
        let credential = device.enroll(&token, &Enrollment { name, push_token: None }).await?;
        self.save(&KeyFile { key, home: Some(self.home.clone()) })?;
        let (user, id) = (clean(&credential.user_id), clean(&credential.user_authenticator_id));
        writeln!(
            out,
            "enrolled for user {user} as authenticator {id}; key in {}",
            self.shown_path()
        )?;
        Ok(())
    }

    pub(super) async fn show(&self, out: &mut impl Write) -> Result<(), CliError> {
        let device = self.enrolled()?;
        writeln!(out, "key         {:?} in {}", device.key(), self.shown_path())?;
        let Home { url, tenant, dialect } = &self.home;
        writeln!(out, "server      {url}, tenant {tenant}, speaking like {}", dialect.name())?;
        let credential = device.get_credential().await?;
        writeln!(out, "user        {}", clean(&credential.user_id))?;
        writeln!(out, "enrolled as {}", clean(&credential.user_authenticator_id))?;
        writeln!(out, "enrolled at {}", credential.verified_at)?;
        let pending = device.pending(true, None).await?;
        if pending.challenge_id.is_some() {
            show_challenge(&pending, SystemClock.now(), out)?;
        } else {
            writeln!(out, "nothing is pending")?;
        }
        Ok(())
    }

    /// Removes the key at the server, then here. A server that does not know the key has none to
    /// remove; if it cannot be asked, the key is kept so that it can be asked again.
    pub(super) async fn remove(&self, out: &mut impl Write) -> Result<(), CliError> {
        let device = self.enrolled()?;
        let removed = match device.remove(SystemClock.now()).await {
            Ok(removed) => removed.removed_authenticator_id,
            Err(ClientError::Refused { code, .. }) if code == "invalid_credential" => None,
            Err(error) => return Err(error.into()),
        };
        std::fs::remove_file(&self.path)?;
        match removed {
            Some(id) => writeln!(out, "removed authenticator {} and the key", clean(&id))?,
            None => writeln!(out, "the key was not enrolled; removed it here")?,
        }
        Ok(())
    }

    fn device(&self, key: SoftwareKey) -> Result<Device, CliError> {
        let Home { url, tenant, dialect } = &self.home;
        Ok(Device::new(Http::new()?, url, tenant, *dialect, key)?)
    }

    fn save(&self, file: &KeyFile) -> Result<(), CliError> {
        let saved = file.save(&self.path);
        saved.map_err(|error| CliError::KeyFile { path: self.path.clone(), error })
    }

    fn shown_path(&self) -> String {
        clean(&self.path.display().to_string())
    }
}

fn read_token(input: &mut impl BufRead) -> Result<String, CliError> {
    let mut token = String::new();
    input.read_line(&mut token)?;
    let token = token.trim();
    if token.is_empty() { Err(CliError::NoToken) } else { Ok(token.to_owned()) }
}
