//! Claims over a host with a gate: they reach the others, replace each other, end, and hinder nothing.

use std::path::Path;
use std::process::Command;

use undersign::claims::{self, Claim};
use undersign::examination::RepositorySnapshot;

use crate::support::{git_in, now};
use crate::{Host, UNDERSIGN, text};

const HOUR: i64 = 3_600;

fn sync(clone: &Path) -> String {
    let output = Command::new(UNDERSIGN).arg("--repo").arg(clone).args(["sync", "--remote", "host"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout) + &text(&output.stderr)
}

fn held(clone: &Path, at: i64) -> Vec<(String, i64)> {
    let (repository, snapshot) = RepositorySnapshot::open(clone).unwrap();
    let claims = claims::read(&repository, snapshot.policy().unwrap(), at);
    claims.into_iter().map(|Claim { by, until, .. }| (by, until)).collect()
}

fn claim(clone: &Path, who: &str, head: &str, at: i64) {
    let (repository, _) = RepositorySnapshot::open(clone).unwrap();
    claims::claim(&repository, who, head.parse().unwrap(), true, at).unwrap();
}

fn give_back(clone: &Path, who: &str, head: &str) {
    let (repository, _) = RepositorySnapshot::open(clone).unwrap();
    claims::claim(&repository, who, head.parse().unwrap(), false, now()).unwrap();
}

#[test]
fn a_claim_reaches_the_others_and_goes_when_it_is_given_back_or_over() {
    let h = Host::new();
    let (head, other) = (h.f.id("agent/work"), h.f.id("main"));
    let clone = h.f.dir.path().join("rahims");
    git_in(h.f.dir.path(), "rahim", &["clone", "-q", "-o", "host", h.bare.to_str().unwrap(), clone.to_str().unwrap()]);
    let here = &h.f.repo;
    claim(here, "dana", &head, now());
    assert!(sync(here).contains("0 records fetched, 0 records sent."), "claims are not records");
    sync(&clone);
    assert_eq!(held(&clone, now()).len(), 1);
    claim(&clone, "rahim", &other, now());
    sync(&clone);
    sync(here);
    assert_eq!(held(here, now()).iter().map(|(by, _)| by.as_str()).collect::<Vec<_>>(), ["dana", "rahim"]);
    // dana claims another one on another machine: both stay.
    claim(&clone, "dana", &other, now());
    sync(&clone);
    sync(here);
    assert_eq!(held(here, now()).len(), 3);
    give_back(here, "dana", &head);
    sync(here);
    sync(&clone);
    assert_eq!(held(&clone, now()).len(), 2, "given back");
    assert_eq!(held(&clone, now() + 25 * HOUR), []);
    // What is over goes from the host with the next sync of whoever claimed it.
    for (who, head) in [("dana", &other), ("rahim", &other)] {
        give_back(&clone, who, head);
    }
    sync(&clone);
    sync(here);
    assert_eq!((h.at("refs/undersign/claims/dana"), h.at("refs/undersign/claims/rahim")), Default::default());
    assert_eq!((held(here, now()), held(&clone, now())), Default::default());
}

#[test]
fn whatever_stands_among_the_claims_of_a_host_breaks_no_sync() {
    let h = Host::new();
    let put = |name: &str, object: &str| {
        git_in(&h.bare, "mina", &["update-ref", &format!("refs/undersign/claims/{name}"), object])
    };
    let blob = |text: &str| {
        h.f.write("../blob", text);
        git_in(&h.bare, "mina", &["hash-object", "-w", h.f.dir.path().join("blob").to_str().unwrap()])
    };
    put("dana", &blob(&"x".repeat(100_000)));
    put("mina", &h.f.id("main"));
    put("rahim", &blob("undersign-claims/v1\nno\n"));
    for n in 0..50 {
        put(&format!("stranger-{n}"), &h.f.id("main"));
    }
    assert!(!sync(&h.f.repo).contains("claims"));
    assert_eq!(held(&h.f.repo, now()), []);
    let refs = h.f.git("mina", &["for-each-ref", "--format=%(refname)", "refs/undersign/"]);
    assert!(!refs.contains("stranger"), "{refs}");
    // One's own claims replace what stood there.
    claim(&h.f.repo, "dana", &h.f.id("agent/work"), now());
    sync(&h.f.repo);
    assert_eq!(held(&h.f.repo, now()).len(), 1);
    assert_eq!(git_in(&h.bare, "mina", &["cat-file", "-t", "refs/undersign/claims/dana"]), "blob");
    // A host that takes no claims takes decisions all the same.
    std::fs::write(h.bare.join("hooks/update"), "#!/bin/sh\ncase $1 in refs/undersign/claims/*) exit 1;; esac\n")
        .unwrap();
    Command::new("chmod").arg("+x").arg(h.bare.join("hooks/update")).status().unwrap();
    claim(&h.f.repo, "dana", &h.f.id("main"), now());
    h.f.decide("dana", "agent/work", undersign::decision::Verdict::Approve);
    let said = sync(&h.f.repo);
    assert!(
        said.contains("1 record sent, no claims exchanged") && said.contains("claims were not exchanged"),
        "{said}"
    );
}
