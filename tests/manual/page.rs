//! Fenced blocks of a page of the manual.

use std::path::Path;

use crate::read;

/// A fenced block, and the table that follows it.
#[derive(Debug, Default)]
pub struct Block {
    pub line: usize,
    /// What stands behind the fence: `sh`, `sh host`, `text output`.
    pub info: String,
    pub text: String,
    pub rows: Vec<Vec<String>>,
}

/// The blocks of a page, in their order.
pub fn blocks(path: &Path) -> Vec<Block> {
    let page = read(path);
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for (at, line) in page.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(rest) if is_open => {
                assert!(rest.is_empty(), "{}:{}: text after a block", path.display(), at + 1);
                is_open = false;
            }
            Some(info) => {
                is_open = true;
                blocks.push(Block { line: at + 1, info: info.to_owned(), ..Block::default() });
            }
            None => {
                let Some(block) = blocks.last_mut() else { continue };
                if is_open {
                    block.text.push_str(line);
                    block.text.push('\n');
                } else if line.starts_with('|') {
                    block.rows.push(line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect());
                }
            }
        }
    }
    assert!(!is_open, "{}: a block is not closed", path.display());
    blocks
}

/// What stands in backticks.
pub fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}
