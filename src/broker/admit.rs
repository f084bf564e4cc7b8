//! Admits a draft as a request: completed, bound and signed by the broker.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use base64ct::{Base64, Encoding as _};

use super::settings::TargetSettings;
use super::wire::{Draft, Refusal, Reply};
use super::{Broker, Known, own_target, policy_name};
use crate::change::digest::Digest;
use crate::change::visible;
use crate::clock::now;
use crate::command::RunRecord;
use crate::command::entry::{Admissible, admissible, local_names};
use crate::command::receipt::Event;
use crate::command::request::{
    Asked, Command, Input, Kept, Limits, MAX_BESIDE, Preview, PreviewBy, Program, Proof, Request, Variable, bytes,
    print,
};
use crate::policy::argv::is_role;
use crate::policy::{CommandEntry, Target};
use crate::record::RecordId;
use crate::record::statement::Decimal;
use crate::sync::families::Sent;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// The account, unless it only relays.
    pub uid: Option<u32>,
    /// The account, key or branch, as a request writes it.
    pub by: String,
    /// The person to whom the settings assign that.
    pub operator: Option<String>,
    /// Whether it proves for whom the request is.
    pub proof: Proof,
}

impl Asker {
    /// An account, which the kernel named.
    pub fn of_account(uid: u32, operator: Option<String>) -> Asker {
        Asker { uid: Some(uid), by: format!("account {uid}"), operator, proof: Proof::Proven }
    }
}

/// The inputs of a command, with their content.
type Inputs = Vec<(Input, Vec<u8>)>;

/// A request with all but its preview.
struct Completed<'b> {
    request: Request,
    inputs: Inputs,
    settings: &'b TargetSettings,
}

const USAGE: u8 = 64;

impl Broker {
    /// Admits a draft.
    pub fn admit(&self, draft: &Draft, asker: &Asker) -> Reply {
        match self.request(draft, asker) {
            Ok((id, text)) => Reply { text, id: id.to_string(), state: "waiting".to_owned(), ..Reply::default() },
            Err(reply) => *reply,
        }
    }

    fn request(&self, draft: &Draft, asker: &Asker) -> Result<(RecordId, String), Refusal> {
        let name = &draft.target;
        let Completed { mut request, inputs, settings } = {
            let mut known = self.known();
            self.refresh(&mut known);
            let target = self.target(&known, name)?;
            let completed = self.complete(&known, &target, draft, asker)?;
            self.refuse_too_many(&known, &target, &completed.request)?;
            completed
        };
        // Showing a plan takes time, in which other requests are answered, and runs are stopped.
        let preview = self.preview(&request.command, settings, &inputs);
        let mut known = self.known();
        self.refuse_too_many(&known, &self.target(&known, name)?, &request)?;
        let failed = |why: String| Reply::refused(4, "LEDGER_FAULT", why);
        let size = |files: &[(Digest, Vec<u8>)]| files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        self.sweep_kept(&known);
        let mut files = self.keep(inputs).map_err(failed)?;
        let beside = preview.as_ref().ok().map(|document| (document.summary(), document.encode()));
        request.preview = match beside {
            Some((_, bytes)) if size(&files) + bytes.len() > MAX_BESIDE => Preview::none("no room is left for it"),
            Some((summary, bytes)) => {
                files.push((Digest::of(&bytes), bytes));
                summary
            }
            None => Preview::none(preview.err().unwrap_or_default()),
        };
        let without = match request.preview.by {
            PreviewBy::None => format!(" It has no preview: {}.", request.preview.tool),
            _ => String::new(),
        };
        let event = Event::Admitted(Box::new(request.clone()));
        let id = match self.settings.is_ci {
            true => self.share(&mut known, name, &files, |_| Ok(event.clone()))?,
            false => self.sign(&mut known, name, event, files).map_err(failed)?,
        };
        let mut text =
            format!("Request {id} is pending at {name}. `undersign exec status {id}` shows its status.{without}");
        if let Sent::Overtaken(why) | Sent::Declined(why) | Sent::Away(why) = self.publish() {
            text.push_str(&format!(" It did not reach the remote yet: {why}"));
        }
        self.tell_waits(&known.policy, id, name, &request);
        Ok((id, text))
    }

    fn target(&self, known: &Known, name: &str) -> Result<Target, Refusal> {
        own_target(&known.policy, &self.id.key, name).cloned().ok_or_else(|| {
            let text = format!("The policy has no target {} that this broker serves.", visible::text(name));
            Reply::refused(2, "TARGET_UNKNOWN", text)
        })
    }

    fn complete(&self, known: &Known, target: &Target, draft: &Draft, asker: &Asker) -> Result<Completed<'_>, Refusal> {
        let usage = |text: String| Reply::refused(USAGE, "ARGV", text);
        let Some(settings) = self.settings.targets.get(&target.name) else {
            return Err(usage(format!("The settings of the broker have no [target.{}].", target.name)));
        };
        let place = |role: &str| self.inputs.path(&target.name, role).display().to_string();
        let Considered { argv, inputs, entry } = considered(target, draft, (&settings.stdin, &settings.keep), &place)?;
        if entry.is_none() {
            refuse_present(settings, &argv)?;
        }
        let mut env: BTreeMap<&String, &String> = settings.env.iter().collect();
        env.extend(&draft.env);
        let env = env.into_iter().map(|(name, value)| Variable { name: name.clone(), value: value.clone() }).collect();
        let path = bytes(&argv[0]).and_then(|path| String::from_utf8(path).ok()).unwrap_or_default();
        let program = self.hashed.open(Path::new(&path)).map_err(|why| Reply::refused(2, "ARGV", why))?;
        let command = Command {
            entry: entry.map(|entry| entry.name.clone()).unwrap_or_default(),
            program: Program { path: argv[0].clone(), sha256: program.digest.to_string() },
            argv,
            cwd: settings.cwd.clone(),
            env,
            secrets: settings.secrets.keys().cloned().collect(),
            stdin: Some(settings.stdin.clone())
                .filter(|role| inputs.iter().any(|(input, _)| input.role == *role))
                .unwrap_or_default(),
            inputs: inputs.iter().map(|(input, _)| input.clone()).collect(),
            uid: Decimal(u64::from(super::level::account(settings.uid))),
            limits: Limits { time: Decimal(settings.time as u64), output: Decimal(settings.output) },
        };
        if let Some(why) = settings.ssh.as_ref().and_then(|login| login.refusal(&command)) {
            return Err(Reply::refused(2, "ARGV", why));
        }
        let now = now();
        // A person who is not in the roster could not be told apart from the signers.
        let in_roster = |who: &String| known.policy.roster.by_id(who).is_some();
        let operator = asker.operator.clone().filter(in_roster);
        let request = Request {
            command,
            preview: Preview::none(""),
            asked: Asked {
                proof: if operator.is_some() { asker.proof } else { Proof::Claimed },
                operator: operator.unwrap_or_default(),
                by: asker.by.clone(),
                claims: draft.claims.clone(),
            },
            why: draft.why.clone(),
            ticket: draft.ticket.clone(),
            way_back: draft.way_back.clone(),
            replaces: draft.replaces.clone(),
            not_before: Decimal(now.max(0) as u64),
            not_after: Decimal(now.saturating_add(target.valid).max(1) as u64),
            policy: policy_name(&known.policy),
            settings: settings.digest().to_string(),
        };
        Ok(Completed { request, inputs, settings })
    }

    /// Removes the inputs that no open request needs: else whoever may ask could fill the disk. A job brings its own.
    fn sweep_kept(&self, known: &Known) {
        if self.settings.is_ci {
            return;
        }
        let now = now();
        let started: BTreeSet<&str> = known.own.records.iter().filter_map(|record| record.run().about()).collect();
        let is_open = |record: &&Arc<RunRecord>| !started.contains(record.id().to_string().as_str());
        let open = known.own.records.iter().filter(is_open).filter_map(|record| record.run().admitted());
        let open = open.filter(|request| request.not_after.seconds() > now);
        self.inputs
            .sweep(&open.flat_map(|request| &request.command.inputs).map(|input| input.sha256.as_str()).collect());
    }

    /// Keeps the inputs for the run, and returns those that are stored with the request.
    fn keep(&self, inputs: Inputs) -> Result<Vec<(Digest, Vec<u8>)>, String> {
        let mut beside = BTreeMap::new();
        for (input, bytes) in inputs {
            let digest = Digest::of(&bytes);
            self.inputs.keep(digest, &bytes)?;
            if input.kept == Kept::Record {
                beside.insert(digest, bytes);
            }
        }
        Ok(beside.into_iter().collect())
    }

    /// Limits the open requests of one operator at a target, so that nobody buries one.
    fn refuse_too_many(&self, known: &Known, target: &Target, request: &Request) -> Result<(), Refusal> {
        let now = now();
        let started: Vec<&str> = known.own.records.iter().filter_map(|record| record.run().about()).collect();
        let open = known.own.records.iter().filter(|record| {
            let own = record.run();
            let is_open = |one: &Request| {
                one.not_after.seconds() > now
                    && one.asked.operator == request.asked.operator
                    && !started.contains(&record.id().to_string().as_str())
            };
            own.target == target.name && own.admitted().is_some_and(is_open)
        });
        if open.count() < target.pending {
            return Ok(());
        }
        let text = format!("{} requests of this operator are open at {} already.", target.pending, target.name);
        Err(Reply::refused(75, "LIMIT", text))
    }
}

/// What a draft asks for, as far as no file, clock or account decides.
#[derive(Debug)]
pub struct Considered<'t> {
    /// The arguments as a request writes them, with paths in place of inputs.
    pub argv: Vec<String>,
    /// The inputs, with their content.
    pub inputs: Inputs,
    /// The entry of the policy that fits, if one does.
    pub entry: Option<&'t CommandEntry>,
}

/// Considers a draft, given the role of standard input, the roles that stay with the broker, and where an input of a
/// role is put.
///
/// # Errors
/// It may not be requested.
pub fn considered<'t>(
    target: &'t Target,
    draft: &Draft,
    (stdin, keep): (&str, &[String]),
    place: &dyn Fn(&str) -> String,
) -> Result<Considered<'t>, Refusal> {
    let inputs = inputs_of(draft, keep, place)?;
    let argv = argv_of(draft, &inputs)?;
    let paths: Vec<(&str, &str)> = inputs.iter().map(|(input, _)| (input.role.as_str(), input.path.as_str())).collect();
    let entry = match admissible(target, &argv, &paths) {
        Admissible::No(code, why) => return Err(Reply::refused(2, code.name(), why)),
        Admissible::Entry(entry) => Some(entry),
        Admissible::Unlisted => None,
    };
    refuse_unread_inputs(entry, &argv, &inputs, stdin)?;
    let settable = entry.map(|entry| entry.env.as_slice()).unwrap_or_default();
    if let Some(name) = draft.env.keys().find(|name| !settable.contains(name)) {
        let text = format!("The variable {} is not one that may be set for this command.", visible::text(name));
        return Err(Reply::refused(2, "ENV", text));
    }
    Ok(Considered { argv, inputs, entry })
}

fn inputs_of(draft: &Draft, keep: &[String], place: &dyn Fn(&str) -> String) -> Result<Inputs, Refusal> {
    let usage = |text: String| Reply::refused(USAGE, "ARGV", text);
    let (mut inputs, mut size) = (Vec::new(), 0);
    for (role, text) in &draft.inputs {
        if !is_role(role) {
            return Err(usage(format!("{} is not a role of an input.", visible::text(role))));
        }
        let bytes = Base64::decode_vec(text).map_err(|_| usage("An input is not base64.".to_owned()))?;
        size += bytes.len();
        if size > MAX_BESIDE {
            return Err(usage("The inputs are more than 8 MiB together.".to_owned()));
        }
        let input = Input {
            role: role.clone(),
            path: place(role),
            sha256: Digest::of(&bytes).to_string(),
            size: Decimal(bytes.len() as u64),
            kept: if keep.contains(role) { Kept::Broker } else { Kept::Record },
        };
        inputs.push((input, bytes));
    }
    Ok(inputs)
}

/// The arguments as a request writes them, with paths in place of inputs.
fn argv_of(draft: &Draft, inputs: &[(Input, Vec<u8>)]) -> Result<Vec<String>, Refusal> {
    let usage = |text: &str| Reply::refused(USAGE, "ARGV", text);
    let mut argv = Vec::new();
    for text in &draft.argv {
        let raw = Base64::decode_vec(text).map_err(|_| usage("An argument is not base64."))?;
        let printed = print(&raw);
        let role = printed.strip_prefix("{input:").and_then(|rest| rest.strip_suffix('}'));
        match role.map(|role| inputs.iter().find(|(input, _)| input.role == role)) {
            Some(Some((input, _))) => argv.push(input.path.clone()),
            Some(None) => return Err(usage("An argument names an input that was not given; --input gives it.")),
            None => argv.push(printed),
        }
    }
    if argv.is_empty() || !argv[0].starts_with('/') {
        return Err(usage("The program is named by its whole path, such as /usr/bin/psql."));
    }
    Ok(argv)
}

/// Refuses an argument that names something in the folder of a command: what that contains at the run, nobody binds. An
/// entry of the policy may name it. Of a command that logs in somewhere, the folder is elsewhere.
pub(super) fn refuse_present(settings: &TargetSettings, argv: &[String]) -> Result<(), Refusal> {
    let folder = Path::new(&settings.cwd);
    let is_there = |part: &str| {
        let name = bytes(part).filter(|name| !name.is_empty());
        name.is_some_and(|name| folder.join(OsStr::from_bytes(&name)).symlink_metadata().is_ok())
    };
    let named = argv.iter().skip(1).find(|argument| local_names(argument).any(is_there));
    let Some(argument) = named.filter(|_| settings.ssh.is_none()) else { return Ok(()) };
    let text = format!(
        "The argument {} names something in {}, whose content is not fixed. Pass it with --input, or have an entry of \
         the policy name it.",
        visible::text(argument),
        visible::text(&settings.cwd)
    );
    Err(Reply::refused(2, "ARGV", text))
}

/// An unused input would turn the same command into a different one, and nobody reads what runs without approval.
fn refuse_unread_inputs(
    entry: Option<&CommandEntry>,
    argv: &[String],
    inputs: &[(Input, Vec<u8>)],
    stdin: &str,
) -> Result<(), Refusal> {
    let usage = |text: String| Err(Reply::refused(USAGE, "ARGV", text));
    let is_read = |input: &Input| argv.contains(&input.path) || input.role == stdin;
    if let Some((input, _)) = inputs.iter().find(|(input, _)| !is_read(input)) {
        return usage(format!("Nothing reads the input {}: name it in an argument, as {{input:{0}}}.", input.role));
    }
    match entry.filter(|entry| entry.unasked && !inputs.is_empty()) {
        Some(entry) => usage(format!("{} runs unasked, so it takes no input.", entry.name)),
        None => Ok(()),
    }
}
