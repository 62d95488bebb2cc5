//! Tests of the output of a start: the first line, and the last line of a failed start, in the
//! formats for people and for log collectors.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::server::{SECRET, TENANT};

fn serve(folder: &Path, listen: &str, format: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .arg("serve")
        .env_clear()
        .env("COUNTERSIGN_TENANT_ID", TENANT)
        .env("COUNTERSIGN_SECRET_KEY", SECRET)
        .env("COUNTERSIGN_LISTEN", listen)
        .env("COUNTERSIGN_STORE", "memory:")
        .env("COUNTERSIGN__OPERATIONS__LISTEN", "127.0.0.1:0")
        .env("COUNTERSIGN__SERVER__DATA_DIR", folder)
        .env("COUNTERSIGN__LOG__FORMAT", format);
    command
}

/// A process that is killed on drop.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server on a free port. Returns the process and its first line of output.
fn start(folder: &Path, format: &str) -> (Started, String) {
    let mut child = serve(folder, "127.0.0.1:0", format)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    (Started(child), line)
}

/// Returns the last line of the errors of a server that must fail to start.
fn refused(folder: &Path, listen: &str, format: &str) -> String {
    let output = serve(folder, listen, format).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    said.lines().last().unwrap().to_owned()
}

#[test]
fn the_greeting_and_the_last_words_are_json_where_the_log_is() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, line) = start(folder.path(), "json");
    let greeting: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&greeting["level"], &greeting["fields"]["message"]),
        (&"INFO".into(), &"listening".into())
    );
    assert!(greeting["timestamp"].is_string() && greeting["target"] == "countersign", "{line}");
    assert!(greeting["fields"]["operations"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    let address = greeting["fields"]["address"].as_str().unwrap().strip_prefix("http://").unwrap();

    let other = tempfile::tempdir().unwrap();
    let last: Value = serde_json::from_str(&refused(other.path(), address, "json")).unwrap();
    let told = last["fields"]["message"].as_str().unwrap();
    assert!(
        last["level"] == "ERROR" && told.contains("server.listen or COUNTERSIGN_LISTEN"),
        "{told}"
    );
}

#[test]
fn an_address_in_use_is_told_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, line) = start(folder.path(), "human");
    let address = line.trim_end().strip_prefix("listening on http://").unwrap();
    let other = tempfile::tempdir().unwrap();
    let last = refused(other.path(), address, "human");
    let expected = format!(
        "countersign: cannot listen on {address} (server.listen or COUNTERSIGN_LISTEN): Address"
    );
    assert!(last.starts_with(&expected), "{last}");
}
