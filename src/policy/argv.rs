//! What a command of a target may look like: one pattern for each argument.

use std::fmt;

/// The pattern of one argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// This text and no other.
    Fixed(String),
    /// `{word}`: consists of `a-z 0-9 . -`, and begins with a letter or digit, so that it is neither an option nor a
    /// path upwards.
    Word,
    /// `{a|b}`: one of these texts.
    OneOf(Vec<String>),
    /// `{input:ROLE}`: the path where the broker puts the input of that role.
    Input(String),
}

/// The most bytes of a [`Argument::Word`].
const MAX_WORD: usize = 255;

impl Argument {
    /// Reads a pattern as a policy writes it.
    ///
    /// # Errors
    /// It contains braces other than those of the three patterns; the text says how they are written.
    pub fn parse(text: &str) -> Result<Argument, String> {
        let Some(inner) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            return if text.contains(['{', '}']) { Err(HOW.to_owned()) } else { Ok(Argument::Fixed(text.to_owned())) };
        };
        let choices: Vec<String> = inner.split('|').map(str::to_owned).collect();
        match inner.strip_prefix("input:") {
            _ if inner == "word" => Ok(Argument::Word),
            Some(role) if is_role(role) => Ok(Argument::Input(role.to_owned())),
            None if choices.len() > 1 && choices.iter().all(|choice| is_choice(choice)) => Ok(Argument::OneOf(choices)),
            _ => Err(HOW.to_owned()),
        }
    }

    /// Whether this allows an argument; for an input, whether it is the path of that role.
    pub fn allows<'i>(&self, argument: &str, inputs: &mut impl Iterator<Item = (&'i str, &'i str)>) -> bool {
        match self {
            Argument::Fixed(text) => argument == text,
            Argument::Word => is_word(argument),
            Argument::OneOf(choices) => choices.iter().any(|choice| choice == argument),
            Argument::Input(role) => inputs.any(|(own, path)| own == role && path == argument),
        }
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Argument::Fixed(text) => f.write_str(text),
            Argument::Word => f.write_str("{word}"),
            Argument::OneOf(choices) => write!(f, "{{{}}}", choices.join("|")),
            Argument::Input(role) => write!(f, "{{input:{role}}}"),
        }
    }
}

const HOW: &str = "braces are for `{word}`, `{one|other}` and `{input:ROLE}`, each a whole argument; what stands \
                   between them is of a-z, 0-9, `.`, `_` and `-`";

/// The name of an input: 1 to 32 characters of `a-z 0-9 _ -`.
pub fn is_role(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

fn is_choice(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn is_word(text: &str) -> bool {
    let letters = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9');
    text.len() <= MAX_WORD
        && text.bytes().next().is_some_and(letters)
        && text.bytes().all(|b| letters(b) || matches!(b, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_one_of_four_patterns_and_nothing_else() {
        let parsed = |text: &str| Argument::parse(text);
        assert_eq!(parsed("get"), Ok(Argument::Fixed("get".into())));
        assert_eq!(parsed(""), Ok(Argument::Fixed(String::new())));
        assert_eq!(parsed("{word}"), Ok(Argument::Word));
        assert_eq!(parsed("{pods|events}"), Ok(Argument::OneOf(vec!["pods".into(), "events".into()])));
        assert_eq!(parsed("{input:sql}"), Ok(Argument::Input("sql".into())));
        for odd in
            ["{", "}", "a{word}", "{word}b", "{}", "{one}", "{a|}", "{a| b}", "{input:}", "{input:A}", "{input:a|b}"]
        {
            assert!(parsed(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_word_is_no_option_no_path_and_no_text_of_a_shell() {
        let allows = |text: &str| Argument::Word.allows(text, &mut std::iter::empty());
        for word in ["web", "web-7f9c", "0", "a.b"] {
            assert!(allows(word), "{word}");
        }
        for odd in ["", "-n", ".", "..", "a/b", "a b", "A", "a;b", "ä", "a\n", "--all"] {
            assert!(!allows(odd), "{odd}");
        }
        assert!(!allows(&"a".repeat(256)));
    }

    #[test]
    fn an_input_is_the_path_of_its_role_alone() {
        let inputs = [("sql", "/run/in/sql"), ("csv", "/run/in/csv")];
        let allows = |text: &str| Argument::Input("sql".into()).allows(text, &mut inputs.into_iter());
        assert!(allows("/run/in/sql"));
        assert!(!allows("/run/in/csv") && !allows("/etc/passwd") && !allows("sql"));
    }
}
