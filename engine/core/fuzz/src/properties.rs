//! Properties that hold for every input. The fuzz targets look for an input that breaks one; a
//! plain test replays the corpus.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::display::DisplayText;
use countersign_core::id::{AuthenticatorId, ChallengeId, TenantId, Thumbprint};
use countersign_core::nonce::Nonce;
use countersign_core::number_match::TypedNumber;
use countersign_core::outcome::Decision;
use countersign_core::policy::DISPLAY_BYTES_MAX;
use countersign_core::signature::{Algorithm, PublicKey, SignatureFormat};
use countersign_core::statement::{DecisionStatement, Statement};
use countersign_core::text::Line;

const PUBLIC_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMj+6XmuroBhoQF4q0gx0Ojry17BhXtf4s\
                          KvkSn2YN6S9AKWfZgbqfVeZmhIJW9qhyIxt49tBlO91/QQeuRjX6A==";
/// Over [`MESSAGE`]. Nobody has the private key.
const SIGNATURE: &str = "MEUCIEXM6xp6d/pamCwtagodTTdfBe3cnZJTuH9CQvCpYoWpAiEA2zp4ZVQzWkW9\
                         S3Yi+8MMpL3eaG+UfDoVdedR/nG6nyc=";
const MESSAGE: &[u8] = b"challenge-123";
/// The order of P-256.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// A key that parses is of the algorithm that its first bytes name, keeps its bytes, and takes no
/// signature of zeros.
pub(crate) fn key(bytes: &[u8]) {
    for algorithm in [Algorithm::Es256, Algorithm::Ed25519] {
        for format in algorithm.formats() {
            let Ok(key) = PublicKey::with_format(algorithm, *format, bytes) else { continue };
            assert_eq!(Algorithm::of_spki(bytes), Some(algorithm));
            assert_eq!(key.spki(), bytes);
            assert!(key.verify(bytes, &[0; 64]).is_err());
        }
    }
}

/// The one signature that is known, and its twin with the other `s`, are all that verify in DER,
/// each in one encoding.
pub(crate) fn der(bytes: &[u8]) {
    let (r, s) = known();
    let accepted = known_key(SignatureFormat::Der).verify(MESSAGE, bytes).is_ok();
    let expected = [encode(&r, &s), encode(&r, &twin(&s))].iter().any(|known| known == bytes);
    assert_eq!(accepted, expected);
}

/// As [`der`], of `r` and `s` side by side.
pub(crate) fn p1363(bytes: &[u8]) {
    let (r, s) = known();
    let accepted = known_key(SignatureFormat::P1363).verify(MESSAGE, bytes).is_ok();
    let expected = [[r, s].concat(), [r, twin(&s)].concat()].iter().any(|known| known == bytes);
    assert_eq!(accepted, expected);
}

/// The names of a decision's lines, after the first.
const LINES: [&str; 9] = [
    "tenant",
    "challenge",
    "nonce",
    "authenticator",
    "key",
    "decision",
    "display",
    "number",
    "expires",
];

/// Parts that are accepted stand in the statement as they came in, but for a number, whose digits
/// are written in ASCII. Each has its own line, and nothing else does: no part can end a line, or
/// begin one. Parts that are not are no statement.
pub(crate) fn statement(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut parts = text.splitn(8, '\n');
    let mut next = || parts.next().unwrap_or_default();
    let (tenant, challenge) = (TenantId::parse(next()), ChallengeId::parse(next()));
    let (nonce, authenticator) = (Nonce::parse(next()), AuthenticatorId::parse(next()));
    let named = next();
    let decisions = [Decision::Approve, Decision::Deny, Decision::Report];
    let decision = decisions.into_iter().find(|d| d.name() == named);
    let (number, end) = (next(), next().parse::<u64>());
    let display = DisplayText::new(next());
    let typed = if number == "-" { Ok(None) } else { TypedNumber::parse(number).map(Some) };
    let (Ok(tenant), Ok(challenge), Ok(nonce), Ok(authenticator), Some(decision), Ok(number)) =
        (tenant, challenge, nonce, authenticator, decision, typed)
    else {
        return;
    };
    let (Ok(expires_at_seconds), Ok(display)) = (end, display) else { return };
    let statement = DecisionStatement {
        tenant: &tenant,
        challenge: &challenge,
        nonce: &nonce,
        authenticator: &authenticator,
        key: Thumbprint::of_spki(bytes),
        decision,
        display: display.digest(),
        number: number.as_ref(),
        expires_at_seconds,
    };
    let signed = Statement::Decision(statement).to_bytes();
    let signed = String::from_utf8(signed).expect("a statement is text");
    let mut lines = signed.split('\n');
    assert_eq!(lines.next(), Some("countersign/decision/v1"));
    let mut given = text.split('\n');
    for name in LINES {
        let line = lines.next().expect("a line for every part");
        let value = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(':'));
        let value = value.expect("each line has its name");
        let safe = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        assert!(!value.is_empty() && value.bytes().all(safe), "{line}");
        match name {
            "key" | "display" => assert_eq!(value.len(), 43),
            // Zeros before the number of seconds are left out.
            "expires" => assert_eq!(value.parse(), Ok(expires_at_seconds)),
            "number" => {
                let typed = number.as_ref().map_or("-", TypedNumber::reveal);
                assert_eq!(value, typed);
                assert!(typed == "-" || typed.bytes().all(|b| b.is_ascii_digit()), "{typed}");
                given.next();
            }
            _ => assert_eq!(Some(value), given.next()),
        }
        if name == "number" {
            given.next();
        }
    }
    assert_eq!(lines.next(), None);
}

/// A text that is shown is the text that was given, of a bounded length and without a character
/// that cleaning would replace; nothing else is refused.
pub(crate) fn display(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let cleaned = Line::cleaned(text, usize::MAX);
    let good = text.len() <= DISPLAY_BYTES_MAX && cleaned.as_str() == text;
    match DisplayText::new(text) {
        Ok(shown) => assert!(good && shown.as_str() == text),
        Err(_) => assert!(!good),
    }
    assert!(Line::parse(cleaned.as_str(), usize::MAX).is_ok(), "what was cleaned is clean");
}

fn known_key(format: SignatureFormat) -> PublicKey {
    let spki = STANDARD.decode(PUBLIC_KEY).expect("it is a constant");
    PublicKey::with_format(Algorithm::Es256, format, &spki).expect("it is a constant")
}

/// `r` and `s` of the known signature.
fn known() -> ([u8; 32], [u8; 32]) {
    let der = STANDARD.decode(SIGNATURE).expect("it is a constant");
    let number = |at: usize| der[at..at + 32].try_into().expect("32 bytes");
    (number(4), number(39))
}

/// `n - s`, which stands for `s` in every signature of ECDSA.
fn twin(s: &[u8; 32]) -> [u8; 32] {
    let mut twin = [0; 32];
    let mut borrow = 0;
    for ((out, n), s) in twin.iter_mut().zip(ORDER).zip(s).rev() {
        let difference = i16::from(n) - i16::from(*s) - borrow;
        borrow = i16::from(difference < 0);
        [*out, _] = difference.to_le_bytes();
    }
    twin
}

fn encode(r: &[u8; 32], s: &[u8; 32]) -> Vec<u8> {
    let number = |bytes: &[u8; 32]| {
        let digits = &bytes[bytes.iter().take_while(|b| **b == 0).count()..];
        let sign = (digits[0] >= 0x80).then_some(0);
        let content: Vec<u8> = sign.into_iter().chain(digits.iter().copied()).collect();
        [&[0x02, content.len() as u8], &content[..]].concat()
    };
    let content = [number(r), number(s)].concat();
    [&[0x30, content.len() as u8], &content[..]].concat()
}
