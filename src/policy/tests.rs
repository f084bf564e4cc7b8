use proptest::prelude::*;

use super::*;
use crate::change::Identity;

const SAMPLE: &str = include_str!("../../assets/policy.toml");

const DANA: &str = "[people.dana]";

fn sample() -> Policy {
    Policy::parse("policy.toml", SAMPLE).unwrap()
}

fn mistakes(from: &str, to: &str) -> String {
    assert!(SAMPLE.contains(from), "{from}");
    Policy::parse("policy.toml", &SAMPLE.replacen(from, to, 1)).unwrap_err().to_string()
}

fn asked(paths: &[&str], authors: &[&str]) -> Asked {
    let paths: Vec<RepoPath> = paths.iter().map(|&p| p.into()).collect();
    let authors: Vec<_> = authors.iter().map(|e| Identity { name: String::new(), email: (*e).to_owned() }).collect();
    sample().requirements(paths.iter(), &authors, Ai::Unknown)
}

fn slots(asked: &Asked) -> Vec<String> {
    let text =
        |r: &Requirement| r.slots.iter().map(|s| format!("{}: {} {}", r.compartment, s.n, s.role)).collect::<Vec<_>>();
    asked.requirements.iter().flat_map(text).collect()
}

#[test]
fn one_mistake_makes_no_other_key_unknown() {
    let table = [
        ("version = 1", "version = \"x\""),
        ("repository = \"", "repository = \"/"),
        ("criticality = \"critical\"", "criticality = \"huge\""),
        ("[compartment.default]", "[compartment.other]"),
    ];
    for (from, to) in table {
        let found = mistakes(from, to);
        assert!(!found.contains("unknown key"), "{to}: {found}");
    }
    let organization = "schema = \"undersign-organization/v1\"\nversion = 0.5\norganization = \"/acme\"\n\
                        self_review = false\n[limits]\nvalidity = \"30d\"\n[hidden]\nallow = []\n";
    let found = Organization::read("organization.toml", organization.as_bytes()).unwrap_err().to_string();
    assert!(found.contains("`version`") && !found.contains("unknown key `self_review`"), "{found}");
    assert!(!found.contains("unknown key `limits`") && !found.contains("unknown key `hidden`"), "{found}");
}

#[test]
fn each_mistake_names_what_is_wrong() {
    let table = [
        ("schema = \"undersign-policy/v1\"", "schema = \"x\"", "reads no other"),
        ("version = 1", "version = 0", "counts from 1"),
        ("emails = [\"rahim@example.com\"]", "emails = [\"DANA@example.com\"]", "already that of `dana`"),
        ("keys = [\"ssh-ed25519", "keys = [\"ssh-ed2551", "not a supported OpenSSH public key"),
        ("role = \"senior\", n = 2", "role = \"senior\", n = 9", "[people] has 3"),
        ("criticality = \"critical\"", "criticality = \"huge\"", "low, normal, high or critical"),
        ("binding = \"exact\"", "binding = \"loose\"", "exact, tree or manifest"),
        ("solo = true", "solo = false", "no compartment with `solo = true` holds"),
        ("[compartment.default]", "[compartment.other]", "[compartment.default] is missing"),
        ("\"refs/heads/main\"", "\"main\"", "write \"refs/heads/main\""),
        ("[ai]", "[ai]\nsurprise = 1", "unknown key `surprise`"),
        ("paths = [\"envs/prod/**\"]", "paths = [\"envs/[\"]", "not a pattern"),
        (DANA, "[people.dana]\naway = [{ from = 2026-12-20 }]", "needs `until`"),
        (DANA, "[people.dana]\naway = [{ from = 2026-12-20, until = 2026-12-19 }]", "`until` is before `from`"),
        (DANA, "[people.dana]\naway = [{ from = 2026-12-20T00:00:00Z, until = 2026-12-21 }]", "a day without a time"),
        (
            DANA,
            "[people.dana]\naway = [{ from = 2026-12-20, until = 2026-12-21, instead = \"omar\" }]",
            "no [people.omar]",
        ),
        (
            DANA,
            "[people.dana]\naway = [{ from = 2026-12-20, until = 2026-12-21, instead = \"dana\" }]",
            "instead of `dana`",
        ),
        (
            DANA,
            "[people.robo]\nkind = \"bot\"\n[people.dana]\naway = [{ from = 2026-12-20, until = 2026-12-21, instead = \"robo\" }]",
            "`robo` is a bot",
        ),
        (
            DANA,
            "[people.dana]\naway = [{ from = 2026-12-24, until = 2026-12-26 }, { from = 2026-12-20, until = 2026-12-24 }]",
            "begins before another one ends",
        ),
        (
            DANA,
            "[people.dana]\naway = [{ from = 2026-12-20, until = 2026-12-20, why = \"sick\" }]",
            "unknown key `why`",
        ),
        ("[ai]", "[clock]\n[ai]", "[clock] needs terms"),
        ("[ai]", "[clock]\ntier5 = { due = \"1d\", late = \"2d\" }\n[ai]", "unknown key `tier5`"),
        ("[ai]", "[clock]\ntier1 = { due = \"1d\" }\n[ai]", "needs `late`"),
        ("[ai]", "[clock]\ntier1 = { due = \"1d\", late = \"1d\" }\n[ai]", "not longer than `due`"),
        ("[ai]", "[clock]\ntier1 = { due = \"1d\", late = \"366d\" }\n[ai]", "at most \"365d\""),
        (
            "[ai]",
            "[clock]\ndefault = { due = \"1d\", late = \"2d\" }\nweekend = [\"caturday\"]\n[ai]",
            "not a day of the week",
        ),
        (
            "[ai]",
            "[clock]\ndefault = { due = \"1d\", late = \"2d\" }\nholidays = [\"soon\"]\n[ai]",
            "a day without a time",
        ),
    ];
    for (from, to, wanted) in table {
        let text = mistakes(from, to);
        assert!(text.contains(wanted), "{to}: {text}");
    }
}

#[test]
fn a_change_needs_the_union_of_what_its_compartments_need() {
    assert_eq!(slots(&asked(&["src/x.rs"], &["dana@example.com"])), ["default: 1 senior", "ai: 1 senior"]);
    assert_eq!(
        slots(&asked(&["src/x.rs", "envs/prod/main.tf"], &["dana@example.com"])),
        ["default: 1 senior", "prod: 2 senior", "prod: 1 security", "ai: 1 senior"]
    );
    assert_eq!(slots(&asked(&["src/x.rs"], &["stranger@example.net"])), ["default: 1 senior", "ai: 2 senior"]);
}

#[test]
fn the_policy_stands_alone() {
    assert!(asked(&[".undersign/policy.toml"], &[]).violations.is_empty());
    let mixed = asked(&[".undersign/policy.toml", "src/x.rs"], &[]);
    assert!(mixed.violations[0].compartment_holds_policy);
    assert_eq!(mixed.violations[0].path, "src/x.rs".into());
}

#[test]
fn one_person_fills_one_slot_and_others_make_room() {
    let policy = sample();
    let need = Requirement {
        slots: vec![Slot { role: "senior".into(), n: 1 }, Slot { role: "security".into(), n: 1 }],
        ..Requirement::named("prod")
    };
    let person = |id: &str| policy.roster.by_id(id).unwrap();
    let have = |ids: &[&str]| {
        need.fill(&ids.iter().map(|id| Signer::from(person(id))).collect::<Vec<_>>())
            .iter()
            .map(|f| f.have)
            .sum::<usize>()
    };
    assert_eq!(have(&["rahim"]), 1, "rahim is senior and security, but one person");
    assert_eq!(have(&["rahim", "dana"]), 2);
    assert_eq!(have(&["mina"]), 0);
}

/// A line of a `.pub` file for a point.
fn key_line(kind: &str, point: &[u8], application: &str) -> String {
    use base64ct::{Base64, Encoding as _};
    let mut blob = Vec::new();
    let mut put = |bytes: &[u8]| blob.extend([&(bytes.len() as u32).to_be_bytes(), bytes].concat());
    put(kind.as_bytes());
    if kind.contains("ecdsa") {
        put(b"nistp256");
    }
    put(point);
    if kind.starts_with("sk-") {
        put(application.as_bytes());
    }
    format!("{kind} {}", Base64::encode_string(&blob))
}

/// The points of a private key for ed25519 and for P-256.
fn points(seed: u8) -> (Vec<u8>, Vec<u8>) {
    let p256 = p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap();
    let ed25519 = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes().to_vec();
    (ed25519, p256.verifying_key().to_encoded_point(false).as_bytes().to_vec())
}

/// Adds keys for dana and for rahim; returns what is wrong with the policy, if anything.
fn with_keys(dana: &str, rahim: &str) -> Option<String> {
    let add = |text: &str, who: &str, key: &str| {
        let (start, rest) = text.split_at(text.find(&format!("[people.{who}]")).unwrap());
        format!("{start}{}", rest.replacen("keys = [", &format!("keys = [\"{key}\", "), 1))
    };
    let text = add(&add(SAMPLE, "dana", dana), "rahim", rahim);
    Policy::parse("policy.toml", &text).err().map(|error| error.to_string())
}

const ED25519: &str = "ssh-ed25519";
const SK_ED25519: &str = "sk-ssh-ed25519@openssh.com";
const ECDSA: &str = "ecdsa-sha2-nistp256";
const SK_ECDSA: &str = "sk-ecdsa-sha2-nistp256@openssh.com";

#[test]
fn one_point_is_one_persons_in_whatever_form() {
    let ((point, curve), (other, other_curve)) = (points(7), points(8));
    let forms = [
        (key_line(ED25519, &point, ""), key_line(SK_ED25519, &point, "ssh:"), key_line(SK_ED25519, &other, "ssh:")),
        (key_line(SK_ED25519, &point, "ssh:"), key_line(ED25519, &point, ""), key_line(ED25519, &other, "")),
        (key_line(SK_ED25519, &point, "ssh:"), key_line(SK_ED25519, &point, "ssh:x"), key_line(ED25519, &other, "")),
        (key_line(ECDSA, &curve, ""), key_line(SK_ECDSA, &curve, "ssh:"), key_line(SK_ECDSA, &other_curve, "ssh:")),
        (key_line(SK_ECDSA, &curve, "ssh:"), key_line(SK_ECDSA, &curve, ""), key_line(ECDSA, &other_curve, "")),
        (key_line(ED25519, &point, ""), key_line(ED25519, &point, "") + " comment", key_line(ECDSA, &curve, "")),
    ];
    for (first, same, another) in forms {
        let refused = with_keys(&first, &same).unwrap_or_default();
        assert!(refused.contains("line 37: this key is already that of `dana`"), "{same}: {refused}");
        let twice = with_keys(&format!("{first}\", \"{same}"), &another).unwrap_or_default();
        assert!(twice.contains("already among those of `dana`"), "{same}: {twice}");
        assert_eq!(with_keys(&first, &another), None, "{another}");
    }
}

/// The encodings of the eight points of small order, canonical and not.
const SMALL_ORDER: [&str; 14] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];

fn bytes(hex: &str) -> [u8; 32] {
    std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
}

#[test]
fn points_that_no_private_key_has_are_no_keys() {
    let own = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key();
    for hex in SMALL_ORDER {
        let small = bytes(hex);
        let point = ed25519_dalek::VerifyingKey::from_bytes(&small).unwrap();
        assert!(point.is_weak(), "{hex}");
        // A point of small order added to a valid key: the result has another order, and the same private key signs for
        // it.
        let mixed = (own.to_edwards() + point.to_edwards()).compress().to_bytes();
        let is_sound = mixed == own.to_bytes();
        for kind in [ED25519, SK_ED25519] {
            let refused = with_keys(&key_line(kind, &small, "ssh:"), &key_line(ECDSA, &points(8).1, ""));
            assert!(refused.is_some_and(|text| text.contains("not a supported OpenSSH public key")), "{kind} {hex}");
            let refused = with_keys(&key_line(kind, &mixed, "ssh:"), &key_line(ECDSA, &points(8).1, ""));
            assert_eq!(refused.is_none(), is_sound, "{kind} with {hex}: {refused:?}");
        }
    }
}

#[test]
fn a_point_has_one_spelling() {
    use crate::record::Key;
    use base64ct::{Base64, Encoding as _};
    let blob = |point: &[u8]| {
        let line = key_line(ED25519, point, "");
        Base64::decode_vec(line.split(' ').nth(1).unwrap()).unwrap()
    };
    let mut beyond = 0;
    for y in 0..19u8 {
        for sign in [0x00, 0x80] {
            let (mut short, mut long) = ([0; 32], [0xFF; 32]);
            (short[0], short[31]) = (y, sign);
            // The same beyond the prime 2^255 - 19.
            (long[0], long[31]) = (0xED + y, 0x7F | sign);
            let is_point = ed25519_dalek::VerifyingKey::from_bytes(&long).is_ok();
            beyond += u32::from(is_point);
            assert!(Key::parse(&blob(&long)).is_err(), "{y} {sign}");
            let negative_zero = y == 1 && sign != 0;
            assert_eq!(Key::parse(&blob(&short)).is_ok(), is_point && !negative_zero, "{y} {sign}");
        }
    }
    assert!(beyond > 8, "there are such points");
    let curve = points(7).1;
    let compressed = [&[2 + (curve[64] & 1)], &curve[1..33]].concat();
    let hybrid = [&[6 + (curve[64] & 1)], &curve[1..]].concat();
    for (form, sound) in [(&curve, true), (&compressed, false), (&hybrid, false)] {
        assert_eq!(Key::from_openssh(&key_line(ECDSA, form, "")).is_ok(), sound, "{form:?}");
    }
}

/// The names of dana and rahim, and whether they make a valid policy.
#[test]
fn what_people_are_known_by_is_theirs_alone() {
    let of = |dana: &str, rahim: &str| {
        let add = |text: &str, who: &str, lines: &str| {
            let emails = format!("emails = [\"{who}@example.com\"]");
            text.replacen(&emails, lines, 1)
        };
        Policy::parse("policy.toml", &add(&add(SAMPLE, "dana", dana), "rahim", rahim)).err().map(|r| r.to_string())
    };
    let plain = "emails = [\"rahim@example.com\"]";
    let hers = "emails = [\"dana@example.com\"]\nlogins = [\"dana-gh\", \"d@corp.example\"]";
    for his in [
        "emails = [\"dana@example.com\"]",
        "emails = [\"DANA@Example.com\"]",
        "emails = [\"ｄana@example.com\"]",
        "emails = [\"1+dana-gh@users.noreply.github.com\"]",
        "emails = [\"DANA-GH@users.noreply.github.com\"]",
        "emails = [\"12345-dana-gh@users.noreply.gitlab.com\"]",
        "emails = [\"1+dana@Users.Noreply.GitHub.com\"]",
        "emails = [\"dana-gh@noreply.codeberg.org\"]",
        "emails = [\"d@corp.example\"]",
        "logins = [\"dana\"]",
        "logins = [\"Dana\"]",
        "logins = [\"ｄａｎａ\"]",
        "logins = [\"dana@example.com\"]",
        "logins = [\"dana-gh\"]",
        "logins = [\"DANA-GH\"]",
        "logins = [\"mina\"]",
    ] {
        let refused = of(hers, his).unwrap_or_default();
        let owner = if his.contains("mina") { "mina" } else { "dana" };
        assert!(refused.contains(&format!("is already that of `{owner}`")), "{his}: {refused}");
    }
    for his in [
        plain,
        "emails = [\"rahim@example.com\", \"1+rahim-gh@users.noreply.github.com\"]\nlogins = [\"rahim\", \"rahim-gh\"]",
        "emails = [\"dаna@example.com\"]\nlogins = [\"dana_gh\"]",
        "emails = [\"dana-gh@example.com\", \"jörg@exämple.com\"]\nlogins = [\"rahim@example.com\", \"rahim[bot]\"]",
    ] {
        assert_eq!(of(hers, his), None, "{his}");
    }
    for wrong in [
        "",
        " ",
        "rahim",
        "@",
        "rahim@",
        "@example.com",
        "rahim @example.com",
        " rahim@example.com",
        "rahim@example.com\\n",
        "rahim@example.com\\u0000",
        "ra\\u200Bhim@example.com",
        "rahim@exam\\u00A0ple.com",
        "rahim\\u202E@example.com",
        "a@b@c",
        "Rahim <rahim@example.com>",
        "rahim@example.com,dana@example.com",
        "rahim＠example.com",
    ] {
        let refused = of(hers, &format!("emails = [\"{wrong}\"]")).unwrap_or_default();
        assert!(
            refused.contains("line 37: ") && refused.contains("is not an address; write it as commits have it"),
            "{wrong}: {refused}"
        );
    }
    for wrong in ["", " ", "@rahim", "rahim ", "ra him", "rahim\\t", "ra\\u200Bhim"] {
        let refused = of(hers, &format!("{plain}\nlogins = [\"{wrong}\"]")).unwrap_or_default();
        assert!(refused.contains("line 38: ") && refused.contains("is not an account"), "{wrong}: {refused}");
    }
    let cased =
        Policy::parse("policy.toml", &SAMPLE.replacen("[people.rahim]", "[people.Dana]", 1)).unwrap_err().to_string();
    assert!(cased.contains("`Dana` is not a valid id for a person"), "{cased}");
}

#[test]
fn every_id_of_a_person_may_end_the_name_of_a_ref() {
    let said = |id: &str| {
        let text = SAMPLE.replacen("[people.rahim]", &format!("[people.\"{id}\"]"), 1);
        Policy::parse("policy.toml", &text).err().map(|error| error.to_string()).unwrap_or_default()
    };
    for id in ["x.lock", "a..b", "foo.", ".a", "..", "a.lock.lock"] {
        assert!(said(id).contains("git allows no such name"), "{id}");
    }
    for id in ["a.b", "lock", "x.lock2", "-a", "a-", "__"] {
        assert!(!said(id).contains("git allows no such name"), "{id}");
    }
}

#[test]
fn an_account_is_what_is_listed_and_an_identity_may_mean_several_people() {
    let text = SAMPLE.replacen(
        "[people.dana]",
        "[people.dana]\nlogins = [\"dana-gh\", \"1-mina-gh\", \"dr@corp.example\"]",
        1,
    );
    let text = text.replacen("[people.mina]", "[people.mina]\nlogins = [\"mina-gh\"]", 1);
    let roster = Policy::parse("policy.toml", &text).unwrap().roster;
    let account = |name: &str| roster.by_account(name).map(|person| person.id.clone());
    for hers in ["dana-gh", "DANA-gh"] {
        assert_eq!(account(hers).as_deref(), Some("dana"), "{hers}");
    }
    for nobodys in ["dana", "Dana Reyes", "dana@example.com", "rahim", "", " dana-gh", "ｄana-gh", "dana-gh\u{200B}"] {
        assert_eq!(account(nobodys), None, "{nobodys}");
    }
    let of = |name: &str, email: &str| {
        let who = Identity { name: name.to_owned(), email: email.to_owned() };
        roster.people_of(&who).iter().map(|person| person.id.clone()).collect::<Vec<_>>().join(" ")
    };
    for (name, email, wanted) in [
        ("x", "dana@example.com", "dana"),
        ("x", " DANA@example.com ", "dana"),
        ("x", "dana\u{200B}@example.com", "dana"),
        ("x", "1+dana-gh@users.noreply.github.com", "dana"),
        ("x", "dana-gh@users.noreply.example.org", "dana"),
        ("x", "dana-gh@noreply.codeberg.org", "dana"),
        ("x", "7-dana-gh@users.noreply.gitlab.com", "dana"),
        ("x", "1-mina-gh@users.noreply.gitlab.com", "dana mina"),
        ("x", "dana-gh", "dana"),
        ("x", "dr@corp.example", "dana"),
        ("dana-gh", "", "dana"),
        ("Dana Reyes", " ", "dana"),
        ("DANA", "", "dana"),
        ("dana", "stranger@example.com", ""),
        ("", "", ""),
        ("x", "dana-gh@example.com", ""),
    ] {
        assert_eq!(of(name, email), wanted, "{name} <{email}>");
    }
    let rank = |email: &str| roster.rank(&Identity { name: String::new(), email: email.to_owned() });
    assert_eq!(rank("1-mina-gh@users.noreply.gitlab.com"), Rank::Junior, "the lowest of all who may be meant");
}

#[test]
fn an_approval_is_good_for_a_time_that_the_policy_bounds() {
    let day = 24 * 3600;
    let of = |line: &str| Policy::parse("policy.toml", &SAMPLE.replacen("validity = \"30d\"", line, 1));
    assert_eq!(of("").unwrap().limits.validity, 30 * day, "the default");
    assert_eq!(of("validity = \"7d\"").unwrap().limits.validity, 7 * day);
    assert!(of("validity = \"0s\"").unwrap_err().to_string().contains("would let no approval count"));
    let bare = SAMPLE.replacen("[limits]\ncompartments = 3\nlines = 4000\nvalidity = \"30d\"", "[limits]", 1);
    assert_eq!(Policy::parse("policy.toml", &bare).unwrap().limits.validity, 30 * day);
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text: String) {
        let _ = Policy::parse("policy.toml", &text);
    }

    /// Asking only those of a first name never changes which compartments contain a path.
    #[test]
    fn compartments_found_by_a_first_name_are_those_that_contain_a_path(
        patterns in prop::collection::vec("[aAbk*?/{},.!\\[\\]K ]{1,8}", 1..6),
        path in "[aAbk/. :*K\u{17f}\u{212a}\\\\]{1,9}",
    ) {
        let mut policy = sample();
        for (at, pattern) in patterns.iter().enumerate() {
            if let Ok(paths) = patterns::PathPatterns::new(std::iter::once(pattern.as_str())) {
                let name = format!("x{at}");
                policy.compartments.push(Compartment { name, paths, ..policy.compartments[0].clone() });
            }
        }
        let path = RepoPath::from(&*path);
        let names = |found: Vec<&Compartment>| found.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
        prop_assert_eq!(names(policy.finder().compartments_of(&path)), names(policy.compartments_of(&path)));
    }

    #[test]
    fn filling_finds_as_many_places_as_trying_all(roles in prop::collection::vec(0u8..8, 0..5), wants in prop::collection::vec(1usize..3, 3)) {
        let names = ["a", "b", "c"];
        let people: Vec<Person> = roles.iter().enumerate().map(|(i, bits)| Person {
            id: format!("p{i}"), name: String::new(), kind: PersonKind::Human, emails: vec![], logins: vec![], keys: vec![], away: vec![],
            roles: names.iter().enumerate().filter(|(r, _)| bits >> r & 1 == 1).map(|(_, n)| (*n).to_owned()).collect(),
        }).collect();
        let slots: Vec<Slot> = names.iter().zip(&wants).map(|(r, &n)| Slot { role: (*r).to_owned(), n }).collect();
        let need = Requirement { slots, ..Requirement::named("x") };
        let filled: usize = need.fill(&people.iter().map(Signer::from).collect::<Vec<_>>()).iter().map(|f| f.have).sum();
        let places: Vec<usize> = wants.iter().enumerate().flat_map(|(r, &n)| vec![r; n]).collect();
        prop_assert_eq!(filled, best(&roles, &places, 0));
    }
}

/// The most places that can be filled, by trying all assignments.
fn best(roles: &[u8], places: &[usize], used: u32) -> usize {
    let Some((&place, rest)) = places.split_first() else { return 0 };
    let fits = (0..roles.len()).filter(|&p| used >> p & 1 == 0 && roles[p] >> place & 1 == 1);
    fits.map(|p| 1 + best(roles, rest, used | 1 << p)).max().unwrap_or(0).max(best(roles, rest, used))
}

#[test]
fn each_mistake_of_brokers_and_targets_names_what_is_wrong() {
    let dana = sample().roster.by_id("dana").unwrap().keys[0].key.to_openssh();
    let key = sample().brokers[0].key.to_openssh();
    let table = [
        (key.as_str(), dana.as_str(), "this key is that of `dana`"),
        (key.as_str(), "ssh-ed25519 AAAA", "not a supported OpenSSH public key"),
        ("broker = \"ops1\"", "broker = \"ops2\"", "there is no [broker.ops2]"),
        ("broker = \"ops1\"\n", "", "needs `broker`"),
        ("level = \"L2\"", "level = \"high\"", "`level` is L0, L1, L2, L3 or L4"),
        ("presence = \"none\"\nvalid", "presence = \"pin+touch\"\nvalid", "enrolled with presence pin+touch"),
        ("valid = \"30m\"", "valid = \"25h\"", "from \"1s\" to \"24h\""),
        ("valid = \"30m\"", "valid = \"0s\"", "from \"1s\" to \"24h\""),
        ("pending = 5", "pending = 0", "from 1 to 100"),
        ("freeze = [\"peak\"]", "freeze = [\"summer\"]", "there is no [freeze.summer]"),
        ("start = \"call\"", "start = \"soon\"", "call or authorized"),
        ("about = \"AWS", "about = \"\\u001BAWS", "characters that do not show"),
        ("max_per_30d = 3, debt_after = \"24h\"", "max_per_30d = 0", "from 1 to 20"),
        ("name = \"pods\"", "name = \"migrate\"", "is the name of a command above"),
        ("\"/usr/bin/psql\"", "\"psql\"", "by its whole path"),
        ("\"/usr/bin/psql\"", "\"/usr/../bin/psql\"", "by its whole path"),
        ("\"/usr/bin/psql\"", "\"{psql|sh}\"", "by its whole path"),
        ("\"{input:sql}\"", "\"{input:sql}\", \"{input:sql}\"", "stands in this command twice"),
        ("\"{word}\"", "\"a{word}\"", "braces are for"),
        ("\"PGAPPNAME\"", "\"PGSERVICEFILE\"", "changes what a program loads"),
        ("\"PGAPPNAME\"", "\"TF_CLI_ARGS_apply\"", "changes what a program loads"),
        ("\"PGAPPNAME\"", "\"1A\"", "is not a valid name of a variable"),
        ("\"-n\", \"{word}\"]", "\"-n\", \"{input:names}\"]", "cannot be `unasked`"),
        ("start = \"call\"", "start = \"call\"\nsurprise = 1", "unknown key `surprise`"),
    ];
    for (from, to, wanted) in table {
        let text = mistakes(from, to);
        assert!(text.contains(wanted), "{to}: {text}");
    }
}

#[test]
fn a_target_that_says_little_asks_for_much() {
    let start = SAMPLE.find("[target.shop-prod]").unwrap();
    let least = "[target.shop-prod]\nbroker = \"ops1\"\nsign = [{ role = \"senior\", n = 1 }]\n";
    let source = format!("{}{least}", &SAMPLE[..start]);
    let refused = Policy::parse("policy.toml", &source).unwrap_err().to_string();
    assert!(refused.contains("enrolled with presence touch"), "{refused}");
    let policy =
        Policy::parse("policy.toml", &source.replace(least, &format!("{least}presence = \"none\"\n"))).unwrap();
    let target = policy.target("shop-prod").unwrap();
    assert_eq!((target.level, target.valid, target.pending), (Level::L2, 1_800, 5));
    assert_eq!((target.cooling, target.fresh, target.start), (120, 60, target::Start::Call));
    assert_eq!(target.destructive, target.sign);
    assert!(target.break_glass.is_none() && target.commands.is_empty());
}

#[test]
fn a_command_matches_an_entry_in_every_argument_or_not_at_all() {
    let policy = sample();
    let target = policy.target("shop-prod").unwrap();
    let entry = |argv: &[&str], inputs: &[(&str, &str)]| {
        let argv: Vec<String> = argv.iter().map(|&argument| argument.to_owned()).collect();
        target.entry(&argv, inputs).map(|entry| entry.name.clone())
    };
    let pods = ["/usr/bin/kubectl", "get", "pods", "-n", "shop"];
    assert_eq!(entry(&pods, &[]).as_deref(), Some("pods"));
    for odd in [
        &["/usr/bin/kubectl", "get", "secrets", "-n", "shop"][..],
        &["/usr/bin/kubectl", "get", "pods", "-n"],
        &["/usr/bin/kubectl", "get", "pods", "-n", "shop", "-o", "yaml"],
        &["/usr/bin/kubectl", "get", "pods", "-n", "--all"],
        &["kubectl", "get", "pods", "-n", "shop"],
    ] {
        assert_eq!(entry(odd, &[]), None, "{odd:?}");
    }
    let migrate = ["/usr/bin/psql", "-X", "-v", "ON_ERROR_STOP=1", "-f", "/run/in/sql"];
    assert_eq!(entry(&migrate, &[("sql", "/run/in/sql")]).as_deref(), Some("migrate"));
    assert_eq!(entry(&migrate, &[("csv", "/run/in/sql")]), None);
    assert_eq!(entry(&migrate, &[]), None);
}

/// A key from a seed, as a policy writes it.
fn line(seed: u8) -> String {
    use base64ct::{Base64, Encoding as _};
    let word = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
    let point = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes();
    format!("ssh-ed25519 {}", Base64::encode_string(&[word(b"ssh-ed25519"), word(&point)].concat()))
}

/// The sample with evidence of a machine, and of a forge on which dana and rahim have accounts.
fn with_evidence() -> String {
    let sources = format!(
        "[evidence.ci]\nkind = \"ci\"\nkeys = [\"{}\"]\nchecks = [\"build\", \"test\"]\n\n\
         [evidence.github]\nkind = \"forge\"\nkeys = [{{ key = \"{}\" }}]\nserver = \"https://github.com\"\n\n[break_glass]",
        line(41),
        line(42)
    );
    let asks = "[compartment.prod]\nrequire = [\"ci:build\"]\nforge_approvals = { evidence = \"github\", n = 1 }";
    let account = |text: String, who: &str| {
        text.replacen(&format!("[people.{who}]"), &format!("[people.{who}]\nlogins = [\"{who}-r\"]"), 1)
    };
    let text = account(account(SAMPLE.to_owned(), "dana"), "rahim");
    text.replacen("[break_glass]", &sources, 1).replacen("[compartment.prod]", asks, 1)
}

#[test]
fn evidence_and_where_it_is_asked_for_are_read() {
    let policy = Policy::parse("policy.toml", &with_evidence()).unwrap_or_else(|error| panic!("{error}"));
    let [ci, github] = &policy.evidence[..] else { panic!("{:?}", policy.evidence) };
    assert_eq!(
        (ci.binding, ci.valid, &ci.checks[..]),
        (Binding::Tree, 7 * 86_400, &["build".to_owned(), "test".to_owned()][..])
    );
    assert_eq!((github.binding, github.server.as_str()), (Binding::Manifest, "https://github.com"));
    let prod = policy.compartments.iter().find(|compartment| compartment.name == "prod").unwrap();
    let asked: Vec<String> = prod.evidence.iter().map(ToString::to_string).collect();
    assert_eq!(asked, ["the result build of ci", "1 approval on github"]);
    assert!(policy.evidence_by(&ci.keys[0].key.id().to_string()).map(|(source, _)| &source.name).eq(["ci"]));
}

#[test]
fn each_mistake_of_evidence_names_what_is_wrong() {
    let (ci, reader, broker) =
        (line(41), line(42), "AAAAC3NzaC1lZDI1NTE5AAAAIH97wWW5i+xRu1XgDjwSjpsD4HRPHeC4zS+VhFflHhsA");
    let dana = SAMPLE.lines().find(|line| line.starts_with("keys = [\"ssh-ed25519")).unwrap();
    let dana = dana.split('"').nth(1).unwrap().to_owned();
    let broker = format!("ssh-ed25519 {broker}");
    let checks = "checks = [\"build\", \"test\"]";
    let table: &[(&str, &str, &str)] = &[
        ("kind = \"ci\"", "kind = \"cd\"", "`kind` is ci or forge, not `cd`"),
        ("[evidence.ci]", "[evidence.c]", "is not a valid name for evidence"),
        (checks, "", "needs `checks = [\"build\"]`"),
        (checks, "checks = [\"build\", \"build\"]", "is there twice"),
        (checks, "checks = [\"build\", \"Unit tests\"]", "is not a valid name for a check"),
        (checks, "checks = [\"test\"]", "[evidence.ci] has no check `build`"),
        (
            checks,
            "checks = [\"build\"]\nserver = \"https://ci.example.com\"",
            "only evidence of kind \"forge\" has a `server`",
        ),
        (checks, "checks = [\"build\"]\nvalid = \"91d\"", "`valid` is from \"1m\" to \"90d\""),
        (checks, "checks = [\"build\"]\nbinding = \"exact\"", "the `binding` of evidence is tree or manifest"),
        ("server = \"https://github.com\"", "", "needs `server = "),
        ("server = \"https://github.com\"", "server = \"https://GitHub.com/\"", "in small letters"),
        (
            "server = \"https://github.com\"",
            "server = \"https://github.com\"\nchecks = [\"build\"]",
            "only evidence of kind \"ci\" has `checks`",
        ),
        (&ci, &dana, "is that of `dana`: evidence needs a key that is nobody's"),
        (&ci, &broker, "is that of the broker `ops1`"),
        (&ci, &reader, "this key is already that of `ci`"),
        (&ci, "ssh-rsa AAAA", "not a supported OpenSSH public key"),
        ("\"ci:build\"", "\"build\"", "is not a result of a check"),
        ("\"ci:build\"", "\"cd:build\"", "there is no [evidence.cd]"),
        ("\"ci:build\"", "\"github:build\"", "[evidence.github] is no \"ci\""),
        ("\"ci:build\"", "\"ci:build\", \"ci:build\"", "`ci:build` is there twice"),
        ("evidence = \"github\"", "evidence = \"gitlab\"", "there is no [evidence.gitlab]"),
        ("evidence = \"github\"", "evidence = \"ci\"", "[evidence.ci] is no \"forge\""),
        ("evidence = \"github\", n = 1", "evidence = \"github\", n = 0", "`n` is a number from 1"),
        (
            "evidence = \"github\", n = 1",
            "evidence = \"github\", n = 9",
            "needs 9 of the roster with `logins` on the forge",
        ),
        ("evidence = \"github\", n = 1", "evidence = \"github\", n = 1, role = \"poet\"", "and the role `poet`"),
        ("[compartment.policy]", "[compartment.policy]\nrequire = [\"ci:build\"]", "needs no evidence to change"),
    ];
    let text = with_evidence();
    for (from, to, wanted) in table {
        assert!(text.contains(from), "{from}");
        let edited = text.replacen(from, to, 1);
        let said = Policy::parse("policy.toml", &edited).err().unwrap_or_else(|| panic!("{to} is not a mistake"));
        assert!(said.to_string().contains(wanted), "{to}: {said}");
    }
}

#[test]
fn what_a_change_of_evidence_means_is_said_in_both_directions() {
    let table: &[(&str, &str, &str, &str)] = &[
        (
            "require = [\"ci:build\"]",
            "require = []",
            "▼ prod no longer needs the result ci:build",
            "▲ prod needs the result ci:build as well",
        ),
        (
            "\"github\", n = 1",
            "\"github\", n = 2",
            "▲ approvals on github that prod needs: 2 instead of 1",
            "▼ approvals on github that prod needs: 1 instead of 2",
        ),
        (
            "forge_approvals = { evidence = \"github\", n = 1 }",
            "",
            "▼ approvals on github that prod needs: 0 instead of 1",
            "▲ approvals on github that prod needs: 1 instead of 0",
        ),
        (
            "\"build\", \"test\"]",
            "\"build\"]",
            "▲ the evidence ci may no longer sign the result test",
            "▼ the evidence ci may sign the result test",
        ),
        (
            "kind = \"ci\"",
            "kind = \"ci\"\nvalid = \"30d\"",
            "▼ the evidence ci counts for 30 days instead of 7 days",
            "▲ the evidence ci counts for 7 days instead of 30 days",
        ),
        (
            "kind = \"ci\"",
            "kind = \"ci\"\nbinding = \"manifest\"",
            "▼ the evidence ci binds manifest instead of tree",
            "▲ the evidence ci binds tree instead of manifest",
        ),
        (
            "https://github.com",
            "https://git.example.com",
            "· the evidence github is forge https://git.example.com instead of forge https://github.com",
            "· the evidence github is forge https://github.com instead of forge https://git.example.com",
        ),
    ];
    let read = |text: &str| Policy::parse("policy.toml", text).unwrap_or_else(|error| panic!("{error}"));
    let said = |old: &Policy, new: &Policy| meaning(old, new).iter().map(ToString::to_string).collect::<Vec<_>>();
    let (text, policy) = (with_evidence(), read(&with_evidence()));
    assert_eq!(said(&policy, &policy), [""; 0]);
    for (from, to, there, back) in table {
        assert!(text.contains(from), "{from}");
        let edited = read(&text.replacen(from, to, 1));
        assert_eq!(said(&policy, &edited), [*there], "{from} → {to}");
        assert_eq!(said(&edited, &policy), [*back], "back from {to}");
    }
    let more = read(&text.replacen(&line(41), &format!("{}\", \"{}", line(41), line(43)), 1));
    let print = |seed| crate::record::Key::from_openssh(&line(seed)).unwrap().fingerprint();
    assert_eq!(said(&policy, &more), [format!("▼ the evidence ci has a key more: {}", print(43))]);
    assert_eq!(said(&more, &policy), [format!("· the evidence ci has a key less: {}", print(43))]);
    let ended =
        format!("{{ key = \"{}\", revoked = {{ reason = \"retired\", at = 2026-05-01T00:00:00Z }} }}", line(41));
    let ended = read(&text.replacen(&format!("\"{}\"", line(41)), &ended, 1));
    let state = format!("the key {} of the evidence ci is", print(41));
    assert_eq!(said(&policy, &ended), [format!("▲ {state} revoked: retired from 2026-05-01 00:00Z")]);
    assert_eq!(said(&ended, &policy), [format!("▼ {state} no longer revoked")]);
    let plain = sample();
    let new = said(&plain, &policy);
    assert!(new.contains(&"▲ prod needs the result ci:build as well".to_owned()), "{new:?}");
    assert!(new.contains(&format!("· the evidence ci is new: ci, signed by {}", print(41))), "{new:?}");
    let gone = said(&policy, &plain);
    assert!(gone.contains(&"▲ the evidence ci is gone: its keys sign none any more".to_owned()), "{gone:?}");
}

#[test]
fn an_organization_may_ask_for_evidence_and_its_people_are_nobodys_machines() {
    let organization = format!(
        "schema = \"undersign-organization/v1\"\nversion = 1\norganization = \"acme\"\n\
         [people.omar]\nroles = [\"senior\", \"policy\"]\nemails = [\"omar@example.com\"]\nkeys = [\"{}\"]\n\
         [evidence.ci]\nkind = \"ci\"\nkeys = [\"{}\"]\nchecks = [\"scan\"]\n\
         [compartment.default]\nsign = [{{ role = \"senior\", n = 1 }}]\nrequire = [\"ci:scan\"]\n",
        line(51),
        line(52)
    );
    let of = |text: &str| Organization::read("organization.toml", text.as_bytes());
    let acme = of(&organization).unwrap_or_else(|error| panic!("{error}"));
    let repository = |key: &str| {
        format!(
            "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"r1\"\ninherits = \"acme\"\n\
             [refs]\nprotected = [\"refs/heads/main\"]\n\
             [evidence.ci]\nkind = \"ci\"\nkeys = [\"{key}\"]\nchecks = [\"build\"]\n\
             [compartment.policy]\npaths = [\".undersign/**\"]\nsign = [{{ role = \"policy\", n = 1 }}]\nsolo = true\n\
             [compartment.default]\nsign = [{{ role = \"senior\", n = 1 }}]\nrequire = [\"ci:build\"]\n"
        )
    };
    let read = |text: &str| {
        Policy::read("policy.toml", text.as_bytes(), Some(&acme)).unwrap_or_else(|error| panic!("{error}"))
    };
    let policy = read(&repository(&line(41)));
    let asked = policy.requirements([&RepoPath::from("src/x.rs")].into_iter(), &[], Ai::Unknown);
    let needs: Vec<String> = asked.requirements.iter().flat_map(|own| &own.evidence).map(ToString::to_string).collect();
    assert_eq!(needs, ["the result build of ci", "the result scan of org/ci"]);
    assert_eq!(policy.evidence.iter().map(|source| source.name.as_str()).collect::<Vec<_>>(), ["ci", "org/ci"]);
    assert!(policy.inherited.as_ref().unwrap().weaker.is_empty());
    // A repository takes the key of somebody of the organization for a machine's.
    let policy = read(&repository(&line(51)));
    let weaker = &policy.inherited.as_ref().unwrap().weaker;
    assert!(weaker[0].text.contains("is that of `omar`: what it signs is not evidence"), "{weaker:?}");
    assert!(policy.evidence[0].keys.is_empty());
    let error = of(&organization.replace(&line(52), &line(51))).unwrap_err().to_string();
    assert!(error.contains("is that of `omar`"), "{error}");
}
