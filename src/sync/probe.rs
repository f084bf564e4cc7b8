//! Finds out what a host allows with records, by means of throw-away refs.

use git2::Oid;

use super::Remote;

/// What a host allows under one prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    pub create: bool,
    pub grow: bool,
    pub rewind: bool,
    pub delete: bool,
}

impl Allowed {
    /// How well a ledger there is protected.
    pub fn guarantee(self) -> Guarantee {
        match self {
            Allowed { create: true, grow: true, rewind: false, delete: false } => Guarantee::Kept,
            Allowed { create: true, grow: true, .. } => Guarantee::Noticed,
            _ => Guarantee::None,
        }
    }
}

/// What protects records on a host, from strong to weak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guarantee {
    /// The host itself refuses to rewind and delete.
    Kept,
    /// The host lets them disappear: syncs, `seen` heads and the memory of gates notice.
    Noticed,
    /// The host accepts no records.
    None,
}

impl Remote<'_> {
    /// Tries on a throw-away ref under `prefix` what the host allows; each answer is what the remote lists afterwards,
    /// not what it reports. The last value is the ref, if it could not be removed.
    pub fn probe(&self, prefix: &str, name: &str) -> Result<(Allowed, Option<String>), String> {
        let reference = format!("{prefix}{name}");
        let first = self.probe_commit("undersign probe 1", None)?;
        let second = self.probe_commit("undersign probe 2", Some(first))?;
        let other = self.probe_commit("undersign probe 3", None)?;
        let tip = || -> Result<Option<String>, String> {
            let text = self.git(&["ls-remote", &self.name, &reference])?;
            Ok(text.split_once('\t').map(|(id, _)| id.to_owned()))
        };
        let becomes = |spec: String, wanted: Option<Oid>| -> Result<bool, String> {
            self.run(&["push", "--quiet", "--no-verify", &self.name, &spec])?;
            Ok(tip()? == wanted.map(|id| id.to_string()))
        };
        // Makes an unreachable remote an error, rather than a host that allows nothing.
        tip()?;
        let create = becomes(format!("{first}:{reference}"), Some(first))?;
        let grow = create && becomes(format!("{second}:{reference}"), Some(second))?;
        let rewind = grow && becomes(format!("+{other}:{reference}"), Some(other))?;
        let delete = create && becomes(format!(":{reference}"), None)?;
        let left = (create && !delete).then_some(reference);
        Ok((Allowed { create, grow, rewind, delete }, left))
    }

    fn probe_commit(&self, message: &str, parent: Option<Oid>) -> Result<Oid, String> {
        let raw = &self.repository.raw;
        let make = || -> Result<Oid, git2::Error> {
            let tree = raw.find_tree(raw.treebuilder(None)?.write()?)?;
            let who = git2::Signature::new("undersign", "undersign@localhost", &git2::Time::new(0, 0))?;
            let parent = parent.map(|id| raw.find_commit(id)).transpose()?;
            raw.commit(None, &who, &who, message, &tree, &parent.iter().collect::<Vec<_>>())
        };
        make().map_err(|error| format!("The probe cannot be prepared: {}.", error.message()))
    }
}
