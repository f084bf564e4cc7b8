use super::lines::Blankless;
use super::nesting::{alike, trim};
use super::*;
use crate::change::compare::{Line, compare};
use proptest::prelude::*;
use std::collections::HashSet;

/// Finds the moves among files, some of which have no text.
fn find(files: &[Option<Compared<'_>>]) -> Moves {
    let mut finder = Finder::default();
    for (file, compared) in files.iter().enumerate() {
        compared.iter().for_each(|compared| finder.take(file, *compared));
    }
    finder.finish()
}

/// Old and new texts of the files of a change, compared.
struct Texts(Vec<(Vec<u8>, Vec<u8>, Comparison)>);

impl Texts {
    fn of<T: AsRef<[u8]>>(files: &[(T, T)]) -> Texts {
        let compared = |(old, new): &(T, T)| {
            let (old, new) = (old.as_ref().to_vec(), new.as_ref().to_vec());
            let comparison = compare(&old, &new);
            (old, new, comparison)
        };
        Texts(files.iter().map(compared).collect())
    }

    fn find(&self) -> Moves {
        let files: Vec<_> =
            self.0.iter().map(|(old, new, comparison)| Some(Compared { comparison, old, new })).collect();
        find(&files)
    }

    fn old_line(&self, file: u32, line: u32) -> &[u8] {
        let (old, _, comparison) = &self.0[file as usize];
        comparison.old.get(old, line)
    }

    fn new_line(&self, file: u32, line: u32) -> &[u8] {
        let (_, new, comparison) = &self.0[file as usize];
        comparison.new.get(new, line)
    }

    /// Every changed line of a file: its side and number.
    fn changed(&self, file: usize) -> impl Iterator<Item = Line> + '_ {
        let lines = self.0[file].2.hunks.iter().flat_map(|hunk| hunk.lines.iter().copied());
        lines.filter(|line| !matches!(line, Line::Context { .. }))
    }
}

/// The moved lines: `file:line>file:line=` for exact, `~` for whitespace, `!` for edited; lines counted from 1.
fn show(files: &[(&str, &str)]) -> String {
    let texts = Texts::of(files);
    let moves = texts.find();
    let mut out = Vec::new();
    for file in 0..files.len() {
        for line in texts.changed(file) {
            let Line::Added { new } = line else { continue };
            let Some(from) = moves.came(file, new) else { continue };
            let sign = match from.fidelity {
                Fidelity::Exact => '=',
                Fidelity::Whitespace => '~',
                Fidelity::Edited => '!',
            };
            out.push(format!("{}:{}>{file}:{}{sign}", from.file, from.line + 1, new + 1));
        }
    }
    out.join(" ")
}

const FUNCTION: &str = "fn verify(key: &Key) -> bool {\n    let digest = hash(key);\n    digest.matches(key)\n}\n";

fn indented(text: &str, by: &str) -> String {
    text.lines().map(|line| format!("{by}{line}\n")).collect()
}

#[test]
fn a_block_that_moves_to_another_file_is_marked_line_by_line() {
    let (old, new) = (format!("head\n{FUNCTION}tail\n"), format!("other\nlines\n{FUNCTION}"));
    assert_eq!(show(&[(&old, "head\ntail\n"), ("other\nlines\n", &new)]), "0:2>1:3= 0:3>1:4= 0:4>1:5= 0:5>1:6=");
}

#[test]
fn a_block_that_moves_within_a_file_is_marked() {
    let between = (0..9).map(|n| format!("between {n}\n")).collect::<String>();
    let (old, new) = (format!("{FUNCTION}{between}"), format!("{between}{FUNCTION}"));
    assert_eq!(show(&[(&old, &new)]), "0:1>0:10= 0:2>0:11= 0:3>0:12= 0:4>0:13=");
}

#[test]
fn a_block_that_moves_into_a_deeper_place_is_marked_as_other_whitespace() {
    for by in ["    ", "\t", "\t  "] {
        let moved = format!("mod inner {{\n{}}}\n", indented(FUNCTION, by));
        assert_eq!(show(&[(FUNCTION, ""), ("", &moved)]), "0:1>1:2~ 0:2>1:3~ 0:3>1:4~ 0:4>1:5~");
    }
}

#[test]
fn blocks_too_short_to_be_more_than_chance_do_not_move() {
    let cases = [
        "}\n",
        "        }\n    }\n}\n\n}\n}\n",
        "    return;\n}\n",
        "if err != nil {\n\treturn nil, err\n}\n",
        "} else {\n    return false;\n}\n",
        "import os\nimport re\nimport sys\n",
        "a_single_line_however_long_it_may_be_is_not_a_block_of_lines(at, all);\n",
        "let a = 1;\nlet b = 2;\n",
    ];
    for case in cases {
        assert_eq!(show(&[(case, ""), ("", case)]), "", "{case}");
    }
}

#[test]
fn three_lines_that_say_something_or_two_that_say_much_are_a_block() {
    let cases = [
        "let first = open(path);\nlet second = read(first);\nclose(first);\n",
        "the quick brown fox jumps over\nthe lazy dog and never comes back\n",
        "первая строка\nвторая строка\nтретья строка\n",
    ];
    for case in cases {
        assert_ne!(show(&[(case, ""), ("", case)]), "", "{case}");
    }
}

#[test]
fn characters_that_do_not_show_do_not_make_a_block_long() {
    let hidden = format!("{}\n", "\u{3164}\u{200B}".repeat(30)).repeat(4);
    assert_eq!(show(&[(&hidden, ""), ("", &hidden)]), "");
}

#[test]
fn a_line_edited_in_a_moved_block_is_told_apart() {
    let moved = FUNCTION.replace("hash(key)", "hash(key.id)");
    assert_eq!(show(&[(FUNCTION, ""), ("", &moved)]), "");
    let longer = format!("/// Says whether a key is what it says that it is.\n/// Slow.\n{FUNCTION}");
    let moved = longer.replace("hash(key)", "hash(key.id)");
    assert_eq!(show(&[(&longer, ""), ("", &moved)]), "0:1>1:1= 0:2>1:2= 0:3>1:3= 0:4>1:4! 0:5>1:5= 0:6>1:6=");
}

#[test]
fn an_edited_line_before_the_last_brace_belongs_to_the_block() {
    let moved = FUNCTION.replace("digest.matches(key)", "digest.matches(key) || true");
    let (old, new) = (format!("// checks the key\n{FUNCTION}"), format!("// checks the key\n{moved}"));
    assert_eq!(show(&[(&old, ""), ("", &new)]), "0:1>1:1= 0:2>1:2= 0:3>1:3= 0:4>1:4! 0:5>1:5=");
}

#[test]
fn what_is_not_alike_is_no_edit_and_ends_the_block() {
    let head = "first line of the block\nsecond line of the block\nthird line of it\n";
    let (old, new) = (format!("{head}check(signature)?;\n}}\n"), format!("{head}return Ok(());\n}}\n"));
    assert_eq!(show(&[(&old, ""), ("", &new)]), "0:1>1:1= 0:2>1:2= 0:3>1:3=");
    let (old, new) = (format!("{head}a = 1;\nb = 1;\nc = 1;\nend\n"), format!("{head}a = 2;\nb = 2;\nc = 2;\nend\n"));
    assert_eq!(show(&[(&old, ""), ("", &new)]), "0:1>1:1= 0:2>1:2= 0:3>1:3=", "three in a row are too many");
}

#[test]
fn a_line_slipped_into_a_moved_block_stays_an_addition() {
    let block: String = (0..8).map(|n| format!("step number {n} of the long block\n")).collect();
    let new = block.replace("step number 4", "exfiltrate();\nstep number 4");
    assert_eq!(
        show(&[(&block, ""), ("", &new)]),
        "0:1>1:1= 0:2>1:2= 0:3>1:3= 0:4>1:4= 0:5>1:6= 0:6>1:7= 0:7>1:8= 0:8>1:9="
    );
}

#[test]
fn a_character_that_does_not_show_makes_another_line() {
    let head = "first line of the block\nsecond line of the block\nthird line of it\n";
    for slipped in
        ["role = \"admin\u{200B}\";", "role\u{A0}= \"admin\";", "role = \"\u{430}dmin\";", "role = \"admin\";\r"]
    {
        let (old, new) = (format!("{head}role = \"admin\";\nend\n"), format!("{head}{slipped}\nend\n"));
        assert_eq!(show(&[(&old, ""), ("", &new)]), "0:1>1:1= 0:2>1:2= 0:3>1:3= 0:4>1:4! 0:5>1:5=", "{slipped:?}");
    }
}

#[test]
fn blanks_between_words_are_an_edit() {
    let old = "cd /srv/builds && ls -la\nrm -rf /tmp/builds/old\necho all is clean again\n";
    let new = old.replace("rm -rf /tmp", "rm -rf / tmp");
    assert_eq!(show(&[(old, ""), ("", &new)]), "0:1>1:1= 0:2>1:2! 0:3>1:3=");
}

#[test]
fn a_line_that_leaves_the_block_above_it_is_an_edit() {
    let old = "def drop(user):\n    audit(user)\n    if user.is_admin:\n        log(user)\n        delete_all()\n";
    let flat = old.replace("        delete_all", "    delete_all");
    let expected = "0:1>1:1= 0:2>1:2= 0:3>1:3= 0:4>1:4= 0:5>1:5!";
    assert_eq!(show(&[(old, ""), ("", &flat)]), expected);
    let deeper = format!("class A:\n{}", indented(old, "    "));
    assert_eq!(show(&[(old, ""), ("", &deeper)]), "0:1>1:2~ 0:2>1:3~ 0:3>1:4~ 0:4>1:5~ 0:5>1:6~");
    let stayed = format!("class A:\n{}", indented(old, "    ").replace("            delete_all", "        delete_all"));
    assert_eq!(show(&[(old, ""), ("", &stayed)]), "0:1>1:2~ 0:2>1:3~ 0:3>1:4~ 0:4>1:5~ 0:5>1:6!");
}

#[test]
fn tabs_for_spaces_are_the_same_nesting() {
    let old = "def drop(user):\n    audit(user)\n    if user.is_admin:\n        delete_everything()\n";
    assert_eq!(show(&[(old, ""), ("", &old.replace("    ", "\t"))]), "0:1>1:1= 0:2>1:2~ 0:3>1:3~ 0:4>1:4~");
}

#[test]
fn a_change_in_place_is_no_move() {
    let wrapped = format!("if checked {{\n{}}}\n", indented(FUNCTION, "    "));
    assert_eq!(show(&[(FUNCTION, &indented(FUNCTION, "    "))]), "");
    assert_eq!(show(&[(FUNCTION, &wrapped)]), "");
    assert_eq!(show(&[(&wrapped, FUNCTION)]), "");
    // Nor does a block elsewhere claim re-indented lines, even if it is one line longer.
    assert_eq!(show(&[(FUNCTION, &wrapped), (FUNCTION, "")]), "");
}

#[test]
fn lines_that_change_order_and_indentation_in_one_edit_moved_unless_the_edit_is_long() {
    let rest = |count: usize, by: &str| (0..count).map(|n| format!("{by}some other line {n}\n")).collect::<String>();
    let lines = |count| {
        let (old, new) = (FUNCTION.to_owned() + &rest(count, ""), rest(count, "\t") + &indented(FUNCTION, "\t"));
        Texts::of(&[(old, new)]).find().lines()
    };
    assert_eq!(lines(10), 4);
    assert_eq!(lines(MAX_EDIT / 2 - 4), 4);
    assert_eq!(lines(MAX_EDIT / 2), 0);
}

#[test]
fn a_brace_that_another_takes_the_place_of_tears_no_hole_into_a_move() {
    let other = "    fn entirely_different() {\n        nothing.at_all();\n    }\n    }\n";
    let nested = indented(FUNCTION, "  ");
    assert_eq!(
        show(&[(&format!("{nested}  }}\n"), other), ("", &format!("{nested}  }}\n"))]),
        "0:1>1:1= 0:2>1:2= 0:3>1:3= 0:4>1:4= 0:5>1:5="
    );
}

#[test]
fn a_copy_is_one_move_and_the_rest_additions_and_the_nearest_file_gets_it() {
    let files = [("", FUNCTION), ("", ""), ("", FUNCTION), (FUNCTION, ""), ("", ""), ("", FUNCTION)];
    assert_eq!(show(&files), "3:1>2:1= 3:2>2:2= 3:3>2:3= 3:4>2:4=");
}

#[test]
fn longer_blocks_win_and_what_is_left_of_the_others_competes_again() {
    let lines: Vec<String> = (0..10).map(|n| format!("line number {n} of the block\n")).collect();
    let (all, first, last) = (lines.concat(), lines[..7].concat(), lines[4..].concat());
    let found = show(&[(&all, ""), ("", &first), ("", &last)]);
    assert_eq!(found, "0:1>1:1= 0:2>1:2= 0:3>1:3= 0:4>1:4= 0:5>1:5= 0:6>1:6= 0:7>1:7= 0:8>2:4= 0:9>2:5= 0:10>2:6=");
}

#[test]
fn of_two_blocks_the_one_with_the_same_bytes_is_taken() {
    let files = [("", FUNCTION), (&*indented(FUNCTION, " "), ""), ("", ""), (FUNCTION, "")];
    assert_eq!(show(&files), "3:1>0:1= 3:2>0:2= 3:3>0:3= 3:4>0:4=");
}

#[test]
fn a_file_without_text_keeps_its_index() {
    let comparison = (compare(FUNCTION.as_bytes(), b""), compare(b"", FUNCTION.as_bytes()));
    let old = Compared { comparison: &comparison.0, old: FUNCTION.as_bytes(), new: b"" };
    let new = Compared { comparison: &comparison.1, old: b"", new: FUNCTION.as_bytes() };
    let moves = find(&[None, Some(old), None, Some(new)]);
    assert_eq!(moves.came(3, 1), Some(Move { file: 1, line: 1, fidelity: Fidelity::Exact }));
    assert_eq!(moves.went(1, 3), Some(Move { file: 3, line: 3, fidelity: Fidelity::Exact }));
    assert_eq!((moves.came(3, 4), moves.came(0, 0), moves.went(usize::MAX, u32::MAX)), (None, None, None));
    assert_eq!(moves.lines(), 4);
    assert!(find(&[]).is_empty() && find(&[None]).is_empty());
}

#[test]
fn lines_that_occur_very_often_start_no_block_but_belong_to_one() {
    let often = "a line that is everywhere in the text\n".repeat(40);
    assert_eq!(show(&[(&often, ""), ("", &often)]), "");
    let with_anchor = format!("{often}a line that is there once\n{often}");
    assert_eq!(Texts::of(&[(&*with_anchor, ""), ("", &with_anchor)]).find().lines(), 81);
}

#[test]
fn texts_made_to_be_slow_are_not() {
    let pattern = |kinds: usize, count: usize| -> String {
        (0..count).map(|n| format!("line of kind {} in a pattern\n", n * n % kinds)).collect()
    };
    for (kinds, count) in [(1, 40_000), (2, 40_000), (251, 4_000), (4099, 40_000), (40_000, 40_000)] {
        let text = pattern(kinds, count);
        let moves = Texts::of(&[(&*text, ""), ("", &text)]).find();
        assert!(moves.lines() <= count);
    }
}

/// Lines from a small set, so that moves are common; with all differences that nearly equal lines may have.
fn text() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "let first_value = open(the_path);",
        "let first_value = open(the_path, mode);",
        "let second = read(first_value)?;",
        "let second =read(first_value)?;",
        "check_the_signature(second, key);",
        "check_the_signature(second, key\u{200B});",
        "return second_of_all;",
        "}",
        "",
    ]);
    let line = (prop::sample::select(vec!["", "  ", "    ", "\t"]), words);
    prop::collection::vec(line, 0..40)
        .prop_map(|lines| lines.into_iter().map(|(indent, word)| format!("{indent}{word}\n")).collect())
}

/// A change whose files contain blocks of each other.
fn files() -> impl Strategy<Value = Vec<(String, String)>> {
    let block = prop::collection::vec(text(), 3).prop_flat_map(|blocks| {
        let any = || prop::collection::vec(0..3usize, 0..3);
        let file = (any(), any(), text()).prop_map(move |(old, new, own)| {
            let join = |picked: Vec<usize>| picked.into_iter().map(|at| blocks[at].as_str()).collect::<String>();
            (join(old), own + &join(new))
        });
        prop::collection::vec(file, 1..4)
    });
    block.boxed()
}

fn check(texts: &Texts) {
    let moves = texts.find();
    let (mut here, mut there) = (0, HashSet::new());
    for file in 0..texts.0.len() {
        for line in texts.changed(file) {
            match line {
                Line::Added { new } => {
                    let Some(from) = moves.came(file, new) else { continue };
                    here += 1;
                    assert!(there.insert((from.file, from.line)), "a removed line is in two moves");
                    let back = moves.went(from.file as usize, from.line);
                    assert_eq!(back, Some(Move { file: file as u32, line: new, fidelity: from.fidelity }));
                    let (old, new) = (texts.old_line(from.file, from.line), texts.new_line(file as u32, new));
                    match from.fidelity {
                        Fidelity::Exact => assert_eq!(old, new),
                        Fidelity::Whitespace => assert!(old != new && trim(old) == trim(new)),
                        Fidelity::Edited => assert!(alike(old, new) || Blankless(old) == Blankless(new)),
                    }
                }
                Line::Removed { old } => {
                    let Some(to) = moves.went(file, old) else { continue };
                    let back = moves.came(to.file as usize, to.line);
                    assert_eq!(back.map(|from| (from.file, from.line)), Some((file as u32, old)));
                }
                Line::Context { .. } => {}
            }
        }
    }
    assert_eq!(moves.lines(), here);
    assert_eq!(moves, texts.find(), "the same again");
}

proptest! {
    #[test]
    fn each_line_is_in_one_move_and_both_ends_agree(files in files()) {
        check(&Texts::of(&files));
    }

    #[test]
    fn no_bytes_break_it(files in prop::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 0..4)) {
        check(&Texts::of(&files));
    }

    #[test]
    fn texts_that_are_not_those_compared_break_nothing(text in text(), other in text(), bytes: Vec<u8>) {
        let comparisons = [compare(text.as_bytes(), other.as_bytes()), compare(other.as_bytes(), text.as_bytes())];
        let files: Vec<_> =
            comparisons.iter().map(|comparison| Some(Compared { comparison, old: &bytes, new: &bytes })).collect();
        find(&files);
    }

    #[test]
    fn every_line_of_a_renamed_file_moved(
        words in prop::collection::hash_set("[a-z]{12}", 3..30), at in 0..3usize,
    ) {
        let text: String = words.into_iter().map(|word| format!("{word}\n}}\n")).collect();
        let mut files = vec![(String::new(), String::new()); 4];
        files[at].0 = text.clone();
        files[3].1 = text.clone();
        let moves = Texts::of(&files).find();
        prop_assert_eq!(moves.lines(), text.lines().count());
        for line in 0..text.lines().count() as u32 {
            prop_assert_eq!(moves.came(3, line), Some(Move { file: at as u32, line, fidelity: Fidelity::Exact }));
        }
    }

    #[test]
    fn hashes_do_not_depend_on_where_blanks_are(
        bytes: Vec<u8>, at in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
    ) {
        let mut spread = bytes.clone();
        at.iter().for_each(|at| spread.insert(at.index(spread.len() + 1), b' '));
        let keys = std::hash::RandomState::new();
        let hash = |bytes: &[u8]| std::hash::BuildHasher::hash_one(&keys, Blankless(bytes));
        prop_assert!(Blankless(&bytes) == Blankless(&spread));
        prop_assert_eq!(hash(&bytes), hash(&spread));
    }
}

#[test]
fn in_a_change_that_is_too_large_lines_are_looked_for_inside_of_each_file() {
    let many: String = (0..MAX_ACROSS + 1).map(|n| format!("a line of its own, number {n}\n")).collect();
    let around: String = (0..9).map(|n| format!("kept as it was, line {n}\n")).collect();
    let (before, after) = (format!("{FUNCTION}{around}"), format!("{around}{FUNCTION}"));
    let files =
        [(&*before, &*after), (&*indented(FUNCTION, ""), ""), ("", FUNCTION), ("", &*many), (&*before, &*after)];
    let moves = Texts::of(&files).find();
    assert!(moves.are_inside_of_files());
    assert_eq!((moves.came(0, 9).map(|from| from.file), moves.came(4, 9).map(|from| from.file)), (Some(0), Some(4)));
    assert_eq!((moves.came(2, 0), moves.lines()), (None, 8));
    assert!(!Texts::of(&files[..3]).find().are_inside_of_files());
}
