//! Paths as tools write them → paths of a tree. An ambiguous path is not guessed.

use std::collections::{BTreeMap, HashMap};

use super::json::{self, Object};
use super::{Diagnostic, MAX_NAME, ReportedPath, cut};
use crate::change::RepoPath;

/// Bytes of a path.
const MAX_PATH: usize = 4_096;
/// The longest chain of bases that refer to each other.
const MAX_CHAIN: usize = 8;
/// How many folders of a path are tried as its root.
const MAX_FOLDERS: usize = 64;

/// The bases of relative URIs of a run, by their names.
#[derive(Default)]
pub(super) struct Bases(BTreeMap<String, (String, Option<String>)>);

impl Bases {
    pub fn of(given: &Object<'_>) -> Bases {
        let base = |raw| {
            let value = json::value(raw)?;
            Some((
                cut(value["uri"].as_str().unwrap_or_default(), MAX_PATH),
                value["uriBaseId"].as_str().map(str::to_owned),
            ))
        };
        Bases(given.members().filter_map(|(name, raw)| Some((name.clone(), base(raw)?))).collect())
    }

    /// The path of a URI; none if it is not a file, or too long.
    pub fn path(&self, uri: &str, base: Option<&str>) -> Option<ReportedPath> {
        let (mut whole, mut base) = (uri.to_owned(), base);
        for _ in 0..MAX_CHAIN {
            let Some((start, next)) = base.filter(|_| !is_absolute(&whole)).and_then(|base| self.0.get(base)) else {
                break;
            };
            let gap = if start.is_empty() || start.ends_with('/') { "" } else { "/" };
            whole = format!("{start}{gap}{whole}");
            if whole.len() > MAX_PATH {
                return None;
            }
            base = next.as_deref();
        }
        of_uri(&whole)
    }
}

fn is_absolute(uri: &str) -> bool {
    scheme(uri).is_some() || uri.starts_with('/')
}

/// The part before the colon; one letter is a drive.
fn scheme(uri: &str) -> Option<&str> {
    let (scheme, _) = uri.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        && scheme.as_bytes()[0].is_ascii_alphabetic();
    is_scheme.then_some(scheme)
}

/// The path in a URI of a file, percent-decoded; a plain path is one too.
fn of_uri(uri: &str) -> Option<ReportedPath> {
    let path = match scheme(uri) {
        Some(scheme) if scheme.eq_ignore_ascii_case("file") => {
            let rest = &uri["file:".len()..];
            // The host between the slashes says nothing of a path in a tree.
            rest.strip_prefix("//").map_or(rest, |rest| rest.find('/').map_or("", |at| &rest[at..]))
        }
        Some(_) => return None,
        None => uri,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    plain(&decoded(path.as_bytes()))
}

/// A path that is not a URI.
pub(super) fn plain(path: &[u8]) -> Option<ReportedPath> {
    let is_path = !path.is_empty() && path.len() <= MAX_PATH && !path.contains(&0);
    is_path.then(|| ReportedPath(path.iter().map(|&byte| if byte == b'\\' { b'/' } else { byte }).collect()))
}

/// A percent sign without two digits is kept.
fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| (*text.get(at)? as char).to_digit(16);
    let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(&byte) = text.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

impl ReportedPath {
    /// Its parts without `.`, `..` and empty ones; none if it leads out of its root.
    fn parts(&self) -> Option<Vec<&[u8]>> {
        let mut parts = Vec::new();
        for part in self.0.split(|&byte| byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => _ = parts.pop()?,
                part => parts.push(part),
            }
        }
        (!parts.is_empty()).then_some(parts)
    }

    fn is_absolute(&self) -> bool {
        let is_drive = self.0.get(1) == Some(&b':') && self.0.first().is_some_and(u8::is_ascii_alphabetic);
        is_drive || self.0.first() == Some(&b'/')
    }

    /// As text for people; not escaped, cut.
    pub(super) fn shown(&self) -> String {
        cut(&String::from_utf8_lossy(&self.0), MAX_NAME)
    }
}

/// A possible position of a path in a tree: the folders before, and the path from there on.
type Place<'p> = (Vec<&'p [u8]>, RepoPath);

/// Possible positions of a path in a tree: a relative path itself; for an absolute one, the rest below some root.
fn places<'p>(path: &'p ReportedPath, exists: &mut impl FnMut(&RepoPath) -> bool) -> Vec<Place<'p>> {
    let Some(parts) = path.parts() else { return Vec::new() };
    let roots = if path.is_absolute() { parts.len().min(MAX_FOLDERS) } else { 1 };
    let at = |root: usize| (parts[..root].to_vec(), RepoPath(parts[root..].join(&b'/')));
    (0..roots).map(at).filter(|(_, path)| exists(path)).collect()
}

/// Maps the paths of a run to paths of a tree. Absolute ones begin with a root that the report does not name: the most
/// common of the possible roots is used; for a path with another root, only an unambiguous match.
pub(super) fn resolved<'p>(
    paths: impl Iterator<Item = &'p ReportedPath>,
    mut exists: impl FnMut(&RepoPath) -> bool,
) -> HashMap<&'p ReportedPath, RepoPath> {
    let mut found: BTreeMap<&ReportedPath, Vec<Place<'p>>> = BTreeMap::new();
    for path in paths {
        found.entry(path).or_insert_with(|| places(path, &mut exists));
    }
    let mut votes: BTreeMap<&[&[u8]], usize> = BTreeMap::new();
    for (root, _) in found.values().flatten() {
        *votes.entry(root).or_default() += 1;
    }
    let best = votes.iter().max_by_key(|(root, votes)| (**votes, std::cmp::Reverse(root.len())));
    let best = best.map(|(root, _)| root.to_vec());
    let one = |places: &Vec<Place<'p>>| {
        let of_best = places.iter().find(|(root, _)| Some(root) == best.as_ref());
        let only = places.first().filter(|_| places.len() == 1);
        of_best.or(only).map(|(_, path)| path.clone())
    };
    found.iter().filter_map(|(path, places)| Some((*path, one(places)?))).collect()
}

/// All paths in results.
pub(super) fn of(diagnostics: &[Diagnostic]) -> impl Iterator<Item = &ReportedPath> {
    diagnostics.iter().filter_map(|found| found.path.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ReportedPath {
        ReportedPath(text.as_bytes().to_vec())
    }

    #[test]
    fn uris_become_paths_over_chains_of_bases_and_circles_end() {
        let text = r#"{"ROOT": {"uri": "file:///w/shop/"}, "SRC": {"uri": "src", "uriBaseId": "ROOT"},
            "A": {"uri": "a/", "uriBaseId": "B"}, "B": {"uri": "b/", "uriBaseId": "A"}}"#;
        let bases = Bases::of(&Object::of(json::parse(text).unwrap()));
        let shown = |uri: &str, base| bases.path(uri, base).map(|path| path.shown());
        assert_eq!(shown("x%20y.py", Some("SRC")).as_deref(), Some("/w/shop/src/x y.py"));
        assert_eq!(shown("file://host/C:/a.cs", Some("SRC")).as_deref(), Some("/C:/a.cs"));
        assert_eq!(shown("a\\b.cs", Some("%SRCROOT%")).as_deref(), Some("a/b.cs"));
        assert_eq!(shown("x%2", None).as_deref(), Some("x%2"));
        assert_eq!(shown("https://example.com/a.py", None), None);
        assert_eq!(shown("x%00y", None), None);
        assert!(shown("x", Some("A")).is_some_and(|path| path.starts_with("b/a/")));
    }

    #[test]
    fn absolute_paths_find_their_root_and_what_may_be_two_files_is_neither() {
        let tree = ["src/x.py", "x.py", "src/y.py", "sub/src/x.py"].map(RepoPath::from);
        let of = |paths: &[ReportedPath]| {
            let found = resolved(paths.iter(), |path| tree.contains(path));
            paths.iter().map(|path| found.get(path).map(ToString::to_string)).collect::<Vec<_>>()
        };
        let some = |path: &str| Some(path.to_owned());
        assert_eq!(of(&[path("/w/shop/src/x.py"), path("/w/shop/src/y.py")]), [some("src/x.py"), some("src/y.py")]);
        // A checkout in a folder called `src`, as the other results show.
        assert_eq!(of(&[path("/w/src/x.py"), path("/w/src/src/y.py")]), [some("x.py"), some("src/y.py")]);
        assert_eq!(of(&[path("src/./../src/x.py"), path("../x.py"), path("other.py")]), [some("src/x.py"), None, None]);
        assert_eq!(of(&[path("C:/w/sub/src/x.py")]), [some("sub/src/x.py")]);
    }
}
