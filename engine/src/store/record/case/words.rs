//! Words that stored texts repeat. A word's place in the list is its code in stored bytes, so a
//! word is never moved, changed or removed. The list is full at 129 words.

use std::sync::LazyLock;

/// Words of display texts first, then those of browsers, of custom data and of codes.
#[rustfmt::skip]
pub(super) static WORDS: &[&str] = &[
    "{\"action\":\"", "{\"action\":\"signIn\"",
    ",\"amounts\":{\"amount\":\"", "\",\"amounts\":{\"amount\":\"",
    ",\"browser\":\"", "\",\"browser\":\"", "\"},\"browser\":\"",
    ",\"custom\":", "\",\"custom\":",
    ",\"ipAddress\":\"", ",\"issuedAt\":", ",\"requester\":\"", ",\"userAgent\":\"",
    "Chrome", "Edge", "Firefox", "In-app browser", "Opera", "Safari", "Samsung Internet",
    "Unknown browser",
    " on Android\"", " on ChromeOS\"", " on iPad\"", " on iPhone\"", " on Linux\"",
    " on macOS\"", " on Windows\"",
    "Mozilla/5.0 (",
    "Windows NT 10.0; Win64; x64)", "Windows NT 10.0; Win64; x64; rv:1",
    "Macintosh; Intel Mac OS X 10_15_7)", "Macintosh; Intel Mac OS X 10.15; rv:1",
    "Macintosh; Intel Mac OS X ",
    "X11; Linux x86_64)", "X11; Linux x86_64; rv:1", "X11; Ubuntu; Linux x86_64; rv:1",
    "X11; CrOS x86_64 14541.0.0)",
    "iPhone; CPU iPhone OS ", "iPad; CPU OS ", " like Mac OS X)",
    "Linux; Android 10; K)", "Linux; Android 1", "Android 1", "; Mobile; rv:1", "; wv)", " Build/",
    " AppleWebKit/537.36 (KHTML, like Gecko)", " AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1",
    " AppleWebKit/605.1.15 (KHTML, like Gecko)",
    " AppleWebKit/605.1.15 (KHTML, like Gecko) Version/1",
    ".0.0.0", ".0.0.0 Safari/537.36", ".0.0.0 Mobile Safari/537.36",
    " Chrome/1", " CriOS/1", " FxiOS/1", " Edg/1", " EdgA/1", " EdgiOS/1", " OPR/1",
    " SamsungBrowser/", " GSA/", " Version/1", " Version/4.0", " Mobile/15E148",
    " Safari/537.36", " Safari/604.1", " Safari/605.1.15", " Mobile Safari/537.36",
    ".0) Gecko/20100101", ".0) Gecko/20100101 Firefox/1", " Gecko/1", " Firefox/1",
    "Dalvik/2.1.0 (Linux; U; Android 1", "okhttp/", " CFNetwork/", " Darwin/2",
    "{\"amount\":", "{\"amount\":\"", ",\"currency\":\"", ",\"currency\":\"EUR\"",
    ",\"currency\":\"USD\"", "\",\"currency\":\"EUR\"", "\",\"currency\":\"USD\"",
    "EUR ", "USD ", ".00\"}", ".00", "00", "\u{a0}",
    ",\"payee\":\"", ",\"payee\":{\"", "account\":\"", "iban\":\"", "name\":\"", "description\":\"",
    "reference\":\"", "recipient\":\"", "location\":\"", "country\":\"", "city\":\"", "type\":\"",
    "id\":\"", "Id\":\"",
    "\",\"", "\":\"", "\":{\"", "\":[", "\":", ",\"", "{\"", "\"}", "\"},\"", "true", "false",
    "null", "https://", "http://", "www.", ".com",
    "signIn", "sign-in", "login", "payment", "transfer", "enroll",
];

/// Words with their codes, the longest first.
type Coded = Vec<(u8, &'static [u8])>;

/// The words that begin with each byte.
static BY_FIRST_BYTE: LazyLock<Vec<Coded>> = LazyLock::new(|| {
    let mut lists = vec![Vec::new(); 256];
    for (code, word) in (0..).zip(WORDS) {
        if let Some(list) = word.bytes().next().and_then(|first| lists.get_mut(usize::from(first)))
        {
            list.push((code, word.as_bytes()));
        }
    }
    for list in &mut lists {
        list.sort_by_key(|(_, word)| std::cmp::Reverse(word.len()));
    }
    lists
});

/// Returns the longest word that `text` begins with, as its code and its length.
pub(super) fn longest(text: &[u8]) -> Option<(u8, usize)> {
    let list = BY_FIRST_BYTE.get(usize::from(*text.first()?))?;
    let (code, word) = list.iter().find(|(_, word)| text.starts_with(word))?;
    Some((*code, word.len()))
}
