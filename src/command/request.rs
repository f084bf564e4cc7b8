//! A request: the command that a broker was asked to run, completed, bound and signed by the broker.

use serde::{Deserialize, Serialize};

use super::statement::{digest_of, is_digest, is_id, is_line, is_policy, is_time};
use crate::change::digest::Digest;
use crate::policy::argv::is_role;
use crate::record::statement::{Decimal, PolicyName, is_hex};

/// The size limit of a request's payload in bytes: it is part of each authorization.
pub const MAX_REQUEST: usize = 48 << 10;
/// The limit for each of arguments, variables and inputs of a command.
pub const MAX_ITEMS: usize = 256;
/// The limit for all inputs that are stored with a request, in bytes.
pub const MAX_BESIDE: usize = 8 << 20;

/// The command to run, and all its dependencies that can be bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The entry of the policy that it matches; empty if it matches none.
    pub entry: String,
    /// The program by its full path, and its arguments; bytes that are not text as `\xNN`, a backslash as `\x5c`.
    pub argv: Vec<String>,
    /// The file that is run.
    pub program: Program,
    /// Where it runs: an absolute path.
    pub cwd: String,
    /// The whole environment, except the secrets.
    pub env: Vec<Variable>,
    /// Names of variables whose values only the broker has.
    pub secrets: Vec<String>,
    /// The role of the input on its standard input; empty if there is none.
    pub stdin: String,
    /// Files that it reads, each bound by its content.
    pub inputs: Vec<Input>,
    /// The account that it runs as, by number.
    pub uid: Decimal,
    /// The limits of the run.
    pub limits: Limits,
}

/// The file that is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The absolute path.
    pub path: String,
    /// SHA-256 of its content: 64 hex digits.
    pub sha256: String,
}

/// A variable of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Letters, digits and `_`.
    pub name: String,
    /// At most 4 KiB.
    pub value: String,
}

/// A file that a command reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its name in the policy.
    pub role: String,
    /// Where the broker puts it: an absolute path.
    pub path: String,
    /// SHA-256 of its content: 64 hex digits.
    pub sha256: String,
    /// Bytes.
    pub size: Decimal,
    /// `record`: stored with the request; `broker`: kept by the broker, like plans and state.
    pub kept: Kept,
}

/// Where the bytes of an input are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kept {
    /// With the request, as a file named by its digest.
    Record,
    /// With the broker only.
    Broker,
}

/// The limits of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The time limit in seconds.
    pub time: Decimal,
    /// Bytes of its output that are kept.
    pub output: Decimal,
}

/// What the command would do, as far as that was computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    /// The tool that made it, or why there is none, for people.
    pub tool: String,
    /// Who vouches for it.
    pub by: PreviewBy,
    /// SHA-256 of the preview, which is stored with the request; empty if there is none.
    pub sha256: String,
    /// How much it destroys.
    pub destroys: Decimal,
    /// How much it replaces.
    pub replaces: Decimal,
    /// How much of it may do anything.
    pub unclear: Decimal,
}

/// Who made a preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PreviewBy {
    /// The broker, from the bound bytes.
    Broker,
    /// The requester: a claim.
    Requester,
    /// There is none.
    None,
}

/// The requester.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// ID of the person for whom it runs, who fills no slot.
    pub operator: String,
    /// How the broker knows that.
    pub proof: Proof,
    /// The account, key or branch by which it arrived.
    pub by: String,
    /// What the agent says about itself.
    pub claims: Vec<String>,
}

/// Who vouches for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// By the account or the key by which it arrived, according to the broker's settings.
    Proven,
    /// A statement in a draft.
    Claimed,
}

/// The body of an `admitted` record. Its id is the SHA-256 of the payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Request {
    /// What runs.
    pub command: Command,
    /// What it would do.
    pub preview: Preview,
    /// Who asks.
    pub asked: Asked,
    /// The reason, in the requester's words: a claim.
    pub why: String,
    /// The ticket, by its number: a claim.
    pub ticket: String,
    /// How it would be undone: a claim.
    pub way_back: String,
    /// The request that this one replaces; empty if it replaces none.
    pub replaces: String,
    /// It does not start before; seconds since the epoch.
    pub not_before: Decimal,
    /// Nor from then on.
    pub not_after: Decimal,
    /// The policy under which it was admitted.
    pub policy: PolicyName,
    /// SHA-256 of the broker's settings for the target, where its credential and its files are named.
    pub settings: String,
}

#[derive(Serialize)]
struct Bound<'c> {
    repository: &'c str,
    target: &'c str,
    command: &'c Command,
}

/// What a refusal is bound to: SHA-256 over repository, target and command. An identical request has the same.
pub fn command_digest(repository: &str, target: &str, command: &Command) -> Digest {
    digest_of(&Bound { repository, target, command })
}

impl Request {
    /// Checks that the types cannot express.
    pub(super) fn is_sound(&self) -> bool {
        let texts = [&self.why, &self.ticket, &self.way_back, &self.asked.by, &self.preview.tool];
        self.command.is_sound()
            && self.preview.is_sound()
            && self.asked.is_sound()
            && texts.iter().all(|text| is_line(text))
            && self.asked.claims.len() <= MAX_ITEMS
            && self.asked.claims.iter().all(|text| is_line(text))
            && (self.replaces.is_empty() || is_digest(&self.replaces))
            && self.not_before < self.not_after
            && is_time(self.not_after)
            && is_policy(&self.policy)
            && is_digest(&self.settings)
    }

    /// Digests of the files that are stored with it: inputs and preview.
    pub(super) fn beside(&self) -> impl Iterator<Item = &str> {
        let inputs = self.command.inputs.iter().filter(|input| input.kept == Kept::Record);
        let preview = Some(self.preview.sha256.as_str()).filter(|digest| !digest.is_empty());
        inputs.map(|input| input.sha256.as_str()).chain(preview)
    }
}

impl Command {
    /// The inputs by role and path, as patterns of a policy need them.
    pub fn input_paths(&self) -> Vec<(&str, &str)> {
        self.inputs.iter().map(|input| (input.role.as_str(), input.path.as_str())).collect()
    }

    fn is_sound(&self) -> bool {
        let roles = || self.inputs.iter().map(|input| input.role.as_str());
        let is_known = |role: &str| roles().any(|own| own == role);
        (self.entry.is_empty() || is_id(&self.entry))
            && self.argv.first() == Some(&self.program.path)
            && self.argv.len() <= MAX_ITEMS
            && self.argv.iter().all(|argument| is_line(argument) && is_printed(argument))
            && is_path(&self.program.path)
            && is_digest(&self.program.sha256)
            && is_path(&self.cwd)
            && self.variables_are_sound()
            && (self.stdin.is_empty() || is_known(&self.stdin))
            && self.inputs.len() <= MAX_ITEMS
            && self.inputs.iter().all(Input::is_sound)
            && is_unique(roles())
            && is_unique(self.inputs.iter().map(|input| input.path.as_str()))
            && u32::try_from(self.uid.0).is_ok_and(|uid| uid != OVERFLOW_UID && uid != u32::MAX)
            && self.limits.time.0 > 0
    }

    fn variables_are_sound(&self) -> bool {
        let names = || self.env.iter().map(|variable| &variable.name).chain(&self.secrets).map(String::as_str);
        names().count() <= MAX_ITEMS
            && names().all(is_variable)
            && is_unique(names())
            && self.env.iter().all(|variable| is_line(&variable.value) && !variable.value.contains('\0'))
    }
}

/// What the kernel shows for an account that is not in the user namespace.
pub const OVERFLOW_UID: u32 = 65_534;

impl Input {
    fn is_sound(&self) -> bool {
        is_role(&self.role) && is_path(&self.path) && is_digest(&self.sha256)
    }
}

impl Asked {
    /// A proven operator has a name; a claim may name nobody.
    fn is_sound(&self) -> bool {
        is_id(&self.operator) || (self.operator.is_empty() && self.proof == Proof::Claimed)
    }
}

impl Preview {
    /// No preview, and why.
    pub fn none(why: impl Into<String>) -> Preview {
        let (sha256, no) = (String::new(), Decimal(0));
        Preview { tool: why.into(), by: PreviewBy::None, sha256, destroys: no, replaces: no, unclear: no }
    }

    /// A preview by nobody is empty.
    fn is_sound(&self) -> bool {
        match self.by {
            PreviewBy::None => {
                let items = [self.destroys, self.replaces, self.unclear];
                self.sha256.is_empty() && items.iter().all(|count| count.0 == 0)
            }
            _ => is_digest(&self.sha256),
        }
    }
}

fn is_unique<'t>(items: impl Iterator<Item = &'t str>) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    items.into_iter().all(|item| seen.insert(item))
}

/// Whether a path is absolute and in its only spelling.
fn is_path(text: &str) -> bool {
    let plain = |rest: &str| rest.is_empty() || rest.split('/').all(|part| !matches!(part, "" | "." | ".."));
    is_line(text) && is_printed(text) && text.strip_prefix('/').is_some_and(plain)
}

fn is_variable(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether a text is an output of [`print`]: it stands for exactly one sequence of bytes.
fn is_printed(text: &str) -> bool {
    bytes(text).is_some_and(|bytes| print(&bytes) == text)
}

/// Bytes of an argument as a request writes them: text stays, and invalid UTF-8, backslashes and NUL become `\xNN`.
pub fn print(argument: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for chunk in argument.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' | '\0' => _ = write!(out, "\\x{:02x}", u32::from(c)),
                c => out.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| _ = write!(out, "\\x{byte:02x}"));
    }
    out
}

/// The bytes that a printed argument stands for; none if a backslash begins anything but `\xNN`.
pub fn bytes(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let digits = rest.get(at..at + 4)?.strip_prefix("\\x")?;
        is_hex(digits, 2).then_some(())?;
        out.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[at + 4..];
    }
    out.extend_from_slice(rest.as_bytes());
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_argument_that_is_no_text_is_printed_and_read_back() {
        for (raw, printed) in
            [(&b"a\\b"[..], "a\\x5cb"), (b"\xff\xc3", "\\xff\\xc3"), ("ä".as_bytes(), "ä"), (b"\0", "\\x00")]
        {
            assert_eq!(print(raw), printed);
            assert_eq!(bytes(printed).as_deref(), Some(raw));
        }
        for odd in ["\\", "\\x", "\\x1", "\\xg0", "\\X41", "\\n", "a\\xä"] {
            assert_eq!(bytes(odd), None, "{odd}");
        }
        assert!(!is_printed("\\x41"), "a letter has one spelling");
        assert!(!is_printed("\\xc3\\xa4"), "so has what is text after all");
    }

    proptest! {
        #[test]
        fn every_argument_has_one_spelling(raw in proptest::collection::vec(any::<u8>(), 0..40)) {
            let printed = print(&raw);
            prop_assert_eq!(bytes(&printed), Some(raw));
            prop_assert!(is_printed(&printed));
        }

        #[test]
        fn no_text_makes_reading_an_argument_panic(text in ".{0,40}") {
            let _ = bytes(&text);
        }
    }
}
