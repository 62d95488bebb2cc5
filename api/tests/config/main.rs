//! Tests of the configuration: from a file, from the environment, and with errors.

#![expect(clippy::unwrap_used, reason = "a test stops where its ground is missing")]

mod advice;
mod refusals;
mod sources;

use countersign::config::{Config, ConfigError};

const SECRET: &str = "demo-secret-key";
const TENANT: &str = "[[tenants]]\nid = 'acme'\nsecret_keys = ['demo-secret-key']\n";

/// Loads a configuration from the text of a file and from environment variables. Checks that an
/// error shows no secret.
fn load(file: Option<&str>, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("countersign.toml");
    if let Some(text) = file {
        std::fs::write(&path, text).unwrap();
    }
    Config::load(file.map(|_| path.as_path()), env).inspect_err(|refusal| {
        assert!(!format!("{refusal:?} {refusal}").contains(SECRET), "{refusal}");
    })
}

/// Loads a configuration that must be refused, and returns the text of the error.
fn refusal(file: Option<&str>, env: &[(&str, &str)]) -> String {
    load(file, env).expect_err("a refusal").to_string()
}
