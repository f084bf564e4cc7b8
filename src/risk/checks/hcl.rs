//! Just enough of Terraform's language to compare resources: the top-level `resource` blocks of a text with their
//! direct attributes. Braces inside strings and heredocs may mislead it; a block then ends late, and less is found.

use std::collections::BTreeMap;

/// A `resource` block: where it begins (1-based) and its direct `key = value` lines with theirs.
pub(super) struct Resource {
    pub line: u32,
    pub header: String,
    pub attributes: BTreeMap<String, (String, u32)>,
}

/// Type and name, as Terraform addresses a resource.
pub(super) type Address = (String, String);

pub(super) type Resources = BTreeMap<Address, Resource>;

pub(super) fn resources(text: &[u8]) -> Resources {
    let mut found = Resources::new();
    let mut open: Option<Address> = None;
    let mut depth = 0;
    for (number, line) in (1..).zip(text.split(|&b| b == b'\n')) {
        let line = String::from_utf8_lossy(line);
        let code = line.trim();
        if code.starts_with('#') || code.starts_with("//") {
            continue;
        }
        if depth == 0 {
            open = address(code);
            if let Some(address) = &open {
                let resource = Resource { line: number, header: code.to_owned(), attributes: BTreeMap::new() };
                found.insert(address.clone(), resource);
            }
        } else if depth == 1 {
            let resource = open.as_ref().and_then(|address| found.get_mut(address));
            if let Some((resource, (key, value))) = resource.zip(attribute(code)) {
                resource.attributes.insert(key.to_owned(), (value.to_owned(), number));
            }
        }
        depth = (depth + braces(code)).max(0);
    }
    found
}

fn braces(code: &str) -> i32 {
    code.bytes().map(|b| i32::from(matches!(b, b'{' | b'[')) - i32::from(matches!(b, b'}' | b']'))).sum()
}

/// Type and name of `resource "aws_db_instance" "main" {`.
fn address(code: &str) -> Option<Address> {
    let mut parts = code.strip_prefix("resource ")?.split('"');
    parts.next();
    let kind = parts.next()?;
    parts.next();
    Some((kind.to_owned(), parts.next()?.to_owned()))
}

fn attribute(code: &str) -> Option<(&str, &str)> {
    let (key, value) = code.split_once('=')?;
    let (key, value) = (key.trim(), value.split(" #").next().unwrap_or(value).trim());
    (!key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')).then_some((key, value))
}
