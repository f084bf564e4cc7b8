//! Help for the current screen: strokes in groups, from the keymap in use, then its signs and words. It uses the width
//! that is available, and nothing is cut.

use unicode_width::UnicodeWidthStr as _;

use super::State;
use super::action::{Action, Context, Group};
use super::text::fold;

/// Width of a column of help, including the gap.
const COLUMN: usize = 56;
/// Width of strokes and signs.
const KEYS: usize = 12;

/// A row of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HelpRow {
    Blank,
    Heading(&'static str),
    /// Strokes or a sign, and what they mean; continuation rows lack the first.
    Entry(String, String),
}

const QUEUE_SIGNS: &[(&str, &str)] = &[
    ("1 ▇▇▇▇", "the tier: 1 is first; by the worst finding and the reach (i says why)"),
    ("▸", "the change that is selected"),
    ("↻", "moved since you looked or decided"),
    ("◆", "claimed: somebody says they are reading it; the preview says who"),
    ("├ └", "requests that build on each other, in the order in which they land"),
    ("⊘", "what cannot be read, and why"),
    ("··", "not examined yet"),
];

const QUEUE_WORDS: &[(&str, &str)] = &[
    (
        "reach",
        "how much breaks if it is wrong: leaf, package, several packages, service, fleet (B0 to B4 in i and JSON)",
    ),
    ("agent", "the tool that the signs of AI point to, or AI; undeclared is not \"by hand\""),
    ("you", "you can fill an open slot; you +1: and one more person must sign"),
    ("due", "how long until it should be signed, by the clock of its policy; then due, then late: advice"),
    ("senior", "or another role: only people with it can fill what is open"),
    ("ask dana", "who can fill it, is there, and has least to read; nobody is assigned"),
    ("nobody", "for 1: so many slots nobody can fill, whoever signs the others"),
    ("yours", "you wrote it, so others sign"),
    ("1 more", "you signed; this many others still have to"),
    ("policy", "its policy has a mistake: nobody can sign until it is fixed"),
];

const REVIEW_SIGNS: &[(&str, &str)] = &[
    ("C H M L", "worst open finding of a file: critical, high, medium, low; the number says how many"),
    ("· 1/2 ✓", "not seen, one of two hunks seen, all seen; at the right edge, for the whole change"),
    ("+ −", "a line came, or went"),
    ("» ≈", "moved as it was, or moved and changed"),
    ("␣", "only blanks differ"),
    ("○", "came, and no test ran it, as a report on coverage says"),
    ("⊘", "has no lines to show: an omission, acknowledged with a reason before you can approve"),
    ("✎ ┃", "a note (a colleague's is in quotes), a finding: what was said at this line"),
    ("<U+202E>", "a character that does not show, drawn as a mark"),
];

const REVIEW_WORDS: &[(&str, &str)] = &[
    ("seen", "you marked it, once all of it was shown"),
    ("answered", "you said why a finding is fine, or what must change"),
    ("left", "what you have not seen, answered or acknowledged"),
    ("claim", "what an agent or author says of the change: shown, never counted"),
];

const COMMAND_SIGNS: &[(&str, &str)] = &[
    ("✗", "what it destroys, or that nobody computed it: that counts as the worst"),
    ("✓", "answered or acknowledged"),
    ("“ ”", "words of who asks: a claim"),
    ("<U+202E>", "a character that does not show, drawn as a mark"),
];

const COMMAND_WORDS: &[(&str, &str)] = &[
    ("left", "how long it can still be started; on the request: rows not shown, findings and omissions not answered"),
    ("entry", "the line of the policy that lets such a command be asked for"),
    ("not bound", "what the command depends on and no digest holds: it may be another thing by the time it runs"),
    ("runs for", "the operator, who never authorizes it; proven by the broker, or only claimed"),
    ("refuse", "holds this very command, however often it is asked again, until you withdraw that"),
];

/// The signs on a screen, for help and manual.
pub fn signs(context: Context) -> &'static [(&'static str, &'static str)] {
    match context {
        Context::Review => REVIEW_SIGNS,
        Context::Command => COMMAND_SIGNS,
        Context::Queue | Context::Everywhere => QUEUE_SIGNS,
    }
}

/// The words on a screen that need explaining, for help and manual.
pub fn words(context: Context) -> &'static [(&'static str, &'static str)] {
    match context {
        Context::Review => REVIEW_WORDS,
        Context::Command => COMMAND_WORDS,
        Context::Queue | Context::Everywhere => QUEUE_WORDS,
    }
}

/// The columns of help on this screen, balanced without splitting groups.
pub fn columns(state: &State) -> Vec<Vec<HelpRow>> {
    let inner = usize::from(state.size.0).saturating_sub(6);
    let count = (inner / COLUMN).clamp(1, 3);
    let width = (inner / count).saturating_sub(2);
    let mut columns = vec![Vec::new(); count];
    for block in blocks(state, width) {
        let Some(shortest) = columns.iter_mut().min_by_key(|column| column.len()) else { continue };
        if !shortest.is_empty() {
            shortest.push(HelpRow::Blank);
        }
        shortest.extend(block);
    }
    columns
}

/// The number of rows of the longest column.
pub fn height(state: &State) -> usize {
    columns(state).iter().map(Vec::len).max().unwrap_or(0)
}

fn blocks(state: &State, width: usize) -> Vec<Vec<HelpRow>> {
    let context = state.context();
    let here = |action: &Action| action.is_in(context);
    let mut blocks = Vec::new();
    for group in Group::ALL {
        let actions = Action::ALL.iter().copied().filter(|action| here(action) && action.group() == group);
        let entries = actions.map(|action| (state.keymap.strokes(action), action.sentence().to_owned()));
        blocks.push(block(group.name(), entries, width));
    }
    let (signs, words) = (signs(context), words(context));
    let owned = |pair: &(&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
    blocks.push(block("Signs on this screen", signs.iter().map(owned), width));
    blocks.push(block("Words", words.iter().map(owned), width));
    blocks.retain(|block| block.len() > 1);
    blocks
}

fn block(name: &'static str, entries: impl Iterator<Item = (String, String)>, width: usize) -> Vec<HelpRow> {
    let mut rows = vec![HelpRow::Heading(name)];
    for (keys, text) in entries {
        let folded = fold(&text, width.saturating_sub(KEYS + 1));
        // Strokes that are wider than their column get a separate row.
        let fits = keys.width() < KEYS;
        if !fits {
            rows.push(HelpRow::Entry(keys.clone(), String::new()));
        }
        rows.extend(folded.into_iter().enumerate().map(|(at, text)| {
            let keys = if at == 0 && fits { keys.clone() } else { String::new() };
            HelpRow::Entry(format!("{keys}{}", " ".repeat(KEYS.saturating_sub(keys.width()))), text)
        }));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_in_a_group_of_its_screen() {
        for action in Action::ALL {
            let fits = match action.context() {
                Context::Everywhere => action.group() == Group::Everywhere,
                Context::Queue => action.group() == Group::Queue,
                Context::Review => !matches!(action.group(), Group::Everywhere | Group::Queue),
                Context::Command => false,
            };
            assert!(fits && Group::ALL.contains(&action.group()), "{}", action.name());
        }
    }
}
