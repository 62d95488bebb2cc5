//! Tests of a configuration that comes from a file and from environment variables.

use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign::config::{Bound, Config, Durability, LogFormat, StoreUrl};
use countersign_core::policy::{Limits, Unenrolled};

use super::{SECRET, TENANT, load};

fn from_env(env: &[(&str, &str)]) -> Config {
    load(None, env).expect("a configuration")
}

#[test]
fn nothing_at_all_is_the_local_server_without_a_tenant() {
    let config = from_env(&[("PATH", "/bin")]);
    assert_eq!(config.server.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(config.server.data_dir, Path::new("countersign-data"));
    let url = StoreUrl::Sqlite(PathBuf::from("countersign-data/countersign.db"));
    assert_eq!(config.store.url, url);
    assert_eq!(config.engine.action_retention_ms, 30 * 86_400_000);
    assert_eq!(config.engine.challenge_retention_ms, 86_400_000);
    assert_eq!(config.operations, Some("127.0.0.1:9464".parse().unwrap()));
    assert_eq!((config.log.format, config.log.level.as_str()), (LogFormat::Human, "info"));
    assert_eq!((config.server.workers, config.server.body_bytes_max), (None, 16_384));
    assert_eq!(config.server.body_read, Duration::from_secs(5));
    assert_eq!(config.token_lifetime, Duration::from_secs(600));
    assert_eq!(config.engine.verify_queue_max, 4096);
    assert!(config.tenants.is_empty());
    assert_eq!(config.server.client_addresses, None, "no client has a share");
}

#[test]
fn clients_are_peers_or_what_proxies_name() {
    use countersign::client_address::ClientAddresses;

    let direct = from_env(&[("COUNTERSIGN__SERVER__DIRECT_CLIENTS", "true")]);
    assert_eq!(direct.server.client_addresses, Some(ClientAddresses::direct()));
    let proxied = from_env(&[
        ("COUNTERSIGN__SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::ffff:192.0.2.1"),
        ("COUNTERSIGN__SERVER__CLIENT_ADDRESS_HEADER", "X-Forwarded-For"),
        ("COUNTERSIGN__SERVER__CLIENT_SHARE_PERCENT", "5"),
    ]);
    assert_eq!(proxied.server.client_share_percent, 5);
    let addresses = proxied.server.client_addresses.unwrap();
    assert_eq!(addresses.of_peer([192, 0, 2, 1].into()), None, "a proxy");
    assert!(addresses.of_peer([192, 0, 2, 2].into()).is_some());
}

#[test]
fn a_tenant_of_a_file_has_the_defaults_it_does_not_set() {
    let config = load(Some(TENANT), &[]).unwrap();
    let [tenant] = config.tenants.as_slice() else { panic!("one tenant") };
    assert_eq!(tenant.id.as_str(), "acme");
    assert_eq!(tenant.secret_keys[0].expose(), SECRET);
    assert!(tenant.allowed_origins.allows("https://anything.example"));
    assert_eq!((tenant.push.unenrolled, &tenant.push.webhook_url), (Unenrolled::Allow, &None));
    assert_eq!(tenant.push.limits, Limits::default());
}

#[test]
fn a_file_sets_every_key_of_a_tenant() {
    let file = r#"
        [[tenants]]
        id = "acme"
        secret_keys = ["new-secret-key-1", "old-secret-key-1"]
        allowed_origins = ["https://shop.example"]
        [tenants.push]
        webhook_url = "http://hooks.internal:9000/push"
        webhook_allow_hosts = ["HOOKS.internal", "10.0.0.7", "::1"]
        challenge_lifetime_seconds = 60
        custom_public = ["amount"]
        unenrolled = "block"
    "#;
    let tenant = load(Some(file), &[]).unwrap().tenants.remove(0);
    let secrets: Vec<_> = tenant.secret_keys.iter().map(|s| s.expose()).collect();
    assert_eq!(secrets, ["new-secret-key-1", "old-secret-key-1"]);
    assert!(!tenant.allowed_origins.allows("https://other.example"));
    let push = tenant.push;
    assert_eq!(push.webhook_url.unwrap().as_str(), "http://hooks.internal:9000/push");
    let hosts: Vec<_> = push.webhook_allow_hosts.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["hooks.internal", "10.0.0.7", "[::1]"]);
    assert_eq!(push.limits.challenge_lifetime_ms, 60_000);
    assert_eq!(push.unenrolled, Unenrolled::Block);
    assert!(push.custom_public.contains("amount"));
}

#[test]
fn the_short_names_set_up_one_tenant_without_a_file() {
    let config = from_env(&[
        ("COUNTERSIGN_CONFIG", "is for the command line"),
        ("COUNTERSIGN_TENANT_ID", "acme"),
        ("COUNTERSIGN_SECRET_KEY", "a,secret,with,commas"),
        ("COUNTERSIGN_LISTEN", "0.0.0.0:80"),
        ("COUNTERSIGN_STORE", "memory:"),
        ("COUNTERSIGN_WEBHOOK_URL", "http://localhost:9000/"),
        ("COUNTERSIGN_WEBHOOK_ALLOW_HOSTS", "localhost, 127.0.0.1"),
    ]);
    assert_eq!(config.tenants[0].id.as_str(), "acme");
    assert_eq!(config.tenants[0].secret_keys[0].expose(), "a,secret,with,commas");
    assert_eq!(config.server.listen.port(), 80);
    assert_eq!(config.store.url, StoreUrl::Memory);
    assert_eq!(config.tenants[0].push.webhook_allow_hosts.len(), 2);
}

#[test]
fn the_environment_overrides_the_file_in_every_section() {
    let config = load(
        Some(&format!("[server]\nworkers = 1\n[log]\nformat = 'human'\n{TENANT}")),
        &[
            ("COUNTERSIGN__SERVER__WORKERS", "3"),
            ("COUNTERSIGN__LOG__FORMAT", "json"),
            ("COUNTERSIGN__LOG__LEVEL", "warn,countersign=debug"),
            ("COUNTERSIGN__OPERATIONS__LISTEN", "off"),
            ("COUNTERSIGN__TENANTS__0__PUSH__WEBHOOK_URL", "https://hooks.example/"),
            ("COUNTERSIGN__TENANTS__1__ID", "second"),
            ("COUNTERSIGN__TENANTS__1__SECRET_KEYS", "123456789012, 1e10000000000"),
            ("COUNTERSIGN__TENANTS__1__ALLOWED_ORIGINS", r#"["https://a.example"]"#),
            ("COUNTERSIGN_STORE", "memory:"),
        ],
    );
    let config = config.unwrap();
    assert_eq!(config.server.workers.map(|w| w.get()), Some(3));
    assert_eq!((config.log.format, config.operations), (LogFormat::Json, None));
    assert!(config.tenants[0].push.webhook_url.is_some());
    assert_eq!(config.tenants[0].secret_keys[0].expose(), SECRET);
    let numbers: Vec<_> = config.tenants[1].secret_keys.iter().map(|s| s.expose()).collect();
    assert_eq!(numbers, ["123456789012", "1e10000000000"], "text that looks like a number");
    assert!(config.tenants[1].allowed_origins.allows("https://a.example"));
}

#[test]
fn tenants_are_put_in_the_order_of_their_numbers() {
    let names: Vec<_> = (0..12)
        .rev()
        .flat_map(|i| {
            let prefix = format!("COUNTERSIGN__TENANTS__{i}__");
            let secret = (format!("{prefix}SECRET_KEYS"), format!("secret-of-tenant-{i}"));
            [(format!("{prefix}ID"), format!("t{i}")), secret]
        })
        .collect();
    let config = Config::load(None, names.into_iter()).unwrap();
    assert_eq!(config.tenants[10].id.as_str(), "t10");
}

#[test]
fn a_secret_does_not_show_in_the_configuration() {
    let config = load(Some(TENANT), &[]).unwrap();
    assert!(!format!("{config:?}").contains(SECRET));
}

#[test]
fn a_store_is_found_by_its_url() {
    let sqlite = |path: &str| StoreUrl::Sqlite(PathBuf::from(path));
    for (url, expected) in [
        ("memory:", StoreUrl::Memory),
        ("sqlite:", sqlite("/data/countersign.db")),
        ("sqlite:here.db", sqlite("here.db")),
        ("sqlite:/var/lib/a.db", sqlite("/var/lib/a.db")),
        ("sqlite:///var/lib/a.db", sqlite("/var/lib/a.db")),
    ] {
        let env = [("COUNTERSIGN_STORE", url), ("COUNTERSIGN__SERVER__DATA_DIR", "/data")];
        assert_eq!(from_env(&env).store.url, expected, "{url}");
    }
}

#[test]
fn a_redis_is_taken_with_its_password_and_does_not_show_it() {
    for url in ["redis://localhost", "rediss://user:pass-word@[::1]:6380/2", "redis://h:1/"] {
        let found = from_env(&[("COUNTERSIGN_STORE", url)]).store.url;
        assert!(!format!("{found:?}").contains("pass"), "{found:?}");
        let StoreUrl::Redis(redis) = found else { panic!("{url}: {found:?}") };
        assert_eq!(redis.reveal(), url);
    }
}

#[test]
fn a_redis_may_lose_records_only_if_that_is_written() {
    let redis = ("COUNTERSIGN_STORE", "redis://localhost");
    assert!(!from_env(&[redis]).store.may_lose);
    assert!(from_env(&[redis, ("COUNTERSIGN__STORE__MAY_LOSE", "true")]).store.may_lose);
}

#[test]
fn the_public_url_is_the_configured_one_or_where_the_server_listens() {
    let server = from_env(&[]).server;
    for (bound, url) in [
        ("127.0.0.1:4711", "http://127.0.0.1:4711/"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080/"),
        ("[::]:8080", "http://[::1]:8080/"),
    ] {
        assert_eq!(server.public_url_at(bound.parse().unwrap()).as_str(), url);
    }
    let server = from_env(&[("COUNTERSIGN__SERVER__PUBLIC_URL", "https://push.example")]).server;
    let url = server.public_url_at("0.0.0.0:80".parse().unwrap());
    assert_eq!(url.as_str(), "https://push.example/");
}

#[test]
fn the_example_works_once_its_placeholder_is_replaced() {
    let example = include_str!("../../../deploy/countersign.example.toml");
    let as_shipped = load(Some(example), &[]).unwrap_err().to_string();
    assert!(as_shipped.starts_with("tenants[0].secret_keys[0] (in "), "{as_shipped}");
    let told = "is still the placeholder of the example: put a secret of your own in its place";
    assert!(as_shipped.contains(told) && as_shipped.contains("openssl rand"), "{as_shipped}");
    let example = load(Some(example), &[("COUNTERSIGN__TENANTS__0__SECRET_KEYS", SECRET)]).unwrap();
    let plain = load(Some(TENANT), &[]).unwrap();
    assert_eq!(format!("{example:?}"), format!("{plain:?}"));
}

#[test]
fn a_store_lags_as_far_as_it_is_told_to() {
    let with = |pairs: &[(&str, &str)]| {
        let name = |key: &str| format!("COUNTERSIGN__STORE__{}", key.to_uppercase());
        let env = pairs.iter().map(|(key, value)| (name(key), (*value).to_owned()));
        Config::load(None, env).unwrap().store.durability
    };
    assert_eq!(with(&[]), Durability::Sync);
    let window = Bound::Window(Duration::from_millis(70));
    let set = with(&[("durability", "async"), ("async_window_ms", "70")]);
    assert_eq!(set, Durability::Async(window));
    let set =
        with(&[("durability", "async"), ("outage", "continue"), ("backlog_records_max", "9")]);
    assert_eq!(set, Durability::Async(Bound::Records(9)));
}
