//! Addresses of resources: `module.a["key"].type.name[0]`.

use crate::command::preview::MAX_TEXT;

/// An address for people: of long keys only the ends, and if that is not enough, less of the modules. Its type and name
/// stand at its end.
pub fn shown(address: &str) -> String {
    const KEY: usize = 40;
    const END: usize = MAX_TEXT * 2 / 3;
    let (mut text, mut key) = (String::new(), String::new());
    let mut outside = outside_of_keys(address).map(|(at, _)| at).peekable();
    for (at, c) in address.char_indices() {
        if outside.next_if_eq(&at).is_some() {
            text.push_str(&ends(&std::mem::take(&mut key), KEY, KEY / 2));
            text.push(c);
        } else {
            key.push(c);
        }
    }
    text.push_str(&ends(&key, KEY, KEY / 2));
    ends(&text, MAX_TEXT, END)
}

/// The beginning and the end of a text, if it is longer than so many bytes.
fn ends(text: &str, bytes: usize, end: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let start = (0..=bytes - end - '…'.len_utf8()).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let last = (text.len() - end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    format!("{}…{}", &text[..start], &text[last..])
}

/// An address without the keys of instances: `module.a["x"].b.c[0]` is `module.a.b.c`.
pub fn plain(address: &str) -> String {
    outside_of_keys(address).map(|(_, c)| c).collect()
}

/// The kind of a resource, and its own name: `module.a["x"].b` and `c[0]`.
pub fn of_kind(address: &str) -> (String, String) {
    let dot = outside_of_keys(address).filter(|(_, c)| *c == '.').last();
    match dot {
        Some((at, _)) => (address[..at].to_owned(), address[at + 1..].to_owned()),
        None => (String::new(), address.to_owned()),
    }
}

/// The characters of an address that belong to no key of an instance, with their positions. A key may be any text.
fn outside_of_keys(address: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    let (mut is_key, mut is_quoted, mut is_escaped) = (false, false, false);
    address.char_indices().filter(move |&(_, c)| {
        let was_key = is_key;
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' if is_key => is_quoted = !is_quoted,
            '[' if !is_quoted => is_key = true,
            ']' if !is_quoted => is_key = false,
            _ => {}
        }
        !was_key && !is_key
    })
}
