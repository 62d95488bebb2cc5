//! Demo tenant: `demo`, with a random secret. A server without configured tenants serves it, and
//! one that is started with `--demo`.
//!
//! The secret stays in one file of the data folder, so that it is the same after a restart. This
//! module prints nothing.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::id::TenantId;
use countersign_core::number_match::Digits;
use countersign_core::policy::{Limits, Unenrolled};
use countersign_engine::system::is_ours;

use super::{AllowedOrigins, Brand, Push, Secret, Tenant};

/// Id of the demo tenant.
pub const TENANT_ID: &str = "demo";
/// Name of the file in the data folder that has the demo tenant's secret.
pub const SECRET_FILE: &str = "demo-secret";
/// Members of a payment's custom data that phones show, in alphabetical order.
const CUSTOM_PUBLIC: &[&str] = &["account", "amount", "currency", "item", "payee"];
/// Random bytes of the demo tenant's secret.
const SECRET_BYTES: usize = 24;

/// The demo tenant, ready to be served.
#[derive(Debug)]
pub struct Demo {
    /// Tenant with one secret, number matching with two digits, and defaults for most other
    /// settings.
    pub tenant: Tenant,
    /// File of the secret.
    pub secret_file: PathBuf,
}

/// Error text: the reason for which the folder or the secret cannot be used, and a remedy.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DemoError(String);

/// Reads the demo tenant's secret from `data_dir`. If there is none, creates one with random bytes
/// from `fill`.
///
/// # Errors
/// [`DemoError`] if the folder or the file cannot be used, or is open to others.
pub fn prepare(data_dir: &Path, fill: impl FnOnce(&mut [u8])) -> Result<Demo, DemoError> {
    prepare_folder(data_dir)?;
    let secret_file = data_dir.join(SECRET_FILE);
    let secret = match read(&secret_file)? {
        Some(secret) => secret,
        None => {
            let mut bytes = [0; SECRET_BYTES];
            fill(&mut bytes);
            keep(data_dir, &secret_file, &URL_SAFE_NO_PAD.encode(bytes))?;
            // The secret is read back, because two servers may start at once: then both use the
            // file that was stored first.
            let missing = || io::Error::from(io::ErrorKind::NotFound);
            read(&secret_file)?.ok_or_else(|| failed(&secret_file, &missing()))?
        }
    };
    let id = TenantId::parse(TENANT_ID).expect("four letters are a tenant id");
    let tenant = Tenant {
        secret_keys: vec![secret],
        brand: Brand { name: "Demo Shop & Bank".to_owned(), ..Brand::plain(&id) },
        id,
        allowed_origins: AllowedOrigins::Any,
        push: Push {
            webhook_url: None,
            webhook_allow_hosts: [].into(),
            custom_public: CUSTOM_PUBLIC.iter().map(|name| (*name).to_owned()).collect(),
            unenrolled: Unenrolled::Allow,
            limits: Limits { number_match: Some(Digits::Two), ..Limits::default() },
        },
    };
    Ok(Demo { tenant, secret_file })
}

/// Creates the data folder with mode 0700, or accepts an existing folder that belongs to our user
/// and that nobody else can write to. Every server calls it, with or without the demo tenant.
///
/// # Errors
/// [`DemoError`] if the folder cannot be used, belongs to another user, or is open to others.
pub fn prepare_folder(path: &Path) -> Result<(), DemoError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| failed(path, &e))?;
    let folder = fs::metadata(path).map_err(|e| failed(path, &e))?;
    check_owner(path, &folder)?;
    if folder.permissions().mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(DemoError(format!("others may write to {}: chmod 700 it", path.display())))
}

fn failed(path: &Path, source: &io::Error) -> DemoError {
    DemoError(format!("cannot use {}: {source}", path.display()))
}

/// Refuses a folder or a file of another user, because that user could let others write to it.
fn check_owner(path: &Path, metadata: &fs::Metadata) -> Result<(), DemoError> {
    if is_ours(metadata) {
        return Ok(());
    }
    let advice = "belongs to another user: chown it to the one that runs the server";
    Err(DemoError(format!("{} {advice}", path.display())))
}

fn read(path: &Path) -> Result<Option<Secret>, DemoError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(path, &e)),
    };
    let metadata = file.metadata().map_err(|e| failed(path, &e))?;
    check_owner(path, &metadata)?;
    let shown = path.display();
    if metadata.permissions().mode() & 0o077 != 0 {
        let advice = "delete it for a new secret, or chmod 600 it";
        return Err(DemoError(format!("others may read {shown}: {advice}")));
    }
    let mut text = String::new();
    let longest = Secret::CHARACTERS_MAX as u64 + 2;
    file.take(longest).read_to_string(&mut text).map_err(|e| failed(path, &e))?;
    let secret = Secret::parse(text.trim_end());
    secret.map(Some).map_err(|problem| {
        let advice = "delete the file for a new secret";
        DemoError(format!("the secret in {shown} {problem}: {advice}"))
    })
}

/// Stores the secret: writes a temporary file with mode 0600 beside it, then renames that file. If
/// the secret's file exists already, it stays.
fn keep(folder: &Path, path: &Path, secret: &str) -> Result<(), DemoError> {
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        writeln!(file, "{secret}")?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Err(e) if e.error.kind() != io::ErrorKind::AlreadyExists => Err(e.error),
            Ok(_) | Err(_) => File::open(folder)?.sync_all(),
        }
    };
    write().map_err(|e: io::Error| failed(path, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_secret_is_kept_and_found_again_by_the_next_start() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/countersign-data");
        let first = prepare(&folder, |bytes| bytes.fill(7)).unwrap();
        let second = prepare(&folder, |_| panic!("no randomness is needed twice")).unwrap();
        let [first_secret] = first.tenant.secret_keys.as_slice() else { panic!("one secret") };
        assert_eq!(first_secret.expose(), URL_SAFE_NO_PAD.encode([7; 24]));
        assert_eq!(first_secret.expose(), second.tenant.secret_keys[0].expose());
        assert_eq!(first.tenant.id.as_str(), "demo");
        assert_eq!((mode(&folder), mode(&first.secret_file)), (0o700, 0o600));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside the secret");
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let demo = prepare(root.path(), |bytes| bytes.fill(7)).unwrap();
        for open in [0o640, 0o604, 0o660] {
            set_mode(&demo.secret_file, open);
            let refusal = prepare(root.path(), |_| {}).unwrap_err();
            assert!(refusal.to_string().starts_with("others may read "), "{open:o}: {refusal}");
        }
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_refused() {
        let root = tempfile::tempdir().unwrap();
        for (open, accepted) in [(0o755, true), (0o770, false), (0o702, false)] {
            let folder = root.path().join(format!("{open:o}"));
            fs::create_dir(&folder).unwrap();
            set_mode(&folder, open);
            match prepare(&folder, |_| {}) {
                Ok(_) => assert!(accepted, "{open:o}"),
                Err(error) => {
                    assert!(!accepted, "{open:o}: {error}");
                    assert!(error.to_string().starts_with("others may write to "), "{error}");
                }
            }
        }
    }

    #[test]
    fn a_file_without_a_secret_is_refused_and_not_replaced() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(SECRET_FILE);
        for bad in ["", "short", &"x".repeat(300), "two words of secret"] {
            fs::write(&path, bad).unwrap();
            set_mode(&path, 0o600);
            let refusal = prepare(root.path(), |_| {}).unwrap_err();
            assert!(refusal.to_string().starts_with("the secret in "), "{refusal}");
            assert!(bad.is_empty() || !refusal.to_string().contains(bad));
            assert_eq!(fs::read_to_string(&path).unwrap(), bad);
        }
    }

    #[test]
    fn of_two_servers_that_start_together_the_first_secret_stays() {
        let root = tempfile::tempdir().unwrap();
        let late = prepare(root.path(), |bytes| {
            prepare(root.path(), |first| first.fill(1)).unwrap();
            bytes.fill(2);
        });
        assert_eq!(late.unwrap().tenant.secret_keys[0].expose(), URL_SAFE_NO_PAD.encode([1; 24]));
    }
}
