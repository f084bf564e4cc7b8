//! Rows 1 to 7 of `docs/threat-model.md`: who signs, with which key, in which role.

use undersign::decision::Verdict;
use undersign::record::Record;

use crate::scene::*;
use crate::support::{Decision, Fixture, key_of, now, policy};

/// `src` takes two seniors.
const TWO: &str = "sign = [{ role = \"senior\", n = 2 }]";

fn approve_with(f: &Fixture, who: &str, key: &str, branch: &str) {
    // A key signs a chain of its own.
    f.take(Decision { key: Some(f.key(key)), ..Decision::new(who, branch, Verdict::Approve) });
    // The desk takes an earlier approval back; who wants to be two people does not.
    restate(f, key, |statement| statement.predicate.supersedes.clear());
}

fn second_key(who: &str) -> String {
    let (first, second) = (key_line("dana", ""), key_line("dana2", ""));
    let policy = src(TWO);
    if who == "dana" {
        with_keys(&policy, "dana", &[first, second])
    } else {
        policy + &format!("[people.{who}]\nroles = [\"senior\"]\nkeys = [{second}]\n")
    }
}

#[test]
fn row_01_one_person_with_two_keys_fills_one_of_two_slots() {
    let f = Fixture::with_policy(&second_key("dana"));
    approve_with(&f, "dana", "dana", WORK);
    approve_with(&f, "dana", "dana2", WORK);
    denied(judged(&f, WORK), "UNSIGNED");
}

#[test]
fn row_01_twin_the_second_key_is_another_persons() {
    let f = Fixture::with_policy(&second_key("ines"));
    approve_with(&f, "dana", "dana", WORK);
    approve_with(&f, "ines", "dana2", WORK);
    allowed(judged(&f, WORK));
}

fn own_change(policy: &str) -> Fixture {
    let f = Fixture::with_policy(policy);
    propose(&f, "dana", "own", &[("docs/a.txt", "mine\n")]);
    approve_with(&f, "dana", "dana2", "own");
    f
}

#[test]
fn row_01_an_author_approves_with_her_second_key() {
    denied(judged(&own_change(&second_key("dana")), "own"), "SELF_APPROVAL");
}

#[test]
fn row_01_twin_the_key_of_somebody_who_is_no_author() {
    allowed(judged(&own_change(&second_key("ines")), "own"));
}

/// dana's approval, and then a policy in which she is there a second time under another id.
fn second_principal(email: &str) -> Answer {
    let f = approved();
    let twice = person("dana-b", "\"senior\"", "").replace("dana-b@example.com", email);
    land_policy(&f, &next(&(policy("") + &twice)));
    let (old, new) = merge(&f, "dana", WORK);
    f.verify(&old, &new)
}

#[test]
fn row_01_two_principals_with_one_address_are_no_policy() {
    undecided(second_principal("Dana@Example.com"), "POLICY_INVALID");
}

#[test]
fn row_01_twin_two_principals_with_an_address_each() {
    allowed(second_principal("ines@example.com"));
}

fn from_address(address: &str) -> Fixture {
    let text = edited(&policy(""), "dana", "emails = [", "emails = [\"dana@example.com\", \"dana@home.example\"]");
    let f = Fixture::with_policy(&text);
    f.git("mina", &["checkout", "-q", "-b", "home", "main"]);
    f.write("docs/a.txt", "from home\n");
    f.git("mina", &["add", "-A"]);
    f.git("mina", &["commit", "-q", "-m", "From home", "--author", &format!("D <{address}>")]);
    f.decide("dana", "home", Verdict::Approve);
    f
}

#[test]
fn row_01_an_author_by_another_of_her_addresses_approves() {
    denied(judged(&from_address("DANA@home.example"), "home"), "SELF_APPROVAL");
}

#[test]
fn row_01_twin_an_author_by_an_address_that_is_not_hers() {
    allowed(judged(&from_address("mina@home.example"), "home"));
}

/// Claude is the author; the message says for whom.
fn agent_for(whom: &str) -> Fixture {
    let logins = |text: &str, who: &str| with_login(text, who, &format!("{who}-gh"));
    let text = once(&logins(&logins(&policy(""), "dana"), "mina"), "none = 1", "none = 2");
    let f = Fixture::with_policy(&text);
    f.git("mina", &["checkout", "-q", "-b", "agent/alone", "main"]);
    f.write("docs/a.txt", "by an agent\n");
    f.git("mina", &["add", "-A"]);
    let author = "--author=Claude <noreply@anthropic.com>";
    f.git("mina", &["commit", "-q", author, "-m", &format!("Write\n\nGenerated with Claude Code{whom}")]);
    f.git("mina", &["checkout", "-q", "main"]);
    f.decide("dana", "agent/alone", Verdict::Approve);
    f
}

#[test]
fn row_02_the_operator_who_ran_the_agent_approves() {
    denied(judged(&agent_for(" on behalf of @dana-gh"), "agent/alone"), "SELF_APPROVAL");
}

#[test]
fn row_02_twin_the_agent_was_run_by_another() {
    allowed(judged(&agent_for(" on behalf of @mina-gh"), "agent/alone"));
}

#[test]
fn row_02_an_unknown_operator_is_an_unknown_author() {
    denied(judged(&agent_for(""), "agent/alone"), "AI_UNSIGNED");
}

#[test]
fn row_02_twin_an_unknown_operator_and_two_outside_seniors() {
    let f = agent_for("");
    f.decide("rahim", "agent/alone", Verdict::Approve);
    allowed(judged(&f, "agent/alone"));
}

/// dana commits what she says that mina wrote, signed by somebody's key or by none, and approves it.
fn in_anothers_name(signed_by: Option<&str>) -> Fixture {
    let f = Fixture::with_policy(&with_top(&policy(""), "author_proof = \"proven\""));
    f.git("dana", &["checkout", "-q", "-b", "forged", "main"]);
    f.write("docs/a.txt", "mina wrote this\n");
    f.git("dana", &["add", "-A"]);
    let key = signed_by.map(|who| format!("user.signingkey={}", f.key_file(who).display()));
    let mut args = vec!["-c", "gpg.format=ssh"];
    args.extend(key.iter().flat_map(|key| ["-c", key.as_str()]));
    args.extend(["commit", "-q", "--author", "mina <mina@example.com>", "-m", "Write"]);
    args.extend(key.is_some().then_some("-S"));
    f.git("dana", &args);
    f.git("dana", &["checkout", "-q", "main"]);
    f.decide("dana", "forged", Verdict::Approve);
    f
}

#[test]
fn row_03_an_author_in_name_only_frees_nobody() {
    let answer = Gate::of(&in_anothers_name(None)).pusher("dana").judged("forged");
    denied(answer.clone(), "AUTHOR_UNPROVEN");
    denied(answer, "SELF_APPROVAL");
}

#[test]
fn row_03_twin_the_author_in_name_is_who_pushes() {
    allowed(Gate::of(&in_anothers_name(None)).pusher("mina").judged("forged"));
}

#[test]
fn row_03_a_signature_by_another_than_the_author_proves_nothing() {
    denied(judged(&in_anothers_name(Some("dana")), "forged"), "AUTHOR_UNPROVEN");
}

#[test]
fn row_03_twin_a_signature_by_the_author_proves_it() {
    allowed(judged(&in_anothers_name(Some("mina")), "forged"));
}

#[test]
fn row_03_who_pushes_in_anothers_name_is_an_author_too() {
    let f = in_anothers_name(None);
    f.decide("rahim", "forged", Verdict::Approve);
    // The committer is dana: with rahim pushing, neither of the two seniors is left.
    denied(Gate::of(&f).pusher("rahim").judged("forged"), "SELF_APPROVAL");
}

#[test]
fn row_03_twin_who_pushes_is_no_signer() {
    let f = in_anothers_name(None);
    f.decide("rahim", "forged", Verdict::Approve);
    allowed(Gate::of(&f).pusher("dana").judged("forged"));
}

/// dana merges what has landed already, puts in something of her own, approves it, and signs that nobody wrote it.
fn written_while_merging(pusher: &str) -> Answer {
    let f = Fixture::with_policy(&with_top(&policy(""), "author_proof = \"proven\""));
    further(&f, "rahim", "main", "docs/a.txt", "landed\n");
    let head = propose(&f, "dana", "own", &[("docs/b.txt", "mine\n")]);
    let tree = f.id(&format!("{head}^{{tree}}"));
    let merge = f.git("dana", &["commit-tree", &tree, "-p", "main", "-p", "main~1", "-m", "Merge"]);
    f.git("dana", &["update-ref", "refs/heads/own", &merge]);
    f.decide("dana", "own", Verdict::Approve);
    restate(&f, "dana", |statement| statement.predicate.authors.clear());
    Gate::of(&f).pusher(pusher).judged("own")
}

#[test]
fn row_03_what_is_written_in_a_merge_is_written_by_who_merges() {
    denied(written_while_merging("dana"), "SELF_APPROVAL");
    denied(written_while_merging("rahim"), "SELF_APPROVAL");
}

/// dana merges what mina wrote and signed, and approved it before.
#[test]
fn row_03_twin_who_merges_and_writes_nothing_is_no_author() {
    let f = in_anothers_name(Some("mina"));
    further(&f, "rahim", "main", "docs/z.txt", "landed\n");
    let (old, new) = merge(&f, "dana", "forged");
    allowed(f.verify(&old, &new));
}

fn signed_by_kind(kind: &str) -> Fixture {
    let text = policy("") + &person("helper", "\"senior\"", &format!("kind = \"{kind}\"\n"));
    let f = Fixture::with_policy(&text);
    f.decide("helper", WORK, Verdict::Approve);
    f
}

#[test]
fn row_04_a_bot_fills_no_slot() {
    denied(judged(&signed_by_kind("bot"), WORK), "NOT_HUMAN");
}

#[test]
fn row_04_twin_a_person_fills_it() {
    allowed(judged(&signed_by_kind("human"), WORK));
}

/// dana rejected, rahim approved, and somebody who could change the policy takes the rejection over.
fn taken_over_by(who: &str, kind: &str) -> Answer {
    let helper = person("helper", "\"senior\", \"policy\"", &format!("kind = \"{kind}\"\n"));
    let f = Fixture::with_policy(&(policy("") + &helper + &person("ines", "\"senior\"", "")));
    let rejection = f.decide("dana", WORK, Verdict::Reject);
    f.decide("rahim", WORK, Verdict::Approve);
    follow(&f, who, Verdict::HandOver, &rejection);
    judged(&f, WORK)
}

#[test]
fn row_04_a_bot_takes_no_rejection_over() {
    denied(taken_over_by("helper", "bot"), "VETOED");
}

#[test]
fn row_04_twin_a_person_takes_it_over() {
    allowed(taken_over_by("helper", "human"));
}

#[test]
fn row_05_who_may_not_change_the_policy_takes_no_rejection_over() {
    denied(taken_over_by("ines", "human"), "VETOED");
}

#[test]
fn row_05_two_juniors_are_no_senior() {
    let f =
        Fixture::with_policy(&(policy("") + &person("jonas", "\"junior\"", "") + &person("ines", "\"junior\"", "")));
    f.decide("jonas", WORK, Verdict::Approve);
    f.decide("ines", WORK, Verdict::Approve);
    denied(judged(&f, WORK), "ROLE");
}

#[test]
fn row_05_twin_a_junior_and_a_senior() {
    let f =
        Fixture::with_policy(&(policy("") + &person("jonas", "\"junior\"", "") + &person("ines", "\"senior\"", "")));
    f.decide("jonas", WORK, Verdict::Approve);
    f.decide("ines", WORK, Verdict::Approve);
    allowed(judged(&f, WORK));
}

/// dana signs in one role and has another when it lands.
fn role_changes(then: &str, now: &str) -> Answer {
    let then = with_roles(&policy(""), "dana", then);
    let f = approved_under(&then);
    land_policy(&f, &next(&with_roles(&policy(""), "dana", now)));
    let (old, new) = merge(&f, "dana", WORK);
    f.verify(&old, &new)
}

#[test]
fn row_05_a_role_that_was_taken_away_since_does_not_count() {
    denied(role_changes("\"senior\"", "\"mid\""), "ROLE");
}

#[test]
fn row_05_a_role_that_came_after_signing_does_not_count() {
    denied(role_changes("\"mid\"", "\"senior\""), "ROLE");
}

#[test]
fn row_05_twin_a_role_held_then_and_now_counts() {
    allowed(role_changes("\"senior\"", "\"senior\", \"mid\""));
}

fn key_valid(valid: &str) -> String {
    with_keys(&policy(""), "dana", &[key_line("dana", &format!(", valid = {{ {valid} }}"))])
}

#[test]
fn row_06_a_key_after_its_time_signs_nothing() {
    denied(judged(&approved_under(&key_valid(&format!("until = {}", from_now(-DAY)))), WORK), "KEY_TIME");
}

#[test]
fn row_06_twin_a_key_in_its_time() {
    allowed(judged(&approved_under(&key_valid(&format!("until = {}", from_now(DAY)))), WORK));
}

#[test]
fn row_06_a_key_before_its_time_signs_nothing() {
    denied(judged(&approved_under(&key_valid(&format!("from = {}", from_now(DAY)))), WORK), "KEY_TIME");
}

#[test]
fn row_06_twin_a_key_whose_time_has_come() {
    allowed(judged(&approved_under(&key_valid(&format!("from = {}", from_now(-DAY)))), WORK));
}

/// The key began yesterday; the record says that it is so old.
fn signed_before_the_key_was_valid(age: i64) -> Answer {
    let f = Fixture::with_policy(&key_valid(&format!("from = {}", from_now(-DAY))));
    f.decide_at("dana", WORK, Verdict::Approve, now() - age);
    judged(&f, WORK)
}

#[test]
fn row_06_a_record_that_is_older_than_its_key() {
    denied(signed_before_the_key_was_valid(2 * DAY), "KEY_TIME");
}

#[test]
fn row_06_twin_a_record_that_is_younger_than_its_key() {
    allowed(signed_before_the_key_was_valid(HOUR));
}

/// The key ended yesterday; the record says that it was made the day before.
fn back_dated() -> Fixture {
    let f = Fixture::with_policy(&key_valid(&format!("until = {}", from_now(-DAY))));
    f.decide_at("dana", WORK, Verdict::Approve, now() - 2 * DAY);
    f
}

#[test]
fn row_06_a_back_dated_record_that_came_only_now_does_not_count() {
    denied(judged(&back_dated(), WORK), "KEY_TIME");
}

#[test]
fn row_06_twin_the_gate_had_it_while_the_key_was_valid() {
    let f = back_dated();
    let state = state_since(&f, 2 * DAY);
    allowed(Gate::of(&f).state(state).judged(WORK));
}

/// dana's key is revoked; her approval says that it is so old.
fn revoked(how: &str, age: i64) -> Fixture {
    let f =
        Fixture::with_policy(&with_keys(&policy(""), "dana", &[key_line("dana", &format!(", revoked = {{ {how} }}"))]));
    f.decide_at("dana", WORK, Verdict::Approve, now() - age);
    f
}

fn retired() -> String {
    format!("reason = \"retired\", at = {}", from_now(-DAY))
}

fn compromised() -> String {
    format!("reason = \"compromised\", since = {}", from_now(-DAY))
}

#[test]
fn row_07_a_retired_key_signs_nothing_new() {
    denied(judged(&revoked(&retired(), 0), WORK), "KEY_REVOKED");
}

#[test]
fn row_07_twin_what_the_gate_had_before_a_key_was_retired_stays() {
    let f = revoked(&retired(), 2 * DAY);
    let state = state_since(&f, 2 * DAY);
    allowed(Gate::of(&f).state(state).judged(WORK));
}

/// The next policy says something else of rahim.
fn of_rahim(edit: impl FnOnce(&str) -> String) -> String {
    edit(&next(&signing_for_the_policy()))
}

/// Ines may sign for the policy, too.
fn signing_for_the_policy() -> String {
    policy("") + &person("ines", "\"senior\", \"policy\"", "")
}

fn ended(how: &str) -> String {
    of_rahim(|policy| with_keys(policy, "rahim", &[key_line("rahim", &format!(", revoked = {{ {how} }}"))]))
}

fn renamed() -> String {
    of_rahim(|policy| once(policy, "[people.rahim]", "[people.rahim-k]"))
}

/// The gate lets that policy through, by rahim's approval alone, and it lands; in between something else happens. What
/// the gate says to the next change, which dana approved.
fn after_policy(text: &str, between: impl FnOnce(&Fixture, &Record)) -> Answer {
    let f = Fixture::with_policy(&signing_for_the_policy());
    record(&f);
    propose(&f, "mina", "policy-2", &[(".undersign/policy.toml", text)]);
    let approval = f.decide("rahim", "policy-2", Verdict::Approve);
    allowed(Gate::of(&f).judged("policy-2"));
    between(&f, &approval);
    f.git("rahim", &["merge", "-q", "--ff-only", "policy-2"]);
    propose(&f, "mina", "next", &[("docs/b.txt", "b\n")]);
    f.decide("dana", "next", Verdict::Approve);
    Gate::of(&f).judged("next")
}

#[test]
fn row_07_twin_what_landed_by_a_key_that_ends_with_it_or_by_a_person_who_is_renamed_stays() {
    let recent = |reason: &str, word: &str| format!("reason = \"{reason}\", {word} = {}", from_now(-HOUR));
    for text in [ended(&recent("compromised", "since")), ended(&recent("retired", "at")), renamed()] {
        allowed(after_policy(&text, |_, _| ()));
    }
    let gone = of_rahim(|policy| with_keys(policy, "rahim", &[key_line("rahim2", "")]));
    allowed(after_policy(&gone, |_, _| ()));
}

#[test]
fn row_07_what_was_let_through_and_withdrawn_or_rejected_before_it_landed_does_not_stay_because_a_key_ends() {
    let lost = ended(&format!("reason = \"compromised\", since = {}", from_now(-HOUR)));
    for text in [lost, renamed(), next(&signing_for_the_policy())] {
        denied(after_policy(&text, |f, approval| _ = follow(f, "rahim", Verdict::Withdraw, approval)), "NOT_A_STATE");
        denied(after_policy(&text, |f, _| _ = f.decide("dana", "policy-2", Verdict::Reject)), "NOT_A_STATE");
    }
    // The chain of the approval is not read any more.
    let gone = of_rahim(|policy| with_keys(policy, "rahim", &[key_line("rahim2", "")]));
    denied(after_policy(&gone, |f, _| _ = f.decide("dana", "policy-2", Verdict::Reject)), "NOT_A_STATE");
}

#[test]
fn row_07_twin_what_landed_although_rejected_stays_if_the_key_ends_that_answered_for_it() {
    let lost = format!("reason = \"compromised\", since = {}", from_now(-HOUR));
    let f = Fixture::with_policy(&signing_for_the_policy());
    record(&f);
    propose(&f, "mina", "policy-2", &[(".undersign/policy.toml", &ended(&lost))]);
    f.decide("ines", "policy-2", Verdict::Approve);
    let rejection = f.decide("dana", "policy-2", Verdict::Reject);
    follow(&f, "rahim", Verdict::HandOver, &rejection);
    allowed(Gate::of(&f).judged("policy-2"));
    f.git("rahim", &["merge", "-q", "--ff-only", "policy-2"]);
    propose(&f, "mina", "next", &[("docs/b.txt", "b\n")]);
    f.decide("ines", "next", Verdict::Approve);
    allowed(Gate::of(&f).judged("next"));
}

#[test]
fn row_07_of_a_compromised_key_its_own_word_for_the_time_is_nothing() {
    denied(judged(&revoked(&compromised(), 2 * DAY), WORK), "KEY_REVOKED");
}

#[test]
fn row_07_twin_what_the_gate_had_before_the_key_was_compromised_stays() {
    let f = revoked(&compromised(), 2 * DAY);
    let state = state_since(&f, 2 * DAY);
    allowed(Gate::of(&f).state(state).judged(WORK));
}

/// dana rejects, and her key is revoked; rahim approves.
fn rejected_by_a_revoked_key(about: &str) -> Fixture {
    let f = revoked(&compromised(), 2 * DAY);
    propose(&f, "mina", "other", &[("docs/a.txt", "other\n")]);
    f.decide("dana", about, Verdict::Reject);
    f.decide("rahim", WORK, Verdict::Approve);
    f
}

#[test]
fn row_07_revoking_a_key_ends_no_rejection() {
    denied(judged(&rejected_by_a_revoked_key(WORK), WORK), "VETOED");
}

#[test]
fn row_07_twin_its_rejection_of_something_else_stops_nothing_here() {
    allowed(judged(&rejected_by_a_revoked_key("other"), WORK));
}

/// mina's own work, which she did not sign, pushed by an account. Hers is called `mina-gh`; where the author is not
/// proven, two must approve.
fn pushed_by(account: &str) -> Answer {
    let text = with_login(&with_top(&policy(""), "author_proof = \"proven\""), "mina", "mina-gh");
    let f = Fixture::with_policy(&once(&text, "none = 1", "none = 2"));
    propose(&f, "mina", "own", &[("docs/a.txt", "mine\n")]);
    f.decide("dana", "own", Verdict::Approve);
    Gate::of(&f).pusher(account).judged("own")
}

#[test]
fn an_account_named_like_an_id_name_or_address_proves_nothing() {
    for account in ["mina", "mina@example.com", "mina-gh2", "ｍina-gh"] {
        denied(pushed_by(account), "AUTHOR_UNPROVEN");
    }
}

#[test]
fn twin_the_account_that_the_policy_lists_proves_it() {
    allowed(pushed_by("mina-gh"));
    allowed(pushed_by("MINA-GH"));
}

/// Another account for rahim, where dana has `dana-gh`.
fn account_of_rahim(login: &str) -> Answer {
    let f = approved();
    let text = with_login(&with_login(&policy(""), "dana", "dana-gh"), "rahim", login);
    land_policy(&f, &next(&text));
    let (old, new) = merge(&f, "dana", WORK);
    f.verify(&old, &new)
}

#[test]
fn one_persons_account_named_like_anothers_id_address_or_account_is_no_policy() {
    for login in ["dana", "DANA", "dana@example.com", "Dana-GH", "ｄａｎａ"] {
        undecided(account_of_rahim(login), "POLICY_INVALID");
    }
}

#[test]
fn twin_an_account_named_like_ones_own_id_or_address() {
    allowed(account_of_rahim("rahim"));
    allowed(account_of_rahim("rahim@example.com"));
}

/// A person more, whose security key holds the point of somebody's plain key.
fn second_form(of: &str) -> Answer {
    use base64ct::{Base64, Encoding as _};
    let f = approved();
    let point = key_of(of).public_key().key_data().ed25519().unwrap().0;
    let name = "sk-ssh-ed25519@openssh.com";
    let mut blob = Vec::new();
    [name.as_bytes(), &point, b"ssh:"].iter().for_each(|field| undersign::record::wire::put(&mut blob, field));
    let line = format!("{{ key = \"{name} {}\" }}", Base64::encode_string(&blob));
    let twin = person("dana-b", "\"senior\"", "").replace(&key_line("dana-b", ""), &line);
    land_policy(&f, &next(&(policy("") + &twin)));
    let (old, new) = merge(&f, "dana", WORK);
    f.verify(&old, &new)
}

#[test]
fn one_point_as_a_plain_key_and_as_a_security_key_of_two_people_is_no_policy() {
    undecided(second_form("dana"), "POLICY_INVALID");
}

#[test]
fn twin_a_security_key_with_a_point_of_its_own() {
    allowed(second_form("ines"));
}

/// dana approved what mina wrote; what lands is the same content in a commit with other bytes.
fn landed_as(edit: impl FnOnce(&str) -> String) -> Answer {
    let f = approved();
    let object = String::from_utf8(git_piped(&f, &["cat-file", "commit", WORK], b"")).unwrap();
    let edited = edit(&object);
    assert_ne!(object, edited);
    let id = line(git_piped(&f, &["hash-object", "-t", "commit", "-w", "--stdin", "--literally"], edited.as_bytes()));
    f.verify(&f.id("main"), &id)
}

const MINA: &str = "mina <mina@example.com>";

#[test]
fn a_commit_whose_author_cannot_be_read_for_certain_is_not_decided() {
    let author = |to: &'static str| move |text: &str| once(text, &format!("author {MINA}"), &format!("author {to}"));
    for two in ["<dana@example.com>", "dana <dana@example.com>"] {
        undecided(landed_as(|text| once(text, MINA, &format!("{MINA} {two}"))), "UNREADABLE");
    }
    for unreadable in ["", " ", "<>", "mina <>", " < >", "mina <mina@example.com,dana@example.com>"] {
        undecided(landed_as(author(unreadable)), "UNREADABLE");
    }
    let fields = |text: &str| text.lines().map(|line| format!("{line}\n")).collect::<Vec<_>>();
    // Tree, parent, author, committer: one is missing, there twice, or out of order.
    let without = |at: usize| move |text: &str| [&fields(text)[..at], &fields(text)[at + 1..]].concat().concat();
    let twice = |at: usize| move |text: &str| [&fields(text)[..=at], &fields(text)[at..]].concat().concat();
    for at in [2, 3] {
        undecided(landed_as(without(at)), "UNREADABLE");
        undecided(landed_as(twice(at)), "UNREADABLE");
    }
    let swapped = |text: &str| {
        let mut fields = fields(text);
        fields.swap(2, 3);
        fields.concat()
    };
    undecided(landed_as(|text| swapped(text).replace("mina@", "m@")), "UNREADABLE");
    undecided(landed_as(|text| once(text, "\n\n", "\nencoding UTF-7\n\n")), "UNREADABLE");
    undecided(landed_as(|text| format!("{text}\0\nCo-authored-by: dana <dana@example.com>\n")), "UNREADABLE");
}

#[test]
fn twin_another_commit_of_the_same_content_whose_author_is_plain() {
    allowed(landed_as(|text| once(text, &format!("author {MINA}"), "author Mina Holt <mina@example.com>")));
    allowed(landed_as(|text| once(text, "\n\n", "\nencoding ISO-8859-1\n\n")));
}

/// mina's commit, and what its message says of others. Where nobody known wrote it, two must approve.
fn said_of_others(trailer: &str) -> Answer {
    let f = Fixture::with_policy(&once(&policy(""), "none = 1", "none = 2"));
    f.git("mina", &["checkout", "-q", "-b", "paired", "main"]);
    f.write("docs/a.txt", "x\n");
    f.commit("mina", &format!("Write\n\n{trailer}"));
    f.git("mina", &["checkout", "-q", "main"]);
    f.decide("dana", "paired", Verdict::Approve);
    judged(&f, "paired")
}

#[test]
fn every_address_that_a_co_author_line_holds_is_an_authors() {
    for named in [
        "mina <mina@example.com> <dana@example.com>",
        "dana@example.com, mina <mina@example.com>",
        "mina <mina@example.com> dana@example.com",
        "mina <mina@example.com, dana@example.com>",
        "mina@example.com dana@example.com",
        "Dana",
        "dana",
        "<1+dana@users.noreply.github.com>",
    ] {
        denied(said_of_others(&format!("Co-authored-by: {named}")), "SELF_APPROVAL");
    }
}

#[test]
fn a_co_author_whom_the_line_does_not_name_is_somebody_unknown() {
    denied(said_of_others("Co-authored-by:"), "AI_UNSIGNED");
    denied(said_of_others("Co-authored-by: <>"), "AI_UNSIGNED");
}

#[test]
fn twin_a_co_author_line_with_one_address() {
    allowed(said_of_others("Co-authored-by: mina <mina@example.com>"));
    allowed(said_of_others("Reviewed-by: dana <dana@example.com>"));
}

/// mina wrote and signed it, with a key that the policy knows so much of.
fn signed_with(more: &str) -> Answer {
    let f = in_anothers_name(Some("mina"));
    let key = with_keys(&policy(""), "mina", &[key_line("mina", more)]);
    let text = next(&with_top(&key, "author_proof = \"proven\""));
    land_policy(&f, &text);
    let (old, new) = merge(&f, "rahim", "forged");
    f.verify(&old, &new)
}

#[test]
fn a_commit_signed_with_a_key_in_other_hands_proves_nothing() {
    let since = from_now(-DAY);
    denied(signed_with(&format!(", revoked = {{ reason = \"compromised\", since = {since} }}")), "AUTHOR_UNPROVEN");
}

#[test]
fn twin_a_commit_signed_with_a_sound_key() {
    allowed(signed_with(""));
}

/// dana brings mina's branch up to date with main, with something more or less in the merge, and approves it, signing
/// that mina alone wrote it; rahim lands it.
fn brought_up_to_date(before: &[(&str, &str)], more: impl FnOnce(&Fixture)) -> (Fixture, (i32, serde_json::Value)) {
    let f = Fixture::new();
    before.iter().for_each(|(path, text)| _ = further(&f, "mina", WORK, path, text));
    further(&f, "rahim", "main", "docs/z.txt", "landed\n");
    further(&f, "rahim", "main", "docs/text.txt", &lines(30, "landed"));
    f.git("dana", &["checkout", "-q", WORK]);
    // A conflict in what both sides wrote is for `more` to resolve.
    let _ = std::process::Command::new("git")
        .current_dir(&f.repo)
        .args(["-c", "user.name=d", "-c", "user.email=d@example.com", "merge", "-q", "--no-commit", "--no-ff", "main"])
        .output();
    more(&f);
    f.commit("dana", "Merge main");
    f.git("dana", &["checkout", "-q", "main"]);
    f.decide("dana", WORK, Verdict::Approve);
    restate(&f, "dana", |statement| statement.predicate.authors = vec!["mina <mina@example.com>".into()]);
    let (old, new) = merge(&f, "rahim", WORK);
    let answer = f.verify_json(&old, &new);
    (f, answer)
}

/// Thirty numbered lines, of which one is another.
fn lines(other: usize, text: &str) -> String {
    (1..=30).map(|n| if n == other { format!("{text}\n") } else { format!("line {n}\n") }).collect()
}

/// Told by the commit through which she is one.
fn by_her_merge((f, (exit, outcome)): (Fixture, (i32, serde_json::Value))) {
    denied(codes(&(exit, outcome.clone())), "SELF_APPROVAL");
    let commit = f.id(&format!("{WORK}^{{commit}}"));
    let named = format!("dana is an author of this change (commit {});", &commit[..7]);
    assert!(outcome.to_string().contains(&named), "{named}: {outcome}");
}

#[test]
fn row_03_twin_who_brings_a_branch_up_to_date_is_no_author() {
    allowed(codes(&brought_up_to_date(&[], |_| ()).1));
}

#[test]
fn row_03_twin_who_brings_up_to_date_what_both_sides_added_alike_is_no_author() {
    allowed(codes(&brought_up_to_date(&[("docs/text.txt", &lines(30, "landed"))], |_| ()).1));
}

#[test]
fn row_03_who_brings_a_branch_up_to_date_and_adds_a_file_is_an_author() {
    by_her_merge(brought_up_to_date(&[], |f| f.write("docs/mine.txt", "mine\n")));
}

#[test]
fn row_03_who_brings_a_branch_up_to_date_and_changes_what_main_brought_is_an_author() {
    by_her_merge(brought_up_to_date(&[], |f| f.write("docs/z.txt", "landed, and mine\n")));
}

#[test]
fn row_03_who_brings_a_branch_up_to_date_and_drops_what_main_brought_is_an_author() {
    by_her_merge(brought_up_to_date(&[], |f| std::fs::remove_file(f.repo.join("docs/z.txt")).unwrap()));
}

#[test]
fn row_03_who_resolves_a_conflict_is_an_author() {
    let theirs = [("docs/text.txt", "mina wrote this\n")];
    by_her_merge(brought_up_to_date(&theirs, |f| f.write("docs/text.txt", "both\n")));
}

#[test]
fn row_03_who_takes_one_side_of_a_conflict_is_an_author() {
    let theirs = [("docs/text.txt", "mina wrote this\n")];
    by_her_merge(brought_up_to_date(&theirs, |f| f.write("docs/text.txt", "mina wrote this\n")));
}

#[test]
fn row_03_who_changes_a_mode_in_a_merge_is_an_author() {
    by_her_merge(brought_up_to_date(&[], |f| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = f.repo.join("docs/z.txt");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }));
}

/// Both sides of a fork change one text, and dana joins them.
fn joined(ours: &str, theirs: &str, joined: &str) -> Answer {
    let f = Fixture::new();
    f.write("docs/text.txt", &lines(0, ""));
    f.commit("rahim", "A text");
    let head = propose(&f, "mina", "edit", &[("docs/text.txt", ours)]);
    let tip = further(&f, "rahim", "main", "docs/text.txt", theirs);
    f.git("dana", &["checkout", "-q", "--detach", &tip]);
    f.write("docs/text.txt", joined);
    f.git("dana", &["add", "-A"]);
    let tree = f.git("dana", &["write-tree"]);
    f.git("dana", &["checkout", "-q", "-f", "main"]);
    let update = f.git("dana", &["commit-tree", &tree, "-p", &head, "-p", &tip, "-m", "Merge main"]);
    f.git("dana", &["update-ref", "refs/heads/edit", &update]);
    f.decide("dana", "edit", Verdict::Approve);
    let (old, new) = merge(&f, "rahim", "edit");
    f.verify(&old, &new)
}

#[test]
fn row_03_twin_who_joins_edits_that_are_apart_is_no_author() {
    let both = lines(3, "mina's").replace("line 20\n", "rahim's\n");
    allowed(joined(&lines(3, "mina's"), &lines(20, "rahim's"), &both));
}

#[test]
fn row_03_who_writes_between_edits_that_are_apart_is_an_author() {
    let more = lines(3, "mina's").replace("line 20\n", "rahim's\n").replace("line 10\n", "dana's\n");
    denied(joined(&lines(3, "mina's"), &lines(20, "rahim's"), &more), "SELF_APPROVAL");
}

#[test]
fn row_03_who_joins_edits_that_touch_is_an_author() {
    let both = lines(3, "mina's").replace("line 4\n", "rahim's\n");
    denied(joined(&lines(3, "mina's"), &lines(4, "rahim's"), &both), "SELF_APPROVAL");
}

/// What is told of a branch that main was merged into, before anybody signs it.
fn told_of_update(joined: &str) -> String {
    let f = Fixture::new();
    f.write("docs/text.txt", &lines(0, ""));
    f.commit("rahim", "A text");
    propose(&f, "mina", "edit", &[("docs/text.txt", &lines(3, "mina's"))]);
    further(&f, "rahim", "main", "docs/text.txt", &lines(20, "rahim's"));
    f.git("mina", &["checkout", "-q", "edit"]);
    f.git("mina", &["merge", "-q", "--no-ff", "--no-commit", "main"]);
    f.write("docs/text.txt", joined);
    f.commit("mina", "Merge main");
    f.git("mina", &["checkout", "-q", "main"]);
    let (old, new) = merge(&f, "rahim", "edit");
    f.verify_json(&old, &new).1.to_string()
}

#[test]
fn of_an_update_in_which_both_sides_edited_a_file_it_is_not_said_that_something_is_dropped() {
    let told = told_of_update(&lines(3, "mina's").replace("line 20\n", "rahim's\n"));
    assert!(told.contains("UNSIGNED") && !told.contains("MERGE_DELTA"), "{told}");
    // The twins: what main did is gone, and something more is there.
    let more = lines(3, "mina's").replace("line 20\n", "rahim's\n").replace("line 10\n", "more\n");
    for joined in [lines(3, "mina's"), more] {
        let told = told_of_update(&joined);
        assert!(told.contains("MERGE_DELTA") && told.contains("writes or drops something in docs/text.txt"), "{told}");
    }
}

/// What came from main was merged in both directions, so that there are two merge bases.
#[test]
fn row_03_a_merge_of_histories_with_two_bases_is_somebodys_work() {
    let f = Fixture::new();
    let (mine, theirs) =
        (propose(&f, "mina", "x", &[("docs/x.txt", "x\n")]), propose(&f, "mina", "y", &[("docs/y.txt", "y\n")]));
    f.git("mina", &["checkout", "-q", "x"]);
    f.git("mina", &["merge", "-q", "--no-ff", "-m", "One way", &theirs]);
    f.git("mina", &["checkout", "-q", "y"]);
    f.git("mina", &["merge", "-q", "--no-ff", "-m", "The other", &mine]);
    f.git("dana", &["checkout", "-q", "x"]);
    f.git("dana", &["merge", "-q", "--no-ff", "-m", "Both", "y"]);
    f.git("dana", &["checkout", "-q", "main"]);
    f.decide("dana", "x", Verdict::Approve);
    let (old, new) = merge(&f, "rahim", "x");
    denied(f.verify(&old, &new), "SELF_APPROVAL");
}

/// dana's commit came to main long ago, followed by a run of commits that bear dates from before it; and a branch
/// merges it once more, beside main, before mina's change.
fn merged_once_more(run: usize) -> Answer {
    let f = Fixture::new();
    let old = propose(&f, "dana", "old", &[("docs/old.txt", "old\n")]);
    f.git("dana", &["merge", "-q", "--ff-only", "old"]);
    let raw = git2::Repository::open(&f.repo).unwrap();
    let who = |at: i64| git2::Signature::new("mina", "mina@example.com", &git2::Time::new(at, 0)).unwrap();
    let commit = |at: i64, parents: &[git2::Oid]| {
        let parents: Vec<_> = parents.iter().map(|id| raw.find_commit(*id).unwrap()).collect();
        let tree = parents[0].tree().unwrap();
        raw.commit(None, &who(at), &who(at), "A step", &tree, &parents.iter().collect::<Vec<_>>()).unwrap()
    };
    let old: git2::Oid = old.parse().unwrap();
    let imported = (0..run).fold(old, |tip, _| commit(1_000, &[tip]));
    let main = commit(now() + 1, &[imported]);
    f.git("dana", &["reset", "-q", "--hard", &main.to_string()]);
    let again = commit(now() + 2, &[main, old]);
    f.git("mina", &["checkout", "-q", "-b", "again", &again.to_string()]);
    f.write("docs/new.txt", "new\n");
    f.commit("mina", "Something new");
    f.git("mina", &["checkout", "-q", "main"]);
    f.decide("dana", "again", Verdict::Approve);
    judged(&f, "again")
}

#[test]
fn row_03_who_wrote_what_is_there_already_is_no_author_whatever_the_dates_of_commits() {
    for run in [0, 3, 8, 300] {
        allowed(merged_once_more(run));
    }
}

#[test]
fn who_is_away_signs_like_anybody_and_no_clock_stops_anything() {
    let today = undersign::datafile::day(now().div_euclid(DAY));
    let away = format!("[people.dana]\naway = [{{ from = {today}, until = {today}, instead = \"rahim\" }}]");
    let clock = "[clock]\ndefault = { due = \"1s\", late = \"2s\" }\nweekend = []\n";
    allowed(judged(&approved_under(&(once(&policy(""), "[people.dana]", &away) + clock)), WORK));
    // And a rejection by somebody who is away stops it.
    let f = Fixture::with_policy(&(once(&policy(""), "[people.dana]", &away) + clock));
    f.decide("rahim", WORK, Verdict::Approve);
    f.decide("dana", WORK, Verdict::Reject);
    denied(judged(&f, WORK), "VETOED");
}
