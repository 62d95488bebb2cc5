//! File that stores a key and the server where the key is enrolled. Only the file's owner may read
//! it.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use countersign_core::device::Signing;
use countersign_core::signature::{Algorithm, SignatureFormat};
use serde::{Deserialize, Serialize};

use crate::dialect::{Dialect, Manner};
use crate::key::SoftwareKey;

/// Largest key file, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 10;
/// Version of the file format. Version 1 supported the official dialects only.
const VERSION: u32 = 2;

/// Reason why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// A file operation failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Other users may read or write the file.
    #[error(
        "others may read the file (mode {mode:03o}): set its mode to 600, and remove the key \
             where it is enrolled if others could have read it"
    )]
    Exposed {
        /// The file's permission bits.
        mode: u32,
    },
    /// The content is not that of a key file.
    #[error("not a key file of version 1 to {VERSION}")]
    Malformed,
}

/// Enrollment of a key: the server, the tenant and the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Base address of the server.
    pub url: String,
    /// Id of the tenant.
    pub tenant: String,
    /// Protocol of the device, which includes its signing mode.
    pub manner: Manner,
}

/// A key, with its enrollment.
#[derive(Clone, Debug)]
pub struct KeyFile {
    /// The private key with its public key.
    pub key: SoftwareKey,
    /// The key's enrollment. None if the key is not enrolled.
    pub home: Option<Home>,
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    algorithm: String,
    pkcs8: String,
    home: Option<HomeContent>,
}

/// The enrollment in a key file. Version 1 has a dialect and none of the later fields.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HomeContent {
    url: String,
    tenant: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dialect: Option<Dialect>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signing: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature_format: Option<String>,
}

impl From<&Home> for HomeContent {
    fn from(home: &Home) -> Self {
        let (dialect, format) = match home.manner {
            Manner::Official(dialect) => (Some(dialect), None),
            Manner::Statement(format) => (None, Some(format)),
        };
        Self {
            url: home.url.clone(),
            tenant: home.tenant.clone(),
            dialect,
            signing: Some(home.manner.signing().name().to_owned()),
            signature_format: format.map(|f| f.name().to_owned()),
        }
    }
}

impl HomeContent {
    fn into_home(self, algorithm: Algorithm) -> Option<Home> {
        let signing = self.signing.as_deref().map_or(Some(Signing::default()), Signing::from_name);
        let format = self.signature_format.as_deref();
        let manner = match (signing?, self.dialect, format) {
            (Signing::ChallengeId, Some(dialect), None) => Manner::Official(dialect),
            (Signing::StatementV1, None, Some(name)) => {
                let format = SignatureFormat::from_name(name)?;
                algorithm.formats().contains(&format).then_some(Manner::Statement(format))?
            }
            _ => return None,
        };
        Some(Home { url: self.url, tenant: self.tenant, manner })
    }
}

impl KeyFile {
    /// Reads a key file. Returns `None` if the file does not exist.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn load(path: &Path) -> Result<Option<Self>, KeyFileError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        refuse_exposed(&file)?;
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        let content: Content =
            serde_json::from_slice(&bytes).map_err(|_| KeyFileError::Malformed)?;
        let algorithm = Algorithm::from_name(&content.algorithm).ok_or(KeyFileError::Malformed)?;
        let key = SoftwareKey::from_pkcs8(algorithm, &content.pkcs8).ok();
        let key = key.filter(|_| (1..=VERSION).contains(&content.version));
        let home = content.home.map(|h| h.into_home(algorithm).ok_or(KeyFileError::Malformed));
        Ok(Some(Self { key: key.ok_or(KeyFileError::Malformed)?, home: home.transpose()? }))
    }

    /// Writes the key file atomically: a crash leaves the old file or the new one.
    ///
    /// # Errors
    /// [`KeyFileError::Io`].
    pub fn save(&self, path: &Path) -> Result<(), KeyFileError> {
        let content = Content {
            version: VERSION,
            algorithm: self.key.algorithm().name().to_owned(),
            pkcs8: self.key.to_pkcs8().into_string(),
            home: self.home.as_ref().map(HomeContent::from),
        };
        let folder = path.parent().filter(|f| !f.as_os_str().is_empty());
        // The temporary file is created with mode 0600, so that other users can never read it, not
        // even before it is renamed.
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        let text = serde_json::to_vec_pretty(&content).map_err(io::Error::from)?;
        file.write_all(&text)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    }
}

/// Checks the permissions of the open file. The path is not checked, because it could name another
/// file a moment later.
fn refuse_exposed(file: &File) -> Result<(), KeyFileError> {
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyFileError::Exposed { mode }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(manner: Manner) -> Home {
        let (url, tenant) = ("http://127.0.0.1:8080/v1".to_owned(), "demo".to_owned());
        Home { url, tenant, manner }
    }

    #[test]
    fn a_key_comes_back_with_its_home() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("phone.json");
        assert!(KeyFile::load(&path).unwrap().is_none());
        let key = SoftwareKey::generate(Algorithm::Es256);
        KeyFile { key: key.clone(), home: None }.save(&path).unwrap();
        for manner in [
            Manner::Official(Dialect::Ios),
            Manner::Statement(SignatureFormat::Der),
            Manner::Statement(SignatureFormat::P1363),
        ] {
            let home = Some(home(manner));
            KeyFile { key: key.clone(), home: home.clone() }.save(&path).unwrap();
            let read = KeyFile::load(&path).unwrap().unwrap();
            assert_eq!((read.key.spki(), read.home), (key.spki(), home));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("phone.json");
        let key = SoftwareKey::generate(Algorithm::Ed25519);
        KeyFile { key, home: None }.save(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for mode in [0o604, 0o640, 0o620] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(KeyFile::load(&path), Err(KeyFileError::Exposed { .. })), "{mode:o}");
        }
    }

    #[test]
    fn a_file_of_version_1_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("phone.json");
        let key = SoftwareKey::generate(Algorithm::Es256);
        let text = format!(
            r#"{{"version": 1, "algorithm": "es256", "pkcs8": "{}",
                "home": {{"url": "http://h/v1", "tenant": "demo", "dialect": "android"}}}}"#,
            key.to_pkcs8().reveal()
        );
        KeyFile { key: key.clone(), home: None }.save(&path).unwrap();
        std::fs::write(&path, text).unwrap();
        let read = KeyFile::load(&path).unwrap().unwrap();
        assert_eq!(read.key.spki(), key.spki());
        assert_eq!(read.home.unwrap().manner, Manner::Official(Dialect::Android));
    }

    #[test]
    fn another_content_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("phone.json");
        let key = SoftwareKey::generate(Algorithm::Es256);
        let home = Some(home(Manner::Statement(SignatureFormat::P1363)));
        KeyFile { key, home }.save(&path).unwrap();
        let good = std::fs::read_to_string(&path).unwrap();
        for bad in [
            "{}".to_owned(),
            good.replace("\"version\": 2", "\"version\": 3"),
            good.replace("p1363", "raw"),
            good.replace("statement-v1", "statement-v2"),
            good.replace("statement-v1", "challenge-id"),
            good.replace("es256", "ed25519"),
            good.replace("es256", "rsa"),
            good[..good.len() / 2].to_owned(),
        ] {
            assert_ne!(bad, good);
            std::fs::write(&path, &bad).unwrap();
            assert!(matches!(KeyFile::load(&path), Err(KeyFileError::Malformed)));
        }
    }
}
