//! Tests of configurations with which the server refuses to start. The error names the key, the
//! problem and the permitted values, and never shows a secret.

use std::path::Path;

use countersign::config::{Config, limits, numbers};

use super::{SECRET, TENANT, load};

/// Returns the text of a configuration error without the place in the file, which the tests in
/// `advice` check.
fn refusal(file: Option<&str>, env: &[(&str, &str)]) -> String {
    let text = super::refusal(file, env);
    let Some((key, rest)) = text.split_once(" (in /") else { return text };
    let (place, told) = rest.split_once(')').expect("the line ends");
    assert!(place.contains("countersign.toml, line "), "{text}");
    format!("{key}{told}")
}

#[test]
fn variables_that_mean_nothing_are_refused_beside_the_nearest_name() {
    for (variable, nearest) in [
        ("COUNTERSIGN_SECRET_KEYS", "COUNTERSIGN_SECRET_KEY"),
        ("COUNTERSIGN_SERVER_LISTEN", "COUNTERSIGN__SERVER__LISTEN"),
        ("COUNTERSIGN__SERVER__LISTN", "COUNTERSIGN__SERVER__LISTEN"),
        ("COUNTERSIGN__TENANTS__3__SECRET_KEY", "COUNTERSIGN__TENANTS__3__SECRET_KEYS"),
        ("COUNTERSIGN__TENANTS__ID", "COUNTERSIGN__TENANTS__0__ID"),
    ] {
        let expected = format!("unknown variable {variable}: the nearest known name is {nearest}");
        assert_eq!(refusal(None, &[(variable, SECRET)]), expected);
    }
}

#[test]
fn variables_of_a_wrong_kind_are_refused_without_their_text() {
    const WORKERS: &str = "COUNTERSIGN__SERVER__WORKERS";
    const SECRETS: &str = "COUNTERSIGN__TENANTS__0__SECRET_KEYS";
    const FAR: &str = "COUNTERSIGN__TENANTS__18446744073709551615__ID";
    for (variable, value, expected) in [
        (WORKERS, SECRET, "server.workers (from COUNTERSIGN__SERVER__WORKERS) cannot be read"),
        (WORKERS, "-1", "server.workers (from COUNTERSIGN__SERVER__WORKERS) is negative"),
        ("COUNTERSIGN__SERVER", SECRET, "server (from COUNTERSIGN__SERVER) is a section"),
        ("COUNTERSIGN__TENANTS", SECRET, "tenants (from COUNTERSIGN__TENANTS) is a section"),
        ("COUNTERSIGN__TENANTS__0", SECRET, "tenants[0] (from COUNTERSIGN__TENANTS__0) is a sec"),
        (SECRETS, "[demo-secret-key]", "tenants[0].secret_keys (from COUNTERSIGN__TENANTS__0__"),
        (SECRETS, "[1234567890123]", "tenants[0].secret_keys[0] (from COUNTERSIGN__TENANTS__0__"),
        (
            "COUNTERSIGN__TENANTS__1__ID",
            "a",
            "tenants[1] (from COUNTERSIGN__TENANTS__1__ID) leaves",
        ),
        (FAR, "a", "tenants[18446744073709551615] (from"),
        ("COUNTERSIGN_TENANT_ID", "", "tenants[0].id (from COUNTERSIGN_TENANT_ID) is missing"),
        ("COUNTERSIGN_WEBHOOK_URL", "https://a.example", "COUNTERSIGN_TENANT_ID is missing: "),
        ("COUNTERSIGN_SECRET_KEY", "secret-of-acme", "COUNTERSIGN_TENANT_ID is missing: "),
        ("COUNTERSIGN_TENANT_ID", "acme", "COUNTERSIGN_SECRET_KEY is missing: "),
        ("COUNTERSIGN_LISTEN", "localhost:80", "server.listen (from COUNTERSIGN_LISTEN) is not an"),
    ] {
        let refusal = refusal(None, &[(variable, value)]);
        assert!(refusal.starts_with(expected), "{refusal}");
        assert!(!refusal.contains("1234567890123"), "{refusal}");
    }
    let short = [("COUNTERSIGN_TENANT_ID", "acme"), ("COUNTERSIGN_SECRET_KEY", "elevenchars")];
    let short = refusal(None, &short);
    let expected =
        "tenants[0].secret_keys[0] (from COUNTERSIGN_SECRET_KEY) has 11 characters: 12 to";
    assert!(short.starts_with(expected) && !short.contains("elevenchars"), "{short}");
}

#[test]
fn one_key_is_set_once() {
    let twice =
        [("COUNTERSIGN_LISTEN", "127.0.0.1:1"), ("COUNTERSIGN__SERVER__LISTEN", "127.0.0.1:1")];
    let expected =
        "COUNTERSIGN_LISTEN and COUNTERSIGN__SERVER__LISTEN both set server.listen: keep one";
    assert_eq!(refusal(None, &twice), expected);
    let beside = refusal(Some(TENANT), &[("COUNTERSIGN_SECRET_KEY", SECRET)]);
    assert!(beside.ends_with("use COUNTERSIGN__TENANTS__0__SECRET_KEYS"), "{beside}");
}

#[test]
fn every_number_is_refused_outside_its_range() {
    for limit in numbers() {
        let of_tenant = limit.key.starts_with("push.");
        let (key, variable) = if of_tenant { ("tenants[0].", "TENANTS__0__") } else { ("", "") };
        let key = format!("{key}{}", limit.key);
        let name = limit.key.replace('.', "__").to_uppercase();
        let variable = format!("COUNTERSIGN__{variable}{name}");
        let set = |value: u64| load(Some(TENANT), &[(&variable, &value.to_string())]);
        let expected = format!("{} to {} is allowed", limit.min, limit.max);
        for outside in [limit.min.checked_sub(1), limit.max.checked_add(1)].into_iter().flatten() {
            let expected = format!("{key} (from {variable}) is {outside}: {expected}");
            assert_eq!(set(outside).unwrap_err().to_string(), expected);
        }
        for inside in [limit.min, limit.value, limit.max] {
            assert!(set(inside).is_ok(), "{key} = {inside}");
        }
    }
}

#[test]
fn a_number_to_be_typed_has_two_three_or_six_digits() {
    for digits in ["1", "4", "5"] {
        let refusal =
            refusal(Some(&format!("{TENANT}[tenants.push]\nnumber_match = {digits}")), &[]);
        let expected = format!("tenants[0].push.number_match is {digits}: 0, 2, 3 or 6 is allowed");
        assert_eq!(refusal, expected);
    }
}

#[test]
fn lists_and_files_that_are_too_long_are_refused() {
    let list = |count: usize, entry: &str| {
        let entries: Vec<_> = (0..count).map(|i| format!("'{entry}{i:04}'")).collect();
        format!("[{}]", entries.join(","))
    };
    let secrets = list(limits::SECRET_KEYS_MAX + 1, "secret-key-");
    let file = format!("[[tenants]]\nid='a'\nsecret_keys={secrets}\n");
    let expected = "tenants[0].secret_keys has 9 entries: at most 8 are allowed";
    assert_eq!(refusal(Some(&file), &[]), expected);
    let (origins, names) = (list(65, "https://h"), list(65, "h"));
    for (more, key) in [
        (format!("allowed_origins = {origins}"), "allowed_origins"),
        (format!("[tenants.push]\nwebhook_allow_hosts = {names}"), "push.webhook_allow_hosts"),
        (format!("[tenants.push]\ncustom_public = {names}"), "push.custom_public"),
    ] {
        let expected = format!("tenants[0].{key} has 65 entries: at most 64 are allowed");
        assert_eq!(refusal(Some(&format!("{TENANT}{more}")), &[]), expected);
    }
    let many = "[[tenants]]\n".repeat(limits::TENANTS_MAX + 1);
    assert_eq!(refusal(Some(&many), &[]), "tenants has 1001 entries: at most 1000 are allowed");
    let huge = "#".repeat(usize::try_from(limits::FILE_BYTES_MAX).unwrap() + 1);
    assert!(refusal(Some(&huge), &[]).ends_with("is longer than 1048576 bytes"));
}

#[test]
fn the_server_is_refused_what_it_could_not_serve() {
    for (file, expected) in [
        ("[server]\nlisten = 'example.com:80'", "server.listen is not an address"),
        ("[server]\ndata_dir = ''", "server.data_dir is empty"),
        ("[server]\npublic_url = 'push.example'", "server.public_url is not a URL"),
        ("[server]\npublic_url = 'ftp://push.example'", "server.public_url is neither"),
        ("[server]\npublic_url = 'https://a.example?a'", "server.public_url has a user, a query"),
        ("[server]\npublic_url = 'https://u:p@a.example'", "server.public_url has a user"),
        (
            "[server]\npublic_url = 'https://a.example/users'",
            "server.public_url has a path that begins with the route /users: ",
        ),
        ("[operations]\nlisten = 'on'", "operations.listen is not an address"),
        ("[operations]\nlisten = '127.0.0.1:8080'", "operations.listen is the public address"),
        ("[operations]\nlisten = '0.0.0.0:8080'", "operations.listen is the public address"),
        ("[log]\nformat = 'xml'", "log.format is not a format"),
        ("[log]\nlevel = 'inof'", "log.level is not a level"),
        ("[log]\nlevel = ''", "log.level is not a level"),
        ("[log]\nlevel = 'countersign=loud'", "log.level is not a level"),
        ("[store]\nurl = 'redis://'", "store.url names no host"),
        ("[store]\nurl = 'redis://:x@y:z'", "store.url is not a URL"),
        ("[store]\nurl = 'rediss://localhost/#insecure'", "store.url has parameters"),
        ("[store]\nurl = 'redis://localhost/?protocol=resp3'", "store.url has parameters"),
        ("[store]\nurl = 'redis://localhost/keys'", "store.url has a path that is not the number"),
        ("[store]\nmay_lose = true", "store.may_lose is true for another store"),
        ("[store]\nurl = 'memory:'\nmay_lose = true", "store.may_lose is true for another store"),
        ("[store]\ndurability = 'fast'", "store.durability is not a mode"),
        ("[store]\noutage = 'continue'", "store.outage promises what \"sync\" does not"),
        (
            "[store]\ndurability = 'async'\noutage = 'ignore'",
            "store.outage is not a way to meet an outage",
        ),
        ("[store]\nurl = 'postgres://localhost'", "store.url is not a known store"),
        ("[store]\nurl = 'sqlite::memory:'", "store.url has parameters"),
        ("[store]\nurl = 'sqlite:a.db?mode=ro'", "store.url has parameters"),
        ("[store]\nurl = 'sqlite:/var/lib/'", "store.url names a folder"),
        ("", "tenants is empty"),
        ("tenants = []", "tenants is empty"),
    ] {
        let refusal = refusal(Some(file), &[]);
        assert!(refusal.starts_with(expected), "{file}: {refusal}");
    }
}

#[test]
fn clients_are_known_by_proxies_and_their_header_or_not_at_all() {
    const HEADER: &str = "client_address_header = 'x-forwarded-for'\n";
    for (more, expected) in [
        ("trusted_proxies = ['10.0.0.1']", "client_address_header is empty beside server.trusted"),
        (HEADER, "client_address_header is set, and no proxy is trusted: name the proxies"),
        ("trusted_proxies = ['10.0.0.1', 'proxy']", "trusted_proxies[1] is not a network: an IP"),
        ("trusted_proxies = ['10.0.0.1:80']", "trusted_proxies[0] is not a network"),
        ("trusted_proxies = ['10.0.0.0/33']", "trusted_proxies[0] is not a network"),
        (
            "trusted_proxies = ['10.0.0.1/8']",
            "trusted_proxies[0] is an address inside a network: 10.0.0.1 or 10.0.0.0/8 is allowed",
        ),
        ("trusted_proxies = ['0.0.0.0/0']", "trusted_proxies[0] holds every address"),
        ("trusted_proxies = ['::/0']", "trusted_proxies[0] holds every address"),
        ("trusted_proxies = ['::ffff:10.0.0.0/104']", "trusted_proxies[0] is IPv4 in an IPv6"),
        (
            "direct_clients = true\ntrusted_proxies = ['10.0.0.1']",
            "direct_clients is true beside server.trusted_proxies: false is allowed there",
        ),
        ("client_address_header = 'x forwarded'", "client_address_header is not the name of a"),
        ("client_address_header = 'a, b'", "client_address_header is not the name of a"),
    ] {
        let refusal = refusal(Some(&format!("[server]\n{more}\n{TENANT}")), &[]);
        assert!(refusal.starts_with(&format!("server.{expected}")), "{more}: {refusal}");
    }
    let many: Vec<_> = (0..=limits::LIST_ENTRIES_MAX).map(|n| format!("'10.0.0.{n}'")).collect();
    let many = format!("[server]\n{HEADER}trusted_proxies = [{}]\n{TENANT}", many.join(","));
    let expected = "server.trusted_proxies has 65 entries: at most 64 are allowed";
    assert_eq!(refusal(Some(&many), &[]), expected);
    let sound = "trusted_proxies = ['10.0.0.0/8', '2001:db8::/32', '192.0.2.1', '::1']";
    assert!(load(Some(&format!("[server]\n{HEADER}{sound}\n{TENANT}")), &[]).is_ok());
}

#[test]
fn a_tenant_is_refused_what_would_not_be_safe() {
    for (more, expected) in [
        ("[[tenants]]\nid = 'b'\nsecret_keys = []", "tenants[1].secret_keys is missing"),
        ("[[tenants]]\nid = 'a b'", "tenants[1].id is not a tenant id"),
        (
            "[[tenants]]\nid = 'acme'\nsecret_keys = ['another-secret']",
            "tenants[1].id is the id of tenants[0]",
        ),
        (
            "[[tenants]]\nid = 'countersign--clock'\nsecret_keys = ['another-secret']",
            "tenants[1].id is the server's own",
        ),
        (
            "[[tenants]]\nid = 'b'\nsecret_keys = ['another-secret', 'demo-secret-key']",
            "tenants[1].secret_keys[1] is the same as tenants[0].secret_keys[0]",
        ),
        ("allowed_origins = ['https://a.example/']", "tenants[0].allowed_origins[0] is sent by"),
    ] {
        let refusal = refusal(Some(&format!("{TENANT}{more}")), &[]);
        assert!(refusal.starts_with(expected), "{more}: {refusal}");
    }
    for (push, expected) in [
        ("webhook_url = 'hook'", "webhook_url is not a URL"),
        ("webhook_url = 'ftp://a.example'", "webhook_url is neither"),
        ("webhook_url = 'http://a.example'", "webhook_url is http, and its host is not in"),
        ("webhook_url = 'http://a.b.c'\nwebhook_allow_hosts = ['b.c']", "webhook_url is http, and"),
        ("webhook_url = 'https://u:demo-secret-key@a.example'", "webhook_url has a user"),
        ("webhook_allow_hosts = ['a.example:80']", "webhook_allow_hosts[0] is not a host"),
        ("webhook_allow_hosts = ['b', '*.example']", "webhook_allow_hosts[1] is not a host"),
        ("custom_public = ['']", "custom_public[0] is not a name"),
        ("unenrolled = 'maybe'", "unenrolled is not a choice"),
    ] {
        let refusal = refusal(Some(&format!("{TENANT}[tenants.push]\n{push}")), &[]);
        let expected = format!("tenants[0].push.{expected}");
        assert!(refusal.starts_with(&expected), "{push}: {refusal}");
    }
}

#[test]
fn a_file_that_is_not_toml_is_refused_by_line_and_never_quoted() {
    for broken in [
        "secret_keys = [demo-secret-key]",
        "secret_keys = ['demo-secret-key",
        "secret_keys = \"demo-secret-key\\q\"",
        "secret_keys = demo-secret-key",
        "demo-secret-key",
        "secret_keys = ['x'] demo-secret-key",
        "secret_keys = { demo-secret-key }",
    ] {
        let refusal = refusal(Some(&format!("[[tenants]]\nid = 'acme'\n{broken}\n")), &[]);
        assert!(refusal.contains("countersign.toml, line 3: not TOML"), "{broken}: {refusal}");
    }
    let missing = Config::load(Some(Path::new("/nonexistent/a.toml")), std::iter::empty());
    let missing = missing.unwrap_err().to_string();
    assert!(missing.starts_with("cannot read /nonexistent/a.toml"), "{missing}");
}
