//! What a revision does to each path, before any text is compared.

use super::manifest::Digest;
use super::{ObjectId, RepoPath};

/// The kind of a tree entry, by git's file mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    File,
    Executable,
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

/// One side of a path: what the tree has there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TreeEntry {
    pub mode: Mode,
    pub id: ObjectId,
}

/// A path that differs between base tree and head tree. At least one side is there, and the sides differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    pub path: RepoPath,
    pub old: Option<TreeEntry>,
    pub new: Option<TreeEntry>,
}

/// All paths that a revision touches, sorted by path. Renames are a removal and an addition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    pub files: Vec<FileDiff>,
}

/// The side of a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    Old,
    New,
}

/// A place in a diff. Lines are 1-based; 0 is the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    pub path: RepoPath,
    pub side: Side,
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

/// What one side of a path holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Text(Vec<u8>),
    /// Bytes with a NUL among the first 8,000, as git tells binary from text.
    Binary {
        size: u64,
        digest: Digest,
        /// What its first bytes say it is; a claim of the file.
        kind: &'static str,
    },
    /// Where a symlink points.
    Symlink(Vec<u8>),
    /// The commit of a submodule; its contents are not in this repository.
    Submodule(ObjectId),
    /// Over [`MAX_TEXT_BYTES`]: not compared line by line.
    TooLarge {
        size: u64,
    },
    /// A Git LFS pointer: the content is elsewhere. The pointer's text is kept.
    LfsPointer(Vec<u8>),
}

/// What kind of [`Content`] the bytes of a blob are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentKind {
    Text,
    Binary,
    TooLarge,
    LfsPointer,
}

impl ContentKind {
    pub fn of(bytes: &[u8]) -> ContentKind {
        if bytes.len() as u64 > MAX_TEXT_BYTES {
            ContentKind::TooLarge
        } else if bytes[..bytes.len().min(8000)].contains(&0) {
            ContentKind::Binary
        } else if bytes.len() < 1024 && bytes.starts_with(b"version https://git-lfs.github.com/spec/v1\n") {
            ContentKind::LfsPointer
        } else {
            ContentKind::Text
        }
    }
}

/// Texts above this size are an omission to acknowledge, not rows: 16 MiB, over 200,000 lines of ordinary code.
pub const MAX_TEXT_BYTES: u64 = 16 << 20;

impl Content {
    /// Sorts the bytes of a blob into text and what is not text.
    pub fn of_blob(bytes: Vec<u8>) -> Content {
        let size = bytes.len() as u64;
        match ContentKind::of(&bytes) {
            ContentKind::TooLarge => Content::TooLarge { size },
            ContentKind::Binary => Content::Binary { size, digest: Digest::of(&bytes), kind: kind(&bytes) },
            ContentKind::LfsPointer => Content::LfsPointer(bytes),
            ContentKind::Text => Content::Text(bytes),
        }
    }

    /// The SHA-256 of the blob, where all of it was read.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Content::Binary { digest, .. } => Some(*digest),
            other => other.text().map(Digest::of),
        }
    }

    /// The bytes to compare line by line, if this is text.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Content::Text(bytes) | Content::Symlink(bytes) | Content::LfsPointer(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// First bytes → what people call such a file.
const MAGIC: &[(&[u8], &str)] = &[
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
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
