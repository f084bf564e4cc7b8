//! A plan in JSON, read within bounds: each change becomes a row as it is read, and of values only what a row shows is
//! kept. The reader is the broker, which holds keys, and the JSON is a requester's work.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::address::plain;
use super::change::Change;
use super::value::{List, MAX_MEMBERS, Object, Value, each};
use crate::command::preview::Row;

/// What a preview needs of a plan.
#[derive(Default)]
pub struct Plan {
    pub format_version: String,
    pub terraform_version: String,
    pub changes: Changes,
    pub drifted: Vec<String>,
    pub deferred: Vec<String>,
    pub invoked: Vec<String>,
    pub configuration: Module,
    pub is_errored: bool,
    pub is_complete: bool,
    /// Members that are not known here.
    pub unknown: Vec<String>,
}

/// What happens to resources.
#[derive(Default)]
pub struct Changes {
    pub rows: Vec<Row>,
    /// The addresses, without keys, of what is created or destroyed.
    pub acting: HashSet<String>,
    /// The addresses, without keys, of what is destroyed for good.
    pub destroyed: BTreeSet<String>,
}

impl<'de> Deserialize<'de> for Plan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Plan, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

/// The members of a plan, each at most once.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Plan;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plan")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Plan, A::Error> {
        let (mut plan, mut seen) = (Plan { is_complete: true, ..Plan::default() }, BTreeSet::new());
        while let Some(name) = members.next_key::<String>()? {
            if seen.len() >= MAX_MEMBERS || !seen.insert(name.clone()) {
                return Err(A::Error::custom("a member stands twice, or there are too many"));
            }
            match &*name {
                "format_version" => plan.format_version = members.next_value()?,
                "terraform_version" => plan.terraform_version = members.next_value()?,
                "resource_changes" => plan.changes = members.next_value()?,
                "resource_drift" => plan.drifted = addresses(members.next_value()?),
                "deferred_changes" => {
                    let all: List<Deferred> = members.next_value()?;
                    plan.deferred = all.0.into_iter().map(Deferred::address).collect();
                }
                "action_invocations" => plan.invoked = addresses(members.next_value()?),
                "configuration" => plan.configuration = members.next_value::<Configuration>()?.root_module,
                "errored" => plan.is_errored = members.next_value()?,
                "complete" => plan.is_complete = members.next_value()?,
                // Known, and nothing that happens. They hold most of a large plan.
                "variables"
                | "planned_values"
                | "output_changes"
                | "prior_state"
                | "relevant_attributes"
                | "checks"
                | "timestamp"
                | "applyable" => drop(members.next_value::<IgnoredAny>()?),
                _ => {
                    members.next_value::<IgnoredAny>()?;
                    plan.unknown.push(name);
                }
            }
        }
        Ok(plan)
    }
}

impl<'de> Deserialize<'de> for Changes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Changes, D::Error> {
        let mut changes = Changes::default();
        let take = |change: Change| {
            let address = plain(&change.address);
            if change.change.is_destroyed() {
                changes.destroyed.insert(address.clone());
            }
            if change.change.acts() {
                changes.acting.insert(address);
            }
            changes.rows.extend(change.row());
        };
        each(deserializer, take)?;
        Ok(changes)
    }
}

#[derive(Deserialize)]
struct Addressed {
    #[serde(default)]
    address: String,
}

fn addresses(all: List<Addressed>) -> Vec<String> {
    all.0.into_iter().map(|own| own.address).collect()
}

#[derive(Deserialize)]
struct Deferred {
    resource_change: Option<Addressed>,
}

impl Deferred {
    fn address(self) -> String {
        self.resource_change.map_or_else(|| "a resource".to_owned(), |own| own.address)
    }
}

#[derive(Deserialize, Default)]
struct Configuration {
    #[serde(default)]
    root_module: Module,
}

/// A module of the configuration.
#[derive(Deserialize, Default)]
pub struct Module {
    #[serde(default)]
    pub resources: List<Block>,
    #[serde(default)]
    pub module_calls: Object<Call>,
}

/// The use of a module.
#[derive(Deserialize)]
pub struct Call {
    #[serde(default)]
    pub module: Module,
}

/// A block of a resource.
#[derive(Deserialize)]
pub struct Block {
    pub address: String,
    #[serde(default)]
    pub provisioners: List<Provisioner>,
}

/// A program that runs when a resource is created or destroyed.
#[derive(Deserialize)]
pub struct Provisioner {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub expressions: Expressions,
}

/// Its arguments.
#[derive(Deserialize, Default)]
pub struct Expressions {
    pub command: Option<Expression>,
    /// What else decides what runs: an interpreter, an environment, a folder.
    #[serde(flatten)]
    pub others: BTreeMap<String, IgnoredAny>,
}

/// One argument.
#[derive(Deserialize)]
pub struct Expression {
    #[serde(default)]
    pub constant_value: Value,
}
