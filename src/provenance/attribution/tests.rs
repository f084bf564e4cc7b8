use proptest::prelude::*;

use super::agent_trace::Stated;
use super::*;

/// As in the standard of git-ai, with all three kinds of keys.
const NOTE: &str = r#"src/main.rs
  s_c9883b05a2487d::t_9f8e7d6c5b4a32 1-10,15-20
  s_c9883b05a2487d::t_a1b2c3d4e5f678 25,30-35
  h_31dce776f88375 42-50
"src/a file.rs"
  abcd1234abcd1234 1-50
---
{
  "schema_version": "authorship/3.0.0",
  "git_ai_version": "1.4.5",
  "base_commit_sha": "7734793b756b3921c88db5375a8c156e9532447b",
  "prompts": {
    "abcd1234abcd1234": {
      "agent_id": { "tool": "cursor", "id": "old_session_id", "model": "gpt-4" },
      "human_author": "Developer <dev@example.com>",
      "total_additions": 50, "total_deletions": 0, "accepted_lines": 50, "overriden_lines": 0
    }
  },
  "humans": { "h_31dce776f88375": { "author": "Developer <dev@example.com>" } },
  "sessions": {
    "s_c9883b05a2487d": {
      "agent_id": { "tool": "claude", "id": "conv_abc123", "model": "claude-sonnet-4-5-20250514" },
      "human_author": "dev@example.com",
      "custom_attributes": { "team": "backend" }
    }
  }
}"#;

/// As in the RFC.
const TRACE: &str = r#"{"version":"0.1.0","id":"550e8400-e29b-41d4-a716-446655440000",
 "timestamp":"2026-01-23T14:30:00Z","vcs":{"type":"git","revision":"a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6e7f8a9b0"},
 "tool":{"name":"cursor","version":"2.4.0"},
 "files":[{"path":"src/parser.ts","conversations":[{"url":"https://api.example.com/c/1",
   "contributor":{"type":"ai","model_id":"anthropic/claude-opus-4-5-20251101"},
   "ranges":[{"start_line":42,"end_line":67,"content_hash":"murmur3:9f2e8a1b"},
             {"start_line":70,"end_line":70,"contributor":{"type":"human"}},
             {"start_line":71,"end_line":71,"contributor":{"type":"unknown"}},
             {"start_line":72,"end_line":72,"contributor":{"type":"committee"}}],
   "related":[{"type":"session","url":"https://api.example.com/s/1"}]}]}],
 "metadata":{"confidence":0.95,"dev.cursor":{"workspace_id":"ws-abc123"}}}"#;

const COMMIT: ObjectId = ObjectId([7; 20]);

fn read(claims: &Claims, path: &str) -> Vec<(Range<u32>, Hand)> {
    let claims = claims.files.get(&RepoPath::from(path)).into_iter().flatten();
    claims.map(|claim| (claim.lines.clone(), claim.hand)).collect()
}

/// A note with one entry and the minimal metadata.
fn entry(entry: &str) -> String {
    format!("a\n  {entry}\n---\n{{\"schema_version\":\"authorship/3.0.0\",\"base_commit_sha\":\"\",\"prompts\":{{}}}}")
}

#[test]
fn a_note_of_git_ai_is_read() {
    let claims = git_ai::parse(NOTE.as_bytes()).unwrap();
    let ai = |lines| (lines, Hand::Ai);
    let expected = [ai(0..10), ai(14..20), ai(24..25), ai(29..35), (41..50, Hand::Human)];
    assert_eq!(read(&claims, "src/main.rs"), expected);
    assert_eq!(read(&claims, "src/a file.rs"), [ai(0..50)]);
    let writer = |path: &str, at: usize| &claims.writers[claims.files[&RepoPath::from(path)][at].writer];
    let session = Writer {
        tool: Some("claude".into()),
        model: Some("claude-sonnet-4-5-20250514".into()),
        session: Some("conv_abc123".into()),
        person: Some("dev@example.com".into()),
    };
    assert_eq!(writer("src/main.rs", 0), &session);
    assert_eq!(writer("src/main.rs", 2), &session);
    assert_eq!(writer("src/main.rs", 4).person.as_deref(), Some("Developer <dev@example.com>"));
    assert_eq!(writer("src/main.rs", 4).tool, None);
    assert_eq!(writer("src/a file.rs", 0).model.as_deref(), Some("gpt-4"));
}

#[test]
fn lines_that_a_version_gives_to_people_by_elimination_are_nobody_s() {
    let with = |version: &str| git_ai::parse(NOTE.replace("1.4.5", version).as_bytes()).unwrap();
    let person = (41..50, Hand::Human);
    for version in ["1.5.9", "1.6.19", "v1.6.3", "0.9.99"] {
        assert!(read(&with(version), "src/main.rs").contains(&person), "{version}");
    }
    for version in ["1.6.20", "1.6.21", "1.6.20-next", "1.7.0", "2.0.0", "1.10.1", "next", "1.6", ""] {
        let claims = with(version);
        assert!(!read(&claims, "src/main.rs").contains(&person), "{version}");
        assert_eq!((claims.guessed, claims.left_out), (1, 0), "{version}");
        assert_eq!(read(&claims, "src/a file.rs"), [(0..50, Hand::Ai)], "{version}");
    }
    let silent = git_ai::parse(NOTE.replace("  \"git_ai_version\": \"1.4.5\",\n", "").as_bytes()).unwrap();
    assert!(read(&silent, "src/main.rs").contains(&person), "notes of before say no version");
}

#[test]
fn what_git_ai_writes_less_well_is_read_too() {
    let windows = git_ai::parse(NOTE.replace('\n', "\r\n").as_bytes()).unwrap();
    assert_eq!(windows, git_ai::parse(NOTE.as_bytes()).unwrap());
    for (text, expected) in [
        ("0123456 3,1-2", vec![(2..3, Hand::Ai), (0..2, Hand::Ai)]),
        (&format!("s_{0}::t_{0} 4294967295", "a".repeat(64)), vec![(u32::MAX - 1..u32::MAX, Hand::Ai)]),
        ("s_c9883b05a2487d 1", vec![(0..1, Hand::Ai)]),
    ] {
        assert_eq!(read(&git_ai::parse(entry(text).as_bytes()).unwrap(), "a"), expected, "{text}");
    }
    // An unnamed person does not count as human.
    let long = "a".repeat(65);
    for key in
        ["h_31dce776f88375", "human", "ai_agent", "s_", "s_xyz", "m_c9883b05a2487d", "c9883b05a2487d::t_1", &long]
    {
        let claims = git_ai::parse(entry(&format!("{key} 1\n  0123456 2")).as_bytes()).unwrap();
        assert_eq!((read(&claims, "a"), claims.left_out), (vec![(1..2, Hand::Ai)], 1), "{key}");
    }
    let named = git_ai::parse(NOTE.replace("abcd1234abcd1234", "94341aa7-fe48").as_bytes()).unwrap();
    assert_eq!(read(&named, "src/a file.rs"), [(0..50, Hand::Ai)]);
    let bare = "---\n{\"schema_version\":\"authorship/3.1.0\",\"new\":{\"x\":[1]}}";
    assert_eq!(git_ai::parse(bare.as_bytes()), Ok(Claims::default()));
}

#[test]
fn a_malformed_note_is_refused_whole() {
    let line = |text: &str| match git_ai::parse(entry(text).as_bytes()) {
        Err(Malformed::Line(2, what)) => what,
        other => panic!("{text}: {other:?}"),
    };
    for ranges in ["", "0", "0-3", "3-1", "1-", "-1", "1,", "1, 2", "+1", "1-2-3", "4294967296", "x", "１"] {
        assert_eq!(
            line(&format!("0123456 {ranges}")),
            if ranges.is_empty() { "a key without lines" } else { "no range of lines" }
        );
    }
    let refused = |text: &str| git_ai::parse(text.as_bytes()).unwrap_err();
    assert_eq!(refused(""), Malformed::NoDivider);
    assert_eq!(refused(&NOTE.replace("---", "----")), Malformed::NoDivider);
    assert_eq!(refused(&NOTE.replace("3.0.0", "4.0.0\u{202e}")), Malformed::Schema("authorship/4.0.0<U+202E>".into()));
    assert_eq!(refused(&format!("  0123456 1\n{NOTE}")), Malformed::Line(1, "lines without a path"));
    assert_eq!(refused(&NOTE.replace("file.rs\"", "file.rs")), Malformed::Line(5, "a path is not quoted as paths are"));
    for json in ["", "[]", "{}", "{\"schema_version\":\"authorship/3.0.0\"", "{\"schema_version\":3}"] {
        assert!(matches!(refused(&format!("---\n{json}")), Malformed::Json(_)), "{json}");
    }
    let twice = "---\n{\"schema_version\":\"authorship/3.0.0\",\"schema_version\":\"authorship/3.0.0\"}";
    assert!(matches!(refused(twice), Malformed::Json(_)));
    assert_eq!(git_ai::parse(b"\xff\n---\n{}"), Err(Malformed::NotUtf8));
}

#[test]
fn what_is_made_to_exhaust_is_refused() {
    let many = entry(&format!("0123456 {}", "1,".repeat(MAX_RANGES) + "1"));
    assert_eq!(git_ai::parse(many.as_bytes()), Err(Malformed::TooManyRanges));
    assert_eq!(git_ai::parse(&vec![b'a'; MAX_BYTES + 1]), Err(Malformed::TooLarge));
    assert_eq!(agent_trace::parse(&vec![b' '; MAX_BYTES + 1]), Err(Malformed::TooLarge));
    let deep = "[".repeat(1_000_000);
    assert!(matches!(agent_trace::parse(deep.as_bytes()), Err(Malformed::Json(_))));
    assert!(git_ai::parse(format!("---\n{{\"x\":{deep}").as_bytes()).is_err());
    // Nested ranges: each is still open when all later ones begin.
    let half = MAX_RANGES as u32 / 2;
    let layers: Vec<Layer> =
        (0..half).map(|n| Layer { lines: n..2 * half - n, hand: Hand::Ai, source: n as usize }).collect();
    assert_eq!(flatten(&layers).len(), 2 * half as usize - 1);
}

#[test]
fn traces_are_read() {
    for text in [TRACE.to_owned(), format!("[{TRACE}]"), format!("{}\n", TRACE.replace('\n', ""))] {
        let traces = agent_trace::parse(text.as_bytes()).unwrap();
        let [trace] = &traces[..] else { panic!("{traces:?}") };
        assert_eq!(read(&trace.claims, "src/parser.ts"), [(41..67, Hand::Ai), (69..70, Hand::Human)]);
        assert_eq!(trace.commit().map(|commit| commit.short()), Some("a1b2c3d".to_owned()));
        assert!(trace.has_proper_version);
        let writer = &trace.claims.writers[0];
        assert_eq!(writer.tool.as_deref(), Some("cursor"));
        assert_eq!(writer.model.as_deref(), Some("anthropic/claude-opus-4-5-20251101"));
        assert_eq!(writer.session.as_deref(), Some("https://api.example.com/c/1"));
    }
    let two = format!("{0}\n{0}\n", TRACE.replace('\n', ""));
    assert_eq!(agent_trace::parse(two.as_bytes()).map(|traces| traces.len()), Ok(2));
    assert_eq!(agent_trace::parse(b"\n"), Ok(vec![]));
}

#[test]
fn which_commit_a_trace_is_of_is_not_taken_on_trust() {
    let stated = |vcs: &str| {
        let traces = agent_trace::parse(format!("{{{vcs}\"version\":\"1.0\",\"files\":[]}}").as_bytes()).unwrap();
        assert!(!traces[0].has_proper_version);
        traces[0].clone()
    };
    let named = |revision: &str| stated(&format!("\"vcs\":{{\"type\":\"git\",\"revision\":\"{revision}\"}},"));
    assert!(stated("").fits(COMMIT));
    assert_eq!(stated("").commit(), None);
    assert!(named(&COMMIT.to_string()).fits(COMMIT));
    assert!(!named(&ObjectId([8; 20]).to_string()).fits(COMMIT));
    assert_eq!(named(&COMMIT.short()).revision, Stated::NoCommit);
    assert_eq!(stated("\"vcs\":{\"type\":\"jj\",\"revision\":\"kkmpptxz\"},").revision, Stated::NoCommit);
}

#[test]
fn malformed_traces_are_refused_whole() {
    let refused = |text: &str| agent_trace::parse(text.as_bytes()).unwrap_err();
    for (good, bad) in [("67", "41"), ("\"start_line\":42", "\"start_line\":0")] {
        assert_eq!(refused(&TRACE.replace(good, bad)), Malformed::Range);
    }
    for (good, bad) in [
        ("\"ranges\"", "\"range\""),
        ("\"files\"", "\"file\""),
        ("\"start_line\":42", "\"start_line\":-1"),
        ("\"start_line\":42", "\"start_line\":1.5"),
        ("\"start_line\":42", "\"start_line\":4294967296"),
        ("\"path\":\"src/parser.ts\"", "\"path\":\"a\",\"path\":\"b\""),
        ("\"tool\"", "tool"),
    ] {
        assert!(matches!(refused(&TRACE.replace(good, bad)), Malformed::Json(_)), "{bad}");
    }
    let cut = format!("{}\n{{\"version\"", TRACE.replace('\n', ""));
    assert!(matches!(refused(&cut), Malformed::Json(_)));
    let Malformed::Json(said) = refused(&TRACE.replace("42", "\"\\u001b[31m\\u202e\"")) else { panic!("it is text") };
    assert!(!said.chars().any(visible::is_hidden), "{said}");
}

/// Lines, hand and tool of each claim of a note.
type Said<'s> = &'s [(Range<u32>, Hand, &'s str)];

/// An attribution of lines 0..n of one file, each introduced by [`COMMIT`] under its own number.
fn attributed(lines: u32, notes: &[(Format, Said<'_>)]) -> Attribution {
    let mut testimony = Testimony::default();
    for (format, said) in notes {
        let mut claims = Claims::default();
        for (lines, hand, tool) in *said {
            claims.writers.push(Writer { tool: Some((*tool).to_owned()), ..Writer::default() });
            let claim = Claim { lines: lines.clone(), hand: *hand, writer: claims.writers.len() - 1 };
            claims.files.entry(RepoPath::from("a")).or_default().push(claim);
        }
        testimony.add(COMMIT, *format, claims);
    }
    let lines = (0..lines).map(|line| (line, line)).collect();
    testimony.attribute(&[Brought { file: 3, commit: COMMIT, path: RepoPath::from("a"), lines }])
}

fn letters(attribution: &Attribution, file: usize, lines: u32) -> String {
    (0..lines).map(|line| attribution.of(file, line).letter()).collect()
}

#[test]
fn notes_that_contradict_each_other_leave_it_mixed_and_are_counted() {
    let found = attributed(
        10,
        &[
            (Format::GitAi, &[(1..4, Hand::Ai, "claude"), (6..8, Hand::Human, "ada")]),
            (Format::AgentTrace, &[(2..7, Hand::Ai, "cursor"), (8..9, Hand::Mixed, "cursor")]),
        ],
    );
    assert_eq!(letters(&found, 3, 10), "·AAAAAmhm·");
    assert_eq!(found.counts(), Counts { ai: 5, human: 1, mixed: 2, disputed: 1 });
    assert_eq!(found.counts().unknown(10), 2);
    let tool = |source: Option<&Source>| source.and_then(|source| source.writer.tool.clone());
    assert_eq!(tool(found.source(3, 2)).as_deref(), Some("claude"));
    assert_eq!(tool(found.source(3, 4)).as_deref(), Some("cursor"));
    assert_eq!(tool(found.source(3, 6)).as_deref(), Some("ada"));
    assert_eq!(tool(found.against(3, 6)).as_deref(), Some("cursor"));
    assert_eq!(found.against(3, 8), None);
    assert_eq!((found.source(3, 0), found.source(0, 2)), (None, None));
    assert_eq!(found.of(0, 2), Hand::Unknown);
}

#[test]
fn without_notes_nothing_is_known() {
    let found = attributed(10, &[]);
    assert!(found.is_empty());
    assert_eq!(letters(&found, 3, 3), "···");
    assert_eq!(found.counts().unknown(10), 10);
}

#[test]
fn problems_are_counted_where_they_are_too_many() {
    let mut testimony = Testimony::default();
    (0..30).for_each(|n| testimony.problem(format!("{n}")));
    let found = testimony.attribute(&[]);
    assert_eq!(found.problems().len(), MAX_PROBLEMS + 1);
    assert_eq!(found.problems().last().map(String::as_str), Some("10 more troubles not listed."));
}

fn hand() -> impl Strategy<Value = Hand> {
    prop_oneof![Just(Hand::Ai), Just(Hand::Human), Just(Hand::Mixed)]
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes: Vec<u8>) {
        let _ = git_ai::parse(&bytes);
        let _ = agent_trace::parse(&bytes);
    }

    #[test]
    fn no_damage_to_a_note_makes_a_reader_panic(
        at: prop::sample::Index,
        with in "\\PC{0,3}|[\n\r\"{}:,-]",
        len in 0usize..9,
    ) {
        for good in [NOTE, TRACE] {
            let at = at.index(good.len());
            let mut bytes = good.as_bytes().to_vec();
            bytes.splice(at..(at + len).min(good.len()), with.bytes());
            if let Ok(claims) = git_ai::parse(&bytes) {
                prop_assert!(claims.files.values().flatten().all(|c| c.lines.start < c.lines.end));
            }
            if let Ok(traces) = agent_trace::parse(&bytes) {
                let claims = traces.iter().flat_map(|trace| trace.claims.files.values().flatten());
                prop_assert!(claims.into_iter().all(|c| c.lines.start < c.lines.end));
            }
        }
    }

    /// Compared with the simple algorithm: ask every claim about every line.
    #[test]
    fn each_line_is_as_its_claims_say(claims in prop::collection::vec((0u32..40, 1u32..20, hand()), 0..12)) {
        let layers: Vec<Layer> = claims.iter().enumerate()
            .map(|(source, &(start, len, hand))| Layer { lines: start..start + len, hand, source })
            .collect();
        let spans = flatten(&layers);
        prop_assert!(spans.windows(2).all(|pair| pair[0].lines.end <= pair[1].lines.start));
        for line in 0..60 {
            let mut about = layers.iter().filter(|layer| layer.lines.contains(&line));
            let first = about.next();
            let other = first.and_then(|first| about.find(|layer| layer.hand != first.hand));
            let span = at(&spans, line);
            prop_assert_eq!(span.map(|span| span.source), first.map(|first| first.source));
            prop_assert_eq!(span.and_then(|span| span.against), other.map(|other| other.source));
            let hand = if other.is_some() { Some(Hand::Mixed) } else { first.map(|first| first.hand) };
            prop_assert_eq!(span.map(|span| span.hand), hand);
        }
    }
}
