//! Shell lines of the manual, as a runner would get them.

const MANUAL: &str = include_str!("../../docs/hosts.md");

/// What a named step of a workflow of GitHub runs.
pub fn step(name: &str) -> String {
    let start = MANUAL.find(&format!("      - name: {name}\n")).unwrap_or_else(|| panic!("no step {name}"));
    let step = &MANUAL[start + 1..];
    let (_, rest) = step.split_once("        run: |\n").unwrap();
    let lines = rest.lines().take_while(|line| line.starts_with("          "));
    lines.map(|line| &line[10..]).collect::<Vec<_>>().join("\n")
}

/// What the job of GitLab runs: an item of the list may go on in further lines.
pub fn script() -> String {
    let (_, rest) = MANUAL.split_once("  script:\n    - ").unwrap();
    let (items, _) = rest.split_once("```").unwrap();
    items.trim_end().replace("\n    - ", "\n\0").replace("\n      ", " ").replace('\0', "")
}

/// The commands for who signs tags for Flux and Argo CD.
pub fn tag() -> String {
    let start = MANUAL.find("ssh-keygen -q -t ed25519 -N '' -C gate").unwrap();
    MANUAL[start..].split_once("```").unwrap().0.to_owned()
}

/// The action for several workflows of GitHub does what the workflow of the manual does, step by step.
#[test]
fn the_action_and_the_workflow_run_the_same_lines() {
    let action = include_str!("../../packaging/action/action.yml");
    for name in ["Install", "Judge"] {
        let (_, rest) = action.split_once(&format!("    - name: {name}\n")).unwrap();
        let (_, rest) = rest.split_once("      run: |\n").unwrap();
        let lines = rest.lines().take_while(|line| line.starts_with("        "));
        let run = lines.map(|line| &line[8..]).collect::<Vec<_>>().join("\n");
        assert_eq!(run, step(name), "{name}");
    }
    for name in ["POLICY_BRANCH", "TARGET", "LANDS", "HEAD"] {
        let value = |text: &str| text.split_once(&format!(" {name}: ")).unwrap().1.lines().next().unwrap().to_owned();
        assert_eq!(value(action), value(MANUAL), "{name}");
    }
}

#[test]
fn the_lines_of_the_recipes_are_found() {
    assert!(step("Judge").ends_with("--format plain") && step("Install").contains("\nchmod 755"), "{}", step("Judge"));
    let script = script();
    assert!(script.starts_with("cd ") && script.ends_with("--format plain"), "{script}");
    assert!(script.lines().count() > 5 && tag().contains("verify-tag"), "{script}");
}
