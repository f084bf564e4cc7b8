//! What a decision binds to: the touched paths with mode and content before and after, independent of diff algorithm,
//! rename detection, place in history and commit ids.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::diff::Mode;
use super::digest::Digest;
use super::{ObjectId, RepoPath, visible};

/// One side of a path: its mode, and the SHA-256 of its content. For a submodule, of the commit id's 40 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Image {
    /// Its git mode.
    pub mode: Mode,
    /// SHA-256 of the content as git stores it, before any filter.
    pub content: Digest,
}

impl Image {
    /// In the format of submodules: the digest of the commit id's 40 hex digits.
    pub fn of_submodule(commit: ObjectId) -> Image {
        Image { mode: Mode::Submodule, content: Digest::of(commit.to_string().as_bytes()) }
    }
}

/// The content of a path before and after.
pub type Sides = (Option<Image>, Option<Image>);

/// A hash of one entry of a manifest. The wrapping sum over all entries is [`Manifest::rolling_hash`], which can
/// therefore be updated entry by entry. Not to be stored on disk: another build may compute other values.
pub fn rolling_hash(path: &RepoPath, sides: Sides) -> u64 {
    let mut hasher = DefaultHasher::new();
    (path, sides).hash(&mut hasher);
    hasher.finish()
}

/// The touched paths, each with its content before and after. No path has two equal sides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    entries: BTreeMap<RepoPath, Sides>,
}

impl Manifest {
    /// Adds a path; one that did not change is omitted.
    pub fn insert(&mut self, path: RepoPath, old: Option<Image>, new: Option<Image>) {
        if old == new {
            self.entries.remove(&path);
        } else {
            self.entries.insert(path, (old, new));
        }
    }

    /// Appends `next` to this manifest: first images before, last images after. A path that returns to its start is
    /// removed.
    pub fn then(&mut self, next: &Manifest) {
        for (path, (old, new)) in &next.entries {
            let first = self.entries.get(path).map_or(*old, |(first, _)| *first);
            self.insert(path.clone(), first, *new);
        }
    }

    /// The number of paths that differ.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The paths, sorted by their bytes.
    pub fn paths(&self) -> impl Iterator<Item = &RepoPath> {
        self.entries.keys()
    }

    /// Each path with its old and its new side; an absent side is none, and the two are never equal.
    pub fn iter(&self) -> impl Iterator<Item = (&RepoPath, Option<Image>, Option<Image>)> {
        self.entries.iter().map(|(path, (old, new))| (path, *old, *new))
    }

    /// Whether exactly this path differs.
    pub fn touches(&self, path: &RepoPath) -> bool {
        self.entries.contains_key(path)
    }

    /// The bytes whose SHA-256 is the manifest digest: one line a path, sorted by the path's bytes,
    /// `<old mode> <old sha256> <new mode> <new sha256> <path>`. An absent side is mode `000000` and 64 zeros; in the
    /// path, backslash, line feed and every byte outside 0x20..=0x7E are `\xNN`. Format: `record/SPEC.md`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = String::new();
        for (path, (old, new)) in &self.entries {
            out.push_str(&format!("{} {} {}\n", side(*old), side(*new), escape(path)));
        }
        out.into_bytes()
    }

    /// Reads what [`Manifest::encode`] wrote, and nothing else.
    pub fn decode(bytes: &[u8]) -> Option<Manifest> {
        let manifest = Manifest::recalled(std::str::from_utf8(bytes).ok()?)?;
        (manifest.encode() == bytes).then_some(manifest)
    }

    /// As [`Manifest::decode`], for a text that it has accepted before.
    pub(crate) fn recalled(text: &str) -> Option<Manifest> {
        let mut manifest = Manifest::default();
        for line in text.lines() {
            let mut fields = line.splitn(5, ' ');
            let old = parse_side(fields.next()?, fields.next()?)?;
            let new = parse_side(fields.next()?, fields.next()?)?;
            let path = unescape(fields.next()?).filter(|path| !path.0.is_empty())?;
            manifest.insert(path, old, new);
        }
        Some(manifest)
    }

    /// The sum of [`rolling_hash`] over the entries. Manifests with different sums are different; if the sums are
    /// equal, compare the digests.
    pub fn rolling_hash(&self) -> u64 {
        self.entries.iter().fold(0, |sum, (path, sides)| sum.wrapping_add(rolling_hash(path, *sides)))
    }

    /// SHA-256 of [`Manifest::encode`]: what a decision binds to.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.encode())
    }
}

fn side(image: Option<Image>) -> String {
    match image {
        Some(image) => format!("{} {}", image.mode.octal(), image.content),
        None => format!("000000 {}", Digest([0; 32])),
    }
}

fn parse_side(mode: &str, content: &str) -> Option<Option<Image>> {
    let content: Digest = content.parse().ok()?;
    let mode = match mode {
        "000000" => return (content.0 == [0; 32]).then_some(None),
        "100644" => Mode::File,
        "100755" => Mode::Executable,
        "120000" => Mode::Symlink,
        "160000" => Mode::Submodule,
        _ => return None,
    };
    Some(Some(Image { mode, content }))
}

/// A path as printable ASCII without loss: backslash and every byte outside 0x20..=0x7E are `\xNN`.
pub fn escape(path: &RepoPath) -> String {
    let mut out = String::with_capacity(path.0.len());
    for &byte in &path.0 {
        match byte {
            0x20..=0x7E if byte != b'\\' => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out
}

/// A path that [`escape`] encoded, as people read it: its letters as letters. What encodes no path is shown as it is.
pub fn shown(escaped: &str) -> String {
    unescape(escaped).map_or_else(|| visible::text(escaped).into_owned(), |path| visible::line(&path.0))
}

/// The path that [`escape`] encoded as this text; none if it encodes no path so.
pub fn unescape(text: &str) -> Option<RepoPath> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        bytes.push(u8::from_str_radix(rest.get(at + 1..at + 4)?.strip_prefix('x')?, 16).ok()?);
        rest = &rest[at + 4..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(RepoPath(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn image(content: &str) -> Option<Image> {
        Some(Image { mode: Mode::File, content: Digest::of(content.as_bytes()) })
    }

    #[test]
    fn one_step_after_another_is_the_whole_way() {
        let mut first = Manifest::default();
        first.insert("a".into(), image("1"), image("2"));
        first.insert("b".into(), None, image("x"));
        let mut second = Manifest::default();
        second.insert("a".into(), image("2"), image("3"));
        second.insert("b".into(), image("x"), None);
        first.then(&second);
        let mut whole = Manifest::default();
        whole.insert("a".into(), image("1"), image("3"));
        assert_eq!(first, whole);
    }

    #[test]
    fn the_digest_of_a_known_manifest_never_changes() {
        let mut manifest = Manifest::default();
        manifest.insert(RepoPath(b"caf\xe9\\ \n".to_vec()), None, image("x"));
        let text = String::from_utf8(manifest.encode()).unwrap();
        assert!(text.ends_with(" caf\\xe9\\x5c \\x0a\n"), "{text}");
        assert_eq!(manifest.digest().to_string(), "b0abe36ba0bfcbdbe9aa64fc4ce395a506bab2bd42b8ede9762895c2a7fb55c4");
    }

    #[test]
    fn a_path_is_shown_with_its_letters_and_without_what_a_terminal_obeys() {
        let path = |bytes: &[u8]| shown(&escape(&RepoPath(bytes.to_vec())));
        assert_eq!(path("設定/größe.txt".as_bytes()), "設定/größe.txt");
        assert_eq!(path(b"a\\\x1b[2J\n\xff"), "a\\\u{241b}[2J\u{240a}<FF>");
        assert_eq!(shown("\\zz\u{1b}"), "\\zz\u{241b}", "what encodes no path");
    }

    proptest! {
        #[test]
        fn a_manifest_is_read_back_as_it_was_written(paths: Vec<Vec<u8>>) {
            let mut manifest = Manifest::default();
            for path in paths.into_iter().filter(|path| !path.is_empty()) {
                manifest.insert(RepoPath(path), None, image("x"));
            }
            prop_assert_eq!(Manifest::decode(&manifest.encode()), Some(manifest));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Manifest::decode(&bytes);
        }
    }
}
