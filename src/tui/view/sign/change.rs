//! The sign sheet of a change.

use ratatui::layout::{Position, Rect};

use unicode_width::UnicodeWidthStr as _;

use super::{Page, Room, common, date, row, told};
use crate::app::action::Action;
use crate::app::keymap::Keymap;
use crate::app::review::{Review, Subject};
use crate::app::sign::Sheet;
use crate::app::signing_steps::Stage;
use crate::app::text::TextField;
use crate::change::counted;
use crate::decision::{Missing, Verdict};
use crate::gate::Answerable;
use crate::policy::Direction;
use crate::record::statement::Statement;
use crate::tui::theme::Role;
use crate::tui::view::paint::{Line, Paint, clip, clip_middle, hanging};

/// Draws the sheet; returns the position of the cursor.
pub fn draw(sheet: &Sheet, review: &Review, keymap: &Keymap, area: Rect, paint: &mut Paint<'_>) -> Option<Position> {
    let columns = usize::from(area.width.min(super::WIDEST).saturating_sub(4));
    let page = |room| page_of(sheet, review, keymap, room);
    super::draw(&sheet.ceremony, head(review, columns), page, area, paint)
}

fn head(review: &Review, columns: usize) -> [Line; 2] {
    let target = review.change.target.trim_start_matches("refs/heads/");
    let revision = &review.change.revision;
    let (base, head) = (revision.base.short(), revision.head.short());
    let to = format!(" → {target}   {base}..{head}");
    // Where it lands is never cut for a long name of the branch.
    let room = columns.saturating_sub(to.width());
    let route = format!("{}{to}", clip_middle(&review.change.name, room.max(8)));
    [
        Line::new().add(Role::Title, &clip(review.change.title(), columns)),
        Line::new().add(Role::Muted, &clip(&route, columns)),
    ]
}

fn page_of<'s>(sheet: &'s Sheet, review: &Review, keymap: &Keymap, room: Room) -> Page<'s> {
    let columns = room.columns;
    match &sheet.ceremony.stage {
        Stage::Choose => choose(sheet, review, keymap, columns, room.rows),
        Stage::Reason { verdict, field } => reason(sheet, (*verdict, field), review, columns),
        Stage::Done { record, verdict } => done(record, *verdict, keymap, columns),
        stage => common(stage, what, in_words, room),
    }
}

/// What is confirmed by typing a code.
fn what(verdict: Verdict) -> String {
    match verdict {
        Verdict::HumanOnly => "sign that no AI was used".to_owned(),
        Verdict::BreakGlass => "break the glass".to_owned(),
        verdict => verdict.to_string(),
    }
}

fn choose<'s>(sheet: &'s Sheet, review: &Review, keymap: &Keymap, columns: usize, room: usize) -> Page<'s> {
    let mut lines = below(review, columns);
    lines.extend(looked_at(sheet, review, keymap, columns));
    lines.push(Line::new());
    lines.extend(advice(sheet, columns));
    lines.extend(consequences(review, columns));
    let key = match &sheet.ceremony.key {
        Ok(key) => vec![Line::new().add(Role::Muted, &clip(&format!("key {key}"), columns))],
        Err(why) => told(Role::Warning, why, columns),
    };
    // The key comes last; omitted entries are counted, never dropped silently.
    let room = room.saturating_sub(1 + key.len());
    if lines.len() > room {
        let kept = room.saturating_sub(1);
        let more = counted(lines.len() - kept, "more line");
        let (back, why) = (keymap.first(Action::Back), keymap.first(Action::Why));
        let text = format!("… {more}: Esc, {back}, then {why} in the queue, or `undersign show`");
        lines.truncate(kept);
        lines.push(Line::new().add(Role::Warning, &clip(&text, columns)));
    }
    let left = room.saturating_sub(lines.len());
    lines.extend(own_words(review, columns, left));
    lines.extend(lines.last().is_some_and(|last| last.width() > 0).then(Line::new));
    lines.extend(key);
    // The longest wording that fits.
    let is_ready = is_ready(review);
    let keys = [(true, true), (false, true), (false, false)]
        .map(|(draft, noun)| keys(sheet, (!review.work.draft.notes.is_empty(), is_ready), draft, noun));
    let fits = keys.iter().find(|line| line.width() <= columns).or(keys.last());
    Page { lines, foot: fits.cloned().unwrap_or_default(), field: None }
}

/// The request that lands first, of which nothing is signed here.
fn below(review: &Review, columns: usize) -> Vec<Line> {
    let below = review.change.below.iter();
    let text = below.map(|below| format!("On top of {}, which is not included and lands first.", below.name));
    text.flat_map(|text| told(Role::Title, &text, columns)).collect()
}

/// Whether nothing but a reason is missing for an approval.
fn is_ready(review: &Review) -> bool {
    let missing = review.checklist().missing(&review.work.draft, Verdict::Approve);
    review.is_complete() && (Missing { reason: false, ..missing }) == Missing::default()
}

/// What is missing for an approval, each with the stroke that goes there; otherwise what was looked at. Zero counts are
/// omitted.
fn looked_at(sheet: &Sheet, review: &Review, keymap: &Keymap, columns: usize) -> Vec<Line> {
    let missing = review.checklist().missing(&review.work.draft, Verdict::Approve);
    let progress = review.progress();
    let (unseen, item) = (keymap.first(Action::NextUnseen), keymap.first(Action::NextFinding));
    let of = |(have, all): (usize, usize), what: &str, done: &str| {
        let whole = counted(all, what);
        match have {
            0 => format!("{whole} not {done}"),
            _ => format!("{} of {whole} not {done}", all - have),
        }
    };
    let left = [
        (missing.hunks, of(progress.hunks, "hunk", "seen"), &unseen),
        (missing.findings, of(progress.findings, "finding", "answered"), &item),
        (missing.omissions, of(progress.omissions, "omission", "acknowledged"), &item),
    ];
    let notes = match review.work.draft.notes.len() {
        0 => None,
        n if sheet.with_notes => Some(format!("{}, to be signed", counted(n, "note"))),
        n => Some(format!("{}, signed with a rejection only", counted(n, "note"))),
    };
    let notes = notes.map(|notes| Line::new().add(Role::Note, "  ✎ ").add(Role::Text, &notes));
    if review.diff.files.is_empty() {
        let nothing = Line::new().add(Role::Title, "No file differs, so nothing could be read.");
        return std::iter::once(nothing).chain(notes).collect();
    }
    if left.iter().all(|(missing, ..)| *missing == 0) && !review.is_complete() {
        let told = match review.is_being_read() {
            true => "The change is still being read: what is left is not known yet.",
            false => "Not all of the change can be read here.",
        };
        return std::iter::once(Line::new().add(Role::Title, told)).chain(notes).collect();
    }
    if left.iter().all(|(missing, ..)| *missing == 0) {
        return done_lines(review).into_iter().chain(notes).collect();
    }
    let so_far = if review.is_being_read() { ", so far" } else { "" };
    let mut lines = vec![Line::new().add(Role::Title, &format!("What is left before you can approve{so_far}:"))];
    for (_, text, stroke) in left.iter().filter(|(missing, ..)| *missing > 0) {
        let line = Line::new().add(Role::Warning, "  ✗ ").add(Role::Text, text);
        let go = format!(" {stroke} goes there");
        let line = line.pad_to(columns.min(72).saturating_sub(go.width()));
        lines.push(line.add(Role::Key, &format!(" {stroke}")).add(Role::Faint, " goes there"));
    }
    lines.into_iter().chain(notes).collect()
}

/// What was looked at, once that is everything.
fn done_lines(review: &Review) -> Vec<Line> {
    let progress = review.progress();
    let carried = match review.seen().carried_over {
        0 => String::new(),
        n => format!(", {n} of them in the revision before"),
    };
    let items = [
        (progress.hunks.1, format!("{} seen{carried}", counted(progress.hunks.1, "hunk"))),
        (progress.findings.1, format!("{} answered", counted(progress.findings.1, "finding"))),
        (progress.omissions.1, format!("{} acknowledged", counted(progress.omissions.1, "omission"))),
    ];
    let mut lines = vec![Line::new().add(Role::Title, "Nothing is left to see or to answer:")];
    lines.extend(
        items
            .iter()
            .filter(|(all, _)| *all > 0)
            .map(|(_, text)| Line::new().add(Role::Ok, "  ✓ ").add(Role::Text, text)),
    );
    lines
}

/// Who else must sign, and what a signature would not do.
fn advice(sheet: &Sheet, columns: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(why) = &sheet.advice.unsignable {
        lines.extend(told(Role::Warning, &format!("Nobody can sign here: {why}."), columns));
    }
    if !sheet.advice.refusals.is_empty() {
        lines.extend(told(Role::Warning, "No signature makes this land:", columns));
    }
    for why in &sheet.advice.refusals {
        lines.extend(hanging(why, 2, columns).iter().map(|part| Line::new().add(Role::Warning, part)));
    }
    let (own, others) = &sheet.advice.vetoes;
    for veto in others {
        let Answerable { by, reason, record, .. } = veto;
        let end = match sheet.advice.enders.is_empty() {
            true => format!("{by} takes that back"),
            false => sheet.advice.taken_over(),
        };
        let text = format!("{by} rejected this ({}), and it cannot land until {end}: {reason}", &record[..12]);
        lines.extend(told(Role::Error, &text, columns));
    }
    for veto in own {
        lines.extend(told(
            Role::Warning,
            &format!("You rejected this ({}): {}", &veto.record[..12], veto.reason),
            columns,
        ));
    }
    for why in sheet.advice.delays.iter().chain(&sheet.advice.remarks) {
        lines.extend(told(Role::Warning, why, columns));
    }
    for need in &sheet.advice.needs {
        let role = if need.slot.is_filled() { Role::Ok } else { Role::Text };
        lines.extend(hanging(&need.to_string(), 2, columns).iter().map(|part| Line::new().add(role, part)));
    }
    // A person without a key needs one; that the roster does not list it is no help.
    if let Some(why) = sheet.advice.futile.as_ref().filter(|_| sheet.ceremony.key.is_ok()) {
        lines.extend(told(Role::Warning, &format!("Your approval would not count: {why}."), columns));
    }
    for answerable in &sheet.advice.answers {
        let Answerable { by, reason, record, .. } = answerable;
        let text = format!(
            "An approval answers {by}, who rejected another change of the same paths ({}): {reason}",
            &record[..12]
        );
        lines.extend(told(Role::Warning, &text, columns));
    }
    lines
}

/// What it would mean if it landed.
fn consequences(review: &Review, columns: usize) -> Vec<Line> {
    let Some(examination) = review.findings.examination() else { return Vec::new() };
    let mut lines = Vec::new();
    if let Some(change) = &examination.policy_change {
        lines.extend(told(Role::Title, &format!("The policy changes: {}.", change.headline()), columns));
        for meaning in &change.meaning {
            let role = direction_role(meaning.direction);
            lines.extend(hanging(&format!("  {meaning}"), 4, columns).iter().map(|part| Line::new().add(role, part)));
        }
    }
    lines
}

/// The reviewer's own words, which are signed, as far as they fit.
fn own_words(review: &Review, columns: usize, room: usize) -> Vec<Line> {
    let answered =
        review.findings.all().iter().filter_map(|f| Some((f, review.work.answer_to(&Subject::Finding(f.key()))?)));
    let mut words: Vec<Line> = Vec::new();
    for (finding, answer) in answered {
        let severity = finding.severity.letter();
        let text = format!("{severity} {} {}: {answer}", finding.rule, finding.whereabouts());
        words.push(Line::new().add(Role::Seen, "✓ ").add(Role::Text, &clip(&text, columns.saturating_sub(2))));
    }
    for note in &review.work.draft.notes {
        let text = clip(&format!("{}: {}", note.place(), note.text), columns.saturating_sub(2));
        words.push(Line::new().add(Role::Note, "✎ ").add(Role::Text, &text));
    }
    if words.is_empty() || room < 3 {
        return Vec::new();
    }
    if words.len() > room - 1 {
        let more = words.len() - (room - 2);
        words.truncate(room - 2);
        words.push(Line::new().add(Role::Muted, &format!("  … {} more", more)));
    }
    words.insert(0, Line::new());
    words
}

/// The choices: with a remark on the draft, and on what can be withdrawn.
fn keys(sheet: &Sheet, (has_notes, is_ready): (bool, bool), draft: bool, noun: bool) -> Line {
    let own = if sheet.own == Some(Verdict::Reject) { "withdraw your rejection" } else { "withdraw your approval" };
    let advice = &sheet.advice;
    let signs = sheet.ceremony.key.is_ok() && sheet.advice.unsignable.is_none();
    let offered = [
        (is_ready && advice.refusals.is_empty() && advice.vetoes.1.is_empty(), "a", "approve"),
        (true, "r", if is_ready || !noun { "reject" } else { "reject (a reason is enough)" }),
        (advice.may_claim, "h", "no AI"),
        (advice.may_break_glass, "b", "break glass"),
        (sheet.own.is_some(), "w", if noun { own } else { "withdraw" }),
        (has_notes, "n", if sheet.with_notes { "leave notes out" } else { "notes too" }),
    ];
    let line = offered
        .iter()
        .filter(|(is, ..)| *is && signs)
        .fold(Line::new(), |line, (_, key, what)| line.add(Role::Key, key).add(Role::Text, &format!(" {what}   ")));
    line.add(Role::Key, "Esc").add(Role::Text, if draft { " leave; the draft is kept" } else { " leave" })
}

/// A reviewer must not overlook weaker rules.
pub fn direction_role(direction: Direction) -> Role {
    match direction {
        Direction::Looser => Role::Warning,
        Direction::Shifted => Role::Text,
        Direction::Stricter | Direction::Advice => Role::Muted,
    }
}

fn reason<'s>(sheet: &Sheet, (verdict, field): (Verdict, &'s TextField), review: &Review, columns: usize) -> Page<'s> {
    let ask = match (verdict, review.checklist().approval_needs_reason) {
        (Verdict::Approve, true) => "In your own words: what could fail, and how would it be undone?",
        (Verdict::Approve, false) => "A reason, if you like. Enter continues.",
        (Verdict::HumanOnly, _) => "How do you know that no AI was used?",
        (Verdict::BreakGlass, _) => "What is the emergency, and who will review it?",
        (Verdict::Withdraw, _) => "Why do you take it back?",
        _ => "What must change? Author and agent will read it.",
    };
    let mut note = "Enter shows the statement; it does not sign. Esc leaves, the draft is kept.".to_owned();
    let notes = review.work.draft.notes.len();
    if notes > 0 && !sheet.signs_notes(verdict) && verdict != Verdict::Withdraw {
        let (notes, are) = (counted(notes, "note"), if notes == 1 { "is" } else { "are" });
        note = format!("{notes} {are} not part of this; Esc, then n on the first page signs them too. {note}");
    }
    super::reason(&verdict.to_string(), ask, &note, field, columns)
}

/// Who decides what about which change, why, having seen what, until when.
fn in_words(payload: &[u8], columns: usize) -> Vec<Line> {
    let statement = match Statement::decode(payload) {
        Ok(statement) => statement,
        Err(fault) => return told(Role::Error, &format!("These bytes are not a sound statement: {fault}."), columns),
    };
    let predicate = &statement.predicate;
    let target = predicate.target.name.trim_start_matches("refs/heads/");
    let repository = statement.subject.first().map_or("", |subject| subject.name.as_str());
    let says = match predicate.verdict {
        Verdict::Approve => format!("APPROVES what {repository} is to take into {target}"),
        Verdict::Reject => format!("REJECTS what {repository} is to take into {target}"),
        Verdict::HumanOnly => format!("SIGNS THAT NO AI WROTE what {repository} is to take into {target}"),
        Verdict::BreakGlass => format!("BREAKS THE GLASS of {target} of {repository}"),
        Verdict::Withdraw => format!("WITHDRAWS a decision on {target} of {repository}"),
        Verdict::HandOver => format!("TAKES OVER a rejection on {target} of {repository}"),
        Verdict::Repair => format!("REPAIRS a chain of {repository}"),
    };
    let who = format!("{} ({})", predicate.principal, predicate.roles.join(", "));
    let mut lines = told(Role::Title, &format!("{who} {says}"), columns);
    let short = |id: &str| id.chars().take(7).collect::<String>();
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let paths = counted(size(predicate.manifest.paths.0), "path");
    let (head, tip) = (short(&predicate.head.commit), short(&predicate.target.tip));
    let content = format!("{paths} of {head}, to land on {tip}");
    lines.extend(row("content", &content, columns));
    let because = match predicate.reason.is_empty() {
        true => "no reason is given".to_owned(),
        false => format!("“{}”", predicate.reason),
    };
    lines.extend(row("because", &because, columns));
    let coverage = &predicate.coverage;
    let of = |done: usize, all: usize, what: &str| format!("{done} of {}", counted(all, what));
    let answered = predicate.findings.answered.iter().filter(|finding| !finding.answer.is_empty()).count();
    let known = coverage.omissions.iter().filter(|omission| !omission.acknowledged.trim().is_empty()).count();
    let (places, omissions) = (size(predicate.findings.total.0), coverage.omissions.len());
    let mut seen = vec![of(size(coverage.hunks_seen.0), size(coverage.hunks.0), "hunk")];
    // An answer speaks for all places of a finding, and the statement counts places.
    let found = if answered == places { String::new() } else { format!(", {} found", counted(places, "place")) };
    seen.extend((places > 0).then(|| format!("{} answered{found}", counted(answered, "finding"))));
    seen.extend((omissions > 0).then(|| of(known, omissions, "omission") + " acknowledged"));
    seen.extend((!predicate.notes.is_empty()).then(|| counted(predicate.notes.len(), "note")));
    lines.extend(row("having seen", &seen.join(" · "), columns));
    if !predicate.answers.is_empty() {
        let ids: Vec<String> = predicate.answers.iter().map(|id| id.chars().take(12).collect()).collect();
        let rejections = if ids.len() == 1 { "the rejection" } else { "the rejections" };
        lines.extend(row("answering", &format!("{rejections} {}", ids.join(", ")), columns));
    }
    // Everything else remains in force: a rejection, until somebody withdraws it.
    let expires = matches!(predicate.verdict, Verdict::Approve | Verdict::HumanOnly | Verdict::BreakGlass);
    if predicate.not_after.0 > 0 && expires {
        lines.extend(row("good until", &date(predicate.not_after.seconds()), columns));
    }
    lines
}

fn done<'s>(record: &str, verdict: Verdict, keymap: &Keymap, columns: usize) -> Page<'s> {
    let word = match verdict {
        Verdict::Approve => "Approved",
        Verdict::Reject => "Rejected",
        Verdict::HumanOnly => "Claimed to be without AI",
        // Whether it lands depends on how many people sign this.
        Verdict::BreakGlass => "Emergency declared",
        Verdict::Withdraw => "Withdrawn",
        Verdict::HandOver => "Taken over",
        Verdict::Repair => "Repaired",
    };
    let place = format!(
        "It is stored under refs/undersign/decisions/ and counts elsewhere once it is sent: {} in the \
         queue, or `undersign sync`.",
        keymap.first(Action::Sync)
    );
    super::done(word, record, &place, columns)
}
