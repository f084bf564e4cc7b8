//! Why a change has its place in the queue: tier, reach, findings, who must sign, how it was made.

use std::collections::BTreeSet;

use super::queue::{Entry, Examined, without_policy};
use super::{State, Text, TextLine};
use crate::authorizing::{PendingCommand, RequestState};
use crate::change::{Commit, counted, visible};
use crate::datafile::date;
use crate::examination::Examination;
use crate::examination::background::Progress;
use crate::examination::concurrent::{Named, Overlap};
use crate::gate::{Code, advice};
use crate::policy::Direction;
use crate::record::RecordId;
use crate::risk::{Finding, masked};

/// The most packages whose dependents are drawn.
const MAX_PICTURES: usize = 5;

pub fn text(state: &State, entry: &Entry) -> Text {
    let title = match &entry.examined {
        Examined::Done(examination) => format!("why tier {} · {}", examination.assessment.tier, entry.change.title()),
        _ => format!("why · {}", entry.change.title()),
    };
    let lines = match &entry.examined {
        Examined::Done(examination) => lines(state, entry, examination),
        Examined::Pending => vec![TextLine::Muted("It is still being examined.".to_owned())],
        Examined::Failed(why) => vec![TextLine::Warning(why.clone())],
    };
    Text { title, lines, scroll: 0 }
}

/// The status of a command, and why: what its broker would answer.
pub fn of_command(pending: &PendingCommand) -> Text {
    let waits = pending.standing == RequestState::Waits && !pending.is_owed;
    let needs = if waits && (pending.needs_me || pending.people_missing() > 0) { "needs " } else { "" };
    let first = format!("{}: {needs}{}.", visible::text(pending.target()), pending.word());
    let mut lines = vec![TextLine::Plain(first)];
    match &pending.standing {
        RequestState::Refused(why) | RequestState::Stopped(why) => lines.push(TextLine::Warning(why.clone())),
        _ if pending.is_owed => lines.push(TextLine::Warning(
            "It ran in an emergency, and its authorization is owed. Once the time for that is over, nothing else runs at \
             this target until it is signed."
                .to_owned(),
        )),
        _ => {}
    }
    let reasons = pending.answer.reasons.iter().map(|reason| format!("{}  {}", reason.code, reason.detail));
    if pending.is_open() && !pending.answer.reasons.is_empty() {
        lines.push(TextLine::Heading("What the broker would say now".to_owned()));
        lines.extend(reasons.map(TextLine::Plain));
    }
    lines.push(TextLine::Heading("Who must sign".to_owned()));
    lines.extend(pending.slots().into_iter().map(TextLine::Plain));
    lines.push(request_line(pending.id));
    Text { title: format!("why · {}", pending.line()), lines, scroll: 0 }
}

/// The last line about a command, by which its output finds it.
fn request_line(id: RecordId) -> TextLine {
    TextLine::Muted(format!("request {id}"))
}

/// Adds the output of a run to the text about it, if that is still on the screen.
pub fn output_came(text: &mut Text, id: RecordId, result: Result<Option<[String; 2]>, String>) {
    if text.lines.last() != Some(&request_line(id)) {
        return;
    }
    let (out, err) = match result {
        Ok(None) => return,
        Ok(Some([out, err])) => (out, err),
        Err(why) => {
            let why = visible::lines(&why);
            return text.lines.push(TextLine::Warning(format!("Its output could not be read: {why}")));
        }
    };
    for (title, output) in [("Output", out), ("Errors", err)] {
        if !output.is_empty() {
            text.lines.push(TextLine::Heading(title.to_owned()));
            text.lines.extend(visible::lines(&output).lines().map(|line| TextLine::Claim(line.to_owned())));
        } else if title == "Output" {
            text.lines.push(TextLine::Muted("it wrote nothing to its output".to_owned()));
        }
    }
}

fn lines(state: &State, entry: &Entry, examination: &Examination) -> Vec<TextLine> {
    let mut lines = risk(state, entry, examination);
    lines.extend(also_edited(state, entry));
    lines.extend(comments(state, entry));
    lines.extend(signers(state, entry, examination));
    lines.extend(crossings(examination));
    lines.extend(policy_change(examination));
    lines.extend(split(examination));
    lines.extend(made_by(entry, examination));
    lines
}

fn risk(state: &State, entry: &Entry, examination: &Examination) -> Vec<TextLine> {
    let assessment = &examination.assessment;
    let worst = assessment.findings.iter().map(|finding| finding.severity).max();
    let worst =
        worst.map_or("nothing was found".to_owned(), |severity| format!("the worst finding is {}", severity.name()));
    let reach = assessment.blast.class;
    let mut lines = vec![
        TextLine::Plain(format!(
            "Tier {}, where 1 comes first: {worst}, and {} is in reach.",
            assessment.tier,
            reach.meaning()
        )),
        TextLine::Muted(format!("{} points, by which a tier is sorted:", assessment.points)),
    ];
    lines.extend(assessment.point_reasons.iter().map(|(points, why)| TextLine::Muted(format!("  {points:>3}  {why}"))));
    lines.push(TextLine::Muted(format!("  {}", history(state, entry, examination))));
    lines.push(TextLine::Heading(format!("Reach: {} ({})", reach.meaning(), reach.name())));
    lines.extend(
        assessment.blast.reasons.iter().map(|reason| TextLine::Plain(format!("  {} {}", reason.path, reason.sentence))),
    );
    lines.extend(
        assessment.packages.iter().take(MAX_PICTURES).map(|own| TextLine::Muted(format!("  {}", own.picture()))),
    );
    if !assessment.findings.is_empty() {
        lines.push(TextLine::Heading(counted(assessment.findings.len(), "finding")));
    }
    let rates = examination.background.as_ref().and_then(|background| background.rates.as_ref());
    lines.extend(assessment.findings.iter().map(|finding| {
        let rare = rates.and_then(|rates| rates.said(&finding.rule)).map_or(String::new(), |said| format!(", {said}"));
        let Finding { severity, title, rule, .. } = finding;
        let text = format!("  {:<8}  {title}   {}   {rule}{rare}", severity.name(), finding.whereabouts());
        TextLine::Risk(finding.severity, text)
    }));
    lines
}

/// Other changes that edit the same.
fn also_edited(state: &State, entry: &Entry) -> Vec<TextLine> {
    let beside = state.queue.compare_with_others(entry);
    if beside.count() == 0 {
        return Vec::new();
    }
    let [lines, files] = [beside.same_lines, beside.same_file].map(|count| counted(count, "other change"));
    let heading = match (beside.same_lines, beside.same_file) {
        (_, 0) => format!("Also edited: the same lines by {lines}"),
        (0, _) => format!("Also edited: the same files by {files}"),
        (_, more) => format!("Also edited: the same lines by {lines}, the same files by {more} more"),
    };
    let line = |Named { beside, name, title }: &Named| {
        let text = format!("  {}, {}: {name}, “{title}”", beside.path, beside.overlap.words());
        if beside.overlap == Overlap::Lines { TextLine::Warning(text) } else { TextLine::Plain(text) }
    };
    let mut told = vec![TextLine::Heading(heading)];
    told.extend(beside.named.iter().map(line));
    let more = beside.unnamed();
    told.extend((more > 0).then(|| TextLine::Muted(format!("  and {}", counted(more, "more change")))));
    told
}

/// How much others wrote about it at its server; what they wrote is read with the change.
fn comments(state: &State, entry: &Entry) -> Option<TextLine> {
    let told = state.queue.comments(entry)?.told()?;
    let server = entry.hosted.as_ref().map_or(String::new(), |hosted| visible::text(&hosted.server).into_owned());
    Some(TextLine::Heading(format!("At {server}: {told}")))
}

/// Whether history contributed to the points: what is not known is reported, not guessed.
fn history(state: &State, entry: &Entry, examination: &Examination) -> String {
    let progress = state.queue.progress(entry.change.repository);
    let progress = progress.map(|Progress { what, done, total }| format!("{done} of {total} {what}"));
    match (&examination.background, progress) {
        (Some(background), _) => background.said(),
        (None, Some(progress)) => format!("history is being read: {progress}"),
        (None, None) => "history was not read yet and does not count".to_owned(),
    }
}

/// What it needs and from whom; why signatures do not count.
fn signers(state: &State, entry: &Entry, examination: &Examination) -> Vec<TextLine> {
    let mut lines = vec![TextLine::Heading("Who must sign".to_owned())];
    let snapshot = state.queue.snapshot(&entry.change);
    if let Some(why) = snapshot.and_then(|snapshot| without_policy(snapshot)) {
        lines.push(TextLine::Warning(format!("  {why}")));
    }
    if let (Some(standing), Some(policy)) = (&examination.standing, snapshot.and_then(|snapshot| snapshot.policy())) {
        lines.extend(advice::needs(policy, standing, state.now).iter().map(|need| match need.slot.is_filled() {
            true => TextLine::Added(format!("  {need}")),
            false => TextLine::Plain(with_code(&need.to_string(), need.code())),
        }));
        let ask = state.told_ask(entry);
        lines.extend((!ask.is_empty()).then(|| TextLine::Plain(format!("  {ask}"))));
        if let Some(own) = state.queue.deadlines(entry) {
            lines.push(TextLine::Plain(format!("  due {}, late {}", date(own.due), date(own.late))));
        }
        let claims = state.queue.claims_of(&entry.change);
        lines.extend(
            claims.map(|claim| TextLine::Plain(format!("  claimed {}, {}", claim.told(), claim.left(state.now)))),
        );
        let key = snapshot.and_then(|snapshot| state.my_key(snapshot));
        let futile = advice::futile(policy, standing, key, state.now).filter(|_| state.key.is_ok());
        lines.extend(futile.map(|why| TextLine::Muted(format!("  Your approval would not count: {why}."))));
        lines.extend(
            advice::besides(standing).map(|reason| TextLine::Warning(with_code(&reason.detail, Some(reason.code)))),
        );
    }
    lines
}

/// A sentence, and at its right the code to search for.
fn with_code(text: &str, code: Option<Code>) -> String {
    format!("  {text}{}", code.map(|code| format!("   {code}")).unwrap_or_default())
}

/// Files that other people will sign for once this has landed.
fn crossings(examination: &Examination) -> Vec<TextLine> {
    let all = &examination.crossings;
    let heading = (!all.is_empty()).then(|| {
        let files = counted(all.len(), "file");
        TextLine::Heading(format!("Across compartments: {files}; whoever signs for the new place does so from then on"))
    });
    heading.into_iter().chain(all.iter().map(|crossing| TextLine::Warning(format!("  {crossing}")))).collect()
}

fn policy_change(examination: &Examination) -> Vec<TextLine> {
    let Some(change) = &examination.policy_change else { return Vec::new() };
    let mut lines = vec![TextLine::Heading(format!("The policy changes: {}", change.headline()))];
    lines.extend(change.meaning.iter().map(|meaning| match meaning.direction {
        Direction::Looser => TextLine::Warning(format!("  {meaning}")),
        Direction::Shifted => TextLine::Plain(format!("  {meaning}")),
        Direction::Stricter | Direction::Advice => TextLine::Muted(format!("  {meaning}")),
    }));
    lines.extend(change.flips.iter().map(|flip| {
        TextLine::Plain(format!("  {} → {}  {}", flip.from.name(), flip.to.name(), visible::text(&flip.change)))
    }));
    lines
}

fn split(examination: &Examination) -> Vec<TextLine> {
    let parts = examination.split.len();
    let line = |(at, part): (usize, &crate::policy::SplitChange)| {
        let names: Vec<_> = part.compartments.iter().map(String::as_str).collect();
        let paths = counted(part.paths.len(), "path");
        TextLine::Plain(format!("  split {} of {parts}: {} · {paths}", at + 1, names.join(", ")))
    };
    let heading = (parts > 0).then(|| TextLine::Heading("It touches too much; it could be cut so".to_owned()));
    heading.into_iter().chain(examination.split.iter().enumerate().map(line)).collect()
}

/// What a commit says, without secrets: a private key may have an empty line in it, so it is looked for in the whole.
fn masked_words(commit: &Commit) -> Vec<String> {
    Commit { message: masked(&commit.message), ..commit.clone() }.says()
}

fn made_by(entry: &Entry, examination: &Examination) -> Vec<TextLine> {
    let provenance = &examination.provenance;
    let mut lines = vec![
        TextLine::Heading("How it was made".to_owned()),
        TextLine::Plain(format!("  provenance: {}", provenance.status.name())),
    ];
    // One line can be evidence for more than one rule.
    let mut told = BTreeSet::new();
    let evidence = provenance.evidence.iter().filter(|evidence| told.insert(&evidence.raw));
    lines.extend(
        evidence
            .map(|evidence| TextLine::Claim(format!("  {}   {}", visible::text(evidence.raw.trim()), evidence.rule))),
    );
    let says: Vec<_> = entry.change.revision.commits.first().map(|commit| masked_words(commit)).unwrap_or_default();
    if !says.is_empty() {
        lines.push(TextLine::Heading("It says".to_owned()));
    }
    lines.extend(says.iter().map(|paragraph| TextLine::Claim(format!("  “{}”", visible::text(paragraph)))));
    lines
}
