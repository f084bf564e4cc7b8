//! Files for people who do not have undersign.

use std::path::Path;

use super::book::Book;
use crate::change::{counted, shown_word};
use crate::gate::RecordStatus;
use crate::policy::Policy;
use crate::record::{Key, chain, sshsig};

pub(super) fn run(ids: &[String], to: &Path, book: &Book) -> Result<(), String> {
    let mut chosen = Vec::new();
    for id in ids {
        chosen.push(book.find(id)?);
    }
    if ids.is_empty() {
        chosen = book.record_statuses()?.into_iter().filter(|status| status.person.is_some()).collect();
    }
    if chosen.is_empty() {
        return Err("There is nothing to export: nothing is signed here by anybody in the roster.".to_owned());
    }
    let bundle = Bundle::of(&chosen, book.policy()?);
    bundle.write(to)?;
    outln!("Wrote {} to {}. Anyone can check them:", counted(chosen.len(), "record"), to.display());
    out!("\n{}", bundle.instructions);
    Ok(())
}

/// Files for a third party: names and bytes.
pub(super) struct Bundle {
    pub files: Vec<(String, Vec<u8>)>,
    pub instructions: String,
}

impl Bundle {
    fn of(statuses: &[RecordStatus<'_>], policy: &Policy) -> Bundle {
        let mut files = Vec::new();
        let mut lines = Vec::new();
        for status in statuses {
            let (record, id) = (status.record, status.record.id());
            lines.extend_from_slice(&record.link.envelope);
            files.push((format!("{id}.dsse.json"), record.link.envelope.clone()));
            files.push((format!("{id}.manifest"), record.link.file(chain::MANIFEST_FILE).to_vec()));
            files.push((format!("{id}.findings.json"), record.link.file(chain::FINDINGS_FILE).to_vec()));
        }
        files.push(("decisions.intoto.jsonl".to_owned(), lines));
        files.push(("signers".to_owned(), signers_for(policy, sshsig::NAMESPACE).into_bytes()));
        let script = include_bytes!("../../../assets/verify-record.sh");
        files.push(("verify-record.sh".to_owned(), script.to_vec()));
        let instructions = instructions(&statuses[0]);
        files.push(("HOW-TO-VERIFY".to_owned(), instructions.clone().into_bytes()));
        Bundle { files, instructions }
    }

    pub fn write(&self, dir: &Path) -> Result<(), String> {
        for (name, bytes) in &self.files {
            let path = dir.join(name);
            crate::disk::write_atomically(&path, bytes)
                .map_err(|error| format!("{} cannot be written: {error}.", path.display()))?;
        }
        Ok(())
    }
}

/// The roster as ssh-keygen reads it; a line without a namespace would let a key for commits sign decisions.
pub(super) fn signers_for(policy: &Policy, namespace: &str) -> String {
    let line = |person: &crate::policy::Person, key: &Key| {
        format!("{} namespaces=\"{namespace}\" {}\n", person.id, key.to_openssh())
    };
    policy.roster.people().flat_map(|person| person.keys.iter().map(move |own| line(person, &own.key))).collect()
}

fn instructions(status: &RecordStatus<'_>) -> String {
    let (id, predicate) = (status.record.id(), status.predicate());
    format!(
        "# The signature of one record, with OpenSSH, jq and base64, in this folder:\n\
         jq -rj .payload {id}.dsse.json | base64 -d > payload\n\
         jq -rj '.signatures[0].sig' {id}.dsse.json | base64 -d > payload.sig\n\
         {{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' \"$(wc -c < payload)\"; cat payload; }} |\n  \
         ssh-keygen -Y verify -f signers -I {who} -n {namespace} -s payload.sig\n\
         # That it approves exactly this, now:\n\
         sh verify-record.sh {id}.dsse.json signers {who} {repository} {target} {manifest}\n",
        who = predicate.principal,
        namespace = sshsig::NAMESPACE,
        repository = predicate.repository.id,
        target = shown_word(&predicate.target.name),
        manifest = predicate.manifest.sha256,
    )
}
