//! Targets of jumps: rows by what they are, not by where they are on the screen.

use super::rows::Row;

/// A place in the diff that survives a change of layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Of the file.
    pub index: usize,
    pub(super) row: Row,
    /// The index of the row in its file, for rows that no longer exist.
    pub(super) at: usize,
    /// Rows of the screen above it.
    pub(super) above: usize,
}

/// A row that is wanted in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    File,
    /// Anything that is marked like a hunk: also a file that changed without lines, or a closed group.
    AnyHunk,
    /// Any finding or omission.
    AnyItem,
    /// Something not seen or not acknowledged.
    Unseen,
    Hunk(u32),
    Finding(u32),
    Omission(u32),
    Note(u32),
    Comment(u32),
    /// A line of a hunk.
    Line(u32, u32),
    Place(Anchor),
}
