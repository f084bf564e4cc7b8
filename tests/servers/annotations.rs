//! What checks of a server found, beside the change that it has.

use serde_json::{Value, json};
use undersign::change::request::{Request, RequestKind};
use undersign::delivery::ServerAccess;
use undersign::risk::external::Report;
use undersign::source::server::ServerKind;

use crate::faults::Fault;
use crate::forge::Forge;

const HEAD: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

fn annotation(message: &str) -> Value {
    json!({
        "path": "till.txt", "start_line": 1, "end_line": 1, "annotation_level": "failure",
        "title": "no-till", "message": message,
    })
}

fn forge(count: usize, reporter: &str) -> Forge {
    let forge = Forge::new(ServerKind::GitHub, HEAD);
    let mut state = forge.state.lock().unwrap();
    state.annotations = (0..count).map(|at| annotation(&format!("wrong {at}"))).collect();
    state.reporter = reporter.to_owned();
    drop(state);
    forge
}

fn found(forge: &Forge) -> Result<Vec<Report>, String> {
    let dir = tempfile::tempdir().unwrap();
    let access = ServerAccess::over(Box::new(forge.clone()), vec![forge.server()], dir.path());
    let (server, _) = access.connect(&forge.server())?;
    let request = Request { kind: RequestKind::Pull, number: 12 };
    server.findings(forge.repository(), request, HEAD.parse().unwrap()).map_err(|error| error.to_string())
}

#[test]
fn annotations_of_a_check_are_of_its_commit_and_name_who_reports_them() {
    let reports = found(&forge(2, "lint-people")).unwrap();
    let run = &reports[0].runs[0];
    assert_eq!((run.tool.as_str(), run.revision.as_str()), ("lint (by lint-app)", HEAD));
    assert_eq!(run.diagnostics.len(), 2);
    assert_eq!((run.diagnostics[1].rule.as_str(), run.diagnostics[1].message.as_str()), ("no-till", "wrong 1"));
    assert_eq!(run.diagnostics[0].region.line, 1);
}

#[test]
fn a_check_of_who_opened_the_request_says_that_it_is_theirs() {
    let reports = found(&forge(1, "mina")).unwrap();
    assert_eq!(reports[0].runs[0].tool, "lint (by mina, the author)");
}

#[test]
fn more_annotations_than_a_page_are_counted_and_not_read() {
    let reports = found(&forge(250, "lint-people")).unwrap();
    assert_eq!(reports[0].runs[0].diagnostics.len(), 100);
    assert_eq!(reports[0].remarks, ["A check has 250 annotations; the first 100 are read."]);
}

#[test]
fn a_check_without_annotations_is_not_asked_for_them() {
    let forge = forge(0, "");
    assert!(found(&forge).unwrap().is_empty());
    assert!(!forge.state.lock().unwrap().log.iter().any(|asked| asked.contains("annotations")));
}

#[test]
fn a_server_that_fails_half_way_is_an_error_and_not_a_clean_check() {
    let forge = forge(1, "lint-people");
    forge.fails("annotations", Fault::Status(500));
    assert!(found(&forge).is_err());
}

#[test]
fn a_server_without_results_by_line_has_none_and_is_not_asked() {
    let forge = Forge::new(ServerKind::Gitea, HEAD);
    assert_eq!(found(&forge).unwrap(), []);
    assert!(!forge.state.lock().unwrap().log.iter().any(|asked| asked.contains("check")));
}

#[test]
fn a_person_who_is_called_as_the_app_of_a_check_is_not_taken_for_it() {
    let forge = forge(1, "lint-people");
    forge.state.lock().unwrap().author = "lint-app".to_owned();
    assert_eq!(found(&forge).unwrap()[0].runs[0].tool, "lint (by lint-app)");
    forge.state.lock().unwrap().author = "lint-app[bot]".to_owned();
    assert_eq!(found(&forge).unwrap()[0].runs[0].tool, "lint (by lint-app[bot], the author)");
}
