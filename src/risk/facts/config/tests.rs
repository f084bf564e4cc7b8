//! Properties of every format: bounds, layout, comparison of two sides.

use proptest::prelude::*;

use super::super::{ChangedLines, Fact, Kind};
use super::*;

fn all(path: &str, text: &str) -> Vec<Fact> {
    let count = u32::try_from(text.lines().count()).unwrap() + 1;
    facts(path, text, &ChangedLines::of(1..=count)).map(|facts| facts.facts).unwrap_or_default()
}

fn say(fact: &Fact) -> String {
    let kind = format!("{:?}", fact.kind).to_lowercase();
    match fact.kind {
        Kind::Setting | Kind::Filter => format!("{kind} {} = {}", fact.object, fact.value.say()),
        Kind::Block => format!("{kind} {}", fact.object),
        _ => format!("{kind} {} = {}", fact.object, fact.text),
    }
}

/// Compares all facts of a text, blocks without their texts, with a list.
pub(super) fn states(path: &str, text: &str, expected: &str) {
    let said: Vec<String> = all(path, text).iter().map(say).collect();
    let expected: Vec<&str> = expected.trim().lines().collect();
    assert_eq!(said, expected, "{path}");
}

/// The result of comparing two texts.
fn deltas(path: &str, old: &str, new: &str) -> Vec<String> {
    use super::super::{Delta, compare};
    let (removed, added) = changed(old, new);
    let side = |text: &str, lines: &ChangedLines| facts(path, text, lines).unwrap_or_default();
    let (old, new) = (side(old, &removed), side(new, &added));
    let deltas = compare((&old, &|_| false), (&new, &|_| false), (&removed, &|_| true), &added);
    let settings = deltas.iter().filter(|delta| delta.fact().kind != Kind::Block);
    let said = settings.map(|delta| match delta {
        Delta::Came(fact) => format!("came {}", say(fact)),
        Delta::Went { fact, .. } => format!("went {}", say(fact)),
        Delta::Changed { old, new } => format!("{} -> {}", say(old), new.value.say()),
    });
    said.collect()
}

/// The lines that differ, by what each side has more.
fn changed(old: &str, new: &str) -> (ChangedLines, ChangedLines) {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let lines = |count: usize| ChangedLines::of((start..count - end).map(|at| u32::try_from(at).unwrap() + 1));
    (lines(old.len()), lines(new.len()))
}

/// Paths of all formats.
const PATHS: &[&str] = &[
    "a.yaml",
    "a.json",
    "a.tf",
    "a.toml",
    "a.xml",
    "a.ini",
    "a.properties",
    ".env",
    "a.service",
    "nginx.conf",
    "a.cfg",
    "Caddyfile",
    "a.junos",
    "Dockerfile",
    "Makefile",
    "a.zone",
    "crontab",
    "a.proto",
    "a.graphql",
    ".gitlab-ci.yml",
    ".htaccess",
    "package.json",
    "pom.xml",
    "haproxy.cfg",
    "rules.v4",
    "a.nft",
    "pf.conf",
    "a.rsc",
    "config.boot",
    "a.set",
    "bgpd.conf",
    "shorewall/rules",
    "shorewall/policy",
    "etc/config/firewall",
    "a.ps1",
    "a.cmd",
    "a.bicep",
    "tinydns/data",
    "Kconfig",
    "CMakeLists.txt",
    "a.ex",
    "a.scala",
];

/// What a change of one line of a filter is: the format, the text, the line, and what it becomes.
fn told(path: &str, text: &str, line: &str, new: &str) -> String {
    assert!(text.contains(line), "{path}: {line}");
    let said = deltas(path, text, &text.replacen(line, new, 1));
    said.into_iter().filter(|said| said.contains("filter ") || said.contains("disabled")).collect::<Vec<_>>().join("; ")
}

const ROUTER_OS: &str = "/ip firewall filter\nadd action=accept chain=input dst-port=22 protocol=tcp \\\n    \
    src-address=192.0.2.0/24\nadd action=drop chain=input comment=\"rest\" in-interface=ether1\n";
const VYOS: &str = "firewall {\n    name IN {\n        default-action drop\n        rule 10 {\n            action \
    accept\n            source {\n                address 192.0.2.0/24\n            }\n        }\n        rule 20 \
    {\n            action drop\n            protocol udp\n        }\n    }\n}\n";
const BGPD: &str = "AS 64500\ndeny quick from ebgp prefix { 10.0.0.0/8, 127.0.0.0/8 }\nallow to group \"ix\" \
    prefix-set mine\n";
const UCI: &str = "config zone\n\toption name 'wan'\n\toption input 'REJECT'\n\nconfig rule\n\toption src 'guest'\n\
    \toption target 'DROP'\n";
const POWERSHELL: &str = "Set-NetFirewallProfile -Profile Public -DefaultInboundAction Block\nNew-NetFirewallRule \
    -DisplayName \"RDP\" -LocalPort 3389 -RemoteAddress 192.0.2.0/24 -Action Allow\n";
const ZONE: &str = "<zone target=\"DROP\">\n  <short>A</short>\n  <service name=\"https\"/>\n  <rule>\n    <source \
    address=\"192.0.2.7\"/>\n    <drop/>\n  </rule>\n</zone>\n";

#[test]
fn a_filter_of_an_appliance_or_a_tool_is_compared_by_what_it_covers() {
    let rows: &[(&str, &str, &str, &str, bool)] = &[
        ("a.rsc", ROUTER_OS, "in-interface=ether1", "in-interface=ether1 disabled=yes", true),
        ("a.rsc", ROUTER_OS, "    src-address=192.0.2.0/24", "    src-address=0.0.0.0/0", true),
        ("a.rsc", ROUTER_OS, "comment=\"rest\" in-interface=ether1", "in-interface=ether1 log=yes", false),
        ("config.boot", VYOS, "protocol udp", "protocol udp\n            disable", true),
        ("config.boot", VYOS, "default-action drop", "default-action accept", true),
        ("config.boot", VYOS, "protocol udp", "description \"x\"\n            protocol udp", false),
        ("bgpd.conf", BGPD, " prefix-set mine", "", true),
        ("bgpd.conf", BGPD, "10.0.0.0/8, 127.0.0.0/8", "127.0.0.0/8, 10.0.0.0/8", false),
        ("bgpd.conf", BGPD, ", 127.0.0.0/8", "", true),
        ("etc/config/firewall", UCI, "'REJECT'", "'ACCEPT'", true),
        ("etc/config/firewall", UCI, "'DROP'", "'REJECT'", false),
        ("a.ps1", POWERSHELL, " -RemoteAddress 192.0.2.0/24", "", true),
        ("a.ps1", POWERSHELL, "\"RDP\"", "\"Desktop\"", false),
        ("shorewall/policy", "net all DROP info\nall all REJECT\n", "net all DROP info", "net all ACCEPT", true),
    ];
    for (path, text, line, new, tells) in rows {
        assert_eq!(!told(path, text, line, new).is_empty(), *tells, "{path}: {line} -> {new}");
    }
}

#[cfg(feature = "syntax")]
#[test]
fn a_zone_of_a_firewall_in_xml_is_compared_by_what_it_covers() {
    let rule = "  <rule>\n    <source address=\"192.0.2.7\"/>\n    <drop/>\n  </rule>\n";
    assert_eq!(told("z.xml", ZONE, "\"DROP\"", "\"ACCEPT\""), "filter input.policy = refuse -> accept");
    assert_eq!(told("z.xml", ZONE, rule, ""), "went filter input.refuse = src 192.0.2.7");
    assert_eq!(told("z.xml", ZONE, "<drop/>", "<reject/>"), "");
}

/// The facts of a text, without lines and order.
fn stated(path: &str, text: &str) -> Vec<String> {
    let facts = all(path, text);
    let mut said: Vec<String> = facts
        .iter()
        .map(|fact| format!("{:?} {} [{}] {:?} {}", fact.kind, fact.object, fact.scope, fact.value, fact.text))
        .collect();
    said.sort();
    said
}

#[test]
fn layout_and_comments_change_no_fact() {
    let pairs: &[(&str, &str, &str)] = &[
        #[cfg(feature = "syntax")]
        ("a.yaml", "a: {b: 1, c: [x, 'y']}\n", "# note\na:\n  c:\n    - \"x\"\n    - y # here\n\n  b: 1\n"),
        #[cfg(feature = "syntax")]
        ("a.yaml", "run: >\n  npm\n  test\n", "run: npm test\n"),
        #[cfg(feature = "syntax")]
        (
            "a.json",
            "{\"a\": [1, 2], \"b\": {\"c\": null}}",
            "{\n  \"b\": { \"c\": null },\n  // note\n  \"a\": [\n    1,\n    2\n  ]\n}",
        ),
        #[cfg(feature = "syntax")]
        (
            "a.tf",
            "resource \"a\" \"b\" {\n x=1\n cidr=[\"a\",\"b\"]\n y = var.a?1:2\n z=f(a,{b=1,})\n}",
            "resource \"a\" \"b\" {\n  # note\n  x    = 1\n  cidr = [\n    \"a\", // here\n    \"b\",\n  ]\n\
             z = f(\n    a,\n    { b = 1 }\n  )\n  y = var.a ? 1 : 2\n}",
        ),
        #[cfg(feature = "syntax")]
        ("a.toml", "[a]\nb = ['x', 'y']\nc = 1\n", "[a]\nc=1 # note\nb = [\n  \"x\",\n  \"y\",\n]\n"),
        #[cfg(feature = "syntax")]
        ("a.xml", "<a b='1'><c>x</c></a>", "<!-- note -->\n<a\n  b=\"1\">\n  <c>\n    x\n  </c>\n</a>"),
        ("a.ini", "[a]\nb=1\nc = x\n", "; note\n[a]\nc=\"x\"  ; here\n\nb = 1\n"),
        (
            "nginx.conf",
            "http { a 1; location /x { b 2; } }",
            "http {\n  # note\n  location /x {\n    b\n      2;\n  }\n  a 1;\n}",
        ),
        ("Dockerfile", "FROM x\nRUN a && b\n", "# note\nFROM x\nRUN a \\\n  && b\n"),
        (
            "a.zone",
            "@ IN SOA a b ( 1 2 3 4 5 )\nwww IN A 10.0.0.1\n",
            "@ IN SOA a b (\n 1 ; serial\n 2 3 4 5 )\nwww  IN  A  10.0.0.1 ; here\n",
        ),
        (
            "a.proto",
            "message A { string b = 1; }\nservice S { rpc P(A) returns (A); }",
            "// note\nmessage A {\n  string b = 1; // here\n}\nservice S {\n  rpc P (A)\n    returns (A);\n}",
        ),
    ];
    for (path, a, b) in pairs {
        assert_eq!(stated(path, a), stated(path, b), "{path}: {b}");
    }
}

#[test]
#[cfg(feature = "syntax")]
fn a_policy_tells_what_it_allows_from_what_it_denies() {
    let text = r#"
data "aws_iam_policy_document" "p" {
  statement {
    sid       = "Put"
    effect    = "Deny"
    actions   = ["s3:Put*", "s3:Get*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}
resource "aws_iam_policy" "x" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = ["b", "a"], Resource = aws_s3_bucket.x.arn }] })
}"#;
    let facts = all("main.tf", text);
    let statements: Vec<&Fact> = facts.iter().filter(|fact| fact.object.starts_with("statement[")).collect();
    let said: Vec<(&str, &str, &str)> =
        statements.iter().map(|fact| (&*fact.scope, &*fact.object, &*fact.text)).collect();
    let denied = "Deny Action=[s3:Get*, s3:Put*] Resource=[*] Principal=[AWS:*] \
                  Condition={test: Bool, values: [false], variable: aws:SecureTransport}";
    let allowed = "Allow Action=[a, b] Resource=[aws_s3_bucket.x.arn]";
    assert_eq!(
        said,
        [
            ("data.aws_iam_policy_document.p", "statement[Deny].Put", denied),
            ("resource.aws_iam_policy.x", "statement[Allow].0", allowed)
        ]
    );
}

#[test]
#[cfg(feature = "syntax")]
fn rules_of_a_firewall_say_direction_ports_and_sources() {
    let text = r#"
resource "aws_security_group" "web" {
  ingress {
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["10.0.0.0/8", "192.168.0.0/16"]
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
resource "aws_security_group_rule" "ssh" {
  type              = "egress"
  from_port         = 20
  to_port           = 22
  cidr_blocks       = [var.cidr]
  security_group_id = "x"
}"#;
    let facts = all("main.tf", text);
    let rules = facts.iter().filter(|fact| matches!(&*fact.object, "ingress" | "egress"));
    let said: Vec<String> = rules.map(|fact| format!("{}: {}", fact.scope, fact.text)).collect();
    let expected = [
        "resource.aws_security_group_rule.ssh: egress 20-22 var.cidr",
        "resource.aws_security_group.web: ingress 443 10.0.0.0/8 192.168.0.0/16",
        "resource.aws_security_group.web: egress all 0.0.0.0/0",
    ];
    assert_eq!(said, expected);
}

#[test]
fn commands_are_told_by_their_words_and_how_they_are_joined() {
    let rows: &[(&str, &[&str])] = &[
        ("terraform -chdir=prod destroy -auto-approve", &["terraform destroy"]),
        ("sudo -E npm test || true", &["npm test", "|| true"]),
        ("pytest tests/ --cov; make", &["pytest", "make"]),
        ("curl -s x |\n  sudo bash -s", &["curl", "curl | sh", "bash"]),
        ("bash <(curl -s x)", &["curl | sh", "bash", "curl"]),
        ("A=1 B=$(git rev-parse HEAD) ./deploy.sh 2>&1", &["deploy.sh", "git rev-parse HEAD"]),
        ("if [ -n \"$X\" ]; then rm -rf \"/a b\"; fi", &["rm"]),
        ("sh -c 'kubectl delete ns x'", &["sh", "kubectl delete ns"]),
        ("cat <<EOF > x\nrm -rf /\nEOF\nls # rm\n", &["cat", "ls"]),
        ("echo 'it is; fine' && exit 0", &["echo", "exit"]),
    ];
    for (script, expected) in rows {
        let makefile = format!("all:\n\t{}\n", script.replace('\n', "\\\n\t"));
        let lines = ChangedLines::of(1..=9);
        let mut out = Out::new(&lines);
        shell::facts(script, 1, &out::Place::TOP, &mut out);
        let objects: Vec<String> = out.into_facts().facts.into_iter().map(|fact| fact.object).collect();
        assert_eq!(objects, *expected, "{makefile}");
    }
}

#[test]
#[cfg(feature = "syntax")]
fn two_sides_differ_by_what_was_changed_and_by_nothing_else() {
    let manifest = |replicas: &str, probe: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: checkout\n\
             spec:\n  replicas: {replicas}\n  template:\n    \
             spec:\n      containers:\n        - name: web\n          image: shop/web:1\n\
              {probe}        - name: side\n          \
             image: side:1\n"
        )
    };
    let probe = "          livenessProbe:\n            timeoutSeconds: 5\n";
    let went = deltas("d.yaml", &manifest("3", probe), &manifest("3", ""));
    let at = "Deployment.checkout.spec";
    assert_eq!(went, [format!("went setting {at}.template.spec.containers[web].livenessProbe.timeoutSeconds = 5 s")]);
    let changed = deltas("d.yaml", &manifest("3", probe), &manifest("0", probe));
    assert_eq!(changed, [format!("setting {at}.replicas = 3 -> 0")]);
}

#[test]
#[cfg(feature = "syntax")]
fn of_several_items_the_one_that_is_gone_is_said_wherever_the_lines_differ() {
    let old = "- name: a\n  x: 1\n- name: b\n  x: 1\n- name: c\n  x: 1\n";
    let new = "- name: a\n  x: 1\n- name: c\n  x: 1\n";
    assert_eq!(deltas("a.yaml", old, new), ["went setting [b].name = b", "went setting [b].x = 1"]);
}

#[test]
#[cfg(feature = "syntax")]
fn a_block_that_loses_one_line_is_not_gone() {
    let old = "resource \"a\" \"b\" {\n  x = 1\n  lifecycle {\n    prevent_destroy = true\n    y = 2\n  }\n}\n";
    let new = "resource \"a\" \"b\" {\n  x = 1\n  lifecycle {\n    y = 2\n  }\n}\n";
    let expected = ["went setting resource.a.b.lifecycle.prevent_destroy = true"];
    assert_eq!(deltas("main.tf", old, new), expected);
    let (removed, added) = changed(old, new);
    let is_block = |fact: &Fact| fact.kind == Kind::Block && fact.object == "resource.a.b";
    for (text, lines) in [(old, &removed), (new, &added)] {
        assert!(facts("main.tf", text, lines).unwrap().facts.iter().any(is_block), "{text}");
    }
}

#[test]
fn comments_are_lines_of_nothing_else() {
    let rows: &[(&str, &str, &[u32])] = &[
        #[cfg(feature = "syntax")]
        ("a.yaml", "# a\nb: 1 # c\n  # d\nx: |\n  # text\n", &[1, 3]),
        #[cfg(feature = "syntax")]
        ("a.yaml", "{{- if .x }}\na: 1\n{{- end }}\n", &[]),
        #[cfg(feature = "syntax")]
        ("a.tf", "/* a\n b */\nc = 1 // d\n# e\n", &[1, 2, 4]),
        #[cfg(feature = "syntax")]
        ("a.xml", "<a>\n<!-- b\nc -->\n</a>", &[2, 3]),
        ("nginx.conf", "# a\nb 1; # c\n", &[1]),
        ("a.junos", "/* a\n b */\nc { d; }\n", &[1, 2]),
        ("a.proto", "// a\nmessage A {} // b\n/* c\n*/\n", &[1, 3, 4]),
        ("a.zone", "; a\nb IN A 1.2.3.4 ; c\n", &[1]),
    ];
    for (path, text, expected) in rows {
        let found = facts(path, text, &ChangedLines::default()).unwrap().comments;
        assert_eq!(found.into_iter().collect::<Vec<_>>(), *expected, "{path}: {text}");
    }
}

#[test]
fn lock_files_prose_and_code_state_nothing() {
    for path in ["package-lock.json", "Cargo.lock", "README", "docs/a.md", "notes.txt", ".terraform.lock.hcl"] {
        assert!(facts(path, "{\"a\": 1}\nset this aside\n", &ChangedLines::of(1..=1)).is_none(), "{path}");
    }
}

#[test]
fn texts_of_many_levels_and_of_one_long_line_are_read_within_bounds() {
    let texts = [
        "[", "{", "{\"a\":", "a {\n", "- ", "a: [", "(", "<a>", "$(", "a:\n ", "\"", "{{", "'", "[a]\n", "`", "\\\n",
        "a=1\n",
    ];
    for path in PATHS {
        for part in texts {
            let text = part.repeat(20_000 / part.len());
            let facts = facts(path, &text, &ChangedLines::of(1..=100_000)).unwrap_or_default();
            assert!(
                facts.facts.iter().all(|fact| fact.object.len() <= 1_000 && fact.text.len() <= 1_000),
                "{path} {part}"
            );
        }
    }
}

/// A document of the common data model of the formats.
#[derive(Debug, Clone)]
enum Data {
    Number(u16),
    Word(String),
    List(Vec<Data>),
    Map(Vec<(String, Data)>),
}

fn data() -> impl Strategy<Value = Data> {
    let leaf = prop_oneof![any::<u16>().prop_map(Data::Number), "[a-z]{1,6}".prop_map(Data::Word)];
    let tree = leaf.prop_recursive(4, 40, 4, |inner| {
        let keys = prop::collection::btree_map("[a-z]{1,4}", inner.clone(), 1..4);
        prop_oneof![
            prop::collection::vec(inner, 1..4).prop_map(Data::List),
            keys.prop_map(|map| Data::Map(map.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("[a-z]{1,4}", tree, 1..5).prop_map(|map| Data::Map(map.into_iter().collect()))
}

impl Data {
    /// On one line, as in JSON and the flow style of YAML.
    fn compact(&self) -> String {
        match self {
            Data::Number(n) => n.to_string(),
            Data::Word(word) => format!("\"{word}\""),
            Data::List(items) => format!("[{}]", items.iter().map(Data::compact).collect::<Vec<_>>().join(", ")),
            Data::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| format!("\"{key}\": {}", value.compact()));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// In blocks, with keys in reverse order and comments.
    fn blocks(&self, indent: usize, text: &mut String) {
        let blanks = " ".repeat(indent);
        match self {
            Data::Number(n) => text.push_str(&format!("{blanks}{n}\n")),
            Data::Word(word) => text.push_str(&format!("{blanks}'{word}' # note\n")),
            Data::List(items) => items.iter().for_each(|item| {
                text.push_str(&format!("{blanks}-\n"));
                item.blocks(indent + 2, text);
            }),
            Data::Map(entries) => entries.iter().rev().for_each(|(key, value)| {
                text.push_str(&format!("{blanks}# note\n{blanks}{key}:\n"));
                value.blocks(indent + 2, text);
            }),
        }
    }
}

/// Characters with a meaning in one of the formats, and keywords.
fn signs() -> impl Strategy<Value = String> {
    const WORDS: &[&str] =
        &["{{", "}}", "<<", "---", "<!--", "FROM ", "set ", "interface ", "SOA ", "message ", "é", "a", "b"];
    const OF_TOOLS: &[&str] = &[
        "/ip firewall filter\n",
        "add chain=a action=drop",
        "[find a=b]",
        "firewall {\n",
        "rule 1 {\n",
        "action drop\n",
        "set firewall name a rule 1 action drop\n",
        "deny from ",
        "prefix {",
        "config rule\n",
        "option target 'DROP'\n",
        "ACCEPT\tnet\tall\n",
        "New-NetFirewallRule -Action Block",
        "netsh advfirewall ",
        "resource a 'b@1' = ",
        "[for ",
        "\'\'\'",
        "/*",
        "@a:b:c.d:\n",
        "config A\n",
        "default y\n",
        "option(",
        " when attempt < 3, do",
        "recurs(",
        "<zone>",
        "<rule>",
        "</zone>",
    ];
    let sign = prop_oneof![
        prop::sample::select(WORDS).prop_map(str::to_owned),
        prop::sample::select(OF_TOOLS).prop_map(str::to_owned),
        "[ \n\t:;,#=(){}<>\"'`$|&!%*\\[\\]\\\\-]"
    ];
    prop::collection::vec(sign, 0..80).prop_map(|signs| signs.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    #[cfg(feature = "syntax")]
    fn however_a_document_is_laid_out_it_states_the_same(document in data()) {
        let mut blocks = String::new();
        document.blocks(0, &mut blocks);
        let compact = document.compact();
        let pretty = compact.replace(", ", ",\n  ").replace('{', "{\n");
        prop_assert_eq!(stated("a.yaml", &blocks), stated("a.yaml", &compact), "{}", blocks);
        prop_assert_eq!(stated("a.json", &pretty), stated("a.yaml", &compact), "{}", pretty);
    }

    #[test]
    fn no_text_makes_a_reader_fail(bytes in prop::collection::vec(any::<u8>(), 0..400), first in 0u32..5) {
        let text = String::from_utf8_lossy(&bytes);
        for path in PATHS {
            facts(path, &text, &ChangedLines::of(first..=first + 3));
        }
    }

    #[test]
    fn no_text_of_signs_that_mean_something_makes_a_reader_fail(
        text in signs()
    ) {
        for path in PATHS {
            let lines = u32::try_from(text.lines().count()).unwrap();
            for fact in facts(path, &text, &ChangedLines::of(1..=lines + 1)).unwrap_or_default().facts {
                prop_assert!(*fact.lines.start() >= 1 && fact.lines.end() >= fact.lines.start(), "{:?}", fact);
                prop_assert!(*fact.lines.end() <= lines.max(1), "{}: {:?}", path, fact);
            }
        }
    }
}
