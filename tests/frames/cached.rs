//! What the queue keeps on disk: the same as what is found anew, there at once, and never what is signed.

use std::collections::VecDeque;

use undersign::app::keymap::{Keymap, Stroke};
use undersign::app::{Effect, Screen, State, update};
use undersign::cache::Caches;
use undersign::change::Change;
use undersign::examination::{self, Examination, Kept, RepositorySnapshot};
use undersign::signing::{self, Case, Seen, SigningError};
use undersign::source::git::Repository;
use undersign::worker::{Ports, perform};

use super::*;

/// Changes of all kinds: moved, merged, several commits with a secret that came and went, links, bytes that are no
/// text, the policy itself, a mode, a deletion.
fn all_kinds() -> Fixture {
    let f = two_changes();
    let branch = |name: &str| _ = f.git("mina", &["checkout", "-q", "-b", name, "main"]);
    branch("moved");
    f.git("mina", &["mv", "src/lib.rs", "docs.rs"]);
    f.commit("mina", "Move it out of the core");
    branch("passing");
    f.write("src/key.py", "key = \"AKIAIOSFODNN7EXAMPLQ\"\nsecret = \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEQQ\"\n");
    f.commit("mina", "Try it");
    f.write("src/key.py", "key = None\n");
    f.commit("mina", "Take it out again");
    branch("bytes");
    std::fs::write(f.repo.join("logo.bin"), [0, 159, 146, 150, 0, 1]).unwrap();
    std::os::unix::fs::symlink("../elsewhere", f.repo.join("src/link")).unwrap();
    f.commit("mina", "Add a logo");
    branch("policy");
    let text = std::fs::read_to_string(f.repo.join(".undersign/policy.toml")).unwrap();
    f.write(".undersign/policy.toml", &text.replace("version = 1", "version = 2"));
    f.commit("rahim", "Change nothing but the version");
    branch("gone");
    f.git("mina", &["rm", "-q", "README.md"]);
    f.commit("mina", "No AI was used\n\nReviewed-by: Claude <noreply@anthropic.com>");
    branch("merging");
    f.write("src/a.rs", "fn a() {}\n");
    f.commit("mina", "One side");
    f.git("mina", &["merge", "-q", "--no-ff", "-m", "Both", "docs/typo"]);
    branch("hidden");
    f.write("src/bidi\u{202e}.rs", "fn b() {} // \u{200b}\n");
    f.commit("mina", "Hide something");
    f.git("mina", &["checkout", "-q", "main"]);
    f.write("later.txt", "the target went on\n");
    f.commit("rahim", "Go on");
    f
}

fn caches(f: &Fixture) -> Caches {
    Caches::at(Some(f.dir.path().join("cache")))
}

/// All pending changes with what `examined` makes of each.
fn each<T>(f: &Fixture, examined: impl Fn(&Repository, &RepositorySnapshot, &Change) -> T) -> Vec<(String, T)> {
    let (repository, snapshot) = RepositorySnapshot::open(&f.repo).unwrap();
    let changes = repository.changes(0, &snapshot.target).unwrap().changes;
    changes.iter().map(|change| (change.id.clone(), examined(&repository, &snapshot, change))).collect()
}

/// As text, but for where it is from, and for what history says, which has a cache of its own.
fn told(examination: Examination) -> String {
    let assessment = examination.assessment.clone().reckoned(None, None);
    format!("{:#?}", Examination { from_objects: false, background: None, assessment, ..examination })
}

fn listed(f: &Fixture, caches: &Caches) -> Vec<(String, String)> {
    let cache = caches.of(f.repository().common_dir());
    each(f, |repository, snapshot, change| told(Kept::of(repository, snapshot, &cache).listed(change, NOW).unwrap()))
}

fn known(f: &Fixture, caches: &Caches) -> Vec<(String, Option<String>)> {
    let cache = caches.of(f.repository().common_dir());
    each(f, |repository, snapshot, change| Kept::of(repository, snapshot, &cache).known(change, NOW).unwrap().map(told))
}

fn anew(f: &Fixture) -> Vec<(String, String)> {
    each(f, |repository, snapshot, change| told(examination::whole(repository, snapshot, change, NOW).unwrap()))
}

fn all_known(f: &Fixture) -> Vec<(String, String)> {
    known(f, &caches(f)).into_iter().map(|(id, known)| (id, known.expect("it is kept"))).collect()
}

#[test]
fn what_is_kept_is_what_is_found_anew_also_once_policy_ledger_and_target_moved() {
    let f = all_kinds();
    let fresh = anew(&f);
    assert!(fresh.len() >= 10, "{}", fresh.len());
    let first = caches(&f);
    assert!(known(&f, &first).iter().all(|(_, known)| known.is_none()));
    assert_eq!(listed(&f, &first), fresh);
    first.write();
    assert_eq!(all_known(&f), fresh);
    // A decision is seen at once.
    f.decide("dana", "docs/typo", Verdict::Approve);
    let decided = anew(&f);
    assert_ne!(decided, fresh);
    assert_eq!(all_known(&f), decided);
    // So are another policy, which asks for more, and a target that moved.
    let text = std::fs::read_to_string(f.repo.join(".undersign/policy.toml")).unwrap();
    let stricter = text.replace("version = 1", "version = 3") + "[limits]\nlines = 1\n";
    f.write(".undersign/policy.toml", &stricter);
    f.commit("rahim", "Ask for more");
    let moved = anew(&f);
    assert!(moved.iter().any(|(_, told)| told.contains("Limit")), "the policy is read: {}", moved[0].1);
    assert_eq!(all_known(&f), moved);
}

#[test]
fn commits_and_notes_that_came_are_found_anew() {
    let f = all_kinds();
    let first = caches(&f);
    listed(&f, &first);
    first.write();
    f.git("mina", &["checkout", "-q", "docs/typo"]);
    f.write("README.md", "# the shop, again\n");
    f.commit("mina", "More\n\nGenerated with [Claude Code](https://claude.com/claude-code)");
    let of = |all: Vec<(String, Option<String>)>| all.into_iter().find(|(id, _)| id.ends_with("docs/typo")).unwrap().1;
    assert_eq!(of(known(&f, &caches(&f))), None);
    f.git("mina", &["update-ref", "refs/notes/ai", "main"]);
    assert!(known(&f, &caches(&f)).iter().all(|(_, known)| known.is_none()));
}

/// The file of the cache that has answers about changes: history has one of its own.
fn file(f: &Fixture) -> std::path::PathBuf {
    let files = std::fs::read_dir(f.dir.path().join("cache")).unwrap().map(|entry| entry.unwrap().path());
    let place = std::fs::canonicalize(&f.repo).unwrap().join(".git").join("undersign history");
    let history = undersign::change::digest::Digest::of(place.as_os_str().as_encoded_bytes()).short();
    let is_kept = |path: &std::path::PathBuf| {
        path.extension().is_some_and(|ext| ext == "jsonl") && path.file_stem().is_none_or(|stem| *stem != *history)
    };
    let mut found: Vec<_> = files.filter(is_kept).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// Writes each kept answer anew, as somebody could who knows how.
fn tampered(f: &Fixture, with: impl Fn(&str) -> String) {
    let text = std::fs::read_to_string(file(f)).unwrap();
    let caches = caches(f);
    let cache = caches.of(f.repository().common_dir());
    for line in text.lines() {
        let (key, answer) = (line[..64].parse().unwrap(), &line[82..]);
        let answer: serde_json::Value = serde_json::from_str(&with(answer)).unwrap();
        cache.put(key, &answer);
    }
    caches.write();
}

/// No findings anywhere, and other digests.
fn harmless(answer: &str) -> String {
    let mut answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    if let Some(assessment) = answer.get_mut("assessment") {
        assessment["findings"] = serde_json::json!([]);
        assessment["tier"] = serde_json::json!(5);
        for digest in answer["digests"].as_array_mut().unwrap() {
            digest[1] = serde_json::json!("0".repeat(64));
        }
    }
    answer.to_string()
}

/// Opens the change with a finding, rejects it, and gives what was signed: the manifest, and what was warned of.
fn rejected(session: &mut Session, f: &Fixture) -> (String, String, u64, String) {
    session.press("/tls<enter><enter>Sr").press("Certificates must be checked.<enter>reject<enter>");
    assert!(session.frame().contains("✓ Rejected, signed, recorded"), "{}", session.frame());
    let chains = undersign::ledger::read(&f.repository()).unwrap();
    let signed = chains[0].records[0].predicate().clone();
    let warned = chains[0].records[0].link.file(undersign::record::chain::FINDINGS_FILE).to_vec();
    let text = String::from_utf8(warned).unwrap();
    (signed.manifest.sha256, signed.findings.sha256, signed.findings.total.0, text)
}

#[test]
fn a_cache_that_somebody_wrote_makes_a_row_lie_and_changes_nothing_that_is_read_or_signed() {
    let (honest, f) = (two_changes(), two_changes());
    let expected = rejected(&mut Session::new(&honest, (120, 40)), &honest);
    assert!(expected.2 > 0 && expected.3.contains("net.py"), "{expected:?}");
    let first = caches(&f);
    listed(&f, &first);
    first.write();
    tampered(&f, harmless);
    // The file is taken for ours, or this would show nothing.
    let (_, row) = all_known(&f).into_iter().find(|(id, _)| id.ends_with("tls")).unwrap();
    assert!(row.contains("findings: []") && row.contains(&"0".repeat(64)), "{row}");
    let mut session = Session::new(&f, (120, 40));
    session.press("/tls<enter><enter>");
    assert!(session.frame().contains("verify=False") && session.frame().contains("[a]"), "{}", session.frame());
    let mut session = Session::new(&f, (120, 40));
    assert_eq!(rejected(&mut session, &f), expected);
}

#[test]
fn what_comes_from_the_cache_is_never_signed() {
    let f = two_changes();
    let caches = caches(&f);
    listed(&f, &caches);
    let cache = caches.of(f.repository().common_dir());
    let (repository, snapshot) = RepositorySnapshot::open(&f.repo).unwrap();
    for change in repository.changes(0, &snapshot.target).unwrap().changes {
        let mut draft = undersign::decision::Draft::new(&change.id, undersign::decision::Revised::of(&change.revision));
        draft.reasons.insert(Verdict::Reject, "Not like this.".to_owned());
        let freeze = |examination: &Examination| {
            let (verdict, seen) = (Verdict::Reject, Seen::default());
            let case = Case { change: &change, examination, draft: &draft, verdict, seen: &seen };
            signing::prepare(&case, &snapshot, &f.key("dana"), support::DEVICE, [1; 16], NOW)
        };
        let kept = Kept::of(&repository, &snapshot, &cache).known(&change, NOW).unwrap().unwrap();
        assert!(matches!(freeze(&kept), Err(SigningError::Refused(why)) if why.contains("not read from its objects")));
        assert!(freeze(&examination::whole(&repository, &snapshot, &change, NOW).unwrap()).is_ok());
    }
}

#[test]
fn a_file_of_nonsense_is_no_trouble_and_is_written_anew() {
    let f = all_kinds();
    Session::new(&f, (120, 40)).ports.caches.write();
    let sound = std::fs::read(file(&f)).unwrap();
    let fresh = anew(&f);
    let nonsense = [
        Vec::new(),
        vec![0; 9_000],
        b"[1, 2, 3]\n".repeat(100),
        sound[..sound.len() / 2].to_vec(),
        sound.iter().map(|byte| if *byte == b'"' { b'\'' } else { *byte }).collect(),
    ];
    for bytes in nonsense {
        std::fs::write(file(&f), bytes).unwrap();
        let session = Session::new(&f, (120, 40));
        assert!(session.frame().contains("retries"), "{}", session.frame());
        assert_eq!(session.state.status, None);
        session.ports.caches.write();
        assert_eq!(all_known(&f), fresh);
    }
    // Answers that are whole and mean something else.
    tampered(&f, |_| "{\"assessment\": 7}".to_owned());
    assert!(known(&f, &caches(&f)).iter().all(|(_, known)| known.is_none()));
}

#[test]
fn history_is_read_once_nothing_is_being_examined_and_the_list_is_made_anew_when_there_is_news() {
    let f = two_changes();
    let Idle { mut state, listing } = Idle::over(&f);
    update(&mut state, Event::Resize(120, 40));
    let waiting = update(&mut state, listing);
    assert!(!waiting.is_empty() && waiting.iter().all(|effect| matches!(effect, Effect::Examine { .. })));
    let mut effects = Vec::new();
    for id in Idle::asked(waiting) {
        let answer = Event::Examined { id: format!("shop:{id}"), result: Err("not read".to_owned()) };
        effects.extend(update(&mut state, answer));
    }
    assert!(matches!(&effects[..], [Effect::Learn { repository: 0, changes, .. }] if !changes.is_empty()));
    // While it is read, and once it is, nobody asks again.
    assert!(update(&mut state, Event::Now(NOW)).is_empty());
    let again = update(&mut state, Event::Learned { repository: 0, result: Ok(true) });
    assert!(matches!(&again[..], [Effect::List { repository: 0, .. }]), "{again:?}");
    assert!(update(&mut state, Event::Learned { repository: 0, result: Ok(false) }).is_empty());
    update(&mut state, Event::Learned { repository: 0, result: Err("It is cut.".to_owned()) });
    assert_eq!(state.status.as_deref(), Some("The queue is ordered without history: It is cut."));
}

/// A desk whose examinations are not carried out: ids of the changes that are asked for.
struct Idle {
    state: State,
    listing: Event,
}

impl Idle {
    fn over(f: &Fixture) -> Idle {
        let session = Session::new(&two_changes(), (120, 40));
        let (state, effects) =
            State::new(vec![f.repo.clone()], Keymap::shipped(), session.state.key.clone(), false, NOW);
        let caches = Caches::at(Some(f.dir.path().join("cache")));
        let ports = Ports { caches, names: Default::default(), ..session.ports };
        let mut events = Vec::new();
        effects.into_iter().for_each(|effect| perform(effect, &ports, &mut |event| events.push(event)));
        Idle { state, listing: events.remove(0) }
    }

    fn asked(effects: Vec<Effect>) -> Vec<String> {
        let name = |effect: Effect| match effect {
            Effect::Examine { change, .. } => Some(change.branch.clone()),
            // Once all are examined.
            Effect::Learn { .. } | Effect::KeepWaiting { .. } => None,
            other => panic!("{other:?}"),
        };
        effects.into_iter().filter_map(name).collect()
    }
}

#[test]
fn what_is_on_the_screen_is_examined_first_and_what_comes_onto_it_next() {
    let f = Fixture::new();
    for n in 0..60 {
        f.git("mina", &["branch", &format!("b/{n:02}"), "agent/work"]);
    }
    let Idle { mut state, listing } = Idle::over(&f);
    update(&mut state, Event::Resize(120, 14));
    let first = Idle::asked(update(&mut state, listing));
    assert!(first.len() < 30, "{}", first.len());
    let rows = 14 - 4 - 1;
    assert!(first[..rows].iter().all(|name| name == "agent/work" || *name < format!("b/{rows:02}")), "{first:?}");
    // At the end of the list, and one answer came.
    assert!(update(&mut state, Event::Stroke(Stroke::parse("G").unwrap())).is_empty());
    let answer = |id: &str| Event::Examined { id: format!("shop:{id}"), result: Err("not read".to_owned()) };
    let next = Idle::asked(update(&mut state, answer(&first[0])));
    assert_eq!(next.len(), 1);
    assert!(next[0].as_str() >= "b/50", "{next:?}");
    // Each is asked for once, and all are.
    let (mut asked, mut waiting) = ([first, next.clone()].concat(), VecDeque::from(next));
    waiting.extend(asked[1..asked.len() - 1].to_vec());
    while let Some(id) = waiting.pop_front() {
        let more = Idle::asked(update(&mut state, answer(&id)));
        waiting.extend(more.iter().cloned());
        asked.extend(more);
    }
    asked.sort();
    let all = asked.len();
    asked.dedup();
    assert_eq!((all, asked.len()), (61, 61));
}

#[test]
fn what_is_kept_is_in_the_first_frame_of_the_list() {
    let f = two_changes();
    let seen = Session::new(&f, (120, 40));
    seen.ports.caches.write();
    let Idle { mut state, listing } = Idle::over(&f);
    state.key = seen.state.key.clone();
    update(&mut state, Event::Resize(120, 40));
    assert_eq!(Idle::asked(update(&mut state, listing)), Vec::<String>::new());
    let session = Session { state, ports: seen.ports, size: (120, 40) };
    assert!(matches!(session.state.screen, Screen::Queue));
    assert_eq!(session.frame(), Session::new(&f, (120, 40)).frame());
    assert!(!session.frame().contains("Being read"), "{}", session.frame());
}
