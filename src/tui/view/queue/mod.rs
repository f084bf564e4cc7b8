//! The queue: one row per change, and below it the details of the selected one.

mod commands;
mod team;

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr as _;

pub use commands::{has_several, time_left};

use super::paint::{Line, Paint, clip, fold};
use super::{footer, rule};
use crate::app::action::Action;
use crate::app::queue::{Entry, Examined, Preview, Queue, QueueRow, Section, Sort, Source, without_policy};
use crate::app::servers::{RequestInfo, checks_sentence, checks_sign};
use crate::app::{State, preview_height};
use crate::change::counted;
use crate::change::request::Request;
use crate::examination::{self, ChangeStatus, Examination, RepositorySnapshot};
use crate::gate::advice;
use crate::risk::Severity;
use crate::risk::masked;
use crate::source::server::{Checks, CommentCount};
use crate::tui::theme::Role;

/// The width of the list if the preview is at its right.
const LIST_BESIDE: u16 = 121;

pub fn draw(state: &State, area: Rect, paint: &mut Paint<'_>) {
    header(state, area, paint);
    let beside = state.preview() == Preview::Auto;
    let list = Rect { width: if beside { LIST_BESIDE } else { area.width }, ..area };
    draw_list(state, list, paint);
    let foot = area.height - 2;
    rule(paint, area, foot);
    match state.preview() {
        Preview::Auto => {
            let height = foot.saturating_sub(1);
            let border = Rect { x: area.x + LIST_BESIDE, y: area.y + 1, width: 1, height };
            (0..height).for_each(|row| paint.line(border, row, Line::new().add(Role::Border, "│")));
            let x = border.x + 1;
            preview_of(state, Rect { x, width: area.width.saturating_sub(LIST_BESIDE + 1), ..border }, true, paint);
        }
        Preview::Below => {
            let height = preview_height(area.height);
            let preview = Rect { y: area.y + foot - height, height, ..area };
            rule(paint, preview, 0);
            preview_of(state, Rect { y: preview.y + 1, height: height - 1, ..preview }, false, paint);
        }
        Preview::Off => {}
    }
    footer(state, &hints(state, area.width), area, paint);
}

/// Unsent decisions and moved changes come before what is always shown.
fn hints(state: &State, width: u16) -> Vec<(Action, &'static str)> {
    let mut hints =
        vec![(Action::Open, "read"), (Action::Filter, "filter"), (Action::Sort, "sort"), (Action::Why, "why")];
    if state.queue.outbox.values().any(|records| *records > 0) {
        hints.push((Action::Sync, "send"));
    } else {
        hints.push((Action::Preview, "preview"));
    }
    hints.push((Action::Refresh, "refresh"));
    if width >= 110 {
        hints.extend([(Action::NextAgain, "next moved"), (Action::Palette, "commands")]);
    }
    hints.extend([(Action::Help, "help"), (Action::Back, "quit")]);
    hints
}

fn draw_list(state: &State, area: Rect, paint: &mut Paint<'_>) {
    let rows = state.queue.rows();
    let columns = Columns::of(state, area.width);
    let page = state.page();
    let room = usize::from(area.width).saturating_sub(4);
    // What a person without a key has to do, if nothing else needs the space.
    let no_key = state.key.as_ref().err().map(|why| fold(&why.text, room)).unwrap_or_default();
    if rows.is_empty() {
        let text = [fold(&empty(state), room), vec![String::new()], no_key].concat();
        for (row, part) in text.iter().enumerate() {
            paint.line(area, 3 + row as u16, Line::new().add(Role::Muted, &format!("  {part}")));
        }
        return;
    }
    // Rows that are only messages have no columns.
    let of_commands = commands::CommandColumns::of(state, area.width);
    match rows.iter().find(|row| matches!(row, QueueRow::Change(_) | QueueRow::Command(_))) {
        Some(QueueRow::Command(_)) => paint.line(area, 1, of_commands.headings()),
        Some(_) => paint.line(area, 1, columns.headings(state.queue.sort)),
        None => {}
    }
    let scroll = state.queue.scroll;
    for (at, row) in rows.iter().enumerate().skip(scroll).take(page) {
        let y = 2 + (at - scroll) as u16;
        let selected = at == state.queue.cursor;
        // The heading stays on top while its section scrolls.
        let above = (at == scroll).then(|| heading_of(&rows, at)).flatten();
        let line = match above.as_ref().unwrap_or(row) {
            QueueRow::Heading(section, count) => heading_line(*section, *count, area.width),
            QueueRow::Change(entry) => columns.row(state, &state.queue.entries[*entry], selected),
            QueueRow::Command(command) => of_commands.row(state, &state.queue.commands[*command], selected),
            QueueRow::Columns => columns.headings(state.queue.sort),
            row => problem_line(state.queue.problem(*row).unwrap_or_default(), selected, area.width),
        };
        paint.line_on(area, y, line, selected.then_some(Role::Selected));
    }
    let free = page.saturating_sub(rows.len() - scroll.min(rows.len()));
    if free > no_key.len() {
        for (row, part) in no_key.iter().enumerate() {
            let y = 3 + (page - free + row) as u16;
            paint.line(area, y, Line::new().add(Role::Muted, &format!("  {part}")));
        }
    }
}

/// The heading of the section that a change is in.
fn heading_of(rows: &[QueueRow], at: usize) -> Option<QueueRow> {
    matches!(rows[at], QueueRow::Change(_) | QueueRow::Command(_)).then_some(())?;
    rows[..at].iter().rev().find(|row| matches!(row, QueueRow::Heading(..))).copied()
}

fn heading_line(section: Section, count: usize, width: u16) -> Line {
    let line = Line::new().add(Role::Title, &format!(" {}", section.name())).add(Role::Muted, &format!(" {count}"));
    let hint = section.hint();
    let column = usize::from(width).saturating_sub(hint.width() + 2);
    if line.width() + 2 < column { line.pad_to(column).add(Role::Faint, hint) } else { line }
}

/// The text of an empty list.
fn empty(state: &State) -> String {
    let queue = &state.queue;
    let (refresh, filter) = (state.keymap.first(Action::Refresh), state.keymap.first(Action::Filter));
    if queue.sources.iter().any(|source| matches!(source, Source::Reading { .. })) {
        return "reading repositories …".to_owned();
    }
    if !queue.filter.is_empty() {
        return format!("Nothing matches the filter. {filter} changes it, Esc takes it away.");
    }
    let read = counted_repositories(queue.sources.len());
    format!("Nothing waits: {read} read, and no branch is pending. {refresh} reads again.")
}

fn counted_repositories(n: usize) -> String {
    if n == 1 { "1 repository was".to_owned() } else { format!("{n} repositories were") }
}

fn header(state: &State, area: Rect, paint: &mut Paint<'_>) {
    let entries = &state.queue.entries;
    let count = |section: Section| entries.iter().filter(|entry| entry.section() == section).count();
    let (mine, decided, pending) = (count(Section::Mine), count(Section::Decided), count(Section::Pending));
    let open = entries.len() - decided;
    let waiting = state.queue.commands.iter().filter(|command| command.pending.is_for_people()).count();
    let mut left = Line::new().add(Role::Title, " undersign");
    if waiting > 0 {
        left = left.add(Role::Warning, &format!("   {}", counted(waiting, "command")));
    }
    left = left.add(Role::Muted, &format!("{}{open} open", if waiting > 0 { " · " } else { "   " }));
    let mine = mine + state.queue.commands.iter().filter(|command| command.pending.needs_me).count();
    if mine > 0 {
        let verb = if mine == 1 { "needs" } else { "need" };
        left = left.add(Role::Accent, &format!(" · {mine} {verb} you"));
    } else if open > 0 && pending == 0 && decided > 0 && is_signatory(state) {
        left = left.add(Role::Ok, " · all done for you");
    }
    let is_late = |entry: &&Entry| state.queue.deadlines(entry).is_some_and(|own| state.now >= own.late);
    let late = entries.iter().filter(is_late).count();
    if late > 0 {
        left = left.add(Role::Error, &format!(" · {late} late"));
    }
    let moved = entries.iter().filter(|entry| entry.again.is_some()).count();
    if moved > 0 {
        let next = state.keymap.first(Action::NextAgain);
        left = left.add(Role::Accent, &format!(" · {moved} moved ({next})"));
    }
    if decided > 0 {
        left = left.add(Role::Muted, &format!(" · {decided} decided"));
    }
    let outbox: usize = state.queue.outbox.values().sum();
    if outbox > 0 {
        left = left.add(Role::Accent, &format!("   {outbox} to send ({})", state.keymap.first(Action::Sync)));
    }
    if snapshots(state).any(|snapshot| snapshot.told_unread().is_some()) {
        let sync = state.keymap.first(Action::Sync);
        left = left.add(Role::Warning, &format!("   decisions never fetched ({sync})"));
    }
    if pending > 0 {
        left = left.add(Role::Faint, &format!("   examining {pending} …"));
    }
    if !state.queue.filter.is_empty() {
        left = left.add(Role::Warning, &format!("   filter: {}", state.queue.filter));
    }
    let (long, short) = identity(state);
    let width = usize::from(area.width);
    // The oldest fetch determines the age of the queue. The identity matters more, unless the fetch is too old.
    if let Some(fetched) = state.queue.fetched.values().min() {
        let seconds = state.now - fetched;
        let ago = if seconds < 60 { "just now".to_owned() } else { format!("{} ago", age(state.now, *fetched)) };
        let (text, is_stale) = (format!("   fetched {ago}"), seconds >= STALE);
        if is_stale || left.width() + text.width() + short.width() + 4 <= width {
            left = left.add(if is_stale { Role::Warning } else { Role::Faint }, &text);
        }
    }
    let right = if left.width() + long.width() + 4 <= width { long } else { short };
    let column = width.saturating_sub(right.width() + 1);
    let line = if left.width() + 2 < column { left.pad_to(column).add(Role::Bar, &right) } else { left };
    paint.line(area, 0, line);
}

fn snapshots(state: &State) -> impl Iterator<Item = &RepositorySnapshot> + Clone {
    state.queue.sources.iter().filter_map(|source| match source {
        Source::Ready(snapshot) => Some(&**snapshot),
        _ => None,
    })
}

/// Whether the person at the desk signs anywhere: of nobody else can it be said that all is done.
fn is_signatory(state: &State) -> bool {
    snapshots(state).any(|snapshot| state.me(snapshot).is_some())
}

/// The person at the desk and their key, in a long and a short form.
fn identity(state: &State) -> (String, String) {
    let both = |text: String| (text.clone(), text);
    let fingerprint = match &state.key {
        Ok(fingerprint) => fingerprint,
        Err(why) => return both(format!("read only: {}", why.brief)),
    };
    let key: String = fingerprint.trim_start_matches("SHA256:").chars().take(8).collect();
    let mut snapshots = snapshots(state);
    match snapshots.clone().find_map(|snapshot| state.me(snapshot)) {
        Some(person) => (format!("{} · {}   key {key}", person.id, person.roles.join(", ")), person.id.clone()),
        // If the roster could not be read, nothing is shown.
        None if snapshots.any(|snapshot| snapshot.policy().is_some()) => both(format!("key {key} is in no roster")),
        None => both(format!("key {key}")),
    }
}

/// Widths of the columns of a list, 0 for those without room. On narrower screens they are dropped in a fixed order:
/// branch, change and reach, size, CI, age, then bar and agent. Tier, title and need are never dropped.
struct Columns {
    bar: usize,
    reach: usize,
    repository: usize,
    change: usize,
    title: usize,
    branch: usize,
    agent: usize,
    size: usize,
    checks: usize,
    /// Comments of others.
    said: usize,
    age: usize,
    due: usize,
    need: usize,
}

impl Columns {
    /// Cursor and tier; and the sign of what moved, before the title.
    const FIXED: usize = 5 + 2;

    fn of(state: &State, width: u16) -> Columns {
        let width = usize::from(width);
        let from = |columns: usize, least: usize| if width >= least { columns } else { 0 };
        let names = state.queue.sources.iter().map(|source| match source {
            Source::Ready(snapshot) => snapshot.name.width(),
            _ => 0,
        });
        let repository = names.max().unwrap_or(0).max(10) + 2;
        let mut columns = Columns {
            bar: from(5, 70),
            reach: from(8, 100),
            repository: repository.min(if width >= 100 { 16 } else { 13 }),
            change: if state.queue.has_requests() { from(7, 100) } else { 0 },
            title: 0,
            branch: 0,
            agent: from(11, 70),
            size: from(14, 92),
            checks: if state.queue.servers.is_empty() { 0 } else { from(4, 84) },
            said: if state.queue.has_comments() { from(5, 110) } else { 0 },
            age: from(5, 76),
            due: if state.queue.has_clock() { from(5, 100) } else { 0 },
            need: if width >= 100 { (state.queue.longest_ask() + 2).clamp(10, 20) } else { 10 },
        };
        let used = Columns::FIXED + columns.bar + columns.reach + columns.repository + columns.change + columns.agent;
        let right = columns.size + columns.checks + columns.said + columns.age + columns.due + columns.need;
        let rest = width.saturating_sub(used + right).max(10);
        // Extra width goes to the title until the longest fits, then to the branch.
        let longest = state.queue.longest_title() + 2;
        columns.branch = rest.saturating_sub(longest).min(36);
        if columns.branch < 14 {
            columns.branch = 0;
        }
        columns.title = rest - columns.branch;
        columns
    }

    fn headings(&self, sort: Sort) -> Line {
        let mark = |own: Sort, name: &str| if own == sort { format!("{name} ▾") } else { name.to_owned() };
        let (tier, age) = (mark(Sort::Risk, "tier"), mark(Sort::Age, "age"));
        let (size, due) = (mark(Sort::Size, "size"), mark(Sort::Due, "due"));
        let text = [
            format!("   {}", cell(&tier, self.bar + 2)),
            cell("reach", self.reach),
            cell("repository", self.repository),
            cell("change", self.change),
            "  ".to_owned(),
            cell("title", self.title),
            cell("branch", self.branch),
            cell("agent", self.agent),
            format!("{:>w$}", if self.size > 0 { &size } else { "" }, w = self.size.saturating_sub(1)),
            " ".repeat(self.size.min(1)),
            cell("CI", self.checks),
            cell("said", self.said),
            if self.age > 0 { format!("{age:>4} ") } else { String::new() },
            if self.due > 0 { format!("{due:>4} ") } else { String::new() },
            " needs".to_owned(),
        ];
        Line::new().add(Role::Faint, &text.concat())
    }

    fn row(&self, state: &State, entry: &Entry, selected: bool) -> Line {
        let line = Line::new().add(Role::Accent, if selected { " ▸ " } else { "   " });
        let name = state.queue.snapshot(&entry.change).map_or("", |snapshot| snapshot.name.as_str());
        let is_settled = entry.section() == Section::Decided;
        let title_role = if is_settled { Role::Muted } else { Role::Text };
        let sign = sign_of(state, entry);
        let number = entry.change.request().map(Request::sign).unwrap_or_default();
        let change = cell(&number, self.change);
        let examination = match &entry.examined {
            Examined::Done(examination) => examination,
            Examined::Pending => {
                let rest = self.title + self.branch + self.agent + self.size;
                let line = line.add(Role::Faint, &cell("··", 2 + self.bar + self.reach));
                let line = line
                    .add(Role::Muted, &cell(name, self.repository))
                    .add(Role::Muted, &change)
                    .add(Role::Accent, sign);
                let line = line.add(Role::Muted, &cell(entry.title(), rest));
                return self.age(self.claims(line, state, entry), state, entry);
            }
            Examined::Failed(why) => {
                let room = self.title + self.branch + self.agent + self.size + self.checks + self.said + self.age;
                let room = room + self.need;
                let line = line.add(Role::Faint, &cell("⊘", 2 + self.bar + self.reach));
                let line = line
                    .add(Role::Muted, &cell(name, self.repository))
                    .add(Role::Muted, &change)
                    .add(Role::Accent, sign);
                return line.add(Role::Faint, &clip(&format!("{}: {why}", entry.title()), room));
            }
        };
        let tier = examination.assessment.tier;
        let bar = "▇".repeat(usize::from(5 - tier.min(5)));
        let line = line.add(tier_role(tier), &format!("{tier} {}", cell(&bar, self.bar)));
        let line = line.add(Role::Muted, &cell(examination.assessment.blast.class.word(), self.reach));
        let line =
            line.add(Role::Muted, &cell(name, self.repository)).add(Role::Muted, &change).add(Role::Accent, sign);
        let title = format!("{}{}", state.queue.stack_sign(entry), self.title_of(&state.queue, entry));
        let line = line.add(title_role, &cell(&title, self.title));
        let line = line.add(Role::Muted, &cell(&entry.change.name, self.branch));
        let provenance = &examination.provenance;
        let role = if provenance.agent().is_some() { Role::Text } else { Role::Faint };
        let mut line = line.add(role, &cell(provenance.word(), self.agent));
        if self.size > 0 {
            line = line.add(Role::Ok, &format!("{:>6}", format!("+{}", short(examination.added))));
            line = line.add(Role::Error, &format!("{:>7} ", format!("−{}", short(examination.removed))));
        }
        let not_ready = entry.not_ready().filter(|_| entry.section() == Section::NotReady);
        let ask = entry.told_ask().filter(|ask| ask.width() < self.need);
        let need = ask.or_else(|| Some(short_status(entry.status.as_ref()?, examination))).unwrap_or_default();
        let need = not_ready.map_or(need, |why| why.word().to_owned());
        self.age(self.claims(line, state, entry), state, entry).add(status_role(entry), &clip(&need, self.need - 1))
    }

    /// The title, after the number or the branch if that distinguishes the row and has no column.
    fn title_of(&self, queue: &Queue, entry: &Entry) -> String {
        let change = &entry.change;
        let is_plain = change.name == change.branch && change.stands.is_empty();
        let is_told = match change.request() {
            Some(_) => self.branch > 0 || self.change > 0,
            None => self.branch > 0 || is_plain && !queue.is_title_shared(entry),
        };
        if is_told {
            return entry.title().to_owned();
        }
        match change.request() {
            Some(request) if is_plain => format!("{}: {}", request.sign(), entry.title()),
            _ => format!("{}: {}", change.name, entry.title()),
        }
    }

    /// What its server says of it: checks, and how much others wrote.
    fn claims(&self, line: Line, state: &State, entry: &Entry) -> Line {
        let checks = entry.request_info.as_ref().and_then(|request_info| request_info.checks);
        let role = match checks {
            Some(Checks { failed, .. }) if failed > 0 => Role::Error,
            Some(Checks { running, .. }) if running > 0 => Role::Muted,
            Some(Checks { passed, .. }) if passed > 0 => Role::Ok,
            _ => Role::Faint,
        };
        let said = state.queue.comments(entry).map(CommentCount::sign).unwrap_or_default();
        line.add(role, &cell(&checks_sign(checks), self.checks)).add(Role::Muted, &cell(&said, self.said))
    }

    fn age(&self, line: Line, state: &State, entry: &Entry) -> Line {
        let age = age(state.now, entry.change.revision.commits.first().map_or(0, |commit| commit.time));
        let text = if self.age > 0 { format!("{age:>4} ") } else { String::new() };
        let line = line.add(Role::Faint, &text);
        let due = state.queue.deadlines(entry).map_or((Role::Faint, String::new()), |own| team::due(own, state.now));
        let line = if self.due > 0 { line.add(due.0, &format!("{:>4} ", due.1)) } else { line };
        line.add(Role::Faint, " ")
    }
}

/// The sign before a title: it moved, its server requests a review by this person, or somebody claimed it.
fn sign_of(state: &State, entry: &Entry) -> &'static str {
    match () {
        () if entry.again.is_some() => "↻ ",
        () if entry.is_asked_of_me() => "@ ",
        () if state.queue.claims_of(&entry.change).next().is_some() => "◆ ",
        () => "  ",
    }
}

/// A text in this many columns, the last of them blank.
fn cell(text: &str, columns: usize) -> String {
    let text = clip(text, columns.saturating_sub(1));
    let blanks = columns.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(blanks))
}

/// The status in a row: its key word is never cut, so each has a short form.
fn short_status(status: &ChangeStatus, examination: &Examination) -> String {
    let standing = examination.standing.as_ref();
    let still = standing.map_or(0, examination::people_missing);
    match status {
        ChangeStatus::NeedsYou if still > 1 => format!("you +{}", still - 1),
        ChangeStatus::NeedsYou => "you".to_owned(),
        ChangeStatus::Waiting => format!("{} more", still.max(1)),
        ChangeStatus::PolicyInvalid => "policy".to_owned(),
        ChangeStatus::NeedsOthers => {
            let open = standing.and_then(|standing| standing.slots.iter().find(|slot| slot.have < slot.need));
            open.map_or("others".to_owned(), |slot| slot.slot.clone())
        }
        ChangeStatus::NeedsPeople(people) => people.join(", "),
        other => other.to_string(),
    }
}

fn problem_line((what, why): (String, String), selected: bool, width: u16) -> Line {
    let mark = if selected { " ▸" } else { "  " };
    let text = clip(&format!("⊘ {what}: {why}"), usize::from(width).saturating_sub(3));
    Line::new().add(Role::Accent, mark).add(Role::Warning, &text)
}

fn short(n: u32) -> String {
    if n >= 10_000 { format!("{}k", n / 1000) } else { n.to_string() }
}

pub fn tier_role(tier: u8) -> Role {
    match tier {
        1 => Role::Critical,
        2 => Role::High,
        3 => Role::Medium,
        4 => Role::Low,
        _ => Role::RiskNote,
    }
}

pub fn severity_role(severity: Severity) -> Role {
    match severity {
        Severity::Critical => Role::Critical,
        Severity::High => Role::High,
        Severity::Medium => Role::Medium,
        Severity::Low => Role::Low,
        Severity::Note => Role::RiskNote,
    }
}

fn status_role(entry: &Entry) -> Role {
    match (entry.section(), &entry.status) {
        (_, Some(ChangeStatus::Rejected)) => Role::Error,
        (_, Some(ChangeStatus::Frozen | ChangeStatus::Cooling | ChangeStatus::NeedsEvidence)) => Role::Muted,
        (Section::Decided, _) => Role::Ok,
        (Section::Mine, _) => Role::Accent,
        (Section::Stuck, _) => Role::Warning,
        _ => Role::Muted,
    }
}

/// How many seconds after a fetch a queue is probably outdated: a day.
const STALE: i64 = 86_400;

/// An age in one unit.
pub fn age(now: i64, then: i64) -> String {
    let seconds = (now - then).max(0);
    match seconds {
        0..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        86_400..31_536_000 => format!("{}d", seconds / 86_400),
        _ => format!("{}y", seconds / 31_536_000),
    }
}

/// The details of the selected row: each fact in one row, and wrapped as far as there are rows.
fn preview_of(state: &State, area: Rect, is_tall: bool, paint: &mut Paint<'_>) {
    let width = usize::from(area.width);
    if let Some(command) = state.queue.selected_command() {
        let lines = commands::preview(state, command, (width, usize::from(area.height)), is_tall);
        return lines.into_iter().enumerate().for_each(|(row, line)| paint.line(area, row as u16, line));
    }
    let Some(entry) = state.queue.selected_entry() else {
        if let Some((what, why)) = state.queue.current().and_then(|row| state.queue.problem(row)) {
            paint.line(area, 0, Line::new().add(Role::Title, &format!(" {}", clip(&what, width.saturating_sub(2)))));
            for (row, text) in fold(&why, width.saturating_sub(4)).iter().enumerate() {
                paint.line(area, 1 + row as u16, Line::new().add(Role::Muted, &format!(" {text}")));
            }
        }
        return;
    };
    let mut lines = head_of(state, entry, width, is_tall);
    match &entry.examined {
        Examined::Done(examination) => {
            let rows = usize::from(area.height).saturating_sub(lines.len());
            lines.extend(details(state, entry, examination, (width, rows), is_tall));
        }
        Examined::Pending => lines.push(Line::new().add(Role::Faint, " examining …")),
        Examined::Failed(why) => {
            let text = fold(why, width.saturating_sub(2));
            lines.extend(text.iter().map(|part| Line::new().add(Role::Error, &format!(" {part}"))));
        }
    }
    lines.into_iter().enumerate().for_each(|(row, line)| paint.line(area, row as u16, line));
}

fn head_of(state: &State, entry: &Entry, width: usize, is_tall: bool) -> Vec<Line> {
    let revision = &entry.change.revision;
    let target = entry.change.target.trim_start_matches("refs/heads/");
    let route = format!("{} → {target}   {}..{}", entry.change.name, revision.base.short(), revision.head.short());
    if is_tall {
        let name = state.queue.snapshot(&entry.change).map_or("", |snapshot| snapshot.name.as_str());
        let mut lines: Vec<_> = fold(entry.title(), width.saturating_sub(2))
            .iter()
            .map(|part| Line::new().add(Role::Title, &format!(" {part}")))
            .collect();
        lines.extend(
            fold(&format!("{name}   {route}"), width.saturating_sub(2))
                .iter()
                .map(|part| Line::new().add(Role::Muted, &format!(" {part}"))),
        );
        lines.push(Line::new());
        return lines;
    }
    let route = clip(&route, width / 2);
    let title = clip(entry.title(), width.saturating_sub(route.width() + 4));
    let head = Line::new().add(Role::Title, &format!(" {title}"));
    vec![head.pad_to(width.saturating_sub(route.width() + 1)).add(Role::Muted, &route)]
}

/// A label and its text.
struct Fact {
    /// The role of the label.
    own: Role,
    label: String,
    role: Role,
    text: String,
    /// The text where there is one row for it; none if its beginning will do.
    brief: Option<String>,
}

/// Labels and their texts, the most important first; none is a gap.
struct Facts {
    facts: Vec<Option<Fact>>,
    room: usize,
    is_tall: bool,
}

impl Facts {
    const LABEL: usize = 13;

    fn new(width: usize, is_tall: bool) -> Facts {
        Facts { facts: Vec::new(), room: width.saturating_sub(Facts::LABEL + 2), is_tall }
    }

    /// One fact. Rows that belong together share a label.
    fn add(&mut self, label: &str, role: Role, text: &str) {
        self.add_as(Role::Faint, label, role, text, None);
    }

    /// With the role of the label, which is a finding's severity, and with a text for a single row.
    fn add_as(&mut self, own: Role, label: &str, role: Role, text: &str, brief: Option<String>) {
        self.facts.push(Some(Fact { own, label: label.to_owned(), role, text: text.to_owned(), brief }));
    }

    fn gap(&mut self) {
        if self.is_tall {
            self.facts.push(None);
        }
    }

    /// Each has at least one row; those that are longer are wrapped while rows are left, from the first on.
    fn into_lines(self, rows: usize) -> Vec<Line> {
        let mut spare = if self.is_tall { usize::MAX } else { rows.saturating_sub(self.facts.len()) };
        let mut lines = Vec::new();
        for fact in self.facts {
            let Some(Fact { own, label, role, text, brief }) = fact else {
                lines.push(Line::new());
                continue;
            };
            let mut parts = fold(&text, self.room);
            if parts.is_empty() {
                parts.push(String::new());
            }
            let more = spare.min(parts.len().saturating_sub(1));
            spare -= more;
            if more + 1 < parts.len() {
                let rest = parts.split_off(more).join(" ");
                parts.push(brief.filter(|_| more == 0).unwrap_or_else(|| clip(&rest, self.room)));
            }
            for (at, part) in parts.iter().enumerate() {
                let label = if at == 0 { label.as_str() } else { "" };
                let line = Line::new().add(own, &format!(" {label:<w$}", w = Facts::LABEL));
                lines.push(line.add(role, part));
            }
        }
        lines
    }
}

fn details(
    state: &State,
    entry: &Entry,
    examination: &Examination,
    (width, rows): (usize, usize),
    is_tall: bool,
) -> Vec<Line> {
    let mut facts = Facts::new(width, is_tall);
    let assessment = &examination.assessment;
    if let Some(again) = &entry.again {
        let told = again.told.as_deref().unwrap_or("…");
        facts.add("moved", Role::Accent, &format!("{}: {told}", again.since.name()));
    }
    team::facts(&mut facts, state, entry);
    if !entry.change.stands.is_empty() {
        facts.add("branch", Role::Warning, &entry.change.stands.join("; "));
    }
    if let Some(told) = entry.change.builds_on() {
        facts.add("stack", Role::Text, &told);
    }
    depends_on(&mut facts, state, entry);
    if let [first, more @ ..] = &examination.crossings[..] {
        let more = if more.is_empty() { String::new() } else { format!("   +{} more", more.len()) };
        let brief = clip(&first.to_string(), facts.room.saturating_sub(more.width())) + &more;
        facts.add_as(Role::Faint, "crosses", Role::Warning, &format!("{first}{more}"), Some(brief));
    }
    let worst = assessment.findings.iter().map(|finding| finding.severity).max();
    let worst = worst.map_or("no finding".to_owned(), |worst| format!("worst finding {}", worst.name()));
    let asks = if assessment.tier <= 2 { "; sign it with a reason" } else { "" };
    let text = format!("{worst}, reach {}{asks}", assessment.blast.class.meaning());
    facts.add_as(tier_role(assessment.tier), &format!("tier {}", assessment.tier), Role::Text, &text, None);
    facts.gap();
    found(&mut facts, examination);
    let reasons: Vec<_> = assessment.blast.reasons.iter().map(|r| format!("{} {}", r.path, r.sentence)).collect();
    let reach = format!("{}: {}", assessment.blast.class.meaning(), reasons.join(" · "));
    facts.add("reach", Role::Text, &reach);
    also_edited(&mut facts, state, entry);
    facts.gap();
    needs(&mut facts, state, entry, examination);
    facts.gap();
    request_info(&mut facts, state, entry);
    let provenance = &examination.provenance;
    let evidence: Vec<_> = provenance.evidence.iter().map(|evidence| masked(evidence.raw.trim())).collect();
    let shown = if is_tall { evidence.len() } else { evidence.len().min(1) };
    let agent = provenance.tool();
    let evidence = evidence[..shown].iter().map(|raw| format!(" · “{raw}”")).collect::<String>();
    facts.add("made by", Role::Text, &format!("{agent}: {}{evidence}", provenance.status.name()));
    let says = entry.change.revision.commits.first().map(|commit| commit.says().join(" ")).unwrap_or_default();
    if !says.is_empty() {
        facts.add("it says", Role::Claim, &format!("“{says}”"));
    }
    let size = format!("{}, +{} −{}", counted(examination.files, "file"), examination.added, examination.removed);
    facts.add("size", Role::Text, &size);
    facts.into_lines(rows)
}

/// What it says that it depends on: in one row where there are few, what is pending first.
fn depends_on(facts: &mut Facts, state: &State, entry: &Entry) {
    let mut all = state.queue.dependencies(entry);
    all.sort_by_key(|dependency| dependency.pending.is_empty());
    match &all[..] {
        [first, more @ ..] if !facts.is_tall && !more.is_empty() => {
            let more = format!("   +{} more", more.len());
            let brief = clip(&first.told(), facts.room.saturating_sub(more.width())) + &more;
            facts.add_as(Role::Faint, "depends on", Role::Text, &format!("{}{more}", first.told()), Some(brief));
        }
        all => all.iter().for_each(|dependency| facts.add("depends on", Role::Text, &dependency.told())),
    }
}

/// Other changes that edit the same, which are in the way of each other.
fn also_edited(facts: &mut Facts, state: &State, entry: &Entry) {
    let Some(beside) = state.queue.beside(entry) else { return };
    let role = if beside.same_lines > 0 { Role::Warning } else { Role::Text };
    let told = if facts.is_tall { beside.told() } else { beside.brief() };
    told.iter().for_each(|told| facts.add("also edited", role, told));
}

/// What its server says about it: claims.
fn request_info(facts: &mut Facts, state: &State, entry: &Entry) {
    let Some(info @ RequestInfo { pending, checks }) = &entry.request_info else { return };
    let asked = pending.asked.as_ref().map(|asked| format!(", asks {asked}")).unwrap_or_default();
    let draft = if pending.is_draft { ", a draft" } else { "" };
    let said = state.queue.comments(entry).and_then(CommentCount::told);
    let said = said.map_or(String::new(), |told| format!(", {told}"));
    let text = format!("{} by {}{asked}{draft}{said}", pending.request.sign(), pending.author);
    facts.add("request", Role::Text, &text);
    if let Some(checks) = checks {
        facts.add("CI", Role::Text, &checks_sentence(*checks));
    }
    if let Some(other) = info.other_target(&entry.change) {
        facts.add(
            "",
            Role::Warning,
            &format!("its server would land it on {other}: an approval here could not be sent"),
        );
    }
    // A note for this commit says nothing about another one.
    if pending.head.is_some_and(|head| head != entry.change.revision.head) {
        facts.add("", Role::Warning, "its server has another head than is here: R fetches");
    }
}

/// One finding per rule: a second of the same kind says nothing new.
fn found(facts: &mut Facts, examination: &Examination) {
    let mut rules = std::collections::BTreeSet::new();
    let all = &examination.assessment.findings;
    let kinds = all.iter().filter(|finding| rules.insert(&finding.rule));
    let shown: Vec<_> = kinds.take(if facts.is_tall { 8 } else { 2 }).collect();
    let more = all.len() - shown.len();
    for (at, finding) in shown.iter().enumerate() {
        let is_last = at + 1 == shown.len() && more > 0;
        let more = if is_last { format!("   +{more} more") } else { String::new() };
        let place = format!("   {}{more}", finding.whereabouts());
        let brief = clip(&finding.title, facts.room.saturating_sub(place.width())) + &place;
        let text = format!("{}{place}", finding.title);
        facts.add_as(severity_role(finding.severity), finding.severity.name(), Role::Text, &text, Some(brief));
    }
    if !shown.is_empty() {
        facts.gap();
    }
}

/// What is still needed, in the words of the policy.
fn needs(facts: &mut Facts, state: &State, entry: &Entry, examination: &Examination) {
    let snapshot = state.queue.snapshot(&entry.change);
    let Some(standing) = &examination.standing else {
        let why = snapshot.and_then(|snapshot| without_policy(snapshot));
        return why.into_iter().for_each(|why| facts.add("needs", Role::Warning, &why));
    };
    let policy = snapshot.and_then(|snapshot| snapshot.policy());
    let needs = policy.map(|policy| advice::needs(policy, standing, state.now)).unwrap_or_default();
    let mut texts: Vec<_> = needs.iter().map(ToString::to_string).collect();
    let ask = state.told_ask(entry);
    if !ask.is_empty() {
        texts.insert(0, ask);
    }
    if let Some(change) = &examination.policy_change {
        texts.insert(0, format!("policy: {}", change.headline()));
    }
    let answered = advice::answered(standing);
    if !answered.is_empty() {
        let names = answered.join(", ");
        texts.insert(0, format!("{names} rejected another change of the same paths: an approval answers that"));
    }
    if !standing.rejected_by.is_empty() {
        texts.insert(0, format!("rejected by {}", standing.rejected_by.join(", ")));
    }
    if facts.is_tall {
        for (at, text) in texts.iter().enumerate() {
            facts.add(if at == 0 { "needs" } else { "" }, Role::Text, text);
        }
    } else {
        // Who decides is never cut: it gets a second row if the first is full.
        let text = texts.join(" · ");
        let first = fold(&text, facts.room).into_iter().next().unwrap_or_default();
        let rest = text.get(first.len()..).unwrap_or_default().trim_start();
        facts.add("needs", Role::Text, &first);
        if !rest.is_empty() {
            facts.add("", Role::Text, rest);
        }
    }
}
