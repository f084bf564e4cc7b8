//! `undersign key accept`: a request that came by mail or chat becomes an edit of the policy, or of the file of the
//! organization for which it was made.

use std::path::{Path, PathBuf};

use clap::Args;

use super::file::{Files, PeopleFile};
use crate::change::visible;
use crate::clock::now;
use crate::datafile::date;
use crate::enrolment::request::MAX_REQUEST;
use crate::enrolment::{self, Asks, Edit, KeyRequest, Terms};
use crate::record::Presence;

#[derive(Args)]
pub struct Options {
    /// The request; `-` reads it from standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What somebody new may sign as, several times for several; without it, they fill no slot yet
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
    /// The code that the sender read out to you, by voice or in person
    #[arg(long)]
    code: Option<String>,
    /// The attestation that came along; its digest goes into the policy
    #[arg(long, value_name = "FILE")]
    attestation: Option<PathBuf>,
    /// Enrol the key as attested: you checked the attestation against its manufacturer's certificates
    #[arg(long, requires = "attestation")]
    attested: bool,
    /// Verify and say what it would mean, without writing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(options: &Options, here: &Path) -> Result<u8, String> {
    let name = visible::line(options.file.as_os_str().as_encoded_bytes());
    let request = match KeyRequest::read(&super::bytes_of(&options.file, MAX_REQUEST)?) {
        Ok(request) => request,
        Err(fault) => return super::refused(&name, fault),
    };
    let files = Files::open(here)?;
    let file = files.of_request(&request.text().repository, &request.text().person)?;
    let beside = files.beside(file);
    let attestation = match options.attestation.as_deref().map(|file| super::attestation(file, request.key())) {
        Some(Err(why)) => return super::refused(&name, why.trim_end_matches('.')),
        Some(Ok(digest)) => Some(digest),
        None => None,
    };
    let terms = Terms {
        file: &file.policy,
        in_force: file.in_force.as_ref(),
        beside: &beside,
        had_key: file.had(request.key())?,
        roles: &options.role,
        code: options.code.as_deref(),
        attestation,
        is_attested: options.attested,
        now: now(),
    };
    let edits = match enrolment::accept(&request, &terms) {
        Ok(edits) => edits,
        Err(why) => return super::refused(&name, why),
    };
    let (text, new) = match file.edited(&edits) {
        Ok(edited) => edited,
        Err(why) => return super::refused(&name, why),
    };
    if !options.dry_run {
        file.write(&text)?;
    }
    tell(&request, file, options.code.is_some());
    outln!("        enrolled to prove presence {}", presence_of(&edits));
    file.tell_meaning(&new);
    warn(&request, file, &edits);
    if options.dry_run {
        outln!("\nNothing was written (--dry-run).");
        return Ok(0);
    }
    let person = &request.text().person;
    let what = if request.text().asks == Asks::Rotate { "Rotate" } else { "Enrol" };
    files.tell_way(&[(file, new)], &format!("key-{person}"), &format!("{what} a key of {person}"));
    files.tell_of_other(file, person);
    Ok(0)
}

/// What the signatures prove, and what they do not.
fn tell(request: &KeyRequest, file: &PeopleFile, is_confirmed: bool) {
    let text = request.text();
    let key = request.key();
    outln!("The request is sound: {} signed it on {}.", key.fingerprint(), date(text.issued_at.seconds()));
    match request.by() {
        Some(by) => outln!("So did {}, which the roster has of {}.", by.fingerprint(), text.person),
        None if is_confirmed => outln!("Its code is the one that was read out to you."),
        None => {
            outln!(
                "That it comes from {} it does not prove. Before you go on, have them read its code to you:",
                text.person
            );
            outln!("  {}", request.code());
        }
    }
    match file.policy.roster.by_id(&text.person) {
        // Of somebody whom the roster has, the request changes neither name nor addresses.
        Some(person) => outln!("Person  {} ({})", text.person, visible::text(&person.name)),
        None => {
            outln!("Person  {} ({})", text.person, visible::text(&text.name));
            for email in &text.emails {
                outln!("        commits by {} count as theirs", visible::text(email));
            }
        }
    }
    outln!("Key     {} {}", key.kind().name(), key.fingerprint());
    if key.kind().is_security_key() {
        outln!("        made for the application {}", visible::text(key.application()));
    }
}

/// What presence the new key is enrolled to prove.
fn presence_of(edits: &[Edit]) -> Presence {
    let added = edits.iter().find_map(|edit| match edit {
        Edit::AddPerson { key, .. } | Edit::AddKey { key, .. } => Some(key.presence),
        Edit::EndKey { .. } => None,
    });
    added.unwrap_or_default()
}

/// What the person can no longer sign for afterwards, and what is still to be said of the key.
fn warn(request: &KeyRequest, file: &PeopleFile, edits: &[Edit]) {
    let presence = presence_of(edits);
    let person = &request.text().person;
    let ended = request.by().filter(|_| request.text().asks == Asks::Rotate);
    if let Some((owner, old)) = ended.and_then(|by| file.policy.roster.enrolment(by)) {
        for compartment in enrolment::given_up(&file.policy, owner, old.presence, presence) {
            eprintln!(
                "undersign: the new key proves presence {presence}, and [compartment.{}] asks for {}: once the old key \
                 has ended, {person} cannot sign there any more.",
                visible::text(&compartment.name),
                compartment.presence
            );
        }
    }
    if request.key().kind().is_security_key() && presence == Presence::None {
        eprintln!("undersign: nobody touched the security key when it signed, so it is enrolled to prove nothing.");
    }
    if presence > Presence::None && presence < Presence::Attested {
        eprintln!(
            "undersign: software can set these flags too; only an attestation that you checked proves hardware \
             (--attestation FILE --attested)."
        );
    }
    if edits.iter().any(|edit| matches!(edit, Edit::AddPerson { roles, .. } if roles.is_empty())) {
        eprintln!("undersign: {person} has no role yet and fills no slot; --role ROLE gives one.");
    }
    let asked = |role: &String| {
        let slots = file.policy.compartments.iter().flat_map(|compartment| &compartment.sign);
        let people = file.policy.roster.people().flat_map(|person| &person.roles);
        slots.map(|slot| &slot.role).chain(people).any(|known| known == role)
    };
    let given = edits.iter().filter_map(|edit| match edit {
        Edit::AddPerson { roles, .. } => Some(roles),
        _ => None,
    });
    for role in given.flatten().filter(|role| !asked(role)) {
        eprintln!(
            "undersign: nobody has the role {}, and no compartment asks for it; is it a slip?",
            visible::text(role)
        );
    }
    if let Some(Edit::EndKey { end, .. }) = edits.iter().find(|edit| matches!(edit, Edit::EndKey { .. })) {
        outln!(
            "\nThe old key signs until {}, and what a gate has received by then stays. Before that, have {person} run \
             `undersign key check --key NEW`.",
            date(end.time())
        );
    }
}
