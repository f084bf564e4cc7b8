//! Addresses of Terraform: which resources belong to a module since, and which ones a removed resource was about.

use std::collections::{BTreeMap, BTreeSet};

use crate::risk::facts::{Fact, Kind, Value};

/// A folder, and what a resource in it is called: `aws_s3_bucket.logs`.
pub(super) type Address = (String, String);

/// The resources that `moved` blocks put into a module: `from = aws_s3_bucket.logs`, `to = module.logs.…`.
pub(super) fn in_modules<'f>(path: &str, came: impl Iterator<Item = &'f Fact>) -> Vec<Address> {
    let (mut found, mut from) = (Vec::new(), None);
    for fact in came.filter(|fact| fact.kind == Kind::Setting && is_terraform(path)) {
        match fact.object.as_str() {
            "moved.from" => from = Some(without_index(&fact.value.say()).to_owned()),
            "moved.to" if fact.value.say().starts_with("module.") => {
                found.extend(from.take().map(|from| (folder(path), from)));
            }
            _ => {}
        }
    }
    found
}

/// What the removed resources of a file refer to, by the resource.
#[derive(Default)]
pub(super) struct Resources {
    folder: String,
    about: BTreeMap<String, BTreeSet<String>>,
}

impl Resources {
    pub fn of<'f>(path: &str, went: impl Iterator<Item = &'f Fact>) -> Resources {
        let mut resources = Resources { folder: folder(path), ..Resources::default() };
        for fact in went.filter(|fact| fact.kind == Kind::Setting && is_terraform(path)) {
            let (Some(own), Value::Expression(value)) = (resource(&fact.object), &fact.value) else { continue };
            let names: Vec<&str> = value.split('.').take(2).map(without_index).collect();
            if let [kind, name] = names[..] {
                resources.about.entry(own.to_owned()).or_default().insert(format!("{kind}.{name}"));
            }
        }
        resources
    }

    /// The resource that stated a fact, and those that it refers to.
    pub fn of_fact(&self, fact: &Fact) -> Vec<Address> {
        let Some(own) = resource(&fact.object) else { return Vec::new() };
        let others = self.about.get(own).into_iter().flatten().map(String::as_str);
        others.chain([own]).map(|name| (self.folder.clone(), name.to_owned())).collect()
    }
}

/// `aws_s3_bucket.logs` of `resource.aws_s3_bucket.logs.acl`.
fn resource(object: &str) -> Option<&str> {
    let rest = object.strip_prefix("resource.")?;
    let (kind, after) = rest.split_once('.')?;
    let name = after.split(['.', '[']).next()?;
    rest.get(..kind.len() + 1 + name.len())
}

fn without_index(name: &str) -> &str {
    name.split('[').next().unwrap_or(name)
}

fn is_terraform(path: &str) -> bool {
    path.ends_with(".tf")
}

fn folder(path: &str) -> String {
    path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned()
}
