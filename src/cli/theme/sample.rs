//! Invented changes, as the desk would show them, without a repository.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::app::keymap::Keymap;
use crate::app::queue::Examined;
use crate::app::review::{Compared, Review};
use crate::app::{Effect, Event, Listing, Screen, State, update};
use crate::cache::Caches;
use crate::change::diff::{Content, Diff, FileDiff, Mode, TreeEntry};
use crate::change::{Change, Commit, Identity, ObjectId, RepoPath, Revision};
use crate::decision::{Draft, Note, Revised};
use crate::delivery::ServerAccess;
use crate::drafts::Drafts;
use crate::examination::team::Team;
use crate::examination::{ChangeStatus, Examination, FileMaterial, Reading, RepositorySnapshot};
use crate::policy::Policy;
use crate::risk::Rules;
use crate::signer::NoKey;
use crate::source::git::{PolicyState, TargetBranch};
use crate::worker::{FirstFrame, Ports, perform};

/// Any time will do, as long as all are of one day.
const NOW: i64 = 1_790_000_000;

/// Title and message, branch, where it stands, and its files: path, before, after.
type Sample = (&'static str, &'static str, ChangeStatus, &'static [(&'static str, &'static str, &'static str)]);

const CHANGES: [Sample; 3] = [
    (
        "Rename the cost-explorer environment\n\nBrings the name in line with the new naming scheme.\n",
        "kiro/4411-recreate-cost-explorer",
        ChangeStatus::NeedsYou,
        &[
            (
                "envs/prod/main.tf",
                concat!(
                    "# The environment of the cost explorer.\nresource \"ce_environment\" \"main\" {\n",
                    "  name   = \"cost-explorer\"\n  region = \"eu-west-1\"\n\n  lifecycle {\n",
                    "    prevent_destroy = true\n  }\n}\n",
                ),
                concat!(
                    "# The environment of the cost explorer.\nresource \"ce_environment\" \"main\" {\n",
                    "  name   = \"cost-explorer-v2\"\n  region = \"eu-west-1\"   \n  # as agreed \u{202e}\n}\n",
                ),
            ),
            ("docs/naming.md", "# Names\n\nShort.\n", "# Names\n\nShort, and spelt out.\n"),
        ],
    ),
    (
        "Fetch the price list with retries\n",
        "claude/retries",
        ChangeStatus::NeedsOthers,
        &[("src/prices.py", "import requests\n", "import requests\n\nrequests.get(URL, verify=False)\n")],
    ),
    ("Fix a typo\n", "docs/typo", ChangeStatus::Signed, &[("README.md", "teh shop\n", "the shop\n")]),
];

const POLICY: &str = r#"
schema = "undersign-policy/v1"
version = 1
repository = "shop"
[refs]
protected = ["refs/heads/main"]
[people.dana]
roles = ["senior", "policy"]
emails = ["dana@example.com"]
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHVuZGVyc2lnbiBzYW1wbGUga2V5LCBubyBzZWNyZXQh"]
[compartment.policy]
paths = [".undersign/**"]
sign = [{ role = "policy", n = 1 }]
solo = true
[compartment.default]
sign = [{ role = "senior", n = 1 }]
"#;

fn snapshot() -> RepositorySnapshot {
    RepositorySnapshot {
        root: "sample".into(),
        common_dir: "sample/.git".into(),
        name: "shop".into(),
        uri: String::new(),
        target: TargetBranch { name: "refs/heads/main".into(), tip: id(1) },
        policy: Policy::parse("policy.toml", POLICY).map_or(PolicyState::Absent, |it| PolicyState::Found(Box::new(it))),
        chains: Vec::new(),
        ledger_fault: None,
        unread: None,
        evidence: Default::default(),
        drills: Default::default(),
        packages: Default::default(),
        services: Ok(Default::default()),
        notes: Default::default(),
        rules: Default::default(),
    }
}

fn id(n: u8) -> ObjectId {
    ObjectId([n.wrapping_mul(37); 20])
}

fn change(at: usize) -> Change {
    let (message, branch, ..) = CHANGES[at];
    let author = Identity { name: "mina".into(), email: "mina@example.com".into() };
    let commit = Commit {
        id: id(at as u8 + 2),
        parents: vec![id(1)],
        author: author.clone(),
        committer: author,
        message: message.to_owned(),
        time: NOW - 7_200 * (at as i64 + 1),
    };
    let revision = Revision {
        base: id(1),
        base_tree: id(1),
        head: commit.id,
        head_tree: commit.id,
        target_tip: id(1),
        target_tree: id(1),
        commits: vec![commit.into()],
    };
    let target = "refs/heads/main".to_owned();
    Change::of_range(format!("shop:{branch}"), branch.to_owned(), target, revision)
}

fn diff(at: usize) -> Diff {
    let entry = |n: usize| Some(TreeEntry { mode: Mode::File, id: id(n as u8) });
    let files = CHANGES[at].3.iter().enumerate();
    let files = files.map(|(n, (path, ..))| FileDiff {
        path: RepoPath::from(*path),
        from: None,
        counterpart: None,
        old: entry(100 + at * 10 + n * 2),
        new: entry(101 + at * 10 + n * 2),
    });
    Diff { files: files.collect(), ..Diff::default() }
}

fn texts(at: usize, diff: &Diff) -> Vec<FileMaterial> {
    let side = |text: &str| Some(Content::of_blob(text.as_bytes().to_vec()));
    let files = diff.files.iter().zip(CHANGES[at].3);
    files.map(|(file, (_, old, new))| FileMaterial::of(file.clone(), side(old), side(new))).collect()
}

fn examination(at: usize) -> Arc<Examination> {
    let (change, diff) = (change(at), diff(at));
    let mut reading = Reading::by(Rules::shipped());
    texts(at, &diff).iter().for_each(|file| reading.take(file));
    Arc::new(reading.apart(&change, &diff))
}

/// A queue of three changes.
pub fn queue() -> State {
    let key = Ok("SHA256:nXp21cJd".to_owned());
    let (mut state, _) = State::new(vec!["shop".into()], Keymap::shipped(), key, false, NOW);
    let changes = (0..CHANGES.len()).map(|at| Arc::new(change(at))).collect();
    let listing = Listing {
        snapshot: Arc::new(snapshot()),
        changes,
        examined: HashMap::new(),
        again: HashMap::new(),
        hosted: HashMap::new(),
        at_servers: Vec::new(),
        broken: Vec::new(),
        team: Team::default(),
        asks: HashMap::new(),
        since: Default::default(),
        commands: Vec::new(),
        undelivered: 0,
        outbox: None,
        fetched: None,
    };
    state.queue.listed(0, listing, None, NOW);
    for (at, (.., status, _)) in CHANGES.iter().enumerate() {
        let id = change(at).id;
        if let Some(entry) = state.queue.entries.iter_mut().find(|entry| entry.change.id == id) {
            entry.status = Some(status.clone());
            entry.examined = Examined::Done(examination(at));
        }
    }
    state.queue.arrange();
    update(&mut state, Event::Resize(super::QUEUE.0, super::QUEUE.1));
    state.queue.select(1);
    state
}

/// The reader on the first of them, with a note and the colours of its code.
pub fn open(state: &mut State) {
    let (change, diff) = (Arc::new(change(0)), Arc::new(diff(0)));
    let mut draft = Draft::new(&change.id, Revised::of(&change.revision));
    draft.notes.push(Note {
        path: "envs/prod/main.tf".into(),
        line: 3,
        text: "Is there a moved block?".into(),
        ..Note::default()
    });
    let snapshot = Arc::new(snapshot());
    let mut review = Review::new(1, change, snapshot, diff.clone(), Some(draft), false);
    let shape = state.look.shape(usize::from(super::READER.0));
    for (index, file) in texts(0, &diff).into_iter().enumerate() {
        review.compared(index, Ok(Compared::of(Arc::new(file), shape)));
    }
    review.examined(examination(0));
    state.screen = Screen::Review(Box::new(review));
    let effects = update(state, Event::Resize(super::READER.0, super::READER.1));
    let ports = Ports {
        drafts: Drafts::at("sample".into()),
        names: Default::default(),
        caches: Caches::default(),
        state: None,
        key: Err(NoKey::default()),
        access: ServerAccess::nowhere(),
        clock: Some(NOW),
        random: Some(7),
        open: AtomicU64::new(0),
        first_frame: FirstFrame::none(),
        tools: Default::default(),
        packs: Vec::new(),
        broker: None,
    };
    // Only colours are requested: nothing here reads or writes a file.
    for effect in effects.into_iter().filter(|effect| matches!(effect, Effect::Highlight { .. })) {
        let mut events = Vec::new();
        perform(effect, &ports, &mut |event| events.push(event));
        events.into_iter().for_each(|event| _ = update(state, event));
    }
}
