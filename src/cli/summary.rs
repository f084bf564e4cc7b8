//! `undersign verify --summary`: what was allowed, signed with the gate's own key for readers who do not know
//! undersign.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::change::{ObjectId, address};
use crate::disk::write_atomically;
use crate::gate::summary::{Facts, GateKey, Input, Summary};
use crate::gate::{Decided, Outcome, RefOutcome};
use crate::source::git::Repository;

#[derive(Args)]
pub struct SummaryOptions {
    /// Where to write a SLSA verification summary of what was allowed
    #[arg(long, value_name = "FILE", requires_all = ["summary_key", "verifier"], conflicts_with_all = ["pre_receive", "at"])]
    summary: Option<PathBuf>,
    /// The gate's key: `undersign gate keygen` makes one
    #[arg(long, value_name = "FILE")]
    summary_key: Option<PathBuf>,
    /// URI that names this gate to the readers of the summary
    #[arg(long, value_name = "URI")]
    verifier: Option<String>,
    /// URI of the repository, such as git+https:…/shop; by default that of origin
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
}

impl SummaryOptions {
    /// Writes the summary of an allowed push; of any other there is none.
    ///
    /// # Errors
    /// A sentence. A push whose summary cannot be written is not let through by exit code: what waits for it would wait
    /// for ever.
    pub fn write(&self, outcome: &Outcome, repository: &Path, commit: ObjectId) -> Result<(), String> {
        let (Some(file), Some(key), Some(verifier)) = (&self.summary, &self.summary_key, &self.verifier) else {
            return Ok(());
        };
        let [judged] = &outcome.refs[..] else { return Ok(()) };
        let levels = facts(judged).levels();
        let passed = outcome.outcome == Decided::Allow && outcome.enforced;
        if passed && levels.is_empty() {
            eprintln!("undersign: nobody signed for this, so there is nothing to sum up and no summary is written.");
        }
        let Some(policy) = outcome.policy.as_ref().filter(|_| passed && !levels.is_empty()) else {
            // A summary of an earlier push must not be mistaken for one of this push.
            return match std::fs::remove_file(file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(format!("The old summary {} cannot be removed: {error}.", file.display()))
                }
                _ => Ok(()),
            };
        };
        let opened = Repository::open_exactly(repository).map_err(|error| error.to_string())?;
        let resource = match &self.resource {
            Some(named) if named.contains("://") && address::without_user(named) != *named => {
                return Err(
                    "The URI of --resource holds a user, password or query, and a summary is for everybody to \
                            read. Leave that out."
                        .to_owned(),
                );
            }
            named => named.clone().unwrap_or_else(|| resource_of(&opened.uri())),
        };
        let parse = |text: &str| text.parse().map_err(|_| "The outcome names no digest.".to_owned());
        let record =
            |id: &String| Ok(Input { uri: format!("{resource}#undersign-record-{}", &id[..12]), digest: parse(id)? });
        let summary = Summary {
            verifier: verifier.clone(),
            now: outcome.evaluated_at,
            reference: judged.name.clone(),
            commit,
            tree: opened.tree_of(commit).map_err(|error| error.to_string())?,
            policy: Input {
                uri: format!("{resource}#{}", crate::source::git::POLICY_PATH),
                digest: parse(&policy.digest)?,
            },
            records: judged.records.iter().map(record).collect::<Result<_, String>>()?,
            levels,
            repository: resource,
        };
        let key = std::fs::read_to_string(key)
            .map_err(|error| format!("The gate's key {} cannot be read: {error}.", key.display()))?;
        let key = GateKey::from_pem(&key).map_err(|fault| format!("The gate's key cannot be used: {fault}."))?;
        let bytes = summary.sign(&key).map_err(|fault| format!("No summary can be written: {fault}."))?;
        write_atomically(file, &bytes)
            .map_err(|error| format!("The summary {} cannot be written: {error}.", file.display()))
    }
}

fn facts(judged: &RefOutcome) -> Facts {
    let people: BTreeSet<_> = judged.requirements.iter().flat_map(|slot| &slot.by).collect();
    Facts {
        people: people.len(),
        presence_proven: judged.presence.as_deref().is_some_and(|presence| presence != "none"),
        break_glass: judged.break_glass,
    }
}

/// An SPDX download location of what `git remote` says, without user: what is signed is for everybody.
fn resource_of(uri: &str) -> String {
    let uri = &address::without_user(uri);
    match uri.split_once("://") {
        Some(_) => format!("git+{uri}"),
        None => match uri.split_once(':') {
            // scp-like: host:path
            Some((host, path)) => format!("git+ssh://{host}/{path}"),
            None => format!("git+file://{uri}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_becomes_a_uri() {
        assert_eq!(resource_of("https://git.example/shop"), "git+https://git.example/shop");
        assert_eq!(resource_of("git@git.example:team/shop.git"), "git+ssh://git.example/team/shop.git");
        assert_eq!(resource_of("https://USER:TOKEN@git.example/shop"), "git+https://git.example/shop");
        assert_eq!(resource_of("/srv/shop.git"), "git+file:///srv/shop.git");
    }
}
