//! What an assertion checks, and how exactly.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::risk::facts::{Fact, Kind};
use crate::risk::rules::ascii;

/// How many results an assertion accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// Many: not null, greater than, not equal.
    Loose,
    /// Unknown.
    Unknown,
    /// One, which it states.
    Exact,
}

/// An assertion of one side of a file.
#[derive(Debug, Clone)]
pub(super) struct Assertion {
    /// The test that contains it.
    pub test: String,
    pub text: String,
    pub line: u32,
    pub strength: Strength,
    /// The names and values that it is about.
    pub words: BTreeSet<String>,
}

static EXACT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    ascii(r#"(^|[^!=<>])===?[^=]|[eE]quals?\b|[eE]qual[A-Z_(]|_eq\b|_eq!|_EQ\b|\beq[l]?\b|StrictEqual|toBe\(|\.Be\(|\bbe ==|toEqual|toMatch|Calls?\b|CalledWith|CalledTimes|called_(once_)?with|calls\(|JSONEq|[Rr]aises\(|raise_error\(?\s*\(?[A-Z]|[tT]hrows?\w*\([\w:]*[A-Z]|toThrow(Error)?\([^)]|assertThrows|isInstanceOf|matches ?!|HasLen|haveLength|HaveLength|have_attributes|hasSize|containsExactly|contain_exactly|Len\(|isEqual\w*|isZero|isTrue|isFalse|toBeNull|is None|IsNull|Is\.EqualTo|ErrorIs|\.from\(|be_nil|assert_nil|assertNull|assertIsNone|toBeUndefined|toBeCloseTo|approx|Same\(|DeepEqual|should_be|shouldBe|must_equal|Diff\("#).ok()
});
static LOOSE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    ascii(r#"(?i)not_?equal|not\.to|\bnot_to\b|\bto_not\b|assert_ne\b|refute|isnot|is_not|!=|\bis not\b|\bnot in\b|not_?(null|nil|none|empty|be_?nil)|doesnotthrow|notthrow|anything\(|expect\.any\(|\bany\(|truthy|falsy|toBeDefined|be_present|be_truthy|greater|less|\bat_?(least|most)|[^-=]>=?[^=]|[^<]<=?[^<]|raises\((Exception|BaseException|StandardError)?\)|throws\((Exception|Throwable)\b|raise_error\)?$|toThrow(Error)?\(\)$|isinstance\(|instanceof|contains?\(|\bin\b|\binclude|toContain|toBeCalled\(\)|HaveBeenCalled\(\)|assert_called\(\)|assert_called_once\(\)|\.called\b|is_ok\(|is_some\(|is_err\(|NoError|assert\.Error\(|hasSizeGreater|notEmpty|isNotEmpty"#).ok()
});

impl Assertion {
    /// What a fact of a test file asserts; none if it is not an assertion.
    pub fn of(fact: &Fact, in_test_file: bool) -> Option<Assertion> {
        const RAISES: &[&str] = &["pytest.raises", "pytest.warns", "raises"];
        let asserts = match fact.kind {
            Kind::Assertion => in_test_file || fact.scope.to_ascii_lowercase().contains("test"),
            Kind::Guard => in_test_file && fact.text.starts_with("assert"),
            Kind::Call => in_test_file && RAISES.contains(&fact.object.as_str()),
            _ => false,
        };
        asserts.then(|| Assertion::new(&fact.text, fact.scope.clone(), *fact.lines.start()))
    }

    pub fn new(text: &str, test: String, line: u32) -> Assertion {
        Assertion { test, line, strength: strength(text), words: words(text), text: text.to_owned() }
    }

    /// Names and values that both use.
    pub fn shared_with(&self, other: &Assertion) -> usize {
        self.words.intersection(&other.words).count()
    }

    /// Whether it compares a thing with itself.
    pub fn is_tautology(&self) -> bool {
        operands(&self.text).is_some_and(|(left, right)| {
            let is_plain = left.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '"' | '\''));
            left == right && !left.is_empty() && is_plain
        })
    }
}

fn strength(text: &str) -> Strength {
    let hits = |regex: &Option<Regex>| regex.as_ref().is_some_and(|regex| regex.is_match(text.as_bytes()));
    // `if got != 2 { t.Errorf(…) }` fails if they differ.
    if text.starts_with("if ") || text.starts_with("if(") {
        let is_exact =
            text.contains("!=") && !text.contains("!= nil") || text.contains("Equal") || text.contains("Diff");
        return if is_exact { Strength::Exact } else { Strength::Loose };
    }
    if says_never(text) {
        return Strength::Exact;
    }
    let bare = text.replace("=>", "").replace("->", "");
    match (hits(&EXACT), LOOSE.as_ref().is_some_and(|regex| regex.is_match(bare.as_bytes()))) {
        (_, true) => Strength::Loose,
        // There are many ways to assert a condition.
        (true, false) if names_a_condition(text) => Strength::Unknown,
        (true, false) => Strength::Exact,
        (false, false) if says_only_that_it_holds(text) => Strength::Loose,
        (false, false) => Strength::Unknown,
    }
}

/// Whether it states that something was never called: of all counts, that is one.
fn says_never(text: &str) -> bool {
    let is_negated = text.starts_with("assert not ") && text.ends_with(".called");
    let never =
        ["not_called()", "not.toHaveBeenCalled()", "not.toBeCalled()", "AssertNotCalled(", "assert_not_awaited()"];
    is_negated || never.iter().any(|end| text.contains(end))
}

/// Whether the expected value is a boolean or null.
fn names_a_condition(text: &str) -> bool {
    let end = text.trim_end_matches([')', ';', ' ', '}']);
    let last = end.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or(end);
    matches!(last, "True" | "False" | "true" | "false" | "None" | "nil" | "null" | "be_nil" | "undefined")
}

/// An assertion of a condition that is not a comparison.
fn says_only_that_it_holds(text: &str) -> bool {
    let name = text.split(['(', ' ']).next().unwrap_or(text);
    let last = name.rsplit(['.', ':']).next().unwrap_or(name);
    matches!(last, "assert" | "assert!" | "assertTrue" | "assertOk" | "True" | "IsTrue" | "OK" | "assert_true" | "ok")
}

/// The words of a text without those that only express an expectation.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    const SAYING: &[&str] = &[
        "t",
        "self",
        "this",
        "to",
        "not",
        "not_to",
        "is",
        "in",
        "and",
        "or",
        "eq",
        "be",
        "if",
        "new",
        "await",
        "async",
        "Error",
        "Errorf",
        "Fatal",
        "Fatalf",
        "true",
        "false",
        "True",
        "False",
        "None",
        "null",
        "nil",
        "with",
        "as",
        "class",
        "isEqualTo",
        "Should",
        "Be",
        "raises",
        "pytest",
        "resolves",
        "rejects",
        "match",
        "That",
        "Equal",
        "is_not",
        "isNotNull",
        "have_received",
        "got",
        "want",
        "expected",
        "actual",
        "string",
    ];
    let says = |word: &str| {
        let lower = word.to_ascii_lowercase();
        let is_matcher = word.starts_with("to") && word[2..].starts_with(|c: char| c.is_ascii_uppercase());
        let begins = ["assert", "expect", "require", "should", "refute", "verify"];
        SAYING.contains(&word) || is_matcher || begins.iter().any(|start| lower.starts_with(start))
    };
    let all = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    all.filter(|word| !says(word)).map(str::to_owned).collect()
}

/// Both sides of a comparison: of `a == b`, `assertEquals(a, b)`, `expect(a).toBe(b)`.
fn operands(text: &str) -> Option<(&str, &str)> {
    if let Some((left, right)) = text.split_once(" === ").or_else(|| text.split_once(" == ")) {
        let left = left.trim_start_matches("assert").trim_start_matches(['!', '(', ' ']);
        return Some((left.trim(), right.trim_end_matches([')', ';', ' '])));
    }
    let (head, rest) = text.split_once('(')?;
    let compares = ["Equal", "Equals", "_eq!", "_equal", "_EQ", "Same", "areEqual", "AreEqual"];
    if compares.iter().any(|end| head.trim_end().ends_with(end)) {
        let arguments = rest.trim_end_matches(';').strip_suffix(')')?;
        let arguments = arguments.strip_prefix("t, ").unwrap_or(arguments);
        return arguments.split_once(", ");
    }
    let (left, matcher) = rest.split_once(')')?;
    let is_matcher = ["toBe(", "toEqual(", "isEqualTo(", "Be(", "toStrictEqual(", "to eq(", "to (eq("];
    let at = is_matcher.iter().find_map(|name| matcher.find(name).map(|at| at + name.len()))?;
    let ends = ["expect", "assertThat"];
    let negated = matcher[..at].contains("not");
    (ends.contains(&head.trim()) && !negated).then(|| (left, matcher[at..].trim_end_matches([')', ';'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Assertion {
        Assertion::new(text, String::new(), 1)
    }

    #[test]
    fn an_assertion_that_names_its_value_is_exact_and_one_that_more_values_meet_is_loose() {
        let exact = [
            "assert total == Decimal(\"1\")",
            "assert_eq!(f(1), 2)",
            "expect(x).toBe(3)",
            "require.Equal(t, 201, rec.Code)",
            "if got != 2 { t.Errorf(\"x\") }",
            "pytest.raises(InvoiceError, match=\"paid\")",
            "self.assertEqual(f(1), 2)",
            "expect(() => f()).toThrowError(CartError)",
            "result.Should().Be(4)",
            "expect(Reservation.count).to (eq(0))",
            "assert not send.called",
            "send.assert_not_called()",
        ];
        let loose = [
            "assert total is not None",
            "assert total >= 0",
            "assert_ne!(f(1), 2)",
            "expect(x).toBeTruthy()",
            "expect(x).toEqual(expect.anything())",
            "require.Less(t, rec.Code, 500)",
            "assert.NotEqual(t, 200, rec.Code)",
            "pytest.raises(Exception)",
            "expect(() => f()).toThrow()",
            "assert!(f(1).is_ok())",
            "expect { … }.not_to raise_error",
            "assert f(2)",
            "self.assertTrue(invoice.lines)",
            "self.assertGreater(f(1), 2)",
        ];
        exact.iter().for_each(|text| assert_eq!(of(text).strength, Strength::Exact, "{text}"));
        loose.iter().for_each(|text| assert_eq!(of(text).strength, Strength::Loose, "{text}"));
    }

    #[test]
    fn what_is_compared_with_itself_is_a_tautology() {
        for text in ["assert a == a", "assertEquals(x, x)", "expect(result).toBe(result)", "assert_eq!(n, n)"] {
            assert!(of(text).is_tautology(), "{text}");
        }
        for text in ["assert a == b", "assertEquals(x, y)", "expect(f()).toBe(f())", "expect(a).not.toBe(a)"] {
            assert!(!of(text).is_tautology(), "{text}");
        }
    }
}
