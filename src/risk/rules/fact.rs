//! Rules over facts (`[[fact]]` in `assets/rules/`): what was added, removed or changed its value, whatever the layout
//! of the text. Each names its object and both values.

use super::pattern::{Compiling, Pattern};
use super::{About, Wording, globs, wording};
use crate::datafile::Table;
use crate::risk::facts::{Delta, Enclosing, Fact, Kind, Refusals, Value, covers, is_inverted};

/// The most characters of an object, value or text in a title.
const MAX_SAID: usize = 60;
/// The most characters of a key path in a title.
const MAX_OBJECT: usize = 36;

/// A rule over facts of some kinds.
#[derive(Debug, Clone)]
pub(in crate::risk) struct FactRule {
    pub wording: Wording,
    pub about: About,
    kinds: Vec<Kind>,
    when: Vec<When>,
    object: Option<Pattern>,
    not_object: Option<Pattern>,
    scope: Option<Pattern>,
    not_scope: Option<Pattern>,
    /// For the new value as it is shown; for the old one if the fact is gone.
    value: Option<Pattern>,
    /// For the old value, if there is one.
    old_value: Option<Pattern>,
    text: Option<Pattern>,
    not_text: Option<Pattern>,
    lost: Option<Pattern>,
    /// For the text without its string literals, except what is interpolated into them.
    code: Option<Pattern>,
    not_code: Option<Pattern>,
    not_value: Option<Pattern>,
    /// Objects that replace what is gone, besides those that the rule itself is about.
    successor: Option<Pattern>,
    /// Objects that protect while they are on: switching them on is safe.
    protects: Option<Pattern>,
    /// Objects that endanger while they are on: switching them off is safe.
    endangers: Option<Pattern>,
    /// Only a literal text: no expression, number or boolean.
    literal: bool,
    /// The value must not be shown.
    secret: bool,
    /// Says nothing if another rule that is at least as grave speaks of the same fact.
    pub yields: bool,
    /// What is gone counts for little if the names in what `text` matches are on lines that the file gained.
    pub is_restated: bool,
    pub examples: Vec<Example>,
}

/// Two sides of a file on which a rule must, or must not, fire.
#[derive(Debug, Clone)]
pub(in crate::risk) struct Example {
    pub path: String,
    pub old: String,
    pub new: String,
    pub fires: bool,
}

/// What a change must do to a fact.
#[derive(Debug, Clone, Copy, PartialEq)]
enum When {
    Came,
    /// And the key, call or definition that contained it is still there.
    Gone,
    /// And the resource, manifest or job that contained it is still there, and the file.
    GoneFromBlock,
    /// And the key that contained it is gone as well, in something that is still there: what it limited is not limited.
    GoneWithParent,
    /// Whatever contained it.
    GoneAtAll,
    /// Like `Came`, in something that existed before: a skip in an old test, a setting of an old resource.
    CameInto,
    Changed,
    /// In more than its numbers: another server, not another priority or version of the same, and no folder below it.
    ChangedInWords,
    /// A version of another series: its first or second number is another one.
    ChangedInSeries,
    /// A definition no longer takes, or gives, all that it did; what is added to it and optional breaks nobody.
    Broken,
    /// A definition asks for something that could be left out.
    Stricter,
    /// A condition is another one, rather than the same and more that must hold as well.
    Loosened,
    /// A definition no longer asks for something.
    Looser,
    /// A definition is of another type, by what it says before `required=`.
    Retyped,
    /// By at least this factor.
    Raised(f64),
    /// To at most one part in this many.
    Lowered(f64),
    /// There was a limit, and there is none now.
    Unbounded,
    Zero,
    /// From false, or unknown, to true.
    On,
    Off,
    /// An address range covers more than before, or a rule of a filter does.
    Widened,
    /// A rule of a filter covers less than before.
    Narrowed,
    /// A condition of the same names, inverted or with another bound.
    Inverted,
    /// Its text matched the pattern `lost`, and no longer does.
    Lost,
    /// A condition no longer refuses something that it refused; `lost` is a pattern for that.
    Weakened,
    /// The handling of the same error of the same act no longer says what `lost` matches.
    Dropped,
}

const KINDS: &[(&str, Kind)] = &[
    ("setting", Kind::Setting),
    ("call", Kind::Call),
    ("guard", Kind::Guard),
    ("handler", Kind::Handler),
    ("decorator", Kind::Decorator),
    ("loop", Kind::Loop),
    ("assertion", Kind::Assertion),
    ("test", Kind::Test),
    ("definition", Kind::Definition),
    ("command", Kind::Command),
    ("sql", Kind::Sql),
    ("filter", Kind::Filter),
    ("block", Kind::Block),
];

/// A kind in the spelling of rule files.
pub(super) fn name_of(kind: Kind) -> &'static str {
    KINDS.iter().find(|(_, own)| *own == kind).map_or("", |(name, _)| name)
}

impl When {
    fn parse(text: &str) -> Option<When> {
        let (word, factor) = text.split_once(' ').map_or((text, None), |(word, factor)| (word, factor.parse().ok()));
        Some(match (word, factor.filter(|factor| *factor >= 1.0)) {
            ("came", None) => When::Came,
            ("came-into", None) => When::CameInto,
            ("gone", None) => When::Gone,
            ("gone-from-block", None) => When::GoneFromBlock,
            ("gone-with-parent", None) => When::GoneWithParent,
            ("gone-at-all", None) => When::GoneAtAll,
            ("changed", None) => When::Changed,
            ("changed-in-words", None) => When::ChangedInWords,
            ("changed-in-series", None) => When::ChangedInSeries,
            ("broken", None) => When::Broken,
            ("stricter", None) => When::Stricter,
            ("loosened", None) => When::Loosened,
            ("looser", None) => When::Looser,
            ("retyped", None) => When::Retyped,
            ("raised", Some(factor)) => When::Raised(factor),
            ("lowered", Some(factor)) => When::Lowered(factor),
            ("unbounded", None) => When::Unbounded,
            ("zero", None) => When::Zero,
            ("on", None) => When::On,
            ("off", None) => When::Off,
            ("widened", None) => When::Widened,
            ("narrowed", None) => When::Narrowed,
            ("inverted", None) => When::Inverted,
            ("lost", None) => When::Lost,
            ("weakened", None) => When::Weakened,
            ("dropped", None) => When::Dropped,
            _ => return None,
        })
    }

    fn holds(self, delta: &Delta) -> bool {
        match (self, delta) {
            (When::Came | When::CameInto, Delta::Came(_)) => true,
            // What was off protected nothing.
            (_, Delta::Went { fact, .. }) if fact.value == Value::Bool(false) || is_blank(fact) => false,
            (When::GoneAtAll, Delta::Went { .. }) => true,
            (When::Gone, Delta::Went { with, .. }) => *with == Enclosing::Nothing,
            (When::GoneFromBlock, Delta::Went { with, .. }) => *with <= Enclosing::Parent,
            (When::GoneWithParent, Delta::Went { with, .. }) => *with == Enclosing::Parent,
            (_, Delta::Changed { old, new }) => self.holds_between(old, new),
            _ => false,
        }
    }

    fn holds_between(self, old: &Fact, new: &Fact) -> bool {
        let amounts = old.value.amounts(&new.value);
        let far = |is_far: &dyn Fn(f64, f64) -> bool| {
            amounts.is_some_and(|(old, new)| old > 0.0 && old.is_finite() && is_far(old, new))
        };
        match self {
            When::Changed | When::Lost => true,
            When::ChangedInWords => says_other_words(&old.value.say(), &new.value.say()),
            When::ChangedInSeries => is_other_series(&old.value.say(), &new.value.say()),
            When::Loosened => !is_narrowed(&old.value.say(), &new.value.say()),
            When::Looser => old.kind == Kind::Definition && asks_for_more(&new.text, &old.text),
            When::Stricter => old.kind == Kind::Definition && asks_for_more(&old.text, &new.text),
            When::Retyped => old.kind == Kind::Definition && type_in(&old.text) != type_in(&new.text),
            When::Broken => old.kind == Kind::Definition && !is_extended(&old.text, &new.text),
            When::Raised(factor) => far(&|old, new| new.is_finite() && new >= old * factor),
            When::Lowered(factor) => far(&|old, new| new > 0.0 && new <= old / factor),
            When::Unbounded => far(&|_, new| new.is_infinite()) || is_endless(old, new),
            When::Zero => far(&|_, new| new <= 0.0),
            When::On => new.value == Value::Bool(true) || (&old.value, &new.value) == (&NOUGHT, &ONE),
            // Without an old value, nothing was on.
            When::Off => {
                new.value == Value::Bool(false) && !says_nothing(&old.value)
                    || (&old.value, &new.value) == (&ONE, &NOUGHT)
            }
            When::Widened => is_wider(&old.value, &new.value),
            When::Narrowed => is_wider(&new.value, &old.value),
            When::Inverted => is_inverted(&old.object, &new.object) && consequence(old) == consequence(new),
            When::Weakened => no_longer_refused(old, new).is_some(),
            When::Dropped => is_of_one_act(old, new),
            _ => false,
        }
    }
}

/// Whether a setting said nothing: `acl_id = ""`.
fn is_blank(fact: &Fact) -> bool {
    fact.kind == Kind::Setting
        && matches!(&fact.value, Value::Text(text) if text.is_empty())
        && fact.text.ends_with("\"\"")
}

/// The numbers that flags of the environment are switched by.
const NOUGHT: Value = Value::Number(0.0);
const ONE: Value = Value::Number(1.0);

/// Whether a loop that counts up to a name has no bound any more.
fn is_endless(old: &Fact, new: &Fact) -> bool {
    let counts = |fact: &Fact| {
        let says = |signs: &[&str]| signs.iter().any(|sign| fact.object.contains(sign));
        let object = fact.object.to_ascii_lowercase();
        let is_try = ["max", "limit", "tries", "attempt", "retr", "times", "count"].iter().any(|w| object.contains(w));
        let is_for = fact.text.starts_with("for");
        says(&["..", "range", " until ", "seq "]) || says(&["<", ">"]) && (is_for || is_try)
    };
    old.kind == Kind::Loop && matches!(old.value, Value::Expression(_)) && counts(old) && new.value == Value::Unbounded
}

/// Whether two handlers are those of the same act: `if err := save(x); err != nil` says which, `if err != nil` does
/// not.
fn is_of_one_act(old: &Fact, new: &Fact) -> bool {
    let head = |fact: &Fact| match fact.text.split_once('{') {
        Some((head, _)) => head.trim().to_owned(),
        None => fact.text.split(": ").next().unwrap_or_default().trim().to_owned(),
    };
    let (before, after) = (head(old), head(new));
    let says_nothing = before.starts_with("if ") && !before.contains([':', ';', '(']);
    old.kind == Kind::Handler && old.scope == new.scope && before == after && !says_nothing
}

fn says_other_words(old: &str, new: &str) -> bool {
    let is_below = old.starts_with(['.', '/']) && new.strip_prefix(old).is_some_and(|rest| rest.starts_with('/'));
    words(old) != words(new) && (!is_below || new.contains(".."))
}

/// Whether a version differs in its first or second number.
fn is_other_series(old: &str, new: &str) -> bool {
    let series = |text: &str| {
        let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
        numbers.take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    let (old, new) = (series(old), series(new));
    !old.is_empty() && !new.is_empty() && old != new
}

/// What is between blanks and commas, without the numbers, and without a version that is pinned.
fn words(value: &str) -> Vec<&str> {
    let words = value.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    words.filter(|word| !word.bytes().all(|b| b.is_ascii_digit())).map(without_version).collect()
}

/// `tool` of `tool==1.2.3` and `tool@v1.2.3`.
fn without_version(word: &str) -> &str {
    let pinned = word.rsplit_once("==").or_else(|| word.rsplit_once('@'));
    match pinned {
        Some((name, version)) if !name.is_empty() && is_version(version) => name,
        _ => word,
    }
}

fn is_version(text: &str) -> bool {
    let digits = text.strip_prefix('v').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// What a definition says before its requirements.
fn type_in(text: &str) -> &str {
    let before = text.split_once("required=").map_or(text, |(before, _)| before);
    before.trim_end().trim_end_matches(" sent")
}

/// Whether a condition is the same as before, and another one must hold as well.
fn is_narrowed(old: &str, new: &str) -> bool {
    let rest = new.strip_prefix(old).or_else(|| new.strip_suffix(old)).unwrap_or_default().to_ascii_lowercase();
    let has = |word: &str| rest.split(|c: char| !c.is_alphanumeric()).any(|own| own == word);
    has("and") && !has("or") && !old.to_ascii_lowercase().contains(" or ")
}

/// Whether more is required than before, by what follows `required=`.
fn asks_for_more(old: &str, new: &str) -> bool {
    let required = |text: &str| {
        let list = text.split_once("required=").map_or("", |(_, list)| list).trim_matches(['[', ']']).to_owned();
        list.split(", ").filter(|name| !matches!(*name, "" | "false")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = required(old);
    required(new).iter().any(|name| !before.contains(name))
}

/// Whether a definition only gained what is optional: an argument with a default or one that may be left out, an option
/// of a field, more that is reserved.
fn is_extended(old: &str, new: &str) -> bool {
    let parts = |text: &str| {
        let parts = text.split([',', '(', ')', '[', ']', ';']).map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut kept = parts(old).into_iter().peekable();
    let is_reserved = old.starts_with("reserved") || old.starts_with("extensions");
    let is_typed = |part: &str| part.split_once(':').is_some_and(|(name, _)| !name.trim().is_empty());
    let is_optional = |part: &str| {
        is_reserved || part.starts_with('@') || part.contains('=') || is_typed(part) && !part.ends_with('!')
    };
    let all_optional = parts(new).iter().all(|part| kept.next_if(|own| own == part).is_some() || is_optional(part));
    all_optional && kept.peek().is_none()
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::None | Value::Unbounded => true,
        Value::Text(text) | Value::Expression(text) => {
            matches!(text.to_ascii_lowercase().as_str(), "null" | "none" | "nil" | "undefined" | "~")
        }
        _ => false,
    }
}

fn is_wider(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Network { prefix: old, is_v6, .. }, Value::Network { prefix: new, is_v6: v6, .. }) => {
            is_v6 == v6 && new < old
        }
        (Value::Match(old), Value::Match(new)) => covers(new, old) && !covers(old, new),
        _ => false,
    }
}

/// What a guard does if its condition holds: if that is inverted as well, nothing changes.
fn consequence(guard: &Fact) -> String {
    let rest = guard.text.replacen(&guard.object, "", 1);
    rest.split_whitespace().filter(|word| !matches!(*word, "if" | "unless")).collect::<Vec<_>>().join(" ")
}

/// What a guard refused before, and does not now.
fn no_longer_refused(old: &Fact, new: &Fact) -> Option<String> {
    let is_guard = old.kind == Kind::Guard && new.kind == Kind::Guard;
    is_guard.then(|| Refusals::of(old).lost_in(&Refusals::of(new)))?
}

/// Descriptions for people, and declarations of possible inputs: neither has an effect.
fn is_told_only(fact: &Fact) -> bool {
    let is_text =
        matches!(fact.name(), "description" | "summary" | "title" | "comment" | "displayName" | "help" | "message");
    let is_declared =
        fact.kind == Kind::Block && (fact.object.starts_with("variable.") || fact.object.starts_with("output."));
    is_declared || is_text && fact.kind == Kind::Setting
}

impl FactRule {
    /// Reads a rule.
    pub fn read(table: &Table<'_>, compiling: Compiling) -> Option<FactRule> {
        let kinds = table.strings("kind").into_iter().filter_map(|name| {
            let kind = KINDS.iter().find(|(own, _)| *own == name.value).map(|(_, kind)| *kind);
            if kind.is_none() {
                name.mistake(format!("`{}` is no kind of fact", name.value));
            }
            kind
        });
        let when = table.strings("when").into_iter().filter_map(|text| {
            let when = When::parse(&text.value);
            if when.is_none() {
                text.mistake(format!("`{}` is nothing that can happen to a fact", text.value));
            }
            when
        });
        let (kinds, when): (Vec<Kind>, Vec<When>) = (kinds.collect(), when.collect());
        if kinds.is_empty() || when.is_empty() {
            table.mistake("a rule over facts names its `kind` and `when` it fires");
        }
        let regex = |key| Pattern::read(table.string(key), compiling);
        let flag = |key| table.boolean(key).is_some_and(|flag| flag.value);
        // Read all before reporting a missing one: otherwise the others would be reported as unknown.
        let wording = wording(table);
        let rule = FactRule {
            wording: Wording::default(),
            about: About::read(table),
            kinds,
            when,
            object: regex("object"),
            not_object: regex("not_object"),
            scope: regex("scope"),
            not_scope: regex("not_scope"),
            value: regex("value"),
            old_value: regex("old_value"),
            text: regex("text"),
            not_text: regex("not_text"),
            lost: regex("lost"),
            code: regex("code"),
            not_code: regex("not_code"),
            not_value: regex("not_value"),
            successor: regex("successor"),
            protects: regex("protects"),
            endangers: regex("endangers"),
            literal: flag("literal"),
            secret: flag("secret"),
            yields: flag("yields"),
            is_restated: flag("restated"),
            examples: examples(table),
        };
        Some(FactRule { wording: wording?, ..rule })
    }

    /// Whether a fact is what the rule is about, whatever happened to it.
    pub fn looks_for(&self, fact: &Fact) -> bool {
        self.kinds.contains(&fact.kind) && self.is_about(fact)
    }

    /// Whether the rule is about something that must not be there, rather than about a change of it.
    pub fn is_of_presence(&self) -> bool {
        self.when.contains(&When::Came) && !self.wording.id.starts_with("secret.")
    }

    /// Whether the rule is about who may do something.
    pub fn is_of_access(&self) -> bool {
        self.wording.id == "auth.check-removed" || self.wording.id.starts_with("guard.")
    }

    /// Whether the rule is about which addresses reach something.
    pub fn is_of_network(&self) -> bool {
        self.wording.id == "net.any" || self.wording.id == "net.widened"
    }

    /// Whether the rule is only about additions to something that existed before.
    pub fn is_only_into(&self) -> bool {
        self.when.contains(&When::CameInto) && !self.when.contains(&When::Came)
    }

    /// What the rule looks for and a text no longer has.
    pub fn lost_from(&self, text: &str) -> Option<String> {
        self.lost.as_ref()?.find(text).map(|found| String::from_utf8_lossy(found).into_owned())
    }

    /// What of a text the rule is about.
    pub fn said_in(&self, text: &str) -> Option<String> {
        self.text.as_ref()?.find(text).map(|found| String::from_utf8_lossy(found).into_owned())
    }

    /// Whether a fact may replace one that the rule misses.
    pub fn is_succeeded_by(&self, fact: &Fact) -> bool {
        let is_named = || self.successor.as_ref().is_some_and(|object| object.is_match(fact.object.as_bytes()));
        let is_as_strong = || self.is_about(fact) && self.says_what_is_missed(fact);
        // A library does by a call, a declaration or an option what a condition did.
        let may_succeed = matches!(fact.kind, Kind::Call | Kind::Decorator | Kind::Setting);
        self.kinds.contains(&fact.kind) && is_as_strong() || may_succeed && is_named()
    }

    /// Whether a fact has the value that the rule misses, where it names one: `when: always` is no gate for
    /// `when: manual`.
    fn says_what_is_missed(&self, fact: &Fact) -> bool {
        match &self.old_value {
            Some(missed) => missed.is_match(fact.value.say().as_bytes()),
            None => true,
        }
    }

    fn is_about(&self, fact: &Fact) -> bool {
        !is_told_only(fact)
            && matches(&self.object, &fact.object)
            && matches(&self.scope, &fact.scope)
            && matches(&self.text, &fact.text)
            && !hits(&self.not_object, &fact.object)
            && !hits(&self.not_scope, &fact.scope)
            && !hits(&self.not_text, &fact.text)
            && self.is_about_code(&fact.text)
    }

    fn is_about_code(&self, text: &str) -> bool {
        if self.code.is_none() && self.not_code.is_none() {
            return true;
        }
        let code = without_literals(text);
        matches(&self.code, &code) && !hits(&self.not_code, &code)
    }

    pub fn fires(&self, delta: &Delta) -> bool {
        let fact = delta.fact();
        let was = |regex: &Pattern| match delta {
            Delta::Changed { old, .. } | Delta::Went { fact: old, .. } => regex.is_match(old.value.say().as_bytes()),
            Delta::Came(_) => false,
        };
        // Hundreds of rules are asked about each delta: what is searched or spelled out comes last.
        self.kinds.contains(&fact.kind)
            && self.when.iter().any(|when| when.holds(delta))
            && self.is_about(fact)
            && self.when.iter().any(|when| when.holds(delta) && self.is_news(*when, delta))
            && self.not_value.as_ref().is_none_or(|regex| !regex.is_match(fact.value.say().as_bytes()))
            && (!self.literal || matches!(fact.value, Value::Text(_)))
            && (self.value.is_none() || is_value(&self.value, &fact.value))
            && self.old_value.as_ref().is_none_or(was)
    }

    /// Whether the change caused it: what the patterns look for did not exist before, or does not exist now.
    fn is_news(&self, when: When, delta: &Delta) -> bool {
        let Delta::Changed { old, new } = delta else { return true };
        match when {
            When::Changed => {
                let is_text = hits(&self.text, &old.text) && !hits(&self.not_text, &old.text);
                let said_so = is_text && self.is_about_code(&old.text);
                let was_so = is_value(&self.value, &old.value) && !hits(&self.not_value, &old.value.say());
                !said_so && !was_so
            }
            When::Lost | When::Dropped => hits(&self.lost, &old.text) && !hits(&self.lost, &new.text),
            When::Weakened => no_longer_refused(old, new).is_some_and(|lost| matches(&self.lost, &lost)),
            When::On => !hits(&self.protects, &new.object),
            When::Off => !hits(&self.endangers, &new.object),
            _ => true,
        }
    }

    /// The title for this delta, with the object and both values.
    pub fn title(&self, delta: &Delta) -> String {
        let what = if self.secret { short(&delta.fact().object) } else { what(delta) };
        format!("{}: {what}", self.wording.title)
    }

    /// The value of a delta, if it must not be shown.
    pub fn secret_in(&self, delta: &Delta) -> Option<String> {
        Some(delta.fact().value.say()).filter(|value| self.secret && !value.is_empty())
    }
}

/// The text with its string literals emptied, except for what is interpolated into them: `"a ${b}"` is `"b"`.
fn without_literals(text: &str) -> String {
    let (mut out, mut quote, mut filled) = (String::new(), None, 0_u32);
    let mut before = ' ';
    for c in text.chars() {
        let is_escaped = before == '\\';
        match quote {
            None => {
                quote = Some(c).filter(|c| matches!(c, '"' | '\'' | '`'));
                out.push(c);
            }
            Some(end) if c == end && !is_escaped && filled == 0 => {
                quote = None;
                out.push(c);
            }
            Some(_) if c == '{' => filled += 1,
            Some(_) if c == '}' => filled = filled.saturating_sub(1),
            Some(_) if filled > 0 => out.push(c),
            Some(_) => {}
        }
        before = if is_escaped { ' ' } else { c };
    }
    out
}

/// Whether an optional pattern matches.
fn matches(regex: &Option<Pattern>, text: &str) -> bool {
    regex.as_ref().is_none_or(|regex| regex.is_match(text.as_bytes()))
}

/// Whether a pattern exists and matches.
fn hits(regex: &Option<Pattern>, text: &str) -> bool {
    regex.as_ref().is_some_and(|regex| regex.is_match(text.as_bytes()))
}

/// Whether a pattern exists and matches a value, or the last name of a dotted one: `AuthType.NONE` is `NONE`.
fn is_value(regex: &Option<Pattern>, value: &Value) -> bool {
    if regex.is_none() {
        return false;
    }
    let said = value.say();
    let is_dotted =
        |text: &str| text.contains(['.', ':']) && text.chars().all(|c| c.is_alphanumeric() || "_.:".contains(c));
    let last = said.rsplit(['.', ':']).next().filter(|last| {
        matches!(value, Value::Expression(_)) && is_dotted(&said) && last.starts_with(char::is_uppercase)
    });
    hits(regex, &said) || last.is_some_and(|last| hits(regex, last))
}

/// The object of a delta with its values: `retry.max_attempts 3 → 9000`.
fn what(delta: &Delta) -> String {
    let of = |fact: &Fact| if fact.kind == Kind::Setting { last_parts(&fact.object) } else { short(&fact.object) };
    // A path without items: its value says more than where it was.
    let is_elsewhere = |old: &Fact, new: &Fact| {
        old.object != new.object && old.name() == new.name() && !old.object.contains('[') && old.kind == Kind::Setting
    };
    match delta {
        Delta::Changed { old, new } if is_elsewhere(old, new) => {
            format!("{} {} → {}; it was {}", of(new), short(&old.value.say()), short(&new.value.say()), of(old))
        }
        Delta::Changed { old, new } if old.object != new.object => {
            format!("{} → {}", of(old), of(new))
        }
        Delta::Changed { old, new } if old.value == Value::None && new.value == Value::None => of(new),
        Delta::Changed { old, new } => {
            format!("{} {} → {}", of(new), short(&old.value.say()), short(&new.value.say()))
        }
        Delta::Came(fact) if matches!(fact.kind, Kind::Setting | Kind::Filter) => {
            format!("{} = {}", of(fact), short(&fact.value.say()))
        }
        Delta::Went { fact, .. } if matches!(fact.kind, Kind::Setting | Kind::Filter) => {
            format!("{} {} → gone", of(fact), short(&fact.value.say()))
        }
        Delta::Came(fact) | Delta::Went { fact, .. } => match fact.kind {
            Kind::Call | Kind::Command => short(&fact.text),
            _ => of(fact),
        },
    }
}

/// As many of the last parts of an object as are short enough: the file and the line give the rest.
fn last_parts(object: &str) -> String {
    let fits = |from: &usize| object[*from..].chars().count() <= MAX_OBJECT;
    let starts = object.match_indices('.').map(|(at, _)| at + 1);
    match std::iter::once(0).chain(starts).find(fits) {
        Some(0) => object.to_owned(),
        Some(from) => format!("…{}", &object[from..]),
        None => short(object),
    }
}

/// The text, shortened in the middle if it is long: both ends distinguish it from others.
fn short(text: &str) -> String {
    let count = text.chars().count();
    if count <= MAX_SAID {
        return text.to_owned();
    }
    let half = MAX_SAID / 2;
    let (head, tail) = (text.chars().take(half), text.chars().skip(count - half + 1));
    head.chain(['…']).chain(tail).collect()
}

fn examples(table: &Table<'_>) -> Vec<Example> {
    let of = |key: &str, fires: bool| {
        let example = move |table: &Table<'_>| {
            let text = |key| table.string(key).map_or_else(String::new, |text| text.value);
            let (path, old, new) = (table.need_string("path"), text("old"), text("new"));
            Some(Example { path: path?.value, old, new, fires })
        };
        table.tables(key).iter().filter_map(example).collect::<Vec<_>>()
    };
    let (mut all, misses) = (of("hits", true), of("misses", false));
    if all.is_empty() || misses.is_empty() {
        table.mistake("a rule has at least one example that it fires on (`hits`) and one that it does not (`misses`)");
    }
    all.extend(misses);
    all
}

impl About {
    pub(super) fn read(table: &Table<'_>) -> About {
        let paths = table.strings("paths");
        About {
            paths: if paths.is_empty() { None } else { Some(globs(&paths)) },
            not_paths: globs(&table.strings("not_paths")),
            in_tests: table.boolean("in_tests").is_some_and(|flag| flag.value),
            code: table.boolean("code_files").map(|flag| flag.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_path_the_last_parts_are_said() {
        let long = "resource.ce_environment.main.lifecycle.prevent_destroy";
        assert_eq!(last_parts(long), "…main.lifecycle.prevent_destroy");
        assert_eq!(last_parts("retry.max_attempts"), "retry.max_attempts");
        assert_eq!(last_parts(&"x".repeat(200)), short(&"x".repeat(200)));
        assert_eq!(last_parts(&format!("a.{}", "é".repeat(100))), short(&format!("a.{}", "é".repeat(100))));
    }

    #[test]
    fn what_a_definition_gains_breaks_it_only_if_callers_must_give_it() {
        let rows = [
            ("close(id: ID!): Boolean!", "close(id: ID!, dry: Boolean = false): Boolean!", true),
            ("close(id: ID!): Boolean!", "close(id: ID!, dry: Boolean): Boolean!", true),
            ("close(id: ID!): Boolean!", "close(id: ID!, dry: Boolean!): Boolean!", false),
            ("close(id: ID!, dry: Boolean): Boolean!", "close(id: ID!): Boolean!", false),
            ("close(id: ID!): Boolean!", "close(id: ID!): Boolean", false),
            ("reserved 4", "reserved 4, 10 to 12", true),
            ("reserved 4, 5", "reserved 4", false),
            ("int64 total = 2", "int64 total = 2[deprecated = true]", true),
            ("int64 total = 2", "string total = 2", false),
            ("rpc Get(A)returns(B)", "rpc Get(A)returns(stream B)", false),
            ("", "", true),
        ];
        rows.iter().for_each(|(old, new, is)| assert_eq!(is_extended(old, new), *is, "{old} → {new}"));
    }

    #[test]
    fn a_version_or_a_folder_below_is_no_other_word() {
        let rows = [
            ("tool==1.2.3", "tool==1.3.0", false),
            ("@scope/tool@1.2.3", "@scope/tool@2.0.0", false),
            ("tool==1.2.3", "other==1.2.3", true),
            ("@scope/tool", "@other/tool", true),
            ("./docs", "./docs/public", false),
            ("./docs", "./docs/../..", true),
            ("./docs/public", "./docs", true),
            ("10 mx.example.com.", "20 mx.example.com.", false),
        ];
        rows.iter().for_each(|(old, new, is)| assert_eq!(says_other_words(old, new), *is, "{old} → {new}"));
    }

    #[test]
    fn a_patch_is_of_the_same_series() {
        let rows = [("v1.31.4", "v1.32.0", true), ("1.31", "1.32", true), ("v1.31.4", "v1.31.9", false)];
        rows.iter().for_each(|(old, new, is)| assert_eq!(is_other_series(old, new), *is, "{old} → {new}"));
        assert!(!is_other_series("stable", "latest"));
    }

    #[test]
    fn of_literals_only_what_is_filled_in_is_code() {
        let rows = [
            ("f(\"the password\", password)", "f(\"\", password)"),
            ("f(`key ${key} \\` x`, 1)", "f(`key`, 1)"),
            ("f(\"never closed", "f(\""),
        ];
        rows.iter().for_each(|(text, code)| assert_eq!(without_literals(text), *code));
    }
}
