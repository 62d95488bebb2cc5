//! Texts, addresses, numbers and signatures in their short forms.

use super::super::cursor::Cursor;
use super::super::reference::{Known, PIECE_BYTES_MIN};
use super::super::signature::{BYTES, der, r_and_s};
use super::super::squeeze::{put_text, text};
use super::super::words::WORDS;
use super::*;

/// Returns the length of a text's compact form, with its end.
fn bytes(text: &str, known: Option<&Known<'_>>) -> usize {
    let mut out = Vec::new();
    put_text(&mut out, text, known);
    out.len()
}

#[test]
fn every_word_has_a_code_of_its_own() {
    assert!(WORDS.len() <= 129);
    for (at, word) in WORDS.iter().enumerate() {
        assert!(!word.is_empty() && !WORDS[..at].contains(word), "{word}");
        assert_eq!(bytes(word, None), 2, "{word}");
    }
}

/// A change of a word's place or of its text would change what stored bytes say.
#[test]
fn the_words_are_those_of_format_1() {
    const COUNT: usize = 127;
    let words = WORDS[..COUNT].join("\n");
    assert_eq!(crc32c::crc32c(words.as_bytes()), 0x7181_435a);
}

#[test]
fn usual_texts_are_short() {
    let (action, shown) = (action(), open().shown.unwrap().display);
    let reference = Reference::of(&action);
    let known = Known { reference: &reference, near: open().issued_at };
    let custom = format!("\"browser\":\"Safari on iPhone\",\"custom\":{CUSTOM},");
    let payment = display(&action, &custom, open().issued_at.seconds() + 2);
    let amounts = format!("\"amounts\":{{\"amount\":\"EUR 1\u{a0}250.00\"}},{custom}");
    let amount = display(&action, &amounts, open().issued_at.seconds());
    let found = [
        (AGENT.len(), bytes(AGENT, None)),
        (CUSTOM.len(), bytes(CUSTOM, None)),
        (shown.as_str().len(), bytes(shown.as_str(), None)),
        (shown.as_str().len(), bytes(shown.as_str(), Some(&known))),
        (payment.as_str().len(), bytes(payment.as_str(), Some(&known))),
        (amount.as_str().len(), bytes(amount.as_str(), Some(&known))),
    ];
    assert_eq!(found, [(111, 7), (48, 13), (243, 60), (243, 7), (300, 12), (337, 20)]);
}

#[test]
fn what_is_taken_from_the_action_is_bounded() {
    let mut action = action();
    action.context.custom = Some("x".repeat(60_000).into());
    let reference = Reference::of(&action);
    let known = Known { reference: &reference, near: UnixMillis(0) };
    let long = "x".repeat(200_000);
    let mut out = Vec::new();
    put_text(&mut out, &long, Some(&known));
    assert!(out.len() > 100_000, "the rest is written out");
    assert_eq!(text(&mut Cursor::new(&out), Some(&known)).as_deref(), Ok(long.as_str()));
    let (at, length) = reference.index().longest(long.as_bytes()).unwrap();
    let mut piece = vec![0x01];
    put_number(&mut piece, (at + length - 60_000) as u64);
    put_number(&mut piece, (60_000 - PIECE_BYTES_MIN) as u64);
    let bomb = [piece.repeat(2), vec![0x1f]].concat();
    let refused = text(&mut Cursor::new(&bomb), Some(&known));
    assert_eq!(refused, Err(Fault("a text in it is too long")));
}

#[test]
fn a_line_that_a_later_server_may_clean_is_no_reference() {
    let mut known = action();
    let part = |action: &Action| challenge_part(&open(), Some(action));
    let context = |text: &str| Some(Line::cleaned(text, 64));
    known.context.user_agent = context("Mozill\u{e4}");
    let part = part(&known);
    known.context.user_agent = context("Mozill\u{fffd}");
    assert_eq!(challenge_from(&owner(), Some(&known), &part), Ok(open()));
}

#[test]
fn an_address_has_its_one_spelling_or_is_text() {
    for (address, bytes) in [
        ("198.51.100.7", 4),
        ("2001:db8::7", 16),
        ("::ffff:198.51.100.7", 16),
        ("2001:DB8::7", 11),
        ("198.51.100.07", 13),
        ("", 1),
        ("unknown", 8),
    ] {
        let with = Action {
            context: ActionContext { ip_address: line(address), ..ActionContext::default() },
            ..action()
        };
        let without = Action { context: ActionContext::default(), ..action() };
        let (part, bare) = (action_part(&with), action_part(&without));
        assert_eq!(part.len() - bare.len(), bytes, "{address}");
        assert_eq!(read(&owner(), &part), Ok((Some(with), Vec::new())));
    }
}

#[test]
fn a_signature_is_r_and_s_if_its_der_form_is_theirs() {
    let high = [0xff; BYTES];
    let mut low = [0; BYTES];
    (low[31], low[63]) = (1, 0x80);
    for both in [noise(1), high, low, [0; BYTES]] {
        assert_eq!(r_and_s(&der(&both)), Some(both));
    }
    assert_eq!(hex(&der(&low)), "3007020101020200 80".replace(' ', ""));
    assert_eq!(hex(&der(&[0; BYTES])), "3006020100020100");
    let good = der(&noise(1));
    for (at, _) in good.iter().enumerate() {
        assert_eq!(r_and_s(&good[..at]), None);
    }
    for bad in ["", "30", "300702020001020100", "3106020100020100", "300602010002010000"] {
        assert_eq!(r_and_s(&unhex(bad)), None, "{bad}");
    }
    assert_eq!(r_and_s(&[0xa5; BYTES]), None, "r and s alone are no DER");
}
