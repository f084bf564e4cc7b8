//! Trees of texts that are read again and again: the changes of a queue begin with the same few files.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use tree_sitter::{Language, Tree};

/// The most bytes of all texts whose trees are kept, and of one: a tree takes some thirty times as much as its text.
const MAX_BYTES: usize = 1 << 20;
const MAX_TEXT: usize = 64 << 10;
/// The most texts that are known to have been read once.
const MAX_SEEN: usize = 1 << 14;

#[derive(Default)]
struct Known {
    /// Hashes of texts that were read once: most are never read again, and their trees are not kept.
    seen: HashSet<u64>,
    /// By the same hash.
    trees: HashMap<u64, Kept>,
    /// Those that are kept, in the order in which they came.
    order: VecDeque<u64>,
    bytes: usize,
}

struct Kept {
    language: Language,
    text: Box<str>,
    tree: Tree,
}

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

fn known() -> MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The tree of a text, as `parse` makes it, which must depend on nothing else. It is kept the second time.
pub fn tree_of(language: &Language, text: &str, parse: impl FnOnce() -> Option<Tree>) -> Option<Tree> {
    if text.len() > MAX_TEXT {
        return parse();
    }
    let mut hasher = DefaultHasher::new();
    (language, text).hash(&mut hasher);
    let hash = hasher.finish();
    if let Some(tree) = known().find(hash, language, text) {
        return Some(tree);
    }
    let tree = parse()?;
    known().take(hash, language, text, &tree);
    Some(tree)
}

impl Known {
    fn find(&self, hash: u64, language: &Language, text: &str) -> Option<Tree> {
        let kept = self.trees.get(&hash).filter(|kept| kept.language == *language && *kept.text == *text)?;
        Some(kept.tree.clone())
    }

    fn take(&mut self, hash: u64, language: &Language, text: &str, tree: &Tree) {
        if self.seen.len() >= MAX_SEEN {
            self.seen.clear();
        }
        // Another thread may have read it meanwhile; and of two texts with the same hash, the first is kept.
        if self.seen.insert(hash) || self.trees.contains_key(&hash) {
            return;
        }
        self.bytes += text.len();
        self.order.push_back(hash);
        self.trees.insert(hash, Kept { language: language.clone(), text: text.into(), tree: tree.clone() });
        while self.bytes > MAX_BYTES
            && let Some(oldest) = self.order.pop_front()
        {
            self.bytes -= self.trees.remove(&oldest).map_or(0, |kept| kept.text.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::{GO, Grammar, PYTHON, RUST};

    fn tree(grammar: &Grammar, text: &str) -> Tree {
        let mut parser = tree_sitter::Parser::new();
        parser.set_language(&grammar.language()).unwrap();
        parser.parse(text, None).unwrap()
    }

    fn read(known: &mut Known, grammar: &Grammar, hash: u64, text: &str) -> Option<String> {
        let found = known.find(hash, &grammar.language(), text).map(|tree| tree.root_node().to_sexp());
        if found.is_none() {
            known.take(hash, &grammar.language(), text, &tree(grammar, text));
        }
        found
    }

    #[test]
    fn a_text_that_is_read_again_has_the_tree_that_it_had_and_no_other_text_has_it() {
        let mut known = Known::default();
        let (one, other) = ("fn a() { b(); }", "fn a() { c(1); }");
        assert_eq!(read(&mut known, &RUST, 1, one), None);
        assert_eq!(read(&mut known, &RUST, 1, one), None, "what is read once is not kept");
        assert_eq!(read(&mut known, &RUST, 1, one), Some(tree(&RUST, one).root_node().to_sexp()));
        // Of the same hash.
        assert_eq!(read(&mut known, &RUST, 1, other), None);
        assert_eq!(read(&mut known, &PYTHON, 1, one), None);
        assert_eq!(read(&mut known, &GO, 2, one), None);
        assert!(read(&mut known, &RUST, 1, one).is_some());
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let mut known = Known::default();
        let text = "a = 1\n".repeat(MAX_TEXT / 6);
        let most = (MAX_BYTES / text.len()) as u64;
        for hash in 0..most + 8 {
            (0..2).for_each(|_| _ = read(&mut known, &PYTHON, hash, &text));
        }
        assert!(known.bytes <= MAX_BYTES && known.trees.len() == known.order.len());
        assert_eq!(known.trees.len() as u64, most);
        assert!(read(&mut known, &PYTHON, 0, &text).is_none(), "the first ones made room");
        assert!(read(&mut known, &PYTHON, most + 7, &text).is_some());
        (0..3 * MAX_SEEN as u64).for_each(|hash| known.take(hash + 1_000, &PYTHON.language(), "", &tree(&PYTHON, "")));
        assert!(known.seen.len() <= MAX_SEEN);
    }
}
