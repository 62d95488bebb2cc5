//! A Redis for one test: a real `redis-server` process with its own port and folder.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Largest number of attempts to reach a new Redis, which may start slowly on a busy machine, and
/// the pause between two attempts.
const START_TRIES: u32 = 1_000;
const START_PAUSE: Duration = Duration::from_millis(20);
/// Time limit for connecting and for each reply.
const ANSWER: Duration = Duration::from_secs(20);

/// A running Redis. It is killed when this value is dropped.
pub struct Redis {
    child: Child,
    address: SocketAddr,
    settings: Vec<String>,
    folder: tempfile::TempDir,
}

impl Redis {
    /// Starts a Redis that stores nothing on the disk.
    pub fn volatile() -> Self {
        Self::with(&["--appendonly", "no", "--save", ""])
    }

    /// Starts a Redis that acknowledges a write after it is synced to the disk.
    pub fn durable() -> Self {
        Self::with(&["--appendonly", "yes", "--appendfsync", "always", "--save", ""])
    }

    /// Starts a Redis that also accepts TLS. Returns its `rediss` URL as well; clients must trust
    /// [`authority`].
    pub fn encrypted() -> (Self, String) {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let file = |name: &str| tls(name).to_str().unwrap().to_owned();
        let (certificate, key, authority) =
            (file("localhost.pem"), file("localhost.key"), file("ca.pem"));
        let settings = format!("--save '' --tls-auth-clients no --tls-port {port}");
        let mut settings: Vec<_> = settings.split(' ').map(|s| s.trim_matches('\'')).collect();
        settings.extend(["--tls-cert-file", &certificate, "--tls-key-file", &key]);
        settings.extend(["--tls-ca-cert-file", &authority]);
        (Self::with(&settings), format!("rediss://localhost:{port}"))
    }

    /// Starts a Redis with these settings.
    pub fn with(settings: &[&str]) -> Self {
        let settings: Vec<_> = settings.iter().map(|text| (*text).to_owned()).collect();
        // Tries another port if another program takes the port before Redis does.
        for _ in 0..10 {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let folder = tempfile::tempdir().unwrap();
            let child = spawn(address, &folder, &settings);
            let mut redis = Self { child, address, settings: settings.clone(), folder };
            if redis.answers() {
                return redis;
            }
        }
        panic!("redis-server found no free port")
    }

    /// Returns the URL of this Redis.
    pub fn url(&self) -> String {
        url(self.address)
    }

    /// Returns the address of this Redis.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills the process with SIGKILL, and waits for its end.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts Redis again with the same port and folder.
    pub fn restart(&mut self) {
        self.child = spawn(self.address, &self.folder, &self.settings);
        assert!(self.answers(), "redis-server did not start again");
    }

    /// Sends a signal to the process, such as STOP or CONT.
    pub fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        let sent = kill.arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// Runs a command. Returns the beginning of the reply in the protocol's encoding.
    pub fn command(&self, parts: &[&str]) -> String {
        self.try_command(parts).unwrap()
    }

    /// Runs a command, whose parts may be any bytes, as [`Self::command`] does.
    pub fn command_of(&self, parts: &[&[u8]]) -> Vec<u8> {
        self.send(parts).unwrap()
    }

    /// Returns the names of the keys that match a pattern.
    pub fn keys(&self, pattern: &str) -> Vec<Vec<u8>> {
        self.list(&[b"KEYS", pattern.as_bytes()])
    }

    /// Runs a command that returns a list of texts. Returns the whole list.
    pub fn list(&self, parts: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut reply = BufReader::new(self.sent(parts).unwrap());
        let mut number = |kind: u8| {
            let mut line = String::new();
            reply.read_line(&mut line).unwrap();
            let digits = line.trim().strip_prefix(char::from(kind)).expect("another kind of reply");
            let number = digits.parse::<usize>().unwrap();
            let mut bytes = vec![0; if kind == b'$' { number + 2 } else { 0 }];
            reply.read_exact(&mut bytes).unwrap();
            bytes.truncate(number);
            (number, bytes)
        };
        let (count, _) = number(b'*');
        (0..count).map(|_| number(b'$').1).collect()
    }

    /// Copies the folder of a Redis with a log, to which nothing is written meanwhile.
    pub fn backup(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(self.folder.path(), copy.path());
        copy
    }

    /// Replaces the folder of a killed Redis by a copy.
    pub fn restore(&mut self, backup: &tempfile::TempDir) {
        self.folder = tempfile::tempdir().unwrap();
        copy_folder(backup.path(), self.folder.path());
    }

    fn try_command(&self, parts: &[&str]) -> std::io::Result<String> {
        let parts: Vec<_> = parts.iter().map(|part| part.as_bytes()).collect();
        Ok(String::from_utf8_lossy(&self.send(&parts)?).into_owned())
    }

    fn send(&self, parts: &[&[u8]]) -> std::io::Result<Vec<u8>> {
        let mut reply = vec![0; 65_536];
        let length = self.sent(parts)?.read(&mut reply)?;
        reply.truncate(length);
        Ok(reply)
    }

    fn sent(&self, parts: &[&[u8]]) -> std::io::Result<TcpStream> {
        let mut stream = TcpStream::connect_timeout(&self.address, ANSWER)?;
        stream.set_read_timeout(Some(ANSWER))?;
        let mut sent = format!("*{}\r\n", parts.len()).into_bytes();
        for part in parts {
            sent.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
            sent.extend_from_slice(part);
            sent.extend_from_slice(b"\r\n");
        }
        stream.write_all(&sent)?;
        Ok(stream)
    }

    /// Waits until Redis answers. Returns false if the process ends or the time is up.
    fn answers(&mut self) -> bool {
        for _ in 0..START_TRIES {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            // A Redis that requires a password answers with NOAUTH, which also shows that it runs.
            let reply = self.try_command(&["PING"]).unwrap_or_default();
            if reply == "+PONG\r\n" || reply.starts_with("-NOAUTH") {
                return true;
            }
            std::thread::sleep(START_PAUSE);
        }
        panic!("redis-server did not answer in time")
    }
}

/// Returns the certificate of the authority that signed the certificate of a TLS Redis.
#[must_use]
pub fn authority() -> PathBuf {
    tls("ca.pem")
}

/// Returns the path of a file in `tls`: the certificate for `localhost`, its key, or the authority.
#[must_use]
pub fn tls(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tls").join(name)
}

/// Returns the URL of a Redis, or of a proxy before one, at this address.
pub fn url(address: SocketAddr) -> String {
    format!("redis://{address}")
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn spawn(address: SocketAddr, folder: &tempfile::TempDir, settings: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
        .args(["--daemonize", "no", "--dir"])
        .arg(folder.path())
        .args(settings)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server runs: install it with `make tools`, or apt-get install redis-server")
}

impl Drop for Redis {
    fn drop(&mut self) {
        // The process may have been killed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
