//! `undersign doctor --server`: what works with a review server, with which account, and what cannot be proved there.

use crate::change::visible;
use crate::config;
use crate::delivery::{self, ServerAccess};
use crate::source::git::Repository;
use crate::source::server::{self, Account, Pending, ReviewServer, Server, ServerKind, TokenRights, variable};

pub fn run(name: &str, repository: Option<&Repository>) -> Result<(), String> {
    let servers = config::servers();
    let Some(server) = servers.iter().find(|server| server.name == name) else {
        let known: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
        let known = match &known[..] {
            [] if !config::file_problems().is_empty() => "it is ignored until it is fixed".to_owned(),
            [] => "there is none".to_owned(),
            [one] => format!("there is {one}"),
            all => format!("there are {}", all.join(", ")),
        };
        let file = config::directory().join("config.toml");
        return Err(format!("No server in {} is called {}; {known}.", file.display(), visible::text(name)));
    };
    row("server", &server.url);
    let access = ServerAccess::by_network(Vec::new(), &config::data_directory());
    let server = &server.with_kind(&*access.transport).map_err(|error| error.to_string())?;
    row("kind", server.kind.map_or("", ServerKind::name));
    let token = server::token(server)?;
    let from = token.as_ref().map_or_else(
        || {
            let stray = stray(&servers).map(|name| format!(". {name} is set, and is for no server"));
            let (own, stray) = (variable(&server.name), stray.unwrap_or_default());
            format!("none found. Put one into {own}, or write token_command in config.toml{stray}")
        },
        |found| format!("from {}", found.from),
    );
    row("token", &from);
    let (connected, account) = access.connect(server)?;
    row("account", &account.login);
    if !account.version.is_empty() {
        row("version", &account.version);
    }
    let rights = connected.rights().map_err(|error| error.to_string())?;
    row("scopes", &scopes(&rights));
    if let Some(when) = &rights.expires {
        row("expires", when);
    }
    let abilities = connected.abilities();
    let bound = if abilities.binds_commits { "each bound to the commit, and read back" } else { "each read back" };
    row("verdicts", &format!("approval, changes requested; {bound}"));
    if !abilities.has_status {
        row("statuses", "none: this server has no status at a commit");
    }
    let home = if abilities.holds_records { "and with each verdict" } else { "else in the comment" };
    row("records", &format!("in refs of the remote where it takes them (`undersign doctor --remote NAME`), {home}"));
    if !abilities.binds_commits {
        row(
            "unproved",
            "that what it calls approved is what was approved: new commits may keep the verdicts on the old",
        );
    }
    row("unproved", "that a verdict there permits or blocks a merge: the server has its own rules");
    let asked = connected.asked(&account).map_err(|error| error.to_string())?;
    row("asks you", &crate::change::counted(asked.len(), "review request"));
    repository.map_or(Ok(()), |repository| here(server, &*connected, &account, repository))?;
    // Reading works with less: only the first verdict would tell.
    rights.missing.map_or(Ok(()), |scope| {
        let name = visible::text(name);
        Err(format!("No verdict can be sent: the token for {name} lacks the scope `{scope}`. Create one that has it."))
    })
}

/// What the token may do, in the server's words.
fn scopes(rights: &TokenRights) -> String {
    match &rights.scopes {
        Some(scopes) if scopes.is_empty() => "none".to_owned(),
        Some(scopes) => scopes.join(", "),
        None => "not told by the server: the manual has what a token needs".to_owned(),
    }
}

/// A variable that is named as those of tokens are, and is for none of the servers.
fn stray(servers: &[Server]) -> Option<String> {
    let own: Vec<String> = servers.iter().map(|server| variable(&server.name)).collect();
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| name.starts_with(&variable("")) && !own.contains(name)).min()
}

/// Which remotes of the repository the server has, and what is open there.
fn here(server: &Server, connected: &dyn ReviewServer, account: &Account, own: &Repository) -> Result<(), String> {
    let mut found = delivery::repositories(own, server);
    found.extend(delivery::known(own, connected)?);
    found.dedup();
    if found.is_empty() {
        row(&own.name, "none of its remotes is at this server");
    }
    for (remote, name) in found {
        let open: Vec<Pending> = connected.open(&name, account).map_err(|error| error.to_string())?;
        row(&own.name, &format!("{remote} is {name}: {} open", crate::change::counted(open.len(), "review request")));
    }
    Ok(())
}

fn row(what: &str, text: &str) {
    outln!("{:<12}{}", visible::text(what), visible::text(text));
}
