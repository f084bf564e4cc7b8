//! Claims exchanged with a remote. They are courtesy: whatever fails here hinders nothing else, and only refs of people
//! of the roster are fetched, so that nobody grows a clone by claiming under other names.

use std::collections::{BTreeMap, BTreeSet};

use super::Remote;
use super::program::{CHAINS, GitFailed, run_git};
use crate::claims::{self, Own};
use crate::gate::ref_names::CLAIMS;
use crate::ledger::PREFIX;
use crate::policy::Policy;

impl Remote<'_> {
    /// Fetches the claims of everybody in the roster, and sends those that were made here.
    ///
    /// # Errors
    /// A sentence: the remote does not answer, or takes none.
    pub fn exchange_claims(&self, policy: &Policy, now: i64) -> Result<(), String> {
        if self.prefix != PREFIX {
            return Err(format!("{} takes nothing but branches, and claims are none.", self.name));
        }
        let people: Vec<&str> = policy.roster.people().map(|person| person.id.as_str()).collect();
        let there = self.claims_there(&people)?;
        let before: BTreeMap<&str, Own> = people.iter().map(|person| (*person, self.last_seen(person, now))).collect();
        self.fetch_claims(&people, &there)?;
        for person in people {
            self.send_claims(person, &before[person], there.get(person).map(String::as_str), now)?;
        }
        Ok(())
    }

    /// What the remote has of these people: the object of each.
    fn claims_there(&self, people: &[&str]) -> Result<BTreeMap<String, String>, String> {
        let known: BTreeSet<&str> = people.iter().copied().collect();
        let text = self.claims_by_git(&["ls-remote", &self.name, &format!("{CLAIMS}*")])?;
        let entry = |line: &str| {
            let (object, name) = line.split_once('\t')?;
            let person = name.strip_prefix(CLAIMS).filter(|person| known.contains(person))?;
            Some((person.to_owned(), object.to_owned()))
        };
        Ok(text.lines().filter_map(entry).collect())
    }

    fn last_seen(&self, person: &str, now: i64) -> Own {
        claims::at(self.repository, &claims::remote_name_of(&self.name, person), now).unwrap_or_default()
    }

    /// Fetches those that differ from what was seen last, and forgets those that are gone.
    fn fetch_claims(&self, people: &[&str], there: &BTreeMap<String, String>) -> Result<(), String> {
        let mut specs = Vec::new();
        for person in people {
            let copy = claims::remote_name_of(&self.name, person);
            let held = self.repository.raw.refname_to_id(&copy).ok().map(|oid| oid.to_string());
            match there.get(*person) {
                None if held.is_some() => _ = claims::set(self.repository, &copy, &Own::new())?,
                Some(object) if held.as_ref() != Some(object) => {
                    specs.push(format!("+{}:{copy}", claims::name_of(person)));
                }
                _ => {}
            }
        }
        if specs.is_empty() {
            return Ok(());
        }
        let first = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", &self.name];
        let arguments: Vec<&str> = first.into_iter().chain(specs.iter().map(String::as_str)).collect();
        self.claims_by_git(&arguments)?;
        Ok(())
    }

    /// Sends what a person claimed here, joined with what they claimed on another machine.
    fn send_claims(&self, person: &str, before: &Own, there: Option<&str>, now: i64) -> Result<(), String> {
        let name = claims::name_of(person);
        let Some(here) = claims::at(self.repository, &name, now) else { return Ok(()) };
        let theirs = self.last_seen(person, now);
        let all = claims::merged(before, &here, &theirs);
        let blob = claims::set(self.repository, &name, &all)?.map(|oid| oid.to_string());
        if blob.as_deref() == there {
            return Ok(());
        }
        let lease = format!("--force-with-lease={name}:{}", there.unwrap_or_default());
        let spec = format!("{}:{name}", blob.unwrap_or_default());
        let pushed = self.claims_by_git(&["push", "--quiet", "--no-verify", &lease, &self.name, &spec]);
        pushed.map_err(|why| format!("{why} It may take no refs of this kind, or moved meanwhile."))?;
        claims::set(self.repository, &claims::remote_name_of(&self.name, person), &all).map(|_| ())
    }

    fn claims_by_git(&self, arguments: &[&str]) -> Result<String, GitFailed> {
        run_git(self.repository, self.prompts, CHAINS, arguments)?.output()
    }
}
