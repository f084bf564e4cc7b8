//! What is known of chains from elsewhere: signed into records as `seen`, remembered by gates, reported by remotes.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::{Chain, ChainId, Entry, Fault, Record, RecordId};

/// The position of a record in a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// From 1.
    pub seq: u64,
    /// The id of the record with that number.
    pub record: RecordId,
}

/// For each chain, the highest known record. It only grows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heads(BTreeMap<ChainId, Head>);

/// Chains by their ids: one person can have any number of them.
pub struct Index<'c, R = Record>(HashMap<&'c ChainId, &'c Chain<R>>);

impl<'c, R> Index<'c, R> {
    /// For many lookups in the same chains.
    pub fn of(chains: &'c [Chain<R>]) -> Index<'c, R> {
        Index(chains.iter().map(|chain| (&chain.id, chain)).collect())
    }
}

/// A chain that lost something that was known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The chain that lost something.
    pub chain: ChainId,
    /// What was known.
    pub head: Head,
    /// [`Fault::Rewound`] or [`Fault::Forked`].
    pub fault: Fault,
}

impl Heads {
    /// The highest record of each chain that has any.
    pub fn of<'c, R: Entry + 'c>(chains: impl IntoIterator<Item = &'c Chain<R>>) -> Heads {
        let mut heads = Heads::default();
        for chain in chains {
            heads.learn(chain.id.clone(), chain.head());
        }
        heads
    }

    /// Adds a head, unless a higher one is known.
    pub fn learn(&mut self, chain: ChainId, head: Option<Head>) {
        let Some(head) = head else { return };
        let known = self.0.entry(chain).or_insert(head);
        if known.seq < head.seq {
            *known = head;
        }
    }

    /// Forgets what is known of a chain.
    pub fn forget(&mut self, chain: &ChainId) {
        self.0.remove(chain);
    }

    /// By chain, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&ChainId, &Head)> {
        self.0.iter()
    }

    /// Whether no chain is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The highest known record of a chain; none if the chain is not known.
    pub fn get(&self, chain: &ChainId) -> Option<Head> {
        self.0.get(chain).copied()
    }

    /// What these heads name, but the chains do not contain. A chain that is absent has lost everything.
    pub fn losses<'h, R: Entry>(&'h self, chains: &'h Index<'h, R>) -> impl Iterator<Item = Loss> + 'h {
        self.0.iter().filter_map(|(id, head)| {
            let held = chains.0.get(id).map_or(Err(Fault::Rewound), |chain| chain.holds(*head));
            held.err().map(|fault| Loss { chain: id.clone(), head: *head, fault })
        })
    }
}

/// On disk and on the wire: `{"<key id>/<chain id>": {"seq": "7", "record": "…"}}`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    seq: String,
    record: String,
}

impl Serialize for Heads {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = |head: &Head| Written { seq: head.seq.to_string(), record: head.record.to_string() };
        serializer.collect_map(self.0.iter().map(|(id, head)| (id.to_string(), written(head))))
    }
}

impl<'de> Deserialize<'de> for Heads {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Heads, D::Error> {
        let malformed = |what: &str| serde::de::Error::custom(format!("`{what}` is no head of a chain"));
        let mut heads = Heads::default();
        for (name, written) in BTreeMap::<String, Written>::deserialize(deserializer)? {
            let chain: ChainId = name.parse().map_err(|_| malformed(&name))?;
            let seq = written.seq.parse().map_err(|_| malformed(&name))?;
            let record = written.record.parse().map_err(|_| malformed(&name))?;
            heads.0.insert(chain, Head { seq, record });
        }
        Ok(heads)
    }
}
