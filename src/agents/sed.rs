//! Whether a script of sed runs commands: with `e`, or with that flag of `s`.

use super::phrase::positional;
use super::shell::Word;

/// From the words after its name.
pub fn runs_commands(arguments: &[Word]) -> bool {
    let valued = ["-f", "--file", "-l", "--line-length"].map(str::to_owned);
    let is_script = |at: usize| {
        let before = arguments[at].text.strip_prefix('-').filter(|letters| !letters.starts_with('-'));
        arguments[at].text == "--expression" || before.is_some_and(|letters| letters.ends_with('e'))
    };
    let behind = (1..arguments.len()).filter(|at| is_script(at - 1)).map(|at| arguments[at].text.as_str());
    let glued = arguments.iter().filter_map(|word| {
        let rest = word.text.strip_prefix("--expression=").or_else(|| word.text.strip_prefix("-e"));
        rest.filter(|script| !script.is_empty())
    });
    let first = positional(arguments, &valued).next().map(|(_, word)| word.text.as_str());
    behind.chain(glued).chain(first).any(has_command)
}

fn has_command(script: &str) -> bool {
    let mut rest = script;
    loop {
        rest = without_address(rest.trim_start_matches([';', '{', '}', ' ', '\t', '\n']));
        let mut letters = rest.chars();
        match letters.next() {
            None => return false,
            Some('e') if letters.next().is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | ';' | '}')) => return true,
            Some(own @ ('s' | 'y')) => {
                let Some(limit) = letters.next() else { return false };
                let text = behind(behind(letters.as_str(), limit), limit);
                let flags = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
                if own == 's' && text[..flags].contains('e') {
                    return true;
                }
                // The rest of the line is the name of a file.
                let is_written = text[..flags].contains('w');
                rest = if is_written { text.find('\n').map_or("", |end| &text[end..]) } else { &text[flags..] };
            }
            Some(_) => rest = rest.find([';', '\n', '}']).map_or("", |end| &rest[end..]),
        }
    }
}

/// `1,$!`, `/a/I,/b/`.
fn without_address(script: &str) -> &str {
    let mut rest = script;
    loop {
        let bare = rest.trim_start_matches(|c: char| c.is_ascii_digit() || "$,!~+ ".contains(c));
        rest = match bare.strip_prefix('/') {
            Some(pattern) => behind(pattern, '/').trim_start_matches(['I', 'M']),
            None if bare.len() == rest.len() => return bare,
            None => bare,
        };
    }
}

/// What follows this character, if no backslash stands before it.
fn behind(text: &str, limit: char) -> &str {
    let mut is_escaped = false;
    let end = text.char_indices().find(|(_, c)| {
        let is_end = *c == limit && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        is_end
    });
    end.map_or("", |(at, c)| &text[at + c.len_utf8()..])
}
