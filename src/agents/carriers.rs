//! How a command says where a program connects: options, variables, addresses. If a command says so in several ways,
//! the program follows one of them, and which one depends on the program: so all of them must point at something that
//! is not production.

use super::phrase::{Pattern, positional};
use super::shell::{SimpleCommand, Word};

/// All ways to give the same setting to a program.
#[derive(Debug, Clone, Default)]
struct Carrier {
    spellings: Vec<Spelling>,
    /// The values of it that are not production.
    elsewhere: Vec<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Spelling {
    /// `--option`, `-o`.
    Option(String),
    /// `^--option`: before the first argument that is not an option.
    Leading(String),
    /// `NAME`, a variable set before the program.
    Variable(String),
    /// `key=`, in an argument that consists of such pairs.
    Key(String),
    /// `://`: every address, and every argument that may be one.
    Address,
    /// `--option://`: an option whose value may be an address.
    AddressOption(String),
    /// `1`: the first argument that is not an option.
    First,
    /// `1/`: the same, if it is not a plain word.
    FirstPlace,
    /// `*:`: every argument of the form `host:path`.
    Remote,
}

/// The carriers of one program.
#[derive(Debug, Clone, Default)]
pub struct Carriers {
    all: Vec<Carrier>,
}

/// Where a call connects, as far as the command says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goes {
    /// Everything it names points at something that is not production.
    Elsewhere,
    /// It names nothing.
    Unsaid,
    /// It names something that is not known to be outside production.
    There,
}

impl Spelling {
    fn parse(text: &str) -> Option<Spelling> {
        Some(match text {
            "://" => Spelling::Address,
            "1" => Spelling::First,
            "1/" => Spelling::FirstPlace,
            "*:" => Spelling::Remote,
            _ if text.starts_with('-') && text.ends_with("://") => {
                Spelling::AddressOption(text.trim_end_matches("://").to_owned())
            }
            _ if text.starts_with('-') => Spelling::Option(text.to_owned()),
            _ if text.starts_with("^-") => Spelling::Leading(text[1..].to_owned()),
            _ if text.ends_with('=') => Spelling::Key(text.to_owned()),
            _ if is_variable(text) => Spelling::Variable(text.to_owned()),
            _ => return None,
        })
    }

    fn is_argument(&self) -> bool {
        matches!(self, Spelling::Address | Spelling::First | Spelling::FirstPlace | Spelling::Remote)
    }
}

impl Carriers {
    /// Adds a carrier, given its spellings separated by blanks; returns whether they are valid.
    pub fn add(&mut self, text: &str) -> bool {
        let spellings = text.split_whitespace().map(Spelling::parse).collect::<Option<Vec<_>>>();
        let carrier = spellings.map(|spellings| Carrier { spellings, elsewhere: Vec::new() });
        let is_read = carrier.is_some();
        self.all.extend(carrier);
        is_read
    }

    /// The same carriers, without the places outside production.
    pub fn without_places(&self) -> Carriers {
        let bare = |own: &Carrier| Carrier { spellings: own.spellings.clone(), elsewhere: Vec::new() };
        Carriers { all: self.all.iter().map(bare).collect() }
    }

    /// Adds a place outside production: `--option=glob`, `NAME=glob`, or a glob for an argument; returns whether it is
    /// valid.
    pub fn point_elsewhere(&mut self, text: &str) -> bool {
        let (spelling, value) = match text.split_once('=') {
            Some((name, value)) if text.starts_with('-') => (Spelling::Option(name.to_owned()), value),
            Some((name, value)) if is_variable(name) => (Spelling::Variable(name.to_owned()), value),
            _ => (Spelling::First, text),
        };
        let Some(pattern) = Pattern::parse(value) else { return false };
        let is_same = |own: &Spelling| match (&spelling, own) {
            (Spelling::First, own) => own.is_argument(),
            (Spelling::Option(name), Spelling::Leading(own)) => name == own,
            (spelling, own) => *spelling == *own,
        };
        let mut is_known = false;
        for own in self.all.iter_mut().filter(|own| own.spellings.iter().any(is_same)) {
            own.elsewhere.push(pattern.clone());
            is_known = true;
        }
        if !is_known {
            self.all.push(Carrier { spellings: vec![spelling], elsewhere: vec![pattern] });
        }
        true
    }

    /// Where a command connects. Variables that the line sets for all of its commands can only point at production.
    pub fn goes(&self, command: &SimpleCommand, valued: &[String], around: &[(String, Word)]) -> Goes {
        let mut goes = Goes::Unsaid;
        for carrier in &self.all {
            for spelling in &carrier.spellings {
                let own = spelling.values(command, valued);
                let outer = spelling.variable(around);
                if own.iter().chain(&outer).any(|value| !carrier.is_elsewhere(value)) {
                    return Goes::There;
                }
                if !own.is_empty() {
                    goes = Goes::Elsewhere;
                }
            }
        }
        goes
    }

    /// Whether these variables point the program at something that may be production.
    pub fn is_set(&self, variables: &[(String, Word)]) -> bool {
        let is_there = |own: &Carrier| {
            let mut values = own.spellings.iter().flat_map(|spelling| spelling.variable(variables));
            values.any(|value| !own.is_elsewhere(&value))
        };
        self.all.iter().any(is_there)
    }

    /// Whether any variable determines where the program connects.
    pub fn has_variables(&self) -> bool {
        self.all.iter().flat_map(|own| &own.spellings).any(|own| matches!(own, Spelling::Variable(_)))
    }
}

impl Spelling {
    /// All values that a command gives with this spelling.
    fn values(&self, command: &SimpleCommand, valued: &[String]) -> Vec<Word> {
        let arguments = command.words.get(1..).unwrap_or_default();
        let first = || positional(arguments, valued).map(|(_, word)| word);
        match self {
            Spelling::Option(name) => values_of(name, arguments, valued),
            Spelling::Leading(name) => {
                let end = positional(arguments, valued).next().map_or(arguments.len(), |(at, _)| at);
                values_of(name, &arguments[..end], valued)
            }
            Spelling::Variable(_) => self.variable(&command.assignments),
            Spelling::Key(key) => arguments.iter().flat_map(|word| pairs(word, key)).collect(),
            Spelling::Address => {
                let unknown = first().filter(|word| is_open(word)).cloned();
                arguments.iter().filter_map(address).chain(unknown).collect()
            }
            Spelling::AddressOption(name) => {
                let own = values_of(name, arguments, valued).into_iter();
                own.filter(|word| is_open(word) || address(word).is_some()).collect()
            }
            Spelling::First => first().take(1).filter(|word| address(word).is_none()).cloned().collect(),
            Spelling::FirstPlace => first().take(1).filter_map(place).collect(),
            Spelling::Remote => first().filter_map(remote).collect(),
        }
    }

    fn variable(&self, assignments: &[(String, Word)]) -> Vec<Word> {
        let Spelling::Variable(name) = self else { return Vec::new() };
        assignments.iter().filter(|(own, _)| own == name).map(|(_, value)| value.clone()).collect()
    }
}

impl Carrier {
    fn is_elsewhere(&self, value: &Word) -> bool {
        if !value.is_literal {
            return false;
        }
        match Address::parse(&value.text) {
            Some(address) => self.is_address_elsewhere(&address),
            None => self.elsewhere.iter().any(|pattern| matches(pattern, &value.text)),
        }
    }

    fn is_address_elsewhere(&self, address: &Address<'_>) -> bool {
        let is_host = |host: &&str| self.elsewhere.iter().any(|pattern| pattern.is_match(host));
        let is_whole = |pattern: &Pattern| {
            pattern.text().contains("://") && address.forms().iter().any(|form| pattern.is_match(form))
        };
        let is_plain = address.hosts.len() <= 1;
        (address.hosts.iter().all(is_host) || is_plain && self.elsewhere.iter().any(is_whole))
            && address.asked.iter().all(is_host)
    }
}

/// `scheme://user:password@host:port,host/path?host=…`
struct Address<'a> {
    scheme: &'a str,
    user: &'a str,
    hosts: Vec<&'a str>,
    /// Host, port and the rest.
    rest: &'a str,
    /// Hosts and services named after the `?`.
    asked: Vec<&'a str>,
}

impl<'a> Address<'a> {
    fn parse(text: &'a str) -> Option<Address<'a>> {
        let (scheme, rest) = text.split_once("://")?;
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
        if scheme.is_empty() || !scheme.chars().all(is_scheme) {
            return None;
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (user, authority) = rest[..end].rsplit_once('@').unwrap_or(("", &rest[..end]));
        let user = user.split(':').next().unwrap_or_default();
        let hosts = authority.split(',').map(host).filter(|host| !host.is_empty()).collect();
        let query = rest.split_once('?').map_or("", |(_, query)| query);
        let asked = query.split(['&', '#']).filter_map(|pair| pair.split_once('='));
        let asked = asked.filter(|(key, _)| matches!(*key, "host" | "hostaddr" | "service")).map(|(_, value)| value);
        Some(Address { scheme, user, hosts, rest: &rest[end - authority.len()..], asked: asked.collect() })
    }

    /// The forms that a glob may match. The part before the `@` is not a host, even if it looks like one, and the
    /// password never counts.
    fn forms(&self) -> [String; 2] {
        [format!("{}://{}", self.scheme, self.rest), format!("{}://{}@{}", self.scheme, self.user, self.rest)]
    }
}

/// Removes the port.
fn host(text: &str) -> &str {
    match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((host, _)) => host,
        None => text.split(':').next().unwrap_or_default(),
    }
}

/// In a list, as in `KUBECONFIG` or `PGHOST`, every part must match; in `user@host` the host may.
fn matches(pattern: &Pattern, text: &str) -> bool {
    let has = |c: char| pattern.text().contains(c);
    let parts = |c: char| has(c) || text.split(c).all(|part| pattern.is_match(part));
    let is_whole = pattern.is_match(text) && parts(':') && parts(',');
    is_whole
        || !has('@') && text.rsplit_once('@').is_some_and(|(_, host)| pattern.is_match(host) && !host.contains(','))
}

/// All values of an option, given those of the program that take one; nothing after `--` is an option.
fn values_of(name: &str, arguments: &[Word], valued: &[String]) -> Vec<Word> {
    let is_short = name.len() == 2 && !name.starts_with("--");
    let value = |(at, word): (usize, &Word)| {
        if word.text == name || is_short && is_bundle(&word.text, name, valued) {
            return Some(arguments.get(at + 1).cloned().unwrap_or_default());
        }
        let rest = word.text.strip_prefix(name)?;
        let value = rest.strip_prefix('=').or_else(|| Some(rest).filter(|_| is_short))?;
        Some(word.part(value))
    };
    let own = arguments.iter().take_while(|word| word.text != "--");
    own.enumerate().filter_map(value).collect()
}

/// `psql -Ath HOST`: short options without values, and at the end this one. What is longer is the value of one that is
/// glued to it, such as a password.
fn is_bundle(word: &str, name: &str, valued: &[String]) -> bool {
    const LETTERS: usize = 4;
    let Some(flags) = word.strip_prefix('-').and_then(|letters| letters.strip_suffix(&name[1..])) else { return false };
    let is_flag = |c: char| c.is_ascii_alphabetic() && !valued.iter().any(|own| own.len() == 2 && own.ends_with(c));
    !flags.is_empty() && flags.len() < LETTERS && flags.chars().all(is_flag)
}

/// Its value may be anything.
fn is_open(word: &Word) -> bool {
    !word.is_literal && word.text.starts_with(['$', '`'])
}

/// An address, as an argument or after the `=` of one.
fn address(word: &Word) -> Option<Word> {
    let text = match word.text.split_once('=') {
        Some((name, value)) if name.starts_with('-') => value,
        _ => word.text.as_str(),
    };
    Address::parse(text).map(|_| word.part(text))
}

/// The values of `key=value`, if the argument consists only of such pairs.
fn pairs(word: &Word, key: &str) -> Vec<Word> {
    let pairs = || word.text.split_whitespace();
    let is_all = pairs().all(|pair| pair.contains('=') && !pair.starts_with('-') && !pair.contains("://"));
    let values = pairs().filter_map(|pair| pair.strip_prefix(key)).filter(|_| is_all);
    values.map(|value| word.part(value.trim_matches('\''))).collect()
}

/// The host of `host/path`, `host:port` and `host.example.com`.
fn place(word: &Word) -> Option<Word> {
    let is_place = address(word).is_none() && (!word.is_literal || word.text.contains(['.', '/', ':']));
    is_place.then(|| word.part(word.text.split(['/', ':']).next().unwrap_or_default()))
}

/// The host of `host:path`.
fn remote(word: &Word) -> Option<Word> {
    if address(word).is_some() {
        return Some(word.clone());
    }
    let (host, _) = word.text.split_once(':').filter(|(host, _)| !host.contains('/'))?;
    Some(word.part(host))
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}
