//! `undersign show CHANGE`: one change as text or JSON, for scripts and for readers without a screen.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::comments::Comments;
use super::find_change::{self, Meant};
use super::queue::{self, Row, ShownEncoding};
use crate::cache::{self, Caches};
use crate::change::diff::{Diff, FileDiff};
use crate::change::{Change, RepoPath, counted, visible};
use crate::examination::background::Background;
use crate::examination::concurrent::{Concurrent, Named, Overlap};
use crate::examination::external::{self, Reports};
use crate::examination::team::Team;
use crate::examination::{self, Examination, Kept, RepositorySnapshot};
use crate::gate::{Reason, SlotState, advice};
use crate::provenance::Evidence;
use crate::risk::external::sarif_log;
use crate::risk::external::test_coverage::{Covered, TestCoverage, runs};
use crate::risk::{Builder, PackageReach, Place, masked};
use crate::source::git::Repository;
use crate::sync::{Prompts, Remote};

#[derive(Args)]
pub struct Options {
    /// Which one: its id as `undersign queue --json` has it, a branch (with its remote where several hold one of that
    /// name: ann/patch-1; heads/patch-1 is the local one), a full ref, or the commit it ends with
    change: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Print the findings as a SARIF 2.1.0 log
    #[arg(long, conflicts_with = "json")]
    sarif: bool,
    /// Also print what others wrote about it, fetched now from its review server
    #[cfg(feature = "tui")]
    #[arg(long, conflicts_with = "sarif")]
    comments: bool,
    #[command(flatten)]
    reports: ReportOptions,
}

impl Options {
    #[cfg(feature = "tui")]
    fn comments(&self, repository: &Repository, change: &Change, diff: &Diff) -> Result<Option<Comments>, String> {
        self.comments.then(|| Comments::read(repository, change, diff)).transpose()
    }

    /// The programs of a gate host know no review server.
    #[cfg(not(feature = "tui"))]
    fn comments(&self, _: &Repository, _: &Change, _: &Diff) -> Result<Option<Comments>, String> {
        Ok(None)
    }
}

/// Findings of other tools.
#[derive(Args)]
pub struct ReportOptions {
    /// What another tool found in the head: SARIF, rdjson, GitLab Code Quality, GitHub annotations, checkstyle; may be
    /// given several times
    #[arg(long, value_name = "FILE")]
    findings: Vec<PathBuf>,
    /// What it found in the base, so that only what is new counts; may be given several times
    #[arg(long, value_name = "FILE", requires = "findings")]
    base_findings: Vec<PathBuf>,
    /// A ref of notes with such reports on commits, such as refs/notes/ci
    #[arg(long, value_name = "REF")]
    findings_notes: Option<String>,
    /// What checks found in the head, asked of the review server that has the change
    #[cfg(feature = "tui")]
    #[arg(long)]
    findings_server: bool,
    /// Which lines tests ran in the head: lcov's or Cobertura's format; may be given several times
    #[arg(long, value_name = "FILE")]
    test_coverage: Vec<PathBuf>,
}

impl ReportOptions {
    /// Reads the files. The error names the one that cannot be read.
    pub fn files(&self) -> Result<Reports, String> {
        Reports::from_files(&self.findings, &self.base_findings, &self.test_coverage)
    }

    /// Reads the notes, and asks the review server.
    pub fn of_change(&self, repository: &Repository, change: &Change) -> Result<Reports, String> {
        let notes = self.findings_notes.as_ref().map(|name| Reports::from_notes(repository, change, name));
        let mut reports = notes.transpose()?.unwrap_or_default();
        self.ask_server(repository, change, &mut reports)?;
        Ok(reports)
    }

    #[cfg(feature = "tui")]
    fn ask_server(&self, repository: &Repository, change: &Change, reports: &mut Reports) -> Result<(), String> {
        use crate::{config, delivery::ServerAccess};
        if self.findings_server {
            let access = ServerAccess::by_network(config::servers(), &config::data_directory());
            reports.head.extend(access.findings(repository, change)?);
        }
        Ok(())
    }

    /// The programs of a gate host know no review server.
    #[cfg(not(feature = "tui"))]
    fn ask_server(&self, _: &Repository, _: &Change, _: &mut Reports) -> Result<(), String> {
        Ok(())
    }
}

#[derive(Serialize)]
struct Shown {
    schema: &'static str,
    #[serde(flatten)]
    row: Row,
    /// Ids of other changes whose branch has the same name.
    namesakes: Vec<String>,
    manifest: String,
    /// The tool that made it, or that none is known.
    #[serde(skip)]
    tool: String,
    /// Why so many points.
    point_reasons: Vec<ShownPoints>,
    /// Whether history has a say in them.
    history: String,
    blast_reasons: Vec<String>,
    /// The packages that it touches and on which others depend.
    packages: Vec<ShownPackage>,
    concurrent: ShownConcurrent,
    moves: Vec<ShownMove>,
    findings: Vec<ShownFinding>,
    /// Present where a report of it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    test_coverage: Option<ShownCoverage>,
    /// Present where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    comments: Option<Comments>,
    evidence: Vec<ShownEvidence>,
    requirements: Vec<SlotState>,
    /// The same in words, with who could still sign.
    needs: Vec<String>,
    /// The same with the gate's code, and what it says besides: for people, who read each thing once.
    #[serde(skip)]
    said: Vec<String>,
    /// Why an approval by whoever asks would fill no slot; absent where there is no such reason, or no key.
    #[serde(skip_serializing_if = "Option::is_none")]
    futile: Option<String>,
    policy_change: Option<ShownPolicyChange>,
    /// How a change that touches too much could be cut.
    split: Vec<ShownPart>,
    reasons: Vec<Reason>,
    /// Why it cannot land, whoever signs for it.
    refusals: Vec<String>,
}

#[derive(Serialize)]
struct ShownPackage {
    builder: Builder,
    name: String,
    folder: String,
    /// How many depend on it, how many of them directly, and how many packages there are.
    dependents: usize,
    directly: usize,
    of: usize,
    /// Whether there may be more: not all manifests were read.
    at_least: bool,
    /// The first of them by name.
    direct: Vec<String>,
    further: Vec<String>,
}

impl ShownPackage {
    fn of(own: &PackageReach) -> ShownPackage {
        ShownPackage {
            builder: own.builder,
            name: own.name.clone(),
            folder: own.folder.to_string(),
            dependents: own.count,
            directly: own.direct_count,
            of: own.of,
            at_least: own.is_at_least,
            direct: own.direct.clone(),
            further: own.further.clone(),
        }
    }
}

/// What other changes that are not decided edit as well.
#[derive(Default, Serialize)]
struct ShownConcurrent {
    /// How many edit the same lines, and how many more the same files.
    same_lines: usize,
    same_file: usize,
    /// Whether there may be more.
    at_least: bool,
    /// Others of which nothing is known yet.
    unexamined: usize,
    /// The closest of them.
    changes: Vec<ShownBeside>,
    #[serde(skip)]
    told: Vec<String>,
}

#[derive(Serialize)]
struct ShownBeside {
    id: String,
    name: String,
    title: String,
    overlap: Overlap,
    /// The first path where they are that close.
    path: String,
    /// How many paths both edit.
    files: usize,
}

impl ShownConcurrent {
    fn of(found: &Concurrent) -> ShownConcurrent {
        let beside = |Named { beside, name, title }: &Named| ShownBeside {
            id: visible::text(&beside.id).into_owned(),
            name: name.clone(),
            title: title.clone(),
            overlap: beside.overlap,
            path: beside.path.to_string(),
            files: beside.files,
        };
        ShownConcurrent {
            same_lines: found.same_lines,
            same_file: found.same_file,
            at_least: found.is_cut,
            unexamined: found.unexamined,
            changes: found.named.iter().map(beside).collect(),
            told: found.told().into_iter().chain(found.unknown()).collect(),
        }
    }
}

/// Which of the added lines tests ran.
#[derive(Serialize)]
struct ShownCoverage {
    told: String,
    files: Vec<ShownCovered>,
}

#[derive(Serialize)]
struct ShownCovered {
    path: String,
    ran: usize,
    missed: Vec<u32>,
}

impl ShownCoverage {
    fn of(coverage: &TestCoverage) -> ShownCoverage {
        let file = |(path, covered): (&RepoPath, &Covered)| ShownCovered {
            path: path.to_string(),
            ran: covered.ran.len(),
            missed: covered.missed.clone(),
        };
        ShownCoverage { told: coverage.told(), files: coverage.files().map(file).collect() }
    }
}

#[derive(Serialize)]
struct ShownPoints {
    points: i32,
    text: String,
}

/// Something that anyone could have written.
#[derive(Serialize)]
struct ShownEvidence {
    rule: String,
    strength: &'static str,
    class: &'static str,
    channel: &'static str,
    tool: Option<String>,
    /// Absent where it is the branch that says it.
    commit: Option<String>,
    text: String,
}

/// A file that lies elsewhere now.
#[derive(Serialize)]
struct ShownMove {
    from: String,
    to: String,
    /// Whether its content changed as well.
    changed: bool,
}

#[derive(Serialize)]
struct ShownPolicyChange {
    headline: String,
    meaning: Vec<String>,
    flips: Vec<String>,
}

#[derive(Serialize)]
struct ShownPart {
    compartments: Vec<String>,
    paths: Vec<String>,
}

#[derive(Serialize)]
struct ShownFinding {
    rule: String,
    /// Whether it needs an answer.
    #[serde(skip)]
    asks: bool,
    severity: &'static str,
    path: String,
    line: u32,
    title: String,
    why: String,
    ask: String,
    evidence: String,
    /// How rare it is here; absent where that is not known.
    rarity: Option<String>,
    /// All places, where there are several: one answer is for all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    places: Vec<ShownPlace>,
}

#[derive(Serialize)]
struct ShownPlace {
    path: String,
    line: u32,
    /// Where another thing is said there.
    #[serde(skip_serializing_if = "String::is_empty")]
    title: String,
}

pub fn run(options: &Options, repositories: &[PathBuf]) -> Result<(), String> {
    let mut reports = options.reports.files()?;
    let meant = find_change::find(&options.change, &queue::names(repositories))?;
    let Meant { repository, snapshot, change, others } = &meant;
    reports.add(options.reports.of_change(repository, change)?);
    let examined = examination::with_reports(repository, snapshot, change, reports.clone(), crate::clock::now());
    let examined = examined.map_err(|error| error.to_string())?;
    let cache = Caches::at(cache::home()).of(repository.common_dir());
    let examined = examined.with_background(change, snapshot.rules(), &cache);
    if options.sarif {
        let findings = &examined.assessment.findings;
        super::print_json(&sarif_log::log(findings, change.revision.head, &snapshot.uri));
        return Ok(());
    }
    let namesakes = meant.namesakes().iter().map(|id| visible::text(id).into_owned()).collect();
    let diff = examination::diff(repository, snapshot, change).map_err(|error| error.to_string())?;
    let coverage = external::test_coverage(repository, change, &diff, &reports).map_err(|error| error.to_string())?;
    let test_coverage = (!reports.test_coverage.is_empty()).then(|| ShownCoverage::of(&coverage));
    let heads = others.iter().chain([change]).map(|own| own.revision.head);
    let team = Team::of(repository, snapshot, heads, crate::clock::now());
    let row = queue::row(snapshot, &team, change, &examined).with_clock(snapshot, change.revision.head);
    let kept = Kept::of(repository, snapshot, &cache);
    let concurrent = kept.beside((change, &examined.edits), others, crate::clock::now());
    let concurrent = ShownConcurrent::of(&concurrent);
    let comments = options.comments(repository, change, &diff)?;
    let shown = Shown { test_coverage, concurrent, comments, ..shown(snapshot, row, namesakes, &examined, &diff) };
    if options.json {
        super::print_json(&shown);
    } else {
        print(&shown);
    }
    if let Some(why) = queue::unusable_key(&snapshot.root) {
        eprintln!("undersign: {why}");
    }
    tell_of_unsent(repositories);
    if let Some(told) = meant.snapshot.told_unread() {
        eprintln!("undersign: {told}");
    }
    Ok(())
}

fn shown(
    snapshot: &RepositorySnapshot,
    row: Row,
    namesakes: Vec<String>,
    examination: &Examination,
    diff: &Diff,
) -> Shown {
    let text = |text: &str| visible::text(text).into_owned();
    let assessment = &examination.assessment;
    let rates = examination.background.as_ref().and_then(|background| background.rates.as_deref());
    let points =
        |(points, text): &(i32, String)| ShownPoints { points: *points, text: visible::text(text).into_owned() };
    Shown {
        point_reasons: assessment.point_reasons.iter().map(points).collect(),
        history: examination.background.as_ref().map_or_else(
            || {
                "history was not read yet and does not count: the desk reads it, or `undersign queue --history`"
                    .to_owned()
            },
            Background::said,
        ),
        schema: "undersign-change/v0",
        manifest: examination.manifest.digest().to_string(),
        tool: text(examination.provenance.tool()),
        blast_reasons: assessment
            .blast
            .reasons
            .iter()
            .map(|r| format!("{} {}: {}", r.class.name(), r.path, r.sentence))
            .collect(),
        packages: assessment.packages.iter().map(ShownPackage::of).collect(),
        concurrent: ShownConcurrent::default(),
        moves: diff.files.iter().filter_map(moved).collect(),
        findings: assessment
            .findings
            .iter()
            .map(|f| ShownFinding {
                rule: f.rule.clone(),
                asks: f.asks(),
                severity: f.severity.name(),
                path: f.location.path.to_string(),
                line: f.location.line,
                title: f.title.clone(),
                why: f.why.clone(),
                ask: f.ask.clone(),
                evidence: text(&f.evidence),
                rarity: rates.and_then(|rates| rates.said(&f.rule)),
                places: f.places.iter().map(place).collect(),
            })
            .collect(),
        test_coverage: None,
        comments: None,
        evidence: examination.provenance.evidence.iter().map(evidence).collect(),
        requirements: examination.standing.as_ref().map(|s| s.slots.clone()).unwrap_or_default(),
        needs: match (snapshot.policy(), &examination.standing) {
            (Some(policy), Some(standing)) => {
                advice::needs(policy, standing, crate::clock::now()).iter().map(ToString::to_string).collect()
            }
            _ => Vec::new(),
        },
        said: said(snapshot, examination),
        futile: queue::futile(snapshot, examination),
        policy_change: examination.policy_change.as_ref().map(|change| ShownPolicyChange {
            headline: change.headline(),
            meaning: change.meaning.iter().map(ToString::to_string).collect(),
            flips: change
                .flips
                .iter()
                .map(|flip| format!("{} → {}  {}", flip.from.name(), flip.to.name(), text(&flip.change)))
                .collect(),
        }),
        split: examination
            .split
            .iter()
            .map(|part| ShownPart {
                compartments: part.compartments.iter().cloned().collect(),
                paths: part.paths.iter().map(ToString::to_string).collect(),
            })
            .collect(),
        reasons: examination.standing.as_ref().map(|s| s.reasons.clone()).unwrap_or_default(),
        refusals: examination::refusals(snapshot, examination),
        namesakes,
        row,
    }
}

fn place(place: &Place) -> ShownPlace {
    let Place { location, title } = place;
    ShownPlace { path: location.path.to_string(), line: location.line, title: title.clone() }
}

fn moved(file: &FileDiff) -> Option<ShownMove> {
    file.new?;
    let (from, changed) = match (&file.from, &file.counterpart) {
        (Some(from), _) => (from, file.old != file.new),
        (None, Some(other)) => (&other.path, file.changed_across()),
        (None, None) => return None,
    };
    Some(ShownMove { from: from.to_string(), to: file.path.to_string(), changed })
}

fn evidence(evidence: &Evidence) -> ShownEvidence {
    ShownEvidence {
        rule: evidence.rule.clone(),
        strength: evidence.strength.name(),
        class: evidence.class.name(),
        channel: evidence.channel.name(),
        tool: evidence.tool.as_deref().map(|tool| visible::text(tool).into_owned()),
        commit: evidence.commit.map(|commit| commit.to_string()),
        text: visible::text(&masked(&evidence.raw)).into_owned(),
    }
}

/// What is signed here and not sent counts nowhere else.
fn tell_of_unsent(repositories: &[PathBuf]) {
    let names = queue::names(repositories);
    for path in names.paths() {
        let Ok(repository) = Repository::open(path).map(|repository| names.name(repository)) else { continue };
        let outbox = Remote::find(&repository, None, Prompts::Never).map_or(0, |remote| remote.outbox());
        if outbox > 0 {
            let records = counted(outbox, "record");
            eprintln!(
                "undersign: {records} of {} not sent yet, and count nowhere else: `undersign sync` sends them.",
                visible::text(&repository.name)
            );
        }
    }
}

/// Moves and encodings that are listed for people; `--json` has all.
const MOVES: usize = 10;

fn print_moves(moves: &[ShownMove]) {
    if moves.is_empty() {
        return;
    }
    outln!("  moved: {}", counted(moves.len(), "file"));
    // Those that are to be read first.
    let (changed, whole): (Vec<_>, Vec<_>) = moves.iter().partition(|one| one.changed);
    for ShownMove { from, to, changed } in changed.into_iter().chain(whole).take(MOVES) {
        outln!("    {from} → {to}{}", if *changed { ", and changed" } else { "" });
    }
    if moves.len() > MOVES {
        outln!("    and {} more", moves.len() - MOVES);
    }
}

fn print_encodings(encodings: &[ShownEncoding]) {
    for ShownEncoding { path, told } in encodings.iter().take(MOVES) {
        outln!("  encoding: {path}: {told}");
    }
    if encodings.len() > MOVES {
        outln!("    and {} more", encodings.len() - MOVES);
    }
}

/// Runs of lines of one file that are listed for people; `--json` has all.
const RUNS: usize = 8;

fn print_coverage(coverage: &ShownCoverage) {
    outln!("  tests: {}", coverage.told);
    for ShownCovered { path, missed, .. } in coverage.files.iter().filter(|file| !file.missed.is_empty()) {
        outln!("    {path}:{}", runs(missed, RUNS));
    }
}

/// Whether it must be rebased, what is needed, then what the gate says besides.
fn said(snapshot: &RepositorySnapshot, examination: &Examination) -> Vec<String> {
    let Some(standing) = &examination.standing else { return Vec::new() };
    let needs =
        snapshot.policy().map(|policy| advice::needs(policy, standing, crate::clock::now())).unwrap_or_default();
    let of_need = |need: &advice::Need| need.code().map_or(need.to_string(), |code| format!("{code}: {need}"));
    let besides = advice::besides(standing).map(|reason| format!("{}: {}", reason.code, reason.detail));
    let stop = examination::stop(examination);
    stop.into_iter().chain(needs.iter().map(of_need)).chain(besides).collect()
}

fn print(shown: &Shown) {
    let row = &shown.row;
    outln!("{}", row.title);
    outln!("  {}   {} → {}   {}..{}", row.id, row.name, row.target, &row.base[..7], &row.head[..7]);
    row.stands.iter().for_each(|stands| outln!("  {stands}"));
    row.depends_on.iter().for_each(|on| outln!("  says that it depends on {on}"));
    if row.refs.len() > 1 {
        outln!("  the same commit: {}", row.refs.join(", "));
    }
    if !shown.namesakes.is_empty() {
        outln!("  others of that name: {}", shown.namesakes.join(", "));
    }
    outln!("  {}, +{} −{}, {}", counted(row.files, "file"), row.added, row.removed, row.status);
    let (class, meaning) = (&row.blast, row.reach.meaning());
    outln!("  tier {}, {} points, blast radius {class} ({meaning})", row.tier, row.points);
    shown.point_reasons.iter().for_each(|ShownPoints { points, text }| outln!("    {points:>3}  {text}"));
    outln!("    {}", shown.history);
    shown.blast_reasons.iter().for_each(|reason| outln!("    {reason}"));
    shown.concurrent.told.iter().for_each(|told| outln!("  also edited: {told}"));
    print_moves(&shown.moves);
    print_encodings(&row.encodings);
    outln!("  provenance: {} ({})", row.provenance, shown.tool);
    for ShownEvidence { rule, strength, class, commit, text, .. } in &shown.evidence {
        let at = commit.as_deref().map_or("the branch", |commit| &commit[..7]);
        outln!("    {rule}: {text}  ({strength}, {class}, {at})");
    }
    // Counted as in the reader, where a note is nothing that is left.
    let asked = shown.findings.iter().filter(|finding| finding.asks).count();
    match shown.findings.len() - asked {
        0 => outln!("  findings: {asked}"),
        notes => outln!("  findings: {asked}, and {} without a need for an answer", counted(notes, "note")),
    }
    for finding in &shown.findings {
        let more = finding.places.len().saturating_sub(1);
        let more = if more > 0 { format!(" and {}", counted(more, "other place")) } else { String::new() };
        // What is said of a file as a whole, or of a commit, has no line: its reason tells where it is.
        let (at, why) = match finding.line {
            0 => (finding.path.clone(), Some(&finding.why)),
            line => (format!("{}:{line}", finding.path), None),
        };
        outln!("    {:<8} {:<22} {at}{more}", finding.severity, finding.rule);
        outln!("             {}", format!("{}. {}", finding.title, finding.ask).trim_end());
        why.into_iter().for_each(|why| outln!("             {why}"));
    }
    shown.test_coverage.iter().for_each(print_coverage);
    shown.comments.iter().for_each(Comments::print);
    outln!("  needs:");
    shown.said.iter().for_each(|line| outln!("    {line}"));
    if !row.told_ask.is_empty() {
        outln!("    {}", row.told_ask);
    }
    shown.futile.iter().for_each(|why| outln!("    Your approval would not count: {why}."));
    if let (Some(due), Some(late)) = (row.due, row.late) {
        outln!("    due {}, late {}", crate::datafile::date(due), crate::datafile::date(late));
    }
    for claim in &row.claims {
        let until = crate::datafile::date(claim.until);
        outln!("    claimed {} until {until}", claim.told);
    }
    if shown.reasons.is_empty() {
        shown.refusals.iter().for_each(|why| outln!("    {why}"));
    }
    if let Some(change) = &shown.policy_change {
        outln!("  policy: {}", change.headline);
        change.meaning.iter().chain(&change.flips).for_each(|line| outln!("    {line}"));
    }
    for (at, part) in shown.split.iter().enumerate() {
        outln!("  split {} of {}: {}", at + 1, shown.split.len(), part.compartments.join(", "));
        part.paths.iter().for_each(|path| outln!("    {path}"));
    }
}
