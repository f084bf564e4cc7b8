//! The sign sheet: what is missing, what will be signed, and what is asked for.

use ratatui::layout::{Position, Rect};

use super::paint::{Line, Paint, clip, fold, hanging};
use crate::app::review::{Review, Subject};
use crate::app::sign::{Sheet, Stage};
use crate::change::counted;
use crate::decision::Verdict;
use crate::frozen::Frozen;
use crate::gate::Answerable;
use crate::policy::Direction;
use crate::tui::theme::Role;

pub fn draw(sheet: &Sheet, review: &Review, area: Rect, paint: &mut Paint<'_>) -> Option<Position> {
    let width = area.width.saturating_sub(4).min(110);
    let height = area.height.saturating_sub(2);
    let window = Rect { x: area.x + (area.width - width) / 2, y: area.y + 1, width, height };
    let inner = paint.frame(window, "undersign");
    let columns = usize::from(inner.width);
    paint.line(inner, 0, Line::new().add(Role::Title, &clip(review.change.title(), columns)));
    let target = review.change.target.trim_start_matches("refs/heads/");
    let route = format!(
        "{} → {target}   {}..{}",
        review.change.name,
        review.change.revision.base.short(),
        review.change.revision.head.short()
    );
    paint.line(inner, 1, Line::new().add(Role::Muted, &clip(&route, columns)));
    let foot = Rect { y: inner.y + inner.height - 1, height: 1, ..inner };
    let told = message(sheet, inner, paint);
    let body = Rect { y: inner.y + 3, height: inner.height.saturating_sub(5 + told), ..inner };
    match &sheet.stage {
        Stage::Choose => choose(sheet, review, body, foot, paint),
        Stage::Reason { verdict, field } => return Some(reason(*verdict, field, review, body, paint)),
        Stage::Freezing { .. } => paint.line(body, 0, Line::new().add(Role::Faint, "fixing the statement …")),
        Stage::Confirm { frozen, field, scroll } => {
            statement(frozen, *scroll, body, paint);
            let what = match frozen.verdict {
                Verdict::HumanOnly => "sign that no AI was used".to_owned(),
                Verdict::BreakGlass => "break the glass".to_owned(),
                verdict => verdict.to_string(),
            };
            let label = format!("type {} to {what}: ", Sheet::challenge(frozen));
            return Some(paint.field(foot, &label, field, false));
        }
        Stage::Passphrase { frozen, field } => {
            statement(frozen, 0, body, paint);
            return Some(paint.field(foot, "passphrase of the key: ", field, true));
        }
        Stage::Signing { frozen } => {
            statement(frozen, 0, body, paint);
            paint.line(foot, 0, Line::new().add(Role::Accent, "signing … touch your security key, if it blinks"));
        }
        Stage::Done { record, verdict } => done(record, *verdict, body, foot, paint),
    }
    None
}

/// What went wrong, whole, above the foot; gives how many rows it takes. Where there is no room for all of it, its end
/// is cut, never its beginning.
fn message(sheet: &Sheet, inner: Rect, paint: &mut Paint<'_>) -> u16 {
    let Some(message) = &sheet.message else { return 0 };
    let room = usize::from(inner.height.saturating_sub(4)).max(1);
    let mut text = fold(message, usize::from(inner.width));
    if text.len() > room {
        text.truncate(room);
        let last = text.pop().unwrap_or_default();
        text.push(clip(&format!("{last} …"), usize::from(inner.width)));
    }
    let start = inner.height.saturating_sub(1 + text.len() as u16);
    for (row, part) in text.iter().enumerate() {
        paint.line(inner, start + row as u16, Line::new().add(Role::Warning, part));
    }
    text.len() as u16
}

fn choose(sheet: &Sheet, review: &Review, body: Rect, foot: Rect, paint: &mut Paint<'_>) {
    let columns = usize::from(body.width);
    let mut lines = looked_at(sheet, review);
    lines.push(Line::new());
    lines.extend(counsel(sheet, columns));
    lines.extend(consequences(review, columns));
    let key = match &sheet.key {
        Ok(key) => vec![Line::new().add(Role::Muted, &clip(&format!("key {key}"), columns))],
        Err(why) => told(Role::Warning, why, columns),
    };
    // The key comes last; what is left out is counted, never dropped in silence.
    let room = usize::from(body.height).saturating_sub(1 + key.len());
    if lines.len() > room {
        let kept = room.saturating_sub(1);
        let more = counted(lines.len() - kept, "more line");
        let text = format!("… {more}: Esc, q, then i in the queue");
        lines.truncate(kept);
        lines.push(Line::new().add(Role::Warning, &clip(&text, columns)));
    }
    let left = room.saturating_sub(lines.len());
    lines.extend(own_words(review, columns, left));
    lines.push(Line::new());
    lines.extend(key);
    lines.into_iter().enumerate().for_each(|(row, line)| paint.line(body, row as u16, line));
    // The longest words that fit.
    let keys = [(true, true), (false, true), (false, false)]
        .map(|(draft, noun)| keys(sheet, !review.draft.notes.is_empty(), draft, noun));
    let fits = keys.iter().find(|line| line.width() <= columns).or(keys.last());
    paint.line(foot, 0, fits.cloned().unwrap_or_else(Line::new));
}

/// What was looked at, and what is missing for an approval.
fn looked_at(sheet: &Sheet, review: &Review) -> Vec<Line> {
    let missing = review.checklist().missing(&review.draft, Verdict::Approve);
    let progress = review.progress();
    let item = |missing: usize, (have, all): (usize, usize), what: &str| {
        let (mark, role) = if missing == 0 { ("✓", Role::Ok) } else { ("✗", Role::Warning) };
        Line::new().add(role, &format!("{mark} ")).add(Role::Text, &format!("{have} of {all} {what}"))
    };
    let notes = match review.draft.notes.len() {
        0 => counted(0, "note"),
        n if sheet.with_notes => format!("{} to be signed", counted(n, "note")),
        n => format!("{}, signed with a rejection only", counted(n, "note")),
    };
    let carried = counted(review.seen().carried_over, "mark");
    vec![
        item(missing.hunks, progress.hunks, "hunks seen"),
        item(missing.findings, progress.findings, "findings answered"),
        item(missing.omissions, progress.omissions, "omissions acknowledged"),
        Line::new().add(Role::Muted, &format!("  {notes} · {carried} carried over")),
    ]
}

fn told(role: Role, text: &str, columns: usize) -> Vec<Line> {
    fold(text, columns).iter().map(|part| Line::new().add(role, part)).collect()
}

/// Who else is asked, and what a signature would not do.
fn counsel(sheet: &Sheet, columns: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if !sheet.counsel.refusals.is_empty() {
        lines.extend(told(Role::Warning, "Nothing that is signed makes this land:", columns));
    }
    for why in &sheet.counsel.refusals {
        lines.extend(hanging(why, 2, columns).iter().map(|part| Line::new().add(Role::Warning, part)));
    }
    for need in &sheet.counsel.needs {
        let role = if need.have >= need.need { Role::Ok } else { Role::Text };
        lines.extend(hanging(&need.to_string(), 2, columns).iter().map(|part| Line::new().add(role, part)));
    }
    if let Some(why) = &sheet.counsel.futile {
        lines.extend(told(Role::Warning, &format!("Your approval would not count: {why}."), columns));
    }
    for answerable in &sheet.counsel.answers {
        let Answerable { by, reason, record, .. } = answerable;
        let text = format!("An approval answers {by}, who rejected an earlier version ({}): {reason}", &record[..12]);
        lines.extend(told(Role::Warning, &text, columns));
    }
    lines
}

/// What landing it would mean.
fn consequences(review: &Review, columns: usize) -> Vec<Line> {
    let Some(examination) = &review.examination else { return Vec::new() };
    let mut lines = Vec::new();
    if examination.result_tree.is_none() {
        let text = "A touched path has moved on the target since base: rebase first, or what lands will not be this.";
        lines.extend(told(Role::Warning, text, columns));
    }
    if let Some(change) = &examination.policy_change {
        lines.extend(told(Role::Title, &format!("The policy changes: {}.", change.headline()), columns));
        for meaning in &change.meaning {
            let role = direction_role(meaning.direction);
            lines.extend(hanging(&format!("  {meaning}"), 4, columns).iter().map(|part| Line::new().add(role, part)));
        }
    }
    lines
}

/// The reviewer's own words, which are signed, as far as there is room.
fn own_words(review: &Review, columns: usize, room: usize) -> Vec<Line> {
    let answered = review.findings().iter().filter_map(|f| Some((f, review.answered(&Subject::Finding(f.key()))?)));
    let mut words: Vec<Line> = Vec::new();
    for (finding, answer) in answered {
        let severity = finding.severity.letter();
        let text = format!("{severity} {} {}: {answer}", finding.rule, finding.location);
        words.push(Line::new().add(Role::Seen, "✓ ").add(Role::Text, &clip(&text, columns.saturating_sub(2))));
    }
    for note in &review.draft.notes {
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

/// What can be done: with a word on the draft, and with what it is that can be taken back.
fn keys(sheet: &Sheet, has_notes: bool, draft: bool, noun: bool) -> Line {
    let own = if sheet.own == Some(Verdict::Reject) { "withdraw your rejection" } else { "withdraw your approval" };
    let counsel = &sheet.counsel;
    let offered = [
        (counsel.refusals.is_empty(), "a", "approve"),
        (true, "r", "reject"),
        (counsel.may_claim, "h", "no AI"),
        (counsel.may_break_glass, "b", "break glass"),
        (sheet.own.is_some(), "w", if noun { own } else { "withdraw" }),
        (has_notes, "n", if sheet.with_notes { "leave notes out" } else { "notes too" }),
    ];
    let line = offered
        .iter()
        .filter(|(is, ..)| *is)
        .fold(Line::new(), |line, (_, key, what)| line.add(Role::Key, key).add(Role::Text, &format!(" {what}   ")));
    line.add(Role::Key, "Esc").add(Role::Text, if draft { " leave; the draft is kept" } else { " leave" })
}

/// Looser rules are what a reviewer must not overlook.
pub fn direction_role(direction: Direction) -> Role {
    match direction {
        Direction::Looser => Role::Warning,
        Direction::Shifted => Role::Text,
        Direction::Stricter => Role::Muted,
    }
}

fn reason(
    verdict: Verdict,
    field: &crate::app::text::TextField,
    review: &Review,
    body: Rect,
    paint: &mut Paint<'_>,
) -> Position {
    let ask = match (verdict, review.checklist().approval_needs_reason) {
        (Verdict::Approve, true) => "In your own words: what could fail, and how would it be taken back?",
        (Verdict::Approve, false) => "A reason, if you wish. Enter goes on.",
        (Verdict::HumanOnly, _) => "How do you know that no AI was used?",
        (Verdict::BreakGlass, _) => "What is the emergency, and who will review it?",
        (Verdict::Withdraw, _) => "Why do you take it back?",
        _ => "What must change? Author and agent will read it.",
    };
    paint.line(body, 0, Line::new().add(Role::Title, &verdict.to_string()).add(Role::Muted, &format!("   {ask}")));
    let note = "Enter shows the statement; it does not sign. Esc leaves, the draft is kept.";
    for (row, part) in fold(note, usize::from(body.width)).iter().enumerate() {
        paint.line(body, 4 + row as u16, Line::new().add(Role::Faint, part));
    }
    paint.field(Rect { y: body.y + 2, height: 1, ..body }, "reason: ", field, false)
}

/// The bytes that will be signed, as they are: ASCII, indented.
fn statement(frozen: &Frozen, scroll: usize, body: Rect, paint: &mut Paint<'_>) {
    let text = String::from_utf8_lossy(&frozen.payload);
    let lines: Vec<String> = text.lines().flat_map(|line| fold(line, usize::from(body.width))).collect();
    let room = usize::from(body.height).saturating_sub(1);
    let scroll = scroll.min(lines.len().saturating_sub(room));
    for (row, line) in lines.iter().skip(scroll).take(room).enumerate() {
        let (key, rest) = line.split_once(": ").map_or((line.as_str(), ""), |(key, rest)| (key, rest));
        let line = if rest.is_empty() {
            Line::new().add(Role::Text, key)
        } else {
            Line::new().add(Role::Faint, &format!("{key}: ")).add(Role::Text, rest)
        };
        paint.line(body, row as u16, line);
    }
    let below = lines.len().saturating_sub(scroll + room);
    let note = if below > 0 {
        format!("↓ {below} more lines; these {} bytes are what is signed", frozen.payload.len())
    } else {
        format!("these {} bytes are what is signed", frozen.payload.len())
    };
    paint.line(body, body.height.saturating_sub(1), Line::new().add(Role::Muted, &note));
}

fn done(record: &str, verdict: Verdict, body: Rect, foot: Rect, paint: &mut Paint<'_>) {
    let word = match verdict {
        Verdict::Approve => "Approved",
        Verdict::Reject => "Rejected",
        Verdict::HumanOnly => "Claimed to be without AI",
        // Whether it lands hangs on how many sign so.
        Verdict::BreakGlass => "Emergency declared",
        Verdict::Withdraw => "Withdrawn",
        Verdict::HandOver => "Taken over",
        Verdict::Repair => "Repaired",
    };
    let told = format!("✓ {word}, signed, recorded, read back and verified.");
    paint.line(body, 0, Line::new().add(Role::Ok, &clip(&told, usize::from(body.width))));
    paint.line(body, 2, Line::new().add(Role::Faint, "record ").add(Role::Text, record));
    let place = "It lies in the repository under refs/undersign/decisions/; send it with P in the queue, or with \
                 `undersign sync`.";
    for (row, part) in fold(place, usize::from(body.width)).iter().enumerate() {
        paint.line(body, 4 + row as u16, Line::new().add(Role::Muted, part));
    }
    paint.line(foot, 0, Line::new().add(Role::Key, "any key").add(Role::Text, " closes"));
}
