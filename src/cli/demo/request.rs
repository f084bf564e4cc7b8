//! A command that an agent asked to run in production, admitted with the key of the sample's broker. No broker is
//! running: the record is what one would have written.

use std::collections::BTreeMap;
use std::path::Path;

use crate::change::digest::Digest;
use crate::command::preview::plan;
use crate::command::receipt::{self, Event, Run};
use crate::command::request::{Asked, Command, Input, Kept, Limits, Program, Proof, Request, Variable};
use crate::command::statement::Statement;
use crate::command::{RunChain, RunRecord};
use crate::datafile::Table;
use crate::ledger::append_to;
use crate::ledger::families::{Family as _, Keys, read_family_of};
use crate::policy::Policy;
use crate::record::chain::{Link, file_name};
use crate::record::statement::{Decimal, Link as Place, PolicyName, RepositoryName};
use crate::record::{ChainId, Signable as _};
use crate::signer::SigningKey;
use crate::source::git::{PolicyState, Repository};

const PLANS: &[(&str, &str)] = &[("recreate.plan.json", include_str!("../../../assets/demo/recreate.plan.json"))];
/// Where a broker would put the plan for the run.
const PLAN: &str = "/var/lib/undersign/ops1/in/prod/plan";
/// The account in which a broker would run it.
const ACCOUNT: u64 = 990;
const LIMITS: Limits = Limits { time: Decimal(30 * 60), output: Decimal(1 << 20) };

#[derive(Debug)]
pub struct SampleRequest {
    target: String,
    entry: String,
    argv: Vec<String>,
    program_sha256: String,
    plan: String,
    plan_sha256: String,
    plan_size: u64,
    env: Vec<Variable>,
    secrets: Vec<String>,
    cwd: String,
    age_minutes: u64,
    operator: String,
    agent: String,
    ticket: String,
    why: String,
    way_back: String,
}

impl SampleRequest {
    pub fn read(table: &Table<'_>) -> Option<SampleRequest> {
        let text = |key: &str| table.need_string(key).map(|text| text.value);
        let list = |key: &str| table.strings(key).into_iter().map(|text| text.value).collect();
        let variables = table.table("env");
        let variable = |name: String| Some(Variable { value: variables.as_ref()?.string(&name)?.value, name });
        let names = variables.iter().flat_map(Table::keys).map(|name| name.value);
        Some(SampleRequest {
            target: text("target")?,
            entry: text("entry")?,
            argv: list("argv"),
            program_sha256: text("program_sha256")?,
            plan: text("plan")?,
            plan_sha256: text("plan_sha256")?,
            plan_size: table.need_number("plan_size")?.value,
            env: names.filter_map(variable).collect(),
            secrets: list("secrets"),
            cwd: text("cwd")?,
            age_minutes: table.need_number("age_minutes")?.value,
            operator: text("operator")?,
            agent: text("agent")?,
            ticket: text("ticket")?,
            why: text("why")?,
            way_back: text("way_back")?,
        })
    }

    fn command(&self) -> Command {
        let argument = |text: &String| if text == "{input:plan}" { PLAN.to_owned() } else { text.clone() };
        let plan = Input {
            role: "plan".to_owned(),
            path: PLAN.to_owned(),
            sha256: self.plan_sha256.clone(),
            size: Decimal(self.plan_size),
            kept: Kept::Broker,
        };
        Command {
            entry: self.entry.clone(),
            argv: self.argv.iter().map(argument).collect(),
            program: Program {
                path: self.argv.first().cloned().unwrap_or_default(),
                sha256: self.program_sha256.clone(),
            },
            cwd: self.cwd.clone(),
            env: self.env.clone(),
            secrets: self.secrets.clone(),
            stdin: String::new(),
            inputs: vec![plan],
            uid: Decimal(ACCOUNT),
            limits: LIMITS,
        }
    }
}

/// Admits the request of a sample, unless it is still open: a demo that is opened again later has one, too.
///
/// # Errors
/// A sentence: it cannot be written.
pub fn admit(sample: &SampleRequest, path: &Path, key: &Path, now: i64) -> Result<(), String> {
    let repository = Repository::open(path).map_err(|error| error.to_string())?;
    let tip = repository.resolve("refs/heads/main").map_err(|error| error.to_string())?;
    let policy = match repository.policy_at(tip).map_err(|error| error.to_string())? {
        PolicyState::Found(policy) if policy.target(&sample.target).is_some() => policy,
        // Of an earlier version, or changed by the user.
        _ => return Ok(()),
    };
    let key = SigningKey::find(&key.display().to_string(), None, None).map_err(|error| error.to_string())?;
    let key_id = key.public.id().to_string();
    let chains = read_family_of(&repository, false, &Keys::one(&key_id)).map_err(|error| error.to_string())?;
    let records = chains.iter().flat_map(|chain: &RunChain| &chain.records);
    if records.filter_map(|record| record.run().admitted()).any(|request| request.not_after.seconds() > now) {
        return Ok(());
    }
    let id = match chains.first() {
        Some(chain) => chain.id.clone(),
        None => ChainId { key: key_id, device: hex::<8>()? },
    };
    append(sample, (&repository, &policy), (&key, &id), now)
}

fn hex<const N: usize>() -> Result<String, String> {
    Ok(base16ct::lower::encode_string(&crate::random::random::<N>()?))
}

fn append(
    sample: &SampleRequest,
    (repository, policy): (&Repository, &Policy),
    (key, id): (&SigningKey, &ChainId),
    now: i64,
) -> Result<(), String> {
    let asked_at = now.saturating_sub(60 * sample.age_minutes as i64);
    let valid = policy.target(&sample.target).map_or(0, |target| target.valid);
    let json = PLANS.iter().find(|(name, _)| *name == sample.plan).map_or("", |(_, json)| json);
    let preview = plan::preview(json.as_bytes(), "terraform")?;
    let request = Request {
        command: sample.command(),
        preview: preview.summary(),
        asked: Asked {
            operator: sample.operator.clone(),
            proof: Proof::Proven,
            by: "account 1000".to_owned(),
            claims: vec![sample.agent.clone()],
        },
        why: sample.why.clone(),
        ticket: sample.ticket.clone(),
        way_back: sample.way_back.clone(),
        replaces: String::new(),
        not_before: Decimal(asked_at.max(0) as u64),
        not_after: Decimal(asked_at.saturating_add(valid).max(1) as u64),
        policy: PolicyName { version: Decimal(policy.version), sha256: policy.digest.to_string() },
        // Nobody's settings.
        settings: Digest::of(b"").to_string(),
    };
    let (seq, prev) = RunRecord::chain(repository, id).next();
    let run = Run {
        repository: RepositoryName { id: policy.repository.clone(), uri: String::new() },
        target: sample.target.clone(),
        broker: id.key.clone(),
        event: Event::Admitted(Box::new(request)),
        chain: Place { key: id.key.clone(), id: id.device.clone(), seq: Decimal(seq), prev, forks: Vec::new() },
        seen: Vec::new(),
        issued_at: Decimal(asked_at.max(0) as u64),
        nonce: hex::<16>()?,
        tool: format!("undersign {}", env!("CARGO_PKG_VERSION")),
    };
    let envelope = key.sign_for(receipt::NAMESPACE, Statement::new(run).encode(), None);
    let envelope = envelope.map_err(|error| error.to_string())?.encode();
    let files = BTreeMap::from([(preview.summary().sha256, preview.encode())]);
    append_to::<RunRecord>(repository, id, Link { name: file_name(seq), envelope, files }, now)
        .map(drop)
        .map_err(|error| error.to_string())
}
