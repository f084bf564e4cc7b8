//! What a revision does to each path, before any text is compared.

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::wide::{self, Encoding};
use super::{ObjectId, RepoPath};

/// The kind of a tree entry, by git's file mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// `100644`.
    File,
    /// `100755`.
    Executable,
    /// `120000`: the content is its target.
    Symlink,
    /// A gitlink: the commit of a submodule.
    Submodule,
}

impl Mode {
    /// Git's octal mode.
    pub fn octal(self) -> &'static str {
        match self {
            Mode::File => "100644",
            Mode::Executable => "100755",
            Mode::Symlink => "120000",
            Mode::Submodule => "160000",
        }
    }
}

/// One side of a path: its entry in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TreeEntry {
    /// The kind of entry.
    pub mode: Mode,
    /// The blob, or for a submodule the commit.
    pub id: ObjectId,
}

/// A path that differs between base tree and head tree. At least one side exists, and the sides differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDiff {
    /// The path of its new side, or of its only one.
    pub path: RepoPath,
    /// The path of its old side, if it was moved: see `renames`.
    pub from: Option<RepoPath>,
    /// The other half, if a file was moved to where its text means something else, and therefore counts as a removal
    /// and an addition.
    pub counterpart: Option<Counterpart>,
    /// The entry of the base tree there, or at `from`; none if it is new.
    pub old: Option<TreeEntry>,
    /// The entry of the head tree there; none if it was removed.
    pub new: Option<TreeEntry>,
}

/// The path and content of the other half of a move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counterpart {
    /// The path of the other half.
    pub path: RepoPath,
    /// The blob there.
    pub id: ObjectId,
}

impl FileDiff {
    /// Whether it is half of a move with different content.
    pub fn changed_across(&self) -> bool {
        let own = self.new.or(self.old).map(|entry| entry.id);
        self.counterpart.as_ref().is_some_and(|other| Some(other.id) != own)
    }

    /// Both of its paths, the new one first.
    pub fn paths(&self) -> impl Iterator<Item = &RepoPath> {
        std::iter::once(&self.path).chain(&self.from)
    }

    /// A move as a removal and an addition; anything else unchanged.
    pub fn apart(&self) -> Vec<FileDiff> {
        match &self.from {
            None => vec![self.clone()],
            Some(from) => vec![
                FileDiff { path: from.clone(), from: None, new: None, ..self.clone() },
                FileDiff { from: None, old: None, ..self.clone() },
            ],
        }
    }
}

/// All paths that a revision touches, sorted by path. A move is a removal and an addition, until `renames::paired`
/// joins the two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diff {
    /// Sorted by path.
    pub files: Vec<FileDiff>,
    /// Folders of the old side below which nothing is left, without those inside another of them, sorted.
    pub deleted_folders: Vec<RepoPath>,
}

impl Diff {
    /// The change at a path.
    pub fn at(&self, path: &RepoPath) -> Option<&FileDiff> {
        let at = self.files.binary_search_by(|file| file.path.cmp(path)).ok()?;
        self.files.get(at)
    }

    /// The same diff with moves split into their two paths again: what is signed, and what the policy requires, is by
    /// path.
    pub fn apart(&self) -> Diff {
        let mut files: Vec<_> = self.files.iter().flat_map(FileDiff::apart).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Diff { files, deleted_folders: self.deleted_folders.clone() }
    }
}

/// The side of a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// The side of the base tree.
    Old,
    /// The side of the head tree.
    New,
}

/// A place in a diff. Lines are 1-based; 0 is the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    /// The path on that side.
    pub path: RepoPath,
    /// Which side's lines are counted.
    pub side: Side,
    /// Counts from 1; 0 is the file as a whole.
    pub line: u32,
}

/// `path:line`, or the path alone for the file as a whole. Escaped.
impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.path),
            line => write!(f, "{}:{line}", self.path),
        }
    }
}

/// The content of one side of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Bytes treated as text; not necessarily UTF-8.
    Text(Vec<u8>),
    /// Text in UTF-16 or UTF-32, converted to UTF-8, without its byte order mark.
    Wide {
        /// The text, in UTF-8.
        text: Vec<u8>,
        /// The original encoding.
        encoding: Encoding,
        /// SHA-256 of the bytes in the repository.
        digest: Digest,
    },
    /// Bytes with a NUL among the first 8,000, as git distinguishes binary from text; or with a byte order mark of
    /// UTF-16 or UTF-32 that is not followed by valid text.
    Binary {
        /// Bytes of the content.
        size: u64,
        /// SHA-256 of the content.
        digest: Digest,
        /// The file type according to its first bytes; a claim of the file.
        kind: &'static str,
        /// What can be read of a text that is not quite one, and runs or is taken as one all the same: a shell passes
        /// over a NUL. It is shown and examined as well; what is not text in it is drawn as marks.
        readable: Option<Vec<u8>>,
    },
    /// Where a symlink points.
    Symlink(Vec<u8>),
    /// The commit of a submodule; its contents are not in this repository.
    Submodule(ObjectId),
    /// Over [`MAX_TEXT_BYTES`]: not compared line by line.
    TooLarge {
        /// Bytes of the content.
        size: u64,
    },
    /// A Git LFS pointer: the content is elsewhere. The pointer's text is kept.
    LfsPointer(Vec<u8>),
}

/// The kind of [`Content`] of a blob's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentKind {
    /// No NUL among the first 8,000 bytes, and no byte order mark of UTF-16 or UTF-32.
    Text,
    /// Text in UTF-16 or UTF-32.
    Wide,
    /// Bytes that are not text.
    Binary,
    /// Over [`MAX_TEXT_BYTES`], whatever the content.
    TooLarge,
    /// A pointer of git-lfs, in any spelling that git-lfs accepts.
    LfsPointer,
}

impl ContentKind {
    /// Checks size, first bytes and the spelling of pointers; for a symlink or submodule use the mode.
    pub fn of(bytes: &[u8]) -> ContentKind {
        if bytes.len() as u64 > MAX_TEXT_BYTES {
            ContentKind::TooLarge
        } else if wide::is_decodable(bytes) {
            ContentKind::Wide
        } else if bytes[..bytes.len().min(8000)].contains(&0) || wide::is_marked(bytes) {
            ContentKind::Binary
        } else if is_lfs_pointer(bytes) {
            ContentKind::LfsPointer
        } else {
            ContentKind::Text
        }
    }
}

/// Texts above this size are an omission to acknowledge, not rows: 16 MiB, over 200,000 lines of ordinary code.
pub const MAX_TEXT_BYTES: u64 = 16 << 20;

impl Content {
    /// Classifies the bytes of a blob as text or not.
    pub fn of_blob(bytes: Vec<u8>) -> Content {
        let size = bytes.len() as u64;
        match ContentKind::of(&bytes) {
            ContentKind::TooLarge => Content::TooLarge { size },
            ContentKind::Binary => Content::binary(bytes),
            ContentKind::LfsPointer => Content::LfsPointer(bytes),
            ContentKind::Text => Content::Text(bytes),
            ContentKind::Wide => match wide::decoded(&bytes) {
                Some((encoding, text)) => {
                    Content::Wide { text: text.into_bytes(), encoding, digest: Digest::of(&bytes) }
                }
                None => Content::binary(bytes),
            },
        }
    }

    fn binary(bytes: Vec<u8>) -> Content {
        let (size, digest, kind) = (bytes.len() as u64, Digest::of(&bytes), kind(&bytes));
        let readable = wide::mostly(&bytes).map(String::into_bytes).or_else(|| is_nearly_text(&bytes).then_some(bytes));
        Content::Binary { size, digest, kind, readable }
    }

    /// The encoding of a text that is not UTF-8.
    pub fn encoding(&self) -> Option<Encoding> {
        match self {
            Content::Wide { encoding, .. } => Some(*encoding),
            _ => None,
        }
    }

    /// The SHA-256 of the blob, if all of it was read.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Content::Binary { digest, .. } | Content::Wide { digest, .. } => Some(*digest),
            other => other.text().map(Digest::of),
        }
    }

    /// The bytes to compare line by line, if this is text.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Content::Text(text) | Content::Wide { text, .. } => Some(text),
            Content::Symlink(bytes) | Content::LfsPointer(bytes) => Some(bytes),
            Content::Binary { readable, .. } => readable.as_deref(),
            _ => None,
        }
    }
}

/// What to say of a text that is written in another encoding than before: none of its lines shows it.
pub fn recoded(old: Option<&Content>, new: Option<&Content>) -> Option<String> {
    let name = |content: &Content| content.text().map(|_| content.encoding().map_or("UTF-8", |own| own.name()));
    let (old, new) = (name(old?)?, name(new?)?);
    (old != new).then(|| format!("the text was {old}, is {new}; the bytes differ"))
}

/// The bytes that git-lfs reads: a pointer is within them, whatever follows.
const LFS_BYTES: usize = 1024;
/// All version names of the first pointer format; git-lfs still accepts each.
const LFS_VERSIONS: [&str; 3] =
    ["https://git-lfs.github.com/spec/v1", "https://hawser.github.com/spec/v1", "http://git-media.io/v/2"];

/// Whether git-lfs would replace this with other content: blank lines, CR LF, extensions and surrounding whitespace
/// make no difference to it. This accepts more as a pointer than git-lfs does, never less: other orders, and missing
/// members.
fn is_lfs_pointer(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LFS_BYTES)]);
    let is_member = |line: &&str| {
        let key = line.split(' ').next().unwrap_or_default();
        matches!(key, "version" | "oid" | "size") || key.starts_with("ext-")
    };
    let mut members = text.lines().map(str::trim).filter(|line| !line.is_empty()).take_while(is_member);
    members.any(|line| line.strip_prefix("version ").is_some_and(|version| LFS_VERSIONS.contains(&version.trim())))
}

/// The bytes of a text among which one may be none.
const FEW: usize = 16;

/// Whether bytes with a NUL among the first are a script by their first line, or text but for a few of them.
fn is_nearly_text(bytes: &[u8]) -> bool {
    let first = &bytes[..bytes.len().min(8000)];
    let is_odd = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C | 0x1B);
    let invalid = first.utf8_chunks().map(|chunk| chunk.invalid().len()).sum::<usize>();
    let odd = first.iter().filter(|byte| is_odd(byte)).count() + invalid;
    bytes.starts_with(b"#!") || !wide::is_marked(bytes) && odd * FEW <= first.len() && first.contains(&b'\n')
}

/// First bytes → the usual name of the file type.
const MAGIC: &[(&[u8], &str)] = &[
    (b"\xff\xfe\0\0", "invalid UTF-32 text"),
    (b"\0\0\xfe\xff", "invalid UTF-32 text"),
    (b"\xff\xfe", "invalid or ambiguous UTF-16 text"),
    (b"\xfe\xff", "invalid or ambiguous UTF-16 text"),
    (b"G@\0", "MPEG transport stream"),
    (b"\x7fELF", "ELF program"),
    (b"MZ", "Windows program"),
    (b"\xcf\xfa\xed\xfe", "Mach-O program"),
    (b"\xca\xfe\xba\xbe", "Java class or Mach-O program"),
    (b"\0asm", "WebAssembly"),
    (b"\x89PNG", "PNG image"),
    (b"\xff\xd8\xff", "JPEG image"),
    (b"GIF8", "GIF image"),
    (b"PK\x03\x04", "zip archive"),
    (b"\x1f\x8b", "gzip archive"),
    (b"BZh", "bzip2 archive"),
    (b"\xfd7zXZ", "xz archive"),
    (b"\x28\xb5\x2f\xfd", "zstd archive"),
    (b"!<arch>", "ar archive"),
    (b"%PDF", "PDF"),
    (b"SQLite format 3", "SQLite database"),
];

fn kind(bytes: &[u8]) -> &'static str {
    MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)).map_or("binary", |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_lfs_takes_for_a_pointer_is_one_in_every_spelling() {
        let pointer = |version: &str| format!("version {version}\noid sha256:{}\nsize 12\n", "a".repeat(64));
        let plain = pointer("https://git-lfs.github.com/spec/v1");
        let rows = [
            ("as it is written today", plain.clone()),
            ("before it had its name", pointer("https://hawser.github.com/spec/v1")),
            ("at first", pointer("http://git-media.io/v/2")),
            ("CR LF", plain.replace('\n', "\r\n")),
            ("blank lines before", format!("\n \t\r\n{plain}")),
            ("other white space before", format!("\u{c}\u{85}\u{a0}{plain}")),
            ("blank lines between and after", plain.replace('\n', "\n\n")),
            ("no line feed at the end", plain.trim_end().to_owned()),
            ("blanks up to beyond what is looked at", format!("{plain}{}", " ".repeat(5000))),
            ("an extension between", plain.replace("oid", "ext-0-foo sha256:00\noid")),
            ("an extension first", format!("ext-0-foo sha256:00\n{plain}")),
            ("another order", format!("size 12\n{}", plain.replace("size 12\n", ""))),
        ];
        for (what, text) in rows {
            let content = Content::of_blob(text.clone().into_bytes());
            assert_eq!(content, Content::LfsPointer(text.into_bytes()), "{what}");
        }
        let texts = [
            ("another version", pointer("https://git-lfs.github.com/spec/v9")),
            ("a text about pointers", format!("A pointer:\n\n{plain}")),
            ("beyond what is looked at", format!("{}{plain}", "\n".repeat(1024))),
            ("a version of something else", "version 1\noid 2\n".to_owned()),
        ];
        for (what, text) in texts {
            assert_eq!(Content::of_blob(text.clone().into_bytes()), Content::Text(text.into_bytes()), "{what}");
        }
    }

    #[test]
    fn text_in_utf_16_is_text_and_binds_to_its_bytes_and_what_is_invalid_is_binary() {
        let bytes = |mark: &[u8], rest: &[u8]| Content::of_blob([mark, rest].concat());
        let text = bytes(b"\xff\xfe", b"a\0\n\0");
        assert_eq!(text.text(), Some(&b"a\n"[..]));
        assert_eq!((text.encoding(), text.digest()), (Some(Encoding::Utf16Le), Some(Digest::of(b"\xff\xfea\0\n\0"))));
        for mark in [b"\xff\xfe", b"\xfe\xff"] {
            let invalid = bytes(mark, b"N-\xd8\xd8");
            assert!(matches!(invalid, Content::Binary { kind: "invalid or ambiguous UTF-16 text", .. }), "{invalid:?}");
        }
        assert!(matches!(bytes(b"\xef\xbb\xbf", b"N-N\xd8"), Content::Text(_)));
    }

    #[test]
    fn a_text_that_is_not_quite_one_is_binary_and_can_be_read_all_the_same() {
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let remove = wide("\u{FEFF}Remove-Item -Recurse C:\\\r\n");
        let rows: &[(&[u8], Option<&str>)] = &[
            (b"#!/bin/bash\necho a\0\nrm -rf \"$HOME\"\n", Some("#!/bin/bash\necho a\0\nrm -rf \"$HOME\"\n")),
            (b"#!/bin/sh\n\0\0\0\0\0\0", Some("#!/bin/sh\n\0\0\0\0\0\0")),
            (b"import os\n#\0\nos.system(\"x\")\n", Some("import os\n#\0\nos.system(\"x\")\n")),
            (&[&remove[..], b"x"].concat(), Some("Remove-Item -Recurse C:\\\r\n\u{FFFD}")),
            (&[&remove[..], b"\x00\xd8\r\0\n\0"].concat(), Some("Remove-Item -Recurse C:\\\r\n\u{FFFD}\r\n")),
            (b"a\0b", None),
            (b"\x7fELF\0\0\x01\x02\n\x03\0\0", None),
            (b"\xff\xfe\xd8\xd8\xd8\xd8", None),
        ];
        for (bytes, text) in rows {
            let content = Content::of_blob(bytes.to_vec());
            assert!(matches!(content, Content::Binary { .. }), "{content:?}");
            assert_eq!(content.text(), text.map(str::as_bytes), "{content:?}");
            assert_eq!(content.digest(), Some(Digest::of(bytes)));
        }
    }
}
