//! Rows 11 to 13, 20 and 21 of `docs/threat-model.md`: records that were tampered with, held back, or answered by
//! looking for another reviewer.

use std::path::Path;
use std::process::Command;

use base64ct::{Base64, Encoding as _};
use undersign::decision::Verdict;
use undersign::record::Record;
use undersign::record::envelope::{Envelope, PAYLOAD_TYPE, pae};
use undersign::record::statement::{Decimal, Link};

use crate::scene::*;
use crate::support::{Decision, Fixture, policy};

/// dana approves; then her envelope is this text. Of a known key, whatever does not hold may have been a rejection.
fn enveloped(edit: impl FnOnce(String) -> String) -> Answer {
    let f = approved();
    tamper(&f, &chain_of(&f, "dana"), |bytes| edit(String::from_utf8(bytes).unwrap()).into_bytes());
    judged(&f, WORK)
}

#[test]
fn row_11_a_member_added_to_the_envelope() {
    undecided(enveloped(|text| once(&text, "{\"payload\"", "{\"note\":\"\",\"payload\"")), "LEDGER_FAULT");
}

#[test]
fn row_11_a_member_added_to_the_signature() {
    undecided(enveloped(|text| once(&text, "{\"keyid\"", "{\"cert\":\"\",\"keyid\"")), "LEDGER_FAULT");
}

#[test]
fn row_11_the_key_hint_stripped() {
    let stripped = |text: String| {
        let (start, end) = (text.find("\"keyid\"").unwrap(), text.find("\"sig\"").unwrap());
        format!("{}{}", &text[..start], &text[end..])
    };
    undecided(enveloped(stripped), "LEDGER_FAULT");
}

#[test]
fn row_11_the_key_hint_of_another_key() {
    let f = approved();
    let (own, other) = (f.key("dana").fingerprint(), f.key("rahim").fingerprint());
    undecided(enveloped(|text| once(&text, &own, &other)), "LEDGER_FAULT");
}

#[test]
fn row_11_a_second_signature() {
    let doubled = |text: String| {
        let signature = text[text.find('[').unwrap() + 1..text.rfind(']').unwrap()].to_owned();
        once(&text, "}]}", &format!("}},{signature}]}}"))
    };
    undecided(enveloped(doubled), "LEDGER_FAULT");
}

#[test]
fn row_11_white_space_in_the_envelope() {
    undecided(enveloped(|text| once(&text, ",\"payloadType\"", ", \"payloadType\"")), "LEDGER_FAULT");
}

#[test]
fn row_11_the_signature_of_another_key() {
    let f = approved();
    tamper(&f, &chain_of(&f, "dana"), |bytes| {
        f.key("rahim").sign(Envelope::decode(&bytes).unwrap().payload, None).unwrap().encode()
    });
    undecided(judged(&f, WORK), "LEDGER_FAULT");
}

#[test]
fn row_11_twin_the_envelope_as_it_was() {
    allowed(enveloped(|text| text));
}

/// The payload of dana's approval, signed again by OpenSSH with her own key: for some purpose, as some type.
fn signed_by_openssh(namespace: &str, payload_type: &str) -> Answer {
    let f = approved();
    tamper(&f, &chain_of(&f, "dana"), |bytes| {
        let envelope = Envelope::decode(&bytes).unwrap();
        let signed = String::from_utf8(pae(&envelope.payload)).unwrap();
        let typed = format!("DSSEv1 {} {payload_type} ", payload_type.len());
        let signed = once(&signed, &format!("DSSEv1 {} {PAYLOAD_TYPE} ", PAYLOAD_TYPE.len()), &typed);
        let file = f.dir.path().join("signed");
        std::fs::write(&file, signed).unwrap();
        openssh_sign(&f.key_file("dana"), namespace, &file);
        let armor = std::fs::read(file.with_extension("sig")).unwrap();
        let text = String::from_utf8(Envelope { armor, ..envelope }.encode()).unwrap();
        text.replace(PAYLOAD_TYPE, payload_type).into_bytes()
    });
    judged(&f, WORK)
}

fn openssh_sign(key: &Path, namespace: &str, file: &Path) {
    let mut command = Command::new("ssh-keygen");
    let (exit, _) = piped(command.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(key).arg(file), b"");
    assert_eq!(exit, 0);
}

const DECISION: &str = "decision@undersign";

#[test]
fn row_12_a_signature_that_was_made_for_git() {
    undecided(signed_by_openssh("git", PAYLOAD_TYPE), "LEDGER_FAULT");
}

#[test]
fn row_12_a_signature_that_was_made_for_production_commands() {
    undecided(signed_by_openssh("authorization@undersign", PAYLOAD_TYPE), "LEDGER_FAULT");
}

#[test]
fn row_12_a_payload_of_another_type() {
    undecided(signed_by_openssh(DECISION, "application/vnd.undersign.authorization+json"), "LEDGER_FAULT");
}

#[test]
fn row_12_twin_the_same_by_openssh_for_decisions() {
    allowed(signed_by_openssh(DECISION, PAYLOAD_TYPE));
}

/// The signature of a commit that dana signed with the same key stands in her record.
#[test]
fn row_12_the_signature_of_a_commit() {
    let f = approved();
    let key = format!("user.signingkey={}", f.key_file("dana").display());
    f.git("dana", &["-c", "gpg.format=ssh", "-c", &key, "commit", "-q", "-S", "--allow-empty", "-m", "Signed"]);
    let commit = f.git("dana", &["cat-file", "commit", "HEAD"]);
    f.git("dana", &["reset", "-q", "--hard", "HEAD~1"]);
    let armor: String = commit
        .lines()
        .skip_while(|line| !line.starts_with("gpgsig "))
        .take_while(|line| line.starts_with("gpgsig ") || line.starts_with(' '))
        .map(|line| line.trim_start_matches("gpgsig").trim_start().to_owned() + "\n")
        .collect();
    tamper(&f, &chain_of(&f, "dana"), |bytes| {
        Envelope { armor: armor.into_bytes(), ..Envelope::decode(&bytes).unwrap() }.encode()
    });
    undecided(judged(&f, WORK), "LEDGER_FAULT");
}

/// dana's own key signs another spelling of her statement.
fn spelled(edit: impl FnOnce(String) -> Vec<u8>) -> Answer {
    let f = approved();
    resign(&f, "dana", |payload| edit(String::from_utf8(payload).unwrap()));
    judged(&f, WORK)
}

#[test]
fn row_12_a_predicate_of_another_type() {
    let other = |text: String| once(&text, "urn:undersign:decision:", "urn:undersign:authorization:").into_bytes();
    undecided(spelled(other), "LEDGER_FAULT");
}

#[test]
fn row_13_a_key_that_is_there_twice() {
    let twice =
        |text: String| once(&text, "    \"verdict\": ", "    \"verdict\": \"reject\",\n    \"verdict\": ").into_bytes();
    undecided(spelled(twice), "LEDGER_FAULT");
}

#[test]
fn row_13_bytes_after_the_statement() {
    undecided(spelled(|text| format!("{text} ").into_bytes()), "LEDGER_FAULT");
}

#[test]
fn row_13_a_second_statement_after_the_first() {
    undecided(spelled(|text| format!("{text}{text}").into_bytes()), "LEDGER_FAULT");
}

#[test]
fn row_13_a_byte_order_mark() {
    undecided(spelled(|text| format!("\u{feff}{text}").into_bytes()), "LEDGER_FAULT");
}

#[test]
fn row_13_bytes_that_are_no_utf_8() {
    let broken = |text: String| {
        let marked = once(&text, "read in full", "read in \u{7f}ull").into_bytes();
        marked.into_iter().map(|byte| if byte == 0x7f { 0xff } else { byte }).collect()
    };
    undecided(spelled(broken), "LEDGER_FAULT");
}

#[test]
fn row_13_an_integer_beyond_all_bounds() {
    let huge = |text: String| {
        let start = text.find("\"notAfter\": \"").unwrap() + "\"notAfter\": \"".len();
        format!("{}99999999{}", &text[..start], &text[start..])
    };
    undecided(spelled(|text| huge(huge(text)).into_bytes()), "LEDGER_FAULT");
}

#[test]
fn row_13_deep_nesting() {
    let deep = |text: String| {
        let nested = format!("\"supersedes\": {}{}", "[".repeat(50_000), "]".repeat(50_000));
        once(&text, "\"supersedes\": []", &nested).into_bytes()
    };
    undecided(spelled(deep), "LEDGER_FAULT");
}

#[test]
fn row_13_a_member_that_nobody_knows() {
    let unknown =
        |text: String| once(&text, "    \"verdict\": ", "    \"force\": \"yes\",\n    \"verdict\": ").into_bytes();
    undecided(spelled(unknown), "LEDGER_FAULT");
}

#[test]
fn row_13_twin_the_same_statement_signed_again() {
    allowed(spelled(String::into_bytes));
}

#[test]
fn row_13_base64_in_another_spelling() {
    let url = |text: String| {
        let start = text.find("\"payload\":\"").unwrap() + "\"payload\":\"".len();
        let end = start + text[start..].find('"').unwrap();
        let payload = Base64::decode_vec(&text[start..end]).unwrap();
        format!("{}{}\\n{}", &text[..start], Base64::encode_string(&payload), &text[end..])
    };
    undecided(enveloped(url), "LEDGER_FAULT");
}

/// rahim approves, and then dana rejects, so that no record names hers; the gate sees it. Then her chain is this.
fn after_a_rejection(then: impl FnOnce(&Fixture, &str, &Record)) -> Answer {
    let f = Fixture::new();
    f.decide("rahim", WORK, Verdict::Approve);
    let rejection = f.decide("dana", WORK, Verdict::Reject);
    denied(judged(&f, WORK), "VETOED");
    then(&f, &chain_of(&f, "dana"), &rejection);
    judged(&f, WORK)
}

#[test]
fn row_20_a_chain_that_the_gate_saw_is_deleted() {
    let deleted = |f: &Fixture, chain: &str, _: &Record| drop(f.git("mina", &["update-ref", "-d", chain]));
    denied(after_a_rejection(deleted), "LEDGER_ROLLBACK");
}

#[test]
fn row_20_a_chain_that_forked() {
    let forked = |f: &Fixture, chain: &str, _: &Record| {
        f.git("mina", &["update-ref", "-d", chain]);
        f.decide("dana", WORK, Verdict::Approve);
    };
    denied(after_a_rejection(forked), "LEDGER_ROLLBACK");
}

#[test]
fn row_20_twin_the_chain_grew_by_a_withdrawal() {
    let withdrawn = |f: &Fixture, _: &str, rejection: &Record| drop(follow(f, "dana", Verdict::Withdraw, rejection));
    allowed(after_a_rejection(withdrawn));
}

/// dana rejects; rahim's program saw that when he approved something else; dana's chain is deleted where no gate saw
/// it.
fn witnessed(deleted: bool) -> Answer {
    let f = Fixture::new();
    propose(&f, "mina", "other", &[("docs/a.txt", "x\n")]);
    f.decide("dana", WORK, Verdict::Reject);
    f.decide("rahim", "other", Verdict::Approve);
    if deleted {
        f.git("mina", &["update-ref", "-d", &chain_of(&f, "dana")]);
    }
    judged(&f, "other")
}

#[test]
fn row_20_a_chain_that_another_signer_saw_is_deleted() {
    undecided(witnessed(true), "LEDGER_MISSING");
}

#[test]
fn row_20_twin_a_chain_that_another_signer_saw_is_there() {
    allowed(witnessed(false));
}

/// Two records of dana, whose commits then stand in this order.
fn ordered(order: [&str; 2]) -> Answer {
    let f = Fixture::new();
    propose(&f, "mina", "other", &[("docs/a.txt", "x\n")]);
    f.decide("dana", "other", Verdict::Reject);
    f.decide("dana", WORK, Verdict::Approve);
    let chain = chain_of(&f, "dana");
    let mut tip: Option<String> = None;
    for commit in order {
        let tree = f.git("mina", &["rev-parse", &format!("{chain}{commit}^{{tree}}")]);
        let parent: Vec<&str> = tip.iter().flat_map(|parent| ["-p", parent.as_str()]).collect();
        tip = Some(f.git("mina", &[&["commit-tree", &tree, "-m", "in order"][..], &parent].concat()));
    }
    f.git("mina", &["update-ref", &chain, &tip.unwrap()]);
    judged(&f, WORK)
}

#[test]
fn row_20_records_in_another_order() {
    undecided(ordered(["", "~1"]), "LEDGER_FAULT");
}

#[test]
fn row_20_a_record_that_was_copied() {
    undecided(ordered(["~1", "~1"]), "LEDGER_FAULT");
}

#[test]
fn row_20_a_chain_without_its_first_record() {
    undecided(ordered(["", ""]), "LEDGER_FAULT");
}

#[test]
fn row_20_twin_records_in_their_order() {
    allowed(ordered(["~1", ""]));
}

/// The last of three records of dana, signed again with another place in the chain.
fn placed(edit: impl FnOnce(&mut Link)) -> Answer {
    let f = Fixture::new();
    propose(&f, "mina", "other", &[("docs/a.txt", "x\n")]);
    f.decide("dana", "other", Verdict::Reject);
    f.decide("dana", "other", Verdict::Approve);
    f.decide("dana", WORK, Verdict::Approve);
    restate(&f, "dana", |statement| edit(&mut statement.predicate.chain));
    judged(&f, WORK)
}

#[test]
fn row_20_a_number_that_leaves_one_out() {
    undecided(placed(|link| link.seq = Decimal(4)), "LEDGER_FAULT");
}

#[test]
fn row_20_a_number_that_is_there_already() {
    undecided(placed(|link| link.seq = Decimal(2)), "LEDGER_FAULT");
}

#[test]
fn row_20_a_link_to_another_record() {
    undecided(placed(|link| link.prev = digest("another")), "LEDGER_FAULT");
}

#[test]
fn row_20_twin_the_number_and_the_link_that_are_due() {
    allowed(placed(|_| {}));
}

/// A push to dana's chain, whose two records are there: to the tip of one of this many.
fn chain_pushed(to: usize) -> Answer {
    let f = Fixture::new();
    let mut tips: Vec<String> = Vec::new();
    for verdict in [Verdict::Reject, Verdict::Approve, Verdict::Reject] {
        f.decide("dana", WORK, verdict);
        tips.push(f.id(&chain_of(&f, "dana")));
    }
    let chain = chain_of(&f, "dana");
    f.git("mina", &["update-ref", &chain, &tips[1]]);
    Gate::of(&f).push(&[(&chain, &tips[1], &tips[to])])
}

#[test]
fn row_20_a_push_that_takes_records_away() {
    denied(chain_pushed(0), "LEDGER_ROLLBACK");
}

#[test]
fn row_20_twin_a_push_that_adds_a_record() {
    allowed(chain_pushed(2));
}

/// One push with a move of dana's chain, from her rejection, and the change.
fn pushed_with_the_chain(approved: bool) -> Answer {
    let f = Fixture::new();
    f.decide("rahim", WORK, Verdict::Approve);
    f.decide("dana", WORK, Verdict::Reject);
    let chain = chain_of(&f, "dana");
    let rejected = f.id(&chain);
    f.decide("dana", WORK, Verdict::Approve);
    let after = if approved { f.id(&chain) } else { "0".repeat(40) };
    f.git("dana", &["update-ref", &chain, &rejected]);
    Gate::of(&f).push(&[(&chain, &rejected, &after), (MAIN, &f.id("main"), &f.id(WORK))])
}

#[test]
fn row_20_a_push_that_takes_a_rejection_away_with_what_it_stops() {
    denied(pushed_with_the_chain(false), "LEDGER_ROLLBACK");
}

#[test]
fn row_20_twin_a_push_with_the_approval_that_ends_the_rejection() {
    allowed(pushed_with_the_chain(true));
}

/// A push of records by a key that is nobody's, or by one that is dana's.
fn chain_of_key(key: &str) -> Answer {
    let f = approved();
    land_policy(&f, &next(&(policy("") + &person("ines", "\"senior\"", ""))));
    f.take(Decision { key: Some(f.key("ines")), ..Decision::new("ines", WORK, Verdict::Approve) });
    if key == "gone" {
        land_policy(&f, &once(&policy(""), "version = 1\n", "version = 3\n"));
    }
    let chain = chain_of(&f, "ines");
    let tip = f.id(&chain);
    f.git("mina", &["update-ref", "-d", &chain]);
    Gate::of(&f).push(&[(&chain, &"0".repeat(40), &tip)])
}

#[test]
fn row_20_a_push_of_records_by_a_key_that_is_nobodys() {
    denied(chain_of_key("gone"), "STRANGER");
}

#[test]
fn row_20_twin_a_push_of_records_by_a_key_of_the_roster() {
    allowed(chain_of_key("there"));
}

#[test]
fn row_21_a_rejection_stops_the_same_content_under_another_commit() {
    let f = Fixture::new();
    f.decide("dana", WORK, Verdict::Reject);
    f.git("mina", &["checkout", "-q", WORK]);
    f.git("mina", &["commit", "-q", "--amend", "-m", "Under another name"]);
    f.git("mina", &["checkout", "-q", "main"]);
    f.decide("rahim", WORK, Verdict::Approve);
    denied(judged(&f, WORK), "VETOED");
}

#[test]
fn row_21_a_rejection_stops_its_commit_whatever_comes_on_top() {
    let f = Fixture::new();
    f.decide("dana", WORK, Verdict::Reject);
    further(&f, "mina", WORK, "src/lib.rs", "fn one() -> u32 {\n    1 + 1\n}\n");
    f.decide("rahim", WORK, Verdict::Approve);
    denied(judged(&f, WORK), "VETOED");
}

/// A commit that dana rejected, or another, comes with a merge that leaves nothing of it.
fn merged_to_nothing(rejected: bool) -> Answer {
    let f = Fixture::new();
    propose(&f, "mina", "other", &[("docs/a.txt", "x\n")]);
    f.decide("dana", if rejected { WORK } else { "other" }, Verdict::Reject);
    let old = f.id("main");
    f.git("mina", &["checkout", "-q", "-b", "ours"]);
    f.git("mina", &["merge", "-q", "--no-ff", "-s", "ours", "-m", "Merge", WORK]);
    f.decide("rahim", "ours", Verdict::Approve);
    f.verify(&old, &f.id("ours"))
}

#[test]
fn row_21_a_rejection_stops_its_commit_though_nothing_of_it_is_left() {
    denied(merged_to_nothing(true), "VETOED");
}

#[test]
fn row_21_twin_a_merge_of_nothing_that_anybody_rejected() {
    allowed(merged_to_nothing(false));
}

#[test]
fn row_21_twin_who_rejected_approves() {
    let f = Fixture::new();
    f.decide("dana", WORK, Verdict::Reject);
    further(&f, "mina", WORK, "src/lib.rs", "fn one() -> u32 {\n    1 + 1\n}\n");
    f.decide("dana", WORK, Verdict::Approve);
    allowed(judged(&f, WORK));
}

/// dana rejected; one byte is changed, and rahim approves that: on a clone that does not have the rejection, or on one
/// that has it and lets him answer it.
fn shopped(knowing: bool, edit: impl FnOnce(&Fixture)) -> Answer {
    let f = Fixture::new();
    f.decide("dana", WORK, Verdict::Reject);
    f.git("mina", &["checkout", "-q", WORK]);
    f.write("src/lib.rs", "fn one() -> u32 {\n    2 \n}\n");
    f.git("mina", &["commit", "-q", "-a", "--amend", "-m", "One byte"]);
    f.git("mina", &["checkout", "-q", "main"]);
    let chain = chain_of(&f, "dana");
    let tip = f.id(&chain);
    if !knowing {
        f.git("rahim", &["update-ref", "-d", &chain]);
    }
    f.decide("rahim", WORK, Verdict::Approve);
    f.git("rahim", &["update-ref", &chain, &tip]);
    edit(&f);
    judged(&f, WORK)
}

#[test]
fn row_21_one_byte_changed_and_another_reviewer_found() {
    denied(shopped(false, |_| {}), "VETOED");
}

#[test]
fn row_21_twin_the_other_reviewer_answers_the_rejection() {
    allowed(shopped(true, |_| {}));
}

#[test]
fn row_21_who_does_not_count_answers_no_rejection() {
    // rahim answers nothing; mina, whose own change it is, answers.
    let answered_by_the_author = |f: &Fixture| drop(f.decide("mina", WORK, Verdict::Approve));
    denied(shopped(false, answered_by_the_author), "VETOED");
}

/// rahim, who is asked, answers nothing; jonas, of some role, answers.
fn answered_by(role: &str) -> Answer {
    let f = Fixture::with_policy(&(policy("") + &person("jonas", role, "")));
    f.decide("dana", WORK, Verdict::Reject);
    f.git("mina", &["checkout", "-q", WORK]);
    f.git("mina", &["reset", "-q", "--hard", "main"]);
    f.write("src/lib.rs", "fn one() -> u32 {\n    2 \n}\n");
    f.commit("mina", "One byte");
    f.git("mina", &["checkout", "-q", "main"]);
    let chain = chain_of(&f, "dana");
    let tip = f.id(&chain);
    f.git("rahim", &["update-ref", "-d", &chain]);
    f.decide("rahim", WORK, Verdict::Approve);
    f.git("rahim", &["update-ref", &chain, &tip]);
    f.decide("jonas", WORK, Verdict::Approve);
    judged(&f, WORK)
}

#[test]
fn row_21_who_is_not_asked_answers_no_rejection() {
    denied(answered_by("\"junior\""), "VETOED");
}

#[test]
fn row_21_twin_somebody_who_is_asked_answers_it() {
    allowed(answered_by("\"senior\""));
}

#[test]
fn row_21_a_rejection_that_was_corrupted_is_no_consent() {
    let f = Fixture::new();
    f.decide("dana", WORK, Verdict::Reject);
    f.decide("rahim", WORK, Verdict::Approve);
    tamper(&f, &chain_of(&f, "dana"), |mut bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        bytes
    });
    undecided(judged(&f, WORK), "LEDGER_FAULT");
}

/// rahim's own key signs that dana's rejection is superseded.
#[test]
fn row_21_nobody_supersedes_the_rejection_of_another() {
    let f = Fixture::new();
    let rejection = f.decide("dana", WORK, Verdict::Reject).id().to_string();
    f.decide("rahim", WORK, Verdict::Approve);
    restate(&f, "rahim", |statement| statement.predicate.supersedes = vec![rejection]);
    denied(judged(&f, WORK), "VETOED");
}

/// rahim's own key signs in dana's name.
#[test]
fn row_21_nobody_takes_back_in_anothers_name() {
    let f = Fixture::new();
    let rejection = f.decide("dana", WORK, Verdict::Reject).id().to_string();
    f.decide("rahim", WORK, Verdict::Approve);
    restate(&f, "rahim", |statement| {
        statement.predicate.principal = "dana".to_owned();
        statement.predicate.supersedes = vec![rejection];
    });
    denied(judged(&f, WORK), "VETOED");
}

/// The place of a chain on a host that takes branches only.
fn as_branch(chain: &str) -> String {
    chain.replace("refs/undersign/", "refs/heads/undersign/")
}

/// Another copy of dana's chain was ahead of its ref for a while, when a gate judged; then she sends the rest, with a
/// rejection or with nothing more.
fn copy_ahead(rejected: bool) -> Answer {
    let f = approved();
    let chain = chain_of(&f, "dana");
    let first = f.id(&chain);
    propose(&f, "mina", "other", &[("docs/a.txt", "a\n")]);
    f.decide("dana", "other", Verdict::Approve);
    let second = f.id(&chain);
    f.git("mina", &["update-ref", &as_branch(&chain), &second]);
    f.git("mina", &["update-ref", &chain, &first]);
    allowed(judged(&f, WORK));
    f.git("dana", &["update-ref", &chain, &second]);
    if rejected {
        f.decide("dana", WORK, Verdict::Reject);
    }
    judged(&f, WORK)
}

#[test]
fn row_20_a_rejection_after_a_copy_of_the_chain_was_ahead() {
    denied(copy_ahead(true), "VETOED");
}

#[test]
fn row_20_twin_a_copy_of_the_chain_was_ahead() {
    allowed(copy_ahead(false));
}

/// A chain is in its ref; a push puts another copy of it among the branches, which is the same or begins otherwise.
fn second_copy(forked: bool) -> Answer {
    let f = approved();
    let chain = chain_of(&f, "dana");
    let first = f.id(&chain);
    if forked {
        f.git("dana", &["update-ref", "-d", &chain]);
        f.decide("dana", WORK, Verdict::Approve);
    }
    Gate::of(&f).push(&[(&as_branch(&chain), &"0".repeat(40), &first)])
}

#[test]
fn row_20_a_push_of_a_copy_that_contradicts_the_chain() {
    denied(second_copy(true), "LEDGER_FAULT");
}

#[test]
fn row_20_twin_a_push_of_a_copy_of_the_chain() {
    allowed(second_copy(false));
}

/// A push to a ref where anything may be proposed.
fn pushed_beside(name: &str) -> Answer {
    let f = Fixture::with_policy(&once(&policy(""), "protected = [", "open = [\"refs/heads/**\"]\nprotected = ["));
    let main = f.id("main");
    Gate::of(&f).push(&[(name, &"0".repeat(40), &main)])
}

#[test]
fn row_20_a_branch_where_the_folder_of_decisions_would_be() {
    denied(pushed_beside("refs/heads/undersign"), "REF_UNCOVERED");
    denied(pushed_beside("refs/heads/undersign/decisions"), "REF_UNCOVERED");
}

#[test]
fn row_20_twin_a_branch_beside_the_folder_of_decisions() {
    allowed(pushed_beside("refs/heads/undersigned"));
}

/// dana approves, with no findings at all, and the tree of her record's commit holds these entries: mode, name, id.
fn laid_out(f: &Fixture, entries: &[(&str, &str, &str)]) -> Answer {
    let chain = chain_of(f, "dana");
    let commit = f.git("mina", &["commit-tree", &raw_tree(f, entries), "-m", "laid out"]);
    f.git("mina", &["update-ref", &chain, &commit]);
    judged(f, WORK)
}

#[test]
fn row_20_the_tree_of_a_link_holds_its_three_plain_files_and_nothing_else() {
    let f = approved();
    restate(&f, "dana", |statement| statement.predicate.findings.sha256 = digest(""));
    let entry = |name: &str| f.git("mina", &["rev-parse", &format!("{}:{name}", chain_of(&f, "dana"))]);
    let (record, manifest) = (entry("000001.dsse.json"), entry("manifest"));
    let empty = line(git_piped(&f, &["hash-object", "-w", "--stdin"], b""));
    let (folder, commit) = (line(git_piped(&f, &["mktree"], b"")), f.id("main"));
    let envelope = ("100644", "000001.dsse.json", &*record);
    let manifest = ("100644", "manifest", &*manifest);
    let findings = ("100644", "findings.json", &*empty);
    let other = |mode, name, id| [envelope, (mode, name, id), manifest].to_vec();
    let wrong = [
        ("no findings", vec![envelope, manifest]),
        ("a junk file in their place", other("100644", "junk", &*empty)),
        ("a name in other letters", [("100644", "Findings.json", &*empty), envelope, manifest].to_vec()),
        ("a folder", other("40000", "findings.json", &*folder)),
        ("a symlink", other("120000", "findings.json", &*empty)),
        ("a submodule", other("160000", "findings.json", &*commit)),
        ("a program", other("100755", "findings.json", &*empty)),
        ("a mode of old", other("100664", "findings.json", &*empty)),
        ("the manifest twice", vec![envelope, manifest, manifest]),
        ("the manifest as a symlink", vec![envelope, findings, ("120000", "manifest", manifest.2)]),
        ("the manifest as a program", vec![envelope, findings, ("100755", "manifest", manifest.2)]),
        ("the envelope as a symlink", vec![("120000", envelope.1, envelope.2), findings, manifest]),
        ("the envelope as a program", vec![("100755", envelope.1, envelope.2), findings, manifest]),
        ("no envelope", vec![findings, manifest]),
        ("no manifest", vec![envelope, findings]),
        ("a junk file beside them", vec![envelope, findings, ("100644", "junk", &*empty), manifest]),
        ("a folder beside them", vec![envelope, findings, ("40000", "junk", &*folder), manifest]),
    ];
    for (what, entries) in wrong {
        let answer = laid_out(&f, &entries);
        assert_eq!(answer, (4, vec!["LEDGER_FAULT".to_owned()]), "{what}");
    }
}

#[test]
fn row_20_twin_the_tree_of_a_link_with_findings_that_are_empty() {
    let f = approved();
    restate(&f, "dana", |statement| statement.predicate.findings.sha256 = digest(""));
    let entry = |name: &str| f.git("mina", &["rev-parse", &format!("{}:{name}", chain_of(&f, "dana"))]);
    let (record, manifest) = (entry("000001.dsse.json"), entry("manifest"));
    let empty = line(git_piped(&f, &["hash-object", "-w", "--stdin"], b""));
    let [envelope, findings] = [("100644", "000001.dsse.json", &*record), ("100644", "findings.json", &*empty)];
    allowed(laid_out(&f, &[envelope, findings, ("100644", "manifest", &*manifest)]));
}
