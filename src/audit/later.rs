//! What became of decisions after something landed because of them, and what their signers had seen.

use super::AuditInput;
use super::exceptions::ApprovalFacts;
use super::line::Step;
use crate::datafile::date;
use crate::decision::Verdict;
use crate::policy::{Enrolment, Revocation};
use crate::record::Record;

/// What became of decisions after something landed because of them.
pub(super) struct Later<'s> {
    pub input: &'s AuditInput<'s>,
    /// The end of the period, in seconds.
    pub to: i64,
    pub judged_at: i64,
}

impl<'s> Later<'s> {
    pub fn approval<'r>(&self, record: &'r Record) -> ApprovalFacts<'r> {
        let predicate = record.predicate();
        let coverage = &predicate.coverage;
        let head = predicate.head.commit.parse().ok();
        ApprovalFacts {
            person: &predicate.principal,
            signed_at: predicate.issued_at.seconds(),
            head_at: head.and_then(|head| self.input.repository.dated(head).ok()).map(|(time, _)| time),
            is_carried_over: coverage.hunks_seen.0 > 0 && coverage.read_anew() == 0,
            key_ended: self.key_ended(record),
            ended: self.ended(record),
        }
    }

    fn key_ended(&self, record: &Record) -> Option<String> {
        let Some((_, enrolment)) = self.input.newest.roster.enrolment(record.verified.key()) else {
            return Some("is no longer in the roster".to_owned());
        };
        let Enrolment { revoked, valid: (_, until), .. } = enrolment;
        match revoked {
            Some(Revocation::Compromised { since }) if *since <= self.to => {
                let known = self.input.book.known_since(&record.id().to_string());
                let when = match known.is_some_and(|known| known >= *since) {
                    true => "and this approval came after that",
                    false => "and this approval came before that",
                };
                Some(format!("is compromised since {}, {when}", date(*since)))
            }
            Some(Revocation::Retired { at }) if *at <= self.to => Some(format!("was retired {}", date(*at))),
            _ => until.filter(|until| *until <= self.to).map(|until| format!("ended {}", date(until))),
        }
    }

    /// Whether its signer took it back, or anybody rejected the same content, after it landed.
    fn ended(&self, record: &Record) -> Option<String> {
        let is_since = |known: i64| known > self.judged_at && known <= self.to;
        let ends = |other: &Record| matches!(other.predicate().verdict, Verdict::Withdraw | Verdict::Reject);
        let taken_back = self.input.book.enders(record.id()).find(|(other, known)| {
            is_since(*known)
                && ends(other)
                && other.predicate().principal == record.predicate().principal
                && self.input.is_of_its_principal(other)
        });
        if let Some((_, known)) = taken_back {
            return Some(format!("was taken back {}", date(known)));
        }
        let mut same = self.input.book.of_manifest(&record.predicate().manifest.sha256);
        let is_here = |other: &Record| other.predicate().target.name == record.predicate().target.name;
        let is_rejection = |other: &Record| {
            other.predicate().verdict == Verdict::Reject && is_here(other) && self.input.is_of_its_principal(other)
        };
        let rejected = same.find(|(other, known)| is_since(*known) && is_rejection(other));
        rejected.map(|(other, known)| {
            format!("no longer stands alone: {} rejected the same content {}", other.predicate().principal, date(known))
        })
    }

    /// Who approved exactly this after it had landed without approval.
    pub fn approved_later(&self, name: &str, manifest: Option<&str>) -> Option<(String, i64)> {
        let of = self.input.book.of_manifest(manifest?);
        let later = of.filter(|(record, known)| {
            let predicate = record.predicate();
            predicate.verdict == Verdict::Approve
                && predicate.target.name == name
                && *known > self.judged_at
                && *known <= self.to
                && self.input.is_of_its_principal(record)
        });
        later.map(|(record, known)| (record.predicate().principal.clone(), known)).min_by_key(|(_, known)| *known)
    }

    /// An approval dated after a commit that only landing made. `last` is the last step, if no log has the landing.
    pub fn late(&self, last: Option<&Step>, counted: &[(&Record, String)], merged: i64) -> Option<String> {
        let last = last?;
        let own = last.commit.to_string();
        let of = |record: &Record| {
            let known = self.input.book.known_since(&record.id().to_string())?;
            let landed = if record.predicate().head.commit == own { merged } else { last.time };
            (known > landed).then(|| {
                format!(
                    "{} signed {}, and what only landing makes is of {}. Without a gate's log nobody knows which was \
                     first.",
                    record.predicate().principal,
                    date(known),
                    date(landed)
                )
            })
        };
        counted.iter().find_map(|(record, _)| of(record))
    }
}

/// What signers of counted decisions saw, and is missing: it may contain a rejection.
pub(super) fn unheard(input: &AuditInput<'_>, counted: &[(&Record, String)]) -> Vec<String> {
    let of = |record: &Record| {
        let predicate = record.predicate();
        let gone = predicate.seen.iter().find(|seen| input.book.by_id(&seen.record).is_none())?;
        let is_known = gone.chain.split('/').next().is_some_and(|key| input.keys.contains_key(key));
        is_known.then(|| {
            format!(
                "{} signed after record {} of the chain {}, and it is not in the ledger: the gate would not judge.",
                predicate.principal, gone.seq.0, gone.chain
            )
        })
    };
    counted.iter().filter_map(|(record, _)| of(record)).collect()
}
