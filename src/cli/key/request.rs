//! `undersign key enrol` and `rotate`: requests, signed by the keys that they name.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{file::Files, pen};
use crate::change::{Identity, shell_word, visible};
use crate::cli::init;
use crate::clock::now;
use crate::config::GitSettings;
use crate::datafile;
use crate::enrolment::request::{MAX_OVERLAP, SCHEMA, VALIDITY};
use crate::enrolment::{Asks, Code, KeyRequest, Request};
use crate::policy::{ORGANIZATION_FILE, Person, Policy};
use crate::random::random;
use crate::record::key::TokenUse;
use crate::record::statement::Decimal;
use crate::signer::SigningKey;

#[derive(Args)]
pub struct EnrolOptions {
    /// Your id in the roster; without it, who has your address there, else from your address
    #[arg(long)]
    id: Option<String>,
    /// Your name, for a roster that does not have you yet; by default git's user.name
    #[arg(long)]
    name: Option<String>,
    /// An address as your commits have it, several times for several; by default git's user.email
    #[arg(long, value_name = "ADDRESS")]
    email: Vec<String>,
    /// The key to enrol: its file, or a public key that the ssh-agent holds; by default the one that signs here
    #[arg(long, value_name = "FILE")]
    key: Option<String>,
    /// A key of yours that the roster knows already, which signs too: a second key beside it
    #[arg(long, value_name = "FILE")]
    with: Option<String>,
    /// For the organization whose file is here, instead of this repository's own policy
    #[arg(long)]
    organization: bool,
    #[command(flatten)]
    sent: Sent,
}

#[derive(Args)]
pub struct RotateOptions {
    /// The new key: its file, or a public key that the ssh-agent holds
    #[arg(long, value_name = "FILE")]
    to: String,
    /// The old key, which ends; by default the one that signs here
    #[arg(long, value_name = "FILE")]
    key: Option<String>,
    /// For how long the old key goes on beside the new one: 0 to 90 days
    #[arg(long, value_name = "DAYS", default_value = "14d", value_parser = days)]
    overlap: i64,
    /// For the organization whose file is here, instead of this repository's own policy
    #[arg(long)]
    organization: bool,
    #[command(flatten)]
    sent: Sent,
}

/// What goes along, and where the request goes.
#[derive(Args)]
struct Sent {
    /// The attestation that the security key made when it was created; send it along with the request
    #[arg(long, value_name = "FILE")]
    attestation: Option<PathBuf>,
    /// The file to write, which must not be there yet; by default standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// `14d` or `14`, in seconds.
fn days(text: &str) -> Result<i64, String> {
    let number = text.strip_suffix('d').unwrap_or(text).parse::<i64>().ok();
    let seconds = number.and_then(|days| days.checked_mul(24 * 3600));
    seconds.filter(|seconds| (0..=MAX_OVERLAP).contains(seconds)).ok_or("days, from 0d to 90d".to_owned())
}

/// Where the request would be accepted: in the policy here, or in the file of an organization.
fn asked_of(is_organization: bool, here: &Path) -> Result<Policy, String> {
    let Files { policy, organization, .. } = Files::open(here)?;
    match organization.filter(|_| is_organization) {
        Some(file) => Ok(file.policy),
        None if is_organization => Err(format!(
            "Here is no {ORGANIZATION_FILE}. In a repository that inherits, the request is for the organization anyway."
        )),
        None => {
            if let Some(defined) = policy.defined_elsewhere(None) {
                eprintln!("undersign: {defined} The request is for that.");
            }
            Ok(policy.policy)
        }
    }
}

/// The id that the request names: of the organization where a policy has its people from one.
fn id_of_file(policy: &Policy) -> String {
    policy.inherited.as_ref().map_or_else(|| policy.repository.clone(), |own| own.organization.clone())
}

pub(super) fn enrol(options: &EnrolOptions, here: &Path) -> Result<(), String> {
    let policy = asked_of(options.organization, here)?;
    let key = pen::key(options.key.as_deref(), here)?;
    let with = options.with.as_deref().map(|name| pen::key(Some(name), here)).transpose()?;
    is_new(&policy, &key)?;
    let git = GitSettings::of(Some(here));
    let setting = |name: &str| git.get(name).map(str::to_owned);
    let mut emails = options.email.clone();
    if emails.is_empty() {
        emails.extend(setting("user.email"));
    }
    let known = with.as_ref().map(|key| owner(&policy, key)).transpose()?;
    let id = match (&options.id, known) {
        (Some(id), _) => id.clone(),
        (None, Some(person)) => person.id.clone(),
        (None, None) => id_of(&policy, &emails)?,
    };
    if let Some(person) = known.filter(|person| person.id != id) {
        return Err(format!("The key of --with is that of {}, not of {}.", person.id, visible::text(&id)));
    }
    let name = options.name.clone().or_else(|| setting("user.name")).unwrap_or_else(|| id.clone());
    let request = Request { name, emails, ..blank(&policy, Asks::Enrol, &id, &key, with.as_ref())? };
    send(request, &key, with.as_ref(), &options.sent)
}

pub(super) fn rotate(options: &RotateOptions, here: &Path) -> Result<(), String> {
    let policy = asked_of(options.organization, here)?;
    let old = pen::key(options.key.as_deref(), here)?;
    let new = pen::key(Some(&options.to), here)?;
    let person = owner(&policy, &old)?;
    is_new(&policy, &new)?;
    let request = Request {
        name: person.name.clone(),
        overlap: Decimal(options.overlap.unsigned_abs()),
        ..blank(&policy, Asks::Rotate, &person.id, &new, Some(&old))?
    };
    send(request, &new, Some(&old), &options.sent)
}

fn blank(
    policy: &Policy,
    asks: Asks,
    person: &str,
    key: &SigningKey,
    by: Option<&SigningKey>,
) -> Result<Request, String> {
    Ok(Request {
        schema: SCHEMA.to_owned(),
        asks,
        repository: id_of_file(policy),
        person: person.to_owned(),
        name: String::new(),
        emails: Vec::new(),
        key: key.public.to_openssh(),
        by: by.map(|by| by.public.to_openssh()).unwrap_or_default(),
        overlap: Decimal(0),
        attestation: String::new(),
        issued_at: Decimal(now().unsigned_abs()),
        nonce: base16ct::lower::encode_string(&random::<16>()?),
    })
}

fn is_new(policy: &Policy, key: &SigningKey) -> Result<(), String> {
    let same = |person: &&Person| person.keys.iter().any(|own| own.key.point() == key.public.point());
    match policy.roster.people().find(same) {
        Some(owner) => Err(format!(
            "The key {} is in the roster already, as one of {}. Name a new one, with --key.",
            key.fingerprint(),
            owner.id
        )),
        None => Ok(()),
    }
}

fn owner<'p>(policy: &'p Policy, key: &SigningKey) -> Result<&'p Person, String> {
    let owner = policy.roster.by_key(&key.public);
    owner.ok_or_else(|| {
        format!(
            "The key {} is nobody's in the roster, so it vouches for nothing. `undersign key enrol` asks for it.",
            key.fingerprint()
        )
    })
}

/// Who has one of these addresses, else an id made of the first.
fn id_of(policy: &Policy, emails: &[String]) -> Result<String, String> {
    let identities: Vec<_> =
        emails.iter().map(|email| Identity { name: String::new(), email: email.clone() }).collect();
    let known = policy.roster.ids_of(&identities);
    match (known.len(), known.first(), emails.first()) {
        (1, Some(id), _) => Ok((*id).to_owned()),
        (0, _, Some(email)) => Ok(init::id_of(email)),
        _ => Err("Who you are in the roster is not certain from your address. Say it with --id.".to_owned()),
    }
}

fn send(mut request: Request, key: &SigningKey, by: Option<&SigningKey>, sent: &Sent) -> Result<(), String> {
    if let Some(file) = &sent.attestation {
        request.attestation = super::attestation(file, &key.public)?.to_string();
    }
    request.check().map_err(|fault| format!("The request would be refused: {fault}."))?;
    let payload = request.encode();
    let signers = std::iter::once(key).chain(by);
    let armors: Vec<_> = signers.map(|key| pen::armored(key, &payload)).collect::<Result<_, _>>()?;
    let bytes = request.with(&armors);
    // As the one who takes it will read it.
    let read = KeyRequest::read(&bytes).map_err(|fault| format!("The request would be refused: {fault}."))?;
    let name = match &sent.out {
        Some(file) => {
            let name = visible::line(file.as_os_str().as_encoded_bytes());
            let open = std::fs::OpenOptions::new().write(true).create_new(true).open(file);
            let written = open.and_then(|mut open| open.write_all(&bytes));
            written.map_err(|error| format!("{name} cannot be written: {error}."))?;
            name
        }
        None => {
            out!("{}", String::from_utf8_lossy(&bytes));
            "FILE".to_owned()
        }
    };
    tell(&read, &payload, &name);
    Ok(())
}

/// On standard error, so that the request itself can be redirected.
fn tell(request: &KeyRequest, payload: &[u8], name: &str) {
    let text = request.text();
    let proves = request.token().map(TokenUse::presence).unwrap_or_default();
    eprintln!("A request for {} of {}, which proves presence {proves}.", request.key().fingerprint(), text.person);
    eprintln!(
        "Nothing is trusted by it. Send it as a file to whoever maintains the policy of {}, who runs",
        text.repository
    );
    eprintln!("  undersign key accept {}", shell_word(name));
    eprintln!(
        "until {}, and read out to them, by voice or in person,",
        datafile::date(text.issued_at.seconds() + VALIDITY)
    );
    eprintln!("  {}", Code::of(payload));
    if text.asks == Asks::Rotate {
        eprintln!(
            "Once the policy has landed, `undersign key check --key` with the new key says whether it signs; keep"
        );
        eprintln!("the old one until then.");
    }
}
