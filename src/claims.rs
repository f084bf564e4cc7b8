//! FLOOR 2: claims: who says to be reading which head, for a day. They are kept in git refs, one for each person, so
//! that a sync exchanges them.
//!
//! A claim is courtesy, and nothing rests on it: it is not signed, since a touch for each would be absurd, so whoever
//! can push can write one in any name. No gate reads it. It assigns nobody, and ends by itself.
//!
//! The ref `refs/undersign/claims/<person>` points to a blob: a first line, and one for each claim, with the head and
//! the time at which it ends, in seconds since the epoch. Anything else in it, and the whole blob counts as empty.

use std::collections::{BTreeMap, BTreeSet};

use git2::{ErrorCode, Oid};

use crate::change::ObjectId;
use crate::gate::ref_names::{CLAIMS as PREFIX, MAX_CLAIMS as MAX_BYTES};
use crate::ledger::REMOTES_PREFIX;
use crate::policy::Policy;
use crate::source::git::{Repository, object_id};

/// How long a claim lasts, in seconds.
pub const LASTS: i64 = 24 * 3_600;
/// By how much another machine's clock may be ahead.
const SKEW: i64 = 3_600;
/// The most claims of one person.
const MOST: usize = 32;
const FIRST_LINE: &str = "undersign-claims/v1";

/// Somebody says to be reading something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Id of a person of the roster, as the ref says.
    pub by: String,
    /// The head that is read: when the change moves on, the claim is over.
    pub head: ObjectId,
    /// When it ends, in seconds since the epoch.
    pub until: i64,
}

impl Claim {
    /// Whose it says it is. Nobody signed it, so it names nobody as one who did something.
    pub fn told(&self) -> String {
        format!("in the name of {}", self.by)
    }

    /// How much of it is left, in words: `20 h left`.
    pub fn left(&self, now: i64) -> String {
        match self.until.saturating_sub(now).max(0) {
            seconds @ 0..3_600 => format!("{} min left", seconds / 60 + 1),
            seconds => format!("{} h left", seconds / 3_600),
        }
    }
}

/// The claims of one person by head, and when each ends.
pub(crate) type Own = BTreeMap<ObjectId, i64>;

/// Reads what a ref says. What has ended is left out, as is what claims to last longer than a claim does.
pub(crate) fn parse(bytes: &[u8], now: i64) -> Own {
    let read = || -> Option<Own> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= MAX_BYTES)?;
        let lines = text.strip_prefix(FIRST_LINE)?.strip_prefix('\n')?;
        let line = |line: &str| -> Option<(ObjectId, i64)> {
            let (head, until) = line.strip_suffix('\n')?.split_once(' ')?;
            let is_number = !until.is_empty() && until.bytes().all(|b| b.is_ascii_digit());
            Some((head.parse().ok()?, until.parse().ok().filter(|_| is_number)?))
        };
        let own: Vec<_> = lines.split_inclusive('\n').map(line).collect::<Option<_>>()?;
        (own.len() <= MOST).then(|| own.into_iter().collect())
    };
    let mut own = read().unwrap_or_default();
    own.retain(|_, until| (now.saturating_add(1)..=now.saturating_add(LASTS + SKEW)).contains(until));
    own
}

fn write(own: &Own) -> Vec<u8> {
    let lines = own.iter().map(|(head, until)| format!("{head} {until}\n"));
    format!("{FIRST_LINE}\n{}", lines.collect::<String>()).into_bytes()
}

/// Joins what was written in two places since both were the same: what either added is there, and what either took away
/// is not.
pub(crate) fn merged(before: &Own, here: &Own, there: &Own) -> Own {
    let heads: BTreeSet<_> = here.keys().chain(there.keys()).copied().collect();
    let kept = |head: &ObjectId| {
        let (ours, theirs) = (here.get(head), there.get(head));
        // A head that both know, or that the one who lacks it never had.
        let is_kept = (ours.is_some() && theirs.is_some()) || !before.contains_key(head);
        Some((*head, *ours.max(theirs).filter(|_| is_kept)?))
    };
    let mut all: Vec<_> = heads.iter().filter_map(kept).collect();
    all.sort_by_key(|(_, until)| std::cmp::Reverse(*until));
    all.into_iter().take(MOST).collect()
}

/// The ref of a person's claims.
pub(crate) fn name_of(person: &str) -> String {
    format!("{PREFIX}{person}")
}

/// Where the claims that a remote was last seen to have are kept.
pub(crate) fn remote_name_of(remote: &str, person: &str) -> String {
    format!("{REMOTES_PREFIX}{remote}/claims/{person}")
}

/// What a ref says; none if there is no such ref.
pub(crate) fn at(repository: &Repository, name: &str, now: i64) -> Option<Own> {
    let oid = repository.raw.refname_to_id(name).ok()?;
    Some(in_blob(repository, oid, now))
}

fn in_blob(repository: &Repository, oid: Oid, now: i64) -> Own {
    // The size is known without reading it: somebody may have pushed anything there.
    let is_small = repository.bytes_of_blob(object_id(oid)).is_some_and(|size| size <= MAX_BYTES);
    let blob = is_small.then(|| repository.raw.find_blob(oid).ok()).flatten();
    blob.map(|blob| parse(blob.content(), now)).unwrap_or_default()
}

/// Writes a person's claims; without any, the ref goes.
pub(crate) fn set(repository: &Repository, name: &str, own: &Own) -> Result<Option<Oid>, String> {
    let failed = |error: git2::Error| format!("{name} cannot be written: {}.", error.message());
    if own.is_empty() {
        return match repository.raw.find_reference(name).and_then(|mut old| old.delete()) {
            Err(error) if error.code() != ErrorCode::NotFound => Err(failed(error)),
            _ => Ok(None),
        };
    }
    let blob = repository.raw.blob(&write(own)).map_err(failed)?;
    repository.raw.reference(name, blob, true, "undersign: claim").map_err(failed)?;
    Ok(Some(blob))
}

fn remotes(repository: &Repository) -> Vec<String> {
    let names = repository.raw.remotes();
    names.iter().flat_map(|names| names.iter()).flatten().flatten().map(str::to_owned).collect()
}

/// The claims of a person: those written here, or else what the remotes were last seen to have.
fn of_person(repository: &Repository, remotes: &[String], person: &str, now: i64) -> Own {
    if let Some(own) = at(repository, &name_of(person), now) {
        return own;
    }
    let there = remotes.iter().filter_map(|remote| at(repository, &remote_name_of(remote, person), now));
    there.flatten().collect()
}

/// All claims of people of the roster that have not ended: no other refs are read.
pub fn read(repository: &Repository, policy: &Policy, now: i64) -> Vec<Claim> {
    let remotes = remotes(repository);
    let of = |person: &str| {
        let own = of_person(repository, &remotes, person, now);
        own.into_iter().map(|(head, until)| Claim { by: person.to_owned(), head, until }).collect::<Vec<_>>()
    };
    policy.roster.people().flat_map(|person| of(&person.id)).collect()
}

/// Claims a head for a person, until the time that is returned, or gives it back.
///
/// # Errors
/// A sentence: there are too many, or the ref cannot be written.
pub fn claim(
    repository: &Repository,
    person: &str,
    head: ObjectId,
    is_taken: bool,
    now: i64,
) -> Result<Option<i64>, String> {
    let mut own = of_person(repository, &remotes(repository), person, now);
    own.remove(&head);
    if is_taken && own.len() >= MOST {
        return Err(format!("You have {MOST} claims, and nobody reads as many in a day. Give one back."));
    }
    let until = is_taken.then(|| now.saturating_add(LASTS));
    own.extend(until.map(|until| (head, until)));
    // An empty list stays until a sync has passed it on.
    if own.is_empty() {
        let failed = |error: git2::Error| format!("The claim cannot be given back: {}.", error.message());
        let blob = repository.raw.blob(&write(&own)).map_err(failed)?;
        repository.raw.reference(&name_of(person), blob, true, "undersign: claim").map_err(failed)?;
    } else {
        set(repository, &name_of(person), &own)?;
    }
    Ok(until)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_790_000_000;

    fn id(digit: char) -> ObjectId {
        digit.to_string().repeat(40).parse().unwrap()
    }

    #[test]
    fn only_what_is_written_as_it_should_be_and_lasts_no_longer_counts() {
        let (a, soon) = (id('a').to_string(), NOW + 60);
        let many = format!("{FIRST_LINE}\n{}", (0..33).map(|n| format!("{n:040x} {soon}\n")).collect::<String>());
        let table: &[(&str, usize)] = &[
            (&format!("{FIRST_LINE}\n{a} {soon}\n"), 1),
            (&format!("{FIRST_LINE}\n"), 0),
            ("", 0),
            (&format!("{FIRST_LINE}\n{a} {soon}"), 0),
            (&format!("{FIRST_LINE}\n{a}  {soon}\n"), 0),
            (&format!("{FIRST_LINE}\n{a} +{soon}\n"), 0),
            (&format!("{FIRST_LINE}\n{a} {soon}\n\n"), 0),
            (&format!("{FIRST_LINE}\r\n{a} {soon}\r\n"), 0),
            (&format!("undersign-claims/v2\n{a} {soon}\n"), 0),
            (&format!("{FIRST_LINE}\n{} {soon}\n", &a[1..]), 0),
            (&format!("{FIRST_LINE}\n{a} {NOW}\n"), 0),
            (&format!("{FIRST_LINE}\n{a} {}\n", NOW + LASTS + SKEW), 1),
            (&format!("{FIRST_LINE}\n{a} {}\n", NOW + LASTS + SKEW + 1), 0),
            (&format!("{FIRST_LINE}\n{a} 99999999999999999999999\n"), 0),
            (&many, 0),
        ];
        for (text, wanted) in table {
            assert_eq!(parse(text.as_bytes(), NOW).len(), *wanted, "{text}");
        }
        assert_eq!(parse(&[&format!("{FIRST_LINE}\n").into_bytes()[..], &[0xFF]].concat(), NOW).len(), 0);
    }

    #[test]
    fn what_two_machines_of_one_person_wrote_is_joined() {
        let of = |digits: &str| -> Own { digits.chars().map(|digit| (id(digit), NOW + 9)).collect() };
        let table =
            [("", "", "a", "a"), ("", "b", "a", "ab"), ("a", "", "a", ""), ("a", "ab", "", "b"), ("a", "a", "a", "a")];
        for (before, here, there, wanted) in table {
            assert_eq!(merged(&of(before), &of(here), &of(there)), of(wanted), "{before}, {here}, {there}");
        }
    }

    #[test]
    fn a_claim_is_given_back_and_is_over_after_a_day() {
        let dir = tempfile::tempdir().unwrap();
        git2::Repository::init(dir.path()).unwrap();
        let repository = Repository::open(dir.path()).unwrap();
        let policy = Policy::parse("policy.toml", include_str!("../assets/policy.toml")).unwrap();
        let held = |now| read(&repository, &policy, now).into_iter().map(|own| (own.by, own.head)).collect::<Vec<_>>();
        assert_eq!(claim(&repository, "dana", id('a'), true, NOW), Ok(Some(NOW + LASTS)));
        assert_eq!(claim(&repository, "mina", id('b'), true, NOW), Ok(Some(NOW + LASTS)));
        assert_eq!(held(NOW), [("dana".to_owned(), id('a')), ("mina".to_owned(), id('b'))]);
        assert_eq!(held(NOW + LASTS), []);
        assert_eq!(claim(&repository, "dana", id('a'), false, NOW), Ok(None));
        assert_eq!(held(NOW), [("mina".to_owned(), id('b'))]);
        let all = |n: u32| claim(&repository, "ines", format!("{n:040x}").parse().unwrap(), true, NOW);
        assert!((0..32).all(|n| all(n).is_ok_and(|until| until.is_some())));
        assert!(all(32).unwrap_err().contains("Give one back"));
        // Whoever is not of the roster is not read.
        claim(&repository, "omar", id('c'), true, NOW).unwrap();
        assert_eq!(held(NOW).len(), 33);
    }

    #[test]
    fn an_object_of_another_kind_or_size_is_no_claim() {
        let dir = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init(dir.path()).unwrap();
        let large = raw.blob(&vec![b'x'; MAX_BYTES + 1]).unwrap();
        let tree = raw.treebuilder(None).unwrap().write().unwrap();
        let repository = Repository::open(dir.path()).unwrap();
        assert_eq!([large, tree].map(|oid| in_blob(&repository, oid, NOW).len()), [0, 0]);
    }

    #[test]
    fn the_time_left_is_said() {
        let left = |until| Claim { by: String::new(), head: id('a'), until }.left(0);
        assert_eq!(
            [-1, 59, 3_599, 3_600, 72_000, 86_400].map(left),
            ["1 min left", "1 min left", "60 min left", "1 h left", "20 h left", "24 h left"]
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_nothing_panics(heads in prop::collection::btree_map(any::<[u8; 20]>(), 1i64..LASTS, 0..32), bytes: Vec<u8>) {
            let own: Own = heads.into_iter().map(|(head, left)| (ObjectId(head), NOW + left)).collect();
            prop_assert_eq!(parse(&write(&own), NOW), own);
            parse(&bytes, NOW);
            parse(&[FIRST_LINE.as_bytes(), b"\n", &bytes].concat(), i64::MAX);
        }
    }
}
