//! Applies the rules over facts to all files of a change: what one file lost and another gained was moved.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::change::RepoPath;
use crate::change::diff::Side;
use crate::change::digest::Digest;
use crate::risk::checks::address::{self, Address};
use crate::risk::checks::apart::Apart;
use crate::risk::checks::context;
use crate::risk::checks::successor;
use crate::risk::facts::{Bases, Delta, Fact, Heirs, Kind};
use crate::risk::finding::as_one;
use crate::risk::rules::FactRule;
use crate::risk::{FileUnderReview, Finding, Rules, Severity, is_code};

/// What each file lost and gained, and the candidate findings.
#[derive(Default)]
pub(super) struct Stated {
    /// The scopes in which each was added.
    came: BTreeMap<Moved, Vec<String>>,
    /// The same by the words of each, in whatever order and spelling.
    came_alike: BTreeMap<Moved, Vec<String>>,
    /// The words of each command that was added.
    commands: Vec<BTreeSet<String>>,
    /// The files in which each setting was added, by its last name and its value.
    came_in: BTreeMap<Moved, Vec<String>>,
    /// The scopes from which each was removed.
    went: BTreeMap<Moved, Vec<String>>,
    said: Vec<Said>,
    /// Those of texts that moved to where they mean something else; the halves count what came and went.
    across: Vec<Said>,
    apart: Apart,
    /// The names in the checks that an application applies to all of its routes since.
    of_all_routes: BTreeSet<String>,
    /// The resources that Terraform knows by an address of a module since, each with its folder.
    in_modules: BTreeSet<Address>,
}

/// The lines of a call about which a rule says something, and its text.
type ToldCall = (RangeInclusive<u32>, String);

/// Findings that do not count if what they are about was moved.
struct Said {
    moved: Moved,
    alike: Moved,
    /// The words of a command.
    words: BTreeSet<String>,
    scope: String,
    /// None of what was added: it is not missed anywhere.
    heirs: Option<Heirs>,
    /// The bases of the type that stated it.
    bases: Bases,
    /// The names in it, if it is a declaration that guards a route.
    guards: BTreeSet<String>,
    /// The resource of Terraform that stated it, and those that this one refers to.
    resources: Vec<Address>,
    /// What the block that lost a setting includes since: its files, and the setting by its last name and its value.
    included: Option<(Vec<String>, Moved)>,
    /// What contains it, if it is one of several parts: the line on which that begins, and its name.
    whole: Option<(u32, String)>,
    found: Vec<Finding>,
}

/// How many places are tried for one fact: a file may state the same in twenty thousand functions.
const MAX_TRIED: usize = 1_000;

/// How many calls of a scope are compared for which is inside which.
const MAX_NESTED: usize = 64;

/// Kind, object and text of a fact, in 16 bytes: the same in every place.
type Moved = [u8; 16];

impl Stated {
    /// Adds a file, each once; returns the findings that are already certain.
    pub fn read(&mut self, file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
        let Weighed { certain, came, went } = Weighed::of(file, rules);
        let included = included(&came);
        self.apart.read(file, rules, (went.iter().map(|(gone, _)| &gone.fact), came.iter().map(|(fact, _)| fact)));
        self.of_all_routes.extend(successor::of_all_routes(came.iter().map(|(fact, _)| fact)));
        self.in_modules.extend(address::in_modules(&file.path(), came.iter().map(|(fact, _)| fact)));
        let resources = address::Resources::of(&file.path(), went.iter().map(|(gone, _)| &gone.fact));
        for (fact, found) in came {
            self.came.entry(moved(&fact)).or_default().push(fact.scope.clone());
            self.came_alike.entry(alike(&fact)).or_default().push(fact.scope.clone());
            if fact.kind == Kind::Command && self.commands.len() < MAX_TRIED {
                self.commands.push(words(&fact.text).into_iter().collect());
            }
            if fact.kind == Kind::Setting {
                self.came_in.entry(named(&fact)).or_default().push(file.path());
            }
            self.said.extend(Said::of(&fact, None, found));
        }
        for (Gone { fact, heirs, bases }, found) in went {
            self.went.entry(moved(&fact)).or_default().push(fact.scope.clone());
            let ends = || fact.object.match_indices('.').map(|(at, _)| &fact.object[..at]).chain([""]);
            let files = ends().filter_map(|outer| included.get(outer)).flatten().cloned().collect::<Vec<_>>();
            let included = (fact.kind == Kind::Setting && !files.is_empty()).then(|| (files, named(&fact)));
            let said = Said::of(&fact, Some(heirs), found);
            let (guards, resources) = (successor::guards(&fact), resources.of_fact(&fact));
            self.said.extend(said.map(|said| Said { included, bases, guards, resources, ..said }));
        }
        certain
    }

    /// Adds what a text says differently at another path; returns the findings that are already certain.
    pub fn read_across(&mut self, file: &FileUnderReview<'_>, from: &RepoPath, rules: &Rules) -> Vec<Finding> {
        let Weighed { certain, came, went } = Weighed::of(file, rules);
        self.apart.knows(from.lossy().into_owned(), file.path());
        let came = came.into_iter().filter_map(|(fact, found)| Said::of(&fact, None, found));
        let went = went.into_iter().filter_map(|(gone, found)| Said::of(&gone.fact, Some(gone.heirs), found));
        for said in came.chain(went) {
            let found = said.found.into_iter().map(|finding| finding.of_old_path(from)).collect();
            self.across.push(Said { found, ..said });
        }
        certain
    }

    /// The remaining findings: each occurrence on the other side means that one was moved.
    pub fn finish(self) -> Vec<Finding> {
        let Stated {
            mut came,
            came_alike,
            commands,
            came_in,
            mut went,
            said,
            across,
            apart,
            of_all_routes,
            in_modules,
        } = self;
        let less = |said: Said| said.less_if_above(&came, &of_all_routes).less_if_in_module(&in_modules);
        let said: Vec<Said> = said.into_iter().map(less).collect();
        // Before the halves take what they find.
        let is_elsewhere = |said: &Said| {
            let Some(places) = (if said.heirs.is_none() { &went } else { &came }).get(&said.moved) else {
                return false;
            };
            places.iter().take(MAX_TRIED).any(|place| said.may_be_in(place))
        };
        let across: Vec<Said> = across.into_iter().filter(|said| !is_elsewhere(said)).collect();
        let mut is_moved = |said: &Said| {
            let others = if said.heirs.is_none() { &mut went } else { &mut came };
            let Some(places) = others.get_mut(&said.moved) else { return false };
            let at = places.iter().take(MAX_TRIED).position(|place| said.may_be_in(place));
            at.map(|at| places.swap_remove(at)).is_some()
        };
        let is_included = |said: &Said| {
            let Some((files, setting)) = &said.included else { return false };
            let places = came_in.get(setting).map_or([].as_slice(), Vec::as_slice);
            places.iter().take(MAX_TRIED).any(|path| files.iter().any(|file| ends_with_path(path, file)))
        };
        let said = said.into_iter().filter(|said| !is_included(said)).filter(|said| !is_moved(said)).chain(across);
        let said = said.map(|said| said.less_if_elsewhere(&came_alike, &commands));
        of_wholes(said).into_iter().chain(apart.finish()).collect()
    }
}

impl Said {
    /// Nothing if there are no findings.
    fn of(fact: &Fact, heirs: Option<Heirs>, found: Vec<Finding>) -> Option<Said> {
        let (scope, bases, guards) = (fact.scope.clone(), Bases::default(), BTreeSet::new());
        let (included, resources) = (None, Vec::new());
        let whole = whole_of(fact);
        let words = if fact.kind == Kind::Command { words(&fact.text).into_iter().collect() } else { BTreeSet::new() };
        let (alike, moved) = (alike(fact), moved(fact));
        let said = || Said {
            moved,
            alike,
            words,
            scope,
            heirs,
            bases,
            guards,
            resources,
            included,
            whole: whole.clone(),
            found: Vec::new(),
        };
        (!found.is_empty()).then(|| Said { found, ..said() })
    }

    /// With findings that are low if the resource belongs to a module since, or what it refers to does: the module says
    /// what becomes of it.
    fn less_if_in_module(self, in_modules: &BTreeSet<Address>) -> Said {
        if !self.resources.iter().any(|address| in_modules.contains(address)) {
            return self;
        }
        let found = self.found.into_iter().map(|finding| lessened(finding, "it is in a module now"));
        Said { found: found.collect(), ..self }
    }

    /// With findings that are low if a base of the type states the same since, or a guard of all routes does.
    fn less_if_above(self, came: &BTreeMap<Moved, Vec<String>>, of_all_routes: &BTreeSet<String>) -> Said {
        let places = came.get(&self.moved).filter(|_| !self.bases.is_empty()).map_or([].as_slice(), Vec::as_slice);
        let is_base = |place: &&String| self.bases.contains(place.rsplit('.').next().unwrap_or(place));
        let how = if places.iter().take(MAX_TRIED).any(|place| is_base(&place)) {
            "its base states it now"
        } else if !self.guards.is_empty() && self.guards.is_subset(of_all_routes) {
            "all routes have it now"
        } else {
            return self;
        };
        let found = self.found.into_iter().map(|finding| lessened(finding, how)).collect();
        Said { found, ..self }
    }

    /// With findings that are low if the change states the same elsewhere, in another order or with more to it.
    fn less_if_elsewhere(self, came: &BTreeMap<Moved, Vec<String>>, commands: &[BTreeSet<String>]) -> Said {
        let places = came.get(&self.alike).map_or([].as_slice(), Vec::as_slice);
        let is_run = || self.words.len() > 1 && commands.iter().any(|own| self.words.is_subset(own));
        if self.heirs.is_none() || !(places.iter().take(MAX_TRIED).any(|place| self.may_be_in(place)) || is_run()) {
            return self;
        }
        let found = self.found.into_iter().map(|finding| lessened(finding, "the same is said elsewhere in the change"));
        Said { found: found.collect(), ..self }
    }

    /// Whether the fact may have moved to, or from, this scope.
    fn may_be_in(&self, place: &str) -> bool {
        self.heirs.as_ref().is_none_or(|heirs| heirs.include(&self.scope, place))
    }
}

/// What rules say about the facts of a file.
#[derive(Default)]
struct Weighed {
    /// Of facts that have another value.
    certain: Vec<Finding>,
    came: Vec<(Fact, Vec<Finding>)>,
    went: Vec<(Gone, Vec<Finding>)>,
}

/// A fact that is gone, and where it may be now.
struct Gone {
    fact: Fact,
    heirs: Heirs,
    bases: Bases,
}

impl Weighed {
    fn of(file: &FileUnderReview<'_>, rules: &Rules) -> Weighed {
        let about = rules.over_facts_at(&file.path());
        let (mut weighed, deltas) = (Weighed::default(), file.deltas());
        let atomics = successor::atomics(file.added());
        let mut successors = Successors { is_code: is_code(&file.path()), atomics, ..Successors::default() };
        let anew = Anew::of(deltas, file);
        let mut alone = BTreeSet::new();
        for delta in deltas {
            if alone.contains(delta.fact().object.as_str()) {
                continue;
            }
            let firing = about.iter().filter_map(|rule| Some((*rule, rules.finding_of(rule, delta, file)?)));
            let is_old = |rule: &FactRule| anew.holds(delta.fact()) || was_so(rule, delta.fact(), deltas);
            let firing = firing.filter(|(rule, _)| !(rule.is_only_into() && is_old(rule)));
            let firing = firing.filter(|(rule, _)| !(rule.is_of_network() && context::is_outward(delta, file)));
            let firing = firing.map(|(rule, finding)| (rule, anew.weigh(rule, finding, delta)));
            let firing = firing.map(|(rule, finding)| (rule, context::weigh(rule, finding, delta, file, deltas)));
            let firing = told_once(firing.collect()).into_iter();
            match delta {
                Delta::Changed { old, new } => {
                    let is_of_router = firing.len() > 0 && successor::is_used_by_router(old, new, deltas);
                    if firing.len() > 0 {
                        alone.insert(format!("{}.#1", new.object));
                    }
                    let less = |(rule, finding)| match is_of_router {
                        true => lessened_of(rule, finding, "its router uses it now"),
                        false => finding,
                    };
                    weighed.certain.extend(firing.map(less));
                }
                Delta::Came(fact) => {
                    let is_made_again = successor::is_made_again(fact, deltas);
                    let found = firing.map(|(_, finding)| finding).filter(|_| !is_made_again);
                    weighed.came.push((fact.clone(), found.collect()));
                }
                Delta::Went { fact, heirs, bases, .. } => {
                    let weigh = |(rule, finding)| successors.weigh(rule, (fact, heirs), finding, deltas);
                    let gone = Gone { fact: fact.clone(), heirs: heirs.clone(), bases: bases.clone() };
                    weighed.went.push((gone, firing.map(weigh).collect()));
                }
            }
        }
        weighed.tell_innermost_only();
        weighed.tell_wholes_only();
        weighed.tell_blocks_only();
        weighed
    }

    /// What a rule says about a call, it does not say about the calls around it as well, whose text contains that one.
    fn tell_innermost_only(&mut self) {
        // By rule and scope.
        let mut told: BTreeMap<(String, String), Vec<ToldCall>> = BTreeMap::new();
        let calls = self.came.iter().filter(|(fact, _)| fact.kind == Kind::Call);
        for (fact, finding) in calls.flat_map(|(fact, found)| found.iter().map(move |finding| (fact, finding))) {
            let calls = told.entry((finding.rule.clone(), fact.scope.clone())).or_default();
            if calls.len() < MAX_NESTED {
                calls.push((fact.lines.clone(), fact.text.clone()));
            }
        }
        for (fact, found) in self.came.iter_mut().filter(|(fact, found)| fact.kind == Kind::Call && !found.is_empty()) {
            let is_inside = |(lines, text): &ToldCall| {
                text.len() < fact.text.len()
                    && fact.lines.contains(lines.start())
                    && fact.lines.contains(lines.end())
                    && fact.text.contains(text.as_str())
            };
            found.retain(|finding| {
                let calls = told.get(&(finding.rule.clone(), fact.scope.clone()));
                !calls.is_some_and(|calls| calls.iter().any(is_inside))
            });
        }
    }

    /// What a rule says about a block that came, it does not say about what is in it as well.
    fn tell_blocks_only(&mut self) {
        let blocks: BTreeSet<(String, String)> = self
            .came
            .iter()
            .filter(|(fact, _)| fact.kind == Kind::Block)
            .flat_map(|(fact, found)| found.iter().map(|finding| (finding.rule.clone(), fact.object.clone())))
            .collect();
        for (fact, found) in
            self.came.iter_mut().filter(|(fact, found)| fact.kind == Kind::Setting && !found.is_empty())
        {
            let ends = || fact.object.match_indices(['.', '[']).map(|(at, _)| &fact.object[..at]);
            found.retain(|finding| !ends().any(|outer| blocks.contains(&(finding.rule.clone(), outer.to_owned()))));
        }
    }

    /// What a rule says about a whole that is gone, it does not say about its parts as well.
    fn tell_wholes_only(&mut self) {
        let is_loud = |finding: &Finding| finding.severity > Severity::Low;
        let of_blocks = self.went.iter().filter(|(gone, _)| gone.fact.kind == Kind::Block);
        let wholes: BTreeSet<(String, String)> = of_blocks
            .flat_map(|(Gone { fact, .. }, found)| {
                let rules = found.iter().filter(|finding| is_loud(finding)).map(|finding| finding.rule.clone());
                rules.map(|rule| (rule, fact.object.clone()))
            })
            .collect();
        for (Gone { fact, .. }, found) in
            self.went.iter_mut().filter(|(_, found)| !found.is_empty() && !wholes.is_empty())
        {
            let ends = || fact.object.match_indices(['.', '[']).map(|(at, _)| &fact.object[..at]);
            found.retain(|finding| !ends().any(|outer| wholes.contains(&(finding.rule.clone(), outer.to_owned()))));
        }
    }
}

/// Whether the same place said so before in other words: `@Ignore` became `@Disabled`.
fn was_so(rule: &FactRule, fact: &Fact, deltas: &[Delta]) -> bool {
    let is_one = |old: &Fact| old.kind == fact.kind && old.scope == fact.scope && rule.looks_for(old);
    let mut went = deltas.iter().filter_map(|delta| match delta {
        Delta::Went { fact, .. } => Some(fact),
        _ => None,
    });
    fact.kind == Kind::Decorator && went.any(is_one)
}

/// Without the findings of rules that yield to others about the same fact; of several that would, the gravest is left,
/// and of those the first by name: the order of the rules tells nothing.
fn told_once(mut firing: Vec<(&FactRule, Finding)>) -> Vec<(&FactRule, Finding)> {
    let of_others = firing.iter().filter(|(rule, _)| !rule.yields).map(|(_, finding)| finding.severity).max();
    let yielding = firing.iter().filter(|(rule, _)| rule.yields);
    let first = yielding.min_by_key(|(rule, own)| (Reverse(own.severity), &rule.wording.id, &own.title));
    let stays = first.map(|(rule, own)| (std::ptr::from_ref(*rule), own.severity));
    let stays = stays.filter(|(_, severity)| of_others < Some(*severity)).map(|(rule, _)| rule);
    firing.retain(|(rule, _)| !rule.yields || Some(std::ptr::from_ref(*rule)) == stays);
    firing
}

/// What contains a fact that is one of several parts of it: the fields of a message, the items of a list, the clauses
/// of a statement.
fn whole_of(fact: &Fact) -> Option<(u32, String)> {
    let is_part = match fact.kind {
        Kind::Setting | Kind::Block | Kind::Definition => !fact.parent().is_empty(),
        Kind::Sql => true,
        _ => false,
    };
    (is_part && fact.opens > 0).then(|| (fact.opens, fact.parent().to_owned()))
}

/// The findings, those of one rule about parts of the same whole as one.
fn of_wholes(said: impl Iterator<Item = Said>) -> Vec<Finding> {
    let (mut at, mut parts): (BTreeMap<_, usize>, Vec<Vec<Finding>>) = Default::default();
    for Said { whole, found, heirs, .. } in said {
        for finding in found {
            let of = whole.clone().filter(|_| finding.places.is_empty() && !finding.rule.starts_with("secret."));
            let path = finding.location.path.clone();
            let key =
                of.map(|of| (finding.rule.clone(), finding.severity, finding.why.clone(), path, heirs.is_some(), of));
            let known = key.map_or(parts.len(), |key| *at.entry(key).or_insert(parts.len()));
            match parts.get_mut(known) {
                Some(part) => part.push(finding),
                None => parts.push(vec![finding]),
            }
        }
    }
    parts.into_iter().flat_map(as_one).collect()
}

/// The files that each block takes in since, by the object of the block.
fn included(came: &[(Fact, Vec<Finding>)]) -> BTreeMap<String, Vec<String>> {
    let is_one = |fact: &&Fact| {
        let name = fact.name().trim_end_matches("[]");
        fact.kind == Kind::Setting && matches!(name, "include" | "Include" | "import" | "extends" | "source")
    };
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for fact in came.iter().map(|(fact, _)| fact).filter(is_one) {
        files.entry(fact.parent().to_owned()).or_default().push(fact.value.say());
    }
    files
}

/// Whether a path is the file that another one names, from whatever folder.
fn ends_with_path(path: &str, file: &str) -> bool {
    let file = file.trim_start_matches("./").trim_start_matches('/');
    path.strip_suffix(file).is_some_and(|folder| !file.is_empty() && (folder.is_empty() || folder.ends_with('/')))
}

/// Facts that were added to a file and may replace removed ones: a lock of another kind, a check in a function that is
/// called now. One added in the scope of removed ones replaces all of them, one added elsewhere replaces one, if that
/// can be where it went.
#[derive(Default)]
struct Successors {
    /// By rule: the scopes in which facts were added.
    scopes: BTreeMap<String, BTreeSet<String>>,
    /// By rule: how many were added, without those already used as a replacement elsewhere.
    left: BTreeMap<String, usize>,
    /// Of a program, where a name is chosen freely; a key of a configuration is not.
    is_code: bool,
    /// Names of variables that are atomic since.
    atomics: BTreeSet<String>,
}

impl Successors {
    /// A finding of a removed fact: low if something replaces it.
    fn weigh(
        &mut self,
        rule: &FactRule,
        (fact, heirs): (&Fact, &Heirs),
        finding: Finding,
        deltas: &[Delta],
    ) -> Finding {
        let atomics = &self.atomics;
        let is_successor = |new: &Fact| match successor::as_atomic(new, atomics) {
            Some(atomic) => rule.is_succeeded_by(&atomic),
            None => rule.is_succeeded_by(new),
        };
        let came = || {
            deltas.iter().filter_map(|delta| match delta {
                Delta::Came(new) if is_successor(new) && !successor::is_weaker(fact, new) => Some(new),
                _ => None,
            })
        };
        if let Some(how) = successor::of(fact, deltas, self.is_code) {
            return lessened_of(rule, finding, how);
        }
        // What is too weak for one fact may be enough for another.
        let key = format!("{} {}", rule.wording.id, successor::strength(fact));
        let scopes = self.scopes.entry(key.clone());
        let scopes = scopes.or_insert_with(|| came().map(|fact| fact.scope.clone()).collect());
        let left = self.left.entry(key).or_insert_with(|| came().count());
        let is_elsewhere = *left > 0 && scopes.iter().take(MAX_TRIED).any(|scope| heirs.include(&fact.scope, scope));
        let is_replaced = is_elsewhere || scopes.contains(&fact.scope);
        *left = left.saturating_sub(usize::from(is_replaced));
        if !is_replaced {
            return finding;
        }
        lessened_of(rule, finding, "a similar one was added")
    }
}

/// A finding that counts for little, and why.
fn lessened(finding: Finding, why: &str) -> Finding {
    let title = format!("{}; {why}", finding.title);
    Finding { severity: finding.severity.min(Severity::Low), title, ..finding }
}

/// A finding of a rule that counts for little, and why; if the rule is low itself, it needs no answer.
fn lessened_of(rule: &FactRule, finding: Finding, why: &str) -> Finding {
    let is_low = rule.wording.severity <= Severity::Low;
    let most = if is_low { Severity::Note } else { Severity::Low };
    let finding = lessened(finding, why);
    Finding { severity: finding.severity.min(most), ..finding }
}

/// What a change adds to a file.
struct Anew<'d> {
    /// The added lines with their numbers.
    lines: &'d [(u32, String)],
    /// There was no text before.
    is_all: bool,
    /// Added functions, tests, resources and conditions.
    whole: Vec<&'d Fact>,
    /// Names and words on added lines, with the first and the last line of each.
    words: BTreeMap<String, (u32, u32)>,
}

impl<'d> Anew<'d> {
    fn of(deltas: &'d [Delta], file: &'d FileUnderReview<'_>) -> Anew<'d> {
        let is_whole = |fact: &&Fact| matches!(fact.kind, Kind::Test | Kind::Definition | Kind::Block | Kind::Guard);
        let came = deltas.iter().filter_map(|delta| match delta {
            Delta::Came(fact) => Some(fact),
            _ => None,
        });
        let is_needed = deltas.iter().any(|delta| !matches!(delta, Delta::Came(_)));
        // What only has another layout was there before.
        let is_new = |(number, _): &&(u32, String)| file.news(Side::New).has_words(*number);
        let lines = file.added().iter().filter(|_| is_needed).filter(is_new);
        let is_all = file.old_text().is_empty();
        let mut said: BTreeMap<String, (u32, u32)> = BTreeMap::new();
        for (number, line) in lines {
            for word in words(line) {
                said.entry(word).or_insert((*number, *number)).1 = *number;
            }
        }
        Anew { lines: file.added(), is_all, whole: came.filter(is_whole).collect(), words: said }
    }

    /// Whether a fact is in something that was added with it.
    fn holds(&self, fact: &Fact) -> bool {
        self.is_all
            || self.whole.iter().any(|whole| match whole.kind {
                Kind::Guard => whole.lines.start() <= fact.lines.start() && fact.lines.end() <= whole.lines.end(),
                Kind::Block => fact.object.strip_prefix(&whole.object).is_some_and(|rest| rest.starts_with(['.', '['])),
                _ => whole.object == fact.scope,
            })
    }

    /// A finding of a removed fact: low if the file states everything that it is about again. A rewritten condition
    /// still has its names, and a prefix that routes no longer have may be stated once for all of them.
    fn weigh(&self, rule: &FactRule, finding: Finding, delta: &Delta) -> Finding {
        let about = match delta {
            Delta::Went { fact, .. } if fact.kind == Kind::Guard => telling(&fact.object),
            Delta::Went { fact, .. } if rule.is_restated => {
                rule.said_in(&fact.text).map(|said| words(&said)).unwrap_or_default()
            }
            Delta::Changed { old, .. } => rule.lost_from(&old.text).map(|lost| words(&lost)).unwrap_or_default(),
            _ => return finding,
        };
        // What is still said where something was lost tells nothing about elsewhere.
        let own = match delta {
            Delta::Changed { new, .. } => Some(&new.lines),
            _ => None,
        };
        let is_outside = |line: u32| own.is_none_or(|own| !own.contains(&line));
        let is_elsewhere =
            |word: &String| self.words.get(word).is_some_and(|(first, last)| is_outside(*first) || is_outside(*last));
        if about.is_empty() || !about.iter().all(is_elsewhere) {
            return finding;
        }
        // One name alone may be there for another reason: what is lost must be said as a whole.
        if let (Delta::Changed { .. }, [_]) = (delta, about.as_slice()) {
            let outside = self.lines.iter().filter(|(line, _)| is_outside(*line)).map(|(_, text)| text.trim());
            if rule.lost_from(&outside.collect::<Vec<_>>().join(" ")).is_none() {
                return finding;
            }
        }
        lessened_of(rule, finding, "its names are elsewhere in the file now")
    }
}

/// Names, numbers and words of a text.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The words by which a condition is recognised: names of fields, functions and constants, and literals. Variables may
/// have other names elsewhere; they count only if there is nothing else.
fn telling(condition: &str) -> Vec<String> {
    let is_known =
        |word: &&str| !matches!(*word, "not" | "and" | "or" | "is" | "in" | "if" | "unless" | "None" | "nil");
    let all: Vec<&str> =
        condition.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty()).collect();
    let begin = |word: &str| word.as_ptr() as usize - condition.as_ptr() as usize;
    let is_part = |word: &&&str| {
        let at = begin(word);
        condition[..at].ends_with(['.', '>', '"', '\'', '?'])
            || condition[at + word.len()..].starts_with('(')
            || word.contains(|c: char| c.is_uppercase())
            || word.len() > 1 && word.starts_with(|c: char| c.is_ascii_digit())
    };
    let parts: Vec<String> =
        all.iter().filter(is_part).filter(|word| is_known(word)).map(|word| (*word).to_owned()).collect();
    if parts.is_empty() { all.into_iter().filter(is_known).map(str::to_owned).collect() } else { parts }
}

fn moved(fact: &Fact) -> Moved {
    key_of(&format!("{:?}\0{}\0{}", fact.kind, fact.object, fact.text))
}

/// Kind, object and words of a fact, in whatever order.
fn alike(fact: &Fact) -> Moved {
    let words: BTreeSet<String> = words(&fact.text).into_iter().collect();
    let words = words.into_iter().collect::<Vec<_>>().join(" ");
    key_of(&format!("{:?}\0{}\0{words}", fact.kind, fact.object))
}

/// A setting by its last name and its value, whatever contains it.
fn named(fact: &Fact) -> Moved {
    key_of(&format!("{}\0{}", fact.name(), fact.value.say()))
}

fn key_of(text: &str) -> Moved {
    let mut key = [0; 16];
    key.copy_from_slice(&Digest::of(text.as_bytes()).0[..16]);
    key
}
