//! `undersign risk`: scores commits that landed, for testing rules and order on a history.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use crate::change::diff::Side;
use crate::change::{ObjectId, counted, visible};
use crate::examination;
use crate::examination::landed::{Scored, Scorer};
use crate::outcomes::Remembered;
use crate::record::json;
use crate::risk::{Backtest, BlastClass, Look, Quality, Signs, Tried, masked};
use crate::source::git::{CommitSelection, Repository};

/// Findings of one commit that are printed; how many there are is printed as well.
const MAX_FINDINGS: usize = 100;
/// The least number of wrong commits for the figures of a backtest to mean something.
const ENOUGH_WRONG: usize = 100;
/// Commits of a range.
const MAX_RANGE: usize = 1_000_000;

#[derive(Args)]
pub struct Options {
    /// Commits that landed; each is scored against its first parent, by the history before it
    #[arg(value_name = "REV", required_unless_present = "range", conflicts_with = "range")]
    revisions: Vec<String>,
    /// All commits of B that A does not have but merges, oldest first; ..B is all of B
    #[arg(long, value_name = "A..B")]
    range: Option<String>,
    /// Of a range only the line of first parents, its merges as well
    #[arg(long, requires = "range", conflicts_with = "revisions")]
    first_parent: bool,
    /// Of a range print how good the order is: whether commits that later ones revert or fix stand in front
    #[arg(long, requires = "range", conflicts_with = "revisions")]
    backtest: bool,
    /// How long a commit is watched for later ones that say it was wrong; newer ones are not counted
    #[arg(long, value_name = "DAYS", default_value_t = 365, requires = "backtest")]
    within: u32,
    /// Print one JSON object a line, each as soon as it is known
    #[arg(long)]
    jsonl: bool,
}

#[derive(Serialize)]
struct Shown {
    schema: &'static str,
    id: String,
    time: i64,
    title: String,
    tier: u8,
    points: u32,
    reasons: Vec<ShownReason>,
    finding_count: usize,
    findings: Vec<ShownFinding>,
    blast: ShownBlast,
    history: Look,
    files: usize,
    added: u32,
    removed: u32,
    /// What was not read of it.
    left_out: Option<String>,
}

#[derive(Serialize)]
struct ShownReason {
    points: i32,
    text: String,
}

#[derive(Serialize)]
struct ShownFinding {
    rule: String,
    severity: &'static str,
    path: String,
    side: &'static str,
    line: u32,
    /// How many places it has.
    places: usize,
    title: String,
    /// What came of the changes that landed here with it, if a report on outcomes was kept.
    outcomes: Option<ShownOutcomes>,
}

#[derive(Serialize)]
struct ShownOutcomes {
    landed: usize,
    with_outcome: usize,
    watched: usize,
    told: String,
}

/// What earlier findings of the same rules led to.
struct Past {
    kept: Option<Remembered>,
    /// The digest of the rules that apply now.
    rules: String,
}

impl Past {
    fn read(repository: &Repository) -> Result<Past, String> {
        let kept = Remembered::read(repository).unwrap_or_else(|why| {
            eprintln!("undersign: {why}");
            None
        });
        // Without it, the digest is not needed. Packs of who runs the program are in no report.
        let rules = kept.as_ref().map(|_| examination::rulebook(repository)).transpose();
        let rules = rules.map_err(|error| error.to_string())?;
        Ok(Past { kept, rules: rules.map(|rules| rules.rules().digest().to_string()).unwrap_or_default() })
    }

    fn outcomes(&self, rule: &str) -> Option<ShownOutcomes> {
        let kept = self.kept.as_ref()?;
        let (tally, told) = (kept.tally(rule)?, kept.said(rule, &self.rules)?);
        Some(ShownOutcomes { landed: tally.landed, with_outcome: tally.with_outcome, watched: tally.watched, told })
    }
}

#[derive(Serialize)]
struct ShownBlast {
    class: &'static str,
    /// The same, for people.
    #[serde(skip)]
    reach: BlastClass,
    reasons: Vec<String>,
}

pub fn run(options: &Options, repository: Option<&Path>) -> Result<(), String> {
    let repository = Repository::open(repository.unwrap_or(Path::new("."))).map_err(|error| error.to_string())?;
    super::rulebook(&repository)?
        .refused()
        .for_each(|error| eprintln!("undersign: {}", visible::lines(&error.to_string())));
    let past = Past::read(&repository)?;
    match &options.range {
        Some(range) => score_range(&repository, range, &past, options),
        None => options.revisions.iter().try_for_each(|revision| score_one(&repository, revision, &past, options)),
    }
}

fn score_one(repository: &Repository, revision: &str, past: &Past, options: &Options) -> Result<(), String> {
    let told = |error: crate::source::git::GitError| error.to_string();
    let id = repository.resolve(revision).map_err(told)?;
    let rules = super::rulebook(repository)?;
    let mut scorer = Scorer::of(repository, rules.rules(), CommitSelection::Written).map_err(told)?;
    if let Some(parent) = repository.first_parents(id, 2).map_err(told)?.get(1) {
        scorer.remember_up_to(*parent).map_err(told)?;
    }
    print(&scorer.score(id).map_err(told)?, past, options);
    Ok(())
}

fn score_range(repository: &Repository, range: &str, past: &Past, options: &Options) -> Result<(), String> {
    let told = |error: crate::source::git::GitError| error.to_string();
    let (from, to) = range
        .split_once("..")
        .ok_or_else(|| format!("`{}` is not a range. Write A..B, or ..B for all of B.", visible::text(range)))?;
    let resolved = |name: &str| repository.resolve(name).map_err(told);
    let from = (!from.is_empty()).then(|| resolved(from)).transpose()?;
    let to = resolved(if to.is_empty() { "HEAD" } else { to })?;
    let line = if options.first_parent { CommitSelection::FirstParents } else { CommitSelection::Written };
    let commits: Vec<ObjectId> = repository.past(to, from, line, MAX_RANGE).map_err(told)?;
    let rules = super::rulebook(repository)?;
    let mut scorer = Scorer::of(repository, rules.rules(), line).map_err(told)?;
    if let Some(from) = from {
        scorer.remember_up_to(from).map_err(told)?;
    }
    let mut tried = Vec::new();
    for id in commits.into_iter().rev() {
        match scorer.next(id) {
            Ok(scored) if options.backtest => tried.push(tried_by(&scored)),
            Ok(scored) => print(&scored, past, options),
            Err(error) => eprintln!("undersign: {id} is left out: {error}"),
        }
    }
    if options.backtest {
        print_backtest(&Backtest::of(&tried, options.within), options);
    }
    Ok(())
}

fn tried_by(scored: &Scored) -> Tried {
    Tried {
        id: scored.commit.id,
        time: scored.commit.time,
        tier: scored.assessment.tier,
        points: scored.assessment.points,
        lines: scored.added.saturating_add(scored.removed),
        added: scored.added,
        named: Signs::of(&scored.commit.message).named,
    }
}

/// The figures of `--backtest`, each with three decimals.
#[derive(Serialize)]
struct ShownBacktest {
    schema: &'static str,
    days: u32,
    commits: usize,
    wrong: usize,
    too_new: usize,
    order: ShownQuality,
    lines_added: ShownQuality,
}

#[derive(Serialize)]
struct ShownQuality {
    auc: Option<String>,
    in_size: Option<String>,
    first_tenth: Option<String>,
}

impl ShownQuality {
    fn of(quality: Quality) -> ShownQuality {
        let shown = |figure: Option<f64>| figure.map(|figure| format!("{figure:.3}"));
        let Quality { auc, in_size, first_tenth } = quality;
        ShownQuality { auc: shown(auc), in_size: shown(in_size), first_tenth: shown(first_tenth) }
    }

    fn print(&self, name: &str) {
        let shown = |figure: &Option<String>| figure.clone().unwrap_or_else(|| "-".to_owned());
        outln!("{name:<12}  {:>5}  {:>7}  {:>11}", shown(&self.auc), shown(&self.in_size), shown(&self.first_tenth));
    }
}

fn print_backtest(found: &Backtest, options: &Options) {
    let shown = ShownBacktest {
        schema: "undersign-backtest/v0",
        days: options.within,
        commits: found.commits,
        wrong: found.wrong,
        too_new: found.too_new,
        order: ShownQuality::of(found.order),
        lines_added: ShownQuality::of(found.lines_added),
    };
    if options.jsonl {
        let line = serde_json::to_string(&shown).unwrap_or_default();
        return outln!("{}", json::ascii(line));
    }
    outln!(
        "{}, of which a later one within {} says that {} wrong",
        counted(shown.commits, "commit"),
        counted(shown.days as usize, "day"),
        if shown.wrong == 1 { "1 was".to_owned() } else { format!("{} were", shown.wrong) }
    );
    if shown.too_new > 0 {
        outln!(
            "{} too new to tell",
            if shown.too_new == 1 { "1 more is".to_owned() } else { format!("{} more are", shown.too_new) }
        );
    }
    outln!("");
    outln!("{:<12}  {:>5}  {:>7}  {:>11}", "", "AUC", "in size", "first tenth");
    shown.order.print("this order");
    shown.lines_added.print("lines added");
    if shown.wrong < ENOUGH_WRONG {
        outln!("");
        outln!("With fewer than {ENOUGH_WRONG} wrong commits, the figures say little.");
    }
}

fn print(scored: &Scored, past: &Past, options: &Options) {
    let shown = shown(scored, past);
    if options.jsonl {
        let line = serde_json::to_string(&shown).unwrap_or_default();
        outln!("{}", json::ascii(line));
    } else {
        print_text(&shown);
    }
}

fn shown(scored: &Scored, past: &Past) -> Shown {
    let assessment = &scored.assessment;
    let text = |text: &str| visible::text(text).into_owned();
    Shown {
        schema: "undersign-risk/v0",
        id: scored.commit.id.to_string(),
        time: scored.commit.time,
        title: text(&masked(scored.commit.title())),
        tier: assessment.tier,
        points: assessment.points,
        reasons: assessment
            .point_reasons
            .iter()
            .map(|(points, why)| ShownReason { points: *points, text: text(why) })
            .collect(),
        finding_count: assessment.findings.len(),
        findings: assessment.findings.iter().take(MAX_FINDINGS).map(|own| finding(own, past)).collect(),
        blast: ShownBlast {
            class: assessment.blast.class.name(),
            reach: assessment.blast.class,
            reasons: assessment
                .blast
                .reasons
                .iter()
                .map(|reason| format!("{} {}: {}", reason.class.name(), reason.path, reason.sentence))
                .collect(),
        },
        history: scored.look.clone(),
        files: scored.files,
        added: scored.added,
        removed: scored.removed,
        left_out: scored.left_out.sentence(),
    }
}

fn finding(finding: &crate::risk::Finding, past: &Past) -> ShownFinding {
    ShownFinding {
        rule: finding.rule.clone(),
        severity: finding.severity.name(),
        path: finding.location.path.to_string(),
        side: if finding.location.side == Side::Old { "old" } else { "new" },
        line: finding.location.line,
        places: finding.count(),
        title: visible::text(&finding.title).into_owned(),
        outcomes: past.outcomes(&finding.rule),
    }
}

fn print_text(shown: &Shown) {
    outln!("{}  {}", &shown.id[..12], shown.title);
    outln!(
        "  tier {}, {} points, blast radius {} ({}); {}, +{} −{}",
        shown.tier,
        shown.points,
        shown.blast.class,
        shown.blast.reach.meaning(),
        counted(shown.files, "file"),
        shown.added,
        shown.removed
    );
    for ShownReason { points, text } in &shown.reasons {
        outln!("    {points:>4}  {text}");
    }
    for ShownFinding { rule, severity, path, line, places, title, outcomes, .. } in &shown.findings {
        let more = if *places > 1 { format!(", {places} places") } else { String::new() };
        outln!("    {severity:<8}  {path}:{line}  {title} ({rule}{more})");
        outcomes.iter().for_each(|past| outln!("              {}", past.told));
    }
    if shown.finding_count > shown.findings.len() {
        outln!("    and {} more findings", shown.finding_count - shown.findings.len());
    }
    shown.blast.reasons.iter().for_each(|reason| outln!("    {reason}"));
    shown.left_out.iter().for_each(|left_out| outln!("    {left_out}"));
}
