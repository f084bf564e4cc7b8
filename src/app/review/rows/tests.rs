use proptest::prelude::*;

use super::*;
use crate::change::ObjectId;
use crate::change::diff::{FileDiff, Mode, TreeEntry};

fn file(path: &str, old: &[u8], new: &[u8]) -> FileMaterial {
    let entry = |byte| Some(TreeEntry { mode: Mode::File, id: ObjectId([byte; 20]) });
    let diff = FileDiff { path: path.into(), from: None, counterpart: None, old: entry(1), new: entry(2) };
    let (old, new) = (Some(Content::Text(old.to_vec())), Some(Content::Text(new.to_vec())));
    FileMaterial::of(diff, old, new)
}

fn shape(columns: usize, side_by_side: bool, wrap: bool) -> Shape {
    Shape { columns, side_by_side, wrap, attribution: false, tab: 4 }
}

fn build(file: &FileMaterial, opening: &Opening, shape: Shape) -> (Inventory, FileRows) {
    let inventory = Inventory::of(file);
    let rows = FileRows::build(file, &inventory, &Remarks::default(), opening, shape);
    (inventory, rows)
}

#[test]
fn equal_hunks_are_told_apart_and_others_do_not_count() {
    let block = "a\nb\nc\nx\nd\ne\nf\n";
    let changed = block.replace('x', "y");
    let gap = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    let both = file("a", [block, gap, block].concat().as_bytes(), [&changed, gap, &changed].concat().as_bytes());
    let keys = Inventory::of(&both).hunks;
    assert_ne!(keys[0], keys[1]);
    let base = [gap, block, gap, block].concat();
    let below = |first: &str| {
        let head = [first, gap, &changed, gap, &changed].concat();
        Inventory::of(&file("a", base.as_bytes(), head.as_bytes())).hunks
    };
    assert_eq!(below("new\n")[1..], below(""), "a hunk above leaves the keys of those below alone");
    assert_ne!(below("")[0], keys[0], "another text of the base has other keys");
}

#[test]
fn a_missing_line_end_makes_no_hunk_look_like_another() {
    let keys = |old: &str, new: &str| Inventory::of(&file("a", old.as_bytes(), new.as_bytes())).hunks;
    assert_ne!(keys("x", "x\n"), keys("x+x\n", ""));
    assert_ne!(keys("x", "x\n"), keys("x\n", "x"));
}

#[test]
fn keys_are_long_enough_that_nobody_makes_two_contents_with_the_same() {
    let keys = Inventory::of(&file("a", b"x\n", b"y\n")).hunks;
    assert!(keys[0].len() * 4 >= 160, "{keys:?}");
}

#[test]
fn a_long_lock_file_is_one_row_until_it_is_opened() {
    let new: String = (0..100).map(|n| format!("line {n}\n")).collect();
    let file = file("Cargo.lock", b"", new.as_bytes());
    let (inventory, rows) = build(&file, &Opening::default(), shape(80, false, true));
    assert!(rows.folded && inventory.asked(true).count() == 1 && inventory.marks(true).is_empty());
    assert_eq!(rows.rows, [Row::File, Row::Omission { omission: 0, part: 0 }, Row::Gap]);
    let (inventory, rows) =
        build(&file, &Opening { is_open: Some(true), ..Opening::default() }, shape(80, false, true));
    assert!(!rows.folded && inventory.asked(false).count() == 0 && inventory.marks(false).len() == 1);
}

#[test]
fn unchanged_lines_are_shown_on_demand() {
    let old: String = (0..100).map(|n| format!("{n}\n")).collect();
    let file = file("a", old.as_bytes(), old.replace("50\n", "fifty\n").as_bytes());
    let beyond = |opening: &Opening| {
        let rows = build(&file, opening, shape(80, false, true)).1.rows;
        let lines = rows.iter().filter_map(|row| match row {
            Row::Beyond { old, .. } => Some(*old),
            _ => None,
        });
        (lines.collect::<Vec<_>>(), rows.contains(&Row::Rest))
    };
    assert_eq!(beyond(&Opening::default()), (vec![], true));
    let mut opening = Opening::default();
    opening.around(0, true);
    assert_eq!(beyond(&opening), ((27..47).chain(54..74).collect(), true));
    opening.whole = true;
    assert_eq!(beyond(&opening), ((0..47).chain(54..100).collect(), false));
}

proptest! {
    #[test]
    fn rows_cover_every_changed_line_whole_and_once_in_both_layouts(
        old: Vec<u8>, new: Vec<u8>, columns in 30usize..90, side: bool, wrap: bool, whole: bool,
    ) {
        let file = file("a", &old, &new);
        let opening = Opening { whole, ..Opening::default() };
        let (inventory, rows) = build(&file, &opening, shape(columns, side, wrap));
        prop_assert_eq!(rows.marks.len(), inventory.marks(false).len());
        for (h, hunk) in file.comparison.hunks.iter().enumerate() {
            for (l, line) in hunk.lines.iter().enumerate() {
                let of_hunk = rows.rows.iter().filter(|row| row.hunk() == Some(h as u32));
                let parts: Vec<_> =
                    of_hunk.flat_map(|row| row.lines()).filter(|(at, _)| *at == l as u32).map(|(_, part)| part).collect();
                prop_assert_eq!(parts[0].from, 0);
                prop_assert_eq!(parts[parts.len() - 1].to as usize, bytes_of(&file, *line).len());
                prop_assert!(parts.windows(2).all(|pair| pair[0].to == pair[1].from));
                let row = rows.row_of(h as u32, l as u32).unwrap();
                prop_assert!(rows.mark_at(row) == Some(h));
            }
        }
        // Unchanged lines are shown at most once, and completely if all of them are requested.
        let context = file.comparison.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| matches!(line, Line::Context { .. }));
        let beyond = rows.rows.iter().filter(|row| matches!(row, Row::Beyond { part, .. } if part.from == 0)).count();
        let unchanged = file.comparison.old.count() - file.comparison.removed - context.count() as u32;
        prop_assert_eq!(beyond as u32, if whole && !file.comparison.hunks.is_empty() { unchanged } else { 0 });
    }
}

fn is_boundary(text: &[u8], at: usize) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    at == 0 || at == text.len() || !(is_word(text[at - 1]) && is_word(text[at]))
}

/// A text with words replaced wherever they occur in it as whole words.
fn replaced(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < text.len() {
        if text[at..].starts_with(old) && is_boundary(text, at) && is_boundary(text, at + old.len()) {
            out.extend_from_slice(new);
            at += old.len();
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    out
}

/// Words to replace; the second alone, and as part of others.
const EDITS: [(&str, &str); 4] = [("ab", "c"), ("a", "b.c"), ("a ", ""), ("b", "b\r")];

/// A text before, and after: some lines with an edit, some with anything else.
fn edited_text() -> impl Strategy<Value = (String, String)> {
    let line = ("[ab .\r\u{e9}]{0,7}", 0usize..9, "[abc .]{0,3}");
    (prop::collection::vec(line, 1..24), any::<(bool, bool)>(), 0usize..4).prop_map(|(lines, ends, main)| {
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for (line, how, other) in lines {
            let edit = |(from, to): (&str, &str)| replaced(line.as_bytes(), from.as_bytes(), to.as_bytes());
            new.push(match how {
                0..4 => edit(EDITS[main]),
                4 => edit(EDITS[(main + 1) % 4]),
                5 => other.into_bytes(),
                _ => line.clone().into_bytes(),
            });
            old.push(line);
        }
        let text = |lines: Vec<String>, end: bool| lines.join("\n") + if end { "\n" } else { "" };
        let new = new.into_iter().map(|line| String::from_utf8_lossy(&line).into_owned()).collect();
        (text(old, ends.0), text(new, ends.1))
    })
}

/// What a hunk takes out, and what it puts in, with all line ends.
fn changed_bytes(file: &FileMaterial, hunk: &Hunk) -> (Vec<u8>, Vec<u8>) {
    let text = |content: &Option<Content>| content.as_ref().unwrap().text().unwrap().to_vec();
    let (old, new, mut changed) = (text(&file.old), text(&file.new), (Vec::new(), Vec::new()));
    for line in &hunk.lines {
        match *line {
            Line::Removed { old: line } => changed.0.extend_from_slice(file.comparison.old.slice(&old, line..line + 1)),
            Line::Added { new: line } => changed.1.extend_from_slice(file.comparison.new.slice(&new, line..line + 1)),
            Line::Context { .. } => {}
        }
    }
    changed
}

proptest! {
    /// Hunks make the same edit exactly if the program shows the same words for them, and all bytes that they add are
    /// those that they remove, with these words replaced.
    #[test]
    fn the_same_edit_is_the_same_to_the_byte(texts in prop::collection::vec(edited_text(), 1..4)) {
        let mut shown = std::collections::HashMap::new();
        for (old, new) in texts {
            let file = file("a.txt", old.as_bytes(), new.as_bytes());
            let inventory = Inventory::of(&file);
            for (at, (hunk, outline)) in file.comparison.hunks.iter().zip(&inventory.outlines).enumerate() {
                let Some(inventory::Edit { id, .. }) = outline.edit.clone() else { continue };
                prop_assert!(at > 0 || inventory.sentences.is_empty(), "what is said is read");
                let found = replacement(&file, hunk).unwrap();
                let (gone, come) = changed_bytes(&file, hunk);
                prop_assert_eq!(replaced(&gone, &found.old, &found.new), come);
                prop_assert_eq!(shown.entry(id).or_insert_with(|| found.clone()), &found);
                prop_assert!(shown.iter().all(|(other, own)| *other == id || *own != found));
            }
        }
    }
}
