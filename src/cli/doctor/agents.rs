//! `undersign doctor --agents`: which agents ask the hook in this account, whether the account could take that away,
//! and which credentials lie in it that make asking a matter of courtesy.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::Finding::{self, Bad, Good, Note};
use super::tell;
use crate::agents::{Agent, install};
use crate::disk::read_small;

/// Files below the home directory in which programs keep credentials.
const FILES: [&str; 16] = [
    ".aws/credentials",
    ".aws/sso/cache",
    ".azure/msal_token_cache.json",
    ".config/doctl/config.yaml",
    ".config/gcloud/application_default_credentials.json",
    ".config/gcloud/credentials.db",
    ".config/helm/repositories.yaml",
    ".config/hcloud/cli.toml",
    ".kube/config",
    ".my.cnf",
    ".mylogin.cnf",
    ".netrc",
    ".pg_service.conf",
    ".pgpass",
    ".terraform.d/credentials.tfrc.json",
    ".vault-token",
];
/// Variables that hold credentials, or say where some are.
const VARIABLES: [&str; 18] = [
    "ARM_CLIENT_SECRET",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AZURE_CLIENT_SECRET",
    "CLOUDFLARE_API_TOKEN",
    "DATABASE_URL",
    "DIGITALOCEAN_ACCESS_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CREDENTIALS",
    "HCLOUD_TOKEN",
    "KUBECONFIG",
    "MYSQL_PWD",
    "PGPASSFILE",
    "PGPASSWORD",
    "SSH_AUTH_SOCK",
    "VAULT_TOKEN",
];
/// The beginning of variables of Terraform that hold tokens.
const TERRAFORM: &str = "TF_TOKEN_";
/// Bytes of a file of an agent's settings that are read.
const MAX_FILE: u64 = 1 << 20;

pub(super) fn run() -> u8 {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let mut found: Vec<Finding> = Agent::ALL.into_iter().filter_map(hook).collect();
    if found.is_empty() {
        found.push(Bad("No agent asks the hook in this account: `undersign hook install` prints how.".to_owned()));
    }
    found.extend(credentials(&home));
    outln!("A hook is level L0: it stops accidents. Only a broker with an account of its own proves more.");
    tell(&found)
}

/// What holds an agent in this account; none if there is no file for it.
fn hook(agent: Agent) -> Option<Finding> {
    let (name, place) = (agent.name(), install::setup(agent, "undersign").place);
    let managed = !place.starts_with('~');
    let path = crate::cli::hook::place(place).ok()?;
    path.symlink_metadata().ok()?;
    let text = String::from_utf8(read_small(&path, MAX_FILE)).unwrap_or_default();
    if !install::is_own(agent, &text) {
        return Some(Bad(format!(
            "{name}: {place} is not what this version writes, so nobody knows what it stops. Compare it with \
             `undersign hook install {name}`."
        )));
    }
    if !managed {
        return Some(Note(format!(
            "{name}: it asks the hook, and whoever works in this account can take {place} away."
        )));
    }
    let own = nix::unistd::geteuid();
    let is_open = |step: &Path| step.metadata().is_ok_and(|about| about.uid() != 0 || about.mode() & 0o022 != 0);
    Some(match path.ancestors().find(|step| is_open(step)) {
        _ if own.is_root() => Note(format!("{name}: it asks the hook. This is root, who could take {place} away.")),
        Some(step) => Bad(format!("{name}: others than root can write to {}, and take the hook away.", step.display())),
        None => Good(format!("{name}: it asks the hook, and this account cannot take {place} away.")),
    })
}

/// What lies in this account; contents and values are not looked at.
fn credentials(home: &Path) -> Vec<Finding> {
    let files =
        FILES.into_iter().filter(|file| std::fs::metadata(home.join(file)).is_ok()).map(|file| format!("~/{file}"));
    let is_held = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let variables = VARIABLES.into_iter().filter(is_held).map(|name| format!("the variable {name}"));
    let tokens = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with(TERRAFORM)).count();
    let tokens = (tokens > 0).then(|| format!("variables {TERRAFORM}…"));
    let all: Vec<String> = files.chain(variables).chain(tokens).collect();
    if all.is_empty() {
        return vec![Good("No credentials were found in the usual places of this account.".to_owned())];
    }
    vec![Note(format!(
        "Here are credentials, or ways to some: {}. If one reaches production, an agent in this account needs no \
         broker.",
        all.join(", ")
    ))]
}
