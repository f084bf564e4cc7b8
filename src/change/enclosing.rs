//! What encloses a line: the lines above it that stand further left, which is how nearly all languages show what belongs
//! to what; and the header of its section, where nothing stands further left.

use super::compare::Lines;

/// Lines above that are looked at.
const MAX_ABOVE: u32 = 2_000;

/// The lines that enclose a line (0-based), innermost first, without their indentation. Closing brackets enclose nothing.
pub fn enclosing<'t>(lines: &Lines, text: &'t [u8], line: u32) -> Vec<&'t [u8]> {
    let first = lines.get(text, line);
    // On a blank line: whatever is above.
    let mut depth = if first.trim_ascii().is_empty() { usize::MAX } else { indent(first) };
    let mut found = Vec::new();
    for above in (line.saturating_sub(MAX_ABOVE)..line).rev().map(|at| lines.get(text, at)) {
        let opens = above.trim_ascii().first().is_some_and(|b| b.is_ascii_alphanumeric() || b"_@#$\"'<".contains(b));
        let is_header = above.starts_with(b"[") && depth <= 1;
        if (opens && indent(above) < depth) || is_header {
            depth = if is_header { 0 } else { indent(above) };
            found.push(above.trim_ascii());
            if is_header {
                break;
            }
        }
    }
    found
}

fn indent(line: &[u8]) -> usize {
    line.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, line: u32) -> Vec<String> {
        let found = enclosing(&Lines::of(text.as_bytes()), text.as_bytes(), line);
        found.into_iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    #[test]
    fn what_stands_further_left_above_encloses() {
        let text = "impl A {\n    fn f() {\n        a();\n    }\n\n    fn g() {\n        b();\n";
        assert_eq!(of(text, 6), ["fn g() {", "impl A {"]);
        assert_eq!(of("x: 1\nprod:\n  s:\n    on: true\n", 3), ["s:", "prod:"]);
        assert_eq!(of("[test]\non = 1\n[prod]\na = 1\non = 2\n", 4), ["[prod]"]);
        assert_eq!(of("", 0), Vec::<String>::new());
    }
}
