//! Tables: a draft and its change, one step after the other. Generated worlds are in the files beside.

mod desks;
mod world;

use std::path::Path;
use std::sync::LazyLock;

use super::*;
use crate::change::{BranchRef, ObjectId, Revision};
use crate::decision::{Note, Verdict};

const CHANGE: &str = "shop:x";

static SHOP: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

fn shop() -> &'static Path {
    SHOP.path()
}

/// A repository of which only some refs are gone, and the others are where they were.
struct Fixed<'f> {
    repository: &'f Path,
    is_gone: &'f dyn Fn(&str) -> bool,
    contains: &'f dyn Fn(&str, &str) -> bool,
}

impl Refs for Fixed<'_> {
    fn repository(&self) -> &Path {
        self.repository
    }

    fn tip(&self, name: &str) -> Option<String> {
        (!(self.is_gone)(name)).then(|| "f".repeat(40))
    }

    fn contains(&self, commit: &str, other: &str) -> bool {
        (self.contains)(commit, other)
    }

    fn has_landed(&self, _: &str) -> bool {
        false
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn was_at(&self, _: &str, _: &str) -> bool {
        true
    }

    fn remembers(&self, _: &str) -> bool {
        true
    }

    fn was_named(&self, _: &str, _: &str) -> bool {
        false
    }

    fn remote(&self) -> Option<String> {
        Some("origin".to_owned())
    }
}

fn refs() -> Fixed<'static> {
    at(shop())
}

fn at(repository: &Path) -> Fixed<'_> {
    Fixed { repository, is_gone: &|_| true, contains: &|_, _| false }
}

fn because(words: &str) -> BTreeMap<Verdict, String> {
    [(Verdict::Reject, words.to_owned())].into()
}

/// A change at a head, as refs show it; without any, a range.
fn shown(head: u8, refs: &[&str]) -> Change {
    let [base, head] = [0, head].map(|n| ObjectId([n; 20]));
    let revision = Revision {
        base,
        base_tree: base,
        head,
        head_tree: head,
        target_tip: base,
        target_tree: base,
        commits: Vec::new(),
    };
    let at = |full: &&str| BranchRef { full: (*full).to_owned(), remote: None, branch: (*full).to_owned() };
    let refs = refs.iter().map(at).collect();
    Change { refs, ..Change::of_range(CHANGE.to_owned(), "x".to_owned(), "main".to_owned(), revision) }
}

fn change() -> Change {
    shown(1, &[])
}

/// A note on a change, saved.
fn noted(drafts: &Drafts, place: &Path, change: &Change, text: &str) {
    let mut draft = Draft::new(CHANGE, crate::decision::Revised::of(&change.revision));
    draft.refs = names(change);
    draft.notes.push(Note { text: text.to_owned(), ..Note::default() });
    drafts.save(&at(place), &Draft::default(), &draft).unwrap();
}

#[test]
fn a_draft_follows_its_change_to_another_ref_and_never_goes_to_another_change() {
    let dir = tempfile::tempdir().unwrap();
    let drafts = Drafts::at(dir.path().join("drafts"));
    let (local, pushed, request) = ("refs/heads/x", "refs/remotes/origin/x", "refs/undersign/requests/origin/pull/7");
    // A later head contains an earlier one.
    let contains = |commit: &str, other: &str| commit >= other;
    let read = |change: &Change, gone: &[&str]| {
        let is_gone = |name: &str| gone.contains(&name);
        let draft = drafts.load(&Fixed { is_gone: &is_gone, contains: &contains, ..refs() }, change).unwrap().draft;
        draft.map(|draft| draft.notes[0].text.clone())
    };
    // Pushed, then a review request, which is closed again.
    noted(&drafts, shop(), &shown(1, &[local]), "mine");
    assert_eq!(read(&shown(1, &[pushed, local]), &[]).as_deref(), Some("mine"));
    assert_eq!(read(&shown(2, &[request, pushed]), &[]).as_deref(), Some("mine"), "also with what came since");
    noted(&drafts, shop(), &shown(2, &[request, pushed]), "mine");
    assert_eq!(read(&shown(2, &[pushed]), &[request]).as_deref(), Some("mine"));
    // Another change takes a name, or is at the same commit.
    noted(&drafts, shop(), &shown(3, &["refs/remotes/ann/patch-1"]), "ann's");
    assert_eq!(read(&shown(4, &["refs/remotes/origin/patch-1"]), &[]), None);
    assert_eq!(read(&shown(3, &["refs/remotes/origin/other"]), &[]), None, "ann's is still there");
    assert_eq!(read(&shown(3, &["refs/remotes/ann/patch-1"]), &[]).as_deref(), Some("ann's"));
    // A branch is renamed, a worktree put on one.
    let renamed = read(&shown(3, &["refs/remotes/ann/patch-2"]), &["refs/remotes/ann/patch-1"]);
    assert_eq!(renamed.as_deref(), Some("ann's"));
    noted(&drafts, shop(), &shown(5, &["worktrees/agent-7/HEAD"]), "agent's");
    let put = read(&shown(5, &["refs/heads/agent/seven"]), &["worktrees/agent-7/HEAD"]);
    assert_eq!(put.as_deref(), Some("agent's"));
    assert_eq!(read(&shown(4, &["refs/heads/agent/eight"]), &["refs/heads/agent/seven"]), None, "of another head");
    // The worktree is made anew for another task; an agent goes on before it pushes and cleans up.
    noted(&drafts, shop(), &shown(8, &["worktrees/task/HEAD"]), "fine");
    assert_eq!(read(&shown(7, &["worktrees/task/HEAD"]), &[]), None);
    assert_eq!(read(&shown(9, &["worktrees/task/HEAD"]), &[]).as_deref(), Some("fine"));
    let (local, pushed) = ("refs/heads/agent/7", "refs/remotes/origin/agent/7");
    noted(&drafts, shop(), &shown(20, &[local]), "look here");
    assert_eq!(read(&shown(21, &[pushed]), &[local]).as_deref(), Some("look here"));
}

#[test]
fn a_branch_at_another_remote_takes_no_draft_by_having_stood_at_the_same_commit() {
    let dir = tempfile::tempdir().unwrap();
    let drafts = Drafts::at(dir.path().join("drafts"));
    let (good, evil) = ("refs/remotes/origin/good", "refs/remotes/mal/good");
    let contains = |commit: &str, other: &str| commit >= other;
    let read = |head: u8, gone: &str| {
        let is_gone = |name: &str| name == gone;
        drafts.load(&Fixed { is_gone: &is_gone, contains: &contains, ..refs() }, &shown(head, &[evil])).unwrap().draft
    };
    noted(&drafts, shop(), &shown(1, &[good, evil]), "fine");
    assert_eq!(read(2, good), None);
    let request = "refs/undersign/requests/origin/pull/7";
    noted(&drafts, shop(), &shown(3, &[request, evil]), "fine");
    assert_eq!(read(4, request), None);
    let local = "refs/heads/good";
    noted(&drafts, shop(), &shown(5, &[local, evil]), "fine");
    assert_eq!(read(6, local), None);
    assert!(read(5, local).is_some(), "the very same change");
}

#[test]
fn what_was_taken_back_in_one_desk_does_not_come_back_by_another_that_shows_the_old_ref() {
    let dir = tempfile::tempdir().unwrap();
    let drafts = Drafts::at(dir.path().join("drafts"));
    let (local, pushed) = ("refs/heads/x", "refs/remotes/origin/x");
    noted(&drafts, shop(), &shown(1, &[local]), "no");
    let load = |change: &Change| drafts.load(&Fixed { is_gone: &|_| false, ..refs() }, change).unwrap().draft.unwrap();
    let first = load(&shown(1, &[local]));
    // It is pushed, and the other desk takes the note back.
    let second = load(&shown(1, &[pushed, local]));
    drafts.save(&refs(), &second, &Draft { notes: Vec::new(), reasons: because("r"), ..second.clone() }).unwrap();
    let marked = Draft { seen: ["m".to_owned()].into(), ..first.clone() };
    drafts.save(&refs(), &first, &marked).unwrap();
    // What the first wrote does not make it the old ref's again.
    let file = Folder::of(drafts.dir(), shop()).file(pushed);
    assert_eq!(Draft::decode(&std::fs::read(file).unwrap()).unwrap().key(), pushed);
    let kept = load(&shown(1, &[pushed, local]));
    assert!(kept.notes.is_empty() && kept.reasons == because("r") && kept.seen.contains("m"), "{kept:?}");
}

#[test]
fn where_the_repository_was_moved_away_nothing_is_said_to_be_saved() {
    let dir = tempfile::tempdir().unwrap();
    let drafts = Drafts::at(dir.path().join("drafts"));
    let [shop, shoq] = ["shop", "shoq"].map(|name| dir.path().join(name));
    std::fs::create_dir(&shop).unwrap();
    noted(&drafts, &shop, &shown(1, &["refs/heads/x"]), "first");
    std::fs::rename(&shop, &shoq).unwrap();
    let draft = Draft { refs: vec!["refs/heads/x".into()], reasons: because("r"), ..Draft::default() };
    let why = drafts.save(&at(&shop), &Draft::default(), &draft).unwrap_err();
    assert!(why.contains("no longer in"), "{why}");
    assert_eq!(drafts.unsaved().len(), 1);
}

#[test]
fn drafts_follow_a_renamed_folder_and_stay_where_another_repository_takes_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let drafts = Drafts::at(dir.path().join("drafts"));
    let [old, new, other] = ["shop", "shoq", "cart"].map(|name| dir.path().join(name));
    std::fs::create_dir(&old).unwrap();
    noted(&drafts, &old, &shown(1, &["refs/heads/x"]), "mine");
    let read = |repository: &Path| {
        let refs = Fixed { repository, is_gone: &|_| false, ..refs() };
        drafts.load(&refs, &shown(1, &["refs/heads/x"])).unwrap().draft.map(|draft| draft.notes[0].text.clone())
    };
    std::fs::create_dir(&other).unwrap();
    assert_eq!(read(&other), None);
    std::fs::rename(&old, &new).unwrap();
    assert_eq!(read(&other), None, "another clone, while the first is not to be seen");
    assert_eq!(read(&new).as_deref(), Some("mine"));
    assert_eq!(read(&old), None);
    // Another one takes its place: at the same path, and, since numbers are used again, as the same directory.
    noted(&drafts, &new, &shown(1, &["refs/heads/x"]), "mine");
    std::fs::remove_dir_all(&new).unwrap();
    std::fs::create_dir(&new).unwrap();
    assert_eq!(read(&new), None);
    noted(&drafts, &new, &shown(1, &["refs/heads/x"]), "of the new one");
    // A copy of a repository begins with none, and leaves those of the first alone.
    let copy = dir.path().join("copy");
    std::fs::create_dir_all(copy.join("undersign")).unwrap();
    std::fs::copy(new.join("undersign/drafts"), copy.join("undersign/drafts")).unwrap();
    assert_eq!(read(&copy), None);
    noted(&drafts, &copy, &shown(1, &["refs/heads/x"]), "of the copy");
    assert_eq!(read(&copy).as_deref(), Some("of the copy"));
    assert_eq!(read(&new).as_deref(), Some("of the new one"));
}

#[test]
fn a_note_of_a_desk_that_still_shows_the_old_ref_is_joined_to_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let drafts = Drafts::at(dir.path().join("drafts"));
    let (local, pushed) = ("refs/heads/x", "refs/remotes/origin/x");
    noted(&drafts, shop(), &shown(1, &[local]), "first");
    let is_gone = |_: &str| false;
    let read = || {
        let draft =
            drafts.load(&Fixed { is_gone: &is_gone, ..refs() }, &shown(1, &[pushed, local])).unwrap().draft.unwrap();
        draft.notes.into_iter().map(|note| note.text).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(read(), ["first".to_owned()].into());
    noted(&drafts, shop(), &shown(1, &[local]), "second");
    assert_eq!(read(), ["first".to_owned(), "second".to_owned()].into());
}

#[test]
fn a_damaged_draft_never_takes_the_place_of_an_earlier_one() {
    let (dir, shop) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let drafts = Drafts::at(dir.path().into());
    // No other test gives this repository a name meanwhile.
    let folder = Folder::of(drafts.dir(), shop.path());
    std::fs::create_dir_all(&folder.dir).unwrap();
    let path = folder.file(CHANGE);
    for text in ["one", "two"] {
        std::fs::write(&path, text).unwrap();
        assert!(drafts.load(&at(shop.path()), &change()).unwrap_err().contains("is kept as"));
    }
    assert_eq!(std::fs::read_to_string(path.with_extension("damaged")).unwrap(), "one");
    assert_eq!(std::fs::read_to_string(path.with_extension("damaged-1")).unwrap(), "two");
}

/// What is on disk of drafts, in one text.
fn all_of(drafts: &Drafts) -> String {
    let below = |dir: &Path| -> Vec<_> {
        std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let files = below(drafts.dir()).into_iter().flat_map(|dir| below(&dir));
    files.filter_map(|file| std::fs::read_to_string(file).ok()).collect()
}

#[test]
fn what_could_not_be_saved_is_shown_again_and_saved_as_soon_as_it_can_be() {
    let dir = tempfile::tempdir().unwrap();
    let drafts = Drafts::at(dir.path().join("drafts"));
    let (shop, away) = (dir.path().join("shop"), dir.path().join("away"));
    std::fs::create_dir(&shop).unwrap();
    let change = shown(1, &["refs/heads/x"]);
    noted(&drafts, &shop, &change, "zero");
    let zero = drafts.load(&at(&shop), &change).unwrap().draft.unwrap();
    let one = Draft { reasons: because("one"), ..zero.clone() };
    std::fs::rename(&shop, &away).unwrap();
    drafts.save(&at(&shop), &zero, &one).unwrap_err();
    std::fs::rename(&away, &shop).unwrap();
    let two = Draft { seen: ["two".to_owned()].into(), ..one.clone() };
    let saved = drafts.save(&at(&shop), &one, &two).unwrap().draft;
    assert_eq!((&saved.reasons, saved.notes.len(), saved.seen.len()), (&because("one"), 1, 1));
    assert!(drafts.unsaved().is_empty());
    // The change is left and opened again before it can be saved.
    std::fs::rename(drafts.dir(), &away).unwrap();
    std::fs::write(drafts.dir(), "no folder").unwrap();
    let three = Draft { reasons: because("one, three"), ..saved.clone() };
    drafts.save(&at(&shop), &saved, &three).unwrap_err();
    assert_eq!(drafts.load(&at(&shop), &change).unwrap().draft.unwrap().reasons, because("one, three"));
    std::fs::remove_file(drafts.dir()).unwrap();
    std::fs::rename(&away, drafts.dir()).unwrap();
    assert_eq!(drafts.load(&at(&shop), &change).unwrap().draft.unwrap().notes.len(), 1);
    assert!(all_of(&drafts).contains("one, three") && drafts.unsaved().is_empty());
}

#[test]
fn what_was_written_while_the_repository_could_not_be_named_is_there_once_it_can_be() {
    let dir = tempfile::tempdir().unwrap();
    let drafts = Drafts::at(dir.path().join("drafts"));
    let shop = dir.path().join("shop");
    std::fs::create_dir(&shop).unwrap();
    std::fs::write(shop.join("undersign"), "in the way").unwrap();
    let [a, b] = [(1, "refs/heads/a"), (2, "refs/heads/b")].map(|(head, name)| shown(head, &[name]));
    noted(&drafts, &shop, &a, "about a");
    noted(&drafts, &shop, &b, "about b");
    std::fs::remove_file(shop.join("undersign")).unwrap();
    noted(&drafts, &shop, &a, "more of a");
    let texts = |change| drafts.load(&at(&shop), change).unwrap().draft.unwrap().notes.len();
    assert_eq!((texts(&a), texts(&b)), (2, 1));
    assert_eq!(std::fs::read_dir(drafts.dir()).unwrap().count(), 2, "the folder and the lock");
}

#[test]
fn a_pipe_in_the_git_directory_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let drafts = Drafts::at(dir.path().join("drafts"));
    let shop = dir.path().join("shop");
    std::fs::create_dir_all(shop.join("undersign")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(shop.join("undersign/drafts")).status();
    assert!(made.is_ok_and(|made| made.success()));
    noted(&drafts, &shop, &shown(1, &["refs/heads/x"]), "kept");
    assert!(drafts.load(&at(&shop), &shown(1, &["refs/heads/x"])).unwrap().draft.is_some());
}

#[test]
fn what_a_draft_of_a_moved_file_says_of_its_owner_is_mended_when_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let drafts = Drafts::at(dir.path().join("drafts"));
    let pushed = shown(1, &["refs/remotes/origin/x"]);
    noted(&drafts, shop(), &pushed, "kept");
    let file = Folder::of(drafts.dir(), shop()).file("refs/remotes/origin/x");
    let text = std::fs::read_to_string(&file).unwrap().replace("refs/remotes/origin/x", "refs/heads/x");
    std::fs::write(&file, text).unwrap();
    // It was amended since, and the local branch is gone.
    assert!(drafts.load(&refs(), &shown(2, &["refs/remotes/origin/x"])).unwrap().draft.is_some());
}
