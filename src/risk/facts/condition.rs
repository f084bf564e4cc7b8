//! Conditions of guards: whether two differ only in negations, and whether one refuses less than another.

use super::Fact;

/// Whether two conditions differ only in negations and comparisons, which invert them or move their bound. A negation
/// that is only written differently inverts nothing: `!(a == b)` is `a != b`.
pub(in crate::risk) fn is_inverted(old: &str, new: &str) -> bool {
    let (old, new) = (Condition::of(old), Condition::of(new));
    old.rest == new.rest && (old.is_negated != new.is_negated || old.bounds != new.bounds)
}

/// A condition without its negations, which are counted, and its comparisons, which are listed.
#[derive(Default)]
struct Condition {
    rest: String,
    bounds: Vec<String>,
    is_negated: bool,
}

impl Condition {
    fn of(text: &str) -> Condition {
        let mut condition = Condition::default();
        for token in tokens(text) {
            match token {
                "!" | "not" | "unless" => condition.is_negated ^= true,
                // `x == false` is `!x`; the comparison is kept, so that this is not an inversion of it.
                "!=" | "!==" | "<>" | "==" | "===" | "is" | "=~" | "!~" => {
                    condition.is_negated ^= token.starts_with('!') || token == "<>";
                    condition.rest.push('=');
                }
                "<" | "<=" | ">" | ">=" => {
                    condition.rest.push('<');
                    condition.bounds.push(token.to_owned());
                }
                "(" | ")" => {}
                _ => {
                    condition.rest.push(' ');
                    condition.rest.push_str(token);
                }
            }
        }
        condition
    }
}

/// The names and operators of an expression, without blanks.
fn tokens(text: &str) -> Vec<&str> {
    let is_of_name = |c: char| c.is_alphanumeric() || c == '_';
    let is_sign = |c: char| matches!(c, '=' | '<' | '>' | '~' | '&' | '|' | '?' | '-');
    let (mut found, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let run = |fits: &dyn Fn(char) -> bool| rest.find(|c| !fits(c)).unwrap_or(rest.len());
        let end = match first {
            // Before a name or a bracket it is a separate operator: `!!x`, `!(x)`.
            '!' => 1 + rest[1..].find(|c| !matches!(c, '=' | '~')).unwrap_or(rest.len() - 1),
            _ if is_of_name(first) => run(&is_of_name),
            _ if is_sign(first) => run(&is_sign),
            _ => first.len_utf8(),
        };
        found.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    found
}

/// What a guard refuses: any one of these is enough.
pub(in crate::risk) struct Refusals(Vec<String>);

impl Refusals {
    /// `a || b` of an `if` that leaves; `!a`, `!b` of what goes on only if `a && b`.
    pub fn of(guard: &Fact) -> Refusals {
        let mut condition = guard.object.trim();
        let mut is_negated = goes_on(guard);
        for _ in 0..MAX_NESTED {
            let rest = condition.strip_prefix("unless ").or_else(|| condition.strip_prefix("not ")).map(str::trim);
            let negated = condition.strip_prefix('!').map(str::trim).filter(|rest| unbracketed(rest).is_some());
            let whole = |rest: &&str| parts(rest, OR).len() == 1 && parts(rest, AND).len() == 1;
            let is_unless = condition.starts_with("unless ");
            match (rest.filter(|rest| is_unless || whole(rest)).or(negated), unbracketed(condition)) {
                (Some(rest), _) => (condition, is_negated) = (rest, !is_negated),
                (None, Some(inner)) => condition = inner,
                (None, None) => break,
            }
        }
        let ors = parts(condition, OR);
        let all = match is_negated {
            false => ors,
            true if ors.len() > 1 => vec![condition],
            true => parts(condition, AND),
        };
        Refusals(all.into_iter().map(|part| normal(part, is_negated)).collect())
    }

    /// What `self` refuses and `new` no longer does, where all that `new` refuses was refused before; nothing if it
    /// only no longer asks whether something is there, which fails by itself.
    pub fn lost_in(&self, new: &Refusals) -> Option<String> {
        let is_news = |part: &&String| !self.0.contains(part);
        if !self.never() && new.never() {
            return Some(self.0.join(" || "));
        }
        let lost: Vec<&String> = self.0.iter().filter(|part| !new.0.contains(part)).collect();
        match (lost.as_slice(), new.0.iter().filter(is_news).collect::<Vec<_>>().as_slice()) {
            ([], _) => None,
            (lost, []) => {
                let said: Vec<&str> =
                    lost.iter().map(|part| part.as_str()).filter(|part| !is_of_nothing(part)).collect();
                (!said.is_empty() && !new.0.is_empty()).then(|| said.join(" || "))
            }
            ([old], [new]) => Bound::of(old)?.is_narrower_in(&Bound::of(new)?).then(|| (*old).clone()),
            _ => None,
        }
    }

    /// Whether they are all that `old` refused and `new` does not.
    pub fn refuse_what(&self, old: &Refusals, new: &Refusals) -> bool {
        old.0.iter().filter(|part| !new.0.contains(part)).all(|part| self.0.contains(part))
    }

    /// Whether it refuses nothing, whatever happens.
    fn never(&self) -> bool {
        self.0.iter().all(|part| {
            let of_all = parts(part, AND);
            of_all.iter().any(|part| {
                let part = tokens(part).join(" ").to_ascii_lowercase();
                matches!(
                    part.as_str(),
                    "false" | "0" | "! true" | "not true" | "!true" | "1 == 0" | "0 == 1" | "1 == 2"
                )
            })
        })
    }
}

const MAX_NESTED: usize = 8;
const OR: &[&str] = &["||", " or ", " OR "];
const AND: &[&str] = &["&&", " and ", " AND "];

/// Whether what follows a guard happens only if its condition holds: an assertion, a `guard` of Swift, a function whose
/// whole body is an `if`.
fn goes_on(guard: &Fact) -> bool {
    let head = guard.text.split(['(', ' ']).next().unwrap_or_default();
    let head = head.rsplit(['.', ':']).next().unwrap_or(head).trim_end_matches('!').to_ascii_lowercase();
    let demands = ["ensure", "require", "assert", "check", "precondition", "guard", "expects", "invariant"];
    guard.text == "if" || demands.iter().any(|word| head.starts_with(word)) || guard.text.starts_with("Preconditions.")
}

/// The text in a pair of brackets around all of it.
fn unbracketed(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    let mut depth = 0_i32;
    let closes_early = inner.chars().any(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth < 0
    });
    (!closes_early).then(|| inner.trim())
}

/// The operands of an operator outside of brackets and literals.
fn parts<'t>(text: &'t str, signs: &[&str]) -> Vec<&'t str> {
    let (mut found, mut from, mut depth, mut quote) = (Vec::new(), 0, 0_i32, None);
    let mut skipped = 0;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(end), _) => quote = Some(end).filter(|end| *end != c),
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, _) if depth == 0 && at >= skipped => {
                if let Some(sign) = signs.iter().find(|sign| text[at..].starts_with(**sign)) {
                    found.push(text[from..at].trim());
                    (from, skipped) = (at + sign.len(), at + sign.len());
                }
            }
            _ => {}
        }
    }
    found.push(text.get(from..).unwrap_or_default().trim());
    found.retain(|part| !part.is_empty());
    found
}

/// One spelling of an operand: without brackets around it, and `is None` as `== null`.
fn normal(part: &str, is_negated: bool) -> String {
    let mut part = part.trim();
    for _ in 0..MAX_NESTED {
        part = unbracketed(part).unwrap_or(part);
    }
    let words = tokens(part).into_iter().map(|token| match token {
        "is" | "===" => "==",
        "!==" | "<>" => "!=",
        "None" | "nil" | "NULL" | "nullptr" | "undefined" => "null",
        token => token,
    });
    let said = words.collect::<Vec<_>>().join(" ").replace("== not ", "!= ");
    if !is_negated {
        return said;
    }
    match said.strip_prefix("! ").or_else(|| said.strip_prefix("not ")) {
        Some(rest) => rest.to_owned(),
        None => format!("! {said}"),
    }
}

/// Whether an operand only asks whether there is something, or whether an error happened.
fn is_of_nothing(part: &str) -> bool {
    let is_name = |word: &&str| word.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '?' | '-' | '>'));
    let words: Vec<&str> = part.split(' ').collect();
    let asks = matches!(words.as_slice(), [.., "==" | "!=", "null"]);
    let is_error = words.iter().any(|word| {
        let word = word.to_ascii_lowercase();
        matches!(word.as_str(), "err" | "error" | "debug" | "verbose" | "e")
    });
    asks && words[..words.len() - 2].iter().all(is_name) || is_error
}

/// A comparison of two sums: `a + b > c`.
struct Bound {
    /// The terms of the side that must be the larger one for a refusal, and those of the other one.
    larger: Vec<String>,
    smaller: Vec<String>,
    sign: &'static str,
}

impl Bound {
    fn of(part: &str) -> Option<Bound> {
        const SIGNS: &[(&str, &str, bool)] =
            &[(" >= ", ">=", false), (" > ", ">", false), (" <= ", ">=", true), (" < ", ">", true)];
        let (sign, name, is_turned) = SIGNS.iter().find(|(sign, ..)| part.contains(sign))?;
        let (left, right) = part.split_once(sign)?;
        let is_simple = |side: &str| !side.contains(['<', '>', '&', '|', '?', '!']);
        if !is_simple(left) || !is_simple(right) {
            return None;
        }
        let (left, right) = (terms(left)?, terms(right)?);
        let (larger, smaller) = if *is_turned { (right, left) } else { (left, right) };
        Some(Bound { larger, smaller, sign: name })
    }

    /// Whether the larger side lost a term, or the smaller one a subtracted one.
    fn is_narrower_in(&self, new: &Bound) -> bool {
        let lost = |old: &[String], new: &[String], minus: bool| {
            let gone: Vec<&String> = old.iter().filter(|term| !new.contains(term)).collect();
            let is_part = new.iter().all(|term| old.contains(term)) && !new.is_empty();
            is_part.then(|| !gone.is_empty() && gone.iter().all(|term| term.starts_with('-') == minus))
        };
        let (larger, smaller) = (lost(&self.larger, &new.larger, false), lost(&self.smaller, &new.smaller, true));
        let is_same = |old: &[String], new: &[String]| old == new;
        self.sign == new.sign
            && (larger == Some(true) && is_same(&self.smaller, &new.smaller)
                || smaller == Some(true) && is_same(&self.larger, &new.larger))
    }
}

/// The terms of a sum with their signs: `a`, `-b`; none if it is more than a sum.
fn terms(side: &str) -> Option<Vec<String>> {
    let (mut found, mut depth, mut sign): (Vec<String>, i32, &str) = (Vec::new(), 0, "");
    let mut term: Vec<&str> = Vec::new();
    for word in side.split(' ') {
        depth += word.matches(['(', '[']).count() as i32 - word.matches([')', ']']).count() as i32;
        if depth == 0 && matches!(word, "+" | "-") && !term.is_empty() {
            found.push(format!("{sign}{}", term.join(" ")));
            term.clear();
            sign = if word == "-" { "-" } else { "" };
        } else {
            term.push(word);
        }
    }
    found.push(format!("{sign}{}", term.join(" ")));
    (depth == 0 && !found.iter().any(String::is_empty)).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Value};
    use super::*;

    fn refusals(text: &str) -> Refusals {
        let (object, text) = match text.split_once(" # ") {
            Some((object, text)) => (object, text),
            None => (text, "if"),
        };
        let text = if text == "if" { format!("if ({object}) return") } else { text.to_owned() };
        let (scope, object) = (String::new(), object.to_owned());
        Refusals::of(&Fact { kind: Kind::Guard, object, value: Value::None, text, scope, lines: 1..=1, opens: 0 })
    }

    #[test]
    fn a_guard_that_loses_a_part_refuses_less_in_whatever_order_and_spelling() {
        for (old, new) in [
            ("d is null || d.tenant != user.tenant", "d == null"),
            ("d.tenant != user.tenant || d is null", "d is null"),
            ("d is None or d.tenant != tenant", "d is None"),
            ("a || b || c", "c || a"),
            ("unless admin? && owner?", "unless admin?"),
            ("!(user.ok && user.owns(x))", "!user.ok"),
            ("not (user.ok and user.owns(x))", "not user.ok"),
            ("admin && owner # ensure!(admin && owner)", "admin # ensure!(admin)"),
            ("a, b || c", "false"),
            ("!user.admin", "!user.admin && false"),
            ("used() + cents > limit", "used() > limit"),
            ("limit < used + cents", "limit < used"),
            ("x > limit - reserve", "x > limit"),
        ] {
            let lost = refusals(old).lost_in(&refusals(new));
            assert!(lost.is_some(), "{old} → {new}: {:?} {:?}", refusals(old).0, refusals(new).0);
        }
    }

    #[test]
    fn a_guard_that_is_written_otherwise_or_refuses_more_lost_nothing() {
        for (old, new) in [
            ("d == null || d.x", "d.x"),
            ("a || b", "b || a"),
            ("a || b", "(a) || (b)"),
            ("!a || !b", "!(a && b)"),
            ("a && b", "a"),
            ("a", "a || b"),
            ("used() > limit", "used() + cents > limit"),
            ("x > limit + slack", "x > limit"),
            ("a + b > c", "a > d"),
            ("unless a", "!a"),
            ("err != nil || bad", "bad"),
            ("", "a"),
            ("(((", ")"),
            ("é || ü", "ü || é"),
        ] {
            let lost = refusals(old).lost_in(&refusals(new));
            assert_eq!(lost, None, "{old} → {new}: {:?} {:?}", refusals(old).0, refusals(new).0);
        }
    }
}
