//! Memory of a Redis. The harness sends one command only, so it needs no driver.

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use url::Url;

use crate::LoadError;

/// A Redis to query; `None` if the store is another one, or a Redis behind TLS.
pub(super) struct Redis(Option<Url>);

impl Redis {
    /// Creates the Redis of a store. It stays empty for a Redis behind TLS.
    pub(super) fn of(store: &str) -> Self {
        Self(Url::parse(store).ok().filter(|url| url.scheme() == "redis"))
    }

    /// Pairs `count` with the memory that Redis uses, in bytes; `None` if there is no Redis.
    ///
    /// # Errors
    /// [`LoadError`] if Redis does not return its memory.
    pub(super) async fn used_at(&self, count: usize) -> Result<Option<(f64, f64)>, LoadError> {
        match &self.0 {
            Some(url) => Ok(Some((count as f64, used(url).await?))),
            None => Ok(None),
        }
    }
}

async fn used(url: &Url) -> Result<f64, LoadError> {
    let address = (url.host_str().unwrap_or("127.0.0.1"), url.port().unwrap_or(6379));
    let mut stream = TcpStream::connect(address).await?;
    let mut question = Vec::new();
    if let Some(password) = url.password() {
        let user = if url.username().is_empty() { "default" } else { url.username() };
        question.extend(command(&["AUTH", &decoded(user), &decoded(password)]));
    }
    question.extend(command(&["INFO", "memory"]));
    stream.write_all(&question).await?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some(bytes) = line.strip_prefix("used_memory:") {
            let bytes = bytes.trim().parse();
            return bytes.map_err(|_| LoadError::Wrong("the Redis's memory is no number"));
        }
        if let Some(refusal) = line.strip_prefix('-') {
            return Err(LoadError::Server(format!("the Redis does not say its memory: {refusal}")));
        }
    }
    Err(LoadError::Wrong("the Redis does not say its memory"))
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
        assert!(Redis::of("redis://127.0.0.1/0").0.is_some());
        for store in ["memory:", "sqlite", "rediss://127.0.0.1"] {
            assert!(Redis::of(store).0.is_none(), "{store}");
        }
    }
}
