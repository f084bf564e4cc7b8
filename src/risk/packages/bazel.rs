//! Bazel: packages, and the labels of others in their `BUILD` files. Read by its texts: what is said of visibility is
//! no dependency, and what a macro adds is not known.

use std::collections::{BTreeMap, BTreeSet};

use super::{Book, Builder, ManifestText, folder_of, joined_path, upwards};

/// Attributes that name packages and depend on none.
const NO_NEEDS: &[&str] = &["visibility", "default_visibility", "packages", "includes"];

pub(super) fn read(texts: &[&ManifestText], book: &mut Book) {
    let is_build = |path: &str| path.rsplit('/').next().is_some_and(|name| name.starts_with("BUILD"));
    let roots: BTreeSet<&str> =
        texts.iter().filter(|manifest| !is_build(&manifest.path)).map(|manifest| folder_of(&manifest.path)).collect();
    let mut packages: BTreeMap<&str, (String, BTreeSet<String>)> = BTreeMap::new();
    for manifest in texts.iter().filter(|manifest| is_build(&manifest.path)) {
        let folder = folder_of(&manifest.path);
        // Other tools have files of this name, too.
        let Some(root) = upwards(folder).find(|folder| roots.contains(folder)) else { continue };
        let below = if root.is_empty() { folder } else { folder[root.len()..].trim_start_matches('/') };
        let (_, needs) = packages.entry(folder).or_insert_with(|| (format!("//{below}"), BTreeSet::new()));
        needs.extend(labels(&manifest.text).into_iter().filter_map(|package| joined_path(root, package)));
    }
    packages.into_iter().for_each(|(folder, (name, needs))| book.add(Builder::Bazel, folder, &name, needs));
}

/// The packages that the labels of a file name.
fn labels(text: &str) -> BTreeSet<&str> {
    let (mut labels, mut rest) = (BTreeSet::new(), text);
    // The last word, and at which depth of brackets the value of an attribute without a need began.
    let (mut word, mut depth, mut skipped): (&str, usize, Option<usize>) = ("", 0, None);
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match c {
            '#' => length = rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => {
                let (value, end) = quoted(rest, c);
                length = end;
                labels.extend(package(value).filter(|_| skipped.is_none()));
            }
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => {
                depth = depth.saturating_sub(1);
                skipped = skipped.filter(|began| depth >= *began);
            }
            '=' if NO_NEEDS.contains(&word) => skipped = skipped.or(Some(depth)),
            ',' => skipped = skipped.filter(|began| depth > *began),
            c if c.is_ascii_alphabetic() || c == '_' => {
                let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                length = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
                word = &rest[..length];
            }
            _ => {}
        }
        rest = &rest[length..];
    }
    labels
}

/// A text that begins with a quote, and where it ends.
fn quoted(text: &str, quote: char) -> (&str, usize) {
    let triple = [quote; 3].iter().collect::<String>();
    let mark: &str = if text.starts_with(&triple) { &triple } else { &triple[..1] };
    let body = &text[mark.len()..];
    let mut from = 0;
    while let Some(at) = body[from..].find(mark).map(|at| from + at) {
        let escapes = body[..at].bytes().rev().take_while(|byte| *byte == b'\\').take(64).count();
        if escapes % 2 == 0 {
            return (&body[..at], mark.len() + at + mark.len());
        }
        from = at + 1;
    }
    ("", text.len())
}

/// The package of a label of this repository: `//a/b:c`, `//a/b`.
fn package(label: &str) -> Option<&str> {
    let path = label.trim_start_matches('@').strip_prefix("//")?;
    let (package, target) = path.split_once(':').unwrap_or((path, ""));
    let is_of_group = target.starts_with("__") || path.contains("...") || package == "visibility";
    (!is_of_group && path.len() <= super::MAX_NAME).then_some(package)
}
