//! Statements about drills of emergencies at a target: `DRILLS.md`, in this folder, is normative. They have the
//! envelopes and chains of authorizations, and a predicate type, a namespace and refs of their own, so that none counts
//! as one, and least of all as break-glass. Nothing runs because of one.

use serde::{Deserialize, Serialize};

use super::records::{Beside, CommandRecord};
use super::statement::{Predicate, Statement, Subject, SubjectDigest, is_digest, is_place, subject};
use crate::record::Chain;
use crate::record::drill::{DrillStep, Practised, Step};
use crate::record::statement::{Decimal, Link, RepositoryName, SeenHead};

/// The `predicateType` until the format is stable.
pub const TYPE: &str = "urn:undersign:command-drill:v0";
/// The namespace of these signatures.
pub const NAMESPACE: &str = "command-drill@undersign";
/// The largest payload, in bytes.
const MAX_PAYLOAD: usize = 64 << 10;
/// The most refusals that one record answers.
const MAX_ANSWERS: usize = 256;

/// A statement about a drill at a target.
pub type CommandDrillStatement = Statement<CommandDrill>;
/// Such a record at its position.
pub type CommandDrillRecord = CommandRecord<CommandDrillStatement>;
/// The records of one key about such drills.
pub type CommandDrillChain = Chain<CommandDrillRecord>;

/// The content, member by member as in `DRILLS.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CommandDrill {
    /// What the signer does.
    pub step: DrillStep,
    /// The id of the record that began the drill; empty in that record itself.
    pub drill: String,
    /// Id of the signer. A claim until the roster gives the key to this person.
    pub principal: String,
    /// According to the signer's policy, as in an authorization.
    pub roles: Vec<String>,
    /// The repository whose policy applies.
    pub repository: RepositoryName,
    /// Where an emergency would run the command.
    pub target: String,
    /// Key id of the broker that admitted the request.
    pub broker: String,
    /// The id of the request: its text is not repeated, so that nothing here looks like an authorization of it.
    pub request: String,
    /// Digest of its command.
    pub command: String,
    /// Ids of the refusals that the signer read, as a break-glass record would name them.
    pub answers: Vec<String>,
    /// When it was signed, by the signer's clock; in one chain never below that of the record before.
    pub issued_at: Decimal,
    /// When the drill ends at the latest: within [`MAX_LENGTH`](crate::record::drill::MAX_LENGTH) of `issued_at`.
    pub not_after: Decimal,
    /// The position in the signer's own chain of such drills.
    pub chain: Link,
    /// 32 random hex digits.
    pub nonce: String,
    /// The program that signed, for people.
    pub tool: String,
    /// The signer's words, as a reason would be given in an emergency; not blank, at most 4 KiB.
    pub reason: String,
}

impl Predicate for CommandDrill {
    type Digest = SubjectDigest;
    const TYPE: &'static str = TYPE;
    const NAMESPACE: &'static str = NAMESPACE;
    const MAX_PAYLOAD: usize = MAX_PAYLOAD;

    fn is_sound(&self) -> bool {
        self.step().is_sound()
            && is_place(&self.repository, &self.target, &self.broker)
            && is_digest(&self.request)
            && is_digest(&self.command)
            && self.answers.len() <= MAX_ANSWERS
            && self.answers.iter().all(|id| is_digest(id))
    }

    fn subject(&self) -> Subject<SubjectDigest> {
        subject(&self.target, self.request.clone())
    }

    fn place(&self) -> &Link {
        &self.chain
    }

    /// Nothing depends on it, so nobody vouches for other chains.
    fn seen(&self) -> &[SeenHead] {
        &[]
    }
}

impl Practised for CommandDrill {
    fn step(&self) -> Step<'_> {
        Step {
            step: self.step,
            drill: &self.drill,
            principal: &self.principal,
            roles: &self.roles,
            repository: &self.repository,
            issued_at: self.issued_at,
            not_after: self.not_after,
            chain: &self.chain,
            nonce: &self.nonce,
            tool: &self.tool,
            reason: &self.reason,
        }
    }

    fn is_about_same(&self, other: &CommandDrill) -> bool {
        self.target == other.target
            && self.broker == other.broker
            && self.request == other.request
            && self.command == other.command
    }
}

impl Beside for CommandDrillStatement {
    fn beside(&self) -> std::collections::BTreeSet<&str> {
        std::collections::BTreeSet::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::AuthorizationStatement;
    use crate::command::RunStatement;
    use crate::record::drill::{DrillStatement, MAX_WORDS};
    use crate::record::{Fault, Signable as _};

    fn drill() -> CommandDrill {
        let digits = |n: usize| "0123456789abcdef".repeat(4)[..n].to_owned();
        CommandDrill {
            step: DrillStep::Begin,
            drill: String::new(),
            principal: "ines".into(),
            roles: vec!["oncall".into()],
            repository: RepositoryName { id: "shop-1".into(), uri: String::new() },
            target: "prod".into(),
            broker: digits(64),
            request: digits(64),
            command: digits(64),
            answers: vec![digits(64)],
            issued_at: Decimal(9),
            not_after: Decimal(99),
            chain: Link { key: digits(64), id: digits(16), seq: Decimal(1), prev: String::new(), forks: Vec::new() },
            nonce: digits(32),
            tool: "undersign".into(),
            reason: "The drill of May".into(),
        }
    }

    fn read(drill: CommandDrill) -> Result<CommandDrillStatement, Fault> {
        CommandDrillStatement::decode(&CommandDrillStatement::new(drill).encode())
    }

    #[test]
    fn a_sound_statement_is_read_as_it_was_written() {
        let of = |step| CommandDrill { step, drill: "0".repeat(64), ..drill() };
        for sound in [drill(), of(DrillStep::Join), of(DrillStep::Review)] {
            let statement = CommandDrillStatement::new(sound);
            assert_eq!(CommandDrillStatement::decode(&statement.encode()), Ok(statement));
        }
    }

    #[test]
    fn what_is_not_of_its_form_is_refused() {
        type Spoil = fn(&mut CommandDrill);
        let spoilt: [(&str, Spoil); 19] = [
            ("a name that looks like another", |own| own.principal = "dаna".into()),
            ("a role that looks like another", |own| own.roles = vec!["sеnior".into()]),
            ("a repository without a name", |own| own.repository.id.clear()),
            ("a target with a path", |own| own.target = "../prod".into()),
            ("a broker that is no key", |own| own.broker.truncate(63)),
            ("no request", |own| own.request.clear()),
            ("a digest in capitals", |own| own.command.make_ascii_uppercase()),
            ("an answer to nothing", |own| own.answers = vec![String::new()]),
            ("more answers than anybody reads", |own| own.answers = vec!["0".repeat(64); MAX_ANSWERS + 1]),
            ("a beginning of another drill", |own| own.drill = "0".repeat(64)),
            ("a review of nothing", |own| own.step = DrillStep::Review),
            ("somebody who joins nothing", |own| own.step = DrillStep::Join),
            ("an end before its beginning", |own| own.not_after = Decimal(8)),
            ("no end for a year", |own| own.not_after = Decimal(365 * 24 * 3600)),
            ("a time that no clock shows", |own| own.issued_at = Decimal(u64::MAX)),
            ("a repair", |own| own.chain.forks = vec!["0".repeat(64)]),
            ("a short nonce", |own| own.nonce.clear()),
            ("no reason", |own| own.reason = "\u{3000} \n".into()),
            ("a long reason", |own| own.reason = "x".repeat(MAX_WORDS + 1)),
        ];
        for (what, spoil) in spoilt {
            let mut own = drill();
            spoil(&mut own);
            assert_eq!(read(own), Err(Fault::StatementMalformed), "{what}");
        }
    }

    #[test]
    fn no_reader_of_another_kind_takes_it_for_its_own() {
        let payload = CommandDrillStatement::new(drill()).encode();
        assert_eq!(AuthorizationStatement::decode(&payload), Err(Fault::PredicateType));
        assert_eq!(RunStatement::decode(&payload), Err(Fault::PredicateType));
        assert_eq!(DrillStatement::decode(&payload), Err(Fault::PredicateType));
        assert_eq!(crate::record::Statement::decode(&payload), Err(Fault::PredicateType));
        // Not even under the name of one: it has other members.
        let text = String::from_utf8(payload).unwrap();
        let renamed = text.replace(TYPE, crate::command::authorization::TYPE);
        assert_eq!(AuthorizationStatement::decode(renamed.as_bytes()), Err(Fault::StatementMalformed));
        assert_eq!(CommandDrillStatement::decode(renamed.as_bytes()), Err(Fault::PredicateType));
        let more = text.replacen("\"tool\"", "\"verdict\": \"break-glass\",\n    \"tool\"", 1);
        assert_eq!(CommandDrillStatement::decode(more.as_bytes()), Err(Fault::StatementMalformed));
        let mut astray = CommandDrillStatement::new(drill());
        astray.subject[0].name = "other".into();
        assert_eq!(CommandDrillStatement::decode(&astray.encode()), Err(Fault::Subject));
    }
}
