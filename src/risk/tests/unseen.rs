//! What changes without being seen: lines that stand and do not run, texts that are decoded or unescaped first,
//! settings and files in another place.

// Without grammars, some of it is not used.
#![cfg_attr(not(feature = "syntax"), allow(dead_code))]

use super::*;

/// The rules that say something worth a question.
fn asked(path: &str, old: &str, new: &str) -> Vec<String> {
    let found = findings(&[(path, old, new)]).into_iter();
    found.filter(|finding| finding.severity > Severity::Low).map(|finding| finding.rule).collect()
}

const C: &str = "int handle(struct user *u, int id) {\n    // only owners may do this\n    if (!is_owner(u, id))\n        \
                 return -EPERM;\n    return remove_item(id);\n}\n";
const CHECK_IN_C: &str = "    if (!is_owner(u, id))\n        return -EPERM;\n";
const PYTHON: &str = "def handle(user, item):\n    log(user)\n    if not user.is_admin:\n        raise \
                      PermissionDenied()\n    return remove(item)\n";
const CHECK_IN_PYTHON: &str = "    if not user.is_admin:\n        raise PermissionDenied()\n";
const RUBY: &str = "class A < ApplicationController\n  before_action :authenticate_user!\n  before_action \
                    :require_admin\n  def x; remove; end\nend\n";
const CHECK_IN_RUBY: &str = "  before_action :authenticate_user!\n  before_action :require_admin\n";
const JAVA: &str = "class A {\n  @PostMapping(\"/x\")\n  @PreAuthorize(\"hasRole('ADMIN')\")\n  public void x() { \
                    remove(); }\n}\n";
const CHECK_IN_JAVA: &str = "  @PreAuthorize(\"hasRole('ADMIN')\")\n";
const HCL: &str = "resource \"aws_db_instance\" \"d\" {\n  name = \"d\"\n  deletion_protection = true\n  lifecycle {\n    \
                   prevent_destroy = true\n  }\n}\n";
const CHECK_IN_HCL: &str = "  deletion_protection = true\n  lifecycle {\n    prevent_destroy = true\n  }\n";

#[cfg(feature = "syntax")]
#[test]
fn a_check_that_is_put_out_of_the_program_is_missed_though_its_lines_stand_as_they_did() {
    let around = |text: &str, check: &str, before: &str, after: &str| {
        assert!(text.contains(check));
        text.replace(check, &format!("{before}{check}{after}"))
    };
    let rows = [
        ("h.c", C, around(C, CHECK_IN_C, "/*\n", "*/\n")),
        ("h.c", C, around(C, CHECK_IN_C, "#if 0\n", "#endif\n")),
        ("h.c", C, around(C, CHECK_IN_C, "    if (0) {\n", "    }\n")),
        ("h.c", C, C.replace("may do this\n", "may do this \\\n")),
        ("h.py", PYTHON, around(PYTHON, CHECK_IN_PYTHON, "    \"\"\"\n", "    \"\"\"\n")),
        ("h.py", PYTHON, around(PYTHON, CHECK_IN_PYTHON, "    return remove(item)\n", "")),
        ("h.rb", RUBY, around(RUBY, CHECK_IN_RUBY, "=begin\n", "=end\n")),
        ("A.java", JAVA, around(JAVA, CHECK_IN_JAVA, "  /*\n", "  */\n")),
        ("d.tf", HCL, around(HCL, CHECK_IN_HCL, "/*\n", "*/\n")),
    ];
    for (path, old, new) in &rows {
        assert!(!asked(path, old, new).is_empty(), "{path}:\n{new}\n{:?}", findings(&[(path, old, new)]));
    }
    let found = findings(&[(rows[0].0, rows[0].1, &rows[0].2)]);
    let missed = found.iter().find(|finding| finding.title.ends_with("it is still there and does not run"));
    // At the line that did it, which the reader shows as a changed one.
    assert_eq!(missed.map(|missed| (missed.location.side, missed.location.line)), Some((Side::New, 3)), "{found:?}");
}

#[cfg(feature = "syntax")]
#[test]
fn code_that_comes_alive_without_a_change_of_its_lines_is_found() {
    let python = ("h.py", "\"\"\"\nos.system(\"rm -rf \" + p)\nexec(input())\n\"\"\"\nx = 1\n");
    assert!(!asked(python.0, python.1, &python.1.replace("\"\"\"\n", "")).is_empty());
    let script = ("h.js", "/*\neval(req.body.c);\n*/\nlet x = 1;\n");
    assert!(!asked(script.0, script.1, &script.1.replace("/*\n", "").replace("*/\n", "")).is_empty());
}

#[cfg(feature = "syntax")]
#[test]
fn comments_and_returns_beside_a_check_that_still_runs_say_nothing() {
    let rows = [
        ("h.c", C, C.replace("    if (!is", "    /*\n     * Not even its heirs.\n     */\n    if (!is")),
        ("h.c", C, C.replace("may do this\n", "may do that\n")),
        ("h.c", C, C.replace("    if (!is", "#if 1\n    if (!is").replace("EPERM;\n", "EPERM;\n#endif\n")),
        (
            "h.py",
            PYTHON,
            PYTHON.replace("    log(user)\n", "    \"\"\"Removes it.\n\n    For ever.\n    \"\"\"\n    log(user)\n"),
        ),
        (
            "h.py",
            PYTHON,
            PYTHON.replace("    log(user)\n", "    if item is None:\n        return None\n    log(user)\n"),
        ),
        ("h.rb", RUBY, RUBY.replace("  def x", "=begin\nRemoves it.\n=end\n  def x")),
        ("d.tf", HCL, HCL.replace("  lifecycle", "  /*\n   * For ever.\n   */\n  lifecycle")),
    ];
    for (path, old, new) in &rows {
        assert_eq!(findings(&[(path, old, new)]), [], "{path}:\n{new}");
    }
    // A part of a comment that is a comment as before.
    let remark = "/*\n eval(x);\n*/\nf();\n";
    assert_eq!(findings(&[("a.js", remark, &remark.replace("/*\n", "/*\n Once:\n"))]), []);
}

#[cfg(feature = "syntax")]
#[test]
fn one_byte_that_is_not_utf_8_hides_nothing_of_its_file() {
    let rules_of = |path: &str, old: &[u8], new: &[u8]| {
        let found = assessed(&[sample_of_bytes(path, old, new)]).findings;
        found.into_iter().map(|finding| finding.rule).collect::<Vec<_>>()
    };
    let rows: &[(&str, &str, &str)] = &[
        ("d.py", "# ", "exec(input())\n"),
        ("d.js", "// ", "eval(q.code);\n"),
        ("d.rb", "# ", "eval(gets)\n"),
        ("d.tf", "# ", "resource \"aws_db_instance\" \"d\" {\n  publicly_accessible = true\n}\n"),
    ];
    for (path, sign, text) in rows {
        let plain = rules_of(path, b"", format!("{sign}Gruesse\n{text}").as_bytes());
        let latin = [sign.as_bytes(), b"Gr\xfc\xdfe\n", text.as_bytes()].concat();
        assert!(!plain.is_empty(), "{path}");
        assert_eq!(rules_of(path, b"", &latin), plain, "{path}");
    }
    let lost = PYTHON.replace(CHECK_IN_PYTHON, "");
    let lost = rules_of("h.py", PYTHON.as_bytes(), &[b"# Gr\xfc\xdfe\n", lost.as_bytes()].concat());
    assert_eq!(lost, fired("h.py", PYTHON, &PYTHON.replace(CHECK_IN_PYTHON, "# \n")));
    assert_eq!(rules_of("a.py", b"x = 1\n", b"# Gr\xfc\xdfe\nx = 1\n"), [""; 0]);
    // In Shift-JIS, the backslash belongs to the letter before it.
    assert_eq!(rules_of("a.py", b"x = 1\n", b"y = \"\x95\\\"\nx = 1\n"), ["read.partly"]);
}

#[cfg(feature = "syntax")]
#[test]
fn a_setting_below_another_key_or_in_another_spelling_is_compared() {
    let config = |attempts: &str, required: &str| {
        format!("retry:\n  max_attempts: {attempts}\n  timeout: 30s\nauth:\n  required: {required}\n")
    };
    let inside = |key: &str, text: &str| {
        format!("{key}:\n{}", text.lines().map(|line| format!("  {line}\n")).collect::<String>())
    };
    let (before, after) = (config("3", "true"), config("9000", "false"));
    let pairs = [
        (before.clone(), inside("prod", &after)),
        (inside("prod", &before), after.clone()),
        (inside("prod", &before), inside("production", &after)),
    ];
    for (old, new) in &pairs {
        let found = findings(&[("conf.yml", old, new)]);
        let limit = found.iter().find(|finding| finding.rule == "resil.limit-lost");
        assert!(limit.is_some_and(|limit| limit.title.contains("9000")), "{new}: {found:?}");
    }
    assert_eq!(findings(&[("conf.yml", &before, &inside("prod", &before))]), []);
    let apart = [
        ("a.properties", "retry.max_attempts=3\nauth.required=true\n", "a.yml", after.as_str()),
        (
            ".env",
            "MAX_ATTEMPTS=3\n",
            "docker-compose.yml",
            "services:\n  a:\n    environment:\n      MAX_ATTEMPTS: 9000\n",
        ),
    ];
    for (from, old, to, new) in apart {
        let found = findings(&[(from, old, ""), (to, "", new)]);
        let limit = found.iter().find(|finding| finding.rule == "resil.limit-lost");
        assert!(limit.is_some_and(|limit| limit.title.contains("9000")), "{from}: {found:?}");
        let same = new.replace("9000", "3").replace("false", "true").replace("  timeout: 30s\n", "");
        assert_eq!(findings(&[(from, old, ""), (to, "", &same)]), [], "{from}");
    }
    // Another setting of that name, which says nothing by itself.
    let other = findings(&[("a.yml", "limits:\n  max: 3\nb: 1\n", "b: 1\nother:\n  sizes:\n    max: 9000\n")]);
    assert!(!other.iter().any(|finding| finding.title.contains("9000")), "{other:?}");
}

#[test]
fn code_that_a_language_unescapes_first_is_found_and_letters_in_texts_are_not() {
    let rows: &[(&str, &str, bool)] = &[
        ("a.js", "module.exports = q => \\u0065val(q.code);\n", true),
        ("a.js", "module.exports = q => \\u{65}val(q.code);\n", true),
        ("a.js", "const run = cp.\\u0065xec;\n", true),
        ("a.js", "const s = \"\\u00e4\\u{1F600}\\u0041bc\"; const caf\\u00e9 = 1;\n", false),
        ("a.js", "const letters = /[\\u0041-\\u005Aa-z]/; // \\u0065val(x)\n", false),
        ("a.js", "const path = 'C:\\\\u0065val';\n", false),
        ("D.java", "Runtime.getRuntime().\\u0065xec(p);\n", true),
        ("D.java", "// harmless \\u000a Runtime.getRuntime().exec(p);\n", true),
        ("D.java", "/* \\u002a\\u002f f(); /* */\n", true),
        ("D.java", "// \\u0041 is A, and \\u00e4 is not\nString s = \"\\u0041bc\";\n", false),
        ("d.py", "# coding: unicode_escape\n# harmless \\u000aexec(input())\n", true),
        ("d.py", "#!/usr/bin/python3\n# -*- coding: utf-7 -*-\n+AGUAeABlAGM-\n", true),
        ("d.py", "# -*- coding: utf-8 -*-\nx = 1\n", false),
        ("d.py", "# vim: set fileencoding=iso-8859-15 :\nx = 1\n", false),
        ("d.py", "x = 1\ny = 2\n# coding: utf-7\n", false),
        ("d.py", "# The coding: unicode is another word\n", true),
    ];
    for (path, text, is_found) in rows {
        let found = fired(path, "", text);
        let is_told = found.iter().any(|rule| rule == "uni.confusable");
        assert_eq!(is_told, *is_found, "{path}: {text}: {found:?}");
    }
    // A cookie that was there, on a line that takes effect only now.
    let late = "x = 1\n\n# coding: utf-7\n";
    assert!(fired("d.py", late, "\n# coding: utf-7\n").contains(&"uni.confusable".to_owned()));
    assert_eq!(fired("d.py", "# coding: utf-7\n", "# coding: utf-7\nx = 1\n"), [""; 0]);
}

#[test]
fn a_submodule_of_another_source_is_told_as_that() {
    let modules = |url: &str| format!("[submodule \"lib\"]\n\tpath = lib\n\turl = {url}\n");
    let (own, other) = (modules("https://example.org/lib.git"), modules("https://evil.example.net/lib.git"));
    let found = findings(&[(".gitmodules", &own, &other)]);
    let titles: Vec<&str> = found.iter().map(|finding| finding.title.as_str()).collect();
    let told = "The submodule lib is fetched from https://evil.example.net/lib.git now, not from \
                https://example.org/lib.git";
    assert_eq!(titles, [told]);
    assert_eq!((found[0].rule.as_str(), found[0].location.line), ("mode.submodule-source", 3));
    assert_eq!(fired(".gitmodules", &own, &own.replace("path = lib", "path = libs/lib")), [""; 0]);
    assert_eq!(fired(".gitmodules", &own, &format!("{own}\tignore = all\n")), ["scope.attributes"]);
    assert_eq!(fired(".gitmodules", &format!("{own}{}", other.replace("lib", "b")), &own), [""; 0]);
}

#[test]
fn what_a_merge_leaves_beside_a_file_is_found_by_its_name() {
    let left = [
        "src/x_BACKUP_12345.py",
        "x_LOCAL_998.txt",
        "x.REMOTE.12.c",
        "lib~HEAD",
        "conf~feature_x",
        "lib~main_0",
        "x.c.mine",
        "x.c.r1234",
        "x.c.merge-left.r12",
    ];
    for path in left {
        assert_eq!(fired(path, "", "x\n"), ["merge.left-over"], "{path}");
    }
    let others =
        ["origin.py", "LOCAL_1.txt", "x_LOCAL_a.txt", "pkg_1.0~rc1.txt", "a~", "gold.mine", "films.r00", "a.b.r"];
    for path in others {
        assert!(!fired(path, "", "x\n").contains(&"merge.left-over".to_owned()), "{path}");
    }
    assert_eq!(fired("a.c", "", "v v v v v v v\nint a;\n*************\nint b;\n^ ^ ^ ^ ^ ^ ^\n").len(), 2);
}
