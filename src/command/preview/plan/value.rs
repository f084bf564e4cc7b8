//! Lists, objects and values of JSON within bounds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hasher as _};
use std::marker::PhantomData;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The limit for a list.
const MAX_LIST: usize = 100_000;
/// The limit for the members of one object.
pub const MAX_MEMBERS: usize = 10_000;
/// Longer texts, in bytes, are only compared.
const MAX_KEPT: usize = 200;

/// Reads a list of bounded length, and uses each item as soon as it is read.
///
/// # Errors
/// It is none, an item is none, or there are too many.
pub fn each<'de, T, D>(deserializer: D, take: impl FnMut(T)) -> Result<(), D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_seq(Each(take, PhantomData))
}

struct Each<F, T>(F, PhantomData<T>);

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Each<F, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        for _ in 0..MAX_LIST {
            let Some(item) = list.next_element()? else { return Ok(()) };
            (self.0)(item);
        }
        match list.next_element::<IgnoredAny>()? {
            Some(_) => Err(A::Error::custom(format!("a list has more than {MAX_LIST} items"))),
            None => Ok(()),
        }
    }
}

/// A list of bounded length.
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<List<T>, D::Error> {
        let mut all = Vec::new();
        each(deserializer, |item| all.push(item))?;
        Ok(List(all))
    }
}

/// An object of a bounded number of members, each at most once.
pub struct Object<T>(pub BTreeMap<String, T>);

impl<T> Default for Object<T> {
    fn default() -> Object<T> {
        Object(BTreeMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        struct Own<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Own<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Object<T>, A::Error> {
                let mut all = BTreeMap::new();
                while let Some((name, value)) = members.next_entry()? {
                    if all.len() >= MAX_MEMBERS || all.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member stands twice, or there are too many"));
                    }
                }
                Ok(Object(all))
            }
        }
        deserializer.deserialize_map(Own(PhantomData))
    }
}

/// A value, as far as a row needs it.
#[derive(Default)]
pub struct Value {
    pub kind: Kind,
    /// Equal values have equal hashes.
    pub hash: u64,
    /// As a mark: whether it, or anything in it, is set. What has another form than marks have counts as set.
    pub is_set: bool,
}

/// The form of a value.
#[derive(Default)]
pub enum Kind {
    /// `null`; also what is absent.
    #[default]
    Null,
    Bool(bool),
    Number(String),
    /// A short text.
    Text(String),
    /// An object: the names of its members that are set.
    Marks(BTreeSet<String>),
    /// A list, a long text, or a large object.
    Other,
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(Whole)
    }
}

struct Whole;

impl Whole {
    fn scalar(kind: Kind, tag: u8, value: impl std::hash::Hash, is_set: bool) -> Value {
        Value { kind, hash: hashed(&(tag, value)), is_set }
    }
}

fn hashed(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl<'de> Visitor<'de> for Whole {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Whole::scalar(Kind::Null, 0, (), false))
    }

    fn visit_bool<E>(self, own: bool) -> Result<Value, E> {
        Ok(Whole::scalar(Kind::Bool(own), 1, own, own))
    }

    fn visit_i64<E>(self, own: i64) -> Result<Value, E> {
        Ok(Whole::scalar(Kind::Number(own.to_string()), 2, own.to_string(), true))
    }

    fn visit_u64<E>(self, own: u64) -> Result<Value, E> {
        Ok(Whole::scalar(Kind::Number(own.to_string()), 2, own.to_string(), true))
    }

    fn visit_f64<E>(self, own: f64) -> Result<Value, E> {
        Ok(Whole::scalar(Kind::Number(own.to_string()), 2, own.to_string(), true))
    }

    fn visit_str<E>(self, own: &str) -> Result<Value, E> {
        let kind = if own.len() <= MAX_KEPT { Kind::Text(own.to_owned()) } else { Kind::Other };
        Ok(Whole::scalar(kind, 3, own, true))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let (mut hash, mut is_set) = (hashed(&4u8), false);
        while let Some(Leaf(own, set)) = list.next_element()? {
            (hash, is_set) = (hashed(&(hash, own)), is_set | set);
        }
        Ok(Value { kind: Kind::Other, hash, is_set })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let (mut hash, mut names, mut is_large) = (hashed(&5u8), BTreeSet::new(), false);
        while let Some((name, Leaf(own, set))) = members.next_entry::<String, Leaf>()? {
            hash = hash.wrapping_add(hashed(&(&name, own)));
            is_large |= names.len() >= MAX_MEMBERS;
            if set && !is_large {
                names.insert(name);
            }
        }
        let is_set = !names.is_empty();
        Ok(Value { kind: if is_large { Kind::Other } else { Kind::Marks(names) }, hash, is_set })
    }
}

/// A value within another: its hash, and whether anything in it is set.
struct Leaf(u64, bool);

impl<'de> Deserialize<'de> for Leaf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Leaf, D::Error> {
        struct Own;
        impl<'de> Visitor<'de> for Own {
            type Value = Leaf;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Leaf, E> {
                Ok(Leaf(hashed(&0u8), false))
            }
            fn visit_bool<E>(self, own: bool) -> Result<Leaf, E> {
                Ok(Leaf(hashed(&(1u8, own)), own))
            }
            fn visit_i64<E>(self, own: i64) -> Result<Leaf, E> {
                Ok(Leaf(hashed(&(2u8, own)), true))
            }
            fn visit_u64<E>(self, own: u64) -> Result<Leaf, E> {
                Ok(Leaf(hashed(&(6u8, own)), true))
            }
            fn visit_f64<E>(self, own: f64) -> Result<Leaf, E> {
                Ok(Leaf(hashed(&(7u8, own.to_bits())), true))
            }
            fn visit_str<E>(self, own: &str) -> Result<Leaf, E> {
                Ok(Leaf(hashed(&(3u8, own)), true))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Leaf, A::Error> {
                Whole.visit_seq(list).map(|own| Leaf(own.hash, own.is_set))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Leaf, A::Error> {
                let (mut hash, mut is_set) = (hashed(&5u8), false);
                while let Some((name, Leaf(own, set))) = members.next_entry::<String, Leaf>()? {
                    (hash, is_set) = (hash.wrapping_add(hashed(&(name, own))), is_set | set);
                }
                Ok(Leaf(hash, is_set))
            }
        }
        deserializer.deserialize_any(Own)
    }
}
