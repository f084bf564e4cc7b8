//! `undersign init`: a policy that its roster can meet, from git's identity and signing key.

use std::io::Write as _;
use std::path::Path;

use clap::Args;

use crate::change::digest::Digest;
use crate::config::{Config, GitSettings};
use crate::policy::Policy;
use crate::source::git::{POLICY_PATH, Repository};

#[derive(Args)]
pub struct Options {
    /// Your id in the roster; without it, from your address
    #[arg(long)]
    id: Option<String>,
}

pub fn run(options: &Options, repository: Option<&Path>) -> Result<(), String> {
    let path = repository.unwrap_or(Path::new("."));
    let repository = Repository::open(path).map_err(|error| error.to_string())?;
    let root = repository.root.clone();
    if repository.raw.is_bare() {
        return Err(
            "A bare repository has no files to write into. Run `undersign init` in a clone, and push what it wrote."
                .to_owned(),
        );
    }
    let git = GitSettings::of(Some(path));
    let need = |key: &str| {
        let value = git.get(key).map(str::to_owned);
        value.ok_or_else(|| format!("git's {key} is not set. Set it with `git config --global {key} …`."))
    };
    let (name, email) = (need("user.name")?, need("user.email")?);
    let key = Config::read(Some(path)).key?;
    let public = key.public.to_openssh();
    let target = repository.target().map_or_else(|_| "refs/heads/main".to_owned(), |target| target.name);
    let id = options.id.clone().unwrap_or_else(|| id_of(&email));
    let text = policy(&repository.name, &id, &name, &email, &public, &target);
    Policy::parse(POLICY_PATH, &text).map_err(|error| error.to_string())?;
    let file = root.join(POLICY_PATH);
    std::fs::create_dir_all(file.parent().unwrap_or(&root))
        .map_err(|error| format!("{} cannot be made: {error}.", file.display()))?;
    // Never overwrite an existing policy.
    let mut open =
        std::fs::OpenOptions::new().write(true).create_new(true).open(&file).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => format!(
                "{} already exists: edit it. In a fork that people push to, change its `repository` id: with the same \
                 id, approvals in either repository count in both.",
                file.display()
            ),
            _ => format!("{} cannot be written: {error}.", file.display()),
        })?;
    open.write_all(text.as_bytes()).map_err(|error| format!("{} cannot be written: {error}.", file.display()))?;
    outln!("Wrote {}. You are alone in its roster, so it lets your own signature count (self_review).", file.display());
    outln!("Add your colleagues, then put it on {target}:");
    outln!("  git add {POLICY_PATH} && git commit -m 'Say who signs for what'");
    Ok(())
}

pub(super) fn id_of(email: &str) -> String {
    let local = email.split('@').next().unwrap_or_default().to_ascii_lowercase();
    let id: String = local
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' })
        .take(32)
        .collect();
    if id.len() < 2 { "reviewer".to_owned() } else { id }
}

fn policy(repository: &str, id: &str, name: &str, email: &str, key: &str, target: &str) -> String {
    let quote = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let slug: String = repository
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(40)
        .collect();
    let unique = &Digest::of(format!("{key}{repository}{}", crate::clock::now()).as_bytes()).to_string()[..8];
    format!(
        r#"# Who signs for what in this repository. Read from the policy branch as it stood before a push, never from the change
# under review. `undersign policy check` reads this file, `undersign policy explain PATH` says what a path needs, and the
# manual of undersign has the whole language: docs/policy.md of its sources.
schema = "undersign-policy/v1"
version = 1
repository = "{slug}-{unique}"
# Your own signature counts on what you wrote, since nobody else could sign. Set it to false once a second person has
# the role "senior", and a second one the role "policy": before that, nobody could change this file any more.
self_review = true

# Refs that neither list names take no push. Proposals come from open branches; a protected tag takes only what has
# landed.
[refs]
protected = [{target}, "refs/tags/**"]
open = ["refs/heads/**"]

[people.{id}]
name = {name}
roles = ["senior", "policy"]
emails = [{email}]
#logins = ["…"]         # your accounts on the host, as it names who pushes
keys = [{key}]

[ai]
presume = true
sign = {{ junior = 1, mid = 1, senior = 1, none = 1 }}

# What decides who decides: the rules, what runs in pipelines, and what agents are told.
[compartment.policy]
paths = [
    ".undersign/**", "**/CODEOWNERS", "**/.gitattributes", ".gitmodules", ".github/**", ".gitlab-ci.yml",
    "**/AGENTS.md", "**/AGENTS.*.md", "**/CLAUDE.md", "**/CLAUDE.*.md", "**/GEMINI.md", "**/QWEN.md", "**/CRUSH.md",
    "**/.cursorrules", "**/.windsurfrules", "**/.clinerules", "**/.clinerules/**", "**/.roorules*", "**/.goosehints",
    "**/.augment-guidelines", "**/.aider.conf.yml", "**/.agents/**", "**/.amp/**", "**/.augment/**", "**/.claude/**",
    "**/.claude-plugin/**", "**/.codex/**", "**/.continue/**", "**/.cursor/**", "**/.factory/**", "**/.gemini/**",
    "**/.junie/**", "**/.kiro/**", "**/.opencode/**", "**/.qwen/**", "**/.roo/**", "**/.trae/**", "**/.vibe/**",
    "**/.windsurf/**", "**/.mcp.json", "**/mcp.json", "**/hooks/hooks.json", "**/opencode.json", "**/opencode.jsonc",
]
sign = [{{ role = "policy", n = 1 }}]
solo = true

[compartment.default]
sign = [{{ role = "senior", n = 1 }}]
"#,
        slug = slug.trim_matches('-'),
        target = quote(target),
        id = if id.contains('.') { quote(id) } else { id.to_owned() },
        name = quote(name),
        email = quote(email),
        key = quote(key.trim()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::RepoPath;

    #[test]
    fn what_agents_are_told_and_may_run_is_signed_for_as_the_policy_is() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJspA57Jh4UO4cfgCrRITp4ceaoBLfq3VImEvxDYoxwH";
        let written = policy("shop", "dana", "Dana", "dana@example.com", key, "refs/heads/main");
        for text in [written.as_str(), include_str!("../../assets/policy.toml")] {
            let policy = Policy::parse(POLICY_PATH, text).unwrap();
            let of = |path: &str| policy.compartments_of(&RepoPath::from(path)).iter().any(|c| c.name == "policy");
            for path in [
                "AGENTS.md",
                "lib/AGENTS.override.md",
                "CLAUDE.md",
                "CLAUDE.local.md",
                "GEMINI.md",
                ".claude/settings.json",
                ".codex/config.toml",
                ".cursor/rules/a.mdc",
                ".cursorrules",
                ".gemini/settings.json",
                ".kiro/hooks/a.json",
                ".opencode/plugin/a.ts",
                "opencode.json",
                ".windsurf/rules/a.md",
                ".clinerules",
                ".github/copilot-instructions.md",
                ".github/hooks/a.json",
                ".mcp.json",
                ".vscode/mcp.json",
                "plugins/a/hooks/hooks.json",
            ] {
                assert!(of(path), "{path}");
            }
            assert!(!of("src/hooks/mod.rs") && !of("docs/agents.txt") && !of("README.md"));
        }
    }
}
