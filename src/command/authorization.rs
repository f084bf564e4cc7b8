//! What people sign about requests: that one may run, that it must not, and what withdraws such a statement.

use serde::{Deserialize, Serialize};

use super::receipt::{Run, RunStatement};
use super::statement::{
    Predicate, Statement, Subject, SubjectDigest, are_heads, is_digest, is_id, is_line, is_place, is_policy, is_time,
    subject,
};
use crate::change::digest::Digest;
use crate::record::Signable as _;
use crate::record::statement::{Decimal, Link, MAX_REASON, PolicyName, RepositoryName, SeenHead, is_hex};

/// The `predicateType` until the format is stable.
pub const TYPE: &str = "urn:undersign:authorization:v0";
/// The namespace of these signatures.
pub const NAMESPACE: &str = "command@undersign";
/// The size limit of a payload in bytes: it contains that of the request, with every quote escaped.
const MAX_PAYLOAD: usize = 256 << 10;
/// The number of runs that an authorization allows.
pub const RUNS: u64 = 1;

/// A record of a person about a request.
pub type AuthorizationStatement = Statement<Authorization>;

/// What a person decides about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It may run, as far as this person's signature goes.
    Authorize,
    /// It must not run, nor an identical request, until the same person withdraws this or others take it over.
    Refuse,
    /// It is let through in an emergency, perhaps unread. The authorization is owed.
    BreakGlass,
    /// Withdraws own records and replaces them with nothing.
    Withdraw,
    /// Takes over another person's refusal, which ends it: from now on the signer answers for it.
    Handover,
    /// Says which of two branches of the signer's own chain is valid, after a backup was restored.
    Repair,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Verdict::Authorize => "authorize",
            Verdict::Refuse => "refuse",
            Verdict::BreakGlass => "break-glass",
            Verdict::Withdraw => "withdraw",
            Verdict::Handover => "handover",
            Verdict::Repair => "repair",
        })
    }
}

/// A person's statement about a request: `SPEC.md`, in this folder, member by member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Authorization {
    /// What is decided.
    pub verdict: Verdict,
    /// ID of the signer. A claim until the roster assigns the key to this person.
    pub principal: String,
    /// As the signer's policy had them.
    pub roles: Vec<String>,
    /// The repository whose policy applies.
    pub repository: RepositoryName,
    /// Where it would run.
    pub target: String,
    /// Key ID of the broker that would run it: no other broker may.
    pub broker: String,
    /// The request, and its whole text.
    pub request: RequestText,
    /// Digest of its command, to which a refusal is bound; empty if there is no request.
    pub command: String,
    /// What the signer was shown.
    pub view: View,
    /// The findings that the signer was warned of, and the answers.
    pub findings: Vec<Finding>,
    /// The rules that the signer was shown.
    pub policy: PolicyName,
    /// Always 1.
    pub runs: Decimal,
    /// When it was signed by the signer's clock, in seconds since the epoch.
    pub issued_at: Decimal,
    /// An authorization has no effect before.
    pub not_before: Decimal,
    /// Nor from then on; until then, a refusal must be named by those who authorize another command there.
    pub not_after: Decimal,
    /// Ids of own records that no longer count.
    pub supersedes: Vec<String>,
    /// IDs of other people's refusals that the signer answers for.
    pub answers: Vec<String>,
    /// The place in the signer's own chain.
    pub chain: Link,
    /// Heads of other chains, including those of brokers, as the signer had them.
    pub seen: Vec<SeenHead>,
    /// 32 random hex digits.
    pub nonce: String,
    /// The program that signed, for people.
    pub tool: String,
    /// The signer's words; not blank if the verdict ends or stops something.
    pub reason: String,
}

/// A request inside an authorization: the signed request is the one that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestText {
    /// SHA-256 of the text, which is the ID of the `admitted` record; empty if the verdict is about no request.
    pub id: String,
    /// The payload of that record.
    pub text: String,
}

/// What was drawn for the signer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// SHA-256 of the drawn text; empty where nothing was shown.
    pub sha256: String,
    /// How many rows it has.
    pub rows: Decimal,
    /// How many of them were on the screen.
    pub seen: Decimal,
    /// What could not be shown.
    pub omissions: Vec<Omission>,
}

/// An item that nobody can read, and why the signer lets it pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Omission {
    /// What it is.
    pub what: String,
    /// The signer's words; blank where it was not acknowledged.
    pub acknowledged: String,
}

/// The message of a rule about a request, and the signer's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The id of the rule.
    pub rule: String,
    /// Its severity, in the words of the signer's program.
    pub severity: String,
    /// The signer's words.
    pub answer: String,
}

impl View {
    /// What the signer did not see of it.
    pub fn unseen(&self) -> Option<String> {
        if self.sha256.is_empty() || self.seen < self.rows {
            return Some(format!("{} of {} rows", self.seen.0, self.rows.0));
        }
        let open = self.omissions.iter().find(|omission| omission.acknowledged.trim().is_empty())?;
        Some(format!("nothing is said to what could not be shown ({})", crate::change::visible::text(&open.what)))
    }
}

impl Authorization {
    /// Whether the contained request matches in target, broker and command.
    fn agrees(&self) -> bool {
        if self.request.id.is_empty() {
            return self.request.text.is_empty() && self.command.is_empty();
        }
        let text = self.request.text.as_bytes();
        let Ok(RunStatement { predicate: run, .. }) = RunStatement::decode(text) else { return false };
        Digest::of(text).to_string() == self.request.id && self.is_about(&run)
    }

    fn is_about(&self, run: &Run) -> bool {
        run.repository.id == self.repository.id
            && run.target == self.target
            && run.broker == self.broker
            && run.command_digest().is_some_and(|digest| digest.to_string() == self.command)
    }

    /// A verdict that lacks its object, or names one that it must not name, is ambiguous.
    fn says_what_its_verdict_says(&self) -> bool {
        let (answers, forks) = (!self.answers.is_empty(), !self.chain.forks.is_empty());
        let (request, reason) = (!self.request.id.is_empty(), !self.reason.trim().is_empty());
        match self.verdict {
            Verdict::Authorize => request && !forks,
            Verdict::BreakGlass => request && !forks && reason,
            Verdict::Refuse => request && !answers && !forks && reason,
            Verdict::Withdraw => !request && !answers && !forks && reason && !self.supersedes.is_empty(),
            Verdict::Handover => !request && answers && !forks && reason,
            Verdict::Repair => !request && !answers && forks && self.supersedes.is_empty(),
        }
    }

    fn texts_are_short(&self) -> bool {
        let omissions = self.view.omissions.iter().flat_map(|omission| [&omission.what, &omission.acknowledged]);
        let findings = self.findings.iter().flat_map(|finding| [&finding.rule, &finding.severity, &finding.answer]);
        omissions.chain(findings).chain([&self.tool]).all(|text| is_line(text)) && self.reason.len() <= MAX_REASON
    }
}

impl Predicate for Authorization {
    type Digest = SubjectDigest;
    const TYPE: &'static str = TYPE;
    const NAMESPACE: &'static str = NAMESPACE;
    const MAX_PAYLOAD: usize = MAX_PAYLOAD;

    fn is_sound(&self) -> bool {
        is_id(&self.principal)
            && self.roles.iter().all(|role| is_id(role))
            && is_place(&self.repository, &self.target, &self.broker)
            && (self.view.sha256.is_empty() || is_digest(&self.view.sha256))
            && is_policy(&self.policy)
            && self.runs.0 == RUNS
            && self.issued_at <= self.not_after
            && self.not_before <= self.not_after
            && is_time(self.not_after)
            && self.supersedes.iter().chain(&self.answers).all(|id| is_digest(id))
            && self.chain.is_sound()
            && are_heads(&self.seen)
            && is_hex(&self.nonce, 32)
            && self.texts_are_short()
            && self.says_what_its_verdict_says()
            && self.agrees()
    }

    /// For a verdict about no request, the digest is that of an empty text.
    fn subject(&self) -> Subject<SubjectDigest> {
        let nothing = || Digest::of(b"").to_string();
        subject(&self.target, if self.request.id.is_empty() { nothing() } else { self.request.id.clone() })
    }

    fn place(&self) -> &Link {
        &self.chain
    }

    fn seen(&self) -> &[SeenHead] {
        &self.seen
    }
}
