//! Line attribution from notes that the git program wrote.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

use support::Fixture;
use undersign::change::diff::Diff;
use undersign::change::{RepoPath, visible};
use undersign::provenance::attribution::{Attribution, Counts, Format, Hand};
use undersign::source::git;

const AI: &str = "refs/notes/ai";
const TRACE: &str = "refs/notes/agent-trace";

/// A repository with main and the branch `work`, checked out.
struct Scene(Fixture);

impl Scene {
    fn new() -> Scene {
        let f = Fixture::with_policy("");
        f.git("mina", &["branch", "-q", "-D", "agent/work"]);
        f.git("mina", &["checkout", "-q", "-b", "work"]);
        Scene(f)
    }

    /// Commits a file; gives the commit.
    fn save(&self, path: &str, text: &str) -> String {
        self.0.write(path, text);
        self.0.commit("mina", path)
    }

    /// Puts bytes into the repository; gives the blob.
    fn blob(&self, bytes: &[u8]) -> String {
        let file = self.0.dir.path().join("blob");
        std::fs::write(&file, bytes).unwrap();
        self.0.git("mina", &["hash-object", "-w", "--no-filters", file.to_str().unwrap()])
    }

    fn note(&self, refname: &str, commit: &str, bytes: &[u8]) {
        let blob = self.blob(bytes);
        self.0.git("mina", &["notes", "--ref", refname, "add", "-f", "-C", &blob, commit]);
    }

    /// A note at a path of our choice in the tree of `refs/notes/ai`.
    fn note_at(&self, path: &str, text: &str) {
        let entry = format!("100644,{},{path}", self.blob(text.as_bytes()));
        let dir = self.0.dir.path().join("index");
        let _ = std::fs::remove_file(&dir);
        let git = |args: &[&str]| {
            let index = format!("--work-tree={}", self.0.dir.path().display());
            let output = std::process::Command::new("git")
                .current_dir(&self.0.repo)
                .env("GIT_INDEX_FILE", &dir)
                .env("GIT_DIR", self.0.repo.join(".git"))
                .arg(index)
                .args(args)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        git(&["update-index", "--add", "--cacheinfo", &entry]);
        let tree = git(&["write-tree"]);
        let commit = self.0.git("mina", &["commit-tree", "-m", "notes", &tree]);
        self.0.git("mina", &["update-ref", AI, &commit]);
    }

    fn read(&self) -> Read {
        let repository = self.0.repository();
        let target = repository.target().unwrap();
        let pending = repository.changes(0, &target).unwrap().changes;
        let change = pending.into_iter().find(|change| change.branch == "work").unwrap();
        let diff = git::diff(&repository, change.revision.base_tree, change.revision.head_tree).unwrap();
        let attribution = git::attribution(&repository, &change, &diff).unwrap();
        Read { diff, attribution }
    }
}

struct Read {
    diff: Diff,
    attribution: Attribution,
}

impl Read {
    fn file(&self, path: &str) -> usize {
        self.diff.files.iter().position(|file| file.path == RepoPath::from(path)).unwrap()
    }

    /// The letters of the first lines of a file.
    fn letters(&self, path: &str, lines: u32) -> String {
        (0..lines).map(|line| self.attribution.of(self.file(path), line).letter()).collect()
    }

    fn only_problem(&self) -> &str {
        let [problem] = self.attribution.problems() else { panic!("{:?}", self.attribution.problems()) };
        problem
    }

    fn has_no_problem(&self) {
        assert_eq!(self.attribution.problems(), [] as [String; 0]);
    }
}

/// A note of git-ai: files with the lines of a session, and with those of a person.
fn note(files: &[(&str, &str, &str)]) -> String {
    let mut text = String::new();
    for (path, ai, human) in files {
        text.push_str(&format!("{path}\n"));
        if !ai.is_empty() {
            text.push_str(&format!("  s_c9883b05a2487d::t_9f8e7d6c5b4a32 {ai}\n"));
        }
        if !human.is_empty() {
            text.push_str(&format!("  h_31dce776f88375 {human}\n"));
        }
    }
    text + "---\n{\"schema_version\":\"authorship/3.0.0\",\"base_commit_sha\":\"\",\"prompts\":{},\
            \"humans\":{\"h_31dce776f88375\":{\"author\":\"Mina <mina@example.com>\"}},\
            \"sessions\":{\"s_c9883b05a2487d\":{\"agent_id\":{\"tool\":\"claude\",\"id\":\"c1\",\"model\":\"m\"}}}}"
}

/// A record of Agent Trace, on one line.
fn trace(version: &str, revision: Option<&str>, path: &str, kind: &str, lines: (u32, u32)) -> String {
    let (first, last) = lines;
    let vcs = revision.map(|id| format!("\"vcs\":{{\"type\":\"git\",\"revision\":\"{id}\"}},")).unwrap_or_default();
    format!(
        "{{\"version\":\"{version}\",{vcs}\"tool\":{{\"name\":\"cursor\"}},\"files\":[{{\"path\":\"{path}\",\
         \"conversations\":[{{\"contributor\":{{\"type\":\"{kind}\"}},\
         \"ranges\":[{{\"start_line\":{first},\"end_line\":{last}}}]}}]}}]}}\n"
    )
}

#[test]
fn without_notes_all_is_unknown() {
    let s = Scene::new();
    s.save("a", "1\n2\n");
    let read = s.read();
    assert!(read.attribution.is_empty());
    read.has_no_problem();
}

#[test]
fn lines_are_found_where_later_commits_moved_them() {
    let s = Scene::new();
    let first = s.save("a", "one\ntwo\nthree\nfour\n");
    s.note(AI, &first, note(&[("a", "1-2", "4")]).as_bytes());
    // Moves all, changes one line of the session, and adds lines of its own.
    let second = s.save("a", "zero\none\nTWO\nthree\n\nfour\nfive\n");
    s.note(AI, &second, note(&[("a", "7", "3")]).as_bytes());
    // One that touches other files only, and one without a note.
    s.save("b", "b\n");
    s.save("a", "minus\nzero\none\nTWO\nthree\n\nfour\nfive\n");
    let read = s.read();
    assert_eq!(read.letters("a", 8), "··Ah··hA");
    assert_eq!(read.letters("b", 1), "·");
    assert_eq!(read.attribution.counts(), Counts { ai: 2, human: 2, mixed: 0, disputed: 0 });
    let source = |line| read.attribution.source(read.file("a"), line).unwrap();
    assert_eq!(source(2).commit.to_string(), first);
    assert_eq!(source(7).commit.to_string(), second);
    assert_eq!(source(2).writer.tool.as_deref(), Some("claude"));
    assert_eq!(source(6).writer.person.as_deref(), Some("Mina <mina@example.com>"));
    read.has_no_problem();
}

#[test]
fn lines_of_base_are_not_spoken_of() {
    let s = Scene::new();
    let commit = s.save("src/lib.rs", "fn one() -> u32 {\n    2\n}\n");
    s.note(AI, &commit, note(&[("src/lib.rs", "1-900", "")]).as_bytes());
    let read = s.read();
    assert_eq!(read.letters("src/lib.rs", 3), "·A·");
    assert_eq!(read.attribution.counts().ai, 1);
}

#[test]
fn an_amended_commit_has_lost_its_note() {
    let s = Scene::new();
    let commit = s.save("a", "1\n2\n");
    s.note(AI, &commit, note(&[("a", "1-2", "")]).as_bytes());
    s.0.write("a", "1\n2\n3\n");
    s.0.git("mina", &["commit", "-q", "-a", "--amend", "-m", "again"]);
    let read = s.read();
    assert_eq!(read.letters("a", 3), "···");
    assert!(read.attribution.is_empty());
}

#[test]
fn notes_in_conflict_are_mixed() {
    let s = Scene::new();
    let commit = s.save("a", "1\n2\n3\n4\n");
    s.note(AI, &commit, note(&[("a", "1-2", "3")]).as_bytes());
    s.note("refs/notes/ai-remote/origin", &commit, note(&[("a", "", "1")]).as_bytes());
    let traced = trace("0.1.0", Some(&commit), "a", "ai", (2, 3)) + &trace("0.1.0", None, "a", "mixed", (4, 4));
    s.note(TRACE, &commit, traced.as_bytes());
    let read = s.read();
    assert_eq!(read.letters("a", 4), "mAmm");
    assert_eq!(read.attribution.counts(), Counts { ai: 1, human: 0, mixed: 3, disputed: 2 });
    let file = read.file("a");
    assert_eq!(read.attribution.source(file, 2).unwrap().writer.person.as_deref(), Some("Mina <mina@example.com>"));
    assert_eq!(read.attribution.against(file, 2).unwrap().format, Format::AgentTrace);
    read.has_no_problem();
}

#[test]
fn a_remote_s_notes_are_read_too() {
    let s = Scene::new();
    let commit = s.save("a", "1\n");
    s.note("refs/notes/ai-remote/origin", &commit, note(&[("a", "1", "")]).as_bytes());
    assert_eq!(s.read().letters("a", 1), "A");
}

#[test]
fn notes_may_be_fanned_out() {
    for cuts in [&[][..], &[2], &[2, 4]] {
        let s = Scene::new();
        let mut path = s.save("a", "1\n");
        cuts.iter().rev().for_each(|&cut| path.insert(cut, '/'));
        s.note_at(&path, &note(&[("a", "1", "")]));
        let read = s.read();
        assert_eq!(read.letters("a", 1), "A", "{path}");
        read.has_no_problem();
    }
}

#[test]
fn a_huge_and_a_malformed_note_are_told_and_not_guessed_from() {
    let s = Scene::new();
    let first = s.save("a", "1\n2\n");
    let huge = note(&[("a", &"1,".repeat(5 << 20), "")]);
    s.note(AI, &first, huge.as_bytes());
    let read = s.read();
    assert!(read.attribution.is_empty());
    let told = format!("The note on {} in refs/notes/ai is not read: it is larger than 8 MiB.", &first[..7]);
    assert_eq!(read.only_problem(), told);

    s.note(AI, &first, note(&[("a", "1,0", "")]).as_bytes());
    let second = s.save("b", "1\n");
    s.note(AI, &second, note(&[("b", "1", "")]).as_bytes());
    let read = s.read();
    assert_eq!((read.letters("a", 2), read.letters("b", 1)), ("··".into(), "A".into()));
    assert!(read.only_problem().ends_with("is not read: line 2: no range of lines."), "{}", read.only_problem());

    s.note(AI, &first, note(&[("a", "1", "2")]).replace("  h_31dce776f88375", "  human").as_bytes());
    let read = s.read();
    assert_eq!(read.letters("a", 2), "A·");
    assert!(read.only_problem().ends_with("has 1 claim for nobody that is known here; the lines stay unknown."));

    s.note(AI, &first, b"a\0\xff");
    assert!(s.read().only_problem().ends_with("it is not UTF-8."));
}

#[test]
fn names_are_kept_as_they_are_and_escaped_on_a_screen() {
    let s = Scene::new();
    let commit = s.save("a", "1\n");
    let text = note(&[("a", "1", "")]).replace("\"claude\"", "\"cl\\u001b[31maude\\u202e\"");
    s.note(AI, &commit, text.as_bytes());
    let read = s.read();
    let tool = read.attribution.source(read.file("a"), 0).unwrap().writer.tool.clone().unwrap();
    assert_eq!(tool, "cl\u{1b}[31maude\u{202e}");
    assert_eq!(visible::text(&tool), "cl␛[31maude<U+202E>");
    // A sentence is for a screen already.
    s.note(AI, &commit, text.replace("authorship/3", "\\u001b[31m").as_bytes());
    assert!(s.read().only_problem().ends_with("of schema `␛[31m.0.0`, which is not known here."));
}

#[test]
fn a_renamed_file_is_followed_by_its_blob() {
    let s = Scene::new();
    let first = s.save("old", "1\n2\n3\n");
    s.note(AI, &first, note(&[("old", "1-3", "")]).as_bytes());
    s.0.git("mina", &["mv", "old", "new"]);
    s.0.commit("mina", "rename");
    assert_eq!(s.read().letters("new", 3), "AAA");
    s.save("new", "1\ntwo\n3\n");
    assert_eq!(s.read().letters("new", 3), "A·A");
    // Renamed and edited at once: no longer the same blob.
    s.0.git("mina", &["mv", "new", "newer"]);
    s.save("newer", "1\ntwo\n3\n4\n");
    let read = s.read();
    assert_eq!(read.letters("newer", 4), "A·A·");
    read.has_no_problem();
    // Too little of it is left.
    s.0.git("mina", &["mv", "newer", "newest"]);
    s.save("newest", "1\nsomething else entirely\nand more of it\n");
    assert_eq!(s.read().letters("newest", 3), "···");
}

#[test]
fn a_file_of_the_target_that_a_later_commit_renamed_keeps_what_notes_said_under_its_old_name() {
    let s = Scene::new();
    s.0.git("mina", &["checkout", "-q", "main"]);
    s.save("old", "1\n2\n3\n4\n");
    s.0.git("mina", &["checkout", "-q", "-B", "work", "main"]);
    let first = s.save("old", "1\n2\nagent\n3\n4\n");
    s.note(AI, &first, note(&[("old", "3", "")]).as_bytes());
    s.note(TRACE, &first, trace("0.1.0", None, "old", "ai", (3, 3)).as_bytes());
    s.0.git("mina", &["mv", "old", "new"]);
    s.0.commit("mina", "rename");
    // As the desk has it: one entry with both paths.
    let (repository, snapshot) = undersign::examination::RepositorySnapshot::open(&s.0.repo).unwrap();
    let pending = repository.changes(0, &snapshot.target).unwrap().changes;
    let change = pending.into_iter().find(|change| change.branch == "work").unwrap();
    let diff = undersign::examination::diff(&repository, &snapshot, &change).unwrap();
    assert_eq!(diff.files.len(), 1);
    let attribution = git::attribution(&repository, &change, &diff).unwrap();
    let read = Read { diff, attribution };
    assert_eq!(read.letters("new", 5), "··A··");
    assert_eq!(read.attribution.source(0, 2).unwrap().commit.to_string(), first);
    read.has_no_problem();
}

#[test]
fn merges_hand_on_to_all_parents() {
    let s = Scene::new();
    s.save("a", "top\n\n\n\n\nbottom\n");
    s.0.git("mina", &["checkout", "-q", "-b", "side"]);
    let side = s.save("a", "top\nside\n\n\n\n\nbottom\n");
    s.note(AI, &side, note(&[("a", "2", "")]).as_bytes());
    s.0.git("mina", &["checkout", "-q", "work"]);
    let work = s.save("a", "top\n\n\n\n\nwork\nbottom\n");
    s.note(AI, &work, note(&[("a", "", "6")]).as_bytes());
    // The target moves, with a file that the note of a merge would claim.
    s.0.git("mina", &["checkout", "-q", "main"]);
    let landed = s.save("landed", "1\n");
    s.0.git("mina", &["checkout", "-q", "work"]);
    s.0.git("mina", &["merge", "-q", "--no-ff", "-m", "side", "side"]);
    s.0.git("mina", &["merge", "-q", "--no-ff", "-m", "main", &landed]);
    let merge = s.0.id("HEAD");
    s.note(AI, &merge, note(&[("a", "1-8", ""), ("landed", "1", "")]).as_bytes());
    let read = s.read();
    assert_eq!(read.letters("a", 8), "·A····h·");
    assert!(!read.diff.files.iter().any(|file| file.path == RepoPath::from("landed")));
    // What a merge itself wrote is its own.
    s.0.write("a", "top\nside\n\n\n\n\nWORK\nbottom\n");
    s.0.git("mina", &["commit", "-q", "-a", "--amend", "-m", "main"]);
    s.note(AI, &s.0.id("HEAD"), note(&[("a", "7", "")]).as_bytes());
    assert_eq!(s.read().letters("a", 8), "·A····A·");
}

#[test]
fn a_trace_of_another_commit_is_left_aside() {
    let s = Scene::new();
    let first = s.save("a", "1\n2\n");
    let second = s.save("a", "1\n2\n3\n");
    s.note(TRACE, &second, trace("0.1.0", Some(&first), "a", "ai", (3, 3)).as_bytes());
    let read = s.read();
    assert!(read.attribution.is_empty());
    assert!(read.only_problem().ends_with("in refs/notes/agent-trace has 1 record of another commit; left aside."));
}

#[test]
fn the_file_of_traces_counts_for_commits_of_the_change() {
    let s = Scene::new();
    let base = s.0.id("HEAD");
    let first = s.save("a", "1\n2\n3\n");
    let records = [
        trace("0.1.0", Some(&first), "a", "ai", (1, 1)),
        // Of base, of nothing, and by the reference writer: before its lines were committed.
        trace("0.1.0", Some(&base), "a", "human", (1, 3)),
        trace("0.1.0", None, "a", "human", (1, 3)),
        trace("1.0", Some(&base), "a", "ai", (1, 1)),
        trace("1.0", Some(&first), "a", "human", (1, 3)),
    ];
    s.save(".agent-trace/traces.jsonl", &records.concat());
    let read = s.read();
    assert_eq!(read.letters("a", 3), "A··");
    assert!(read.only_problem().contains("has 1 record of a version that names the commit before"));
    s.save(".agent-trace/traces.jsonl", "<<<<<<< ours\n");
    assert!(s.read().only_problem().starts_with("The file .agent-trace/traces.jsonl is not read: its JSON is not"));
}

#[test]
fn a_ref_that_is_no_notes_is_told() {
    let s = Scene::new();
    s.save("a", "1\n");
    let blob = s.blob(b"x");
    s.0.git("mina", &["update-ref", AI, &blob]);
    let read = s.read();
    assert_eq!(read.attribution.of(read.file("a"), 0), Hand::Unknown);
    assert!(read.only_problem().starts_with("The notes refs/notes/ai are not read."), "{}", read.only_problem());
}

/// What `undersign show` prints of the branch `work`.
fn shown(s: &Scene, json: bool) -> String {
    let home = s.0.dir.path().join("home");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_undersign"));
    command.current_dir(&s.0.repo).env("HOME", &home).env("XDG_CONFIG_HOME", &home).args(["show", "work"]);
    if json {
        command.arg("--json");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_tool_that_only_a_note_names_is_named_by_show_and_asks_for_what_ai_asks() {
    let s = Scene::new();
    let commit = s.save("a", "one\ntwo\n");
    assert!(shown(&s, false).contains("provenance: undeclared (no tool named)"));
    s.note(AI, &commit, note(&[("a", "1", "2")]).as_bytes());
    let text = shown(&s, false);
    assert!(text.contains("provenance: detected (Claude)\n"), "{text}");
    let line = format!("    git-ai.note: claude, m  (medium, assisted, {})\n", &commit[..7]);
    assert!(text.contains(&line), "{text}");
    let second = s.save("b", "one\n");
    s.note(TRACE, &second, trace("0.1.0", None, "b", "ai", (1, 1)).as_bytes());
    let json: serde_json::Value = serde_json::from_str(&shown(&s, true)).unwrap();
    let channels: Vec<_> = json["evidence"].as_array().unwrap().iter().map(|e| (&e["channel"], &e["tool"])).collect();
    assert_eq!(channels, [(&"note".into(), &"Cursor".into()), (&"note".into(), &"Claude".into())]);
    assert_eq!(json["evidence"][1]["commit"], commit.as_str());
}

#[test]
fn a_note_of_any_other_tool_is_weak_evidence_and_one_that_names_none_is_no_evidence() {
    let s = Scene::new();
    let commit = s.save("a", "one\n");
    s.note("refs/notes/commits", &commit, b"Looks good.\nBenchmarks: 3 % faster.\n");
    s.note("refs/notes/huge", &commit, "Assisted-by: Claude Code\n".repeat(1 << 16).as_bytes());
    assert!(shown(&s, false).contains("provenance: undeclared (no tool named)"));
    s.note("refs/notes/commits", &commit, b"Generated with Claude Code\n");
    let text = shown(&s, false);
    assert!(text.contains("provenance: detected (Claude)\n"), "{text}");
    assert!(text.contains(&format!("Generated with Claude Code  (weak, assisted, {})\n", &commit[..7])), "{text}");
    let other = Scene::new();
    let commit = other.save("a", "one\n");
    other.note("refs/notes/claude-code", &commit, b"{\"session\": 1}");
    let text = shown(&other, false);
    assert!(text.contains("claude.notes: a note in refs/notes/claude-code  (weak, assisted, "), "{text}");
}

#[test]
fn no_key_stands_twice_in_what_show_prints() {
    let s = Scene::new();
    s.save("a", "<<<<<<< HEAD\n");
    let json = shown(&s, true);
    for key in ["findings", "finding_count", "needs", "need", "evidence"] {
        assert_eq!(json.matches(&format!("\n  \"{key}\":")).count(), 1, "{key}: {json}");
    }
}

#[test]
fn lines_given_to_a_person_by_elimination_are_unknown_and_that_is_said() {
    let s = Scene::new();
    let commit = s.save("a", "one\ntwo\n");
    let text = note(&[("a", "1", "2")]).replace("\"base_commit", "\"git_ai_version\":\"1.6.21\",\"base_commit");
    s.note(AI, &commit, text.as_bytes());
    let read = s.read();
    assert_eq!(read.letters("a", 2), "A·");
    let told = "has 1 claim for a person by elimination, since no tool claimed them; the lines stay unknown.";
    assert!(read.only_problem().ends_with(told), "{}", read.only_problem());
}
