//! Tests of the advice in a configuration error: the line of the file, the correct name for a
//! misspelled one, and the text to write instead.

use std::collections::BTreeSet;
use std::path::Path;

use super::{load, refusal};

#[test]
fn a_refused_key_of_a_file_is_told_with_its_line() {
    for (file, env, line) in [
        ("[server]\n\nlistn = 'x'", None, Some(3)),
        ("[server]\nworkers = '2'", None, Some(2)),
        ("[server]\nworkers = 600", None, Some(2)),
        ("[log]\nlevel = 'info'\nformat = 'xml'", None, Some(3)),
        ("\n[[tenants]]\nsecret_keys = ['demo-secret-key']", None, Some(2)),
        ("[[tenants]]\nid = 'a'\nsecret_keys = [\n  'too-short',\n]", None, Some(4)),
        ("[[tenants]]\nid = 'a'\n[tenants.push]\nwebhok_url = 'x'", None, Some(4)),
        ("tenants = []", None, Some(1)),
        // If a variable overrides the key, the error names the variable and not the line of the
        // file.
        ("[log]\nformat = 'human'", Some(("COUNTERSIGN__LOG__FORMAT", "xml")), None),
        ("", None, None),
    ] {
        let env: Vec<_> = env.into_iter().collect();
        let told = refusal(Some(file), &env);
        match line {
            Some(line) => {
                let place = format!("countersign.toml, line {line})");
                assert!(told.contains(" (in /") && told.contains(&place), "{file}: {told}");
            }
            None => assert!(!told.contains(", line "), "{file}: {told}"),
        }
    }
}

#[test]
fn names_that_others_use_lead_to_ours() {
    for (variable, nearest) in [
        ("COUNTERSIGN_SECRET", "COUNTERSIGN_SECRET_KEY"),
        ("COUNTERSIGN_PORT", "COUNTERSIGN_LISTEN"),
        ("COUNTERSIGN_HOST", "COUNTERSIGN_LISTEN"),
        ("COUNTERSIGN_TENANT", "COUNTERSIGN_TENANT_ID"),
        ("COUNTERSIGN_WEBHOOK", "COUNTERSIGN_WEBHOOK_URL"),
        ("COUNTERSIGN_LOG_LEVEL", "COUNTERSIGN__LOG__LEVEL"),
        ("COUNTERSIGN_DATA_DIR", "COUNTERSIGN__SERVER__DATA_DIR"),
        ("COUNTERSIGN__SERVER__PORT", "COUNTERSIGN__SERVER__LISTEN"),
        ("COUNTERSIGN_REDIS_URL", "COUNTERSIGN__STORE__URL"),
    ] {
        let expected = format!("unknown variable {variable}: the nearest known name is {nearest}");
        assert_eq!(refusal(None, &[(variable, "8080")]), expected);
    }
    for (file, nearest) in [
        ("[server]\nport = 1", "server.listen"),
        ("[operations]\nport = 1", "operations.listen"),
        ("[store]\nredis_url = ''", "store.url"),
        ("[server]\nclient_address = ''", "server.client_address_header"),
    ] {
        let refusal = refusal(Some(file), &[]);
        assert!(refusal.ends_with(&format!("the nearest known name is {nearest}")), "{refusal}");
    }
}

#[test]
fn variables_of_our_own_tests_are_ignored() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut names = BTreeSet::new();
    for place in ["Makefile", "api/tests", "benches", "deploy/scripts", "engine", "loadtest"] {
        collect_names(&root.join(place), &mut names);
    }
    assert!(names.contains("COUNTERSIGN_BIN") && names.len() >= 20, "{names:?}");
    // `COUNTERSIGN_SECRET` is a variable of the load harness: the secret of a server that runs
    // elsewhere. The server itself must refuse the variable, because an operator who sets it by
    // mistake would start a server without a tenant.
    names.remove("COUNTERSIGN_SECRET");
    for name in names {
        let told = load(None, &[(&name, "x")]).map_or_else(|e| e.to_string(), |_| String::new());
        assert!(!told.starts_with("unknown"), "{told}: name it in OF_THE_TESTS");
    }
}

/// Collects the names of variables in the files below a path. Tests of the configuration are left
/// out, because they invent names.
fn collect_names(path: &Path, names: &mut BTreeSet<String>) {
    const MADE_UP: [&str; 3] = ["tests/config", "node_modules", "target"];
    if MADE_UP.iter().any(|name| path.ends_with(name)) {
        return;
    }
    if path.is_dir() {
        let entries = std::fs::read_dir(path).expect("a folder");
        entries.for_each(|entry| collect_names(&entry.expect("an entry").path(), names));
        return;
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    for (_, rest) in text.match_indices("COUNTERSIGN_").map(|(at, _)| text.split_at(at)) {
        let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let name = rest.split(|c| !is_part(c)).next().unwrap_or_default();
        if !name.ends_with('_') && !name.starts_with("COUNTERSIGN__") {
            names.insert(name.to_owned());
        }
    }
}

#[test]
fn a_password_of_redis_with_characters_of_urls_says_to_encode_it() {
    for url in [
        "redis://countersign:demo-secret-key@x@redis:6379",
        "redis://countersign:demo-secret-key#x@redis:6379",
        "redis://countersign:123#demo-secret-key@redis:6379",
        "rediss://:demo-secret-key/x@redis/0",
        "redis://:?demo-secret-key@redis",
    ] {
        let refusal = refusal(None, &[("COUNTERSIGN_STORE", url)]);
        assert!(
            refusal.contains("in its user or password") && refusal.contains("%40"),
            "{refusal}"
        );
    }
    for url in ["redis://countersign:a%40b%23c@redis:6379/1", "redis://redis/1"] {
        assert!(load(None, &[("COUNTERSIGN_STORE", url)]).is_ok(), "{url}");
    }
}
