//! The tables of keys, signs and words: what the program itself says of them, written into the manual. And those that
//! must have a row for each thing.

use undersign::app::action::{Action, Context, Group};
use undersign::app::help;
use undersign::app::keymap::Keymap;

use crate::{read, root};

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The strokes of an action, each as code.
fn strokes(keymap: &Keymap, action: Action) -> String {
    let strokes = keymap.names(action);
    strokes.iter().map(|run| format!("`{}`", cell(&run.replace(' ', "")))).collect::<Vec<_>>().join(" ")
}

fn keys(context: Context) -> String {
    let keymap = Keymap::shipped();
    let mut out = String::new();
    for group in Group::ALL {
        let mut actions =
            Action::ALL.iter().filter(|action| action.context() == context && action.group() == group).peekable();
        if actions.peek().is_none() {
            continue;
        }
        if context == Context::Review {
            out.push_str(&format!("\n### {}\n", group.name()));
        }
        out.push_str("\n| stroke | what it does | name |\n|---|---|---|\n");
        for action in actions {
            let (strokes, sentence) = (strokes(&keymap, *action), cell(action.sentence()));
            out.push_str(&format!("| {strokes} | {sentence} | `{}` |\n", action.name()));
        }
    }
    out + "\n"
}

fn signs(context: Context) -> String {
    let rows = |pairs: &[(&str, &str)]| -> String {
        pairs.iter().map(|(sign, text)| format!("| `{}` | {} |\n", cell(sign), cell(text))).collect()
    };
    let (signs, words) = (rows(help::signs(context)), rows(help::words(context)));
    format!("\n| sign | means |\n|---|---|\n{signs}\n| word | means |\n|---|---|\n{words}\n")
}

/// A page with what stands between two marks made anew.
fn filled(page: &str, kind: &str, context: Context, text: &str) -> String {
    let (start, end) = (format!("<!-- {kind}: {} -->\n", context.name()), format!("<!-- end of {kind} -->"));
    let (before, rest) = page.split_once(&start).unwrap_or_else(|| panic!("the page has no {start}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("the page has no {end}"));
    format!("{before}{start}{text}{end}{after}")
}

#[test]
fn the_tables_of_keys_signs_and_words_are_those_of_the_program() {
    let pages = [
        ("docs/queue.md", &[Context::Queue, Context::Everywhere][..], Context::Queue),
        ("docs/reader.md", &[Context::Review], Context::Review),
    ];
    for (name, contexts, screen) in pages {
        let path = root().join(name);
        let page = read(&path);
        let mut current = filled(&page, "signs", screen, &signs(screen));
        for context in contexts {
            current = filled(&current, "keys", *context, &keys(*context));
        }
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &current).unwrap();
        } else {
            let differs = page.lines().zip(current.lines()).find(|(is, ought)| is != ought);
            assert!(page == current, "{name} is not current; UPDATE_DOCS=1 writes it anew. First: {differs:?}");
        }
    }
}

/// The codes in the first column of the tables of reason codes in a chapter.
fn reason_codes_of(chapter: &str) -> Vec<String> {
    let page = read(&root().join("docs").join(chapter)).replace("| code | means |", "| code | meaning |");
    let rows = |table: &str| -> Vec<String> {
        table.lines().skip(2).take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
    };
    let rows: Vec<String> = page.split("| code | meaning |").skip(1).flat_map(rows).collect();
    let cells = rows.iter().filter_map(|row| row.split('|').nth(1)).flat_map(|cell| cell.split(','));
    cells.map(|code| code.trim().trim_matches('`').to_owned()).collect()
}

#[test]
fn the_reason_codes_of_the_gate_have_a_row_each_and_there_is_no_other() {
    let mut codes: Vec<String> = undersign::gate::Code::ALL.iter().map(ToString::to_string).collect();
    let mut rows = reason_codes_of("gate.md");
    codes.sort();
    rows.sort();
    assert_eq!(rows, codes);
}

#[test]
fn each_reason_code_of_commands_has_one_place_in_the_table() {
    let rows = reason_codes_of("commands.md");
    for code in undersign::command::Code::ALL {
        assert_eq!(rows.iter().filter(|row| **row == code.name()).count(), 1, "{code}");
    }
}
