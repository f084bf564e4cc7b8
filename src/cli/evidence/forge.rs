//! `undersign evidence forge`: approvals of other people on a review server, as an account reads them there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::pen::Pen;
use crate::change::address::Remote;
use crate::change::{ObjectId, counted, visible};
use crate::clock::now;
use crate::config;
use crate::delivery::ServerAccess;
use crate::policy::EvidenceSource;
use crate::record::evidence::{Evidence, EvidenceKind, EvidenceRecord, EvidenceResult, is_account, server_of};
use crate::record::outcome::is_link;
use crate::source::server::{AccountReview, Network, Pending, Server};
use crate::sync::{Prompts, fetch_these};

#[derive(Args)]
pub struct Options {
    /// The review server, as config.toml names it
    #[arg(long, value_name = "NAME")]
    server: String,
    /// The file of the reader's private key, in OpenSSH's format, without a passphrase
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The number of one review request; by default all that are open
    #[arg(long, value_name = "NUMBER")]
    request: Option<u64>,
    /// The ref on which they are to land; by default the one on which changes land
    #[arg(long, value_name = "REF")]
    target: Option<String>,
    /// The remote that is the repository on the server, and to which it is sent; by default the one on which changes
    /// land
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
}

/// An account, in small letters, a commit, and what that does.
type About = (String, String, String);

pub fn run(options: &Options, here: &Path) -> Result<(), String> {
    let access = ServerAccess::by_network(config::servers(), &config::data_directory());
    let server = access.server(&options.server)?;
    let (target, remote) = (options.target.as_deref(), options.remote.as_deref());
    let pen = Pen::new(here, &options.key, EvidenceKind::Forge, target, remote, false)?;
    let remote = pen.remote().unwrap_or_default();
    let address = server_of(&server.url)
        .ok_or_else(|| format!("{} is not an address that can be signed.", visible::text(&server.url)))?;
    let source = pen.source(|source| source.server == address, &format!("forge {address}"))?;
    let (connected, account) = access.connect(server)?;
    let repository = repository_on(server, &pen, remote)?;
    let all = connected.open(&repository, &account).map_err(|error| error.to_string())?;
    // What is not named here is taken for closed.
    fetch_these(&pen.repository, remote, &all.iter().collect::<Vec<_>>(), Prompts::Never)?;
    let open = meant(&all, options.request, &pen.target.name);
    if let Some(number) = options.request.filter(|_| open.is_empty()) {
        return Err(format!("No review request {number} for {} is open on {address}.", pen.target.name));
    }
    let (mut found, earlier) = (Vec::new(), pen.earlier()?);
    for request in &open {
        let read = connected.reviews(&repository, request.request).map_err(|error| error.to_string())?;
        let reviews = read.ok_or_else(|| {
            format!("{address} ties approvals to no commit, so nobody can say what was approved. Nothing was signed.")
        })?;
        let reader = Reader::of(&pen, source, request, &earlier);
        let approved = reader.approved(&reviews)?;
        found.extend(reader.taken_back(&approved)?);
        found.extend(approved.into_iter().filter(|(about, _)| reader.is_new(about)).map(|(_, own)| own));
    }
    if found.is_empty() {
        outln!("{} on {address}: nothing new was approved or taken back.", counted(open.len(), "open request"));
        return Ok(());
    }
    pen.sign(&address, &found)?;
    for own in &found {
        let what = if own.result == EvidenceResult::Pass { "approves" } else { "no longer approves" };
        outln!("{} {what} {} ({}).", visible::text(&own.name), &own.commit[..7], own.link);
    }
    let (statements, by) = (counted(found.len(), "statement"), visible::text(&account.login));
    outln!("Signed, and sent to {}: {statements}, as {by} reads them.", visible::text(remote));
    Ok(())
}

/// What the server calls the repository of a remote.
fn repository_on(server: &Server, pen: &Pen, remote: &str) -> Result<String, String> {
    let server = server.with_kind(&Network::default()).map_err(|error| error.to_string())?;
    let found = pen.repository.raw.find_remote(remote).ok();
    let url = found.as_ref().and_then(|found| found.url().ok());
    let name = url.and_then(Remote::of).and_then(|remote| server.repository_of(&remote));
    name.ok_or_else(|| format!("The remote {} is not a repository on {}.", visible::text(remote), server.url))
}

/// The requests that are asked for, and are to land on a ref.
fn meant<'p>(all: &'p [Pending], number: Option<u64>, target: &str) -> Vec<&'p Pending> {
    let short = target.strip_prefix("refs/heads/").unwrap_or(target);
    let is_asked = |one: &Pending| number.is_none_or(|number| one.request.number == number);
    all.iter().filter(|one| is_asked(one) && (one.target == short || one.target == target)).collect()
}

/// Reads one review request, knowing what was signed of it before.
struct Reader<'r> {
    pen: &'r Pen,
    source: &'r EvidenceSource,
    page: String,
    last: BTreeMap<About, &'r EvidenceRecord>,
}

impl<'r> Reader<'r> {
    fn of(pen: &'r Pen, source: &'r EvidenceSource, request: &Pending, earlier: &'r [EvidenceRecord]) -> Reader<'r> {
        let page = if is_link(&request.page) { request.page.clone() } else { String::new() };
        let is_of_it =
            |own: &Evidence| own.server == source.server && own.link == page && own.target.name == pen.target.name;
        let of_it = earlier.iter().filter(|record| is_of_it(record.evidence()));
        let last = of_it.map(|record| (about(record.evidence()), record)).collect();
        Reader { pen, source, page, last }
    }

    /// What accounts approve, as far as the commits are here.
    fn approved(&self, reviews: &[AccountReview]) -> Result<BTreeMap<About, Evidence>, String> {
        let mut approved = BTreeMap::new();
        for review in reviews.iter().filter(|review| review.approves && is_account(&review.account)) {
            let here = review.commit.filter(|commit| self.pen.repository.commit_named(*commit).is_some());
            let found = here.map(|commit| self.pen.about(commit)).transpose()?;
            let Some(found) = found.filter(|found| !found.target.tip.is_empty()) else {
                let account = visible::text(&review.account);
                eprintln!("undersign: {account} approved a commit that cannot be compared here: it is left out.");
                continue;
            };
            let own = self.of_account(found, &review.account, EvidenceResult::Pass);
            approved.insert(about(&own), own);
        }
        Ok(approved)
    }

    /// What was approved before, and is no longer: it is said once.
    fn taken_back(&self, approved: &BTreeMap<About, Evidence>) -> Result<Vec<Evidence>, String> {
        let passed = self.last.values().map(|record| record.evidence());
        let gone = passed.filter(|own| own.result == EvidenceResult::Pass && !approved.contains_key(&about(own)));
        let taken_back = |own: &Evidence| -> Result<Evidence, String> {
            let commit: ObjectId = own.commit.parse().map_err(|_| "An object id is none.".to_owned())?;
            let (target, manifest) = (own.target.clone(), own.manifest.clone());
            let blank = Evidence { target, manifest, ..self.pen.blank(commit, &own.tree)? };
            Ok(self.of_account(blank, &own.name, EvidenceResult::Fail))
        };
        gone.map(taken_back).collect()
    }

    /// Not if it was said already, and half of its time is not over.
    fn is_new(&self, about: &About) -> bool {
        self.last.get(about).is_none_or(|record| {
            record.evidence().result == EvidenceResult::Fail || now() - record.issued() >= self.source.valid / 2
        })
    }

    fn of_account(&self, about: Evidence, account: &str, result: EvidenceResult) -> Evidence {
        let (server, link) = (self.source.server.clone(), self.page.clone());
        Evidence { name: account.to_owned(), result, server, link, ..about }
    }
}

/// Of what a statement is.
fn about(own: &Evidence) -> About {
    (own.name.to_ascii_lowercase(), own.commit.clone(), own.manifest.sha256.clone())
}
