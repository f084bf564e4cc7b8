//! Actions of the reader beyond the diff: prompts, pickers, parts of the change, editor, clipboard, the sign sheet.

use super::action::Action;
use super::choice::Choice;
use super::keymap::Stroke;
use super::picker::{Badge, Picker, PickerEntry};
use super::prompt::{self, Prompt, Purpose};
use super::review::layout::Layout;
use super::review::parts::ChangePart;
use super::review::{EditId, Goal, MAX_ITEMS, Noted, Review};
use super::saving::{save, save_if_changed};
use super::sign::Sheet;
use super::signing_steps::Ask;
use super::text::TextField;
use super::{Effect, FILE_LIST_FROM, Overlay, Screen, State, Text, WATCH};
use crate::change::manifest::escape;
use crate::change::{ObjectId, RepoPath, counted};
use crate::decision::{Note, Verdict};
use crate::signing::Moved;

pub fn act(state: &mut State, action: Action, count: Option<usize>) -> Vec<Effect> {
    match action {
        Action::Layout | Action::Wrap | Action::Blanks | Action::Attribution => state.status = look(state, action),
        Action::Again | Action::NextCommit | Action::PreviousCommit => return turn_to_part(state, action),
        Action::RangeDiff => return range_diff(state),
        Action::Reread => return reread(state),
        Action::Sign => sign(state),
        Action::Answer
        | Action::AnswerAlike
        | Action::Note
        | Action::FileNote
        | Action::PathNote
        | Action::ChangeNote => {
            return remark(state, action);
        }
        Action::Items | Action::Alike | Action::FindFile => list(state, action),
        _ => return in_review(state, action, count),
    }
    Vec::new()
}

/// Changes the display, and reports it, since a wide screen or a short line may not show the difference.
fn look(state: &mut State, action: Action) -> Option<String> {
    let look = &mut state.look;
    let told = match action {
        Action::Layout => {
            look.layout = match look.layout {
                Layout::Auto if look.shape(state.size.0.into()).side_by_side => Layout::Unified,
                Layout::Auto => Layout::SideBySide,
                Layout::SideBySide => Layout::Unified,
                Layout::Unified => Layout::SideBySide,
            };
            match look.layout {
                Layout::SideBySide => "side by side",
                _ => "unified",
            }
        }
        Action::Wrap => {
            look.wrap = !look.wrap;
            let (left, right) = (state.keymap.first(Action::Left), state.keymap.first(Action::Right));
            return Some(match look.wrap {
                true => "long lines are wrapped".to_owned(),
                false => format!("long lines run on; {left} and {right} scroll sideways"),
            });
        }
        Action::Blanks => {
            look.blanks = !look.blanks;
            if look.blanks { "blanks are drawn: · blank, → tab" } else { "blanks are blank" }
        }
        _ => {
            look.attribution = !look.attribution;
            return Some(if look.attribution { attributed(state) } else { "attribution is hidden".to_owned() });
        }
    };
    Some(told.to_owned())
}

fn attributed(state: &State) -> String {
    let Screen::Review(review) = &state.screen else { return String::new() };
    if let (true, Some(problem)) =
        (review.line_facts.attribution.is_empty(), review.line_facts.attribution.problems().first())
    {
        return format!("nothing is known of who wrote these lines: {problem}");
    }
    if review.line_facts.attribution.is_empty() {
        return "unknown, which does not mean by hand: no git-ai or Agent Trace note covers it".to_owned();
    }
    let counts = review.line_facts.attribution.counts();
    let added = review.findings.examination().map_or(0, |examination| examination.added as usize);
    let problem =
        review.line_facts.attribution.problems().first().map(|problem| format!("; {problem}")).unwrap_or_default();
    format!(
        "claims of notes: A {} by AI, h {} by people, m {} mixed, · {} unknown{problem}",
        counts.ai,
        counts.human,
        counts.mixed,
        counts.unknown(added)
    )
}

fn in_review(state: &mut State, action: Action, count: Option<usize>) -> Vec<Effect> {
    let Screen::Review(review) = &mut state.screen else { return Vec::new() };
    // Only these change the draft, which may be long.
    let writes = matches!(action, Action::Advance | Action::SeenFile | Action::SeenHunk);
    let before = writes.then(|| review.work.draft.clone());
    match action {
        Action::Search => {
            let search = Prompt::new("search".to_owned(), TextField::default(), Purpose::Search);
            prompt::open(state, search);
        }
        Action::Intent => {
            let (rejected, comments) = (review.told_rejections(), review.told_comments());
            let title = match (rejected.is_empty(), comments.is_empty()) {
                (true, true) => "what the change says of itself: claims, not facts",
                (false, true) => "who rejected it, and what it says of itself: claims, not facts",
                (true, false) => "what others wrote, and what it says of itself: claims, not facts",
                (false, false) => "who rejected it, what others wrote, and what it says of itself: claims, not facts",
            };
            let title = title.to_owned();
            let lines = rejected.into_iter().chain(comments).chain(review.intent()).collect();
            state.overlay = Some(Overlay::Text(Box::new(Text { title, lines, scroll: 0 })));
        }
        Action::Copy => return copied(state, Review::location),
        Action::CopyHunk => return copied(state, Review::digest),
        Action::Edit => match review.copy_for_editor() {
            Some((name, text, line)) => return vec![Effect::Edit { name, text, line }],
            None => state.status = Some("There is no text here to open.".to_owned()),
        },
        Action::Files if state.size.0 < FILE_LIST_FROM => {
            let find = state.keymap.first(Action::FindFile);
            state.status =
                Some(format!("there is room for the file list from {FILE_LIST_FROM} columns on; {find} finds files"));
        }
        _ => state.status = review.update(action, count, &state.keymap),
    }
    before.map(|before| save_if_changed(state, &before)).unwrap_or_default()
}

/// Prompts for an answer or a note, where one may be written.
fn remark(state: &mut State, action: Action) -> Vec<Effect> {
    let Screen::Review(review) = &state.screen else { return Vec::new() };
    // It is no part of the review.
    if let (Action::Answer, Some(remark)) = (action, review.remark()) {
        if remark.id.is_empty() {
            state.status = Some("This is a note in a signed rejection. The sign sheet says who can end it.".to_owned());
            return Vec::new();
        }
        let (label, purpose) = (format!("answer {}", remark.by), Purpose::Reply(remark.id.clone()));
        prompt::open(state, Prompt::new(label, TextField::with_lines(""), purpose));
        return Vec::new();
    }
    if review.work.read_only {
        state.status = Some(review.why_read_only(&state.keymap));
        return Vec::new();
    }
    match action {
        Action::Answer if !review.was_omission_shown() => {
            let down = state.keymap.first(Action::Down);
            state.status = Some(format!("Not yet: {down} shows the rest of the text on this omission."));
        }
        Action::Answer => match review.subject() {
            Some((subject, question)) => {
                let answer = review.work.answer_to(&subject).map_or("", String::as_str);
                let change = if answer.is_empty() { "" } else { "Change the answer, or empty it to take it back. " };
                let field = TextField::with_lines(answer);
                let prompt = Prompt::new(format!("{change}{question}"), field, Purpose::Answer(vec![subject]));
                prompt::open(state, prompt.with_earlier(state.answers.clone()));
            }
            None => {
                let next = state.keymap.first(Action::NextFinding);
                state.status = Some(format!("Put the cursor on a finding or an omission; {next} goes to the next."));
            }
        },
        Action::AnswerAlike => match review.alike() {
            Ok((subjects, question)) => {
                let prompt = Prompt::new(question, TextField::with_lines(""), Purpose::Answer(subjects));
                prompt::open(state, prompt.with_earlier(state.answers.clone()));
            }
            Err(why) => state.status = Some(why),
        },
        Action::Note => match review.note_place() {
            Some(place) => {
                let mut prompt = note(place, "note");
                if let Some(what) = review.not_in_note() {
                    prompt.label = format!("{}, {what}", prompt.label);
                }
                prompt::open(state, prompt);
            }
            None => state.status = Some("This file is still being read.".to_owned()),
        },
        Action::FileNote => {
            if let Some(place) = review.file_note_place() {
                prompt::open(state, note(place, "note"));
            }
        }
        Action::PathNote => {
            let (ticket, snapshot, change) = (review.ticket, review.snapshot.clone(), review.change.clone());
            return vec![Effect::Paths { ticket, snapshot, change }];
        }
        _ => {
            let prompt = note(review.change_note_place(), "note");
            prompt::open(state, prompt);
        }
    }
    Vec::new()
}

/// Opens a list of places.
fn list(state: &mut State, action: Action) {
    let Screen::Review(review) = &state.screen else { return };
    match action {
        Action::Items => {
            let items = review.items();
            let is_open = |item: &PickerEntry<Goal>| !matches!(item.badge, Badge::Note | Badge::Bookmark);
            let title = match items.len() < MAX_ITEMS {
                true if items.iter().all(is_open) => "open",
                true => "open, with notes and bookmarks",
                false => "open, the first of them",
            };
            state.overlay = Some(places(title, items));
        }
        Action::Alike => match review.same_edit_here() {
            Some(edit) => {
                let title = format!("{}, and nothing else", edit.sentence());
                let all = review.mark_all_entry(&edit).map(|entry| entry.map(|()| Choice::SeeAlike(edit.id)));
                let entries = review.same_edit_places(&edit).into_iter().map(|entry| entry.map(Choice::Go)).collect();
                let picker = match all {
                    Some(all) => Picker::with_all(&title, all, entries),
                    None => Picker::new(&title, entries),
                };
                state.overlay = Some(Overlay::Picker(Box::new(picker)));
            }
            None if review.findings.examination().is_none() => {
                state.status = Some("Identical edits are known once the rules have run.".to_owned());
            }
            None => state.status = Some("No three hunks make exactly this edit.".to_owned()),
        },
        _ => state.overlay = Some(places("files", review.file_entries())),
    }
}

/// A list of places to go to.
fn places(title: &str, entries: Vec<PickerEntry<Goal>>) -> Overlay {
    let entries = entries.into_iter().map(|entry| entry.map(Choice::Go)).collect();
    Overlay::Picker(Box::new(Picker::new(title, entries)))
}

fn note((place, noted): (Note, Noted), label: &str) -> Prompt {
    let place_name = match (place.line, place.until) {
        _ if place.is_outdated() => "outdated note".to_owned(),
        (line, Some(until)) => format!("{label} on lines {line} to {until}"),
        (0, None) if place.whole.is_some() => format!("note on {}", place.whole.as_deref().unwrap_or_default()),
        (0, None) if !place.path.is_empty() => format!("note on {}", place.path),
        (0, None) => "note on the change".to_owned(),
        (line, None) => format!("{label} on line {line}"),
    };
    let label = if noted == Noted::There { format!("{place_name} (empty to remove it)") } else { place_name };
    Prompt::new(label, TextField::with_lines(&place.text), Purpose::Note(Box::new(place), noted))
}

/// The paths of the head are known: one of them is chosen for a note.
pub fn choose_path(state: &mut State, paths: &[RepoPath]) {
    let entry = |path: &RepoPath| PickerEntry {
        label: path.to_string(),
        detail: String::new(),
        badge: Badge::None,
        choice: Choice::Note(escape(path)),
    };
    if state.overlay.is_none() {
        let entries = paths.iter().map(entry).collect();
        state.overlay = Some(Overlay::Picker(Box::new(Picker::new("a note on", entries))));
    }
}

/// Marks all hunks that make the same replacement.
pub fn see_alike(state: &mut State, edit: EditId) -> Vec<Effect> {
    let Screen::Review(review) = &mut state.screen else { return Vec::new() };
    let before = review.work.draft.clone();
    state.status = Some(match review.see_alike(edit) {
        Ok(count) => format!("{} marked as seen", counted(count, "hunk")),
        Err(why) => why.to_owned(),
    });
    save_if_changed(state, &before)
}

/// Prompts for a note on a path.
pub fn note_on(state: &mut State, path: &str) {
    if let Screen::Review(review) = &state.screen {
        let prompt = note(review.path_note_place(path), "note");
        prompt::open(state, prompt);
    }
}

fn copied(state: &mut State, text: impl Fn(&Review) -> Option<String>) -> Vec<Effect> {
    let Screen::Review(review) = &state.screen else { return Vec::new() };
    match text(review) {
        Some(text) => {
            let first = text.lines().next().unwrap_or_default();
            state.status = Some(format!("copied: {first}{}", if text.lines().count() > 1 { " …" } else { "" }));
            vec![Effect::Copy(text)]
        }
        None => {
            state.status = Some("There is nothing here to copy.".to_owned());
            Vec::new()
        }
    }
}

/// Shows the whole change again instead of a part of it.
pub fn back_to_all(state: &mut State) {
    let Screen::Review(open) = &mut state.screen else { return };
    if let Some(whole) = state.aside.take() {
        *open = whole;
    }
    open.part.forget_passed();
}

/// Shows another part of the change: what changed since, or a commit; after the last, the whole change.
fn turn_to_part(state: &mut State, action: Action) -> Vec<Effect> {
    let Screen::Review(open) = &state.screen else { return Vec::new() };
    let whole = state.aside.as_deref().unwrap_or(open);
    let now = open.part.turned_to();
    let next = if action == Action::Again {
        ChangePart::after(now, &whole.work.draft)
    } else {
        ChangePart::neighbour(now, &whole.change.revision.commits, action == Action::NextCommit)
    };
    let (snapshot, change) = (whole.snapshot.clone(), whole.change.clone());
    match next {
        Ok(Some(part)) => {
            let shape = state.look.shape(state.diff_width());
            vec![Effect::View { ticket: state.opens(), snapshot, change, part, shape }]
        }
        Ok(None) => {
            back_to_all(state);
            state.status = Some("all of the change".to_owned());
            Vec::new()
        }
        Err(why) => {
            state.status = Some(why.to_owned());
            Vec::new()
        }
    }
}

/// Asks whether the open change has moved, unless that was asked just now. An idle program asks nothing.
pub fn watch(state: &mut State) -> Option<Effect> {
    let Screen::Review(open) = &state.screen else { return None };
    let whole = state.aside.as_deref().unwrap_or(open);
    if state.now - state.watched < WATCH || whole.change.refs.is_empty() {
        return None;
    }
    state.watched = state.now;
    Some(Effect::Watch { snapshot: whole.snapshot.clone(), change: whole.change.clone() })
}

/// What moved is said once in the footer, and stays in the header: what is read never moves by itself.
pub fn watched(state: &mut State, head: ObjectId, moved: Option<Moved>) {
    let Screen::Review(open) = &state.screen else { return };
    if open.change.revision.head != head && state.aside.as_ref().is_none_or(|whole| whole.change.revision.head != head)
    {
        return;
    }
    if moved != state.moved
        && let Some(moved) = moved
    {
        let (reread, again) = (state.keymap.first(Action::Reread), state.keymap.first(Action::Again));
        let target = open.change.target.trim_start_matches("refs/heads/");
        state.status = Some(match moved {
            Moved::Branch(tip) => {
                format!("The branch moved to {} while you read: {reread} reads that, {again} what came.", tip.short())
            }
            Moved::Target(tip) => {
                format!("{target} moved to {} while you read: {reread} reads the change again.", tip.short())
            }
            Moved::Gone => "The branch was deleted while you read it: nobody proposes this any more.".to_owned(),
        });
    }
    state.moved = moved;
}

/// Reads the open change as it is now. What was done so far is written first.
fn reread(state: &mut State) -> Vec<Effect> {
    let mut effects = left(state);
    let Screen::Review(review) = &state.screen else { return effects };
    let (snapshot, change) = (review.snapshot.clone(), review.change.clone());
    if change.refs.is_empty() {
        state.status = Some("A range of commits does not move: there is nothing to read again.".to_owned());
        return effects;
    }
    effects.push(Effect::Renew { ticket: state.opens(), snapshot, change });
    effects
}

fn range_diff(state: &mut State) -> Vec<Effect> {
    let Screen::Review(open) = &state.screen else { return Vec::new() };
    let whole = state.aside.as_deref().unwrap_or(open);
    let Some(then) = whole.work.draft.looked_at.clone().or_else(|| whole.work.draft.decided_on.clone()) else {
        state.status = Some("You have seen no other revision of this change.".to_owned());
        return Vec::new();
    };
    let (snapshot, change) = (whole.snapshot.clone(), whole.change.clone());
    vec![Effect::Range { ticket: state.opens(), snapshot, change, then }]
}

fn sign(state: &mut State) {
    let Screen::Review(review) = &state.screen else { return };
    if review.work.read_only {
        state.status = Some(review.why_read_only(&state.keymap));
        return;
    }
    let own = own_decision(state);
    let sheet = Sheet::new(state.ceremony(), own);
    state.overlay = Some(Overlay::Sign(Box::new(sheet)));
}

/// Updates a sheet that was opened before the change was examined with what the key's owner decided.
pub fn renew_sheet(state: &mut State) {
    let own = own_decision(state);
    if let Some(Overlay::Sign(sheet)) = &mut state.overlay {
        sheet.own = own.or(sheet.own);
    }
}

/// A sheet that waits for the change to be read.
pub fn sheet_goes_on(state: &mut State) {
    if let (Screen::Review(review), Some(Overlay::Sign(sheet))) = (&state.screen, &mut state.overlay) {
        sheet.go_on(review);
    }
}

/// What the owner of the key decided on the open change, if that is in force.
fn own_decision(state: &State) -> Option<Verdict> {
    let Screen::Review(review) = &state.screen else { return None };
    let me = &state.me(&review.snapshot)?.id;
    let standing = review.findings.examination()?.standing.as_ref()?;
    if standing.rejected_by.contains(me) {
        return Some(Verdict::Reject);
    }
    standing.approved_by.contains(me).then_some(Verdict::Approve)
}

/// The person leaves the review: what was partly shown is kept too.
pub fn left(state: &mut State) -> Vec<Effect> {
    back_to_all(state);
    match &mut state.screen {
        Screen::Review(review) if !review.work.read_only => save(review),
        _ => Vec::new(),
    }
}

/// To what is left for an approval: never to a finding that has an answer.
fn lead(state: &mut State, action: Action) -> Vec<Effect> {
    let Screen::Review(review) = &mut state.screen else { return Vec::new() };
    match review.first_open_item().filter(|_| action == Action::NextFinding) {
        Some(goal) => review.reach(goal),
        None => return act(state, action, None),
    }
    Vec::new()
}

/// Text is pasted on the sheet.
pub fn pasted_on_sheet(state: &mut State, mut sheet: Box<Sheet>, text: &str) -> Vec<Effect> {
    let Screen::Review(review) = &mut state.screen else { return Vec::new() };
    let before = review.work.draft.clone();
    sheet.ceremony.pasted(text, &mut review.work.draft.reasons);
    state.overlay = Some(Overlay::Sign(sheet));
    save_if_changed(state, &before)
}

pub fn sheet_stroke(state: &mut State, mut sheet: Box<Sheet>, stroke: Stroke) -> Vec<Effect> {
    let Screen::Review(review) = &mut state.screen else { return Vec::new() };
    let before = review.work.draft.clone();
    let asked = sheet.stroke(stroke, review, &state.keymap);
    let (ticket, snapshot, change) = (review.ticket, review.snapshot.clone(), review.change.clone());
    let effects = match asked {
        Ask::Close => return save_if_changed(state, &before),
        Ask::Lead(action) => return lead(state, action),
        Ask::Nothing | Ask::SaveDraft => Vec::new(),
        Ask::Prepare(verdict) => match review.findings.examination().cloned() {
            Some(examination) => {
                let (mut draft, seen) = (review.work.draft.clone(), review.seen());
                if !sheet.signs_notes(verdict) {
                    draft.notes.clear();
                }
                let sheet = sheet.ceremony.number;
                vec![Effect::Prepare { ticket, sheet, snapshot, change, examination, draft, verdict, seen }]
            }
            None => Vec::new(),
        },
        Ask::Sign(prepared, passphrase) => {
            state.sitting.tried(passphrase.as_deref());
            let passphrase = passphrase.or_else(|| state.sitting.passphrase());
            let sheet = sheet.ceremony.number;
            vec![Effect::Sign { ticket, sheet, snapshot, change, prepared, passphrase }]
        }
    };
    state.overlay = Some(Overlay::Sign(sheet));
    effects.into_iter().chain(save_if_changed(state, &before)).collect()
}
