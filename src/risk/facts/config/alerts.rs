//! Rules of alarms: the bound that an expression compares with, for how long, and how grave it is. Separate facts,
//! since the bound is inside a text, and what the keys mean depends on others.

use super::super::{Kind, Value};
use super::out::{Out, Place};
use super::tree::{Node, one_line};

/// The most comparisons of one expression.
const MAX_BOUNDS: usize = 8;

/// The alarm that a map describes: a rule of Prometheus or Loki, a monitor of Datadog, a rule of Grafana.
pub(super) fn facts(node: &Node, place: &Place, out: &mut Out) {
    let is_alert = node.get(&["alert"]).is_some() && node.get(&["expr"]).is_some();
    let is_monitor =
        node.get(&["query"]).is_some() && node.text_of(&["type"]).is_some_and(|kind| kind.contains("alert"));
    let is_grafana = node.get(&["noDataState", "execErrState"]).is_some();
    let inside = Place { opens: *node.lines.start(), ..*place };
    if is_alert || is_monitor || is_grafana {
        if let Some(text) = node.get(&["expr", "query"]).filter(|_| !is_grafana) {
            bounds(&text.normalised(), text, &inside, out);
        }
        tell("after", "for", node.get(&["for"]), &inside, out);
        let labels = node.get(&["labels"]).unwrap_or(node);
        tell("severity", "severity", labels.get(&["severity", "priority"]), &inside, out);
    }
    evaluator(node, &inside, out);
}

fn tell(name: &str, key: &str, value: Option<&Node>, place: &Place, out: &mut Out) {
    if let Some((value, text)) = value.and_then(|value| Some((value, value.text()?))) {
        out.set(&place.child(&format!("alert.{name}")), key, text, &value.lines, place);
    }
}

/// `a / b > 0.02`: an alarm above 0.02; `100 * a / b > 2` is the same one, and `26 * 3600` is one number.
fn bounds(expression: &str, node: &Node, place: &Place, out: &mut Out) {
    let expression = one_line(expression);
    let comparisons = expression.match_indices(['<', '>']).take(MAX_BOUNDS);
    for (at, sign) in comparisons {
        let rest = expression[at + 1..].trim_start_matches('=').trim_start();
        let rest = rest.strip_prefix("bool ").unwrap_or(rest).trim_start_matches(['(', ' ']);
        let Some(number) = product(rest) else { continue };
        bound(sign == ">", number / scale(&expression[..at]), node, place, out);
    }
}

/// The product of the numbers that a text begins with.
fn product(text: &str) -> Option<f64> {
    let (mut all, mut rest) = number(text)?;
    const MAX_FACTORS: usize = 8;
    for _ in 0..MAX_FACTORS {
        let trimmed = rest.trim_start();
        let is_quotient = trimmed.starts_with('/');
        let Some(factor) = trimmed.strip_prefix(['*', '/']) else { break };
        let Some((factor, after)) = number(factor.trim_start()) else { break };
        all = if is_quotient { all / factor } else { all * factor };
        rest = after;
    }
    Some(all).filter(|all| all.is_finite())
}

/// The number that a text begins with, and what follows it.
fn number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | 'e' | '-' | '_'))).unwrap_or(text.len());
    let number = text[..end].replace('_', "").parse::<f64>().ok()?;
    Some((number, &text[end..]))
}

/// By how much what is compared is multiplied: 100 in `100 * a` and in `a / b * 100`.
fn scale(compared: &str) -> f64 {
    const SIGNS: &[&str] = &[" and ", " or ", " unless "];
    let from = SIGNS.iter().filter_map(|sign| Some(compared.rfind(sign)? + sign.len())).max().unwrap_or(0);
    let compared = compared[from..].trim();
    let before = number(compared.trim_start_matches('('))
        .and_then(|(number, rest)| rest.trim_start().starts_with('*').then_some(number));
    let after = compared.trim_end_matches(')').rsplit_once('*').and_then(|(_, last)| last.trim().parse::<f64>().ok());
    before.or(after).filter(|scale| scale.is_finite() && *scale > 0.0).unwrap_or(1.0)
}

fn bound(is_above: bool, number: f64, node: &Node, place: &Place, out: &mut Out) {
    let object = place.child(if is_above { "alert.above" } else { "alert.below" });
    if number.is_finite() && out.wants(&node.lines) {
        out.add(Kind::Setting, &object, Value::Number(number), &number.to_string(), &node.lines, place);
    }
}

/// `evaluator: {type: gt, params: [0.02]}` of Grafana.
fn evaluator(node: &Node, place: &Place, out: &mut Out) {
    let Some(evaluator) = node.get(&["evaluator"]) else { return };
    let is_above = match evaluator.text_of(&["type"]) {
        Some("gt") => true,
        Some("lt") => false,
        _ => return,
    };
    let params = evaluator.get(&["params"]);
    let number = params.and_then(|params| params.texts().first()?.parse::<f64>().ok());
    if let Some((params, number)) = params.zip(number) {
        bound(is_above, number, params, place, out);
    }
}
