//! Checks of the ref names of a push, before any content: names that no ref may have, moves that are not what they
//! claim, and undersign's own refs. Facts about the repository come from [`RefFacts`].

use std::collections::HashSet;

use super::outcome::{Code, Reason, RefOutcome};
use super::{Input, Update};
use crate::change::{ObjectId, ref_name, visible};

/// The prefix of chains: `<prefix><key id>/<chain id>`.
pub const DECISIONS: &str = "refs/undersign/decisions/";
/// The same on a host that accepts only branches.
pub const DECISION_BRANCHES: &str = "refs/heads/undersign/decisions/";
/// The prefix of the chains of brokers.
pub const RUNS: &str = "refs/undersign/runs/";
/// The prefix of the chains of people who authorize commands.
pub const AUTHORIZATIONS: &str = "refs/undersign/authorizations/";
/// The prefix of the chains of people who say what came of changes. No gate judges by them.
pub const OUTCOMES: &str = "refs/undersign/outcomes/";
/// The prefix of the chains of evidence, by the keys that the policy names for it.
pub const EVIDENCE: &str = "refs/undersign/evidence/";
/// The prefix of the chains of people who held drills of emergencies. No gate lets anything land by them.
pub const DRILLS: &str = "refs/undersign/drills/";
/// The prefix of the chains of people who held drills of emergencies at a target. No broker runs anything by them.
pub const COMMAND_DRILLS: &str = "refs/undersign/command-drills/";
/// The prefix of people's claims: `<prefix><person>`. No gate judges by them.
pub const CLAIMS: &str = "refs/undersign/claims/";
/// The most bytes of one person's claims.
pub const MAX_CLAIMS: usize = 4 << 10;
/// The prefix under which `undersign doctor` tests what a host allows.
pub const PROBES: &str = "refs/undersign/probe/";
/// The prefix of undersign's own refs on a host: nobody may push anything else there.
const OWN: &str = "refs/undersign/";

/// Facts of a repository about refs and what they point to.
pub trait RefFacts {
    /// The target of a symbolic ref.
    fn stands_for(&self, name: &str) -> Option<String>;

    /// Whether a ref points to this object; for zeros, whether the ref does not exist.
    fn stands_at(&self, name: &str, id: ObjectId) -> bool;

    /// The object to which a ref of the server points, as far as is visible.
    fn shown(&self, name: &str) -> Option<ObjectId>;

    /// The name inside an annotated tag; none for any other object.
    fn tag_name(&self, id: ObjectId) -> Option<Vec<u8>>;

    /// Whether a commit is another one or has it as an ancestor.
    fn is_descendant(&self, of: ObjectId, ancestor: ObjectId) -> bool;

    /// Whether a commit's tree is empty.
    fn is_empty(&self, commit: ObjectId) -> bool;

    /// The bytes of a blob; none for any other object.
    fn bytes_of_blob(&self, id: ObjectId) -> Option<usize>;
}

/// The kind of query, as far as it matters for names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The refs have not moved yet.
    pub ahead: bool,
    /// Each new object is the head of a proposal.
    pub proposal: bool,
}

/// The prefix of a ref of a chain.
pub fn prefix_of(name: &str) -> Option<&'static str> {
    [DECISIONS, DECISION_BRANCHES].into_iter().find(|prefix| name.starts_with(prefix))
}

/// Names that git does not allow, names by which git substitutes objects, and new names that look like others.
pub fn refuse_names(updates: &[Update]) -> Option<Reason> {
    updates.iter().find_map(refuse_name)
}

fn refuse_name(update: &Update) -> Option<Reason> {
    let name = visible::text(&update.name);
    if !ref_name::is_full_name(&update.name) {
        let detail = format!("{name} is not a full ref name that git allows. Push under another name.");
        return Some(Reason::deny(Code::RefUncovered, detail));
    }
    if update.name.starts_with("refs/replace/") && !update.new.is_zero() {
        let detail = format!(
            "{name} would have git show something else in place of an object, under every ref that holds it. Such \
             refs land nowhere."
        );
        return Some(Reason::deny(Code::RefUncovered, detail));
    }
    if update.old.is_zero() && visible::hidden(&update.name).next().is_some() {
        let detail = format!("{name} is a name with characters that do not show. Push under another name.");
        return Some(Reason::deny(Code::Hidden, detail));
    }
    None
}

/// Git passes on the old id that the pusher gave, and checks it only when it moves that ref, each ref separately: for
/// all the others, the pusher could choose the policy and the start of a new branch.
pub fn refuse_pretence(updates: &[Update], asked: Asked, facts: &dyn RefFacts) -> Option<Reason> {
    let mut names = HashSet::new();
    updates.iter().find_map(|update| {
        let name = visible::text(&update.name);
        if !names.insert(&update.name) {
            let detail = format!("The push moves {name} twice, and what that would mean nobody has said.");
            return Some(Reason::deny(Code::BaseMoved, detail));
        }
        if let Some(other) = facts.stands_for(&update.name) {
            let detail =
                format!("{name} is another name of {}, which git would move. Push to that.", visible::text(&other));
            return Some(Reason::deny(Code::RefUncovered, detail));
        }
        if asked.ahead && !facts.stands_at(&update.name, update.old) {
            let detail = format!("{name} is not at the old id of the push. Fetch, then push again.");
            return Some(Reason::deny(Code::BaseMoved, detail));
        }
        let is_proposal = asked.proposal && update.is_move();
        if is_proposal && facts.shown(&update.name) != Some(update.old) {
            let detail = format!(
                "{name} does not stand at {}, and a verdict on a proposal is worth nothing on another tip. Fetch, and \
                 ask again.",
                update.old.short()
            );
            return Some(Reason::deny(Code::BaseMoved, detail));
        }
        None
    })
}

/// Refs outside the policy, other than chains: undersign's other refs, and names that would be where chains are kept.
pub fn decide_own(update: &Update, input: &Input<'_>, facts: &dyn RefFacts) -> Option<RefOutcome> {
    let name = &update.name;
    if let Some(person) = name.strip_prefix(CLAIMS) {
        let refused = refuse_claims(person, update, input, facts);
        return Some(refused.map_or_else(|| RefOutcome::allowed(name), |reason| RefOutcome::refused(name, reason)));
    }
    if name.starts_with(OWN) {
        return Some(decide_probe(update, facts));
    }
    if [DECISIONS, DECISION_BRANCHES, RUNS, AUTHORIZATIONS, OUTCOMES, EVIDENCE, DRILLS, COMMAND_DRILLS]
        .iter()
        .any(|prefix| prefix.starts_with(&format!("{name}/")))
    {
        let detail = "It would lie where decisions are kept, and git keeps none below a ref.";
        return Some(RefOutcome::refused(name, Reason::deny(Code::RefUncovered, detail)));
    }
    None
}

/// Claims are advice, and replaced at will. What matters is that nobody fills the host with them: one ref for each
/// person of the roster, of one small blob; and that who is known pushes none for others.
fn refuse_claims(person: &str, update: &Update, input: &Input<'_>, facts: &dyn RefFacts) -> Option<Reason> {
    let roster = &input.policy.roster;
    let detail = if roster.by_id(person).is_none() {
        "There are claims of people of the policy only, each under their own id."
    } else if input.pusher.and_then(|account| roster.by_account(account)).is_some_and(|pusher| pusher.id != person) {
        "These are another person's claims. Push your own."
    } else if !update.new.is_zero() && facts.bytes_of_blob(update.new).is_none_or(|size| size > MAX_CLAIMS) {
        "This is not a list of claims, or longer than one may be."
    } else {
        return None;
    };
    Some(Reason::deny(Code::RefUncovered, detail))
}

/// A place to test what the host allows: it accepts empty commits, and keeps what it accepted.
fn decide_probe(update: &Update, facts: &dyn RefFacts) -> RefOutcome {
    let is_kept = update.old.is_zero() || facts.is_descendant(update.new, update.old);
    if update.name.starts_with(PROBES) && !update.new.is_zero() && is_kept && facts.is_empty(update.new) {
        return RefOutcome::allowed(&update.name);
    }
    let detail = "What is under refs/undersign/ is only ever added to, and holds decisions and nothing else.";
    RefOutcome::refused(&update.name, Reason::deny(Code::LedgerRollback, detail))
}

/// A tag's signature covers the name inside the tag: under another name, an old release could pass for a new one.
pub fn refuse_misnamed_tag(update: &Update, input: &Input<'_>, facts: &dyn RefFacts) -> Option<Reason> {
    let name = update.name.strip_prefix("refs/tags/").filter(|_| input.policy.refs.protects(&update.name))?;
    let own = facts.tag_name(update.new).filter(|own| own != name.as_bytes())?;
    let detail = format!(
        "The tag calls itself {}, and its signature says nothing of {}. Make a tag of that name.",
        visible::line(&own),
        visible::text(name)
    );
    Some(Reason::deny(Code::Confusable, detail))
}
