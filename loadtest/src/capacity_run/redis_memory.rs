//! Memory of a Redis. The harness sends few commands only, so it needs no driver.

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use url::Url;

use crate::LoadError;

/// A Redis to query.
pub(super) struct Redis(Url);

impl Redis {
    /// Creates the Redis of a store; `None` if the store is another one, or a Redis behind TLS.
    pub(super) fn of(store: &str) -> Option<Self> {
        Url::parse(store).ok().filter(|url| url.scheme() == "redis").map(Self)
    }

    /// Returns true if the store's database has no keys.
    ///
    /// # Errors
    /// [`LoadError`] if Redis does not answer.
    pub(super) async fn is_empty(&self) -> Result<bool, LoadError> {
        Ok(self.number(&["DBSIZE"], ":").await? == 0.0)
    }

    /// Returns the memory that Redis uses, in bytes.
    ///
    /// # Errors
    /// [`LoadError`] if Redis does not answer.
    pub(super) async fn used(&self) -> Result<f64, LoadError> {
        self.number(&["INFO", "memory"], "used_memory:").await
    }

    /// Sends a command, and returns the number on the line of the answer that begins with `start`.
    async fn number(&self, parts: &[&str], start: &str) -> Result<f64, LoadError> {
        let Self(url) = self;
        let address = (url.host_str().unwrap_or("127.0.0.1"), url.port().unwrap_or(6379));
        let mut stream = TcpStream::connect(address).await?;
        let mut question = Vec::new();
        if let Some(password) = url.password() {
            let user = if url.username().is_empty() { "default" } else { url.username() };
            question.extend(command(&["AUTH", &decoded(user), &decoded(password)]));
        }
        let database = url.path().trim_start_matches('/');
        if !matches!(database, "" | "0") {
            question.extend(command(&["SELECT", database]));
        }
        question.extend(command(parts));
        stream.write_all(&question).await?;
        let mut lines = BufReader::new(stream).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some(number) = line.strip_prefix(start) {
                let number = number.trim().parse();
                return number.map_err(|_| LoadError::Wrong("a figure of the Redis is no number"));
            }
            if let Some(refusal) = line.strip_prefix('-') {
                let what = parts.join(" ");
                return Err(LoadError::Server(format!("the Redis refuses {what}: {refusal}")));
            }
        }
        Err(LoadError::Wrong("the Redis ended the connection"))
    }
}

/// Encodes a command for Redis. The length of each part precedes it, so that no part needs
/// escaping.
fn command(parts: &[&str]) -> Vec<u8> {
    let mut text = format!("*{}\r\n", parts.len());
    for part in parts {
        text.push_str(&format!("${}\r\n{part}\r\n", part.len()));
    }
    text.into_bytes()
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_command_are_counted_in_bytes() {
        assert_eq!(command(&["AUTH", "ü"]), "*2\r\n$4\r\nAUTH\r\n$2\r\nü\r\n".as_bytes());
    }

    #[test]
    fn only_a_redis_without_tls_is_asked() {
        assert!(Redis::of("redis://127.0.0.1/0").is_some());
        for store in ["memory:", "sqlite", "rediss://127.0.0.1"] {
            assert!(Redis::of(store).is_none(), "{store}");
        }
    }
}
