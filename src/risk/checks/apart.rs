//! Settings that went from one file and came into another with a different value: in a small file that was renamed, in
//! another format, in a file of their own, below another key. They are the same setting only if the change has just one
//! that went and one that came under the name, which is the whole path of one of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::change::diff::Side;
use crate::change::visible;
use crate::risk::facts::{Fact, Kind, ends_of};
use crate::risk::{FileUnderReview, Finding, Rules};

/// The most names of settings that are kept of each side; more are ignored.
const MAX_NAMES: usize = 60_000;

/// The settings of all files of a change that went and that came.
#[derive(Default)]
pub(super) struct Apart {
    gone: ByName,
    new: ByName,
    found: Vec<Pair>,
    /// Files of which one was compared with the other already: where it was, and where it is.
    known: BTreeSet<(String, String)>,
}

/// By the ends of its name: the file and the setting; none if there are several.
#[derive(Default)]
struct ByName(BTreeMap<String, Option<(String, Fact)>>);

/// What rules say of two settings, if no more of that name turn up.
struct Pair {
    name: String,
    files: (String, String),
    found: Vec<Finding>,
}

/// Two functions may have settings of one name. The path of a key in a configuration has that of its block already.
fn name(fact: &Fact) -> String {
    let is_path =
        fact.object.strip_prefix(&fact.scope).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    if fact.scope.is_empty() || is_path { fact.object.clone() } else { [fact.scope.as_str(), &fact.object].join("\0") }
}

/// The name, and its ends under which the setting may be elsewhere.
fn names(name: &str) -> impl Iterator<Item = &str> {
    std::iter::once(name).chain(ends_of(name).filter(move |end| end.len() < name.len()))
}

impl ByName {
    fn add(&mut self, path: &str, fact: &Fact) {
        let name = name(fact);
        for name in names(&name) {
            if self.0.len() < MAX_NAMES || self.0.contains_key(name) {
                let one = Some((path.to_owned(), fact.clone()));
                self.0.entry(name.to_owned()).and_modify(|held| *held = None).or_insert(one);
            }
        }
    }

    /// The only one of this name, in another file, with the name that both have: the whole name of one of them.
    fn other(&self, path: &str, fact: &Fact) -> Option<(String, &(String, Fact))> {
        let own = name(fact);
        let (end, held) = names(&own).find_map(|end| Some((end, self.0.get(end)?)))?;
        let is_other = |(other, one): &&(String, Fact)| {
            let is_whole = end.len() == own.len() || end.len() == name(one).len();
            other != path && is_whole && !one.says_the_same_as(fact)
        };
        Some((end.to_owned(), held.as_ref().filter(is_other)?))
    }
}

impl Apart {
    /// Adds a file, with the facts that went from it and that came into it.
    pub fn read<'f>(
        &mut self,
        file: &FileUnderReview<'_>,
        rules: &Rules,
        (went, came): (impl Iterator<Item = &'f Fact>, impl Iterator<Item = &'f Fact>),
    ) {
        let (path, is_one) = (file.path(), |fact: &&Fact| fact.kind == Kind::Setting);
        let about = rules.over_facts_at(&path);
        let (went, came): (Vec<&Fact>, Vec<&Fact>) = (went.filter(is_one).collect(), came.filter(is_one).collect());
        for new in &came {
            let Some((name, (from, old))) = self.gone.other(&path, new) else { continue };
            let found = about.iter().filter_map(|rule| rules.finding_apart(rule, (old, new), file, Side::New));
            let found = found.map(|finding| told(finding, &format!("it was in {}", visible::text(from))));
            let files = (from.clone(), path.clone());
            self.found.push(Pair { name, files, found: found.collect() });
        }
        for old in &went {
            let Some((name, (to, new))) = self.new.other(&path, old) else { continue };
            let found = about.iter().filter_map(|rule| rules.finding_apart(rule, (old, new), file, Side::Old));
            let found = found.map(|finding| told(finding, &format!("it is in {} now", visible::text(to))));
            let files = (path.clone(), to.clone());
            self.found.push(Pair { name, files, found: found.collect() });
        }
        went.into_iter().for_each(|fact| self.gone.add(&path, fact));
        came.into_iter().for_each(|fact| self.new.add(&path, fact));
    }

    /// Says that a file was compared with what it was at another path.
    pub fn knows(&mut self, from: String, to: String) {
        self.known.insert((from, to));
    }

    pub fn finish(self) -> Vec<Finding> {
        let Apart { gone, new, found, known } = self;
        let is_only = |side: &ByName, name: &str| side.0.get(name).is_some_and(Option::is_some);
        let counts =
            |pair: &Pair| is_only(&gone, &pair.name) && is_only(&new, &pair.name) && !known.contains(&pair.files);
        found.into_iter().filter(counts).flat_map(|pair| pair.found).collect()
    }
}

fn told(finding: Finding, whereabouts: &str) -> Finding {
    Finding { title: format!("{}; {whereabouts}", finding.title), ..finding }
}
