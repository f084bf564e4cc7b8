//! One request with all that decides about it: the policy of its target, the signatures, and the refusals.

use super::knowledge::Knowledge;
use super::outcome::{Code, Effect, Reason};
use super::record_status::{Counted, Signature, in_force};
use super::refusals::{Refusals, refusals};
use super::request::{PreviewBy, Request};
use crate::policy::{PersonKind, Target};
use crate::record::RecordId;

/// One request with what decides about it.
pub(super) struct Case<'k> {
    pub knowledge: &'k Knowledge<'k>,
    pub id: RecordId,
    pub target: &'k Target,
    pub request: &'k Request,
    pub counted: Vec<Counted<'k>>,
    pub refusals: Refusals<'k>,
}

impl<'k> Case<'k> {
    /// The request, if this broker admitted it for a target that is still its own.
    ///
    /// # Errors
    /// It did not, or the target is not.
    pub fn of(knowledge: &'k Knowledge<'k>, id: RecordId) -> Result<Case<'k>, Reason> {
        let refuse = |code, detail: &str| Reason::new(code, Effect::Refuses, detail);
        let record = knowledge.own.records.iter().find(|record| record.id() == id);
        let admitted = record.and_then(|record| Some((record.run(), record.run().admitted()?)));
        let Some((run, request)) = admitted else {
            return Err(refuse(
                Code::RequestUnknown,
                "This broker admitted no such request. Ask again with `undersign exec request`.",
            ));
        };
        let own = |target: &&Target| {
            let key = knowledge.policy.broker_of(target).map(|broker| broker.key.id().to_string());
            key.as_ref() == Some(&knowledge.own.id.key) && run.broker == knowledge.own.id.key
        };
        let target = knowledge.policy.target(&run.target).filter(own);
        let Some(target) = target.filter(|_| run.repository.id == knowledge.policy.repository) else {
            return Err(refuse(
                Code::TargetUnknown,
                "The policy has no such target any more, or gives it to another broker. Ask that one.",
            ));
        };
        let counted = in_force(knowledge.policy, knowledge.authorizations, knowledge.received, knowledge.now);
        let digest = run.command_digest().map(|digest| digest.to_string()).unwrap_or_default();
        let refusals = refusals(knowledge.policy, &counted, &target.name, (request, &digest), knowledge.now);
        Ok(Case { knowledge, id, target, request, counted, refusals })
    }

    pub fn now(&self) -> i64 {
        self.knowledge.now
    }

    /// When a signature ceases to count: it is valid for as long as the target allows, whatever its signer says.
    pub fn expires<'s>(&self, one: &impl Signature<'s>) -> i64 {
        let (issued, _, until) = one.times();
        until.min(issued.saturating_add(self.target.valid))
    }

    /// The conditions for any signature, including that of an emergency: by a person, within its time, with every
    /// refusal answered.
    pub fn window<'s>(&self, one: &impl Signature<'s>) -> Option<Reason> {
        let (who, now) = (&one.person().id, self.now());
        let no = |code, detail: String| Some(Reason::new(code, Effect::Explains, detail));
        if one.person().kind != PersonKind::Human {
            return no(Code::NotHuman, format!("{who} is not a person; only people fill slots."));
        }
        if now >= self.expires(one) {
            return no(Code::Expired, format!("What {who} signed is over. {who} can sign again."));
        }
        if one.is_ahead(now) || now < one.times().1 {
            return no(Code::Time, format!("What {who} signed is for later, or dated ahead of the broker's clock."));
        }
        let open = self.refusals.unanswered(one.answers())?;
        let detail = format!(
            "{} refused another request of this operator, and {who} signed without answering that. {who} can sign again \
             after reading it.",
            open.person.id
        );
        no(Code::Vetoed, detail)
    }
}

/// Whether a request is destructive, or nobody can tell: it matches no entry, the broker made no preview, or not all of
/// it is clear.
pub fn is_destructive(request: &Request) -> bool {
    let preview = &request.preview;
    preview.destroys.0 > 0
        || preview.replaces.0 > 0
        || preview.unclear.0 > 0
        || preview.by != PreviewBy::Broker
        || request.command.entry.is_empty()
}
