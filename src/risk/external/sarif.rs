//! SARIF 2.1.0, as tools write it: nearly everything may be omitted, and what a result does not say is taken from its
//! rule. Results are decoded one at a time, so that an invalid one does not affect the rest.

use std::collections::HashMap;

use serde_json::Value;

use super::json::{self, Object, Raw};
use super::paths::Bases;
use super::{
    Diagnostic, MAX_MESSAGE, MAX_NAME, MAX_RESULTS, MAX_RUNS, Region, Report, ReportedPath, Run, Severity, State, Unit,
};
use super::{by_score, by_word, cut, name, redact};

/// The most rules of one tool.
const MAX_RULES: usize = 20_000;
/// The most parts of one tool.
const MAX_EXTENSIONS: usize = 200;
/// The most files that one run lists.
const MAX_ARTIFACTS: usize = 200_000;
/// The most places of one result.
const MAX_LOCATIONS: usize = 20;
/// The most bytes of the description of a rule.
const MAX_DESCRIPTION: usize = 400;
/// The data of a run that is kept.
const MAX_NOTIFICATIONS: usize = 200;

/// A log, by its members.
pub fn read(root: &Object<'_>) -> Report {
    let mut report = Report::default();
    let version = root.value("version");
    let version = version.as_str().unwrap_or("without a version");
    if version != "2.1.0" {
        let version = cut(version, MAX_NAME);
        report.remarks.push(format!("This is SARIF {version}; only what it has in common with 2.1.0 was read."));
    }
    let runs = root.list("runs", MAX_RUNS);
    if runs.more > 0 {
        report.remarks.push(format!("It has {} more runs than the {MAX_RUNS} that are read.", runs.more));
    }
    if runs.items.is_empty() {
        report.remarks.push("It holds no run of a tool.".to_owned());
    }
    let mut left = MAX_RESULTS;
    for raw in runs.items {
        let run = read_run(&Object::of(raw), &mut left);
        report.runs.push(run);
    }
    report
}

/// What results of a run refer to.
struct Context {
    /// The driver, then its extensions.
    components: Vec<Component>,
    bases: Bases,
    artifacts: Vec<Artifact>,
    unit: Unit,
}

/// A file that a run lists.
struct Artifact {
    path: Option<ReportedPath>,
    /// Whether the tool was asked to analyse it.
    is_target: bool,
}

/// A tool, or a part of one, by its rules.
#[derive(Default)]
struct Component {
    name: String,
    version: String,
    rules: Vec<Rule>,
    by_id: HashMap<String, usize>,
    messages: HashMap<String, String>,
}

#[derive(Default)]
struct Rule {
    id: String,
    description: String,
    level: Option<String>,
    rank: Option<f64>,
    score: Option<f64>,
    is_about_secret: bool,
    messages: HashMap<String, String>,
}

fn read_run(run: &Object<'_>, left: &mut usize) -> Run {
    let tool = run.object("tool");
    let mut components = vec![component(&tool.object("driver"))];
    let extensions = tool.list("extensions", MAX_EXTENSIONS);
    components.extend(extensions.items.into_iter().map(|raw| component(&Object::of(raw))));
    let bases = Bases::of(&run.object("originalUriBaseIds"));
    let artifacts = run.list("artifacts", MAX_ARTIFACTS).items;
    let context = Context {
        components,
        artifacts: artifacts.into_iter().map(|raw| artifact(&Object::of(raw), &bases)).collect(),
        bases,
        unit: unit(run.text("columnKind").as_deref()),
    };
    let driver = &context.components[0];
    let mut read = Run {
        tool: if driver.name.is_empty() { "a tool without a name".to_owned() } else { driver.name.clone() },
        version: driver.version.clone(),
        revision: revision(run),
        targets: context.targets(),
        ..Run::default()
    };
    context.read_invocations(run, &mut read);
    let results = run.list("results", *left);
    *left -= results.items.len();
    read.more = results.more;
    for raw in results.items {
        match json::value(raw).filter(Value::is_object) {
            Some(result) => context.read_result(&result, &mut read),
            None => read.unreadable += 1,
        }
    }
    read
}

fn artifact(listed: &Object<'_>, bases: &Bases) -> Artifact {
    let (location, roles) = (listed.value("location"), listed.value("roles"));
    Artifact {
        path: location["uri"].as_str().and_then(|uri| bases.path(uri, location["uriBaseId"].as_str())),
        is_target: roles.as_array().is_some_and(|roles| roles.iter().any(|role| role == "analysisTarget")),
    }
}

fn unit(kind: Option<&str>) -> Unit {
    if kind == Some("unicodeCodePoints") { Unit::Characters } else { Unit::Utf16 }
}

/// The commit that a run examined, if all that it names are the same.
fn revision(run: &Object<'_>) -> String {
    let provenance = run.list("versionControlProvenance", 16);
    let values = provenance.items.iter().filter_map(|raw| json::value(raw));
    let mut ids: Vec<String> = values.map(|value| name(json::text(&value, "/revisionId"))).collect();
    ids.retain(|id| !id.is_empty());
    ids.dedup();
    if let [id] = &mut ids[..] { std::mem::take(id) } else { String::new() }
}

fn component(object: &Object<'_>) -> Component {
    let version = ["semanticVersion", "version"].iter().find_map(|member| object.text(member));
    let rules: Vec<Rule> = object.list("rules", MAX_RULES).items.into_iter().map(rule).collect();
    let by_id = rules.iter().enumerate().rev().map(|(index, rule)| (rule.id.clone(), index)).collect();
    Component {
        name: name(&object.text("name").unwrap_or_default()),
        version: name(&version.unwrap_or_default()),
        by_id,
        rules,
        messages: messages(object.object("globalMessageStrings").members()),
    }
}

fn messages<'a>(members: impl Iterator<Item = (&'a String, Raw<'a>)>) -> HashMap<String, String> {
    let text = |raw| Some(cut(json::text(&json::value(raw)?, "/text"), MAX_MESSAGE));
    members.filter_map(|(id, raw)| Some((id.clone(), text(raw)?))).collect()
}

/// An unreadable one keeps its index, since results refer to it by number.
fn rule(raw: Raw<'_>) -> Rule {
    let object = Object::of(raw);
    let strings = object.object("messageStrings");
    let configuration = object.value("defaultConfiguration");
    let properties = object.value("properties");
    let described = ["shortDescription", "fullDescription"].map(|member| object.value(member));
    let described = described.iter().map(|value| paragraph(json::text(value, "/text")));
    let id = name(&object.text("id").unwrap_or_default());
    let words = format!("{id} {} {}", object.text("name").unwrap_or_default(), properties["tags"]);
    Rule {
        description: described.into_iter().find(|text| !text.is_empty()).unwrap_or_default(),
        level: configuration["level"].as_str().map(str::to_owned),
        rank: rank(&configuration["rank"]),
        score: json::decimal(&properties["security-severity"]),
        is_about_secret: redact::speaks_of_secrets(&words),
        messages: messages(strings.members()),
        id,
    }
}

/// The first paragraph of a text that is not a heading: some tools put a whole manual there.
fn paragraph(text: &str) -> String {
    let lines = text.lines().map(str::trim).skip_while(|line| line.is_empty() || line.starts_with('#'));
    let first: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    cut(&first.join(" "), MAX_DESCRIPTION)
}

/// −1 says that there is none.
fn rank(value: &Value) -> Option<f64> {
    json::decimal(value).filter(|rank| *rank >= 0.0)
}

impl Context {
    fn read_result(&self, result: &Value, run: &mut Run) {
        let kind = result["kind"].as_str().unwrap_or("fail");
        if matches!(kind, "pass" | "notApplicable") {
            run.passed += 1;
            return;
        }
        let (component, rule) = self.rule_of(result);
        let of_result = ["/ruleId", "/rule/id"].map(|pointer| name(json::text(result, pointer)));
        let of_rule = rule.map(|rule| rule.id.clone()).unwrap_or_default();
        let id = of_result.into_iter().chain([of_rule]).find(|id| !id.is_empty());
        let message = self.message(&result["message"], component, rule);
        let is_about_secret = rule.is_some_and(|rule| rule.is_about_secret)
            || redact::speaks_of_secrets(&format!("{} {} {message}", run.tool, id.as_deref().unwrap_or_default()));
        let found = Diagnostic {
            rule: id.unwrap_or_else(|| "no-rule".to_owned()),
            severity: severity(result, kind, rule),
            message,
            description: rule.map(|rule| rule.description.clone()).unwrap_or_default(),
            state: state(result),
            is_about_secret,
            ..Diagnostic::default()
        };
        let places = result["locations"].as_array().map_or(&[][..], Vec::as_slice);
        if places.is_empty() {
            run.diagnostics.push(Diagnostic { path: self.artifact(&result["analysisTarget"]), ..found });
            return;
        }
        run.more += places.len().saturating_sub(MAX_LOCATIONS);
        for place in places.iter().take(MAX_LOCATIONS) {
            let place = &place["physicalLocation"];
            let snippet = cut(json::text(place, "/region/snippet/text"), MAX_MESSAGE);
            let path = self.artifact(&place["artifactLocation"]);
            let region = region(&place["region"], self.unit);
            run.diagnostics.push(Diagnostic { path, region, snippet, ..found.clone() });
        }
    }

    /// The rule of a result, and the part of the tool that has it.
    fn rule_of(&self, result: &Value) -> (&Component, Option<&Rule>) {
        let component = self.component(&result["rule"]["toolComponent"]);
        let by_index = [&result["rule"]["index"], &result["ruleIndex"]]
            .into_iter()
            .find_map(|index| component.rules.get(usize::try_from(index.as_u64()?).ok()?));
        if by_index.is_some() {
            return (component, by_index);
        }
        let id = ["/rule/id", "/ruleId"].map(|pointer| json::text(result, pointer));
        let id = id.into_iter().find(|id| !id.is_empty()).unwrap_or_default();
        let all = std::iter::once(component).chain(&self.components);
        // A rule's id may extend the described one: `CA1000/1`.
        let mut named = all.filter_map(|component| {
            let parents = std::iter::successors(Some(id), |id| id.rsplit_once('/').map(|(parent, _)| parent));
            let index = parents.take(4).find_map(|id| component.by_id.get(id))?;
            Some((component, component.rules.get(*index)))
        });
        named.next().unwrap_or((component, None))
    }

    fn component(&self, reference: &Value) -> &Component {
        let by_index = reference["index"].as_u64().and_then(|index| usize::try_from(index).ok());
        let by_index = by_index.and_then(|index| self.components.get(index.checked_add(1)?));
        let by_name = || {
            let name = reference["name"].as_str()?;
            self.components.iter().find(|component| component.name == name)
        };
        by_index.or_else(by_name).unwrap_or(&self.components[0])
    }

    fn message(&self, message: &Value, component: &Component, rule: Option<&Rule>) -> String {
        let by_id = || {
            let id = message["id"].as_str()?;
            let driver = &self.components[0];
            let of_rule = rule.and_then(|rule| rule.messages.get(id));
            of_rule.or_else(|| component.messages.get(id)).or_else(|| driver.messages.get(id)).map(String::as_str)
        };
        let own = ["text", "markdown"].iter().find_map(|member| message[*member].as_str());
        let template = own.or_else(by_id).or_else(|| message["id"].as_str()).unwrap_or_default();
        let arguments = message["arguments"].as_array().map_or(&[][..], Vec::as_slice);
        cut(&unlinked(&filled(template, arguments)), MAX_MESSAGE)
    }

    /// The file of a place: by its URI, or by its number in the list of files.
    fn artifact(&self, place: &Value) -> Option<ReportedPath> {
        let own = place["uri"].as_str().filter(|uri| !uri.is_empty());
        if let Some(uri) = own {
            return self.bases.path(uri, place["uriBaseId"].as_str());
        }
        let index = usize::try_from(place["index"].as_u64()?).ok()?;
        self.artifacts.get(index)?.path.clone()
    }

    /// The files that it was asked to look at, where it lists them as such.
    fn targets(&self) -> Vec<ReportedPath> {
        self.artifacts.iter().filter(|listed| listed.is_target).filter_map(|listed| listed.path.clone()).collect()
    }

    /// Whether it finished, and what it did not read.
    fn read_invocations(&self, run: &Object<'_>, read: &mut Run) {
        for raw in run.list("invocations", 16).items {
            let invocation = Object::of(raw);
            if invocation.value("executionSuccessful") == Value::Bool(false) {
                let why = ["exitCodeDescription", "exitSignalName"].iter().find_map(|member| invocation.text(member));
                let code = invocation.value("exitCode").as_i64().map(|code| format!("exit code {code}"));
                let why = why.or(code).map(|why| format!(" ({})", cut(&why, MAX_NAME))).unwrap_or_default();
                read.failures.push(format!("It says that its run failed{why}."));
            }
            for list in ["toolExecutionNotifications", "toolConfigurationNotifications"] {
                for raw in invocation.list(list, MAX_NOTIFICATIONS).items {
                    json::value(raw).iter().for_each(|said| self.read_notification(said, read));
                }
            }
        }
    }

    /// A tool's notifications of its own problems: at a file, that it was not read; otherwise that the run is
    /// incomplete.
    fn read_notification(&self, said: &Value, read: &mut Run) {
        let level = said["level"].as_str().unwrap_or("warning");
        if !matches!(level, "error" | "warning") {
            return;
        }
        let what = cut(&self.message(&said["message"], &self.components[0], None), MAX_NAME);
        let places = said["locations"].as_array().map_or(&[][..], Vec::as_slice);
        let paths = places.iter().filter_map(|place| self.artifact(&place["physicalLocation"]["artifactLocation"]));
        let before = read.skipped.len();
        read.skipped.extend(paths.map(|path| (path, what.clone())));
        if read.skipped.len() == before && level == "error" {
            read.failures.push(format!("It says of itself: {what}"));
        }
    }
}

fn severity(result: &Value, kind: &str, rule: Option<&Rule>) -> Severity {
    let score = json::decimal(&result["properties"]["security-severity"]);
    if let Some(score) = score.or(rule.and_then(|rule| rule.score)) {
        return by_score(score);
    }
    let level = result["level"].as_str();
    let level = level.or_else(|| (kind != "fail").then_some("none"));
    if let Some(level) = level.or_else(|| rule.and_then(|rule| rule.level.as_deref())) {
        return by_word(level);
    }
    let rank = rank(&result["rank"]).or_else(|| rule.and_then(|rule| rule.rank));
    rank.map_or(Severity::Medium, |rank| by_score(rank / 10.0))
}

fn state(result: &Value) -> State {
    let given = result["suppressions"].as_array().map_or(&[][..], Vec::as_slice);
    let counts = |one: &&Value| matches!(one["status"].as_str(), None | Some("accepted"));
    if let Some(one) = given.iter().find(counts) {
        let in_source = one["kind"].as_str() == Some("inSource");
        return State::Suppressed { in_source, why: cut(json::text(one, "/justification"), MAX_NAME) };
    }
    match result["baselineState"].as_str() {
        Some("unchanged") => State::Unchanged,
        Some("absent") => State::Absent,
        _ => State::Active,
    }
}

fn region(region: &Value, unit: Unit) -> Region {
    let line = json::number(&region["startLine"]);
    let offset = |offset: &str, length: &str| Some((region[offset].as_u64()?, region[length].as_u64().unwrap_or(0)));
    let by_bytes = || offset("byteOffset", "byteLength").map(|offset| (Unit::Bytes, offset));
    let counted = offset("charOffset", "charLength").map(|offset| (unit, offset)).or_else(by_bytes);
    let (unit, offset) = match counted.filter(|_| line == 0) {
        Some((unit, offset)) => (unit, Some(offset)),
        None => (unit, None),
    };
    Region {
        line,
        end_line: json::number(&region["endLine"]).max(line),
        column: json::number(&region["startColumn"]),
        end_column: json::number(&region["endColumn"]),
        unit,
        offset,
    }
}

/// `{0}` is the first argument; doubled braces are braces.
fn filled(template: &str, arguments: &[Value]) -> String {
    let template = cut(template, MAX_MESSAGE);
    let (mut out, mut rest) = (String::with_capacity(template.len()), &template[..]);
    while let Some(at) = rest.find(['{', '}']).filter(|_| out.len() <= MAX_MESSAGE) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let number = rest.find('}').and_then(|end| Some((rest.get(1..end)?.parse::<usize>().ok()?, end)));
        let doubled = ["{{", "}}"].iter().find(|pair| rest.starts_with(**pair));
        let step = match (doubled, number.and_then(|(number, end)| Some((arguments.get(number)?, end)))) {
            (Some(pair), _) => {
                out.push_str(&pair[..1]);
                2
            }
            (None, Some((argument, end))) => {
                let text = argument.as_str().map_or_else(|| argument.to_string(), str::to_owned);
                out.push_str(&cut(&text, MAX_MESSAGE));
                end + 1
            }
            (None, None) => {
                out.push_str(&rest[..1]);
                1
            }
        };
        rest = &rest[step..];
    }
    out.push_str(rest);
    out
}

/// `[text](1)` links to a place that is not shown here: only the text is kept.
fn unlinked(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(middle) = rest.find("](") {
        let (before, after) = (&rest[..middle], &rest[middle + 2..]);
        let start = before.rfind('[');
        let end = after.find(')').filter(|&end| end > 0 && after[..end].bytes().all(|byte| byte.is_ascii_digit()));
        match (start, end) {
            (Some(start), Some(end)) => {
                out.push_str(&before[..start]);
                out.push_str(&before[start + 1..]);
                rest = &after[end + 1..];
            }
            _ => {
                out.push_str(&rest[..middle + 2]);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_filled_in_and_links_are_their_text() {
        let arguments = [Value::from("a"), Value::from(3)];
        assert_eq!(filled("{0} {1} {2} {{0}} {", &arguments), "a 3 {2} {0} {");
        assert_eq!(unlinked("see [here](1), a[0](x) and [there](22)"), "see here, a[0](x) and there");
        assert_eq!(unlinked("](1) [x](1"), "](1) [x](1");
    }
}
