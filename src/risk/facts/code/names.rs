//! Names that mean the same in many languages: reading the environment, logging, assertions, exits, routes.

use tree_sitter::Node;

const VERBS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options"];

/// Whether a function reads a variable of the environment.
pub(super) fn is_environment(callee: &str) -> bool {
    let lower = callee.to_ascii_lowercase();
    let last = lower.rsplit('.').next().unwrap_or(&lower);
    matches!(
        last,
        "getenv" | "get_env" | "env" | "getenvironmentvariable" | "lookupenv" | "environ" | "envor" | "getenvor"
    ) || matches!(last, "get" | "fetch" | "var" | "getordefault" | "config")
        && lower.split('.').rev().nth(1).is_some_and(|of| matches!(of, "env" | "environ" | "getenv" | "environment"))
        || last.starts_with("getenv")
        || last.starts_with("get_env")
}

/// The name in a declarator of C: of a pointer, an array, a function.
pub(super) fn innermost_declarator(mut node: Node) -> Node {
    const MAX_DECLARATORS: usize = 20;
    for _ in 0..MAX_DECLARATORS {
        match node.child_by_field_name("declarator") {
            Some(inner) => node = inner,
            None if node.kind() == "reference_declarator" => match node.named_child(0) {
                Some(inner) => node = inner,
                None => break,
            },
            None => break,
        }
    }
    node
}

/// All types that catch everything count as one.
pub(super) fn caught_type(text: &str) -> String {
    const ALL: &[&str] =
        &["BaseException", "Error", "Exception", "StandardError", "Throwable", "any", "error", "std::exception"];
    let text = text.split(" as ").next().unwrap_or(text);
    let text = text.trim_matches(['(', ')']).replace("const ", "");
    let text = text.trim().trim_start_matches('\\').split(" = >").next().unwrap_or_default();
    let name = text.split([' ', '&']).next().unwrap_or(text);
    if text.is_empty() || text == "..." || ALL.contains(&name) && !text.contains(['|', ',']) {
        return "any".to_owned();
    }
    text.to_owned()
}

pub(super) fn is_leaving_call(callee: &str) -> bool {
    const LEAVING: &[&str] = &[
        "Exit",
        "Fatal",
        "Fatalf",
        "Fatalln",
        "Panic",
        "Panicf",
        "abort",
        "bail!",
        "die",
        "exit",
        "fail",
        "halt",
        "panic",
        "panic!",
        "raise",
        "throw",
        "unreachable!",
        "Skip",
        "Skipf",
        "todo!",
        "unimplemented!",
        "_exit",
        "notFound",
        "ThrowIfCancellationRequested",
        "error",
    ];
    let last = last_name(callee);
    LEAVING.contains(&last) && (last != "error" || callee == "error")
}

pub(super) fn is_log_call(callee: &str) -> bool {
    const LOGS: &[&str] = &[
        "console", "log", "logger", "logging", "slog", "zap", "LOG", "LOGGER", "Log", "Logger", "_logger", "klog",
        "Timber", "tracing", "glog",
    ];
    const PRINTS: &[&str] = &[
        "print",
        "println",
        "printf",
        "fprintf",
        "puts",
        "Println",
        "Printf",
        "println!",
        "eprintln!",
        "warn!",
        "error!",
        "info!",
        "debug!",
        "trace!",
        "cerr",
        "error_log",
        "printStackTrace",
        "perror",
        "Print",
        "WriteLine",
        "p",
        "pp",
        "syslog",
    ];
    let mut names = callee.split('.');
    names.any(|name| LOGS.contains(&name)) || PRINTS.contains(&last_name(callee))
}

pub(super) fn last_name(callee: &str) -> &str {
    callee.rsplit('.').next().unwrap_or(callee)
}

/// Whether a name is an action on a path: `get`, `GetMapping`, `HttpGet`, `HandleFunc`.
pub(super) fn is_verb(name: &str) -> bool {
    verb(name) != "ANY"
        || matches!(name, "route" | "Route" | "all" | "RequestMapping" | "Handle" | "HandleFunc" | "api_route")
}

fn verb(name: &str) -> &'static str {
    let name = name.trim_start_matches("Http").trim_end_matches("Mapping").to_ascii_lowercase();
    let verb = VERBS.iter().position(|verb| *verb == name);
    verb.map_or("ANY", |at| ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"][at])
}

/// A route: `GET /x`.
pub(super) fn route(name: &str, path: &str) -> String {
    format!("{} {path}", verb(name))
}

/// Names of functions that check an expectation of a test, or of code.
pub(super) fn is_assertion(callee: &str) -> bool {
    const ROOTS: &[&str] = &[
        "expect",
        "Assert",
        "assert",
        "require",
        "should",
        "verify",
        "CollectionAssert",
        "StringAssert",
        "assertThat",
    ];
    const PREFIXES: &[&str] =
        &["assert", "EXPECT_", "ASSERT_", "debug_assert", "refute", "must_", "wont_", "Assert", "CHECK", "REQUIRE"];
    let root = callee.split('.').next().unwrap_or(callee);
    let last = last_name(callee);
    let has_root = ROOTS.contains(&root) && (root != callee || !matches!(root, "require" | "verify" | "should"));
    has_root && (root != "require" || last.starts_with(char::is_uppercase))
        || PREFIXES.iter().any(|prefix| last.starts_with(prefix))
        || matches!(last, "should" | "Should" | "shouldBe" | "should_not" | "expectError" | "expectException")
}

/// Outside tests these are conditions for what follows.
pub(super) fn is_plain_assert(callee: &str) -> bool {
    matches!(callee, "expect" | "require" | "check" | "verify") || callee.starts_with("Preconditions.")
}
