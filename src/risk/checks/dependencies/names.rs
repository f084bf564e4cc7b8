//! Names that could be taken for others.

use std::collections::BTreeSet;

/// The least length of an imitated name: short names resemble everything.
const LEAST: usize = 6;
/// Two swapped letters seldom make another word.
const LEAST_SWAPPED: usize = 5;
/// For an owner, including the sign before it.
const LEAST_OWNER: usize = 5;

/// The package with which a new name could be confused, from the same manifest or well-known, and how.
pub(super) fn imitated(name: &str, before: &BTreeSet<String>, (registry, known): (&str, &[String])) -> Option<String> {
    let all = || known.iter().map(String::as_str).chain(before.iter().map(String::as_str));
    if all().any(|own| same_in(registry, own) == same_in(registry, name)) {
        return None;
    }
    let (owner, bare) = split(name);
    // Only the owner publishes under the owner's name: siblings are not imitations, but the owner may be one.
    if let Some(owner) = owner {
        let owned: Vec<(&str, &str)> = all().filter_map(|own| Some((split(own).0?, split(own).1))).collect();
        if owned.iter().any(|(own, _)| *own == owner) {
            return None;
        }
        // The same name under an almost equal owner leaves little doubt.
        let least = |other: &str| if other == bare { LEAST_OWNER } else { LEAST };
        return owned.iter().find_map(|(own, other)| Some(format!("{} {own}", how(owner, own, least(other))?)));
    }
    let how_like = |own: &str| how(&same_in(registry, name), &same_in(registry, own), LEAST);
    all().filter(|own| split(own).0.is_none()).find_map(|own| Some(format!("{} {own}", how_like(own)?)))
}

/// A name as its registry compares names: PyPI holds runs of `-`, `_` and `.` equal, and upper and lower case
/// (PEP 503); crates.io holds `-` and `_` equal.
fn same_in(registry: &str, name: &str) -> String {
    match registry {
        "pypi" => {
            let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
            parts.collect::<Vec<_>>().join("-").to_lowercase()
        }
        "crates" => name.replace('_', "-"),
        _ => name.to_owned(),
    }
}

/// The owner of a name and what is owned: `@scope/name`, `group:artifact`, `host/owner/module`.
fn split(name: &str) -> (Option<&str>, &str) {
    let parts = name.split_once(':').or_else(|| name.rsplit_once('/'));
    parts.map_or((None, name), |(owner, bare)| (Some(owner), bare))
}

/// How one name imitates the other, if it does; `v2` and `v3` are versions.
fn how(name: &str, own: &str, least: usize) -> Option<&'static str> {
    let bare = |name: &str| name.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let shorter = name.chars().count().min(own.chars().count());
    let is_swapped = shorter >= LEAST_SWAPPED && sorted(name) == sorted(own);
    if name == own || bare(own) == bare(name) || shorter < least && !is_swapped {
        return None;
    }
    if joined(own) == joined(name) {
        return Some("written like");
    }
    is_one_edit(own, name).then_some("one letter from")
}

fn sorted(name: &str) -> Vec<char> {
    let mut letters: Vec<char> = name.chars().collect();
    letters.sort_unstable();
    letters
}

fn joined(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_' | '.')).collect()
}

/// One letter added, dropped, changed, or two neighbours swapped.
fn is_one_edit(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let prefix = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (rest_a, rest_b) = (&a[prefix..], &b[prefix..]);
    let suffix = rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(|(x, y)| x == y).count();
    match (&rest_a[..rest_a.len() - suffix], &rest_b[..rest_b.len() - suffix]) {
        ([], []) => false,
        ([x, y], [z, w]) => x == w && y == z,
        (x, y) => x.len() <= 1 && y.len() <= 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_imitates_another_names_it_and_siblings_of_one_owner_do_not() {
        let known: Vec<String> =
            ["requests", "sidekiq", "@types/react", "com.fasterxml.jackson.core:jackson-databind", "flask"]
                .map(str::to_owned)
                .to_vec();
        let before = BTreeSet::from(["github.com/golang-jwt/jwt".to_owned()]);
        let of = |name| imitated(name, &before, ("gems", &known));
        assert_eq!(of("reqeusts").as_deref(), Some("one letter from requests"));
        assert_eq!(of("side-kiq").as_deref(), Some("written like sidekiq"));
        assert_eq!(of("@typs/react").as_deref(), Some("one letter from @types"));
        assert_eq!(of("falsk").as_deref(), Some("one letter from flask"));
        assert!(of("com.fasterxml.jakson.core:jackson-databind").is_some());
        assert!(of("github.com/golang-jvt/jwt").is_some());
        for name in [
            "@types/node",
            "requests",
            "request3s2x",
            "flasks",
            "github.com/golang-jwt/jws",
            "com.acme:jackson-databind",
        ] {
            assert_eq!(of(name), None, "{name}");
        }
    }

    #[test]
    fn what_a_registry_holds_for_the_same_name_imitates_nothing() {
        let known = ["typing-extensions", "serde_json", "zope.interface"].map(str::to_owned);
        let of = |registry, name| imitated(name, &BTreeSet::new(), (registry, &known));
        for (registry, name) in [
            ("pypi", "typing_extensions"),
            ("pypi", "Typing.Extensions"),
            ("pypi", "zope-interface"),
            ("crates", "serde-json"),
        ] {
            assert_eq!(of(registry, name), None, "{registry}: {name}");
        }
        for (registry, name) in [
            ("pypi", "typingextensions"),
            ("pypi", "typing_extenslons"),
            ("crates", "serdejson"),
            ("npm", "typing_extensions"),
        ] {
            assert!(of(registry, name).is_some(), "{registry}: {name}");
        }
    }
}
