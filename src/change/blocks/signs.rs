//! The signs that open and close blocks, of each kind.

/// What a line does to the blocks of a kind.
pub enum Event {
    Open {
        name: Vec<u8>,
        /// Whether its branches are the arms of a `case`.
        has_arms: bool,
    },
    /// Ends one branch and begins another; without a name, it is what happens otherwise.
    Branch(Option<Vec<u8>>),
    Close,
    /// Begins a section, and ends all before.
    Section(Vec<u8>),
    /// Ends the section.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Instructions of a preprocessor: of C, of makefiles, of package builders; `spaced`: a blank may follow the sign.
    Conditions {
        spaced: bool,
    },
    /// Tags of templates.
    Tags,
    /// Words of a script for a shell, or of a language that closes blocks with `end`.
    Words,
    Braces,
    /// `#region`.
    Regions,
    /// Headings between rules in comments, and `MARK:`.
    Rules,
    /// Bold text alone on a line of prose, which is a heading below other headings.
    Bold,
    /// Comments that head what follows.
    Comments,
    /// Statements of SQL.
    Statements,
}

/// The bytes of a line that name a block.
pub const MAX_NAME: usize = 256;
/// The most braces of a line that are counted; what has more was not written to be read.
const MAX_BRACES: usize = 64;

const PROSE: &[&str] = &["md", "markdown", "mdx", "txt", "rst", "adoc", "org"];
const OF_C: &[&str] = &["c", "h", "cc", "cpp", "cxx", "hpp", "hh", "hxx", "m", "mm", "cs", "inc", "s", "glsl", "ino"];
const SCRIPTS: &[&str] = &["sh", "bash", "zsh", "ksh", "bashrc", "profile", "zshrc", "rb", "lua", "jl"];
const SQL: &[&str] = &["sql", "psql", "pgsql", "ddl", "mysql"];
const COMMENTED: &[&str] = &["env", "properties", "ini", "cfg", "conf", "tfvars", "gitignore", "dockerignore"];

impl Kind {
    /// Those that a file may have, by its name and its first line.
    pub fn of_path(path: &str, text: &[u8]) -> Vec<Kind> {
        let path = path.to_ascii_lowercase();
        let name = path.rsplit('/').next().unwrap_or(&path);
        let ending = name.rsplit_once('.').map_or(name, |(_, ending)| ending);
        let is = |all: &[&str]| all.contains(&ending);
        if is(PROSE) {
            return vec![Kind::Tags, Kind::Bold];
        }
        let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let is_script = is(SCRIPTS) || first.starts_with(b"#!") && first.trim_ascii_end().ends_with(b"sh");
        let is_commented = is(SQL) || is(COMMENTED) || name.starts_with(".env");
        let mut kinds =
            vec![Kind::Conditions { spaced: is(OF_C) }, Kind::Tags, Kind::Regions, Kind::Rules, Kind::Braces];
        kinds.extend(Some(Kind::Words).filter(|_| is_script));
        kinds.extend(Some(Kind::Comments).filter(|_| is_commented));
        kinds.extend(Some(Kind::Statements).filter(|_| is(SQL)));
        kinds
    }

    /// What a line does, without the blanks around it, after the one above.
    pub fn events(self, line: &[u8], above: &[u8], is_within: bool, has_arms: bool) -> Vec<Event> {
        match self {
            Kind::Conditions { spaced } => condition(line, spaced, is_within).into_iter().collect(),
            Kind::Tags => tags(line),
            Kind::Words => word(line, has_arms).into_iter().collect(),
            Kind::Braces => braces(line),
            Kind::Regions => region(line).into_iter().collect(),
            Kind::Rules => rule(line, above).into_iter().collect(),
            Kind::Bold => bold(line).into_iter().collect(),
            Kind::Comments => comment_heading(line, above).into_iter().collect(),
            Kind::Statements => statement(line, is_within),
        }
    }
}

fn opened(name: &[u8]) -> Event {
    Event::Open { name: name.to_vec(), has_arms: false }
}

/// The first word and the rest.
fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').unwrap_or(text.len());
    (&text[..end], text[end..].trim_ascii())
}

fn has_name(text: &[u8]) -> bool {
    text.iter().any(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii())
}

/// What a branch asks, whichever of the branches it is: two that change places also change `if` and `else if`.
fn asked(text: &[u8]) -> Option<Vec<u8>> {
    let mut text = text.trim_ascii();
    loop {
        let (word, rest) = split_word(text);
        if !matches!(word, b"else" | b"if" | b"elif" | b"elsif" | b"elseif" | b"then") {
            break;
        }
        text = rest;
    }
    let end = text.iter().rposition(|byte| !b"{:;- \t".contains(byte)).map_or(0, |at| at + 1);
    let text = text[..end].strip_suffix(b"; then").unwrap_or(&text[..end]);
    has_name(text).then(|| text.to_vec())
}

fn condition(line: &[u8], spaced: bool, is_within: bool) -> Option<Event> {
    let (sign, rest) = line.split_first()?;
    let is_of_make = matches!(split_word(line).0, b"ifeq" | b"ifneq" | b"ifdef" | b"ifndef" | b"endif");
    let text = match sign {
        _ if is_of_make => line,
        b'#' if spaced => rest.trim_ascii_start(),
        b'#' | b'%' | b'!' | b'.' | b'$' | b'@' => rest,
        // The branch of a makefile.
        _ if line == b"else" || line.starts_with(b"else if") && !line.ends_with(b"{") => line,
        _ => return None,
    };
    let (word, rest) = split_word(text);
    match word {
        // `@if` of a style sheet has braces.
        b"if" if line.ends_with(b"{") => None,
        b"if" => Some(opened(rest)),
        b"ifdef" | b"ifndef" | b"ifeq" | b"ifneq" => Some(opened(text)),
        b"elif" | b"elseif" if is_within => Some(Event::Branch(asked(rest))),
        b"elifdef" | b"elifndef" if is_within => Some(Event::Branch(Some(text[b"el".len()..].to_vec()))),
        b"else" if is_within && !line.ends_with(b"{") => Some(Event::Branch(asked(rest).filter(|_| *sign != b'#'))),
        b"endif" => Some(Event::Close),
        _ => None,
    }
}

fn tags(line: &[u8]) -> Vec<Event> {
    const SIGNS: [(&[u8; 2], &[u8; 2]); 3] = [(b"{{", b"}}"), (b"{%", b"%}"), (b"<%", b"%>")];
    let (mut rest, mut found) = (line, Vec::new());
    while let Some(at) = rest.windows(2).position(|own| SIGNS.iter().any(|(open, _)| own == *open)) {
        let closing = SIGNS.iter().find(|(open, _)| rest[at..].starts_with(*open)).map_or(b"}}", |(_, close)| close);
        let inner = &rest[at + 2..];
        let end = inner.windows(2).position(|own| own == closing);
        found.extend(tag(&inner[..end.unwrap_or(inner.len())]));
        let Some(end) = end else { break };
        rest = &inner[end + 2..];
    }
    found
}

fn tag(inner: &[u8]) -> Option<Event> {
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || b"-~+=".contains(byte);
    let start = inner.iter().position(|byte| !is_space(byte))?;
    let end = inner.iter().rposition(|byte| !is_space(byte))? + 1;
    let text = &inner[start..end];
    let (closes, opens) = (text.starts_with(b"}"), text.ends_with(b"{"));
    if closes || opens {
        return Some(match (closes, opens) {
            (true, true) => Event::Branch(asked(&text[1..])),
            (true, false) => Event::Close,
            _ => Event::Open { name: asked(text).unwrap_or_default(), has_arms: false },
        });
    }
    if text == b"^" || text == b"else" {
        return Some(Event::Branch(None));
    }
    let named = text.strip_prefix(b"#").or_else(|| text.strip_prefix(b"^"));
    let (word, rest) = split_word(named.unwrap_or(text));
    match word {
        b"if" => Some(opened(rest)),
        b"unless" | b"with" | b"range" | b"each" | b"for" | b"foreach" | b"while" | b"define" | b"block" | b"case"
        | b"switch" | b"macro" => Some(opened(text)),
        b"else" | b"elif" | b"elsif" | b"elseif" | b"when" | b"empty" => Some(Event::Branch(asked(text))),
        b"" if text.starts_with(b"/") => Some(Event::Close),
        _ if word.starts_with(b"end") => Some(Event::Close),
        _ if named.is_some() || text.ends_with(b" do") || text.contains(&b'|') && text.ends_with(b"|") => {
            Some(opened(text))
        }
        _ => None,
    }
}

/// A word at the start of a line; a block that the line closes again is none.
fn word(line: &[u8], has_arms: bool) -> Option<Event> {
    const CLOSING: [&[u8]; 4] = [b"fi", b"done", b"esac", b"end"];
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let (word, rest) = split_word(line);
    let closes_again = || rest.split(|byte| !is_of_word(byte)).any(|word| CLOSING.contains(&word));
    match word {
        _ if CLOSING.contains(&word) => Some(Event::Close),
        b"else" | b"elif" | b"elsif" | b"elseif" | b"when" | b"rescue" | b"ensure" => Some(Event::Branch(asked(line))),
        _ if closes_again() => None,
        b"if" => Some(Event::Open { name: asked(line).unwrap_or_default(), has_arms: false }),
        b"case" => Some(Event::Open { name: line.to_vec(), has_arms: line.ends_with(b" in") }),
        b"for" | b"while" | b"until" | b"select" | b"unless" | b"def" | b"class" | b"module" | b"begin" => {
            Some(opened(line))
        }
        // A function of Lua; that of a shell has braces.
        b"function" | b"local" if line.ends_with(b")") && line.windows(8).any(|own| own == b"function") => {
            Some(opened(line))
        }
        _ if line.ends_with(b" do") || line.ends_with(b"|") && line.windows(4).any(|own| own == b" do ") => {
            Some(opened(line))
        }
        _ if has_arms => {
            let end = line.iter().position(|byte| b"()".contains(byte)).filter(|at| line[*at] == b')')?;
            Some(Event::Branch(Some(line[..end].to_vec())))
        }
        _ => None,
    }
}

/// Braces that a line leaves open, or closes.
fn braces(line: &[u8]) -> Vec<Event> {
    // How many it closes that were open before, and how many it leaves open.
    let (mut closed, mut open) = (0_usize, 0_usize);
    for byte in line {
        match byte {
            b'{' => open += 1,
            b'}' if open > 0 => open -= 1,
            b'}' => closed += 1,
            _ => {}
        }
    }
    let start = line.iter().position(|byte| !b"} \t".contains(byte)).unwrap_or(line.len());
    let (name, mut found) = (&line[start..line.len().min(start + MAX_NAME)], Vec::new());
    let is_branch = closed > 0 && open > 0;
    let (closed, open) = (closed.min(MAX_BRACES), open.min(MAX_BRACES));
    found.extend((usize::from(is_branch)..closed).map(|_| Event::Close));
    if is_branch {
        found.push(Event::Branch(asked(name)));
    }
    for _ in usize::from(is_branch)..open {
        found.push(Event::Open { name: asked(name).unwrap_or_default(), has_arms: false });
    }
    found
}

/// What a comment says, without its signs.
fn comment(line: &[u8]) -> Option<&[u8]> {
    let signs = [&b"//"[..], b"/*", b"<!--", b"--", b"#", b";", b"%"];
    let text = signs.iter().find_map(|sign| line.strip_prefix(*sign))?;
    let text = text.strip_suffix(b"*/").or_else(|| text.strip_suffix(b"-->")).unwrap_or(text);
    Some(text.trim_ascii())
}

fn region(line: &[u8]) -> Option<Event> {
    let text = comment(line)?;
    let text = text.strip_prefix(b"#").or_else(|| text.strip_prefix(b"pragma ")).unwrap_or(text);
    match split_word(text) {
        (b"region", name) => Some(opened(name)),
        (b"endregion", _) => Some(Event::Close),
        _ => None,
    }
}

fn is_rule_sign(byte: &u8) -> bool {
    b"-=*#~_+/".contains(byte)
}

/// Whether a comment is a line of signs.
fn is_rule(line: &[u8]) -> bool {
    line.len() >= 5 && comment(line).is_some_and(|text| text.iter().all(is_rule_sign))
}

fn rule(line: &[u8], above: &[u8]) -> Option<Event> {
    let text = comment(line)?;
    let marked = text.strip_prefix(b"MARK:").or_else(|| text.strip_prefix(b"pragma mark"));
    if let Some(name) = marked {
        return Some(Event::Section(name.to_vec()));
    }
    let first = text.iter().position(|byte| !is_rule_sign(byte))?;
    let last = text.iter().rposition(|byte| !is_rule_sign(byte))? + 1;
    let name = text[first..last].trim_ascii();
    let is_ruled = first >= 3 || text.len() - last >= 3 || is_rule(above);
    (is_ruled && has_name(name)).then(|| Event::Section(name.to_vec()))
}

fn bold(line: &[u8]) -> Option<Event> {
    // Another heading ends what bold text headed.
    if line.starts_with(b"#") {
        return Some(Event::Section(line.to_vec()));
    }
    let text = line.strip_suffix(b":").unwrap_or(line);
    let within = |sign: &[u8]| text.strip_prefix(sign)?.strip_suffix(sign);
    let name = within(b"**").or_else(|| within(b"__"))?;
    has_name(name).then(|| Event::Section(name.to_vec()))
}

/// The first of a few lines of comment, unless it is an assignment that does not count.
fn comment_heading(line: &[u8], above: &[u8]) -> Option<Event> {
    let is_heading = |text: &&[u8]| has_name(text) && !text.contains(&b'=') && !line.starts_with(b"#!");
    let text = comment(line).filter(is_heading)?;
    let follows_name = comment(above).is_some_and(has_name);
    (!follows_name).then(|| Event::Section(text.to_vec()))
}

fn statement(line: &[u8], is_within: bool) -> Vec<Event> {
    let is_end = line.ends_with(b";") || line == b"/" || line.eq_ignore_ascii_case(b"go");
    let begins = !is_within && has_name(line) && comment(line).is_none() && !line.eq_ignore_ascii_case(b"go");
    let start = begins.then(|| Event::Section(line.to_vec()));
    start.into_iter().chain(is_end.then_some(Event::End)).collect()
}
