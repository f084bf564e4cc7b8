//! What people and programs wrote at the lines of a review request: whose it is, what it is about, and what of it is by
//! now about nothing.

use serde_json::json;
use undersign::app::servers::ServerSource;
use undersign::change::diff::Diff;
use undersign::decision::Verdict;
use undersign::delivery::{Receipt, Remarks, ServerAccess};
use undersign::examination;
use undersign::examination::comments::{self, Remark};
use undersign::source::server::http::{Request, Response};
use undersign::source::server::{NoAnswer, ServerKind, Transport};

use crate::delivery::{Desk, KINDS};
use crate::faults::{FAULTS, Fault};
use crate::forge::{Forge, Said};
use crate::session::Session;

const THEN: &str = "one\ntwo of the till\nthree of it\nfour of them\nfive\n";
const NOW: &str = "zero, which is new\none\ntwo is another\nthree of it\nfour of them\nfive\n";

/// A request whose head moved: its second line is another, and one came above it.
struct Moved {
    desk: Desk,
    then: String,
    now: String,
}

impl Moved {
    fn new(kind: ServerKind) -> Moved {
        let desk = Desk::new(kind);
        desk.f.git("mina", &["checkout", "-q", "agent/work"]);
        let commit = |text| {
            desk.f.write("till.txt", text);
            desk.f.commit("mina", "Rework the till")
        };
        let (then, now) = (commit(THEN), commit(NOW));
        desk.f.git("mina", &["checkout", "-q", "main"]);
        let request = format!("refs/undersign/requests/origin/{}", desk.forge.request());
        desk.f.git("mina", &["update-ref", &request, &now]);
        desk.forge.state.lock().unwrap().head.clone_from(&now);
        Moved { desk, then, now }
    }

    fn says(&self, said: impl IntoIterator<Item = Said>) {
        self.desk.forge.state.lock().unwrap().comments.extend(said);
    }

    fn then(&self, who: &str, line: u64, text: &str) -> Said {
        let (who, text, path) = (who.to_owned(), text.to_owned(), "till.txt".to_owned());
        Said { who, text, path, head: self.then.clone(), line, ..Said::default() }
    }

    fn now(&self, who: &str, line: u64, text: &str) -> Said {
        Said { head: self.now.clone(), ..self.then(who, line, text) }
    }

    fn reads(&self) -> Result<Remarks, String> {
        let found = self.desk.access.remarks(&self.desk.repository, &self.desk.change(), 7)?;
        Ok(found.expect("a server has it"))
    }

    fn diff(&self) -> Diff {
        let (repository, change) = (&self.desk.repository, self.desk.change());
        let (_, snapshot) = examination::RepositorySnapshot::of(self.desk.f.repository(), None).unwrap();
        examination::diff(repository, &snapshot, &change).unwrap()
    }

    /// As they are shown: who, which line or what became of it, the text.
    fn shown(&self) -> Vec<String> {
        let Remarks { login, author, comments, .. } = self.reads().unwrap();
        let revision = self.desk.change().revision;
        let placed = comments::placed(&self.desk.repository, &revision, &self.diff(), comments, (&login, &author));
        let one = |remark: &Remark| {
            let answer = if remark.is_answer { "> " } else { "" };
            format!("{answer}{}: {}: {}", remark.by, remark.note.place(), remark.note.text)
        };
        placed.iter().map(one).collect()
    }
}

#[test]
fn a_comment_stands_at_its_line_where_that_moved_and_is_outdated_where_it_changed() {
    for kind in KINDS {
        let moved = Moved::new(kind);
        moved.says([
            moved.then("zoe", 4, "moves down"),
            moved.then("zoe", 2, "is about what is gone"),
            moved.now("rahim-at-work", 3, "is of now"),
            Said { from: Some(3), ..moved.then("zoe", 4, "about two lines") },
            Said { head: "8".repeat(40), ..moved.then("zoe", 1, "of a commit that is not here") },
            moved.now("zoe", 4_000_000, "on no line"),
        ]);
        let two = if kind == ServerKind::Gitea { "till.txt:5" } else { "till.txt:4–5" };
        let mut shown = moved.shown();
        let gone = shown.remove(5);
        assert!(gone.starts_with("zoe: till.txt"), "{gone}");
        assert_eq!(
            shown,
            [
                "zoe: till.txt:5: moves down".to_owned(),
                "zoe: till.txt, outdated, about `two of the till`: is about what is gone".to_owned(),
                "rahim-at-work: till.txt:3: is of now".to_owned(),
                format!("zoe: {two}: about two lines"),
                "zoe: till.txt, outdated, about a line that is not known any more: of a commit that is not here"
                    .to_owned(),
            ],
            "{kind:?}"
        );
    }
}

#[test]
fn who_opened_the_request_and_who_reads_it_are_told_from_the_others() {
    for kind in KINDS {
        let moved = Moved::new(kind);
        moved.says([
            moved.now("zoe", 3, "Why?"),
            moved.now("dana-at-work", 4, "```text\nAs agreed.\n```\n\nUndersign record `1a2b`, note 1."),
            Said { answers: Some(0), ..moved.now("mina", 3, "Because.") },
        ]);
        let shown = moved.shown();
        let answer = if kind == ServerKind::Gitea { "" } else { "> " };
        let mut wanted = vec![
            "zoe: till.txt:3: Why?".to_owned(),
            format!("{answer}mina, the author: till.txt:3: Because."),
            "you: till.txt:4: As agreed.".to_owned(),
        ];
        if kind == ServerKind::Gitea {
            // It does not say which comment another answers.
            wanted.swap(1, 2);
        }
        assert_eq!(shown, wanted, "{kind:?}");
    }
}

#[test]
fn what_a_program_writes_is_a_finding_of_its_commit_and_an_author_who_grades_themselves_is_named() {
    for (kind, is_old) in KINDS.map(|kind| (kind, false)).into_iter().chain([(ServerKind::Gerrit, true)]) {
        let moved = Moved::new(kind);
        moved.desk.forge.state.lock().unwrap().is_old = is_old;
        let program = |said: Said| Said { is_program: true, ..said };
        moved.says([
            program(moved.now("lint", 3, "No till.")),
            program(moved.then("lint", 2, "No till then.")),
            program(moved.now("mina", 3, "All is well.")),
            program(Said { old_side: true, ..moved.now("lint", 1, "It was better.") }),
        ]);
        if kind == ServerKind::GitLab {
            moved.desk.forge.state.lock().unwrap().author = "project_7_bot_mina".to_owned();
        }
        let Remarks { comments, reports, missing, .. } = moved.reads().unwrap();
        assert_eq!((comments.len(), comments[0].text.as_str()), (1, "It was better."), "{kind:?}: at no line of now");
        let runs: Vec<_> = reports.iter().flat_map(|report| &report.runs).collect();
        let found: Vec<(&str, &str, &str)> = runs
            .iter()
            .flat_map(|run| run.diagnostics.iter().map(|one| (&run.tool[..], &run.revision[..], &one.message[..])))
            .collect();
        let (plain, own) = match kind {
            ServerKind::GitHub | ServerKind::Gitea => ("lint", "mina (by mina, the author)"),
            ServerKind::GitLab => ("project_7_bot_lint", "project_7_bot_mina (by project_7_bot_mina, the author)"),
            _ => ("lint-bot (by lint)", "lint-bot (by mina, the author)"),
        };
        let mut wanted = vec![
            (plain, &moved.now[..], "No till."),
            (plain, &moved.then[..], "No till then."),
            (own, &moved.now[..], "All is well."),
        ];
        let mut found = found;
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{kind:?}");
        if is_old {
            assert_eq!(runs[0].diagnostics[0].rule, "no-till");
        }
        assert_eq!(missing, <[String; 0]>::default(), "{kind:?}");
    }
}

#[test]
fn a_code_quality_report_is_of_the_commit_of_its_pipeline_and_one_that_is_not_given_out_is_told() {
    let moved = Moved::new(ServerKind::GitLab);
    let reads = |report, sha: &str| {
        moved.desk.forge.state.lock().unwrap().code_quality = Some((report, sha.to_owned()));
        moved.desk.access.findings(&moved.desk.repository, &moved.desk.change()).unwrap()
    };
    let one = json!({
        "description": "No till.",
        "check_name": "no-till",
        "fingerprint": "f",
        "severity": "blocker",
        "location": {"path": "till.txt", "lines": {"begin": 3}},
    });
    for sha in [&moved.now, &moved.then] {
        let reports = reads(json!([one]), sha);
        let run = &reports[0].runs[0];
        assert_eq!((run.tool.as_str(), run.revision.as_str()), ("lint", sha.as_str()));
        assert_eq!((run.diagnostics[0].rule.as_str(), run.diagnostics[0].region.line), ("no-till", 3));
    }
    let reports = reads(json!(null), &moved.now);
    let why = "The Code Quality report of the job lint is not given out";
    assert!(reports[0].remarks[0].starts_with(why), "{reports:?}");
}

/// Every request for them goes wrong once in each way.
#[test]
fn whatever_fails_no_comment_is_lost_silently() {
    let places = |kind| match kind {
        ServerKind::GitHub => &[
            "/user",
            "Get /api/v3/repos/ann/shop/pulls/12",
            "pulls/12/comments",
            "pulls/12/reviews",
            "issues/12/comments",
            "/check-runs",
        ][..],
        ServerKind::Gitea => {
            &["/user", "/version", "pulls/12", "pulls/12/reviews", "reviews/500/comments", "issues/12/comments"]
        }
        ServerKind::GitLab => &["/user", "/merge_requests/12", "/discussions", "/pipelines/77/jobs", "/artifacts/"],
        _ => &["/self", "o=CURRENT_REVISION", "till~12/comments", "/robotcomments"],
    };
    for kind in KINDS {
        let moved = Moved::new(kind);
        moved.says([moved.now("zoe", 3, "Why?")]);
        let forge = &moved.desk.forge;
        forge.state.lock().unwrap().code_quality = Some((json!([]), moved.now.clone()));
        forge.state.lock().unwrap().is_old = true;
        for (place, fault) in places(kind).iter().flat_map(|place| FAULTS.map(|fault| (place, fault))) {
            let _ = std::fs::remove_dir_all(moved.desk.f.dir.path().join("servers"));
            // It has answered before, or it never has.
            for is_known in [false, true] {
                forge.fails(place, fault);
                let read = moved.reads();
                let told = format!("{kind:?} {place} {fault:?}: {read:?}");
                assert!(forge.state.lock().unwrap().fault.is_none(), "it was met: {told}");
                let is_none_there = matches!((*place, fault), ("/robotcomments" | "/artifacts/", Fault::Status(404)));
                let missing = match read {
                    Ok(remarks) => {
                        assert_eq!(remarks.comments.len(), 1, "{told}");
                        [remarks.missing, remarks.reports.into_iter().flat_map(|one| one.remarks).collect()].concat()
                    }
                    Err(why) => {
                        assert!(!is_known, "{told}");
                        vec![why]
                    }
                };
                assert_eq!(missing.len(), usize::from(!is_none_there || *place == "/artifacts/"), "{told}");
                let is_plain = |why: &String| why.chars().all(|c| !c.is_control()) && why.ends_with('.');
                assert!(missing.iter().all(is_plain), "{told}");
                assert_eq!(moved.reads().unwrap().comments.len(), 1, "{told}");
            }
        }
    }
}

#[test]
fn what_colleagues_wrote_is_shown_below_its_line_and_escaped_and_without_a_network_as_it_was() {
    for kind in KINDS {
        let moved = Moved::new(kind);
        moved.says([
            moved.now("zoe", 3, "Why \u{1b}[31mtwice\u{202e}?"),
            Said { is_program: true, ..moved.now("lint", 5, "No till\u{1b} here.") },
            Said { path: "\u{1b}]0;owned\u{7}".to_owned(), ..moved.now("zo\u{202e}e\u{1b}", 3, "elsewhere") },
        ]);
        let opens = || {
            let mut session = Session::new(&moved.desk.f, (100, 60));
            let forge = moved.desk.forge.clone();
            session.ports.access =
                ServerAccess::over(Box::new(forge.clone()), vec![forge.server()], moved.desk.f.dir.path());
            session.state.queue.servers = vec![ServerSource::new("work".to_owned())];
            let all: Vec<&str> = moved.desk.forge.request().split('/').collect();
            session.press(&format!("/{}<enter><enter>", all[1]));
            session
        };
        let frame = opens().frame();
        let rows: Vec<&str> = frame.lines().collect();
        let at = rows.iter().position(|row| row.contains("two is another")).unwrap_or_else(|| panic!("{frame}"));
        assert!(rows[at + 1].contains("✎ zoe: “Why ␛[31mtwice<U+202E>?”"), "{kind:?}: {frame}");
        assert!(frame.contains("zo<U+202E>e␛, outdated"), "{kind:?}: {frame}");
        let found = rows.iter().position(|row| row.contains("No till␛ here"));
        assert!(found > Some(at + 1), "what a program found is a finding: {kind:?}: {frame}");
        assert!(frame.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{frame:?}");
        moved.desk.forge.fails("Get ", Fault::LostBefore);
        let frame = opens().frame();
        assert!(frame.contains("✎ zoe: “Why") && frame.contains("Its comments are shown as they were"), "{frame}");
    }
}

impl Moved {
    /// What is written there by us.
    fn own(&self) -> Vec<Said> {
        let state = self.desk.forge.state.lock().unwrap();
        state.comments.iter().filter(|said| said.who == "dana-at-work").cloned().collect()
    }

    fn answers(&self, comment: &str, text: &str) -> Receipt {
        self.desk.access.reply(&self.desk.repository, &self.desk.change(), (comment, text), 7).unwrap()
    }

    fn waiting(&self) -> usize {
        self.desk.access.outbox.replies(&self.desk.repository.root).0.len()
    }
}

#[test]
fn an_answer_to_a_colleague_is_in_the_thread_of_the_comment_once_whatever_fails() {
    let places = |kind| match kind {
        ServerKind::GitHub => &["/user", "Get /api/v3/repos/ann/shop/pulls/12/comments", "/comments/100/replies"][..],
        ServerKind::Gitea => &["/user", "Get /api/v1/repos/ann/shop/pulls/12/reviews", "Post"],
        ServerKind::GitLab => &["/user", "Get /api/v4/projects/shops%2Ftill%2Fshop/merge_requests/12/dis", "/notes"],
        _ => &["/self", "till~12/comments", "Post /a/changes/till~12/revisions/"],
    };
    for kind in KINDS {
        let moved = Moved::new(kind);
        moved.says([moved.now("zoe", 3, "Why twice?")]);
        let id = moved.reads().unwrap().comments[0].id.clone();
        let faults = places(kind).iter().flat_map(|place| FAULTS.map(|fault| (place, fault)));
        for (nth, (place, fault)) in faults.enumerate() {
            moved.desk.forge.fails(place, fault);
            let first = moved.answers(&id, &format!("/close is no answer.\n\nBecause\r\n/tills are open, {nth}."));
            let told = format!("{kind:?} {place} {fault:?}: {first:?}");
            assert!(moved.desk.forge.state.lock().unwrap().fault.is_none(), "it was met: {told}");
            assert_eq!((first.done.len() + first.left.len(), moved.waiting()), (1, first.left.len()), "{told}");
            let again = moved.desk.delivers();
            assert_eq!((again.done.len(), again.left), (first.left.len(), vec![]), "{told}");
            let own = moved.own();
            assert_eq!((own.len(), moved.waiting()), (nth + 1, 0), "{told}");
            assert!(own.iter().all(|said| said.line == 3), "{told}: {own:?}");
        }
        let shown = moved.shown();
        assert!(shown[1].contains("you: till.txt:3: ") && shown[1].ends_with("tills are open, 0."), "{shown:?}");
    }
}

#[test]
fn an_answer_to_an_answer_is_in_the_same_thread_and_the_same_words_to_another_are_another() {
    for kind in KINDS {
        let moved = Moved::new(kind);
        let answer = Said { answers: Some(0), ..moved.now("mina", 3, "Because.") };
        moved.says([moved.now("zoe", 3, "Why twice?"), answer, moved.now("zoe", 5, "And here?")]);
        let ids: Vec<String> = moved.reads().unwrap().comments.iter().map(|comment| comment.id.clone()).collect();
        for id in &ids[1..] {
            assert_eq!(moved.answers(id, "As agreed.").left, <[String; 0]>::default(), "{kind:?}");
        }
        let own: Vec<u64> = moved.own().iter().map(|said| said.line).collect();
        assert_eq!(own, [3, 5], "{kind:?}");
        let gone = moved.answers("7777", "To nobody.").left;
        assert!(gone[0].contains("is not there any more. Your answer is kept in "), "{kind:?}: {gone:?}");
    }
}

#[test]
fn a_is_an_answer_where_the_cursor_is_on_what_a_colleague_wrote() {
    for kind in KINDS {
        let moved = Moved::new(kind);
        moved.says([moved.now("zoe", 3, "Why twice?")]);
        let mut session = Session::new(&moved.desk.f, (100, 40));
        let forge = moved.desk.forge.clone();
        session.ports.access =
            ServerAccess::over(Box::new(forge.clone()), vec![forge.server()], moved.desk.f.dir.path());
        session.state.queue.servers = vec![ServerSource::new("work".to_owned())];
        let all: Vec<&str> = moved.desk.forge.request().split('/').collect();
        session.press(&format!("/{}<enter><enter>@", all[1]));
        session.press("Why twice<enter>a");
        assert!(session.frame().contains("answer zoe"), "{kind:?}: {}", session.frame());
        session.press("Two tills.<esc>a");
        assert!(session.frame().contains("Two tills."), "what was begun is kept: {kind:?}: {}", session.frame());
        forge.fails("Post", Fault::LostBefore);
        session.press("<enter>");
        let frame = session.frame();
        assert!(frame.contains("Your answer is kept in"), "{kind:?}: {frame}");
        session.press("a<enter>aTwo tills.<enter>");
        let frame = session.frame();
        assert!(frame.contains("your answer to zoe is there"), "{kind:?}: {frame}");
        assert!(frame.contains("you: “Two tills.”"), "it is shown: {kind:?}: {frame}");
        assert_eq!(moved.own().len(), 1, "{kind:?}");
    }
}

/// What is about no line: the change as a whole, and a file.
impl Moved {
    fn whole(&self, who: &str, text: &str) -> Said {
        Said { path: String::new(), line: 0, ..self.now(who, 0, text) }
    }
}

#[test]
fn what_is_about_the_change_as_a_whole_is_shown_and_what_tells_a_signed_verdict_is_not() {
    for kind in KINDS {
        let moved = Moved::new(kind);
        let table = "| covered |\n".repeat(100);
        moved.says([
            moved.whole("zoe", "Why now?"),
            Said { is_program: true, ..moved.whole("coverage", &table) },
            moved.now("zoe", 3, "Why twice?"),
        ]);
        moved.desk.signs(Verdict::Reject);
        assert_eq!(moved.desk.delivers().left, <[String; 0]>::default(), "{kind:?}");
        let mut shown = moved.shown();
        shown.sort();
        let [program, whole, line] = &shown[..] else { panic!("{kind:?}: {shown:#?}") };
        assert_eq!((whole.as_str(), line.as_str()), ("zoe: the change: Why now?", "zoe: till.txt:3: Why twice?"));
        assert!(program.contains("coverage") && program.contains(", a program: the change: | covered |"), "{program}");
        assert!(program.len() < 800 && program.ends_with("(the rest is on its page)"), "{program}");
        let reports: Vec<_> = moved.reads().unwrap().reports.into_iter().flat_map(|report| report.runs).collect();
        assert_eq!(reports, [], "{kind:?}: it is no finding");
    }
}

#[test]
fn how_much_others_wrote_is_in_the_row_and_what_is_on_no_line_where_a_reviewer_asks_what_is_said() {
    for kind in KINDS {
        let moved = Moved::new(kind);
        moved.says([
            moved.now("zoe", 3, "Why twice?"),
            moved.then("zoe", 2, "is about what is gone"),
            Said { is_resolved: true, ..moved.now("zoe", 4, "settled") },
            moved.whole("zoe", "Why now\u{1b}[31m?"),
        ]);
        let mut session = Session::new(&moved.desk.f, (140, 50));
        let forge = moved.desk.forge.clone();
        session.ports.access =
            ServerAccess::over(Box::new(forge.clone()), vec![forge.server()], moved.desk.f.dir.path());
        session.state.queue.servers = vec![ServerSource::new("work".to_owned())];
        let all: Vec<&str> = moved.desk.forge.request().split('/').collect();
        session.press(&format!("R/{}<enter>", all[1]));
        let listed = session.frame();
        let row = |frame: &str| frame.lines().find(|line| line.contains(" ▸ ")).unwrap_or_default().to_owned();
        let (sign, told) = match kind {
            ServerKind::Gerrit => ("✎3", ", 4 comments, 3 not resolved"),
            ServerKind::GitLab | ServerKind::Gitea => ("✎4", ", 4 comments"),
            // Its list counts none.
            _ => ("", ""),
        };
        assert_eq!(row(&listed).contains('✎'), !sign.is_empty(), "{kind:?}: {listed}");
        assert!(row(&listed).contains(sign) && listed.contains(told), "{kind:?}: {listed}");
        session.press("<enter>i");
        let read = session.frame();
        let at = read.find("At work: 4 comments, ").unwrap_or_else(|| panic!("{kind:?}: {read}"));
        let said = &read[at..read.find("you came back").unwrap_or(read.len())];
        let said = said.split("Rework the till").next().unwrap();
        let (whole, gone) =
            ("zoe, on the change as a whole: “Why now␛[31m?”", "zoe, outdated, about `two of the till`");
        assert!(said.contains(", 1 outdated") && said.contains(whole) && said.contains(gone), "{kind:?}: {read}");
        assert!(!said.contains("Why twice?"), "it stands at its line: {kind:?}: {read}");
        assert!(read.chars().all(|c| c == '\n' || !c.is_control()), "{read:?}");
        let hidden = session.press("<esc>Bi").frame();
        assert!(!hidden.contains("At work: "), "who hides comments is told of none: {kind:?}: {hidden}");
        let back = session.press("<esc>Bq").frame();
        assert!(row(&back).contains('✎'), "what was read is known: {kind:?}: {back}");
    }
}

#[test]
fn a_token_that_may_not_read_the_page_of_a_request_reads_its_lines_and_that_is_told() {
    for kind in [ServerKind::GitHub, ServerKind::Gitea] {
        let moved = Moved::new(kind);
        moved.says([moved.whole("zoe", "Why now?"), moved.now("zoe", 3, "Why twice?")]);
        moved.desk.forge.fails("issues/12/comments", Fault::Status(403));
        let Remarks { comments, missing, .. } = moved.reads().unwrap();
        let texts: Vec<&str> = comments.iter().map(|comment| comment.text.as_str()).collect();
        assert_eq!(texts, ["Why twice?"], "{kind:?}");
        assert!(missing[0].contains("the token may not read issues (403)"), "{kind:?}: {missing:?}");
    }
}

/// What a review says besides its comments; one that is not submitted says nothing yet.
#[test]
fn the_words_of_a_review_are_about_the_change_as_a_whole() {
    for kind in [ServerKind::GitHub, ServerKind::Gitea] {
        let moved = Moved::new(kind);
        let submitted = if kind == ServerKind::GitHub { "CHANGES_REQUESTED" } else { "REQUEST_CHANGES" };
        let review = |id: u64, state: &str, body: &str| {
            let url = format!("https://git.example/ann/shop/pull/12#review-anchor-{id}");
            let user = json!({"login": "zoe", "id": 9});
            json!({"id": id, "user": user, "state": state, "body": body, "commit_id": moved.now, "html_url": url})
        };
        let all = [(1, submitted, "Not like this."), (2, "PENDING", "Not yet."), (3, submitted, " ")];
        let all = all.map(|(id, state, body)| review(id, state, body));
        moved.desk.forge.state.lock().unwrap().reviews.extend(all);
        assert_eq!(moved.shown(), ["zoe: the change: Not like this."], "{kind:?}");
        let id = moved.reads().unwrap().comments[0].id.clone();
        assert_eq!(id, "review-anchor-1");
        assert_eq!(moved.answers(&id, "How, then?").left, <[String; 0]>::default(), "{kind:?}");
        assert_eq!(moved.own()[0].text, "In reply to [this comment](#review-anchor-1):\n\nHow, then?");
        // A server says where it is, and what it says goes into a text under our name.
        let forged = "https://git.example/#x)](https://thief.example) (";
        moved.desk.forge.state.lock().unwrap().reviews[0]["html_url"] = forged.into();
        assert_eq!(moved.reads().unwrap().comments.last().unwrap().id, "pullrequestreview-1");
    }
}

#[test]
fn an_answer_about_the_change_as_a_whole_is_there_once_whatever_fails_and_says_what_it_answers() {
    let places = |kind| match kind {
        ServerKind::GitHub | ServerKind::Gitea => {
            &["/user", "pulls/12/reviews", "Get", "issues/12/comments", "Post"][..]
        }
        ServerKind::GitLab => &["/user", "merge_requests/12/discussions", "/notes"],
        _ => &["/self", "till~12/comments", "Post /a/changes/till~12/revisions/"],
    };
    for kind in KINDS {
        let moved = Moved::new(kind);
        moved.says([moved.whole("zoe", "Why now?"), moved.whole("mina", "Any questions?")]);
        let ids: Vec<String> = moved.reads().unwrap().comments.iter().map(|comment| comment.id.clone()).collect();
        let faults = places(kind).iter().flat_map(|place| FAULTS.map(|fault| (place, fault)));
        for (nth, (place, fault)) in faults.enumerate() {
            moved.desk.forge.fails(place, fault);
            let first = moved.answers(&ids[0], &format!("Because of the tills, {nth}."));
            let told = format!("{kind:?} {place} {fault:?}: {first:?}");
            assert!(moved.desk.forge.state.lock().unwrap().fault.is_none(), "it was met: {told}");
            // Who asked may say it otherwise meanwhile.
            moved.desk.forge.state.lock().unwrap().comments[0].text = format!("Why now, {nth}?");
            let again = moved.desk.delivers();
            assert_eq!((again.done.len(), again.left), (first.left.len(), vec![]), "{told}");
            assert_eq!((moved.own().len(), moved.waiting()), (nth + 1, 0), "{told}");
        }
        // The same words to another are another answer.
        let before = moved.own().len();
        for id in &ids {
            assert_eq!(moved.answers(id, "As agreed.").left, <[String; 0]>::default(), "{kind:?}");
            assert_eq!(moved.answers(id, "As agreed.").left, <[String; 0]>::default(), "{kind:?}");
        }
        let own = moved.own();
        assert_eq!(own.len(), before + 2, "{kind:?}");
        let is_named = |said: &Said| said.text.starts_with("In reply to [this comment](#issuecomment-100):");
        let is_threaded = |said: &Said| said.answers == Some(0);
        assert!(own.iter().any(|said| is_named(said) || is_threaded(said)), "{kind:?}: {own:?}");
    }
}

#[test]
fn what_is_about_the_change_or_a_file_is_at_the_top_and_a_answers_it() {
    for kind in KINDS {
        let moved = Moved::new(kind);
        moved.says([moved.whole("zoe", "Why now?")]);
        // The others take no comments on a file.
        let of_file = kind == ServerKind::Gerrit;
        if of_file {
            moved.says([moved.now("zoe", 0, "Why this file?")]);
        }
        let mut session = Session::new(&moved.desk.f, (100, 40));
        let forge = moved.desk.forge.clone();
        session.ports.access =
            ServerAccess::over(Box::new(forge.clone()), vec![forge.server()], moved.desk.f.dir.path());
        session.state.queue.servers = vec![ServerSource::new("work".to_owned())];
        let all: Vec<&str> = moved.desk.forge.request().split('/').collect();
        session.press(&format!("/{}<enter><enter>@", all[1]));
        assert!(session.frame().contains("the change  zoe: Why now?"), "{kind:?}: {}", session.frame());
        session.press("Why now<enter>");
        let frame = session.frame();
        assert!(frame.contains("zoe, on the change as a whole: “Why now?”"), "{kind:?}: {frame}");
        assert_eq!(frame.contains("✎ zoe: “Why this file?”"), of_file, "{kind:?}: {frame}");
        session.press("a");
        assert!(session.frame().contains("answer zoe"), "{kind:?}: {}", session.frame());
        session.press("Two tills.<enter>");
        let frame = session.frame();
        assert!(frame.contains("your answer to zoe is there"), "{kind:?}: {frame}");
        assert!(frame.contains("Two tills."), "it is shown: {kind:?}: {frame}");
        assert_eq!(moved.own().len(), 1, "{kind:?}");
    }
}

/// A list whose next page is itself.
struct Circling(Forge, &'static str);

impl Transport for Circling {
    fn send(&self, request: &Request) -> Result<Response, NoAnswer> {
        let mut response = self.0.send(request)?;
        if request.url.contains(self.1) {
            response.headers.push(("link".to_owned(), format!("<{}>; rel=\"next\"", request.url)));
        }
        Ok(response)
    }
}

#[test]
fn a_list_of_comments_or_of_jobs_that_goes_in_a_circle_ends_and_is_told() {
    for (kind, place) in [
        (ServerKind::GitHub, "pulls/12/comments"),
        (ServerKind::GitHub, "pulls/12/reviews"),
        (ServerKind::GitHub, "issues/12/comments"),
        (ServerKind::Gitea, "pulls/12/reviews"),
        (ServerKind::GitLab, "/discussions"),
        (ServerKind::GitLab, "/pipelines/77/jobs"),
    ] {
        let moved = Moved::new(kind);
        moved.says([moved.now("zoe", 3, "Why?")]);
        let forge = moved.desk.forge.clone();
        forge.state.lock().unwrap().code_quality = Some((json!([]), moved.now.clone()));
        let server = forge.server();
        let circling = Box::new(Circling(forge, place));
        let access = ServerAccess::over(circling, vec![server], moved.desk.f.dir.path());
        let read = access.remarks(&moved.desk.repository, &moved.desk.change(), 7);
        let missing = read.map_or_else(|why| vec![why], |remarks| remarks.unwrap().missing);
        assert!(missing.len() == 1 && missing[0].contains("a list goes in a circle"), "{kind:?} {place}: {missing:?}");
    }
}
