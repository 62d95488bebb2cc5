//! Search for the known name that is most similar to an unknown name.
//!
//! It compares the words of names, so that `COUNTERSIGN__SERVER__LISTEN` and `server.listen` are
//! alike.

/// Maximum number of characters of an unknown name that are compared.
const COMPARED_CHARACTERS_MAX: usize = 128;
/// Names of settings in other servers, each with our name.
const ALIKE: &[(&str, &str)] = &[
    ("addr", "listen"),
    ("address", "listen"),
    ("bind", "listen"),
    ("host", "listen"),
    ("port", "listen"),
    ("database", "store_url"),
    ("database_url", "store_url"),
    ("db", "store_url"),
    ("redis", "store_url"),
    ("redis_url", "store_url"),
];
/// Sections that such a name may follow.
const SECTIONS: &[&str] = &["server_", "operations_", "store_"];
/// Factor for a similarity to only the last words of a name, because its section differs.
const IN_ANOTHER_SECTION: f64 = 0.9;

/// Returns the candidate that begins with the words of `name`. If there is none, returns the
/// candidate that is our name for a setting which other servers call `name`. If there is none
/// either, returns the most similar candidate. The similarity is that of the whole name, or of its
/// last words if that is greater.
pub(super) fn nearest(name: &str, candidates: &[String]) -> String {
    let name: String = name.chars().take(COMPARED_CHARACTERS_MAX).collect();
    let (wanted, last) = (words(&name), words(name.rsplit('.').next().unwrap_or_default()));
    let all: Vec<_> = candidates.iter().map(|candidate| (words(candidate), candidate)).collect();
    let shortest = |is_like: &dyn Fn(&str) -> bool| {
        all.iter().filter(|(text, _)| is_like(text)).min_by_key(|(text, _)| text.len())
    };
    let begins = |text: &str| {
        text.strip_prefix(&wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    };
    let means_the_same = |text: &str| {
        let (section, ours) = alike(&wanted)?;
        let here = text.strip_prefix(section) == Some(ours);
        let anywhere = section.is_empty() && text.ends_with(&format!("_{ours}"));
        Some(here || anywhere)
    };
    let found = shortest(&begins)
        .or_else(|| shortest(&|text| means_the_same(text).unwrap_or(false)))
        .or_else(|| {
            let score = |text: &str| likeness(&wanted, &last, text);
            all.iter().max_by(|(a, _), (b, _)| score(a).total_cmp(&score(b)))
        });
    found.map(|(_, candidate)| (*candidate).clone()).unwrap_or_default()
}

/// Joins the words of a name by `_`, in lower case and without our prefix.
fn words(name: &str) -> String {
    let name = name.to_lowercase();
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<_> = words.collect();
    words.strip_prefix(&["countersign"]).unwrap_or(&words).join("_")
}

/// Splits a name into its section and its last word, and translates that word of another server
/// into ours.
fn alike(wanted: &str) -> Option<(&str, &'static str)> {
    let section = SECTIONS.iter().find(|section| wanted.starts_with(**section));
    let (section, word) = wanted.split_at(section.map_or(0, |section| section.len()));
    let (_, ours) = ALIKE.iter().find(|(theirs, _)| *theirs == word)?;
    Some((section, ours))
}

/// Returns the similarity of two names, from 0 to 1. `last` is the last part of the wanted name.
fn likeness(wanted: &str, last: &str, candidate: &str) -> f64 {
    let like = strsim::normalized_damerau_levenshtein;
    let tails = candidate.match_indices('_').filter_map(|(at, _)| candidate.get(at + 1..));
    let by_tail = tails.map(|tail| like(wanted, tail).max(like(last, tail)));
    like(wanted, candidate).max(IN_ANOTHER_SECTION * by_tail.fold(0.0, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str) -> String {
        let known = [
            "COUNTERSIGN_LISTEN",
            "COUNTERSIGN_STORE",
            "COUNTERSIGN_SECRET_KEY",
            "COUNTERSIGN_WEBHOOK_URL",
            "COUNTERSIGN_WEBHOOK_ALLOW_HOSTS",
            "COUNTERSIGN__SERVER__LISTEN",
            "COUNTERSIGN__SERVER__DATA_DIR",
            "COUNTERSIGN__SERVER__PUBLIC_URL",
            "COUNTERSIGN__OPERATIONS__LISTEN",
            "COUNTERSIGN__STORE__URL",
            "COUNTERSIGN__LOG__LEVEL",
            "COUNTERSIGN__LOG__FORMAT",
            "COUNTERSIGN__TENANTS__0__SECRET_KEYS",
        ];
        nearest(name, &known.map(str::to_owned))
    }

    #[test]
    fn a_name_that_begins_with_the_words_comes_first() {
        assert_eq!(found("COUNTERSIGN_SECRET"), "COUNTERSIGN_SECRET_KEY");
        assert_eq!(found("COUNTERSIGN_WEBHOOK"), "COUNTERSIGN_WEBHOOK_URL");
        assert_eq!(found("COUNTERSIGN_LOG"), "COUNTERSIGN__LOG__LEVEL");
        assert_eq!(found("COUNTERSIGN_SERVER_LISTEN"), "COUNTERSIGN__SERVER__LISTEN");
    }

    #[test]
    fn names_of_other_servers_are_understood() {
        for name in ["PORT", "HOST", "BIND", "ADDRESS"] {
            assert_eq!(found(&format!("COUNTERSIGN_{name}")), "COUNTERSIGN_LISTEN");
        }
        assert_eq!(found("COUNTERSIGN_SERVER_PORT"), "COUNTERSIGN__SERVER__LISTEN");
        assert_eq!(found("COUNTERSIGN__OPERATIONS__PORT"), "COUNTERSIGN__OPERATIONS__LISTEN");
        assert_eq!(found("COUNTERSIGN_REDIS_URL"), "COUNTERSIGN__STORE__URL");
    }

    #[test]
    fn a_name_without_its_section_is_found_by_its_last_words() {
        assert_eq!(found("COUNTERSIGN_DATA_DIR"), "COUNTERSIGN__SERVER__DATA_DIR");
        assert_eq!(found("COUNTERSIGN_PUBLIC_URL"), "COUNTERSIGN__SERVER__PUBLIC_URL");
        assert_eq!(found("COUNTERSIGN_SECRET_KEYS"), "COUNTERSIGN_SECRET_KEY");
        assert_eq!(found("COUNTERSIGN_LOGLEVEL"), "COUNTERSIGN__LOG__LEVEL");
    }
}
