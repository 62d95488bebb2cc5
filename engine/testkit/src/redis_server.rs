//! A Redis of one test: the real `redis-server`, on a free port, in a folder of its own.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Number of looks at a start, which may be slow on a busy machine, and the pause between them.
const START_TRIES: u32 = 1_000;
const START_PAUSE: Duration = Duration::from_millis(20);
/// Time limit of a command.
const ANSWER: Duration = Duration::from_secs(20);

/// A running Redis. It is killed when this is dropped.
pub struct Redis {
    child: Child,
    address: SocketAddr,
    settings: Vec<String>,
    folder: tempfile::TempDir,
}

impl Redis {
    /// Starts one that keeps nothing on the disk.
    pub fn volatile() -> Self {
        Self::with(&["--appendonly", "no", "--save", ""])
    }

    /// Starts a Redis that answers after the sync.
    pub fn durable() -> Self {
        Self::with(&["--appendonly", "yes", "--appendfsync", "always", "--save", ""])
    }

    /// Starts one that speaks TLS too. The answer is the URL for it; its certificate is good for
    /// those who trust [`authority`].
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

    /// Starts one with these settings.
    pub fn with(settings: &[&str]) -> Self {
        let settings: Vec<_> = settings.iter().map(|text| (*text).to_owned()).collect();
        // Another program may take the port before Redis does: then another port.
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

    /// Gives its URL.
    pub fn url(&self) -> String {
        url(self.address)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: nothing of it runs after this.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same port and folder.
    pub fn restart(&mut self) {
        self.child = spawn(self.address, &self.folder, &self.settings);
        assert!(self.answers(), "redis-server did not start again");
    }

    /// Sends it a signal, such as STOP and CONT.
    pub fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        let sent = kill.arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// Has it do a command. The answer is the beginning of its reply, as it was sent.
    pub fn command(&self, parts: &[&str]) -> String {
        self.try_command(parts).unwrap()
    }

    fn try_command(&self, parts: &[&str]) -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.address, ANSWER)?;
        stream.set_read_timeout(Some(ANSWER))?;
        let mut sent = format!("*{}\r\n", parts.len());
        for part in parts {
            sent.push_str(&format!("${}\r\n{part}\r\n", part.len()));
        }
        stream.write_all(sent.as_bytes())?;
        let mut reply = vec![0; 65_536];
        let length = stream.read(&mut reply)?;
        Ok(String::from_utf8_lossy(&reply[..length]).into_owned())
    }

    /// Tells whether it answers before it ends or the time is up.
    fn answers(&mut self) -> bool {
        for _ in 0..START_TRIES {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            // It answers strangers too, where its users have passwords.
            let reply = self.try_command(&["PING"]).unwrap_or_default();
            if reply == "+PONG\r\n" || reply.starts_with("-NOAUTH") {
                return true;
            }
            std::thread::sleep(START_PAUSE);
        }
        panic!("redis-server did not answer in time")
    }
}

/// Gives the authority that has signed the certificate of a Redis that speaks TLS.
#[must_use]
pub fn authority() -> PathBuf {
    tls("ca.pem")
}

/// Gives a file of the certificate for `localhost` and its authority.
#[must_use]
pub fn tls(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tls").join(name)
}

/// Gives the URL by which a store reaches a Redis, or a proxy before one, at that address.
pub fn url(address: SocketAddr) -> String {
    format!("redis://{address}")
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
        // It may have been killed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
