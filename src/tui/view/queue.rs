//! The queue: one row a change, and below it what is known of the selected one.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr as _;

use super::paint::{Line, Paint, clip, fold, hanging};
use super::sign::direction_role;
use super::{footer, rule};
use crate::app::action::Action;
use crate::app::queue::{Entry, Examined, QueueRow, Source};
use crate::app::{State, preview_height};
use crate::change::{Change, counted, visible};
use crate::gate::counsel;
use crate::policy::Criticality;
use crate::risk::Severity;
use crate::survey::Examination;
use crate::tui::theme::Role;

pub fn draw(state: &State, area: Rect, paint: &mut Paint<'_>) {
    header(state, area, paint);
    rule(paint, area, 1);
    let rows = state.queue.rows();
    let page = state.page();
    if rows.is_empty() {
        let reading = state.queue.sources.iter().any(|source| matches!(source, Source::Reading { .. }));
        let text = match (reading, state.queue.filter.is_empty()) {
            (true, _) => "  reading repositories …",
            (false, true) => "  Nothing is pending. R reads the repositories again.",
            (false, false) => "  Nothing matches the filter. / and Esc take it away.",
        };
        paint.line(area, 3, Line::new().add(Role::Muted, text));
    }
    for (at, row) in rows.iter().enumerate().skip(state.queue.scroll).take(page) {
        let y = 2 + (at - state.queue.scroll) as u16;
        let selected = at == state.queue.cursor;
        let line = match row {
            QueueRow::Change(entry) => entry_line(state, &state.queue.entries[*entry], at, selected, area.width),
            row => trouble_line(state.queue.trouble(*row).unwrap_or_default(), selected, area.width),
        };
        paint.line_on(area, y, line, selected.then_some(Role::Selected));
    }
    let foot = area.height - 2;
    rule(paint, area, foot);
    if state.has_preview() {
        let height = preview_height(area.height);
        let preview = Rect { y: area.y + foot - height, height, ..area };
        rule(paint, preview, 0);
        let body = Rect { y: preview.y + 1, height: height - 1, ..preview };
        preview_of(state, body, paint);
    }
    footer(
        state,
        &[
            (Action::Open, "open"),
            (Action::Filter, "filter"),
            (Action::Sort, "sort"),
            (Action::Why, "why"),
            (Action::Preview, "preview"),
            // There is room for one of the two: what waits to be sent goes first.
            if state.queue.outbox.values().any(|records| *records > 0) {
                (Action::Sync, "sync")
            } else {
                (Action::Refresh, "refresh")
            },
            (Action::Help, "help"),
            (Action::Back, "quit"),
        ],
        area,
        paint,
    );
}

fn header(state: &State, area: Rect, paint: &mut Paint<'_>) {
    let settled =
        state.queue.entries.iter().filter(|entry| matches!(entry.need.as_str(), "signed" | "rejected")).count();
    let open = state.queue.entries.len() - settled;
    let mut left = Line::new().add(Role::Title, " undersign").add(Role::Accent, &format!("   Queue {open}"));
    let again = state.queue.entries.iter().filter(|entry| entry.again.is_some()).count();
    if again > 0 {
        left = left.add(Role::Accent, &format!("   Again {again}"));
    }
    left = left.add(Role::Muted, &format!("   Decided {settled}"));
    let outbox: usize = state.queue.outbox.values().sum();
    if outbox > 0 {
        left = left.add(Role::Accent, &format!("   Outbox {outbox}"));
    }
    let pending = state.queue.entries.iter().filter(|entry| matches!(entry.examined, Examined::Pending)).count();
    if pending > 0 {
        left = left.add(Role::Faint, &format!("   examining {pending} …"));
    }
    if !state.queue.filter.is_empty() {
        left = left.add(Role::Warning, &format!("   filter: {}", state.queue.filter));
    }
    left = left.add(Role::Faint, &format!("   by {}", state.queue.sort.name()));
    let right = identity(state);
    let column = usize::from(area.width).saturating_sub(right.width() + 1);
    let line = if left.width() + 2 < column { left.pad_to(column).add(Role::Bar, &right) } else { left };
    paint.line(area, 0, line);
}

fn identity(state: &State) -> String {
    let key = match &state.key {
        Ok(fingerprint) => fingerprint.trim_start_matches("SHA256:").chars().take(8).collect::<String>(),
        Err(_) => return "no signing key".to_owned(),
    };
    let person = state.queue.sources.iter().find_map(|source| match source {
        Source::Ready(place) => state.me(place),
        _ => None,
    });
    match person {
        Some(person) => format!("{} ({}) · {key}…", person.id, person.roles.join(", ")),
        None => format!("key {key}… is in no roster"),
    }
}

/// Columns of a row by the width of the screen.
struct Columns {
    repository: usize,
    title: usize,
    agent: usize,
    compartments: usize,
}

fn columns(width: u16) -> Columns {
    let width = usize::from(width);
    // Fixed: cursor and number 6, blast 4, bar 8, size 13, age 5, need 11.
    let repository = if width >= 100 { 14 } else { 11 };
    let agent = if width >= 90 { 12 } else { 0 };
    let compartments = if width >= 130 { 22 } else { 0 };
    let fixed = 6 + 4 + if width >= 90 { 8 } else { 0 } + 13 + 5 + 11;
    Columns {
        repository,
        agent,
        compartments,
        title: width.saturating_sub(fixed + repository + agent + compartments).max(10),
    }
}

fn entry_line(state: &State, entry: &Entry, at: usize, selected: bool, width: u16) -> Line {
    let columns = columns(width);
    let mark = if selected { " ▸" } else { "  " };
    let mut line = Line::new().add(Role::Accent, mark).add(Role::Faint, &format!("{:>3} ", at + 1));
    let name = state.queue.place(&entry.change).map_or("", |place| place.name.as_str());
    let title = &title_of(&entry.change);
    let cell = |text: &str, columns: usize| {
        let text = clip(text, columns.saturating_sub(1));
        let blanks = columns.saturating_sub(text.width());
        format!("{text}{}", " ".repeat(blanks))
    };
    let settled = matches!(entry.need.as_str(), "signed" | "rejected");
    let title_role = if settled { Role::Muted } else { Role::Text };
    match &entry.examined {
        Examined::Done(examination) => {
            let tier = examination.assessment.tier;
            line = line.add(tier_role(tier), &format!("{}  ", examination.assessment.blast.class.name()));
            if width >= 90 {
                line = line.add(tier_role(tier), &format!("{:<8}", "▇".repeat(usize::from(6 - tier.min(5)))));
            }
            line = line.add(Role::Muted, &cell(name, columns.repository)).add(title_role, &cell(title, columns.title));
            if columns.agent > 0 {
                let provenance = &examination.provenance;
                let role = if provenance.agent().is_some() { Role::Text } else { Role::Faint };
                line = line.add(role, &cell(provenance.word(), columns.agent));
            }
            line = line.add(Role::Ok, &format!("{:>6}", format!("+{}", short(examination.added))));
            line = line.add(Role::Error, &format!("{:>6} ", format!("−{}", short(examination.removed))));
            if columns.compartments > 0 {
                line = line.add(Role::Muted, &cell(&compartments(examination), columns.compartments));
            }
        }
        Examined::Pending => {
            let indent = if width >= 90 { 12 } else { 4 };
            line = line.add(Role::Faint, &cell("··", indent)).add(Role::Muted, &cell(name, columns.repository));
            line = line.add(Role::Muted, &cell(title, columns.title + columns.agent + columns.compartments + 13));
        }
        Examined::Failed(why) => {
            let text = format!("{title}: {why}");
            return line
                .add(Role::Faint, &cell("", 4))
                .add(Role::Faint, &cell(name, columns.repository))
                .add(Role::Faint, &clip(&text, usize::from(width).saturating_sub(24)));
        }
    }
    let age = age(state.now, entry.change.revision.commits.first().map_or(0, |commit| commit.time));
    line.add(Role::Faint, &format!("{age:>4} ")).add(need_role(&entry.need), &clip(&entry.need, 10))
}

/// The title, after the branch where that is what tells a row from the next.
fn title_of(change: &Change) -> String {
    if change.name == change.branch && change.stands.is_empty() {
        return change.title().to_owned();
    }
    format!("{}: {}", change.name, change.title())
}

fn trouble_line((what, why): (&str, &str), selected: bool, width: u16) -> Line {
    let mark = if selected { " ▸" } else { "  " };
    let text = clip(&format!("  ⊘ {what}: {why}"), usize::from(width).saturating_sub(3));
    Line::new().add(Role::Accent, mark).add(Role::Faint, &text)
}

fn short(n: u32) -> String {
    if n >= 10_000 { format!("{}k", n / 1000) } else { n.to_string() }
}

fn compartments(examination: &Examination) -> String {
    let name = |(name, criticality): &(String, Criticality)| {
        if *criticality == Criticality::Critical { format!("{name}!") } else { name.clone() }
    };
    examination.compartments.iter().map(name).collect::<Vec<_>>().join(" ")
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

fn need_role(need: &str) -> Role {
    match need {
        "signed" => Role::Ok,
        "rejected" => Role::Error,
        "needs you" => Role::Accent,
        _ => Role::Warning,
    }
}

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

fn preview_of(state: &State, area: Rect, paint: &mut Paint<'_>) {
    let Some(entry) = state.queue.selected_entry() else {
        if let Some((_, why)) = state.queue.current().and_then(|row| state.queue.trouble(row)) {
            for (row, text) in fold(why, usize::from(area.width) - 4).iter().enumerate() {
                paint.line(area, row as u16, Line::new().add(Role::Muted, &format!("  {text}")));
            }
        }
        return;
    };
    let width = usize::from(area.width);
    let revision = &entry.change.revision;
    let range = format!("{}..{}", revision.base.short(), revision.head.short());
    let target = entry.change.target.trim_start_matches("refs/heads/");
    let route = clip(&format!("{} → {target}   {range}", entry.change.name), width / 2);
    let title = clip(entry.change.title(), width.saturating_sub(route.width() + 4));
    let head = Line::new().add(Role::Title, &format!(" {title}"));
    paint.line(area, 0, head.pad_to(width.saturating_sub(route.width() + 1)).add(Role::Muted, &route));
    match &entry.examined {
        Examined::Done(examination) => {
            for (row, line) in details(state, entry, examination, width).into_iter().enumerate() {
                paint.line(area, 1 + row as u16, line);
            }
        }
        Examined::Pending => paint.line(area, 1, Line::new().add(Role::Faint, " examining …")),
        Examined::Failed(why) => {
            paint.line(area, 1, Line::new().add(Role::Error, &format!(" {}", clip(why, width - 2))))
        }
    }
}

fn details(state: &State, entry: &Entry, examination: &Examination, width: usize) -> Vec<Line> {
    let label = |text: &str| Line::new().add(Role::Faint, &format!(" {text:<14}"));
    let room = width.saturating_sub(17);
    let assessment = &examination.assessment;
    let blast: Vec<_> =
        assessment.blast.reasons.iter().take(2).map(|reason| format!("{} {}", reason.path, reason.sentence)).collect();
    let text = format!("{} {}: {}", assessment.blast.class.name(), assessment.blast.class.meaning(), blast.join(" · "));
    let came = entry.again.as_ref().map(|again| {
        let told = again.told.as_deref().unwrap_or("…");
        let came = format!("{}: {told}", again.since.name());
        label("again").add(Role::Accent, &clip(&came, room))
    });
    let mut lines: Vec<Line> = came.into_iter().collect();
    if !entry.change.stands.is_empty() {
        lines.push(label("branch").add(Role::Warning, &clip(&entry.change.stands.join("; "), room)));
    }
    lines.push(label("blast radius").add(Role::Text, &clip(&text, room)));
    let mut why = label(&format!("why tier {}", assessment.tier));
    let shown = if width >= 110 { 2 } else { 1 };
    // One finding a rule: the second of a kind says nothing new.
    let mut rules = std::collections::BTreeSet::new();
    let kinds: Vec<_> = assessment.findings.iter().filter(|finding| rules.insert(&finding.rule)).take(shown).collect();
    for finding in &kinds {
        let place = format!("{} {}  {}", finding.severity.letter(), finding.rule, finding.location);
        why = why
            .add(severity_role(finding.severity), &clip(&place, room.saturating_sub(8) / shown))
            .add(Role::Text, "   ");
    }
    let more = assessment.findings.len() - kinds.len();
    why = match (kinds.is_empty(), more) {
        (true, _) => why.add(Role::Muted, "no finding"),
        (_, 0) => why,
        _ => why.add(Role::Faint, &format!("+{more} more")),
    };
    lines.push(why);
    lines.push(label("needs").add(Role::Text, &clip(&needs(state, entry, examination), room)));
    let provenance = &examination.provenance;
    let evidence = provenance.evidence.first().map(|e| format!(": {}", e.raw)).unwrap_or_default();
    lines.push(label("provenance").add(Role::Text, &clip(&format!("{}{evidence}", provenance.status.name()), room)));
    let says = entry
        .change
        .revision
        .commits
        .first()
        .map(|commit| commit.message.lines().skip(1).find(|l| !l.trim().is_empty()).unwrap_or(commit.title()));
    lines.push(label("it says").add(Role::Claim, &clip(&format!("“{}”", says.unwrap_or_default().trim()), room)));
    lines.push(label("size").add(
        Role::Text,
        &format!("{}, +{} −{}", counted(examination.files, "file"), examination.added, examination.removed),
    ));
    lines
}

/// What is still needed, in the words of the policy.
fn needs(state: &State, entry: &Entry, examination: &Examination) -> String {
    let Some(standing) = &examination.standing else {
        let place = state.queue.place(&entry.change);
        return match place.map(|place| &place.policy) {
            Some(crate::source::git::PolicyState::Invalid(refused)) => {
                let first =
                    refused.mistakes.first().map(|m| format!("line {}: {}", m.line, m.text)).unwrap_or_default();
                format!("the policy is invalid ({first})")
            }
            _ => "there is no policy; `undersign init` writes one".to_owned(),
        };
    };
    let policy = state.queue.place(&entry.change).and_then(|place| place.policy());
    let needs = policy.map(|policy| counsel::needs(policy, standing, state.now)).unwrap_or_default();
    let mut text = needs.iter().map(ToString::to_string).collect::<Vec<_>>().join(" · ");
    if let Some(change) = &examination.policy_change {
        text = format!("policy: {} · {text}", change.headline());
    }
    if !standing.rejected_by.is_empty() {
        text = format!("rejected by {} · {text}", standing.rejected_by.join(", "));
    }
    text
}

/// What it needs and of whom; what a change of the policy means; how a change that touches too much could be cut.
fn counsel_lines(state: &State, entry: &Entry, examination: &Examination, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let add = |lines: &mut Vec<Line>, role, text: &str| {
        lines.extend(hanging(text, 6, width).iter().map(|part| Line::new().add(role, part)));
    };
    let place = state.queue.place(&entry.change);
    if let (Some(standing), Some(policy)) = (&examination.standing, place.and_then(|place| place.policy())) {
        for need in counsel::needs(policy, standing, state.now) {
            let role = if need.have >= need.need { Role::Ok } else { Role::Text };
            add(&mut lines, role, &format!("  needs {need}"));
        }
        let key = place.and_then(|place| state.my_key(place));
        if let Some(why) = counsel::futile(policy, standing, key, state.now) {
            add(&mut lines, Role::Muted, &format!("  your approval would not count: {why}"));
        }
    }
    if let Some(change) = &examination.policy_change {
        add(&mut lines, Role::Title, &format!("  policy: {}", change.headline()));
        for meaning in &change.meaning {
            add(&mut lines, direction_role(meaning.direction), &format!("    {meaning}"));
        }
        for flip in &change.flips {
            let text = format!("    {} → {}  {}", flip.from.name(), flip.to.name(), visible::text(&flip.change));
            add(&mut lines, Role::Text, &text);
        }
    }
    for (at, part) in examination.split.iter().enumerate() {
        let names: Vec<_> = part.compartments.iter().map(String::as_str).collect();
        let text = format!(
            "  split {} of {}: {} · {}",
            at + 1,
            examination.split.len(),
            names.join(", "),
            counted(part.paths.len(), "path")
        );
        add(&mut lines, Role::Accent, &text);
    }
    lines.extend((!lines.is_empty()).then(Line::new));
    lines
}

/// Everything that put the selected change where it is.
pub fn draw_why(state: &State, area: Rect, paint: &mut Paint<'_>) {
    let Some(entry) = state.queue.selected_entry() else { return };
    let window = Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 };
    let inner = paint.frame(window, &format!("why · {}", clip(entry.change.title(), usize::from(area.width) / 2)));
    let Examined::Done(examination) = &entry.examined else { return };
    let width = usize::from(inner.width);
    let assessment = &examination.assessment;
    let mut lines = vec![
        Line::new()
            .add(tier_role(assessment.tier), &format!("tier {}", assessment.tier))
            .add(Role::Muted, &format!(" · {} points", assessment.points)),
    ];
    lines.extend(
        assessment
            .point_reasons
            .iter()
            .map(|(points, why)| Line::new().add(Role::Muted, &format!("  {points:>3}  {why}"))),
    );
    lines.push(Line::new());
    for reason in assessment.blast.reasons.iter().take(6) {
        let text = format!("  {}  {} {}", reason.class.name(), reason.path, reason.sentence);
        lines.push(Line::new().add(Role::Text, &clip(&text, width)));
    }
    lines.push(Line::new());
    lines.extend(counsel_lines(state, entry, examination, width));
    for finding in &assessment.findings {
        let line = Line::new()
            .add(severity_role(finding.severity), &format!("  {} {:<22}", finding.severity.letter(), finding.rule));
        lines.push(
            line.add(Role::Text, &clip(&format!("{} · {}", finding.title, finding.location), width.saturating_sub(27))),
        );
    }
    lines.push(Line::new());
    lines.push(Line::new().add(Role::Muted, &format!("provenance: {}", examination.provenance.status.name())));
    // One line can be evidence of more than one rule.
    let mut told = std::collections::BTreeSet::new();
    for evidence in examination.provenance.evidence.iter().filter(|evidence| told.insert(&evidence.raw)) {
        lines.push(Line::new().add(Role::Claim, &clip(&format!("  {}: {}", evidence.rule, evidence.raw), width)));
    }
    for reason in examination.standing.iter().flat_map(|standing| &standing.reasons) {
        let text = hanging(&format!("{}: {}", reason.code, reason.detail), 2, width);
        lines.extend(text.iter().map(|part| Line::new().add(Role::Warning, part)));
    }
    let room = usize::from(inner.height);
    let hidden = lines.len().saturating_sub(room);
    if hidden > 0 {
        lines.truncate(room - 1);
        lines.push(Line::new().add(
            Role::Warning,
            &clip(&format!("… {} more lines: undersign show {}", hidden + 1, entry.change.id), width),
        ));
    }
    lines.into_iter().enumerate().for_each(|(row, line)| paint.line(inner, row as u16, line));
}
