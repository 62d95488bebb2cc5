//! Authentication of an operator's commands at a running server. At each start the server creates a
//! key and stores it in a file of its data folder that only its owner can read. Commands send the
//! key to the operators' listener.
//!
//! The key grants nothing more than that file's folder, because a user who can read the file can
//! read the store too. A client that only reaches the listener, such as a scraper of metrics, can
//! change nothing.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_wire::reason::Reason;
use sha2::{Digest as _, Sha256};

use crate::config::reachable;
use crate::problem::Problem;

/// File in the data folder that has the listener's URL, the key and the process id.
const FILE: &str = "operator";

/// Key of an operator's commands. It has no `Debug`, because it is secret.
#[derive(Clone)]
pub struct OperatorKey(String);

impl OperatorKey {
    /// Creates the key from 32 random bytes.
    pub fn from_entropy(bytes: &[u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Returns the key as it is sent.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Refuses a request that does not have the key, or that comes from another machine.
    ///
    /// # Errors
    /// 401, or 403 for another machine.
    pub fn check(&self, request: &HttpRequest) -> Result<(), Problem> {
        if !request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback()) {
            let text = "an operator's commands come from the server's machine";
            return Err(Problem::new(Reason::OperatorRemote, text));
        }
        let shown = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let shown = shown.and_then(|value| value.strip_prefix("Bearer "));
        // Digests are compared, because the time of their comparison does not reveal the key.
        let digest = |key: &str| Sha256::digest(key.as_bytes());
        match shown {
            Some(shown) if digest(shown) == digest(&self.0) => Ok(()),
            Some(_) | None => {
                let text = "the operator's key is missing or wrong";
                Err(Problem::new(Reason::OperatorKeyInvalid, text))
            }
        }
    }
}

/// Content of the operators' file: the URL for commands to a running server, and the key for them.
pub struct OperatorFile {
    /// URL of the operators' listener.
    pub url: String,
    /// The key.
    pub key: OperatorKey,
    /// Id of the server's process; `None` if the file has none.
    pub pid: Option<u32>,
}

/// Error text: the reason for which the file cannot be used, and a remedy.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OperatorFileError(String);

impl OperatorFile {
    /// Writes the file of a server whose operators' listener is bound to `bound`. It replaces an
    /// earlier file.
    ///
    /// # Errors
    /// [`io::Error`].
    pub fn write(
        data_dir: &Path,
        bound: SocketAddr,
        key: &OperatorKey,
        pid: u32,
    ) -> io::Result<()> {
        // The file has mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
        writeln!(file, "http://{}", reachable(bound))?;
        writeln!(file, "{}", key.expose())?;
        writeln!(file, "{pid}")?;
        file.persist(data_dir.join(FILE))?;
        Ok(())
    }

    /// Reads the file of the server that uses a data folder.
    ///
    /// # Errors
    /// [`OperatorFileError`].
    pub fn read(data_dir: &Path) -> Result<Self, OperatorFileError> {
        let path = data_dir.join(FILE);
        let shown = path.display();
        let failed = |error: io::Error| {
            if error.kind() != io::ErrorKind::NotFound {
                return OperatorFileError(format!("{shown}: {error}"));
            }
            OperatorFileError(format!(
                "no server has left {shown}: start it with operations.listen set, and give the \
                 same configuration to this command"
            ))
        };
        let text = std::fs::read_to_string(&path).map_err(failed)?;
        let mut lines = text.lines();
        match (lines.next(), lines.next()) {
            (Some(url), Some(key)) if url.starts_with("http://") => {
                let pid = lines.next().and_then(|pid| pid.parse().ok());
                Ok(Self { url: url.to_owned(), key: OperatorKey(key.to_owned()), pid })
            }
            _ => Err(OperatorFileError(format!(
                "{shown} is not an operator's file: restart the server, which writes it anew"
            ))),
        }
    }
}

/// Returns the process id of another server that wrote its file into a data folder and still runs.
pub fn neighbour(data_dir: &Path) -> Option<u32> {
    let pid = OperatorFile::read(data_dir).ok()?.pid?;
    let is_other = pid != std::process::id() && Path::new("/proc").join(pid.to_string()).exists();
    is_other.then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_server_of_a_folder_is_known_by_its_process() {
        let folder = tempfile::tempdir().unwrap();
        let bound = SocketAddr::from(([127, 0, 0, 1], 9464));
        let left_by = |pid| {
            OperatorFile::write(folder.path(), bound, &OperatorKey::from_entropy(&[1; 32]), pid)
                .unwrap();
            neighbour(folder.path())
        };
        assert_eq!(neighbour(folder.path()), None);
        let parent = std::os::unix::process::parent_id();
        assert_eq!(left_by(parent), Some(parent));
        assert_eq!(left_by(std::process::id()), None, "it is this one");
        assert_eq!(left_by(u32::MAX), None, "it has ended");
        assert_eq!(OperatorFile::read(folder.path()).unwrap().url, "http://127.0.0.1:9464");
    }
}
