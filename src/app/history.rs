//! What was decided, as a list to search in, and each decision in full.

use super::choice::Choice;
use super::picker::{Badge, Picker, PickerEntry};
use super::queue::Source;
use super::{Effect, Overlay, State, Text, TextLine};
use crate::change::{manifest, visible};
use crate::datafile::{SECONDS_OF_A_DAY, date, day};
use crate::examination::decided::{Decided, Drilled, History, Landed, statement_of};
use crate::gate::drill::{DrillReport, Subject};

/// Reads the decisions of all repositories.
pub fn asked(state: &mut State) -> Vec<Effect> {
    let ready = state.queue.sources.iter().enumerate().filter_map(|(at, source)| match source {
        Source::Ready(snapshot) => Some((at, snapshot.clone())),
        _ => None,
    });
    let heads = |at: usize| {
        let here = state.queue.entries.iter().filter(|entry| entry.change.repository == at);
        here.map(|entry| entry.change.revision.head).collect()
    };
    let repositories: Vec<_> = ready.map(|(at, snapshot)| (snapshot, heads(at))).collect();
    state.status = Some("reading what was decided …".to_owned());
    vec![Effect::History { repositories }]
}

/// Shows the list, unless the person does something else meanwhile.
pub fn arrived(state: &mut State, history: History, problems: &[String]) {
    state.status = (!problems.is_empty()).then(|| problems.join(" "));
    if state.overlay.is_some() || !matches!(state.screen, super::Screen::Queue) {
        return;
    }
    let History { decisions, left_out, drills } = history;
    if decisions.is_empty() && drills.is_empty() {
        state.status = state.status.take().or(Some("nothing was decided here yet".to_owned()));
        return;
    }
    let practised = drills.iter().enumerate().map(|(at, own)| drill(at, own));
    let entries = decisions.iter().enumerate().map(|(at, own)| entry(at, own)).chain(practised).collect();
    (state.history, state.drills) = (decisions, drills);
    let more = if left_out == 0 { String::new() } else { format!(" ({left_out} more are not listed)") };
    let title = format!("what was decided, newest first{more}");
    state.overlay = Some(Overlay::Picker(Box::new(Picker::new(&title, entries))));
}

fn entry(at: usize, own: &Decided) -> PickerEntry<Choice> {
    let predicate = &own.record.verified.statement().predicate;
    let title = if own.title.is_empty() { &predicate.head.commit[..7] } else { &own.title };
    let on = day(own.at.div_euclid(SECONDS_OF_A_DAY));
    let detail = match &own.landed {
        Landed::Merged(_) | Landed::AsTree(_) => "landed",
        Landed::Pending => "pending",
        Landed::NotFound | Landed::TooShallow => "not found",
        Landed::Unknown => "",
    };
    let unseen = if own.left_unseen().is_empty() { "" } else { "left" };
    let doubt = own.doubt();
    let badge = match (own.is_sure() && !own.is_ahead, unseen) {
        (false, _) => Badge::Unknown,
        (true, "") => Badge::Seen,
        (true, _) => Badge::Unseen,
    };
    let told: Vec<_> = [doubt.as_str(), unseen, detail].into_iter().filter(|text| !text.is_empty()).collect();
    PickerEntry {
        label: format!("{on} {:<11} {:<8} {}: {title}", predicate.verdict.to_string(), own.who.brief(), own.repository),
        detail: told.join(" · "),
        badge,
        choice: Choice::Decision(at),
    }
}

fn drill(at: usize, own: &Drilled) -> PickerEntry<Choice> {
    let DrillReport { people, began, of, .. } = &own.report;
    let (on, who) = (day(began.div_euclid(SECONDS_OF_A_DAY)), people.first().map_or("", String::as_str));
    let owes = own.report.owes();
    let (Subject::Change { target, .. } | Subject::Command { target, .. }) = of;
    PickerEntry {
        label: format!("{on} {:<11} {who:<8} {}: {}", "drill", own.repository, visible::text(target)),
        detail: if owes { "review owed".to_owned() } else { String::new() },
        badge: if owes { Badge::Unseen } else { Badge::Seen },
        choice: Choice::Drill(at),
    }
}

/// A drill in full: nothing landed or ran by it.
pub fn of_drill(own: &Drilled) -> Text {
    let Drilled { repository, report } = own;
    let fact = |label: &str, text: &str| TextLine::Plain(format!("  {label:<10}{text}"));
    let marked = |text: &str| visible::text(text).into_owned();
    let lacking = report.lacking.as_deref().map(marked);
    let would =
        lacking.map_or_else(|| "an emergency would have had enough".to_owned(), |why| format!("not enough: {why}"));
    let review = match (report.due, report.reviewed) {
        (None, _) => "none owed".to_owned(),
        (Some(_), Some(at)) => format!("done {} by {}", date(at), report.reviewers.join(" and ")),
        (Some(due), None) => format!("due {}", date(due)),
    };
    let (of, act) = match &report.of {
        Subject::Change { target, commit, .. } => {
            (format!("{repository} {} → {}", &commit[..7], marked(target)), "landed")
        }
        Subject::Command { target, request } => {
            (format!("{repository} request {} at {}", &request[..12], marked(target)), "ran")
        }
    };
    let mut lines = vec![
        TextLine::Heading(format!("A drill of an emergency. Nothing {act} by it.")),
        fact("began", &format!("{}, until {}", date(report.began), date(report.until))),
        fact("by", &report.people.join(" and ")),
        fact("signed", &would),
        fact("review", &review),
        fact("of", &of),
        fact("record", &report.id),
        TextLine::Heading("Reason".to_owned()),
    ];
    lines.extend(report.reason.lines().map(|line| TextLine::Plain(format!("  {}", marked(line)))));
    Text { title: format!("drill · {repository}"), lines, scroll: 0 }
}

/// A decision in full.
pub fn text(own: &Decided) -> Text {
    let predicate = &own.record.verified.statement().predicate;
    let fact = |label: &str, text: String| TextLine::Plain(format!("  {label:<10}{text}"));
    let marked = |text: &str| visible::text(text).into_owned();
    let mut lines = vec![TextLine::Heading(own.title.clone())];
    lines.push(fact("signed", format!("{} by {}, {}", predicate.verdict, own.who, date(own.at))));
    let doubt = own.doubt();
    lines.extend((!doubt.is_empty()).then(|| TextLine::Warning(format!("  {:<10}{doubt}", "counts"))));
    lines.push(fact("saw", own.saw()));
    let unseen = own.left_unseen();
    lines.extend((!unseen.is_empty()).then(|| TextLine::Warning(format!("  {:<10}{unseen}", "left"))));
    let landed = own.landed.told(&predicate.target.name);
    lines.extend((!landed.is_empty()).then(|| fact("landed", landed)));
    lines.extend(doubt.is_empty().then(|| fact("counts", "in force".to_owned())));
    let target = marked(&predicate.target.name);
    lines.push(fact(
        "of",
        format!("{} {}..{} → {target}", own.repository, &predicate.base.commit[..7], &predicate.head.commit[..7]),
    ));
    lines.push(fact("record", own.record.verified.id().to_string()));
    if !predicate.reason.trim().is_empty() {
        lines.push(TextLine::Heading("Reason".to_owned()));
        lines.extend(predicate.reason.lines().map(|line| TextLine::Plain(format!("  {}", marked(line)))));
    }
    lines.extend(answers(own));
    lines.push(TextLine::Heading("The statement that was signed".to_owned()));
    let (statement, is_cut) = statement_of(&own.record);
    lines.extend(statement.lines().map(|line| TextLine::Claim(marked(line))));
    lines.extend(is_cut.then(|| TextLine::Muted("The user of the URL is left out.".to_owned())));
    Text { title: format!("decided · {}", own.repository), lines, scroll: 0 }
}

/// Omissions with what was said of them, findings with their answers, and notes.
fn answers(own: &Decided) -> Vec<TextLine> {
    let predicate = &own.record.verified.statement().predicate;
    let omissions = predicate.coverage.omissions.iter().map(|one| match one.acknowledged.trim() {
        "" => {
            TextLine::Warning(format!("  {} {}: not acknowledged", visible::text(&one.path), visible::text(&one.what)))
        }
        said => TextLine::Plain(format!(
            "  {} {}: {}",
            visible::text(&one.path),
            visible::text(&one.what),
            visible::text(said)
        )),
    });
    let findings = predicate.findings.answered.iter().map(|one| {
        let text = [&one.severity, &one.rule, &one.path, &one.answer].map(|text| visible::text(text).into_owned());
        let [severity, rule, path, answer] = text;
        TextLine::Plain(format!("  {severity} {rule} {path}:{}: {answer}", one.line.0))
    });
    let notes = predicate.notes.iter().map(|note| {
        TextLine::Plain(format!("  {}:{}: {}", manifest::shown(&note.path), note.line.0, visible::text(&note.text)))
    });
    let parts: [(&str, Vec<TextLine>); 3] =
        [("Omissions", omissions.collect()), ("Answers", findings.collect()), ("Notes", notes.collect())];
    let parts = parts.into_iter().filter(|(_, lines)| !lines.is_empty());
    parts.flat_map(|(name, lines)| std::iter::once(TextLine::Heading(name.to_owned())).chain(lines)).collect()
}
