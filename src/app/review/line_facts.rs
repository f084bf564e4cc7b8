//! What is known of single lines apart from the rules: where they moved, who wrote them, which of them ran under tests,
//! and what colleagues wrote about them. All of it arrives after the change is open.

use std::sync::Arc;

use super::colleagues::Colleagues;
use crate::change::RepoPath;
use crate::change::compare::Line;
use crate::change::moved::{Move, Moves};
use crate::provenance::attribution::Attribution;
use crate::risk::external::test_coverage::TestCoverage;

#[derive(Debug, Clone, Default)]
pub struct LineFacts {
    pub moves: Arc<Moves>,
    pub attribution: Arc<Attribution>,
    /// Which lines tests ran, if a report says so.
    pub tested: Arc<TestCoverage>,
    /// What colleagues wrote at a review server.
    pub colleagues: Colleagues,
}

impl LineFacts {
    /// Where a line of a file, by index, came from or went; none for what stayed.
    pub fn moved(&self, index: usize, line: Line) -> Option<Move> {
        match line {
            Line::Added { new } => self.moves.came(index, new),
            Line::Removed { old } => self.moves.went(index, old),
            Line::Context { .. } => None,
        }
    }

    /// Whether a report says that no test ran an added line.
    pub fn is_missed(&self, path: &RepoPath, line: Line) -> bool {
        matches!(line, Line::Added { new } if self.tested.is_missed(path, new + 1))
    }

    /// Who wrote an added line, as one letter; a blank for the others.
    pub fn author_letter(&self, index: usize, line: Line) -> char {
        match line {
            Line::Added { new } => self.attribution.of(index, new).letter(),
            _ => ' ',
        }
    }
}
