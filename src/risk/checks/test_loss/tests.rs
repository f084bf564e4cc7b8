use crate::risk::tests::{findings, fired};

const OLD: &str = "def test_total():\n    assert cart.net == 419\n    assert cart.total == 499\n\n\ndef test_empty():\n    assert cart.lines == []\n";

fn of(new: &str) -> Vec<String> {
    fired("tests/test_cart.py", OLD, new)
}

#[test]
fn an_assertion_that_goes_or_becomes_looser_is_found_and_another_value_is_none() {
    assert_eq!(of(&OLD.replace("    assert cart.total == 499\n", "")), ["test.assert-lost"]);
    assert_eq!(of(&OLD.replace("cart.total == 499", "cart.total is not None")), ["test.weakened"]);
    assert_eq!(of(&OLD.replace("cart.total == 499", "cart.total >= 0")), ["test.weakened"]);
    assert_eq!(of(&OLD.replace("499", "512")), [""; 0]);
}

#[test]
fn assertions_that_are_joined_or_stand_in_a_table_are_none_lost() {
    let joined = "def test_total():\n    assert (cart.net, cart.total) == (419, 499)\n\n\ndef test_empty():\n    assert cart.lines == []\n";
    assert_eq!(of(joined), [""; 0]);
    let table = "@pytest.mark.parametrize(\"name, value\", [(\"net\", 419), (\"total\", 499), (\"lines\", [])])\ndef test_cart(name, value):\n    assert getattr(cart, name) == value\n";
    assert_eq!(of(table), [""; 0]);
}

#[test]
fn a_test_that_is_gone_is_found_whatever_others_came_and_one_that_was_renamed_is_not() {
    let only_first = "def test_total():\n    assert cart.net == 419\n    assert cart.total == 499\n";
    assert_eq!(of(only_first), ["test.deleted"]);
    assert_eq!(of(&OLD.replace("test_total", "test_sum")), [""; 0]);
    let elsewhere =
        "def test_a():\n    assert cart\ndef test_b():\n    assert cart.pay\ndef test_c():\n    assert cart.x\n";
    let found = findings(&[("tests/test_cart.py", OLD, ""), ("tests/test_smoke.py", "", elsewhere)]);
    let titles: Vec<&str> = found.iter().map(|finding| finding.title.as_str()).collect();
    assert_eq!(titles, ["Tests are deleted: test_total, test_empty"]);
    let moved = findings(&[("tests/test_cart.py", OLD, ""), ("tests/test_all.py", "", OLD)]);
    assert!(moved.is_empty(), "{moved:?}");
}

#[test]
fn a_test_that_asserts_nothing_any_more_or_only_what_always_holds_is_found() {
    let emptied = OLD.replace("    assert cart.lines == []\n", "    cart.clear()\n");
    assert_eq!(of(&emptied), ["test.emptied"]);
    let same = OLD.replace("cart.total == 499", "cart.total == cart.total");
    assert!(of(&same).contains(&"test.tautology".to_owned()), "{:?}", of(&same));
    let handed_on = OLD.replace("    assert cart.lines == []\n", "    check_lines(cart)\n");
    assert!(!of(&handed_on).contains(&"test.emptied".to_owned()));
}

#[test]
fn it_is_grave_where_the_tested_code_stays_and_changes_and_less_so_where_it_goes_too() {
    let of = |old: &'static str, code: (&'static str, &'static str, &'static str)| {
        let looser = old.replace("cart.total == 499", "cart.total is not None");
        let looser = looser.replace("cart.count == 2", "cart.count is not None");
        let found = findings(&[code, ("tests/test_cart.py", old, &looser)]);
        found.iter().filter(|finding| finding.rule.starts_with("test.")).map(|finding| finding.severity).max()
    };
    use crate::risk::Severity::{High, Medium};
    const TWO: &str =
        "def test_total():\n    cart = fill()\n    assert cart.total == 499\n    assert cart.count == 2\n";
    let changed = ("shop/cart.py", "def pay():\n    return 1\n", "def pay():\n    return 2\n");
    assert_eq!(of(TWO, changed), Some(High));
    assert_eq!(of(OLD, changed), Some(Medium), "one is another opinion of what is right");
    assert_eq!(of(TWO, ("shop/user.py", "def name():\n    return 1\n", "def name():\n    return 2\n")), Some(Medium));
    assert_eq!(of(TWO, ("shop/cart.py", "def pay():\n    return 1\n", "")), Some(Medium));
}

#[test]
fn snapshots_that_are_written_anew_together_with_code_are_one_finding() {
    let snapshots = [
        ("src/page.ts", "export const a = 1;\n", "export const a = 2;\n"),
        ("src/__snapshots__/a.snap", "exports[`a`] = `1`;\n", "exports[`a`] = `2`;\n"),
        ("src/__snapshots__/b.snap", "exports[`b`] = `1`;\n", "exports[`b`] = `2`;\n"),
    ];
    let found = findings(&snapshots);
    assert_eq!(found.iter().filter(|finding| finding.rule == "test.snapshot-mass").count(), 1, "{found:?}");
    assert!(findings(&snapshots[1..]).is_empty());
}
