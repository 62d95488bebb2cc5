//! Tests that the webhook connects to no internal address, whatever its spelling, and to no name of
//! one.

use crate::support::{Untouched, issued, lookup, offered, settings};
use countersign_engine::delivery::{Lookup, Webhook, WebhookError, system_lookup};
use countersign_engine::ports::Delivery;
use url::Url;

/// Stage at which a URL is refused.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// The text is not a URL.
    Parsing,
    /// A webhook with this URL cannot be made.
    Construction,
    /// The host has no address that the webhook may connect to.
    Delivery,
}

/// Spellings of internal addresses, as an attacker may write them.
const LITERALS: &[&str] = &[
    // Plain IPv4 addresses.
    "0.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    // Addresses in other bases, with omitted parts, or with trailing dots.
    "0",
    "0x0",
    "00",
    "0x",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7F.0.0.1",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "0177.1",
    "00000177.0.0.1",
    "127.0.0.1.",
    "127.1.",
    "0x7f.0x0.0x0.0x1",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.16689662",
    "3232235521",
    "10.1",
    "012.1",
    "4294967295",
    // Addresses in percent-encoding, or in characters that are normalised to digits and dots.
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "１２７.0.0.1",
    "169．254．169．254",
    // IPv6 addresses.
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:a9fe:a9fe]",
    "[::ffff:0:0]",
    "[0:0:0:0:0:ffff:10.0.0.1]",
    "[::127.0.0.1]",
    "[::a9fe:a9fe]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::1]",
    "[100::1]",
    "[2001::1]",
    "[2001:2::1]",
    "[2001:10::1]",
    "[2001:db8::1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "[fe80::1]",
    "[FE80::A9FE:A9FE]",
    "[fec0::1]",
    "[ff02::1]",
    "[4000::1]",
    "[8000::1]",
];

/// Texts that are not URLs.
const MALFORMED: &[&str] = &[
    "https://",
    "https://:443/",
    "https://256.0.0.1/",
    "https://127.0.0.1.1/",
    "https://4294967296/",
    "https://0x100000000/",
    "https://08.0.0.1/",
    "https://[::1/",
    "https://[fe80::1%25eth0]/",
    "https://[::ffff:127.0.0.1.1]/",
    "https://a b/",
    "https://127.0.0.1:99999/",
    "https://%00/",
    "127.0.0.1",
];

/// URLs with credentials, which can also disguise the host, and URLs with other schemes.
const MISSHAPEN: &[&str] = &[
    "https://hook.test@127.0.0.1:PORT/",
    "https://hook.test:x@127.0.0.1:PORT/",
    "https://u@hook.test/",
    "https://:p@hook.test/",
    "https://hook.test%2f@127.0.0.1:PORT/",
    "https://127.0.0.1:PORT\\@hook.test/",
    "https:\\\\127.0.0.1:PORT\\",
    "https:127.0.0.1:PORT",
    "http://hook.test:PORT/",
    "http://127.0.0.1:PORT/",
    "ftp://hook.test/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/_x",
    "ws://hook.test/",
    "data:,x",
];

/// Host names, each with the address that its look-up returns.
const NAMES: &[(&str, &str)] = &[
    ("hook.test", "127.0.0.1"),
    ("hook.test.", "127.0.0.1"),
    ("HOOK.test", "::1"),
    ("127.0.0.1.nip.test", "127.0.0.1"),
    ("bücher.test", "10.0.0.1"),
    ("xn--bcher-kva.test", "0.0.0.0"),
    ("metadata.google.internal", "169.254.169.254"),
    ("instance-data", "::ffff:169.254.169.254"),
    ("wireserver.test", "168.63.129.16"),
    ("cgnat.test", "100.64.0.1"),
    ("mapped.test", "::ffff:10.0.0.1"),
    ("compatible.test", "::10.0.0.1"),
    ("nat64.test", "64:ff9b::10.0.0.1"),
    ("ula.test", "fd00::1"),
    ("multicast.test", "224.0.0.251"),
    ("broadcast.test", "255.255.255.255"),
    ("1.2.3.4.hook.test", "192.168.1.1"),
    ("0x7f.0.0.1.test", "172.16.0.1"),
];

/// Returns the stage at which a URL is refused. The only allowed host is in none of the tested
/// URLs.
async fn refused(url: &str, lookup: Lookup) -> Stage {
    if url.parse::<Url>().is_err() {
        return Stage::Parsing;
    }
    match Webhook::with_lookup(settings(url, &["allowed.test"]), lookup) {
        Err(WebhookError::Target(_)) => Stage::Construction,
        Err(error) => panic!("{url}: {error}"),
        Ok(webhook) => {
            let reason =
                webhook.deliver(&issued(None, None), offered()).await.expect_err(url).to_string();
            assert!(reason.contains("webhook_allow_hosts"), "{url}: {reason}");
            Stage::Delivery
        }
    }
}

#[test]
fn the_tables_are_not_thinned_out() {
    assert!(LITERALS.len() + MALFORMED.len() + MISSHAPEN.len() + NAMES.len() >= 80);
}

#[tokio::test]
async fn no_spelling_of_an_internal_address_is_accepted() {
    let listener = Untouched::listen();
    for host in LITERALS {
        for scheme in ["https", "http"] {
            let url = format!("{scheme}://{host}:{}/", listener.port());
            assert_eq!(refused(&url, system_lookup()).await, Stage::Construction, "{url}");
        }
    }
    assert!(!listener.was_connected_to());
}

#[test]
fn the_refusal_of_an_address_names_the_setting_that_would_allow_it() {
    for host in LITERALS {
        let url = format!("https://{host}/");
        let error = Webhook::new(settings(&url, &[])).unwrap_err().to_string();
        assert!(error.contains("webhook_allow_hosts"), "{url}: {error}");
    }
}

#[tokio::test]
async fn what_is_malformed_is_refused() {
    for url in MALFORMED {
        assert_eq!(refused(url, lookup(&["127.0.0.1"])).await, Stage::Parsing, "{url}");
    }
}

#[tokio::test]
async fn credentials_and_other_schemes_are_refused() {
    let listener = Untouched::listen();
    for url in MISSHAPEN {
        let url = url.replace("PORT", &listener.port().to_string());
        assert_eq!(refused(&url, lookup(&["127.0.0.1"])).await, Stage::Construction, "{url}");
    }
    assert!(!listener.was_connected_to());
}

#[tokio::test]
async fn a_name_of_an_internal_address_is_not_connected_to() {
    let listener = Untouched::listen();
    for (name, address) in NAMES {
        let url = format!("https://{name}:{}/", listener.port());
        assert_eq!(refused(&url, lookup(&[address])).await, Stage::Delivery, "{url}");
    }
    assert!(!listener.was_connected_to());
}

#[tokio::test]
async fn localhost_is_not_connected_to_unless_it_is_allowed_by_name() {
    let listener = Untouched::listen();
    for name in ["localhost", "LOCALHOST"] {
        let url = format!("https://{name}:{}/", listener.port());
        assert_eq!(refused(&url, system_lookup()).await, Stage::Construction, "{url}");
    }
    assert!(!listener.was_connected_to());
}

#[tokio::test]
async fn what_would_be_connected_to_is_seen_by_the_listener() {
    // Checks that the listener notices a connection. Without this, the tests above would prove
    // nothing.
    let listener = Untouched::listen();
    let url = format!("https://localhost:{}/", listener.port());
    let webhook = Webhook::new(settings(&url, &["localhost"])).unwrap();
    tokio::select! {
        () = listener.connection() => {}
        answer = webhook.deliver(&issued(None, None), offered()) => {
            panic!("{answer:?} without a connection")
        }
    }
}
