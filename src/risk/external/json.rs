//! JSON of third-party tools, read part by part: an invalid part counts as absent, without affecting the rest.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// JSON text whose syntax is checked, but which is not decoded.
pub type Raw<'a> = &'a RawValue;

/// The most members of one object that are kept.
const MAX_MEMBERS: usize = 1_000;
/// The most bytes of a part that is decoded as a whole: in memory it is many times as large.
const MAX_PART: usize = 1 << 20;
/// The greatest depth of such a part.
const MAX_DEPTH: usize = 64;

/// The members of an object, by name; of equal names the last one counts.
#[derive(Default)]
pub struct Object<'a>(BTreeMap<String, Raw<'a>>);

/// The first items of an array.
#[derive(Default)]
pub struct List<'a> {
    pub items: Vec<Raw<'a>>,
    /// Items beyond the requested ones.
    pub more: usize,
}

/// A whole text. The error says where its syntax breaks.
pub fn parse(text: &str) -> Result<Raw<'_>, serde_json::Error> {
    serde_json::from_str(text)
}

impl<'a> Object<'a> {
    /// Empty if the text is not an object.
    pub fn of(raw: Raw<'a>) -> Object<'a> {
        serde_json::from_str(raw.get()).unwrap_or_default()
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A member that is an object; empty if it is not.
    pub fn object(&self, name: &str) -> Object<'a> {
        self.0.get(name).map(|raw| Object::of(raw)).unwrap_or_default()
    }

    /// The first `most` items of a member that is an array; none if it is not.
    pub fn list(&self, name: &str, most: usize) -> List<'a> {
        self.0.get(name).map(|raw| list(raw, most)).unwrap_or_default()
    }

    /// A member decoded as a whole; null where it is absent, cannot be decoded or is too large.
    pub fn value(&self, name: &str) -> Value {
        self.0.get(name).and_then(|raw| value(raw)).unwrap_or_default()
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.value(name).as_str().map(str::to_owned)
    }

    /// All members, by name.
    pub fn members(&self) -> impl Iterator<Item = (&String, Raw<'a>)> {
        self.0.iter().map(|(name, raw)| (name, *raw))
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, raw)) = map.next_entry::<String, Raw<'de>>()? {
                    if members.len() < MAX_MEMBERS || members.contains_key(&name) {
                        members.insert(name, raw);
                    }
                }
                Ok(Object(members))
            }
        }
        from.deserialize_map(Members)
    }
}

/// The first `most` items of an array; none if the text is not an array.
pub fn list(raw: Raw<'_>, most: usize) -> List<'_> {
    struct Items(usize);
    impl<'de> Visitor<'de> for Items {
        type Value = List<'de>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<'de>, A::Error> {
            let mut list = List::default();
            while list.items.len() < self.0 {
                match seq.next_element()? {
                    Some(item) => list.items.push(item),
                    None => return Ok(list),
                }
            }
            while seq.next_element::<IgnoredAny>()?.is_some() {
                list.more += 1;
            }
            Ok(list)
        }
    }
    let mut text = serde_json::Deserializer::from_str(raw.get());
    text.deserialize_seq(Items(most)).unwrap_or_default()
}

/// A part decoded as a whole; none if it is too large or too deep, or contains something without a value, such as half
/// of a surrogate pair.
pub fn value(raw: Raw<'_>) -> Option<Value> {
    let text = raw.get();
    (text.len() <= MAX_PART && depth(text) <= MAX_DEPTH).then(|| serde_json::from_str(text).ok()).flatten()
}

/// How deep arrays and objects nest.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut is_escaped) = (0usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// A line or column as tools write them: a whole number, also as `3.0` or `"3"`; 0 where there is none.
pub fn number(value: &Value) -> u32 {
    // A cast of a float stays within the bounds of the integer.
    decimal(value).map_or(0, |number| number as u32)
}

/// A decimal number, also one that is written as text; none where it is neither.
pub fn decimal(value: &Value) -> Option<f64> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    number.filter(|number: &f64| number.is_finite())
}

/// The text of a member; empty if there is none.
pub fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The value at a pointer; null if there is none.
pub fn at<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// The error for a text that is not JSON, with the position.
pub fn syntax(error: &serde_json::Error) -> String {
    format!("It is no JSON from line {}, column {}: {error}.", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_odd_costs_only_itself() {
        let text = r#"{"a": ["\ud800", {"deep": 1}, 3], "b": "x", "b": "y", "n": "7"}"#;
        let object = Object::of(parse(text).unwrap());
        let List { items, more } = object.list("a", 2);
        assert_eq!((items.len(), more), (2, 1));
        assert_eq!(value(items[0]), None);
        assert_eq!(number(at(&value(items[1]).unwrap(), "/deep")), 1);
        assert_eq!(object.text("b").as_deref(), Some("y"));
        assert_eq!(number(&object.value("n")), 7);
        assert!(object.list("b", 9).items.is_empty() && object.object("a").0.is_empty());
    }

    #[test]
    fn what_is_too_deep_is_not_decoded_and_brackets_in_texts_are_no_depth() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(value(parse(&nested(MAX_DEPTH)).unwrap()).is_some());
        assert!(value(parse(&nested(MAX_DEPTH + 1)).unwrap()).is_none());
        assert!(value(parse(&format!("\"{}\\\"[\"", "[".repeat(99))).unwrap()).is_some());
    }
}
