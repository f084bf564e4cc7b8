//! `undersign org status`: which repositories keep to an organization.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::change::visible;
use crate::cli::doctor;
use crate::cli::gate::hook::Hook;
use crate::enforcement::{self, Settings};
use crate::policy::Organization;
use crate::source::git::{PolicyState, Repository, organization};

#[derive(Args)]
pub struct Options {
    /// The organization: its repository, a copy of that, or its file
    #[arg(long, value_name = "PATH")]
    organization: PathBuf,
    /// The repositories that are pushed to
    #[arg(value_name = "DIR", required = true)]
    repositories: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Status {
    schema: &'static str,
    organization: String,
    version: u64,
    repositories: Vec<Row>,
}

/// How one repository stands to the organization.
#[derive(Serialize)]
struct Row {
    path: String,
    /// The id that its policy gives it; none if it has no sound policy.
    repository: Option<String>,
    /// The version of the organization by which its gate judged last.
    judged_by: Option<u64>,
    /// It is the organization's own, or a copy of that: its policy inherits from nowhere.
    is_organization: bool,
    /// Where it does not keep to the organization: sentences.
    deviates: Vec<String>,
}

pub fn run(options: &Options) -> Result<u8, String> {
    let organization = organization::read(&options.organization, Some(crate::clock::now()))?;
    let row = |path: &PathBuf| row(path, &options.organization, &organization);
    let status = Status {
        schema: "undersign-org-status/v0",
        organization: organization.id().to_owned(),
        version: organization.version(),
        repositories: options.repositories.iter().map(row).collect(),
    };
    if options.json {
        outln!("{}", serde_json::to_string(&status).map_err(|error| error.to_string())?);
    } else {
        print(&status);
    }
    Ok(if status.repositories.iter().all(|row| row.deviates.is_empty()) { 0 } else { 2 })
}

fn print(status: &Status) {
    let width = status.repositories.iter().map(|row| row.path.chars().count()).max().unwrap_or_default();
    let judged = || status.repositories.iter().filter(|row| !row.is_organization);
    let (all, deviating) = (judged().count(), judged().filter(|row| !row.deviates.is_empty()).count());
    for row in &status.repositories {
        let judged = row.judged_by.map_or("-".to_owned(), |version| format!("v{version}"));
        let kept = if row.is_organization { "is the organization's own" } else { "keeps to it" };
        let first = row.deviates.first().map_or(kept, String::as_str);
        outln!("{:<width$}  {judged:>5}  {first}", row.path);
        for more in row.deviates.iter().skip(1) {
            outln!("{:<width$}  {:>5}  {more}", "", "");
        }
    }
    outln!("{} of {all} keep to {}, version {}.", all - deviating, status.organization, status.version);
}

fn row(path: &Path, place: &Path, organization: &Organization) -> Row {
    let shown = visible::line(path.as_os_str().as_encoded_bytes());
    let mut row = Row { path: shown, repository: None, judged_by: None, is_organization: false, deviates: Vec::new() };
    let repository = match Repository::open_exactly(path) {
        Ok(repository) if is_of(&repository, place, organization) => {
            row.is_organization = true;
            return row;
        }
        Ok(repository) => repository.with_organization(organization.clone()),
        Err(error) => {
            row.deviates.push(error.to_string());
            return row;
        }
    };
    row.of_policy(&repository, organization);
    row.of_gate(&repository, organization);
    row
}

/// Whether a repository is that of the organization, or a copy that accepted something of it. A file of that id, or
/// the very same file, makes it neither: anybody could land one.
fn is_of(repository: &Repository, place: &Path, organization: &Organization) -> bool {
    let is_copy = || organization::accepted(repository).is_some() && !organization::is_gated(repository);
    let read = || organization::read(repository.common_dir(), None).is_ok_and(|own| own.id() == organization.id());
    organization::is_of(place, repository) || is_copy() && read()
}

impl Row {
    fn of_policy(&mut self, repository: &Repository, organization: &Organization) {
        let branch = repository.target().map_err(|error| error.to_string());
        let policy = branch.and_then(|branch| repository.policy_at(branch.tip).map_err(|error| error.to_string()));
        let policy = match policy {
            Ok(PolicyState::Found(policy)) => policy,
            Ok(PolicyState::Absent) => return self.deviates.push("has no policy".to_owned()),
            Ok(PolicyState::Invalid(error)) => return self.deviates.push(visible::lines(&error.to_string())),
            Err(why) => return self.deviates.push(why),
        };
        self.repository = Some(policy.repository.clone());
        match &policy.inherited {
            None if organization::read(repository.common_dir(), None)
                .is_ok_and(|own| own.id() == organization.id()) =>
            {
                self.deviates.push(
                    "holds a file of the organization and does not inherit; name it by --organization if it is its own"
                        .to_owned(),
                );
            }
            None => self.deviates.push(format!("does not inherit: `inherits = \"{}\"`", organization.id())),
            Some(inherited) => {
                let weaker = inherited.weaker.iter();
                self.deviates.extend(
                    weaker
                        .map(|weaker| format!("asks for less, line {}: {}", weaker.line, visible::text(&weaker.text))),
                );
            }
        }
    }

    fn of_gate(&mut self, repository: &Repository, organization: &Organization) {
        let hook = Hook::of_repository(repository);
        self.deviates.extend(doctor::faults_of_hook(repository));
        let Some(hook) = hook else { return };
        for option in ["--policy", "--policy-branch"] {
            if let Some(given) = hook.given(option) {
                let given = visible::line(given.as_os_str().as_encoded_bytes());
                self.deviates.push(format!("its gate judges by {option} {given}, which was not looked into"));
            }
        }
        let Some(place) = hook.given("--organization") else { return };
        match organization::read(&place, Some(crate::clock::now())) {
            Err(why) => self.deviates.push(why),
            Ok(own) if own.digest() != organization.digest() => self.deviates.push(format!(
                "its gate judges by version {} of {}, from {}",
                own.version(),
                own.id(),
                visible::line(place.as_os_str().as_encoded_bytes())
            )),
            Ok(_) => {}
        }
        let state = hook.given("--state").unwrap_or_else(|| enforcement::default_state(repository));
        let settings = Settings { state_key: hook.given("--state-key"), ..Settings::default() };
        let id = self.repository.clone().unwrap_or_default();
        if let Ok(state) = enforcement::look_into_state(repository, &settings, &state, &id) {
            self.judged_by = state.remembered().organization.as_ref().map(|seen| seen.version);
            if self.judged_by.is_some_and(|version| version > organization.version()) {
                self.deviates.push("its gate judged by a newer version before, and now decides nothing".to_owned());
            }
        }
    }
}
