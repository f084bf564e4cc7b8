//! Applies the rules over facts to all files of a change: what one file lost and another gained was moved.

use std::collections::{BTreeMap, BTreeSet};

use crate::change::RepoPath;
use crate::change::digest::Digest;
use crate::risk::checks::successor;
use crate::risk::facts::{Delta, Fact, Heirs, Kind};
use crate::risk::rules::FactRule;
use crate::risk::{FileUnderReview, Finding, Rules, Severity, is_code};

/// What each file lost and gained, and the candidate findings.
#[derive(Default)]
pub(super) struct Stated {
    /// The scopes in which each was added.
    came: BTreeMap<Moved, Vec<String>>,
    /// The scopes from which each was removed.
    went: BTreeMap<Moved, Vec<String>>,
    said: Vec<Said>,
    /// Those of texts that moved to where they mean something else; the halves count what came and went.
    across: Vec<Said>,
}

/// Findings that do not count if what they are about was moved.
struct Said {
    moved: Moved,
    scope: String,
    /// None of what was added: it is not missed anywhere.
    heirs: Option<Heirs>,
    found: Vec<Finding>,
}

/// How many places are tried for one fact: a file may state the same in twenty thousand functions.
const MAX_TRIED: usize = 1_000;

/// Kind, object and text of a fact, in 16 bytes: the same in every place.
type Moved = [u8; 16];

impl Stated {
    /// Adds a file, each once; returns the findings that are already certain.
    pub fn read(&mut self, file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
        let Weighed { certain, came, went } = Weighed::of(file, rules);
        for (fact, found) in came {
            self.came.entry(moved(&fact)).or_default().push(fact.scope.clone());
            self.said.extend(Said::of(&fact, None, found));
        }
        for ((fact, heirs), found) in went {
            self.went.entry(moved(&fact)).or_default().push(fact.scope.clone());
            self.said.extend(Said::of(&fact, Some(heirs), found));
        }
        certain
    }

    /// Adds what a text says differently at another path; returns the findings that are already certain.
    pub fn read_across(&mut self, file: &FileUnderReview<'_>, from: &RepoPath, rules: &Rules) -> Vec<Finding> {
        let Weighed { certain, came, went } = Weighed::of(file, rules);
        let came = came.into_iter().filter_map(|(fact, found)| Said::of(&fact, None, found));
        let went = went.into_iter().filter_map(|((fact, heirs), found)| Said::of(&fact, Some(heirs), found));
        for said in came.chain(went) {
            let found = said.found.into_iter().map(|finding| finding.of_old_path(from)).collect();
            self.across.push(Said { found, ..said });
        }
        certain
    }

    /// The remaining findings: each occurrence on the other side means that one was moved.
    pub fn finish(self) -> Vec<Finding> {
        let Stated { mut came, mut went, said, across } = self;
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
        let said = said.into_iter().filter(|said| !is_moved(said)).chain(across);
        said.flat_map(|said| said.found).collect()
    }
}

impl Said {
    /// Nothing if there are no findings.
    fn of(fact: &Fact, heirs: Option<Heirs>, found: Vec<Finding>) -> Option<Said> {
        (!found.is_empty()).then(|| Said { moved: moved(fact), scope: fact.scope.clone(), heirs, found })
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
    went: Vec<((Fact, Heirs), Vec<Finding>)>,
}

impl Weighed {
    fn of(file: &FileUnderReview<'_>, rules: &Rules) -> Weighed {
        let about = rules.over_facts_at(&file.path());
        let (mut weighed, deltas) = (Weighed::default(), file.deltas());
        let mut successors = Successors { is_code: is_code(&file.path()), ..Successors::default() };
        let anew = Anew::of(&deltas, file);
        for delta in &deltas {
            let firing = about.iter().filter_map(|rule| Some((*rule, rules.finding_of(rule, delta, file)?)));
            let firing = firing.filter(|(rule, _)| !(rule.is_only_into() && anew.holds(delta.fact())));
            let firing = firing.map(|(rule, finding)| (rule, anew.weigh(rule, finding, delta)));
            match delta {
                Delta::Changed { .. } => weighed.certain.extend(firing.map(|(_, finding)| finding)),
                Delta::Came(fact) => {
                    weighed.came.push((fact.clone(), firing.map(|(_, finding)| finding).collect()));
                }
                Delta::Went { fact, heirs, .. } => {
                    let weigh = |(rule, finding)| successors.weigh(rule, (fact, heirs), finding, &deltas);
                    weighed.went.push(((fact.clone(), heirs.clone()), firing.map(weigh).collect()));
                }
            }
        }
        weighed
    }
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
        let came = || {
            deltas.iter().filter_map(|delta| match delta {
                Delta::Came(new) if rule.is_succeeded_by(new) && !successor::is_weaker(fact, new) => Some(new),
                _ => None,
            })
        };
        if let Some(how) = successor::of(fact, deltas, self.is_code) {
            let title = format!("{}; {how}", finding.title);
            return Finding { severity: finding.severity.min(Severity::Low), title, ..finding };
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
        let title = format!("{}; a similar one was added", finding.title);
        Finding { severity: finding.severity.min(Severity::Low), title, ..finding }
    }
}

/// What a change adds to a file.
struct Anew<'d> {
    /// There was no text before.
    is_all: bool,
    /// Added functions, tests, resources and conditions.
    whole: Vec<&'d Fact>,
    /// Names and words on added lines, with the first and the last line of each.
    words: BTreeMap<String, (u32, u32)>,
}

impl<'d> Anew<'d> {
    fn of(deltas: &'d [Delta], file: &FileUnderReview<'_>) -> Anew<'d> {
        let is_whole = |fact: &&Fact| matches!(fact.kind, Kind::Test | Kind::Definition | Kind::Block | Kind::Guard);
        let came = deltas.iter().filter_map(|delta| match delta {
            Delta::Came(fact) => Some(fact),
            _ => None,
        });
        let is_needed = deltas.iter().any(|delta| !matches!(delta, Delta::Came(_)));
        let lines = file.added().iter().filter(|_| is_needed);
        let is_all = file.old_text().is_empty();
        let mut said: BTreeMap<String, (u32, u32)> = BTreeMap::new();
        for (number, line) in lines {
            for word in words(line) {
                said.entry(word).or_insert((*number, *number)).1 = *number;
            }
        }
        Anew { is_all, whole: came.filter(is_whole).collect(), words: said }
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
        let title = format!("{}; its names are elsewhere in the file now", finding.title);
        Finding { severity: finding.severity.min(Severity::Low), title, ..finding }
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
    let text = format!("{:?}\0{}\0{}", fact.kind, fact.object, fact.text);
    let mut key = [0; 16];
    key.copy_from_slice(&Digest::of(text.as_bytes()).0[..16]);
    key
}
