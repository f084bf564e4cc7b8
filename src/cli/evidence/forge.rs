//! `undersign evidence forge`: approvals of other people on a review server, as an account reads them there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;

use super::pen::Pen;
use crate::change::address::Remote;
use crate::change::{ObjectId, counted, visible};
use crate::cli::now;
use crate::config;
use crate::delivery::ServerAccess;
use crate::policy::EvidenceSource;
use crate::record::evidence::{Evidence, EvidenceKind, EvidenceRecord, EvidenceResult, is_account, server_of};
use crate::record::outcome::is_link;
use crate::source::server::{AccountReview, Pending};
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
    /// The remote that is the repository on the server, and to which it is sent
    #[arg(long, value_name = "NAME", default_value = "origin")]
    remote: String,
}

/// What an account said of one content, for one review request.
type About = (String, String, String);

pub fn run(options: &Options, here: &Path) -> Result<(), String> {
    let access = ServerAccess::by_network(config::servers(), &config::data_directory());
    let server = access.server(&options.server)?;
    let pen = Pen::new(here, &options.key, EvidenceKind::Forge, options.target.as_deref(), Some(&options.remote))?;
    let address = server_of(&server.url)
        .ok_or_else(|| format!("{} is no address that can be signed.", visible::text(&server.url)))?;
    let source = pen.source(|source| source.server == address, &format!("forge {address}"))?;
    let (connected, account) = access.connect(server)?;
    let known = server.with_kind(&crate::source::server::Network::default()).map_err(|error| error.to_string())?;
    let url =
        pen.repository.raw.find_remote(&options.remote).ok().and_then(|remote| remote.url().ok().map(str::to_owned));
    let repository = url.as_deref().and_then(Remote::of).and_then(|remote| known.repository_of(&remote));
    let repository = repository
        .ok_or_else(|| format!("The remote {} is no repository on {address}.", visible::text(&options.remote)))?;
    let all = connected.open(&repository, &account).map_err(|error| error.to_string())?;
    let short = pen.target.name.strip_prefix("refs/heads/").unwrap_or(&pen.target.name);
    let is_meant = |one: &&Pending| {
        let is_asked = options.request.is_none_or(|number| one.request.number == number);
        is_asked && (one.target == short || one.target == pen.target.name)
    };
    let open: Vec<&Pending> = all.iter().filter(is_meant).collect();
    if let Some(number) = options.request.filter(|_| open.is_empty()) {
        return Err(format!("No review request {number} for {short} is open on {address}."));
    }
    // What is not named here is taken for closed.
    fetch_these(&pen.repository, &options.remote, &all.iter().collect::<Vec<_>>(), Prompts::Never)?;
    let mut findings = Vec::new();
    let earlier = pen.earlier()?;
    for request in &open {
        let read = connected.reviews(&repository, request.request).map_err(|error| error.to_string())?;
        let reviews = read.ok_or_else(|| {
            format!("{address} ties approvals to no commit, so nobody can say what was approved. Nothing was signed.")
        })?;
        findings.extend(of_request(&pen, source, request, &reviews, &earlier)?);
    }
    if findings.is_empty() {
        outln!("{} on {address}: nothing new was approved or taken back.", counted(open.len(), "open request"));
        return Ok(());
    }
    pen.sign(&address, &findings)?;
    for own in &findings {
        let what = if own.result == EvidenceResult::Pass { "approves" } else { "no longer approves" };
        outln!("{} {what} {} ({}).", visible::text(&own.name), &own.commit[..7], own.link);
    }
    outln!(
        "Signed, and sent to {}: {}, as {} reads them.",
        options.remote,
        counted(findings.len(), "statement"),
        account.login
    );
    Ok(())
}

/// What is new of one review request. What an account approves is said again when half of its time is over, and what it
/// no longer approves once.
fn of_request(
    pen: &Pen,
    source: &EvidenceSource,
    request: &Pending,
    reviews: &[AccountReview],
    earlier: &[EvidenceRecord],
) -> Result<Vec<Evidence>, String> {
    let page = if is_link(&request.page) { request.page.clone() } else { String::new() };
    let mut last: BTreeMap<About, &EvidenceRecord> = BTreeMap::new();
    for record in earlier {
        let own = record.evidence();
        if own.server == source.server && own.link == page && own.target.name == pen.target.name {
            let about = (own.name.to_ascii_lowercase(), own.commit.clone(), own.manifest.sha256.clone());
            last.insert(about, record);
        }
    }
    let (mut findings, mut approved) = (Vec::new(), BTreeSet::new());
    for review in reviews.iter().filter(|review| review.approves && is_account(&review.account)) {
        let Some(commit) = review.commit.filter(|commit| pen.repository.commit_named(*commit).is_some()) else {
            let account = visible::text(&review.account);
            eprintln!("undersign: {account} approved a commit that is not here, which is left out.");
            continue;
        };
        let about = pen.about(commit)?;
        if about.target.tip.is_empty() {
            eprintln!("undersign: {} has no merge base here with {}: it is left out.", commit.short(), pen.target.name);
            continue;
        }
        let own = of_account(about, &review.account, EvidenceResult::Pass, source, &page);
        let key = (own.name.to_ascii_lowercase(), own.commit.clone(), own.manifest.sha256.clone());
        let is_fresh = |record: &&&EvidenceRecord| {
            record.evidence().result == EvidenceResult::Pass && now() - record.issued() < source.valid / 2
        };
        if last.get(&key).filter(is_fresh).is_none() {
            findings.push(own);
        }
        approved.insert(key);
    }
    for (about, record) in last.iter().filter(|(about, _)| !approved.contains(*about)) {
        let own = record.evidence();
        if own.result == EvidenceResult::Pass {
            let commit: ObjectId = about.1.parse().map_err(|_| "An object id is none.".to_owned())?;
            let blank = pen.blank(commit, &own.tree)?;
            let (target, manifest) = (own.target.clone(), own.manifest.clone());
            let blank = Evidence { target, manifest, ..blank };
            findings.push(of_account(blank, &own.name, EvidenceResult::Fail, source, &page));
        }
    }
    Ok(findings)
}

fn of_account(about: Evidence, account: &str, result: EvidenceResult, source: &EvidenceSource, page: &str) -> Evidence {
    Evidence { name: account.to_owned(), result, server: source.server.clone(), link: page.to_owned(), ..about }
}
