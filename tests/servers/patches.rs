//! A commit that is made from what a server tells is the author's, or it is refused.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use undersign::change::ObjectId;
use undersign::change::request::{Request, RequestKind};
use undersign::source::server::{
    Account, Checks, Comment, Comments, Decided, Now, Observed, Patched, Pending, ReviewServer, Series, ServerError,
    Signature, Source,
};
use undersign::sync::patches::{self, Brought};

use crate::support::{Fixture, git_in};

/// Tells of one review request, and knows nothing else.
#[derive(Clone)]
pub struct Told {
    pub number: u64,
    pub series: Series,
}

impl ReviewServer for Told {
    fn account(&self) -> Result<Account, ServerError> {
        Ok(Account { login: "dana".to_owned(), version: String::new() })
    }

    fn open(&self, repository: &str, _: &Account) -> Result<Vec<Pending>, ServerError> {
        Ok(vec![Pending {
            repository: repository.to_owned(),
            request: Request { kind: RequestKind::ReviewRequest, number: self.number },
            title: String::new(),
            author: "mina".to_owned(),
            is_draft: false,
            asked: None,
            target: String::new(),
            head: self.series.commits.last().map(|commit| commit.id),
            full: None,
            page: String::new(),
            depends_on: Vec::new(),
            comments: None,
        }])
    }

    fn source(&self, _: &str, _: Request) -> Result<Source, ServerError> {
        Ok(Source::Patches(self.series.clone()))
    }

    fn asked(&self, _: &Account) -> Result<Vec<Pending>, ServerError> {
        unreachable!()
    }

    fn now(&self, _: &str, _: Request) -> Result<Now, ServerError> {
        unreachable!()
    }

    fn checks(&self, _: &str, _: Request, _: ObjectId) -> Result<Checks, ServerError> {
        unreachable!()
    }

    fn reply(&self, _: &str, _: Request, _: &Comment, _: &str) -> Result<(), ServerError> {
        unreachable!()
    }

    fn comments(&self, _: &str, _: Request) -> Result<Comments, ServerError> {
        unreachable!()
    }

    fn give_verdict(&self, _: &Decided<'_>) -> Result<(), ServerError> {
        unreachable!()
    }

    fn verdict(&self, _: &Decided<'_>, _: &Account) -> Result<Option<Observed>, ServerError> {
        unreachable!()
    }

    fn set_status(&self, _: &Decided<'_>) -> Result<(), ServerError> {
        unreachable!()
    }

    fn status(&self, _: &Decided<'_>) -> Result<Option<Observed>, ServerError> {
        unreachable!()
    }
}

/// A reviewer's repository, and an author's that has two commits more.
pub struct Two {
    pub f: Fixture,
    pub series: Series,
}

impl Two {
    pub fn new() -> Two {
        let f = Fixture::new();
        let author = f.dir.path().join("author");
        f.git("mina", &["clone", "-q", ".", author.to_str().unwrap()]);
        let git = |arguments: &[&str]| git_in(&author, "mina", arguments);
        let write = |path: &str, text: &[u8]| std::fs::write(author.join(path), text).unwrap();
        write("src/lib.rs", b"fn one() -> u32 {\n    3\n}");
        write("crlf.txt", b"one\r\n  two \t\r\n");
        write("empty", b"");
        git(&["add", "-A"]);
        git(&["commit", "-q", "-m", "Count from three\n\nIn \u{fc}ber detail."]);
        git(&["mv", "README.md", "READ ME.md"]);
        git(&["rm", "-q", "crlf.txt"]);
        write("bytes", &[0, 159, 146, 150, 10, 0, 7]);
        std::os::unix::fs::symlink("READ ME.md", author.join("link")).unwrap();
        git(&["add", "-A"]);
        git(&["update-index", "--chmod=+x", "src/lib.rs"]);
        git(&["commit", "-q", "-m", "Move what is to be read", "--date=2026-03-01T10:00:00-0330"]);
        let commits = ["HEAD~", "HEAD"].map(|name| patched(&author, name)).to_vec();
        let base = commits[0].parent;
        Two { f, series: Series { base, commits } }
    }

    fn brings(&self, series: Series) -> Result<Brought, String> {
        patches::bring(&self.f.repository(), "origin", &Told { number: 12, series }, "shop")
    }

    /// It does not come, for a reason.
    fn is_unproved(&self, spoil: impl FnOnce(&mut Series), why: &str) {
        let mut series = self.series.clone();
        spoil(&mut series);
        let brought = self.brings(series).unwrap();
        let told = brought.unproved.first().cloned().unwrap_or_default();
        assert!(brought.requests == 0 && told.starts_with("r/12: ") && told.contains(why), "{why}: {brought:?}");
        assert!(told.ends_with('.') && !told.contains(['\n', '\u{1b}']), "{told:?}");
        assert_eq!(self.f.git("dana", &["for-each-ref", "refs/undersign/requests"]), "");
    }
}

fn patched(author: &std::path::Path, name: &str) -> Patched {
    let show = |format: &str| git_in(author, "mina", &["show", "-s", &format!("--format={format}"), name]);
    let signature = |who: &str| {
        let [name, email, date] = ["n", "e", "I"].map(|field| show(&format!("%{who}{field}")));
        Signature::dated(name, email, &date).unwrap()
    };
    let arguments = ["show", "--format=", "--binary", "--full-index", "-M", name];
    let patch = Command::new("git").current_dir(author).args(arguments).output().unwrap().stdout;
    Patched {
        id: show("%H").parse().unwrap(),
        parent: show("%P").parse().unwrap(),
        author: signature("a"),
        committer: signature("c"),
        message: show("%B"),
        patch,
    }
}

#[test]
fn commits_are_made_again_from_patches_and_nothing_else_is_touched() {
    let two = Two::new();
    let head = two.series.commits[1].id.to_string();
    let index = two.f.repo.join(".git/index");
    let (before, status) = (std::fs::read(&index).unwrap(), two.f.git("dana", &["status", "--porcelain"]));
    // What a repository has to say of its own: none of it is asked.
    two.f.write(".git/info/attributes", "* text eol=crlf filter=bad\n");
    two.f.git("dana", &["config", "filter.bad.clean", "false"]);
    two.f.git("dana", &["config", "core.autocrlf", "true"]);
    two.f.git("dana", &["config", "apply.whitespace", "fix"]);
    let was_run = two.f.dir.path().join("was-run");
    let touch = format!("touch {}", was_run.display());
    let hook = two.f.repo.join(".git/hooks/post-index-change");
    two.f.write(".git/hooks/post-index-change", &format!("#!/bin/sh\n{touch}\n"));
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    two.f.git("dana", &["config", "core.fsmonitor", &touch]);
    let brought = two.brings(two.series.clone()).unwrap();
    assert_eq!(brought, Brought { requests: 1, ..Brought::default() });
    assert_eq!(two.f.id("refs/undersign/requests/origin/r/12"), head);
    assert_eq!(two.brings(two.series.clone()).unwrap(), Brought::default(), "it is here");
    assert!(!was_run.exists(), "no hook and no monitor");
    for setting in ["core.fsmonitor", "core.autocrlf", "filter.bad.clean"] {
        two.f.git("dana", &["config", "--unset", setting]);
    }
    std::fs::remove_file(two.f.repo.join(".git/info/attributes")).unwrap();
    std::fs::remove_file(hook).unwrap();
    assert_eq!(std::fs::read(&index).unwrap(), before);
    assert_eq!(two.f.git("dana", &["status", "--porcelain"]), status);
    two.f.git("dana", &["fsck", "--strict"]);
}

#[test]
fn what_is_not_the_claimed_commit_does_not_come() {
    let two = Two::new();
    let another = "makes another commit";
    two.is_unproved(|series| series.commits[1].message += " now", another);
    two.is_unproved(|series| series.commits[1].author.seconds += 1, another);
    two.is_unproved(|series| series.commits[0].committer.minutes += 60, another);
    two.is_unproved(|series| series.commits[0].author.name = "rahim".to_owned(), another);
    two.is_unproved(|series| series.commits[0].id = series.commits[1].id, another);
    let claimed = "7777777777777777777777777777777777777777".parse().unwrap();
    two.is_unproved(|series| series.commits[1].id = claimed, "7777777");
    let replaced = |patch: &[u8], from: &str, to: &str| String::from_utf8_lossy(patch).replace(from, to).into_bytes();
    two.is_unproved(|series| series.commits[0].patch = replaced(&series.commits[0].patch, "+    3", "+    4"), another);
    two.is_unproved(|series| series.commits[0].patch.clear(), another);
    two.is_unproved(|series| _ = series.commits.remove(0), "on another than the one before it");
}

#[test]
fn what_cannot_be_applied_says_so_in_one_line() {
    let two = Two::new();
    two.is_unproved(|series| series.commits[0].patch = b"rm -rf /\x1b[2J\n".to_vec(), "`git apply` says: ");
    two.is_unproved(|series| series.commits[0].patch.truncate(200), "`git apply` says: ");
    two.is_unproved(|series| series.commits[0].patch = series.commits[1].patch.clone(), "`git apply` says: ");
    let outside = b"diff --git a/../x b/../x\nnew file mode 100644\n--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n";
    two.is_unproved(|series| series.commits[0].patch = outside.to_vec(), "`git apply` says: ");
    let inside =
        b"diff --git a/.git/x b/.git/x\nnew file mode 100644\n--- /dev/null\n+++ b/.git/x\n@@ -0,0 +1 @@\n+x\n";
    two.is_unproved(|series| series.commits[0].patch = inside.to_vec(), "`git apply` says: ");
    assert!(!two.f.dir.path().join("x").exists() && !two.f.repo.join(".git/x").exists());
}

#[test]
fn no_name_goes_on_as_another_line_of_a_commit() {
    let two = Two::new();
    for name in ["mina <m@example.com> 1 +0000\nparent", "mi>na", "mi\0na"] {
        two.is_unproved(|series| series.commits[0].author.name = name.to_owned(), "no such name");
        two.is_unproved(|series| series.commits[0].committer.email = name.to_owned(), "no such name");
    }
}

#[test]
fn without_its_base_nothing_is_made() {
    let two = Two::new();
    let elsewhere: ObjectId = "7777777777777777777777777777777777777777".parse().unwrap();
    two.is_unproved(|series| series.base = elsewhere, "its base 7777777");
}
