//! `gate-*`: rejections and how they end, and ledgers with records missing.

use undersign::decision::Verdict;
use undersign::record::statement::{Decimal, SeenHead};

use super::Maker;
use super::chains::Series;
use super::outcomes::policy;
use super::people::{NOW, Person, chain_id, dana, ines_plain, mina, rahim, stranger};

impl Maker {
    pub(super) fn rejections(&mut self) {
        let approved = || Series::of(rahim()).approve();
        self.plain("rejected", "dana rejects, rahim approves", "VETOED", &[Series::of(dana()).reject(), approved()]);
        let late = Series::of(dana()).add(|p| {
            p.verdict = Verdict::Reject;
            p.not_after = Decimal(NOW - 1);
        });
        self.plain("rejected-long-ago", "A rejection does not expire", "VETOED", &[late, approved()]);
        self.plain(
            "rejected-elsewhere",
            "A rejection for another ref",
            "allow",
            &[
                Series::of(dana()).add(|p| {
                    p.verdict = Verdict::Reject;
                    p.target.name = "refs/heads/release".into();
                }),
                approved(),
            ],
        );
        let changed = Series::of(dana()).reject();
        let id = changed.id(1);
        self.plain(
            "rejection-superseded",
            "dana rejects, then approves in its place",
            "allow",
            &[changed.clone().add(|p| p.supersedes = vec![id])],
        );
        self.plain(
            "rejection-and-approval",
            "dana rejects, then approves without saying that it takes the place",
            "VETOED",
            &[changed.clone().approve()],
        );
        let id = changed.id(1);
        self.plain(
            "rejection-withdrawn",
            "dana takes the rejection back, rahim approves",
            "allow",
            &[
                changed.clone().add(|p| {
                    p.verdict = Verdict::Withdraw;
                    p.supersedes = vec![id];
                }),
                approved(),
            ],
        );
        let id = changed.id(1);
        self.plain(
            "rejection-superseded-by-other",
            "rahim's approval says that it supersedes dana's rejection",
            "VETOED",
            &[changed.clone(), Series::of(rahim()).add(|p| p.supersedes = vec![id])],
        );
        let id = changed.id(1);
        self.plain(
            "rejection-superseded-by-stranger",
            "A stranger in dana's name supersedes it",
            "VETOED",
            &[changed.clone(), approved(), Series::of(stranger()).add(|p| p.supersedes = vec![id])],
        );
        let take = |person: Person| {
            let id = changed.id(1);
            Series::of(person).add(|p| {
                p.verdict = Verdict::HandOver;
                p.answers = vec![id];
            })
        };
        self.plain(
            "handover",
            "rahim, who signs for the policy, takes dana's rejection over and approves",
            "allow",
            &[changed.clone(), take(rahim()).approve()],
        );
        self.plain(
            "handover-role",
            "mina, a junior, takes it over",
            "VETOED",
            &[changed.clone(), approved(), take(mina())],
        );
        let other = Series::of(rahim())
            .add(|p| {
                p.verdict = Verdict::HandOver;
                p.answers = vec!["a".repeat(64)];
            })
            .approve();
        self.plain("handover-other", "rahim takes another rejection over", "VETOED", &[changed.clone(), other]);
        let authored = policy("", &[])
            .replace("\"mina@example.com\"", "\"mina2@example.com\"")
            .replace("\"rahim@example.com\"", "\"mina@example.com\"");
        self.judged(
            "handover-author",
            "rahim wrote the change and takes its rejection over",
            "VETOED",
            &authored,
            &[changed.clone(), take(rahim()), Series::of(ines_plain()).approve()],
        );
        let id = changed.id(1);
        let far = Series::of(rahim())
            .add(|p| {
                p.verdict = Verdict::HandOver;
                p.answers = vec![id];
                p.target.name = "refs/heads/release".into();
            })
            .approve();
        self.plain("handover-elsewhere", "A handover for another ref", "VETOED", &[changed, far]);
    }

    pub(super) fn ledger(&mut self) {
        let approved = || Series::of(rahim()).approve();
        let broken = |person: Person| Series::of(person).approve().approve().tap(|s| _ = s.links.remove(0));
        self.plain(
            "damaged",
            "A chain of the roster has a gap: a rejection may be what is missing",
            "LEDGER_FAULT",
            &[broken(dana()), approved()],
        );
        self.plain("damaged-stranger", "A stranger's chain has a gap", "allow", &[broken(stranger()), approved()]);
        let hidden = Series::of(dana()).reject();
        let witness =
            |person: &Person, record: String| SeenHead { chain: chain_id(person).to_string(), seq: Decimal(1), record };
        let saw = |head: SeenHead| Series::of(rahim()).add(move |p| p.seen = vec![head]);
        self.plain(
            "withheld",
            "rahim saw a record of dana that is not here",
            "LEDGER_MISSING",
            &[saw(witness(&dana(), hidden.id(1)))],
        );
        self.plain(
            "withheld-other",
            "rahim saw another first record of dana",
            "LEDGER_MISSING",
            &[saw(witness(&dana(), "a".repeat(64))), Series::of(dana()).approve()],
        );
        self.plain(
            "seen",
            "rahim saw dana's record, and it is here",
            "allow",
            &[saw(witness(&dana(), Series::of(dana()).approve().id(1))), Series::of(dana()).approve()],
        );
        self.plain(
            "withheld-stranger",
            "rahim saw a stranger's record that is not here",
            "allow",
            &[saw(witness(&stranger(), "a".repeat(64)))],
        );
        let remembered = |series: &Series, seq: usize| format!("{} {seq} {}", chain_id(&series.person), series.id(seq));
        let rejected = Series::of(dana()).approve().reject();
        let policy = policy("", &[]);
        self.judged(
            "rolled-back",
            "The gate saw a second record of dana, and it is gone",
            "LEDGER_ROLLBACK",
            &policy,
            &[Series::of(dana()).approve()],
        )
        .headers
        .push(("remembered", remembered(&rejected, 2)));
        self.judged("vanished", "The gate saw dana's chain, and it is gone", "LEDGER_ROLLBACK", &policy, &[approved()])
            .headers
            .push(("remembered", remembered(&rejected, 1)));
        self.judged("remembered", "The gate saw what is there", "allow", &policy, &[Series::of(dana()).approve()])
            .headers
            .push(("remembered", remembered(&rejected, 1)));
        self.judged(
            "remembered-stranger",
            "The gate saw the chain of a key that is off the roster",
            "allow",
            &policy,
            &[approved()],
        )
        .headers
        .push(("remembered", remembered(&Series::of(stranger()).approve(), 1)));
    }
}
