//! A request: what a broker was asked to run, completed, bound and signed by it.

use serde::{Deserialize, Serialize};

use super::statement::{digest_of, is_digest, is_id, is_line, is_policy, is_time};
use crate::change::digest::Digest;
use crate::policy::argv::is_role;
use crate::record::statement::{Decimal, PolicyName, is_hex};

/// Bytes of the payload of a request: it travels inside each authorization.
pub const MAX_REQUEST: usize = 48 << 10;
/// Arguments, variables and inputs of a command, each.
pub const MAX_ITEMS: usize = 256;
/// Bytes of all inputs that lie beside a request.
pub const MAX_BESIDE: usize = 8 << 20;

/// What is asked to be run, and all that it depends on and that can be bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The entry of the policy that it matches; empty where it matches none.
    pub entry: String,
    /// The program by its whole path, and its arguments; bytes that are no text as `\xNN`, a backslash as `\x5c`.
    pub argv: Vec<String>,
    /// The file that is run.
    pub program: Program,
    /// Where it runs: an absolute path.
    pub cwd: String,
    /// All of its environment, but for the secrets.
    pub env: Vec<Variable>,
    /// Names of variables whose values the broker alone has.
    pub secrets: Vec<String>,
    /// The role of the input that it reads; empty where it reads nothing.
    pub stdin: String,
    /// Files that it reads, each bound by its content.
    pub inputs: Vec<Input>,
    /// The account that it runs as, by number.
    pub uid: Decimal,
    /// What ends it.
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
    /// By which the policy calls it.
    pub role: String,
    /// Where the broker puts it: an absolute path.
    pub path: String,
    /// SHA-256 of its content: 64 hex digits.
    pub sha256: String,
    /// Bytes.
    pub size: Decimal,
    /// `record`: it lies beside the request; `broker`: it stays with the broker, as plans and state do.
    pub kept: Kept,
}

/// Where the bytes of an input are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kept {
    /// Beside the request, as a file named after its digest.
    Record,
    /// With the broker alone.
    Broker,
}

/// What ends a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Seconds that it may take.
    pub time: Decimal,
    /// Bytes of its output that are kept.
    pub output: Decimal,
}

/// What the command would do, as far as somebody computed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    /// What made it, for people; empty where there is none.
    pub tool: String,
    /// Whose word it is.
    pub by: PreviewBy,
    /// SHA-256 of the preview, which lies beside the request; empty where there is none.
    pub sha256: String,
    /// How much it destroys.
    pub destroys: Decimal,
    /// How much it replaces.
    pub replaces: Decimal,
}

/// Who made a preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PreviewBy {
    /// The broker, from the bytes that are bound.
    Broker,
    /// Whoever asked: a claim.
    Requester,
    /// There is none.
    None,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Id of the person for whom it runs, who fills no slot.
    pub operator: String,
    /// How the broker knows that.
    pub proof: Proof,
    /// The account, key or branch that it came by.
    pub by: String,
    /// What the agent says of itself.
    pub claims: Vec<String>,
}

/// Whose word the operator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// By the account or the key that it came by, as the broker's settings know them.
    Proven,
    /// A word in a draft.
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
    /// Why, in the words of who asks: a claim.
    pub why: String,
    /// The ticket, by its number: a claim.
    pub ticket: String,
    /// How it would be undone: a claim.
    pub way_back: String,
    /// The request that this one takes the place of; empty where it does not.
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

/// What a refusal holds on to: SHA-256 over repository, target and command. The same asked again has the same.
pub fn command_digest(repository: &str, target: &str, command: &Command) -> Digest {
    digest_of(&Bound { repository, target, command })
}

impl Request {
    /// Forms that the types cannot hold.
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

    /// Digests of what lies beside it: inputs and preview.
    pub(super) fn beside(&self) -> impl Iterator<Item = &str> {
        let inputs = self.command.inputs.iter().filter(|input| input.kept == Kept::Record);
        let preview = Some(self.preview.sha256.as_str()).filter(|digest| !digest.is_empty());
        inputs.map(|input| input.sha256.as_str()).chain(preview)
    }
}

impl Command {
    /// The inputs by role and path, as patterns of a policy ask for them.
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

/// What the kernel shows for an account that the name space does not know.
pub const OVERFLOW_UID: u32 = 65_534;

impl Input {
    fn is_sound(&self) -> bool {
        is_role(&self.role) && is_path(&self.path) && is_digest(&self.sha256)
    }
}

impl Asked {
    /// Who is proven has a name; a claim may name nobody.
    fn is_sound(&self) -> bool {
        is_id(&self.operator) || (self.operator.is_empty() && self.proof == Proof::Claimed)
    }
}

impl Preview {
    /// There is none.
    pub fn none() -> Preview {
        let (tool, sha256) = (String::new(), String::new());
        Preview { tool, by: PreviewBy::None, sha256, destroys: Decimal(0), replaces: Decimal(0) }
    }

    /// A preview by nobody says nothing.
    fn is_sound(&self) -> bool {
        match self.by {
            PreviewBy::None => {
                self.tool.is_empty() && self.sha256.is_empty() && self.destroys.0 == 0 && self.replaces.0 == 0
            }
            _ => is_digest(&self.sha256),
        }
    }
}

fn is_unique<'t>(items: impl Iterator<Item = &'t str>) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    items.into_iter().all(|item| seen.insert(item))
}

/// Whether a path is absolute and has one spelling.
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

/// Whether a text is one that [`print`] writes: what it stands for are these bytes and no others.
fn is_printed(text: &str) -> bool {
    bytes(text).is_some_and(|bytes| print(&bytes) == text)
}

/// Bytes of an argument as a request writes them: text stays, what is no UTF-8, a backslash, and NUL are `\xNN`.
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

/// The bytes that a printed argument stands for; none where a backslash begins anything but `\xNN`.
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
