//! FLOOR 4: configuration: the user's files, the environment, git's identity and signing key. Never a file of a
//! repository under review.

mod git_settings;
mod key;

pub use git_settings::GitSettings;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::app::keymap::Keymap;
use crate::app::review::layout::{Layout, ViewOptions};
use crate::change::{address, visible};
use crate::datafile::{self, FileError, Placed, Table};
use crate::drafts::Drafts;
use crate::examination::packs;
use crate::risk::{PackFile, Rulebook};
use crate::signer::{NoKey, SigningKey};
use crate::source::server::{Server, ServerKind, variable};
use crate::tui::theme::{Depth, Theme};
use crate::worker::scan::{PATIENCE, Scanner, Way};
use key::signing_key;

/// The configuration of the desk. Mistakes in files are reported, and the defaults are used instead.
pub struct Config {
    pub repositories: Vec<PathBuf>,
    pub theme: Theme,
    pub keymap: Keymap,
    pub look: ViewOptions,
    /// Whether the program receives mouse events; otherwise the terminal selects text itself.
    pub mouse: bool,
    pub drafts: Drafts,
    pub servers: Vec<Server>,
    /// Tools that are run on what is opened.
    pub scanners: Vec<Scanner>,
    /// Where a broker is asked for the output of runs.
    pub broker: Option<OsString>,
    /// The user's rules.
    pub packs: Vec<PackFile>,
    pub key: Result<SigningKey, NoKey>,
    /// Whether a passphrase unlocks the key for the whole session.
    pub remember_passphrase: bool,
    /// One for each file that was refused.
    pub problems: Vec<String>,
}

#[derive(Default)]
struct File {
    repositories: Vec<PathBuf>,
    theme: Option<String>,
    terminal_background: bool,
    mouse: Option<bool>,
    layout: Layout,
    tab: Option<usize>,
    signing_key: Option<String>,
    remember_passphrase: bool,
    servers: Vec<Server>,
    scanners: Vec<Scanner>,
    notify: Vec<String>,
    broker: Option<String>,
}

impl Config {
    /// Reads the configuration for a desk. `near` is a repository whose git configuration may name the signing key.
    pub fn read(near: Option<&Path>) -> Config {
        let mut problems = Vec::new();
        let data_dir = data_directory();
        let file = read_file(&mut problems);
        let keymap = keymap(&mut problems);
        let theme = Themes::of(&file).chosen(&mut problems);
        let key = signing_key(file.signing_key.as_deref(), near);
        let packs = packs::in_folder(&rules_directory());
        problems.extend(Rulebook::with(packs.clone()).refused().map(|error| format!("{error}\nIt is not used.")));
        Config {
            repositories: file.repositories,
            theme,
            keymap,
            look: ViewOptions {
                layout: file.layout,
                tab: file.tab.unwrap_or(ViewOptions::default().tab),
                ..ViewOptions::default()
            },
            mouse: file.mouse.unwrap_or(true),
            remember_passphrase: file.remember_passphrase,
            servers: file.servers,
            scanners: file.scanners,
            broker: std::env::var_os("UNDERSIGN_BROKER").or(file.broker.map(OsString::from)),
            packs,
            drafts: crate::worker::drafts_dir(data_dir),
            key,
            problems,
        }
    }
}

fn dirs() -> Option<directories::ProjectDirs> {
    directories::ProjectDirs::from("", "", "undersign")
}

/// Where the user's data is kept: drafts, what is to be sent, the servers' answers.
pub fn data_directory() -> PathBuf {
    dirs().map_or_else(|| PathBuf::from(".undersign-data"), |dirs| dirs.data_dir().to_path_buf())
}

/// The user's review servers; mistakes in the file are reported elsewhere.
pub fn servers() -> Vec<Server> {
    read_file(&mut Vec::new()).servers
}

/// The repositories of the user's queue; likewise.
pub fn repositories() -> Vec<PathBuf> {
    read_file(&mut Vec::new()).repositories
}

/// The command that is told what waits; empty if there is none.
pub fn notify() -> Vec<String> {
    read_file(&mut Vec::new()).notify
}

/// The directory of the user's files.
pub fn directory() -> PathBuf {
    dirs().map(|dirs| dirs.config_dir().to_path_buf()).unwrap_or_default()
}

/// The directory of the user's rule packs: `NAME.toml`.
pub fn rules_directory() -> PathBuf {
    directory().join("rules")
}

/// What is wrong with `config.toml`.
pub fn file_problems() -> Vec<String> {
    let mut problems = Vec::new();
    let themes = Themes::read(&mut problems);
    problems.extend(themes.unknown());
    problems
}

fn read_file(problems: &mut Vec<String>) -> File {
    load(&directory().join("config.toml"), problems, parse).unwrap_or_default()
}

/// The user's keymap: the shipped one, overridden by their preset, and that by their own entries.
pub fn keymap(problems: &mut Vec<String>) -> Keymap {
    load(&directory().join("keymap.toml"), problems, Keymap::user).unwrap_or_else(Keymap::shipped)
}

/// Reads a file that may be absent.
fn load<T>(
    path: &Path,
    problems: &mut Vec<String>,
    read: impl FnOnce(&str, &str) -> Result<T, FileError>,
) -> Option<T> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            problems.push(format!("{} cannot be read: {error}. The defaults are used.", path.display()));
            return None;
        }
    };
    read(&path.display().to_string(), &text)
        .inspect_err(|error| problems.push(format!("{error}\nThe defaults are used.")))
        .ok()
}

fn parse(name: &str, text: &str) -> Result<File, FileError> {
    datafile::read(name, text, |root| {
        let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_path_buf());
        let expand = |text: String| match (text.strip_prefix("~/"), &home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(text),
        };
        Some(File {
            repositories: root.strings("repositories").into_iter().map(|path| expand(path.value)).collect(),
            theme: root.string("theme").map(|theme| theme.value),
            terminal_background: root.boolean("terminal_background").is_some_and(|kept| kept.value),
            mouse: root.boolean("mouse").map(|mouse| mouse.value),
            layout: layout(root),
            tab: tab(root),
            signing_key: root.string("signing_key").map(|key| key.value),
            remember_passphrase: root.boolean("remember_passphrase").is_some_and(|kept| kept.value),
            servers: root.table("server").map(servers_of).unwrap_or_default(),
            scanners: root.table("scanner").map(|table| scanners(&table, &expand)).unwrap_or_default(),
            notify: command_told(root, &expand),
            broker: root.string("broker").map(|place| place.value),
        })
    })
}

/// A program by its name or its whole path: it runs in no particular folder.
fn command_told(root: &Table<'_>, expand: &dyn Fn(String) -> PathBuf) -> Vec<String> {
    let words = root.strings("notify");
    let mut command: Vec<String> = words.iter().map(|word| word.value.clone()).collect();
    match (words.first(), command.first_mut()) {
        (Some(word), Some(program)) => {
            *program = expand(std::mem::take(program)).to_string_lossy().into_owned();
            if program.trim().is_empty() || (program.contains('/') && !program.starts_with('/')) {
                word.mistake("`notify` begins with the name of a program, or its path from `/` or `~/`");
            }
        }
        _ if root.has("notify") => root.mistake("`notify` needs a program: notify = [\"notify-me\"]"),
        _ => {}
    }
    command
}

fn scanners(table: &Table<'_>, expand: &dyn Fn(String) -> PathBuf) -> Vec<Scanner> {
    let scanner = |(name, table): (Placed<'_, String>, Table<'_>)| {
        let timeout = table.duration("timeout").map_or(PATIENCE, |time| Duration::from_secs(time.value.unsigned_abs()));
        let on_base = table.boolean("base").is_none_or(|base| base.value);
        let repository = table.need_string("repository");
        let (command, notes) = (table.string("command"), table.string("notes"));
        if command.is_some() == notes.is_some() {
            table.mistake("give it a `command`, or the ref of its `notes`, and not both");
        }
        if let Some(notes) = notes.as_ref().filter(|notes| !notes.value.starts_with("refs/notes/")) {
            notes.mistake("write the ref in full: refs/notes/ci");
        }
        let way = command.map(|own| Way::Command(own.value)).or(notes.map(|own| Way::Notes(own.value)));
        Some(Scanner { name: name.value, repository: expand(repository?.value), way: way?, timeout, on_base })
    };
    table.named_tables().into_iter().filter_map(scanner).collect()
}

/// Those whose tokens have separate variables: otherwise one server would be sent the token of another.
fn servers_of(table: Table<'_>) -> Vec<Server> {
    let mut known = BTreeSet::new();
    let mut tables = table.named_tables();
    tables.retain(|(name, _)| {
        let variable = variable(&name.value);
        let is_new = known.insert(variable.clone());
        if !is_new {
            name.mistake(format!("another server before it has its token in {variable}; give it another name"));
        }
        is_new
    });
    tables.into_iter().map(server).collect()
}

fn server((name, table): (Placed<'_, String>, Table<'_>)) -> Server {
    let url = table.need_string("url");
    if let Some(url) = &url
        && !["https://", "http://"].iter().any(|scheme| url.value.starts_with(scheme))
    {
        url.mistake("write the address as a browser has it: https://git.example.com".to_owned());
    }
    let own = url.as_ref().map(|url| address::without_user(&url.value)).unwrap_or_default();
    if let Some(url) = url.filter(|url| url.value != own) {
        url.mistake("write the address without user, password and query: a token has places of its own".to_owned());
    }
    let kind = table.string("kind").and_then(|kind| {
        let known = ServerKind::named(&kind.value);
        if known.is_none() {
            let names = ServerKind::ALL.map(ServerKind::name).join(", ");
            kind.mistake(format!("`{}` is not a kind of server; there are {names}", kind.value));
        }
        known
    });
    let url = own.trim_end_matches('/').to_owned();
    Server { name: name.value, url, kind, token_command: table.string("token_command").map(|command| command.value) }
}

/// The available themes, shipped or the user's, as this terminal shows them.
pub struct Themes {
    chosen: String,
    /// None if the terminal has no colours, or the user wants none.
    depth: Option<Depth>,
    terminal_background: bool,
}

impl Themes {
    /// Reads which theme the user chose, and what the terminal supports.
    pub fn read(problems: &mut Vec<String>) -> Themes {
        Themes::of(&read_file(problems))
    }

    fn of(file: &File) -> Themes {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let term = variable("TERM").unwrap_or_default();
        let depth = depth(&term, &variable("COLORTERM").unwrap_or_default(), variable("STY").is_some());
        Themes {
            chosen: variable("UNDERSIGN_THEME").or_else(|| file.theme.clone()).unwrap_or_else(|| "dark".to_owned()),
            depth: depth.filter(|_| variable("NO_COLOR").is_none()),
            terminal_background: file.terminal_background,
        }
    }

    /// The directory of the user's themes: `NAME.toml`.
    pub fn directory() -> PathBuf {
        directory().join("themes")
    }

    /// The theme in use: without colours it is mono, whatever was chosen.
    pub fn in_use(&self) -> &str {
        match self.depth {
            None => "mono",
            Some(_) if !self.names().contains(&self.chosen) => "dark",
            Some(_) => &self.chosen,
        }
    }

    /// That there is no theme of the chosen name.
    pub fn unknown(&self) -> Option<String> {
        let names = self.names();
        let is_known = names.contains(&self.chosen);
        let names = names.join(", ");
        (!is_known).then(|| format!("There is no theme `{}`; there are {names}. dark is used.", self.chosen))
    }

    /// How many colours are used; none if there are none.
    pub fn depth(&self) -> Option<Depth> {
        self.depth
    }

    /// The names of the shipped ones, then those that only the user has.
    pub fn names(&self) -> Vec<String> {
        let shipped = Theme::names();
        let files = std::fs::read_dir(Themes::directory()).into_iter().flatten().flatten();
        let name = |file: std::fs::DirEntry| Some(file.file_name().to_str()?.strip_suffix(".toml")?.to_owned());
        let mut own: Vec<_> = files.filter_map(name).filter(|name| !shipped.contains(&name.as_str())).collect();
        own.sort();
        shipped.into_iter().map(str::to_owned).chain(own).collect()
    }

    /// A theme by name, the user's before a shipped one, in the colours of this terminal.
    pub fn get(&self, name: &str, problems: &mut Vec<String>) -> Option<Theme> {
        let own = Themes::directory().join(format!("{}.toml", name.replace('/', "")));
        let theme = load(&own, problems, Theme::parse).or_else(|| Theme::shipped(name))?;
        let theme = theme.with_depth(self.depth.unwrap_or(Depth::True));
        Some(if self.terminal_background { theme.with_terminal_background() } else { theme })
    }

    fn chosen(&self, problems: &mut Vec<String>) -> Theme {
        if self.depth.is_none() {
            return Theme::shipped("mono").expect("mono is shipped");
        }
        self.get(&self.chosen, problems).unwrap_or_else(|| {
            problems.extend(self.unknown());
            self.get("dark", problems).expect("dark is shipped")
        })
    }
}

/// How many colours a terminal has, according to its environment; none if it has none. `in_screen`: GNU screen runs
/// inside another terminal and inherits its COLORTERM, but does not support 24 bits.
fn depth(term: &str, colorterm: &str, in_screen: bool) -> Option<Depth> {
    let is = |names: &[&str]| names.iter().any(|name| term == *name || term.starts_with(&format!("{name}-")));
    let ends = |ends: &[&str]| ends.iter().any(|end| term.ends_with(end));
    // ncurses has no colours for these either.
    if is(&["dumb", "vt52", "vt100", "vt102", "vt220", "vt320", "vt420", "vt510"]) || ends(&["-m", "-mono"]) {
        return None;
    }
    if is(&["linux"]) || ends(&["-16color"]) {
        return Some(Depth::Ansi);
    }
    let says_true = matches!(colorterm, "truecolor" | "24bit") && !in_screen;
    let known = is(&["kitty", "xterm-kitty", "alacritty", "foot", "ghostty", "xterm-ghostty", "wezterm", "contour"]);
    if says_true || known || ends(&["-direct"]) {
        return Some(Depth::True);
    }
    if term.contains("256") {
        return Some(Depth::Indexed);
    }
    let old = ["xterm-color", "screen", "ansi", "cygwin", "rxvt", "vt340", "vt525", "cons25", "pcansi"];
    Some(if is(&old) { Depth::Ansi } else { Depth::Indexed })
}

fn layout(root: &Table<'_>) -> Layout {
    let Some(layout) = root.string("layout") else { return Layout::Auto };
    match layout.value.as_str() {
        "auto" => Layout::Auto,
        "unified" => Layout::Unified,
        "side-by-side" => Layout::SideBySide,
        other => {
            layout.mistake(format!("`{other}` is not a layout; write auto, unified or side-by-side"));
            Layout::Auto
        }
    }
}

fn tab(root: &Table<'_>) -> Option<usize> {
    let tab = root.number("tab")?;
    if !(1..=16).contains(&tab.value) {
        tab.mistake("a tab stop is 1 to 16 columns".to_owned());
    }
    Some(tab.value.clamp(1, 16) as usize)
}

/// The fingerprint of the signing key in a repository, or why there is none.
pub fn fingerprint(near: &Path) -> Result<String, NoKey> {
    let file = read_file(&mut Vec::new());
    signing_key(file.signing_key.as_deref(), Some(near)).map(|key| key.fingerprint())
}

/// A signing key by its file, or by the public key of one in the agent, as settings name it.
pub fn key_named(name: &str) -> Result<SigningKey, String> {
    let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_path_buf());
    let agent = std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from);
    let found = SigningKey::find(name, agent.as_deref(), home.as_deref());
    found.map_err(|error| visible::text(&error.to_string()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_has_a_repository_and_a_command_and_may_be_given_its_time() {
        let file = parse(
            "config.toml",
            "[scanner.lint]\nrepository = \"/srv/shop\"\ncommand = \"lint .\"\ntimeout = \"30s\"\nbase = false\n\
             [scanner.other]\nrepository = \"/srv/shop\"\nnotes = \"refs/notes/ci\"\n",
        );
        let scanners = file.unwrap_or_else(|error| panic!("{error}")).scanners;
        let told: Vec<_> = scanners.iter().map(|own| (&own.name[..], own.timeout.as_secs(), own.on_base)).collect();
        assert_eq!(told, [("lint", 30, false), ("other", PATIENCE.as_secs(), true)]);
        let error = parse("config.toml", "[scanner.lint]\nrun = \"lint .\"\n").err().unwrap().to_string();
        assert!(error.contains("command") && error.contains("repository") && error.contains("run"), "{error}");
        let both = "[scanner.x]\nrepository = \"/x\"\ncommand = \"x\"\nnotes = \"refs/heads/x\"\n";
        let error = parse("config.toml", both).err().unwrap().to_string();
        assert!(error.contains("not both") && error.contains("in full"), "{error}");
    }

    #[test]
    fn what_is_told_is_a_program_by_its_name_or_its_whole_path() {
        let told = |text: &str| parse("config.toml", text).map(|file| file.notify).map_err(|error| error.to_string());
        assert_eq!(told("").unwrap(), [""; 0]);
        assert_eq!(told("notify = [\"ntfy\", \"~/x\"]").unwrap(), ["ntfy", "~/x"]);
        assert!(told("notify = [\"~/bin/tell\"]").unwrap()[0].starts_with('/'));
        for wrong in
            ["notify = []", "notify = [\"\"]", "notify = [\"./tell\"]", "notify = [\"bin/tell\"]", "notify = \"tell\""]
        {
            assert!(told(wrong).unwrap_err().contains("notify"), "{wrong}");
        }
    }

    #[test]
    fn a_terminal_says_how_many_colours_it_has() {
        let cases = [
            ("xterm-256color", "truecolor", Some(Depth::True)),
            ("xterm-256color", "24bit", Some(Depth::True)),
            ("tmux-256color", "", Some(Depth::Indexed)),
            ("xterm", "", Some(Depth::Indexed)),
            ("", "", Some(Depth::Indexed)),
            ("xterm-kitty", "", Some(Depth::True)),
            ("alacritty", "", Some(Depth::True)),
            ("alacritty-direct", "", Some(Depth::True)),
            ("xterm-direct", "", Some(Depth::True)),
            ("linux", "truecolor", Some(Depth::Ansi)),
            ("linux-16color", "", Some(Depth::Ansi)),
            ("xterm-16color", "", Some(Depth::Ansi)),
            ("xterm-color", "", Some(Depth::Ansi)),
            ("screen", "", Some(Depth::Ansi)),
            ("screen-256color", "", Some(Depth::Indexed)),
            ("ansi", "", Some(Depth::Ansi)),
            ("rxvt-unicode-256color", "", Some(Depth::Indexed)),
            ("dumb", "", None),
            ("vt100", "", None),
            ("vt220", "", None),
            ("linux-m", "", None),
            ("xterm-mono", "", None),
        ];
        for (term, colorterm, wanted) in cases {
            assert_eq!(depth(term, colorterm, false), wanted, "TERM={term} COLORTERM={colorterm}");
        }
        assert_eq!(depth("screen.xterm-256color", "truecolor", true), Some(Depth::Indexed));
        assert_eq!(depth("screen", "truecolor", true), Some(Depth::Ansi));
    }
}
