//! git's settings, for the person who works here.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use git2::ConfigLevel;

/// Variables by which git's settings are given in the environment; `git -c` sets the last.
const GIVEN: [&str; 4] = ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"];
/// An include that depends on the remotes of a repository, which the library does not follow.
const UNREAD: &str = "includeif.hasconfig:";

/// git's settings in a repository and above, by their names in lower case.
#[derive(Debug, Default)]
pub struct GitSettings {
    values: BTreeMap<String, (String, bool)>,
}

impl GitSettings {
    /// Those of the repository around `near`, else the person's own. What git itself reads from the environment, or
    /// from includes that the library does not follow, is asked of the git program.
    pub fn of(near: Option<&Path>) -> GitSettings {
        let own = read(near).unwrap_or_default();
        let is_given = GIVEN.iter().any(|name| std::env::var_os(name).is_some());
        let is_unread = || own.values.keys().any(|name| name.starts_with(UNREAD));
        let asked = (is_given || is_unread()).then(|| asked(near)).flatten();
        asked.unwrap_or(own)
    }

    /// The value that prevails.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|(value, _)| value.as_str())
    }

    /// Whether a setting is of one repository, or of one of its work trees.
    pub fn is_here(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|(_, is_here)| *is_here)
    }
}

fn read(near: Option<&Path>) -> Option<GitSettings> {
    let repository = near.and_then(|path| git2::Repository::discover(path).ok());
    let config = repository.map_or_else(git2::Config::open_default, |repository| repository.config());
    let config = config.ok()?.snapshot().ok()?;
    let mut settings = GitSettings::default();
    let mut entries = config.entries(None).ok()?;
    while let Some(entry) = entries.next() {
        let Ok(entry) = entry else { continue };
        let (Ok(name), Ok(value)) = (entry.name(), entry.value()) else { continue };
        let is_here = matches!(entry.level(), ConfigLevel::Local | ConfigLevel::Worktree);
        settings.values.insert(name.to_owned(), (value.to_owned(), is_here));
    }
    Some(settings)
}

/// As the git program says.
fn asked(near: Option<&Path>) -> Option<GitSettings> {
    let mut command = Command::new("git");
    command.args(["config", "--list", "--null", "--show-scope", "--includes"]);
    command.current_dir(near.filter(|near| near.is_dir()).unwrap_or(Path::new(".")));
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(listed(&output.stdout))
}

/// Scope, then name and value with a line break between them, each with NUL behind it. A name alone is true.
fn listed(output: &[u8]) -> GitSettings {
    let mut parts = output.split(|byte| *byte == 0);
    let mut settings = GitSettings::default();
    while let (Some(scope), Some(entry)) = (parts.next(), parts.next()) {
        let entry = String::from_utf8_lossy(entry);
        let (name, value) = entry.split_once('\n').unwrap_or((&entry, "true"));
        let is_here = matches!(scope, b"local" | b"worktree");
        settings.values.insert(name.to_owned(), (value.to_owned(), is_here));
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn the_last_of_several_values_prevails_and_its_scope_is_known() {
        let told = listed(b"global\0user.name\nDana\0local\0user.name\nDana\nof two lines\0command\0core.bare\0");
        assert_eq!(told.get("user.name"), Some("Dana\nof two lines"));
        assert!(told.is_here("user.name") && !told.is_here("core.bare"));
        assert_eq!((told.get("core.bare"), told.get("user.email")), (Some("true"), None));
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = listed(&bytes);
        }
    }
}
