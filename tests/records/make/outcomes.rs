//! `gate-*`: what a gate makes of records, by who signed, what, when, and with which key.

use base64ct::{Base64, Encoding as _};
use undersign::decision::Verdict;
use undersign::record::statement::{Decimal, Predicate};

use super::chains::Series;
use super::people::{NOW, Person, bot, dana, ines_plain, jonas, mina, rahim, stranger};
use super::{Maker, Vector};

impl Maker {
    pub(super) fn judged(
        &mut self,
        name: &str,
        what: &str,
        expect: &str,
        policy: &str,
        series: &[Series],
    ) -> &mut Vector {
        let mut body = format!("policy {}\n", Base64::encode_string(policy.as_bytes()));
        series.iter().for_each(|series| body.push_str(&series.lines()));
        let vector = self.push("gate", name, what, expect, body.into_bytes());
        vector.headers.push(("now", NOW.to_string()));
        vector
    }

    pub(super) fn plain(&mut self, name: &str, what: &str, expect: &str, series: &[Series]) {
        self.judged(name, what, expect, &policy("", &[]), series);
    }

    pub(super) fn gate(&mut self) {
        self.approvals();
        self.key_times();
        self.human_only();
        self.break_glass();
        self.numbers();
    }

    fn approvals(&mut self) {
        let approved = |change: fn(&mut Predicate)| [Series::of(dana()).add(change)];
        self.plain("approved", "dana, a senior, approved what lands", "allow", &approved(|_| {}));
        self.plain("nothing", "No record at all", "UNSIGNED AI_UNSIGNED", &[]);
        self.plain("expired", "It ends now", "UNSIGNED AI_UNSIGNED EXPIRED", &approved(|p| p.not_after = Decimal(NOW)));
        self.plain("expires-soon", "It ends in a second", "allow", &approved(|p| p.not_after = Decimal(NOW + 1)));
        self.plain(
            "future",
            "Made 121 seconds from now",
            "UNSIGNED AI_UNSIGNED TIME",
            &approved(|p| {
                p.issued_at = Decimal(NOW + 121);
                p.not_after = Decimal(NOW + 999);
            }),
        );
        self.plain(
            "skew",
            "Made 120 seconds from now",
            "allow",
            &approved(|p| {
                p.issued_at = Decimal(NOW + 120);
                p.not_after = Decimal(NOW + 999);
            }),
        );
        self.plain(
            "stranger",
            "By a key that is not in the roster",
            "UNSIGNED AI_UNSIGNED",
            &[Series::of(stranger()).approve()],
        );
        let posing = Person { id: "dana", token: mina().token };
        self.plain(
            "principal",
            "By mina's key, in dana's name",
            "UNSIGNED AI_UNSIGNED",
            &[Series::of(posing).approve()],
        );
        self.plain("role", "By a junior", "UNSIGNED AI_UNSIGNED SELF_APPROVAL", &[Series::of(mina()).approve()]);
        self.plain("bot", "By a bot", "UNSIGNED AI_UNSIGNED NOT_HUMAN", &[Series::of(bot()).approve()]);
        self.plain(
            "repository",
            "For another repository",
            "UNSIGNED AI_UNSIGNED CONTEXT",
            &approved(|p| p.repository.id = "vectors-2".into()),
        );
        self.plain(
            "ref",
            "For another ref",
            "UNSIGNED AI_UNSIGNED CONTEXT",
            &approved(|p| p.target.name = "refs/heads/release".into()),
        );
        self.plain(
            "coverage-files",
            "One of two files was seen",
            "UNSIGNED AI_UNSIGNED COVERAGE",
            &approved(|p| p.coverage.files_seen = Decimal(1)),
        );
        self.plain(
            "coverage-hunks",
            "Two of three hunks were seen",
            "UNSIGNED AI_UNSIGNED COVERAGE",
            &approved(|p| p.coverage.hunks_seen = Decimal(2)),
        );
        self.plain(
            "role-then",
            "A senior who was none when signing",
            "UNSIGNED AI_UNSIGNED ROLE",
            &approved(|p| p.roles = vec!["mid".into()]),
        );
    }

    /// A key that was not valid yet, is valid no more, or was revoked.
    fn key_times(&mut self) {
        let keyed = |more: &str| {
            let key = format!("{{ key = \"{}\", {more} }}", dana().token.key().to_openssh());
            policy("", &[("dana", key)])
        };
        for (name, what, more, expect) in [
            (
                "key-valid",
                "The key is in its time",
                "valid = { from = 2026-09-21T12:00:00Z, until = 2026-09-22T00:00:00Z }",
                "allow",
            ),
            (
                "key-early",
                "The key was not yet valid",
                "valid = { from = 2026-09-21T13:30:00Z }",
                "UNSIGNED AI_UNSIGNED KEY_TIME",
            ),
            (
                "key-late",
                "The key is valid no more",
                "valid = { until = 2026-09-21T14:00:00Z }",
                "UNSIGNED AI_UNSIGNED KEY_TIME",
            ),
            (
                "key-retired",
                "The key was given up before",
                "revoked = { reason = \"retired\", at = 2026-09-21T13:00:00Z }",
                "UNSIGNED AI_UNSIGNED KEY_REVOKED",
            ),
            (
                "key-retired-after",
                "The key was given up later",
                "revoked = { reason = \"retired\", at = 2026-09-21T13:30:00Z }",
                "allow",
            ),
            (
                "key-compromised",
                "The key is in other hands, and nobody saw the record before",
                "revoked = { reason = \"compromised\", since = 2026-09-21T14:00:00Z }",
                "UNSIGNED AI_UNSIGNED KEY_REVOKED",
            ),
            (
                "key-compromised-after",
                "The key came into other hands later",
                "revoked = { reason = \"compromised\", since = 2026-09-21T14:15:00Z }",
                "allow",
            ),
        ] {
            self.judged(name, what, expect, &keyed(more), &[Series::of(dana()).approve()]);
        }
    }

    /// Claims that no AI was used.
    fn human_only(&mut self) {
        let claimed = policy("", &[]).replace("[ai]\n", "[ai]\nhuman_only_by = [\"senior\"]\n");
        let claim = |person: Person| {
            Series::of(person).add(|p| {
                p.verdict = Verdict::HumanOnly;
                p.provenance.status = "undeclared".into();
            })
        };
        let bare = Series::of(rahim()).add(|p| p.provenance.status = "undeclared".into());
        let two = claimed.replace("junior = 1", "junior = 2");
        self.judged(
            "human-only-claimed",
            "A senior claims that no AI was used, so that one senior suffices where two would be asked for",
            "allow",
            &two,
            &[claim(dana()), bare.clone()],
        );
        self.judged("human-only-unclaimed", "Nobody claims it", "AI_UNSIGNED", &two, std::slice::from_ref(&bare));
        self.judged("human-only-role", "A junior claims it", "AI_UNSIGNED", &two, &[claim(mina()), bare.clone()]);
        self.judged(
            "human-only-declared",
            "A senior claims it of what the approval says was made with AI",
            "AI_UNSIGNED",
            &two,
            &[claim(dana()), Series::of(rahim()).approve()],
        );
    }

    fn break_glass(&mut self) {
        let glass = policy("[break_glass]\nsign = [{ role = \"senior\", n = 2 }]\nmax_duration = \"4h\"\n", &[]);
        let breaks = |person: Person| Series::of(person).add(|p| p.verdict = Verdict::BreakGlass);
        self.judged(
            "break-glass-two",
            "Two seniors break the glass",
            "allow",
            &glass,
            &[breaks(dana()), breaks(rahim())],
        );
        self.judged(
            "break-glass-one",
            "One of two seniors does",
            "UNSIGNED AI_UNSIGNED BREAK_GLASS",
            &glass,
            &[breaks(dana())],
        );
        let old = |person: Person| {
            Series::of(person).add(|p| {
                p.verdict = Verdict::BreakGlass;
                p.issued_at = Decimal(NOW - 4 * 3600);
            })
        };
        self.judged(
            "break-glass-old",
            "Two seniors broke it four hours ago",
            "UNSIGNED AI_UNSIGNED",
            &glass,
            &[old(dana()), old(rahim())],
        );
    }

    /// One slot, and two.
    fn numbers(&mut self) {
        self.plain("ecdsa", "Approved with an ECDSA key", "allow", &[Series::of(rahim()).approve()]);
        let twice = policy("[compartment.src]\npaths = [\"src/**\"]\nsign = [{ role = \"senior\", n = 2 }]\n", &[]);
        let (d, r) = (Series::of(dana()).approve(), Series::of(rahim()).approve());
        self.judged("two", "Two seniors where two are asked for", "allow", &twice, &[d.clone(), r]);
        self.judged("two-by-one", "One senior twice where two are asked for", "UNSIGNED", &twice, &[d.approve()]);
    }
}

/// The policy of the gate vectors; `extra` compartments, and other keys for some people.
pub(super) fn policy(extra: &str, keys: &[(&str, String)]) -> String {
    let quoted = |person: Person| format!("\"{}\"", person.token.key().to_openssh());
    let person = |person: Person, roles: &str, kind: &str| {
        let key =
            keys.iter().find(|(id, _)| *id == person.id).map_or_else(|| quoted(person.clone()), |(_, key)| key.clone());
        format!(
            "[people.{0}]\nroles = [{roles}]\nkind = \"{kind}\"\nemails = [\"{0}@example.com\"]\nkeys = [{key}]\n",
            person.id
        )
    };
    format!(
        "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"vectors-1\"\n\
         [refs]\nprotected = [\"refs/heads/main\"]\n{}{}{}{}{}{}\
         [ai]\npresume = true\nsign = {{ junior = 1, mid = 1, senior = 1, none = 1 }}\n\
         [compartment.policy]\npaths = [\".undersign/**\"]\nsign = [{{ role = \"policy\", n = 1 }}]\nsolo = true\n\
         [compartment.default]\nsign = [{{ role = \"senior\", n = 1 }}]\n{extra}",
        person(dana(), "\"senior\"", "human"),
        person(rahim(), "\"senior\", \"policy\"", "human"),
        person(mina(), "\"junior\"", "human"),
        person(ines_plain(), "\"senior\"", "human"),
        person(jonas(), "\"senior\"", "human"),
        person(bot(), "\"senior\"", "bot"),
    )
}
