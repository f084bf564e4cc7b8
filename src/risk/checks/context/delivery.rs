//! Jobs, steps and tasks that are new, renamed or gone as a whole, and what only runs before a delivery.

use super::{MAX_BLOCK, MAX_TRIED};
use crate::change::diff::Side;
use crate::risk::facts::{Delta, Fact, Kind};
use crate::risk::{FileUnderReview, is_code};

/// The most lines above a setting of a step at which the step may begin.
const MAX_STEP: u32 = 40;

/// Whether a setting that suspends a job came with its schedule.
pub(super) fn is_of_new_job(new: &Fact, deltas: &[Delta]) -> bool {
    let is_suspended = matches!(new.name(), "suspend" | "paused" | "is_paused");
    let is_schedule = |delta: &Delta| {
        matches!(delta, Delta::Came(own) if own.parent() == new.parent()
            && matches!(own.name(), "schedule" | "cron" | "schedule_interval"))
    };
    is_suspended && !new.parent().is_empty() && deltas.iter().take(MAX_TRIED).any(is_schedule)
}

/// Whether what may fail unseen came with its step: nothing that could fail before can fail unseen now.
pub(super) fn is_of_new_step(new: &Fact, deltas: &[Delta]) -> bool {
    let is_of_steps = |object: &str| object.rsplit('.').next().is_some_and(|last| last.starts_with("steps["));
    let is_whole = |own: &Fact| own.kind == Kind::Block && own.object == new.parent() && is_of_steps(&own.object);
    let is_one = new.kind == Kind::Setting && matches!(new.name(), "continue-on-error" | "continueOnError");
    is_one && deltas.iter().take(MAX_TRIED).any(|delta| matches!(delta, Delta::Came(own) if is_whole(own)))
}

/// Whether a job has another name, and did not lose anything else.
pub(super) fn is_renamed_job(fact: &Fact, deltas: &[Delta]) -> bool {
    if fact.kind != Kind::Block || fact.parent() != "jobs" {
        return false;
    }
    let is_job = |own: &Fact| own.kind == Kind::Block && own.parent() == "jobs" && own.text == fact.text;
    let is_new = |delta: &Delta| matches!(delta, Delta::Came(own) if is_job(own));
    let is_part = |own: &Fact| {
        let is_below = |name: &str| name.strip_prefix(&fact.object).is_some_and(|rest| rest.starts_with(['.', '[']));
        is_below(&own.object) || own.scope == fact.object || is_below(&own.scope)
    };
    let lost =
        |delta: &Delta| matches!(delta, Delta::Went { fact: own, .. } if own.object != fact.object && is_part(own));
    deltas.iter().take(MAX_TRIED).any(is_new) && !deltas.iter().any(lost)
}

/// Whether the whole task that had a setting is gone: an item of a list that begins with its name.
pub(super) fn is_of_task_that_is_gone(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let path = file.path();
    if fact.kind != Kind::Setting || !(path.ends_with(".yml") || path.ends_with(".yaml")) || file.new.is_none() {
        return false;
    }
    let indent = |text: &str| text.len() - text.trim_start().len();
    let first = *fact.lines.start();
    let own = indent(&file.line(Side::Old, first));
    let is_head = |text: &str| text.trim_start().starts_with("- name:") && indent(text) < own;
    let Some(head) =
        (first.saturating_sub(MAX_BLOCK).max(1)..first).rev().find(|at| is_head(&file.line(Side::Old, *at)))
    else {
        return false;
    };
    let outer = indent(&file.line(Side::Old, head));
    let count = file.comparison.old.count();
    let is_end = |at: &u32| {
        let text = file.line(Side::Old, *at);
        !text.trim().is_empty() && indent(&text) <= outer
    };
    let end = (head + 1..=count.min(head + MAX_BLOCK)).find(is_end).unwrap_or(count + 1);
    // A module is what tells a task from a container, whose names are those of its kind.
    let is_task = (head + 1..end).any(|at| {
        let text = file.line(Side::Old, at);
        let key = text.trim_start().split(':').next().unwrap_or_default();
        indent(&text) == outer + 2
            && (key.contains('.') && !key.contains(' ') || matches!(key, "when" | "register" | "become"))
    });
    let removed = file.changed(Side::Old);
    is_task && (head..end).all(|at| file.line(Side::Old, at).trim().is_empty() || removed.touch(&(at..=at)))
}

/// Whether a key of a configuration is below the name of a test environment: `accounts.development.replicas`.
pub(super) fn is_of_rehearsal(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    const NAMES: &[&str] = &["dev", "development", "sandbox", "staging", "qa", "preview", "preprod", "preproduction"];
    let parts = || fact.parent().split(['.', '[', ']']);
    fact.kind == Kind::Setting && !is_code(&file.path()) && parts().any(|part| NAMES.contains(&part))
}

/// Whether a file only runs where a program is built, with what its developers have.
pub(super) fn is_of_build(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let names =
        ["Rakefile", "setup.py", "build.rs", "noxfile.py", "tasks.py", "conftest.py", "build.gradle", "magefile.go"];
    let starts = ["gulpfile.", "Gruntfile.", "webpack.config.", "rollup.config.", "vite.config.", "esbuild."];
    name.ends_with(".rake") || names.contains(&name) || starts.iter().any(|start| name.starts_with(start))
}

/// Whether a workflow that was there said nothing of its rights: what it had by default may have been more.
pub(super) fn says_rights_first(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let is_said = |line: u32| file.line(Side::Old, line).trim_start().starts_with("permissions:");
    let count = file.comparison.old.count().min(MAX_TRIED as u32);
    fact.object.contains("permissions") && file.old.is_some() && !(1..=count).any(is_said)
}

/// Whether a setting is of a step that hands a result on, and checks nothing: it sends a report of coverage, keeps
/// files or writes a comment. The lines of the step say so, from its dash to the next.
pub(super) fn is_of_report(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    const HANDS_ON: &[&str] = &[
        "codecov/",
        "coveralls",
        "upload-artifact",
        "download-artifact",
        "actions/cache",
        "sticky-pull-request-comment",
        "action-slack",
        "slack-github-action",
        "setup-buildx",
    ];
    let at = *fact.lines.start();
    let indent = |text: &str| text.len() - text.trim_start().len();
    let own = indent(&file.line(Side::New, at));
    let is_first = |text: &str| text.trim_start().starts_with("- ") && indent(text) < own;
    let first =
        (at.saturating_sub(MAX_STEP)..at).rev().find(|line| *line > 0 && is_first(&file.line(Side::New, *line)));
    let Some(first) = first else { return false };
    let uses = |text: &str| {
        let text = text.trim_start().trim_start_matches("- ");
        text.strip_prefix("uses:").is_some_and(|what| HANDS_ON.iter().any(|one| what.contains(one)))
    };
    let dash = indent(&file.line(Side::New, first));
    // A line further out ends the step: what follows is of the job.
    let is_inside = |text: &str| text.trim().is_empty() || indent(text) > dash;
    let is_of_step = (first + 1..=at).all(|line| is_inside(&file.line(Side::New, line)));
    is_of_step && (first..=at).any(|line| uses(&file.line(Side::New, line)))
}

/// Whether a command that may fail unseen was not run before in a way that it could fail.
pub(super) fn is_new_command(fact: &Fact, deltas: &[Delta]) -> bool {
    let first = |own: &Fact| own.text.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
    let was_run = |delta: &Delta| {
        matches!(delta, Delta::Went { fact: old, .. } | Delta::Changed { old, .. }
            if old.kind == Kind::Command && first(old) == first(fact))
    };
    fact.kind == Kind::Command && !deltas.iter().take(MAX_TRIED).any(was_run)
}

/// Whether a workflow fetches what somebody sent, and does not only label or answer it.
pub(super) fn fetches_what_was_sent(file: &FileUnderReview<'_>) -> bool {
    const SENT: &[&str] = &["pull_request.head", "head_ref", "workflow_run.head", "refs/pull/", "gh pr checkout"];
    let text = file.decoded(Side::New);
    SENT.iter().any(|sent| text.contains(sent))
}

/// Whether a file holds what one program reads, words or options, and not what stands in front of a service.
pub(super) fn is_value_of_program(fact: &Fact, path: &str) -> bool {
    const READ: &[&str] = &["json", "yaml", "yml", "properties", "toml", "xml", "ini", "po"];
    const IN_FRONT: &[&str] = &["annotations.", "middlewares", "basic", "forward", "oidc", "oauth", "iap", "jwt"];
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    let object = fact.object.to_ascii_lowercase();
    matches!(fact.kind, Kind::Setting | Kind::Block)
        && READ.contains(&extension)
        && !IN_FRONT.iter().any(|word| object.contains(word))
}

/// Whether a command of a workflow deletes programs that its machine came with.
pub(super) fn deletes_on_a_runner(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    const OF_TOOLS: &[&str] = &["/opt/", "/usr/share/", "/usr/local/", "/usr/lib/"];
    let words = fact.text.split_whitespace().skip(1).filter(|word| !word.starts_with('-') && *word != "rm");
    let is_of_tools = |word: &str| OF_TOOLS.iter().any(|of| word.trim_matches(['"', '\'']).starts_with(of));
    let mut words = words.peekable();
    file.path().contains(".github/workflows/") && words.peek().is_some() && words.all(is_of_tools)
}

/// Whether a file says what a pipeline, an image or a machine runs when it starts.
pub(super) fn is_of_pipeline(path: &str) -> bool {
    const PARTS: &[&str] = &[
        ".github/workflows/",
        ".github/actions/",
        ".circleci/",
        ".buildkite/",
        "pipelines",
        "Jenkinsfile",
        "gitlab-ci",
    ];
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let words = ["dockerfile", "containerfile", "user-data", "user_data", "userdata", "cloud-init", "action.y"];
    PARTS.iter().any(|part| path.contains(part)) || words.iter().any(|word| name.contains(word))
}
