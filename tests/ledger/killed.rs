//! Programs that sign and save drafts, killed at any moment. The victim is this test program itself, run again.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use undersign::change::{Change, ObjectId, Revision};
use undersign::decision::{Draft, Revised, Verdict};
use undersign::drafts::{Drafts, Refs};
use undersign::ledger;
use undersign::record::Record;
use undersign::source::git::Repository;

use crate::support::{Fixture, now, wait};
use crate::{chain_of, signed_link};

/// Set for a victim: the repository to sign in.
const VICTIM: &str = "UNDERSIGN_TEST_VICTIM";

/// Appends records and saves drafts until it is killed; says after each which number is safe.
#[test]
#[ignore = "run by the test below, as its victim"]
fn victim() {
    let Some(repo) = std::env::var_os(VICTIM).map(PathBuf::from) else { return };
    let fixture = std::mem::ManuallyDrop::new(Fixture { dir: tempfile::tempdir().unwrap(), repo });
    let drafts = Drafts::at(fixture.repo.join("drafts"));
    let repository = Repository::open(&fixture.repo).unwrap();
    let mut last: Record = (**ledger::read_chain(&repository, &chain_of("dana")).records.last().unwrap()).clone();
    println!("begun");
    loop {
        let seq = last.predicate().chain.seq.0;
        let mut draft = Draft::new("shop:agent/work", Revised { base: "0".repeat(40), head: "0".repeat(40) });
        draft.reasons.insert(Verdict::Reject, format!("draft {seq}"));
        // Written anew, not added to what the victim before wrote.
        let base = kept(&drafts, &fixture.repo).unwrap_or_default();
        drafts.save(&NoRefs(&fixture.repo), &base, &draft).unwrap();
        let link = signed_link(&fixture, &last, (seq % 250) as u8);
        let append = || match ledger::append(&repository, &chain_of("dana"), link.clone(), now()) {
            Ok(record) => Some(record),
            // What a program that was killed before us left behind: its age must pass first.
            Err(ledger::LedgerError::Unwritable(_)) => None,
            Err(other) => panic!("{other}"),
        };
        last = wait::look_for(wait::PATIENCE, append).unwrap();
        println!("safe {}", seq + 1);
    }
}

fn kept(drafts: &Drafts, repository: &Path) -> Option<Draft> {
    let id = ObjectId([0; 20]);
    let (base, base_tree, head, head_tree, target_tip, target_tree) = (id, id, id, id, id, id);
    let revision = Revision { base, base_tree, head, head_tree, target_tip, target_tree, commits: Vec::new() };
    let change = Change::of_range("shop:agent/work".into(), "agent/work".into(), "refs/heads/main".into(), revision);
    drafts.load(&NoRefs(repository), &change).unwrap().draft
}

/// A repository of which a range needs to know nothing.
struct NoRefs<'r>(&'r Path);

impl Refs for NoRefs<'_> {
    fn repository(&self) -> &Path {
        self.0
    }

    fn tip(&self, _: &str) -> Option<String> {
        None
    }

    fn contains(&self, _: &str, _: &str) -> bool {
        false
    }

    fn has_landed(&self, _: &str) -> bool {
        false
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn was_at(&self, _: &str, _: &str) -> bool {
        false
    }

    fn remembers(&self, _: &str) -> bool {
        false
    }

    fn was_named(&self, _: &str, _: &str) -> bool {
        false
    }

    fn remote(&self) -> Option<String> {
        None
    }
}

/// A few dozen times; a thousand with `UNDERSIGN_STRESS=1`.
#[test]
fn a_program_killed_at_any_moment_leaves_whole_records_and_a_whole_draft() {
    let batches = if std::env::var_os("UNDERSIGN_STRESS").is_some() { 25 } else { 1 };
    // A chain of its own for each batch: a victim reads it all before it begins.
    let records: usize = (0..batches).map(|batch| kill(batch * 40..(batch + 1) * 40)).sum();
    println!("{} killed, {records} records whole", batches * 40);
}

fn kill(rounds: std::ops::Range<u64>) -> usize {
    let fixture = Fixture::new();
    fixture.key_file("dana");
    fixture.decide("dana", "agent/work", Verdict::Approve);
    let drafts = Drafts::at(fixture.repo.join("drafts"));
    let mut safe = 1;
    for round in rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "killed::victim", "--nocapture"])
            .env(VICTIM, &fixture.repo)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        while !said.ends_with("begun\n") {
            assert!(stdout.read_line(&mut said).unwrap() > 0, "round {round}: the victim never began: {said}");
        }
        // From its first step to well into its third record, in steps that do not repeat.
        wait::take_time(Duration::from_micros((round * 7_919) % 40_000));
        child.kill().unwrap();
        child.wait().unwrap();
        stdout.read_to_string(&mut said).unwrap();
        let told = said.lines().filter_map(|line| line.strip_prefix("safe ")).filter_map(|n| n.parse().ok()).max();
        safe = told.unwrap_or(safe).max(safe);
        let chain = ledger::read_chain(&fixture.repository(), &chain_of("dana"));
        assert_eq!(chain.fault, None, "round {round}");
        assert!(chain.records.len() as u64 >= safe, "round {round}: record {safe} was told safe and is not there");
        if let Some(draft) = kept(&drafts, &fixture.repo) {
            assert!(draft.reason(Verdict::Reject).starts_with("draft "), "round {round}");
        }
    }
    let records = ledger::read_chain(&fixture.repository(), &chain_of("dana")).records.len();
    assert!(fixture.git("mina", &["fsck", "--no-dangling"]).is_empty());
    records
}
