//! FLOOR 3: configuration: files of the user, environment, git's identity and signing key. Never a file of a repository
//! under review.

use std::path::{Path, PathBuf};

use crate::app::keymap::Keymap;
use crate::datafile::{self, Refused};
use crate::drafts::Drafts;
use crate::signer::SigningKey;
use crate::tui::theme::{Depth, Theme};

/// What the desk runs with. Mistakes in files are told, and the defaults take their place.
pub struct Config {
    pub repositories: Vec<PathBuf>,
    pub theme: Theme,
    pub keymap: Keymap,
    pub drafts: Drafts,
    pub key: Result<SigningKey, String>,
    /// One for each file that was refused.
    pub troubles: Vec<String>,
}

#[derive(Default)]
struct File {
    repositories: Vec<PathBuf>,
    theme: Option<String>,
    signing_key: Option<String>,
}

impl Config {
    /// Reads configuration for a desk. `near` is a repository whose git configuration may name the signing key.
    pub fn read(near: Option<&Path>) -> Config {
        let mut troubles = Vec::new();
        let dirs = directories::ProjectDirs::from("", "", "undersign");
        let config_dir = dirs.as_ref().map(|dirs| dirs.config_dir().to_path_buf()).unwrap_or_default();
        let data_dir =
            dirs.as_ref().map_or_else(|| PathBuf::from(".undersign-data"), |dirs| dirs.data_dir().to_path_buf());
        let file = load(&config_dir.join("config.toml"), &mut troubles, parse).unwrap_or_default();
        let keymap = load(&config_dir.join("keymap.toml"), &mut troubles, Keymap::user).unwrap_or_else(Keymap::shipped);
        let theme = theme(&file, &config_dir, &mut troubles);
        let key = signing_key(file.signing_key.as_deref(), near);
        Config {
            repositories: file.repositories,
            theme,
            keymap,
            drafts: crate::worker::drafts_dir(data_dir),
            key,
            troubles,
        }
    }
}

/// Reads a file that may be absent.
fn load<T>(path: &Path, troubles: &mut Vec<String>, read: impl FnOnce(&str, &str) -> Result<T, Refused>) -> Option<T> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            troubles.push(format!("{} cannot be read: {error}. The defaults are used.", path.display()));
            return None;
        }
    };
    read(&path.display().to_string(), &text)
        .inspect_err(|refused| troubles.push(format!("{refused}\nThe defaults are used.")))
        .ok()
}

fn parse(name: &str, text: &str) -> Result<File, Refused> {
    datafile::read(name, text, |root| {
        let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_path_buf());
        let expand = |text: String| match (text.strip_prefix("~/"), &home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(text),
        };
        Some(File {
            repositories: root.strings("repositories").into_iter().map(|path| expand(path.value)).collect(),
            theme: root.string("theme").map(|theme| theme.value),
            signing_key: root.string("signing_key").map(|key| key.value),
        })
    })
}

/// The theme by name: a shipped one, or `themes/NAME.toml` of the user. Without colours: mono.
fn theme(file: &File, config_dir: &Path, troubles: &mut Vec<String>) -> Theme {
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        return Theme::shipped("mono").expect("mono is shipped");
    }
    let name =
        std::env::var("UNDERSIGN_THEME").ok().or_else(|| file.theme.clone()).unwrap_or_else(|| "dark".to_owned());
    let own = config_dir.join("themes").join(format!("{}.toml", name.replace('/', "")));
    let theme = load(&own, troubles, Theme::parse).or_else(|| Theme::shipped(&name)).unwrap_or_else(|| {
        troubles.push(format!("There is no theme `{name}`; shipped are {}. dark is used.", Theme::names().join(", ")));
        Theme::shipped("dark").expect("dark is shipped")
    });
    let colours = std::env::var("COLORTERM").unwrap_or_default();
    let depth = if matches!(colours.as_str(), "truecolor" | "24bit") { Depth::True } else { Depth::Indexed };
    theme.with_depth(depth)
}

/// The signing key: of the configuration, else what git would sign with.
fn signing_key(configured: Option<&str>, near: Option<&Path>) -> Result<SigningKey, String> {
    let git = git_config(near);
    let of_git = || {
        let git = git.as_ref()?;
        // git's default format is OpenPGP: its key id means nothing here.
        let ssh = git.get_string("gpg.format").is_ok_and(|format| format == "ssh");
        git.get_string("user.signingkey").ok().filter(|_| ssh)
    };
    let Some(name) = configured.map(str::to_owned).or_else(of_git) else {
        return Err(
            "There is no signing key: set git's gpg.format to ssh and user.signingkey to an ed25519 key, or signing_key in config.toml. \
             You can read all the same."
                .to_owned(),
        );
    };
    let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_path_buf());
    let agent = std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from);
    SigningKey::find(&name, agent.as_deref(), home.as_deref()).map_err(|error| error.to_string())
}

/// git's configuration as a person has it, and that of the repository they stand in.
pub fn git_config(near: Option<&Path>) -> Option<git2::Config> {
    let repository = near.and_then(|path| git2::Repository::discover(path).ok());
    let config = repository.map_or_else(git2::Config::open_default, |repository| repository.config());
    config.ok()?.snapshot().ok()
}
