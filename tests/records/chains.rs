//! Heads, and copies of one chain from several places.

use undersign::record::chain::Link;
use undersign::record::key::TokenUse;
use undersign::record::{Chain, ChainId, Fault, Head, Heads, Index, Record, Statement};

use crate::make::{self, dana, sign, statement};

/// dana's chain, with a reason for each record.
fn chain(reasons: &[&str]) -> Chain {
    let first = statement(&dana());
    let id = ChainId { key: first.predicate.chain.key.clone(), device: first.predicate.chain.id.clone() };
    let mut chain = Chain::empty(id);
    for reason in reasons {
        let (seq, prev) = chain.next();
        let mut next: Statement = first.clone();
        next.predicate.chain.seq.0 = seq;
        next.predicate.chain.prev = prev;
        next.predicate.reason = (*reason).to_owned();
        let envelope = sign(&dana(), &next.encode(), TokenUse { flags: 0, counter: 0 });
        let (manifest, findings) = (make::manifest().encode(), b"[]\n".to_vec());
        chain.extend([Some(Link::of_decision(seq, envelope, manifest, findings))]);
        assert_eq!(chain.fault, None);
    }
    chain
}

#[test]
fn heads_only_grow_and_say_what_is_lost() {
    let (short, long) = (chain(&["a"]), chain(&["a", "b"]));
    assert_eq!(long.head(), Some(Head { seq: 2, record: long.records[1].id() }));
    assert_eq!(chain(&[]).head(), None);
    let mut heads = Heads::of([&long]);
    heads.learn(short.id.clone(), short.head());
    assert_eq!(heads.get(&long.id), long.head(), "a lower head is not learned");
    heads.learn(long.id.clone(), chain(&["a", "c"]).head());
    assert_eq!(heads.get(&long.id), long.head(), "nor is another one of the same number");
    heads.learn(long.id.clone(), None);
    assert_eq!(heads.iter().count(), 1);
    let losses =
        |chains: &[Chain]| heads.losses(&Index::of(chains)).map(|loss| (loss.head.seq, loss.fault)).collect::<Vec<_>>();
    assert_eq!(losses(std::slice::from_ref(&long)), []);
    assert_eq!(losses(&[short]), [(2, Fault::Rewound)]);
    assert_eq!(losses(&[]), [(2, Fault::Rewound)]);
    assert_eq!(losses(&[chain(&["a", "c"])]), [(2, Fault::Forked)]);
    let mut grown = Heads::of([&chain(&["a"])]);
    grown.learn(long.id.clone(), long.head());
    assert_eq!(grown, heads, "a higher one is");
}

#[test]
fn heads_are_read_back_as_they_were_written_and_damage_is_refused() {
    let heads = Heads::of([&chain(&["a", "b"])]);
    let text = serde_json::to_string(&heads).unwrap();
    assert_eq!(serde_json::from_str::<Heads>(&text).unwrap(), heads);
    for (from, to) in
        [("\"2\"", "\"x\""), ("\"seq\"", "\"sequence\""), ("/0", "/x"), ("\"record\":\"", "\"record\":\"x")]
    {
        assert!(serde_json::from_str::<Heads>(&text.replacen(from, to, 1)).is_err(), "{from} → {to}");
    }
}

#[test]
fn copies_of_a_chain_are_joined_to_the_longest_or_are_a_fork() {
    let (short, long, other) = (chain(&["a"]), chain(&["a", "b"]), chain(&["c"]));
    assert_eq!(Chain::<Record>::join(vec![]), None);
    for copies in [vec![short.clone(), long.clone()], vec![long.clone(), short.clone()]] {
        assert_eq!(Chain::join(copies), Some(long.clone()));
    }
    let forked = Chain::join(vec![long.clone(), other]).unwrap();
    assert_eq!(forked.fault, Some((1, Fault::Forked)));
    // A damaged copy does not harm a sound one that is as long.
    let mut damaged = short.clone();
    damaged.extend([None]);
    assert_eq!(damaged.fault, Some((2, Fault::ChainLayout)));
    assert_eq!(Chain::join(vec![damaged.clone(), long.clone()]), Some(long));
    // What stands after a fault is not read.
    damaged.extend([None, None]);
    assert_eq!((damaged.records.len(), damaged.fault), (1, Some((2, Fault::ChainLayout))));
}
