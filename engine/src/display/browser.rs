//! The common name of a browser, from its `User-Agent`.

use std::borrow::Cow;

use woothee::parser::{Parser, WootheeResult};

/// Maximum length of a `userAgent`, in characters, that is shown unchanged if the browser is not
/// known.
const UNKNOWN_CHARS_MAX: usize = 40;
/// Maximum length of a name in JSON, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 4 * UNKNOWN_CHARS_MAX;
const UNKNOWN: &str = "Unknown browser";
/// Name of a browser inside another app.
const IN_APP: &str = "In-app browser";

/// Marks in the `User-Agent` of browsers that the library confuses with the browser whose engine
/// they use. Each mark comes with the browser's name.
const MARKS: &[(&str, &str)] = &[
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("HuaweiBrowser/", "Huawei Browser"),
    ("MiuiBrowser/", "Mi Browser"),
    ("OPT/", "Opera"),
    ("OPX/", "Opera GX"),
    ("QQBrowser/", "QQ Browser"),
    ("Silk/", "Silk"),
    ("UCBrowser/", "UC Browser"),
    ("Whale/", "Whale"),
];

/// Marks in the `User-Agent` of apps with a built-in browser. Each mark comes with the app's name.
const APPS: &[(&str, &str)] = &[
    ("FBAN/", "Facebook"),
    ("FBAV/", "Facebook"),
    ("Instagram", "Instagram"),
    (" Line/", "LINE"),
    ("LinkedInApp", "LinkedIn"),
    ("MicroMessenger/", "WeChat"),
    ("Pinterest/", "Pinterest"),
    ("Snapchat", "Snapchat"),
    ("musical_ly", "TikTok"),
    ("BytedanceWebview", "TikTok"),
];

/// Returns the name of a browser and its system in one short line, such as "Chrome on iPhone". If
/// the browser is not known, a short `userAgent` is returned unchanged, and a long one is replaced
/// by "Unknown browser".
pub(super) fn name(user_agent: &str) -> Cow<'_, str> {
    let known = Parser::new().parse(user_agent).unwrap_or_default();
    let system = system(known.os);
    match (browser(user_agent, &known), system) {
        (Some(browser), Some(system)) if browser != system => {
            format!("{browser} on {system}").into()
        }
        (Some(browser), _) => browser,
        (None, _) if user_agent.chars().count() <= UNKNOWN_CHARS_MAX => user_agent.into(),
        (None, Some(system)) => format!("{UNKNOWN} on {system}").into(),
        (None, None) => UNKNOWN.into(),
    }
}

fn browser<'a>(user_agent: &str, known: &WootheeResult<'a>) -> Option<Cow<'a, str>> {
    let marked = |marks: &[(&str, &'static str)]| {
        marks.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    if let Some(app) = marked(APPS) {
        return Some(format!("{IN_APP} of {app}").into());
    }
    if let Some(name) = marked(MARKS) {
        return Some(name.into());
    }
    match known.name {
        // The `userAgent` of an HTTP tool is a better name than the library's.
        "" | "UNKNOWN" | "HTTP Library" => None,
        "Webview" => Some(IN_APP.into()),
        "Google Search App" => Some("Google app".into()),
        "SamsungBrowser" => Some("Samsung Internet".into()),
        name => Some(name.into()),
    }
}

/// Returns a system's name without its version, because Windows 11 and newer systems of Apple
/// report an older version.
fn system(os: &str) -> Option<&str> {
    match os {
        "" | "UNKNOWN" => None,
        "Mac OSX" | "Mac OS Classic" => Some("macOS"),
        "Windows Phone OS" => Some("Windows Phone"),
        os if os.starts_with("Windows") => Some("Windows"),
        os => Some(os),
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::policy::USER_AGENT_BYTES_MAX;
    use proptest::prelude::*;

    use super::*;

    /// Maximum length of a name, in characters: one line of a small screen.
    const NAME_CHARS_MAX: usize = 48;

    const SAFARI: &str = "AppleWebKit/605.1.15 (KHTML, like Gecko)";
    const CHROMIUM: &str = "AppleWebKit/537.36 (KHTML, like Gecko)";
    const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)";
    const IPAD: &str = "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X)";
    const MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)";
    const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)";
    const ANDROID: &str = "Mozilla/5.0 (Linux; Android 14; SM-S921B)";
    const WEBVIEW: &str = "Mozilla/5.0 (Linux; Android 14; SM-S921B Build/UP1A; wv)";

    #[test]
    fn a_browser_is_called_what_people_call_it() {
        for (system, engine, rest, expected) in [
            (IPHONE, SAFARI, "Version/18.1 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
            (IPHONE, SAFARI, "CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1", "Chrome on iPhone"),
            (IPHONE, SAFARI, "FxiOS/133.0 Mobile/15E148 Safari/605.1.15", "Firefox on iPhone"),
            (IPAD, SAFARI, "EdgiOS/131.0 Version/17.0 Mobile/15E148 Safari/604.1", "Edge on iPad"),
            (IPHONE, SAFARI, "Version/18.1 Mobile/15E148 Safari/604.1 OPT/5.2", "Opera on iPhone"),
            (IPHONE, SAFARI, "GSA/344.0 Mobile/15E148 Safari/604.1", "Google app on iPhone"),
            (MAC, SAFARI, "Version/18.1 Safari/605.1.15", "Safari on macOS"),
            (MAC, CHROMIUM, "Chrome/131.0.0.0 Safari/537.36", "Chrome on macOS"),
            (WINDOWS, CHROMIUM, "Chrome/131.0.0.0 Safari/537.36", "Chrome on Windows"),
            (WINDOWS, CHROMIUM, "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0", "Edge on Windows"),
            (WINDOWS, CHROMIUM, "Chrome/130.0.0.0 Safari/537.36 OPR/115.0", "Opera on Windows"),
            (WINDOWS, CHROMIUM, "Chrome/130.0 Safari/537.36 Vivaldi/7.0", "Vivaldi on Windows"),
            (ANDROID, CHROMIUM, "Chrome/131.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
            (
                ANDROID,
                CHROMIUM,
                "SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
                "Samsung Internet on Android",
            ),
            (
                ANDROID,
                CHROMIUM,
                "Chrome/131.0.0.0 Mobile Safari/537.36 EdgA/131.0.0.0",
                "Edge on Android",
            ),
            (
                WEBVIEW,
                CHROMIUM,
                "Version/4.0 Chrome/131.0 Mobile Safari/537.36",
                "In-app browser on Android",
            ),
            (
                WEBVIEW,
                CHROMIUM,
                "Version/4.0 Chrome/131.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/490.0.0.63.82;]",
                "In-app browser of Facebook on Android",
            ),
            (
                IPHONE,
                SAFARI,
                "Mobile/15E148 Instagram 359.0.0.29.89",
                "In-app browser of Instagram on iPhone",
            ),
            (IPHONE, SAFARI, "Mobile/22B83", "In-app browser on iPhone"),
        ] {
            assert_eq!(name(&format!("{system} {engine} {rest}")), expected);
        }
        for (agent, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0",
                "Firefox on Android",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) \
              Chrome/131.0.0.0 Safari/537.36",
                "Chrome on ChromeOS",
            ),
        ] {
            assert_eq!(name(agent), expected);
        }
    }

    #[test]
    fn one_that_is_not_known_is_one_short_line() {
        for short in ["Firefox", "Firefox on Linux", "curl/8.5.0", "AcmeApp/3.2 (iPhone; iOS 18.1)"]
        {
            assert_eq!(name(short), short);
        }
        let long = "AcmeBank/3.2.1 (com.acme.bank; build:4711; iPhone; iOS 18.1.0) Alamofire/5.9.1";
        assert_eq!(name(long), "Unknown browser on iPhone");
        assert_eq!(name(&"x".repeat(41)), "Unknown browser");
        assert_eq!(
            name("Mozilla/5.0 (compatible; something that nobody has ever heard of)"),
            UNKNOWN
        );
    }

    proptest! {
        #[test]
        fn no_text_panics_or_gets_a_long_name(agent in "\\PC{0,200}|[\"\\\\]{1,60}|[𞤀-𞤢]{1,60}") {
            prop_assert!(name(&agent).chars().count() <= NAME_CHARS_MAX);
            let json = serde_json::to_string(&name(&agent)).unwrap();
            prop_assert!(json.len() <= NAME_BYTES_MAX + 2, "{json}");
        }

        #[test]
        fn no_mixture_of_marks_panics_or_gets_a_long_name(parts in proptest::collection::vec(
            prop_oneof![
                "[ ();:/._0-9a-z]{0,8}", Just("é".to_owned()),
                "(Mozilla/5.0|Windows NT 10.0;|Windows|Xbox|Mac OS X|like Mac OS X|iPhone;)",
                "(Linux|Android|CrOS|X11; CrOS |FreeBSD|CFNetwork/|BlackBerry9000/|KDDI-|DoCoMo)",
                "(Chrome/|CriOS/|FxiOS/|Edg/|EdgiOS/|Safari/|Version/|GSA/|wv|MSIE |Trident/|OPR/)",
                "(Googlebot|Yahoo|YaBrowser/|SamsungBrowser/|Sleipnir/|Opera|WILLCOM|SymbianOS)",
            ], 0..40)
        ) {
            let agent: String = parts.concat().chars().take(USER_AGENT_BYTES_MAX / 2).collect();
            prop_assert!(name(&agent).chars().count() <= NAME_CHARS_MAX, "{}", name(&agent));
        }
    }
}
