//! Commands in the queue: their columns, and the details of the selected one.

use unicode_width::UnicodeWidthStr as _;

use super::{Facts, age, cell};
use crate::app::State;
use crate::app::queue::QueuedCommand;
use crate::authorizing::{PendingCommand, RequestState};
use crate::change::visible;
use crate::command::is_destructive;
use crate::command::preview::Act;
use crate::command::request::{PreviewBy, Proof};
use crate::tui::theme::Role;
use crate::tui::view::paint::{Line, clip};

/// Columns of the list of commands: time left, what it does at the worst, target, command, who asks, age, need.
pub(super) struct CommandColumns {
    /// 0 if all are of one repository.
    repository: usize,
    target: usize,
    command: usize,
    agent: usize,
    need: usize,
}

impl CommandColumns {
    /// Cursor, time left, the sign of what it does, and age.
    const FIXED: usize = 3 + 8 + 4 + 5;

    pub(super) fn of(state: &State, width: u16) -> CommandColumns {
        let width = usize::from(width);
        let names = (0..state.queue.sources.len()).filter_map(|at| state.queue.ready(at)).map(|own| own.name.width());
        let repository = if has_several(state) { names.max().unwrap_or(0).clamp(10, 14) + 2 } else { 0 };
        let with_agent = if repository > 0 { 100 } else { 70 };
        let (target, agent, need) = (13, if width >= with_agent { 12 } else { 0 }, 10);
        let rest = width.saturating_sub(CommandColumns::FIXED + repository + target + agent + need).max(10);
        CommandColumns { repository, target, command: rest, agent, need }
    }

    pub(super) fn headings(&self) -> Line {
        let text = [
            format!("   {}", cell("left", 8 + 4)),
            cell("repository", self.repository),
            cell("target", self.target),
            cell("command", self.command),
            cell("for", self.agent),
            format!("{:>4} ", "age"),
            " needs".to_owned(),
        ];
        Line::new().add(Role::Faint, &text.concat())
    }

    pub(super) fn row(&self, state: &State, command: &QueuedCommand, selected: bool) -> Line {
        let (now, pending) = (state.now, &command.pending);
        let name = state.queue.ready(command.repository).map_or("", |snapshot| snapshot.name.as_str());
        let line = Line::new().add(Role::Accent, if selected { " ▸ " } else { "   " });
        let (left, is_short) = match pending.is_open() {
            true => time_left(now, pending.until()),
            false => (String::new(), false),
        };
        let preview = &pending.request().preview;
        let (sign, role) = match (preview.destroys.0, preview.replaces.0, preview.unclear.0) {
            _ if preview.by != PreviewBy::Broker => ("?".to_owned(), Role::Critical),
            (0, 0, 0) => ("~".to_owned(), Role::Muted),
            (0, 0, unclear) => (format!("?{unclear}"), Role::Critical),
            (0, replaced, _) => (format!("±{replaced}"), Role::Critical),
            (destroyed, _, _) => (format!("✗{destroyed}"), Role::Critical),
        };
        let text = if pending.is_for_people() { Role::Text } else { Role::Muted };
        let line = line.add(if is_short { Role::Warning } else { text }, &cell(&left, 8));
        let line = line.add(role, &cell(&sign, 4));
        let line = line.add(Role::Muted, &cell(&visible::text(name), self.repository));
        let line = line.add(Role::Muted, &cell(&visible::text(pending.target()), self.target));
        let line = line.add(text, &cell(&pending.line(), self.command));
        let operator = &pending.request().asked.operator;
        let line = line.add(Role::Muted, &cell(if operator.is_empty() { "undeclared" } else { operator }, self.agent));
        let asked = pending.record.run().issued_at.seconds();
        let role = match pending.standing {
            _ if pending.is_owed => Role::Warning,
            RequestState::Refused(_) | RequestState::Stopped(_) => Role::Error,
            RequestState::MayStart | RequestState::Runs(_) | RequestState::Ended { .. } => Role::Ok,
            _ if pending.needs_me => Role::Accent,
            _ => Role::Muted,
        };
        let line = line.add(Role::Faint, &format!("{:>4}  ", age(now, asked)));
        line.add(role, &clip(&pending.word(), self.need - 1))
    }
}

/// Whether commands may be of several repositories.
pub fn has_several(state: &State) -> bool {
    state.queue.sources.len() > 1
}

/// How long a command can still be started, and whether it expires soon.
pub fn time_left(now: i64, until: i64) -> (String, bool) {
    const SOON: i64 = 10 * 60;
    let left = (until - now).max(0);
    let text = match left {
        0..60 => format!("{left}s"),
        60..3_600 => format!("{}m", left / 60),
        _ => format!("{}h", left / 3_600),
    };
    if left < SOON { (format!("{text}!"), true) } else { (text, false) }
}

/// `✗ destroyed 3: ce_database.main, ce_queue.ingest, ce_widget.panel` and the like, the gravest first.
fn effect(pending: &PendingCommand) -> String {
    let preview = &pending.request().preview;
    let counts = [
        (Act::Destroy, "✗ destroyed", preview.destroys.0),
        (Act::Replace, "± replaced", preview.replaces.0),
        (Act::Unclear, "? unclear", preview.unclear.0),
    ];
    let name = |act: Act| {
        let rows = pending.preview.iter().flat_map(|document| &document.rows);
        let mut names: Vec<&str> = rows.filter(|row| row.act == act).map(|row| row.what.as_str()).collect();
        // Items of one kind may need several rows.
        names.dedup();
        names.truncate(3);
        visible::text(&names.join(", ")).into_owned()
    };
    let told = counts.into_iter().filter(|(_, _, count)| *count > 0);
    let told: Vec<String> = told.map(|(act, label, count)| format!("{label} {count}: {}", name(act))).collect();
    if told.is_empty() { "nothing is destroyed or replaced".to_owned() } else { told.join(" · ") }
}

/// The details of the selected command.
pub(super) fn preview(
    state: &State,
    command: &QueuedCommand,
    (width, rows): (usize, usize),
    is_tall: bool,
) -> Vec<Line> {
    let (now, pending) = (state.now, &command.pending);
    let request = pending.request();
    let name = state.queue.ready(command.repository).filter(|_| has_several(state));
    let name = name.map(|snapshot| format!("{}: ", visible::text(&snapshot.name))).unwrap_or_default();
    let target = format!("{name}{}", visible::text(pending.target()));
    let until = match pending.is_open() {
        true => format!(" · {} left", time_left(now, pending.until()).0),
        false => String::new(),
    };
    let right = format!("{target}{until}");
    let title = clip(&pending.line(), width.saturating_sub(right.width() + 4));
    let head = Line::new().add(Role::Title, &format!(" {title}"));
    let mut lines = vec![head.pad_to(width.saturating_sub(right.width() + 1)).add(Role::Muted, &right)];
    let mut facts = Facts::new(width, is_tall);
    let preview = &request.preview;
    match preview.by {
        PreviewBy::Broker => {
            let role = if is_destructive(request) { Role::Warning } else { Role::Text };
            facts.add("does", role, &effect(pending));
        }
        _ => facts.add("does", Role::Warning, "✗ no preview: what this does is not known"),
    }
    match &pending.standing {
        RequestState::Refused(why) | RequestState::Stopped(why) => facts.add("stands", Role::Warning, why),
        _ => facts.add("needs", Role::Text, &pending.slots().join(" · ")),
    }
    let asked = &request.asked;
    let proof = if asked.proof == Proof::Proven { "proven" } else { "only claimed" };
    let operator = if asked.operator.is_empty() { "nobody that is named" } else { &asked.operator };
    facts.add("runs for", Role::Text, &format!("{operator}, {proof} by {}", asked.by));
    if let Some(refusal) = pending.refusals.to_answer.first() {
        facts.add("before", Role::Warning, &format!("{} refused another request: “{}”", refusal.by, refusal.reason));
    }
    if !request.why.is_empty() {
        facts.add("it says", Role::Claim, &format!("“{}”", request.why));
    }
    lines.extend(facts.into_lines(rows.saturating_sub(1)));
    lines
}
