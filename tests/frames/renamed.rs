//! What a person did, and what is known of a file, follows it when a later commit or patch set renames it.

use super::reader::{fixture, numbered, opened};

#[test]
fn who_is_said_to_have_written_a_line_follows_a_file_that_a_later_commit_renamed() {
    let old = numbered(1..20);
    let f = fixture(&[("a.txt", &old)], &[("a.txt", &format!("{old}by the tool\n"))]);
    let note = "a.txt\n  0123456789abcdef 20\n---\n{\"schema_version\": \"authorship/3.0.0\", \"base_commit_sha\": \"0\", \
        \"prompts\": {\"0123456789abcdef\": {\"agent_id\": {\"tool\": \"claude\", \"id\": \"1\", \"model\": \"m\"}}}}\n";
    f.git("mina", &["checkout", "-q", "topic"]);
    let file = f.dir.path().join("note");
    std::fs::write(&file, note).unwrap();
    f.git("mina", &["notes", "--ref=ai", "add", "-F", file.to_str().unwrap(), "topic"]);
    f.git("mina", &["mv", "a.txt", "b.txt"]);
    f.write("b.txt", &format!("{old}by the tool\nby hand\n"));
    f.commit("mina", "Rename it, and add a line");
    f.git("mina", &["checkout", "-q", "main"]);
    let mut session = opened(&f, (100, 24));
    session.press("b");
    let frame = session.frame();
    assert!(frame.contains("moved from a.txt"), "{frame}");
    assert!(frame.contains("20A + by the tool") && frame.contains("21· + by hand"), "{frame}");
}
