//! A decision that counts, and the people behind several of them.

use std::collections::{BTreeMap, BTreeSet};

use super::Receipts;
use super::record_status::{RecordStatus, Validity, is_ahead, record_statuses};
use crate::change::{Identity, visible};
use crate::decision::Verdict;
use crate::policy::{Person, Policy, Signer};
use crate::record::statement::Predicate;
use crate::record::{Chain, Presence, Record};

/// A decision with the person whose key signed it.
#[derive(Clone, Copy)]
pub(super) struct CountedDecision<'g> {
    pub person: &'g Person,
    pub record: &'g Record,
    /// The presence of the person that the signature proves.
    pub presence: Presence,
    /// When the gate first saw it; now, if it had not seen it before.
    pub received: i64,
    /// When it stops counting, exclusive; seconds since the epoch.
    pub expires: i64,
    pub validity: Validity,
}

impl<'g> CountedDecision<'g> {
    /// All sound records of people in the roster, each with its validity at a time.
    pub fn all(policy: &'g Policy, chains: &'g [Chain], receipts: &Receipts, now: i64) -> Vec<CountedDecision<'g>> {
        let counted = |status: RecordStatus<'g>| {
            let (person, received) = (status.person?, status.received.unwrap_or(now));
            let RecordStatus { record, presence, expires, validity, .. } = status;
            Some(CountedDecision { person, record, presence, received, expires, validity })
        };
        record_statuses(policy, chains, receipts, now).into_iter().filter_map(counted).collect()
    }

    pub fn predicate(self) -> &'g Predicate {
        self.record.predicate()
    }

    pub fn is(self, verdict: Verdict) -> bool {
        self.predicate().verdict == verdict
    }

    pub fn issued(self) -> i64 {
        self.predicate().issued_at.seconds()
    }

    /// Whether it is dated further in the future than clocks may differ.
    pub fn is_ahead(self, now: i64) -> bool {
        is_ahead(self.predicate(), now)
    }

    /// Who wrote the change, according to the signer's program.
    pub fn authors(self) -> Vec<Identity> {
        identities(&self.predicate().authors)
    }

    /// What was not looked at, according to the record itself.
    pub fn unseen(self) -> Option<String> {
        let (coverage, paths) = (&self.predicate().coverage, self.record.manifest.len());
        let (files, hunks) = (coverage.files_seen.0, coverage.hunks_seen.0);
        if files < paths as u64 {
            return Some(format!("{files} of {paths} files"));
        }
        if hunks < coverage.hunks.0 {
            return Some(format!("{hunks} of {} hunks", coverage.hunks.0));
        }
        let open = coverage.omissions.iter().find(|omission| omission.acknowledged.trim().is_empty())?;
        Some(format!("nothing is said to the omission in {}", visible::text(&open.path)))
    }
}

/// What somebody of the roster signed in a role.
pub(crate) trait InRole<'g> {
    /// The owner of the key.
    fn person(&self) -> &'g Person;

    /// The roles of the signer, according to the record.
    fn roles(&self) -> &[String];
}

impl<'g> InRole<'g> for CountedDecision<'g> {
    fn person(&self) -> &'g Person {
        self.person
    }

    fn roles(&self) -> &[String] {
        &self.predicate().roles
    }
}

/// The people behind some records, each once, with the roles that they had when they signed and still have.
pub(crate) fn signers<'g>(signed: &[impl InRole<'g>]) -> Vec<Signer<'g>> {
    let mut people: BTreeMap<&str, Signer<'g>> = BTreeMap::new();
    for one in signed {
        let person = one.person();
        let signer = people.entry(&person.id).or_insert(Signer { person, roles: BTreeSet::new() });
        let held = person.roles.iter().filter(|role| one.roles().contains(role));
        signer.roles.extend(held.map(String::as_str));
    }
    people.into_values().collect()
}

/// Authors as a statement lists them.
pub(super) fn identities(authors: &[String]) -> Vec<Identity> {
    authors.iter().map(|text| parse_identity(text)).collect()
}

/// `name <address>` as a statement lists it.
fn parse_identity(text: &str) -> Identity {
    let parts = text.rsplit_once('<').and_then(|(name, rest)| Some((name.trim(), rest.strip_suffix('>')?)));
    let (name, email) = parts.unwrap_or((text, ""));
    Identity { name: name.to_owned(), email: email.to_owned() }
}
