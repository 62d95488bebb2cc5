//! Access of an operator's commands to a running server: by the operators' listener, with a key
//! that the server makes at each start and keeps in a file of its data folder, for its owner alone.
//!
//! A user who can read that file can read the store too, so that the key gives away nothing more;
//! and a client that only reaches the listener, such as a scraper of metrics, can change nothing.

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

/// The file in the data folder: where the listener is, and the key.
const FILE: &str = "operator";

/// Credentials of an operator's commands. They have no `Debug`.
#[derive(Clone)]
pub struct OperatorKey(String);

impl OperatorKey {
    /// The key of 32 random bytes.
    pub fn from_entropy(bytes: &[u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The key as it is sent.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Refuses a request that does not show the key, or does not come from this machine.
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
        // The time of a comparison of digests tells nothing about the keys.
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

/// Content of that file: the address for commands to a running server, and their key.
pub struct OperatorFile {
    /// The operators' listener.
    pub url: String,
    /// The key.
    pub key: OperatorKey,
    /// The server's process.
    pub pid: Option<u32>,
}

/// Why the file of a running server cannot be read, and what to do, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OperatorFileError(String);

impl OperatorFile {
    /// Leaves the file of the server of a process, which listens for operators on `bound`, in the
    /// place of one that was there.
    ///
    /// # Errors
    /// [`io::Error`].
    pub fn write(
        data_dir: &Path,
        bound: SocketAddr,
        key: &OperatorKey,
        pid: u32,
    ) -> io::Result<()> {
        // Made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
        writeln!(file, "http://{}", reachable(bound))?;
        writeln!(file, "{}", key.expose())?;
        writeln!(file, "{pid}")?;
        file.persist(data_dir.join(FILE))?;
        Ok(())
    }

    /// Finds the running server of a data folder.
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

/// The process of another server that has left its file in a data folder and is there still.
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
