//! The page about a request that a person reads before deciding, row by row: what it does, the command, what is not
//! bound, the previous run, who asks, and the inputs in full. Pure: the same request and ledger give the same page,
//! whose digest is signed.

use std::fmt::Write as _;

use super::hazards::{ARGUMENTS, hazards, readable};
use super::{CommandLedger, PendingCommand};
use crate::change::diff::Content;
use crate::change::digest::Digest;
use crate::change::{counted, visible};
use crate::command::preview::{Act, Document, Method, Row};
use crate::command::receipt::Outcome;
use crate::command::request::{Input, Kept, PreviewBy, Proof, Request};
use crate::command::{ShownRefusal, is_destructive};
use crate::datafile::date;
use crate::policy::Policy;
use crate::policy::meaning::Length;
use crate::risk::{Finding, Rules, Severity};

/// The label of a refusal.
const REFUSED: &str = "refused";

/// A row of a page. Texts in it are escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageRow {
    Blank,
    Heading(String),
    /// A known and bound fact.
    Fact(String, String),
    /// A warning that a person must not overlook.
    Warning(String, String),
    /// The requester's words.
    Claim(String, String),
    /// By its index in [`RequestPage::findings`].
    Finding(usize),
    /// By its index in [`RequestPage::omissions`].
    Omission(usize),
    /// A line of an input, with its number.
    Line(u32, String),
}

/// A page, with its items that need an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPage {
    pub rows: Vec<PageRow>,
    /// The findings of the rules, gravest first.
    pub findings: Vec<Finding>,
    /// What nobody here can read: each must be acknowledged with a reason, or the request is not authorized.
    pub omissions: Vec<String>,
    /// It destroys something, or nobody can tell.
    pub is_destructive: bool,
}

impl RequestPage {
    /// The page of a request.
    pub fn of(pending: &PendingCommand, ledger: &CommandLedger, policy: &Policy, rules: &Rules) -> RequestPage {
        let request = pending.request();
        let bytes = |input: &Input| pending.record.link.files.get(&input.sha256).map(Vec::as_slice);
        let mut omissions = Vec::new();
        let mut texts: Vec<(&Input, &[u8])> = Vec::new();
        for input in readable(request) {
            let content = bytes(input).map(|bytes| Content::of_blob(bytes.to_vec()));
            match (bytes(input), content) {
                (Some(bytes), Some(Content::Text(_))) => texts.push((input, bytes)),
                _ => omissions.push(format!("input {}: its {} are not text", input.role, size(input))),
            }
        }
        // What a plan does stands in the preview.
        let is_shown = |input: &&Input| {
            pending.preview.is_some() && Method::of(&request.command).is_ok_and(|method| method == Method::Plan(input))
        };
        let away = request.command.inputs.iter().filter(|input| input.kept == Kept::Broker && !is_shown(input));
        omissions.extend(away.map(|input| format!("input {}: it stays with the broker", input.role)));
        let findings = hazards(request, &texts, rules);
        let mut page = RequestPage { rows: Vec::new(), findings, omissions, is_destructive: is_destructive(request) };
        page.place(pending, policy);
        page.effect(request, pending.preview.as_deref());
        page.command(pending);
        page.unbound(request);
        page.before(pending, ledger);
        page.asked(request);
        texts.iter().for_each(|(input, text)| page.input(input, text));
        page
    }

    /// The SHA-256 of the text of all rows: the signature says that it was shown.
    pub fn digest(&self) -> Digest {
        let mut text = String::new();
        for row in &self.rows {
            let (label, words) = self.words(row);
            let _ = writeln!(text, "{label}\t{words}");
        }
        Digest::of(text.as_bytes())
    }

    /// A row as label and text.
    pub fn words(&self, row: &PageRow) -> (String, String) {
        match row {
            PageRow::Blank => (String::new(), String::new()),
            PageRow::Heading(title) => (String::new(), title.clone()),
            PageRow::Fact(label, text) | PageRow::Warning(label, text) => (label.clone(), text.clone()),
            PageRow::Claim(label, text) => (label.clone(), format!("“{text}”")),
            PageRow::Finding(at) => {
                let finding = &self.findings[*at];
                let text = format!("{}   {}. {}", finding.title, place(finding), finding.ask);
                (finding.severity.name().to_owned(), visible::text(&text).into_owned())
            }
            PageRow::Omission(at) => ("not shown".to_owned(), self.omissions[*at].clone()),
            PageRow::Line(number, text) => (format!("{number:>6}"), text.clone()),
        }
    }

    /// The rows that show refusals, with signer and reason.
    pub fn refusals(&self) -> impl Iterator<Item = usize> {
        let is_refusal = |row: &PageRow| matches!(row, PageRow::Warning(label, _) if label == REFUSED);
        self.rows.iter().enumerate().filter(move |(_, row)| is_refusal(row)).map(|(at, _)| at)
    }

    /// Whether a finding must be answered before the request is authorized.
    pub fn asks(&self, at: usize) -> bool {
        self.findings.get(at).is_some_and(|finding| finding.severity >= Severity::High)
    }

    fn heading(&mut self, title: &str) {
        if !self.rows.is_empty() {
            self.rows.push(PageRow::Blank);
        }
        self.rows.push(PageRow::Heading(title.to_owned()));
    }

    fn fact(&mut self, label: &str, text: impl AsRef<str>) {
        self.rows.push(PageRow::Fact(label.to_owned(), visible::text(text.as_ref()).into_owned()));
    }

    fn warn(&mut self, label: &str, text: impl AsRef<str>) {
        self.rows.push(PageRow::Warning(label.to_owned(), visible::text(text.as_ref()).into_owned()));
    }

    fn claim(&mut self, label: &str, text: &str) {
        self.rows.push(PageRow::Claim(label.to_owned(), visible::text(&text.replace('\n', " ")).into_owned()));
    }

    /// What it does, as far as that was computed; then what the rules say, then what nobody can read.
    fn effect(&mut self, request: &Request, document: Option<&Document>) {
        self.heading("what it does");
        let preview = &request.preview;
        match (preview.by, document) {
            (PreviewBy::None, _) => {
                let why = if preview.tool.is_empty() { String::new() } else { format!(" ({})", preview.tool) };
                self.warn("✗", format!("no preview{why}: what this does is not known, so it counts as what destroys"));
            }
            (PreviewBy::Requester, _) => {
                self.warn("✗", "the preview is by who asks, so it counts as what destroys");
            }
            (PreviewBy::Broker, Some(document)) => self.preview(document),
            (PreviewBy::Broker, None) => {
                self.warn("✗", "the preview cannot be read by this undersign; a newer one may show what it destroys");
            }
        }
        if request.command.entry.is_empty() {
            self.warn("✗", "it matches no entry of the policy");
        }
        self.rows.extend((0..self.findings.len()).map(PageRow::Finding));
        self.rows.extend((0..self.omissions.len()).map(PageRow::Omission));
    }

    /// What is destroyed comes first: the document has that order.
    fn preview(&mut self, document: &Document) {
        self.fact("by", format!("{}, from the bound bytes", document.tool));
        if document.count(Act::Destroy) + document.count(Act::Replace) + document.count(Act::Unclear) == 0 {
            self.fact("", "nothing is destroyed or replaced");
        }
        for row in &document.rows {
            let label = label(row.act);
            let text = item(row);
            match row.act {
                Act::Destroy | Act::Replace | Act::Unclear => self.warn(label, text),
                _ => self.fact(label, text),
            }
        }
    }

    /// Where it would run, before everything else: targets of several repositories may have the same name.
    fn place(&mut self, pending: &PendingCommand, policy: &Policy) {
        let about = policy.target(pending.target()).map(|target| target.about.clone()).unwrap_or_default();
        self.fact("repository", &policy.repository);
        self.fact("target", [pending.target(), &about].join("   ").trim_end());
    }

    fn command(&mut self, pending: &PendingCommand) {
        let command = &pending.request().command;
        self.heading("the command, one argument a row");
        if !command.entry.is_empty() {
            self.fact("entry", &command.entry);
        }
        self.fact("program", format!("{}   sha256 {}…", command.program.path, short(&command.program.sha256)));
        for argument in command.argv.iter().skip(1) {
            let role = command.inputs.iter().find(|input| input.path == *argument).map(|input| &input.role);
            // A note about an argument is not put beside it: an argument could contain the same text.
            match role {
                Some(role) => self.fact("takes input", format!("{role}, at {argument}")),
                None => self.fact("argument", argument),
            }
        }
        for input in &command.inputs {
            let kept = if input.kept == Kept::Record { "below" } else { "only the broker has it" };
            let digest = short(&input.sha256);
            self.fact("input", format!("{}   {}   sha256 {digest}…   {kept}", input.role, size(input)));
        }
        if !command.stdin.is_empty() {
            self.fact("reads", format!("input {} from its standard input", command.stdin));
        }
        let (time, output) = (Length(command.limits.time.seconds()), in_units(command.limits.output.0));
        self.fact("runs in", format!("{} as account {}, killed after {time}", command.cwd, command.uid.0));
        self.fact("output", format!("the first {output} of stdout and of stderr is kept"));
        for variable in &command.env {
            self.fact("variable", format!("{}={}", variable.name, variable.value));
        }
        for secret in &command.secrets {
            self.fact("secret", format!("{secret}, whose value only the broker has"));
        }
    }

    fn unbound(&mut self, request: &Request) {
        self.heading("not bound");
        self.fact("", "what the program loads, reads or asks elsewhere while it runs: libraries, configuration, state");
        match Method::of(&request.command).ok().filter(|_| request.preview.by == PreviewBy::Broker) {
            Some(Method::Plan(_)) => {
                self.fact("", "the providers that it loads, and what others change until it runs");
                self.fact(
                    "",
                    "whether the state that the plan brings, and where it is written, are those of the target",
                );
            }
            Some(Method::Statements(_)) => {
                self.fact(
                    "",
                    "triggers, rules, views, types, casts, operators and functions of the database it runs in",
                );
            }
            None => {}
        }
        if request.command.inputs.is_empty() {
            self.fact("", "it takes no input: its arguments and its environment are all that is bound");
        }
    }

    fn before(&mut self, pending: &PendingCommand, ledger: &CommandLedger) {
        self.heading("before");
        let rows = self.rows.len();
        let said = |refusal: &ShownRefusal| {
            format!("{} by {}: “{}”", date(refusal.at), refusal.by, refusal.reason.replace('\n', " "))
        };
        pending.refusals.holding.iter().for_each(|refusal| self.warn(REFUSED, said(refusal)));
        for refusal in &pending.refusals.to_answer {
            self.warn(REFUSED, format!("another request: {}", said(refusal)));
        }
        if let Some((asked, ended, at)) = ledger.last_run(&pending.record) {
            let how = match ended.outcome {
                Outcome::Exit => format!("exit {}", ended.code.0),
                other => other.to_string(),
            };
            self.fact("last run", format!("{}, {how}", date(at)));
            differences(asked, pending.request()).iter().for_each(|text| self.fact("differs", text));
        }
        if self.rows.len() == rows {
            self.fact("", "nothing: this entry did not run here, and nobody refused it");
        }
    }

    fn asked(&mut self, request: &Request) {
        let asked = &request.asked;
        self.heading("who asks");
        match asked.proof {
            Proof::Proven => self.fact("runs for", format!("{}, proven by {}", asked.operator, asked.by)),
            Proof::Claimed => {
                let who = if asked.operator.is_empty() { "nobody that is named" } else { &asked.operator };
                self.warn("runs for", format!("{who}, only claimed ({}): one person more must sign", asked.by));
            }
        }
        let until = request.not_after.seconds();
        self.fact("valid", format!("until {}, for one run", date(until)));
        let told = [("it says", &request.why), ("ticket", &request.ticket), ("way back", &request.way_back)];
        for (label, text) in told {
            match text.is_empty() {
                true => self.fact(label, "nothing"),
                false => self.claim(label, text),
            }
        }
        asked.claims.iter().for_each(|claim| self.claim("agent", claim));
    }

    fn input(&mut self, input: &Input, text: &[u8]) {
        let digest = short(&input.sha256);
        self.heading(&format!("input {}   {}   sha256 {digest}…", visible::text(&input.role), size(input)));
        let mut lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
        if lines.last().is_some_and(|last| last.is_empty()) {
            lines.pop();
        }
        for (number, line) in (1..).zip(lines) {
            let shown = visible::line(line).replace('␉', "    ");
            self.rows.push(PageRow::Line(number, shown));
        }
    }
}

/// What happens to an item, with its sign.
fn label(act: Act) -> &'static str {
    match act {
        Act::Destroy => "✗ destroyed",
        Act::Replace => "± replaced",
        Act::Unclear => "? unclear",
        Act::Change => "~ changed",
        Act::Create => "+ created",
        Act::Forget => "  forgotten",
        Act::Read => "  read",
        Act::Drift => "  drifted",
        Act::Later => "  later",
    }
}

/// `ce_widget   24 of one kind   panel[0] panel[1] …`
fn item(row: &Row) -> String {
    let many = if row.count.0 > 1 { format!("   {} of one kind", row.count.0) } else { String::new() };
    let note = if row.note.is_empty() { String::new() } else { format!("   {}", row.note) };
    format!("{}{many}{note}", row.what)
}

/// Where a finding is: an argument, or a line of an input.
fn place(finding: &Finding) -> String {
    let path = finding.location.path.lossy();
    let role = path.split('.').next().unwrap_or(&path);
    match finding.location.line {
        _ if path == ARGUMENTS => "in the arguments".to_owned(),
        0 => format!("in input {role}"),
        line => format!("input {role}, line {line}"),
    }
}

/// The differences of a request from an earlier one.
fn differences(then: &Request, now: &Request) -> Vec<String> {
    let (old, new) = (&then.command, &now.command);
    let mut told = Vec::new();
    if old.program.sha256 != new.program.sha256 {
        told.push(format!("{} is another file now", new.program.path));
    }
    for at in 1..old.argv.len().max(new.argv.len()) {
        let (then, now) = (old.argv.get(at), new.argv.get(at));
        if then != now {
            let word = |argument: Option<&String>| argument.map_or("nothing".to_owned(), |it| format!("“{it}”"));
            told.push(format!("argument {at}: {} → {}", word(then), word(now)));
        }
    }
    for input in &new.inputs {
        let then = old.inputs.iter().find(|old| old.role == input.role);
        if then.is_none_or(|then| then.sha256 != input.sha256) {
            told.push(format!("input {} is another one", input.role));
        }
    }
    for gone in old.inputs.iter().filter(|old| !new.inputs.iter().any(|input| input.role == old.role)) {
        told.push(format!("input {} is not given any more", gone.role));
    }
    if (&old.env, &old.secrets) != (&new.env, &new.secrets) {
        told.push("the environment is another one".to_owned());
    }
    if old == new {
        told.push("nothing: it is the same command".to_owned());
    } else if told.is_empty() {
        told.push("account, directory, limits or standard input".to_owned());
    }
    told
}

fn size(input: &Input) -> String {
    counted(usize::try_from(input.size.0).unwrap_or(usize::MAX), "byte")
}

/// A limit as people set it: `1 MiB`.
fn in_units(bytes: u64) -> String {
    match bytes {
        0 => "0 bytes".to_owned(),
        bytes if bytes % (1 << 20) == 0 => format!("{} MiB", bytes >> 20),
        bytes if bytes % (1 << 10) == 0 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} bytes"),
    }
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
