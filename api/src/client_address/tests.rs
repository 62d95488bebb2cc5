//! Tests of client addresses: tables of headers as proxies write them, and random text of a client
//! to the left of them.

use actix_web::http::header::HeaderValue;
use proptest::prelude::*;

use super::*;

const PROXY: &str = "10.0.0.1";

fn behind(header: &'static str) -> ClientAddresses {
    let proxies = ["10.0.0.0/8", "2001:db8:f::/48"].map(|network| network.parse().unwrap());
    ClientAddresses::behind(proxies.to_vec(), HeaderName::from_static(header))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn read(header: &'static str, peer: &str, lines: &[&str]) -> Option<String> {
    let read = behind(header).read(ip(peer), lines.iter().map(|line| line.as_bytes()));
    read.map(|address| address.to_string())
}

fn read_list(lines: &[&str]) -> Option<String> {
    read("x-forwarded-for", PROXY, lines)
}

fn read_forwarded(lines: &[&str]) -> Option<String> {
    read("forwarded", PROXY, lines)
}

#[test]
fn the_first_address_from_the_right_that_is_no_proxy_is_the_client() {
    for (lines, client) in [
        (&["192.0.2.1"][..], "192.0.2.1"),
        (&["198.51.100.7, 192.0.2.1"], "192.0.2.1"),
        (&["192.0.2.1, 10.0.0.2,10.9.9.9"], "192.0.2.1"),
        (&["203.0.113.9, 192.0.2.1", "10.0.0.2"], "192.0.2.1"),
        (&["203.0.113.9", "192.0.2.1"], "192.0.2.1"),
        (&["2001:db8:f::1, ::ffff:192.0.2.1, ::ffff:10.0.0.3"], "192.0.2.1"),
        (&["garbage, \"unclosed, 192.0.2.1"], "192.0.2.1"),
    ] {
        assert_eq!(read_list(lines).as_deref(), Some(client), "{lines:?}");
    }
}

#[test]
fn an_address_may_have_brackets_and_a_port() {
    for (entry, client) in [
        ("192.0.2.1:4711", Some("192.0.2.1")),
        ("192.0.2.1:_hidden", Some("192.0.2.1")),
        ("[2001:db8::1]", Some("2001:db8::1")),
        ("[2001:db8::1]:4711", Some("2001:db8::1")),
        ("2001:db8::1", Some("2001:db8::1")),
        ("[::ffff:192.0.2.1]:80", Some("192.0.2.1")),
        ("192.0.2.1:", None),
        ("192.0.2.1:123456", None),
        ("192.0.2.1:_", None),
        ("[192.0.2.1]:80", None),
        ("[2001:db8::1", None),
        ("[2001:db8::1]80", None),
        ("fe80::1%eth0", None),
        ("192.0.2.256", None),
        ("192.0.2.1 198.51.100.7", None),
        ("client.example", None),
        ("unknown", None),
        ("_hidden", None),
        ("unix:", None),
        ("\u{e4}", None),
        ("", None),
    ] {
        assert_eq!(read_list(&[entry]).as_deref(), client, "{entry}");
    }
    let long = format!("{}192.0.2.1", " ".repeat(4096));
    assert_eq!(read_list(&[&long]).as_deref(), Some("192.0.2.1"), "space is no part of an entry");
    assert_eq!(read_list(&[&format!("192.0.2.1:_{}", "p".repeat(96))]), None);
}

#[test]
fn nothing_is_known_behind_an_entry_that_is_no_address() {
    for line in ["192.0.2.1, unknown", "192.0.2.1,", "192.0.2.1, , 10.0.0.2", "192.0.2.1, x"] {
        assert_eq!(read_list(&[line]), None, "{line}");
    }
    assert_eq!(read_list(&["192.0.2.1", ""]), None);
    assert_eq!(read_list(&[]), None, "the proxy did not say");
    assert_eq!(read_list(&["10.0.0.3, 10.0.0.2"]), None, "proxies alone");
    let hops = vec!["10.0.0.2"; HOPS_MAX].join(", ");
    assert_eq!(read_list(&[&format!("192.0.2.1, {hops}")]), None, "one hop too many");
    assert_eq!(read_list(&[&format!("192.0.2.1{}", &hops[8..])]).as_deref(), Some("192.0.2.1"));
}

#[test]
fn the_standard_header_is_read_by_its_grammar() {
    for (lines, client) in [
        (&["for=192.0.2.1"][..], Some("192.0.2.1")),
        (&["For=\"[2001:db8::1]:4711\";proto=https"], Some("2001:db8::1")),
        (&["proto=http; for=192.0.2.1 ;by=10.0.0.1"], Some("192.0.2.1")),
        (&["for=203.0.113.9, for=192.0.2.1, for=10.0.0.2"], Some("192.0.2.1")),
        (&["for=203.0.113.9", "for=192.0.2.1"], Some("192.0.2.1")),
        (&["for=\"192\\.0.2.1\""], Some("192.0.2.1")),
        // The client left a quotation open in the line that the proxy appends to.
        (&["for=\"203.0.113.9, for=192.0.2.1"], Some("192.0.2.1")),
        (&["for=\"x\\, for=\"[2001:db8::1]\""], Some("2001:db8::1")),
        // The proxy quotes the `Host` header that the client sent.
        (&["for=192.0.2.1;host=\"a,for=203.0.113.9\""], Some("192.0.2.1")),
        (&["for=192.0.2.1;host=\"a\\\",for=203.0.113.9;b=\\\"\""], Some("192.0.2.1")),
        (&["for=192.0.2.1;host=\"a;for=203.0.113.9\""], Some("192.0.2.1")),
        (&["for=192.0.2.1;host=\"a\\\\\""], Some("192.0.2.1")),
        (&["for=unknown"], None),
        (&["for=_hidden"], None),
        (&["for=192.0.2.1, for=_hidden"], None),
        (&["proto=https"], None),
        (&["for"], None),
        (&["for=192.0.2.1;for=203.0.113.9"], None),
        (&["for=\"192.0.2.1"], None),
        (&["192.0.2.1"], None),
        (&[""], None),
    ] {
        assert_eq!(read_forwarded(lines).as_deref(), client, "{lines:?}");
    }
    assert_eq!(read_forwarded(&[&format!("for=192.0.2.1;a={}", "a".repeat(1024))]), None);
}

#[test]
fn the_header_of_a_peer_that_is_no_proxy_is_not_read() {
    for peer in ["192.0.2.8", "::ffff:192.0.2.8"] {
        let read = read("x-forwarded-for", peer, &["198.51.100.7"]);
        assert_eq!(read.as_deref(), Some("192.0.2.8"), "it is a client itself");
    }
    for proxy in ["10.0.0.1", "::ffff:10.0.0.1", "2001:db8:f:1::1"] {
        let read = read("x-forwarded-for", proxy, &["198.51.100.7"]);
        assert_eq!(read.as_deref(), Some("198.51.100.7"));
    }
}

#[test]
fn every_other_header_is_ignored() {
    let mut headers = HeaderMap::new();
    for name in ["forwarded", "x-forwarded-for", "true-client-ip"] {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static("203.0.113.9"));
    }
    assert_eq!(behind("x-real-ip").of_request(ip(PROXY), &headers), None);
    headers.append(HeaderName::from_static("x-real-ip"), HeaderValue::from_static("192.0.2.1"));
    let client = |addresses: &ClientAddresses| addresses.of_request(ip(PROXY), &headers);
    assert_eq!(client(&behind("x-real-ip")), Some(Client::of(ip("192.0.2.1"))));
    assert_eq!(client(&ClientAddresses::direct()), Some(Client::of(ip(PROXY))));
}

#[test]
fn a_connection_of_a_proxy_is_nobodys() {
    assert_eq!(behind("x-real-ip").of_peer(ip("::ffff:10.0.0.1")), None);
    assert_eq!(behind("x-real-ip").of_peer(ip("192.0.2.8")), Some(Client::of(ip("192.0.2.8"))));
    assert_eq!(ClientAddresses::direct().of_peer(ip(PROXY)), Some(Client::of(ip(PROXY))));
}

#[test]
fn a_client_is_an_ipv4_address_or_an_ipv6_network() {
    let client = |text| Client::of(ip(text));
    assert_eq!(client("2001:db8:0:1::1"), client("2001:db8:0:1:ffff:ffff:ffff:ffff"));
    assert_ne!(client("2001:db8:0:1::1"), client("2001:db8:0:2::1"));
    assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
    assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
    assert_eq!(client("2001:db8:0:1:2::3").address(), ip("2001:db8:0:1::"));
}

/// Generates header lines that a client may send: up to three lines of any bytes.
fn written_by_a_client() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let text = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..64),
        r#"([a-z0-9.:;=,"\\ ]|for=|10\.0\.0\.1){0,24}"#.prop_map(String::into_bytes),
    ];
    proptest::collection::vec(text, 0..4)
}

/// Generates an entry that a proxy writes, in both syntaxes.
fn written_by_a_proxy() -> impl Strategy<Value = (String, String)> {
    let address = any::<[u8; 4]>().prop_map(IpAddr::from).boxed();
    let address = prop_oneof![address, any::<[u8; 16]>().prop_map(IpAddr::from)];
    (address, r#"[a-z,;="\\]{0,12}"#).prop_map(|(address, host)| {
        let host = host.replace('\\', r"\\").replace('"', "\\\"");
        let node = if address.is_ipv6() { format!("\"[{address}]\"") } else { address.to_string() };
        (address.to_string(), format!("for={node};host=\"{host}\""))
    })
}

proptest! {
    #[test]
    fn no_bytes_at_all_make_the_reading_fail(
        lines in written_by_a_client(), peer in any::<[u8; 16]>(),
    ) {
        for header in ["x-forwarded-for", "forwarded"] {
            for peer in [IpAddr::from(peer), ip(PROXY)] {
                let _ = behind(header).read(peer, lines.iter().map(Vec::as_slice));
            }
        }
    }

    #[test]
    fn a_client_changes_nothing_of_what_its_proxies_say(
        forged in written_by_a_client(),
        entry in written_by_a_proxy(),
        hops in 0_usize..3,
        is_appended in any::<bool>(),
    ) {
        let (list, forwarded) = entry;
        for (header, entry, hop) in
            [("x-forwarded-for", list, ", 10.0.0.7"), ("forwarded", forwarded, ", for=10.0.0.7")]
        {
            let said = format!("{entry}{}", hop.repeat(hops));
            let address = behind(header).read(ip(PROXY), [said.as_bytes()].into_iter());
            let mut lines = forged.clone();
            // A proxy appends its entry to the last line, or adds a new line.
            match lines.last_mut().filter(|_| is_appended) {
                Some(last) => last.extend_from_slice(format!(", {said}").as_bytes()),
                None => lines.push(said.clone().into_bytes()),
            }
            let read = behind(header).read(ip(PROXY), lines.iter().map(Vec::as_slice));
            // If the address belongs to a trusted proxy, the client's own entries are read.
            if address.is_some() {
                prop_assert_eq!(read, address);
            }
        }
    }
}
