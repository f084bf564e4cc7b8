//! One ref: its steps are read, cut into segments, judged, and made rows.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::cut::{self, Segment, Stretches, Weighed};
use super::dates::Dates;
use super::exceptions::{self, Facts};
use super::judge::{Judged, Question, RefJudge};
use super::later::{Later, unheard};
use super::line::{self, Place, Step};
use super::lines::Run;
use super::loosening;
use super::policies::{Held, Policies};
use super::population::{Head, Population};
use super::report::{Decision, Exception, Landing};
use super::row::Parts;
use super::states::ShownStates;
use super::verdicts::Verdicts;
use super::{AuditInput, Progress, Query};
use crate::change::ObjectId;
use crate::change::manifest::Manifest;
use crate::datafile::date;
use crate::decision::Verdict;
use crate::gate::{CLOCK_SKEW, Code, MAX_STEPS, Reason, RefOutcome};
use crate::ledger::evidence;
use crate::policy::{Policy, RefProtection};
use crate::record::Record;
use crate::record::evidence::{Evidence, EvidenceResult};
use crate::source::git::GitError;
use crate::source::git::organization::Known;

/// The number of segments judged at once.
const BATCH: usize = 1_024;
/// The most unapproved segments for which similar records are also named.
const MAX_EXPLAINED: usize = 500;
/// The most segments without a matching record for which the rules are still asked, for the sake of their reasons. The
/// rest is refused without asking: the gate lets no content land that nobody signed for.
const MAX_ASKED: usize = 2_000;

/// A run of a ref, and what the log says about it.
pub(super) struct OfRef<'l> {
    population: &'l Population<'l>,
    states: &'l ShownStates,
    run: &'l Run,
    places: Vec<Place>,
    /// The commit below the first of them.
    base: Option<ObjectId>,
    verdicts: Verdicts,
    dates: Dates,
    /// When the log saw the ref, and how much of its line it showed then.
    sightings: Vec<(i64, usize)>,
}

/// What is known of one segment after it was judged.
struct Found<'f> {
    steps: &'f [Step],
    /// Its last place on the line.
    place: usize,
    judged: Option<Judged>,
    held: Held,
    /// The digest of its manifest, if a record matches it.
    manifest: Option<String>,
    /// A sentence, if it was approved only together with its neighbours.
    together: Option<String>,
}

/// The data for a question about one segment.
struct Asked<'a> {
    steps: &'a [Step],
    /// Its last place on the line.
    place: usize,
    /// The digest of its manifest, if a record matches it.
    manifest: Option<&'a str>,
    /// Also name similar records.
    is_explained: bool,
}

/// The steps of a ref that are examined, and how they are cut.
struct Cut<'c> {
    /// The place of the first of them.
    low: usize,
    steps: &'c [Step],
    stretches: Stretches,
    /// Stretches of several steps that are not known to have landed as one.
    apart: Stretches,
    records: Vec<&'c Record>,
    judged: HashMap<(usize, usize), Judged>,
    segments: Vec<Segment>,
}

impl Cut<'_> {
    /// The digest of the change that a stretch may be, from the record that matches it.
    fn manifest(&self, start: usize, end: usize) -> Option<String> {
        let of = self.stretches.get(&(start, end)).copied().flatten()?;
        Some(self.records[of as usize].predicate().manifest.sha256.clone())
    }

    /// Whether no record matches a segment, and it certainly changes something.
    fn is_unspoken_of(&self, start: usize, end: usize) -> bool {
        !self.stretches.contains_key(&(start, end)) && self.steps[start..end].iter().all(|step| step.unread.is_none())
    }
}

impl<'l> OfRef<'l> {
    pub fn of(population: &'l Population<'l>, states: &'l ShownStates, at: usize) -> OfRef<'l> {
        let run = &population.runs[at];
        let verdicts = Verdicts::of(&population.forest, run, population.moves_of(run.line));
        let places: Vec<Place> = population.forest.places(run.line, run.places.clone()).collect();
        let dates = Dates::of(places.iter().map(|place| place.time).zip(population.told(run)));
        let base = population.below(run.line, run.places.start);
        let sightings = population.sightings(run.line).into_iter().map(|(_, at, shared)| (at, shared)).collect();
        OfRef { population, states, run, places, base, verdicts, dates, sightings }
    }

    /// Whether the query asks for it.
    pub fn is_meant(&self) -> bool {
        self.head().is_meant
    }

    fn head(&self) -> &'l Head {
        &self.population.heads[self.run.line]
    }

    fn name(&self) -> &'l str {
        &self.head().name
    }

    /// When the newest place of the ref landed.
    pub fn newest(&self) -> Option<i64> {
        self.dates.newest()
    }

    /// The places that may belong to what landed in a period: with as many before as one push may have, and none after,
    /// so that what lands later does not change the cut.
    fn span(&self, from: Option<i64>, to: Option<i64>) -> Option<(usize, usize)> {
        let is_within = |place: &usize| self.dates.is_within(*place, from, to);
        let places = 0..self.places.len();
        let (first, last) = (places.clone().find(is_within)?, places.clone().rfind(is_within)?);
        Some((first.saturating_sub(MAX_STEPS), last + 1))
    }

    /// What landed in the period, with its exceptions.
    pub fn landings(
        &self,
        input: &AuditInput<'_>,
        query: &Query,
        to: Option<i64>,
        progress: Progress<'_>,
    ) -> Result<(Vec<Landing>, Vec<Exception>), String> {
        let Some((low, high)) = self.span(query.from, to) else { return Ok(Default::default()) };
        self.with_cut(input, query, (low, high), progress, |mut cut| self.rows(input, query, to, &mut cut, progress))
    }

    /// The sides of merges in a period.
    pub fn sides(&self, input: &AuditInput<'_>, query: &Query, to: Option<i64>) -> Vec<ObjectId> {
        let is_within = |place: &usize| self.dates.is_within(*place, query.from, to);
        let commits = (0..self.places.len()).filter(is_within).map(|place| self.places[place].commit);
        commits.flat_map(|commit| input.repository.sides(commit)).collect()
    }

    /// For places that no verdict of the gate let through: what the rules say of what landed there, and what it merges.
    pub fn decisions(
        &self,
        input: &AuditInput<'_>,
        query: &Query,
        places: &BTreeSet<usize>,
        progress: Progress<'_>,
    ) -> Result<Vec<(usize, Decision, Vec<ObjectId>)>, String> {
        let (Some(&first), Some(&last)) = (places.first(), places.last()) else { return Ok(Vec::new()) };
        let span = (first.saturating_sub(MAX_STEPS), last + 1);
        self.with_cut(input, query, span, progress, |cut| {
            let of = |&place: &usize| {
                let end = place - cut.low + 1;
                let ending = cut.judged.iter().filter(|((_, own), _)| *own == end);
                let decision = ending.map(|(_, judged)| judged.decision()).min();
                let step = &cut.steps[end - 1..end];
                let is_governed = matches!(&self.held(input, step, place),
                    Held::Found(policy) if policy.refs.protects(self.name()));
                let otherwise = if is_governed { Decision::Unapproved } else { Decision::Ungoverned };
                (place, decision.unwrap_or(otherwise), step[0].sides.clone())
            };
            Ok(places.iter().map(of).collect())
        })
    }

    fn with_cut<T>(
        &self,
        input: &AuditInput<'_>,
        query: &Query,
        (low, high): (usize, usize),
        progress: Progress<'_>,
        then: impl FnOnce(Cut<'_>) -> Result<T, GitError>,
    ) -> Result<T, String> {
        let (records, wanted) = input.book.wanted(self.name());
        let told = |done| progress("steps", done, high - low);
        let steps = line::steps(input.repository, self.below(low), &self.places[low..high], &wanted, &told);
        let mut steps = steps.map_err(|error| error.to_string())?;
        let weighed: Vec<Weighed> = steps.iter_mut().map(|step| std::mem::take(&mut step.weighed)).collect();
        let wanted: Vec<u64> = records.iter().map(|record| cut::difference(&record.manifest)).collect();
        let is_one = |(start, end): (usize, usize), of: u32| {
            let digest = &records[of as usize].predicate().manifest.sha256;
            self.are_one(input, low + start..low + end, query.to, digest)
        };
        let (stretches, apart) = cut::stretches(&weighed, &wanted, &self.named(input, low, high), is_one);
        drop(weighed);
        let (judged, segments) = Default::default();
        let cut = Cut { low, steps: &steps, stretches, apart, records, judged, segments };
        self.judged(input, query, cut, progress).and_then(then).map_err(|error| error.to_string())
    }

    /// The commit at a place.
    pub fn commit(&self, place: usize) -> ObjectId {
        self.places[place].commit
    }

    /// The commit below a place.
    fn below(&self, place: usize) -> Option<ObjectId> {
        place.checked_sub(1).map_or(self.base, |below| Some(self.places[below].commit))
    }

    /// The stretches of several steps that records for this ref name: from their base to their head.
    fn named(&self, input: &AuditInput<'_>, low: usize, high: usize) -> Vec<(usize, usize)> {
        // The number of steps up to and including a commit.
        let mut steps: HashMap<String, usize> =
            (low..high).map(|place| (self.places[place].commit.to_string(), place - low + 1)).collect();
        steps.extend(self.below(low).map(|below| (below.to_string(), 0)));
        let of = |(record, _): (&Record, i64)| {
            let predicate = record.predicate();
            let (start, end) = (*steps.get(&predicate.base.commit)?, *steps.get(&predicate.head.commit)?);
            (predicate.target.name == self.name() && start + 1 < end).then_some((start, end))
        };
        let named: BTreeSet<(usize, usize)> = input.book.landing().filter_map(of).collect();
        named.into_iter().collect()
    }

    /// Whether several places are known to have landed as one: by one verdict of the gate; otherwise if all of them
    /// landed by the end of the period, and are exactly the commits of an approval of that content. Places that merely
    /// add up to the same change may have landed step by step.
    fn are_one(&self, input: &AuditInput<'_>, places: Range<usize>, to: Option<i64>, manifest: &str) -> bool {
        let (start, end) = (self.run.places.start + places.start, self.run.places.start + places.end);
        if self.sightings.iter().any(|(_, shared)| start < *shared && *shared < end) {
            // Somebody could use the ref as it was between them.
            return false;
        }
        if let Some(is_one) = self.verdicts.are_one_move(places.clone()) {
            return is_one;
        }
        let (Some(from), Some(last)) = (self.below(places.start), places.clone().next_back()) else { return false };
        let (from, last) = (from.to_string(), self.places[last].commit.to_string());
        // What somebody says once more stands on it joins nothing. A commit to which a ref was fast-forwarded is older
        // than its approval, so its own date is no bound.
        let landed = self.places.get(places.end).map_or(i64::MAX, |next| next.time.saturating_add(CLOCK_SKEW));
        let leads_over = |record: &Record, known: i64| {
            let predicate = record.predicate();
            predicate.verdict == Verdict::Approve
                && known <= landed
                && predicate.target.name == self.name()
                && predicate.base.commit == from
                && predicate.head.commit == last
                && input.is_of_its_principal(record)
        };
        places.clone().all(|place| to.is_none_or(|to| self.dates.landed_at(place) <= to))
            && input.book.of_manifest(manifest).any(|(record, known)| leads_over(record, known))
    }

    /// For a single step: who approved it together with others, if these are not known to have landed as one.
    fn together(&self, input: &AuditInput<'_>, cut: &Cut<'_>, step: usize) -> Option<String> {
        let of = |(&(start, end), of): (&(usize, usize), &Option<u32>)| {
            let manifest = of
                .filter(|_| (start..end).contains(&step))
                .map(|of| &cut.records[of as usize].predicate().manifest.sha256)?;
            let mut all = input.book.of_manifest(manifest);
            let is_here = |record: &Record| {
                let predicate = record.predicate();
                predicate.verdict == Verdict::Approve && predicate.target.name == self.name()
            };
            let (record, _) = all.find(|(record, _)| is_here(record) && input.is_of_its_principal(record))?;
            let step = |at: usize| cut.steps[at].commit.short();
            Some(format!(
                "{} approved what the {} steps from {} to {} come to together; that they landed as one is not known.",
                record.predicate().principal,
                end - start,
                step(start),
                step(end - 1)
            ))
        };
        // No stretch is longer than a push may be.
        cut.apart.range((step.saturating_sub(MAX_STEPS), 0)..(step + 1, 0)).find_map(of)
    }

    /// Judges the stretches that match records, and cuts the steps accordingly.
    fn judged<'c>(
        &self,
        input: &AuditInput<'_>,
        query: &Query,
        mut cut: Cut<'c>,
        progress: Progress<'_>,
    ) -> Result<Cut<'c>, GitError> {
        let shown = self.states.of_others(self.population, self.run.line);
        let ref_judge = self.ref_judge(input, &shown);
        let (mut approved, keys) = (BTreeSet::new(), cut.stretches.keys().copied().collect::<Vec<_>>());
        for (batch, part) in keys.chunks(BATCH).enumerate() {
            progress("segments", batch * BATCH, keys.len());
            let question = |&(start, end): &(usize, usize)| {
                let manifest = cut.manifest(start, end).unwrap_or_else(|| Manifest::default().digest().to_string());
                let (steps, place) = (&cut.steps[start..end], cut.low + end - 1);
                self.question(input, query, &Asked { steps, place, manifest: Some(&manifest), is_explained: false })
            };
            let questions: Vec<_> = part.iter().map(question).collect();
            for (key, judged) in part.iter().zip(ref_judge.judge(&questions)?) {
                // A stretch that may not land is not a segment.
                if let Some(judged) = judged.filter(|judged| judged.decision() <= Decision::Nothing) {
                    approved.insert(*key);
                    cut.judged.insert(*key, judged);
                }
            }
        }
        cut.segments = cut::best(cut.steps.len(), &approved);
        Ok(cut)
    }

    /// The judgement of a segment for which the rules were not asked; none if no policy protected the ref, or if its
    /// base is not known.
    fn unspoken_of(&self, held: &Held, steps: &[Step], place: usize, is_shallow: bool) -> Option<Judged> {
        let (name, has_base) = (self.name(), steps.first()?.from.is_some());
        let reason = match held {
            _ if !has_base && is_shallow => {
                Reason::undecidable(Code::CutHistory, "The history is cut here: what it stands on is not in it.")
            }
            Held::Found(policy) if policy.refs.protects(name) && !has_base => {
                Reason::deny(Code::NotAState, "It begins a history of its own, which no protected ref showed.")
            }
            Held::Found(policy) if policy.refs.protects(name) => {
                Reason::deny(Code::Unsigned, "No record is of this content.")
            }
            Held::Invalid(why) => Reason::undecidable(Code::PolicyInvalid, why.clone()),
            Held::Found(_) | Held::Absent => return None,
        };
        let at = self.verdicts.at(place).map_or_else(|| self.dates.landed_at(place), |verdict| verdict.at.0);
        Some(Judged { at, outcome: RefOutcome::refused(name, reason) })
    }

    fn ref_judge<'c>(&'c self, input: &'c AuditInput<'_>, shown: &'c [(ObjectId, &'c str)]) -> RefJudge<'c> {
        RefJudge {
            repository: input.repository,
            book: &input.book,
            evidence: &input.evidence,
            name: self.name(),
            policy_branch: input.policies.branch.as_deref().filter(|_| !input.policies.is_fixed()),
            shown,
        }
    }

    /// The policy by which a segment is judged: the one that the gate names in its log, otherwise the one before the
    /// move by which the segment landed, or before the segment.
    fn held(&self, input: &AuditInput<'_>, steps: &[Step], place: usize) -> Held {
        let policies = &input.policies;
        let name = Some(self.name());
        let told = self.verdicts.policy(place).and_then(|told| policies.told(&told));
        let found = told.unwrap_or_else(|| {
            if policies.branch.as_deref() != name || policies.is_fixed() {
                return self.held_at(policies, place);
            }
            let moved = self.verdicts.start(place);
            let stood = moved.unwrap_or_else(|| steps.first().and_then(|step| step.from));
            policies.at_commit(stood, self.dates.landed_at(place))
        });
        found.unwrap_or_else(|error| Held::Invalid(error.to_string()))
    }

    /// What policies inherited from when a place landed.
    fn organization(&self, policies: &Policies<'_>, place: usize) -> Known {
        let told = self.verdicts.policy(place).and_then(|told| told.organization);
        policies.organizations().known(policies.version(told, self.dates.landed_at(place))?)
    }

    /// The policy of the time when a place landed. Its committer's clock must not choose one that does not protect the
    /// ref.
    fn held_at(&self, policies: &Policies<'_>, place: usize) -> Result<Held, GitError> {
        let held = policies.at_time(self.dates.landed_at(place))?;
        let protects = |held: &Held| matches!(held, Held::Found(policy) if policy.refs.protects(self.name()));
        match self.dates.bypassed(place) {
            Some((after, _)) if !protects(&held) => {
                let earlier = policies.at_time(after)?;
                Ok(if protects(&earlier) { earlier } else { held })
            }
            _ => Ok(held),
        }
    }

    /// When the log first saw the ref at a place or above it.
    fn seen_by(&self, place: usize) -> Option<i64> {
        let above = self.run.places.start + place;
        self.sightings.iter().find(|(_, shared)| *shared > above).map(|(at, _)| *at)
    }

    fn question(&self, input: &AuditInput<'_>, query: &Query, asked: &Asked<'_>) -> Option<Question> {
        let (first, last) = (asked.steps.first()?, asked.steps.last()?);
        let near = asked.steps.iter().filter(|_| asked.is_explained).flat_map(|step| step.near.iter().cloned());
        let pusher = self.verdicts.at(asked.place).and_then(|verdict| verdict.pusher.as_ref());
        let held = self.held(input, asked.steps, asked.place);
        Some(Question {
            from: first.from?,
            to: last.commit,
            manifest: asked.manifest.unwrap_or_default().to_owned(),
            near: near.collect(),
            pusher: pusher.map(|pusher| pusher.as_str().to_owned()),
            times: self.times(input, query, asked, &held),
            held,
            organization: self.organization(&input.policies, asked.place),
        })
    }

    /// When machines signed that something passed for what a segment brings.
    fn evidence_of(&self, input: &AuditInput<'_>, asked: &Asked<'_>, held: &Held) -> Vec<i64> {
        let (Held::Found(policy), Some(last)) = (held, asked.steps.last()) else { return Vec::new() };
        let keys = policy.evidence.iter().flat_map(|source| &source.keys).map(|own| own.key.id().to_string());
        let keys: BTreeSet<String> = keys.collect();
        if keys.is_empty() {
            return Vec::new();
        }
        let with_remotes = !input.repository.is_bare();
        let scope = evidence::Scope::all(with_remotes);
        // Where they cannot be read, the judgement says so.
        let chains = input.evidence.read(input.repository, &keys, &scope).unwrap_or_default();
        let tree = input.repository.tree_of(last.commit).map(|tree| tree.to_string()).unwrap_or_default();
        let manifest = asked.manifest.unwrap_or_default();
        let is_of_it = |own: &Evidence| {
            let is_content = own.tree == tree || (!manifest.is_empty() && own.manifest.sha256 == manifest);
            own.result == EvidenceResult::Pass && own.target.name == self.name() && is_content
        };
        let records = chains.iter().flat_map(|chain| &chain.records);
        records.filter(|record| is_of_it(record.evidence())).map(|record| record.issued()).collect()
    }

    /// The times at which a segment is judged: when the gate judged it. Without its log nobody knows when it landed,
    /// but a commit that was reviewed did not land before its approvals: then at the committer's date, and at each
    /// later approval, and result of a check.
    fn times(&self, input: &AuditInput<'_>, query: &Query, asked: &Asked<'_>, held: &Held) -> Vec<i64> {
        if let Some(verdict) = self.verdicts.at(asked.place) {
            return vec![verdict.at.0];
        }
        // What was known only after the log saw it there was not known when it landed.
        let bound = [query.to, self.seen_by(asked.place)].into_iter().flatten().min().unwrap_or(i64::MAX);
        let made = asked.steps.last().map_or(0, |step| step.time).min(bound);
        let cooling: BTreeSet<i64> = match held {
            Held::Found(policy) => policy.compartments.iter().map(|compartment| compartment.cooling).collect(),
            _ => BTreeSet::new(),
        };
        let (mut times, mut is_known) = (BTreeSet::new(), asked.manifest.is_none());
        for (record, known) in input.book.of_manifest(asked.manifest.unwrap_or_default()) {
            if record.predicate().target.name != self.name() {
                continue;
            }
            is_known |= known <= made;
            let later = cooling.iter().chain([&0]).map(|cooling| known.saturating_add(*cooling));
            times.extend(later.filter(|time| *time > made && *time <= bound));
        }
        let evidence = self.evidence_of(input, asked, held).into_iter();
        times.extend(evidence.filter(|time| *time > made && *time <= bound));
        // Before anybody signed for it, there is nothing to judge.
        if is_known || times.is_empty() {
            times.insert(made);
        }
        times.into_iter().collect()
    }

    fn rows(
        &self,
        input: &AuditInput<'_>,
        query: &Query,
        to: Option<i64>,
        cut: &mut Cut<'_>,
        progress: Progress<'_>,
    ) -> Result<(Vec<Landing>, Vec<Exception>), GitError> {
        let shown = self.states.of_others(self.population, self.run.line);
        let ref_judge = self.ref_judge(input, &shown);
        let merged = merged_since(cut.steps);
        let is_within = |segment: &Segment| self.dates.is_within(cut.low + segment.steps.end - 1, query.from, to);
        let meant: Vec<Segment> = cut.segments.iter().filter(|segment| is_within(segment)).cloned().collect();
        let (mut landings, mut found, mut explained) = (Vec::with_capacity(meant.len()), Vec::new(), 0);
        // In batches: the judgements of all segments together are too much to keep.
        for (batch, part) in meant.chunks(BATCH).enumerate() {
            progress("landings", batch * BATCH, meant.len());
            let mut question = |segment: &Segment| {
                let Range { start, end } = segment.steps;
                if segment.is_approved {
                    return None;
                }
                explained += 1;
                if explained > MAX_ASKED && cut.is_unspoken_of(start, end) {
                    return None;
                }
                let (steps, place) = (&cut.steps[start..end], cut.low + end - 1);
                let (manifest, is_explained) = (cut.manifest(start, end), explained <= MAX_EXPLAINED);
                self.question(input, query, &Asked { steps, place, manifest: manifest.as_deref(), is_explained })
            };
            let questions: Vec<_> = part.iter().map(&mut question).collect();
            for (segment, judged) in part.iter().zip(ref_judge.judge(&questions)?) {
                let Range { start, end } = segment.steps;
                let (steps, place) = (&cut.steps[start..end], cut.low + end - 1);
                let judged = cut.judged.remove(&(start, end)).filter(|_| segment.is_approved).or(judged);
                let (held, manifest) = (self.held(input, steps, place), cut.manifest(start, end));
                let is_shallow = input.repository.is_shallow();
                let judged = judged.or_else(|| self.unspoken_of(&held, steps, place, is_shallow));
                let together = if segment.is_approved { None } else { self.together(input, cut, start) };
                let one = Found { steps, place, judged, held, manifest, together };
                if let Some((landing, exceptions)) = self.row(input, query, to, &one, merged[end]) {
                    landings.push(landing);
                    found.extend(exceptions);
                }
            }
        }
        Ok((landings, found))
    }

    fn row(
        &self,
        input: &AuditInput<'_>,
        query: &Query,
        to: Option<i64>,
        found: &Found<'_>,
        merged: i64,
    ) -> Option<(Landing, Vec<Exception>)> {
        let held = match &found.held {
            Held::Found(policy) => Some(policy),
            _ => None,
        };
        let verdict = self.verdicts.at(found.place);
        let judged = found.judged.as_ref();
        let (name, steps, book) = (self.name(), found.steps, &input.book);
        let (landed_at, policy) = (self.dates.landed_at(found.place), held.map(|policy| &**policy));
        let parts = Parts { name, steps, verdict, landed_at, judged, policy, book };
        let mut landing = parts.landing()?;
        let is_named = query.refs.iter().any(|own| own == name);
        if landing.decision == Decision::Ungoverned && !input.newest.refs.protects(name) && !is_named {
            // Another policy protected the ref, at another time.
            return None;
        }
        let counted = parts.counted();
        let later = Later { input, to: to.unwrap_or(i64::MAX), judged_at: landing.judged_at.0 };
        let own = judged.and_then(|judged| judged.outcome.manifest.first());
        let is_emergency = landing.decision == Decision::BreakGlass;
        let emergency = own.filter(|_| is_emergency).zip(held);
        let review_due = emergency.and_then(|(one, policy)| input.review_due(policy, one, (later.judged_at, later.to)));
        let facts = Facts {
            approvals: counted.iter().map(|(record, _)| later.approval(record)).collect(),
            review_due,
            loosens: loosening::of(input, name, steps, landed_at),
            is_log_expected: self.is_log_expected(input, found),
            gone: self.gone(policy, verdict),
            lost: self.lost(input, found, landing.decision),
            approved_later: later.approved_later(name, found.manifest.as_deref()),
            late: later.late(steps.last().filter(|_| verdict.is_none()), &counted, merged),
            backdated: self.backdated(found),
            bypassed: self.dates.bypassed(found.place),
            together: found.together.clone(),
            unheard: unheard(input, &counted),
            is_self_review: judged
                .is_some_and(|judged| judged.outcome.reasons.iter().any(|reason| reason.code == Code::SelfReview)),
        };
        let exceptions = exceptions::of(&landing, &facts, query.hasty);
        landing.exceptions = exceptions.iter().map(|exception| exception.kind).collect();
        Some((landing, exceptions))
    }

    /// What lands after the beginning of the log must be in it: it is above something that is, or was made later.
    fn is_log_expected(&self, input: &AuditInput<'_>, found: &Found<'_>) -> bool {
        let made = found.steps.iter().map(|step| step.time).max().unwrap_or(0);
        let begins = self.population.moves.begins.filter(|_| input.states().is_none());
        self.verdicts.is_expected(found.place) || begins.is_some_and(|begins| made >= begins)
    }

    /// A sentence, if its ref shows it no longer, and the policy of then let nobody do that.
    fn gone(&self, policy: Option<&Policy>, verdict: Option<&super::report::Verdict>) -> Option<String> {
        if !self.head().is_gone {
            return None;
        }
        let is_deleted = !self.population.heads.iter().any(|head| head.name == self.name() && !head.is_gone);
        let RefProtection::Protected { rewrite, delete } = policy?.refs.protection(self.name()) else { return None };
        let is_permitted = if is_deleted { delete } else { rewrite };
        if is_permitted {
            return None;
        }
        let told = verdict.map_or("The gate's log saw it".to_owned(), |verdict| {
            format!("Line {} of the gate's log judged it", verdict.line)
        });
        let now = if is_deleted { "the ref is not here any more" } else { "the ref is not built on it any more" };
        Some(format!("{told}, and {now}."))
    }

    /// A sentence, if a step is dated before one below it.
    fn backdated(&self, found: &Found<'_>) -> Option<String> {
        let first = found.place + 1 - found.steps.len();
        let (place, (below, at)) =
            (first..=found.place).find_map(|place| Some((place, self.dates.dated_back(place)?)))?;
        let line = &self.places;
        Some(format!(
            "{} is dated {}, and stands on {}, of {}. When it landed is not known.",
            line[place].commit.short(),
            date(line[place].time),
            line[at].commit.short(),
            date(below)
        ))
    }

    /// Records because of which the gate let it land, but that are not here: named once for each move, and for
    /// everything that is not approved without them.
    fn lost(&self, input: &AuditInput<'_>, found: &Found<'_>, decision: Decision) -> Vec<String> {
        let Some(records) = self.verdicts.records(found.place) else { return Vec::new() };
        let line = |place: usize| self.verdicts.at(place).map(|verdict| verdict.line);
        let is_last = line(found.place) != line(found.place + 1);
        if !is_last && decision != Decision::Unapproved {
            return Vec::new();
        }
        let lost = records.iter().filter(|id| input.book.by_id(id).is_none());
        lost.map(|id| id.chars().take(12).collect()).collect()
    }
}

/// By index, the earliest date of a merge at or after it: by then, everything before it had landed.
fn merged_since(steps: &[Step]) -> Vec<i64> {
    let mut merged = vec![i64::MAX; steps.len() + 1];
    for (at, step) in steps.iter().enumerate().rev() {
        merged[at] = if !step.sides.is_empty() { merged[at + 1].min(step.time) } else { merged[at + 1] };
    }
    merged
}
