//! What changes without being seen: lines that stand and do not run, texts that are decoded or unescaped first, settings
//! and files in another place.

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
