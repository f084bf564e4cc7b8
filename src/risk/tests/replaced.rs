//! What a change says again, elsewhere or in other words, and what belongs to one whole.

use super::*;

#[test]
fn what_moved_to_an_included_file_or_module_is_not_missed() {
    let old = "server {\n  location / {\n    proxy_pass http://a;\n    proxy_read_timeout 60s;\n  }\n}\n";
    let new = "server {\n  location / {\n    proxy_pass http://a;\n    include snippets/proxy.conf;\n  }\n}\n";
    let (site, snippet) = (("nginx/site.conf", old, new), "nginx/snippets/proxy.conf");
    assert_eq!(loud(&[site, (snippet, "", "proxy_read_timeout 1m;\n")]), [""; 0]);
    assert_eq!(loud(&[site, (snippet, "", "proxy_buffering on;\n")]), ["resil.timeout-lost"]);
    let header = "add_header Strict-Transport-Security max-age=1;\n";
    let (old, new) = (format!("server {{\n  {header}}}\n"), "server {\n  include snippets/tls.conf;\n}\n");
    let site = ("nginx/site.conf", old.as_str(), new);
    assert_eq!(loud(&[site, ("nginx/snippets/tls.conf", "", header)]), [""; 0]);
    assert_eq!(loud(&[site]), ["tls.lost"]);
    let own = "class AController < B\n  before_action :require_admin\n\n  def a\n    go\n  end\nend\n";
    let mixed = "class AController < B\n  include Admins\n\n  def a\n    go\n  end\nend\n";
    let module = "module Admins\n  included do\n    before_action :require_admin\n  end\nend\n";
    let controller = ("app/controllers/a_controller.rb", own, mixed);
    assert_eq!(loud(&[controller, ("app/controllers/concerns/admins.rb", "", module)]), [""; 0]);
    assert_eq!(loud(&[controller]), ["auth.check-removed"]);
}

#[test]
fn a_check_that_all_methods_share_now_is_not_missed_and_one_of_others_is() {
    let lost = ["auth.check-removed"];
    let spring = |of_class: &str, of_methods: &str| {
        let method =
            |name: &str| format!("  {of_methods}@GetMapping(\"/{name}\") String {name}() {{ return {name}; }}\n");
        format!("{of_class}class C {{\n{}{}}}\n", method("a"), method("b"))
    };
    let check = "@PreAuthorize(\"hasRole(1)\")\n";
    let (old, none) = (spring("", check), spring("", ""));
    assert_eq!(loud(&[("a/C.java", &old, &spring(check, ""))]), [""; 0]);
    assert_eq!(loud(&[("a/C.java", &old, &format!("{none}{check}class D {{}}\n"))]), lost, "of another class");
    assert_eq!(loud(&[("a/C.java", &old, &none)]), lost);
    let net = |of_class: &str, of_method: &str| {
        format!(
            "{of_class}public class C : ControllerBase {{\n  [HttpGet]\n  {of_method}public int A() => 1;\n\n  [HttpPost]\n  {of_method}public int B() => 2;\n}}\n"
        )
    };
    let policy = "[Authorize(Policy = \"Billing\")]\n  ";
    assert_eq!(loud(&[("a/C.cs", &net("", policy), &net(policy, ""))]), [""; 0]);
    let view = "def g(r):\n    return 2\n";
    let guarded = |name: &str| format!("@login_required\ndef {name}(r):\n    return 1\n\n\n{view}");
    assert_eq!(loud(&[("a/v.py", &guarded("f"), view)]), [""; 0], "it is gone with its function");
    assert_eq!(loud(&[("a/v.py", &guarded("f"), &guarded("h").replace("@login_required\n", ""))]), lost, "renamed");
    let django = |of_class: &str, of_methods: &str| {
        let method = |name: &str| format!("{of_methods}    def {name}(self, r):\n        return 1\n\n");
        format!("{of_class}class V(View):\n{}{}", method("get"), method("post"))
    };
    let old = django("", "    @login_required\n");
    let of_class = |name: &str| django(&format!("@method_decorator(login_required, name=\"{name}\")\n"), "");
    assert_eq!(loud(&[("a/v.py", &old, &of_class("dispatch"))]), [""; 0]);
    assert_eq!(loud(&[("a/v.py", &old, &of_class("get"))]), lost, "only one of the two");
    let routes = |all: &str, own: &str| format!("{all}router.get(\"/a\", {own}a);\nrouter.get(\"/b\", {own}b);\n");
    let old = routes("", "requireAuth, ");
    assert_eq!(loud(&[("r.ts", &old, &routes("router.use(requireAuth);\n", ""))]), [""; 0]);
    let below = |text: &str| text.replace("\"/", "\"/admin/");
    let (old_below, new_below) = (below(&old), below(&routes("", "")));
    assert_eq!(loud(&[("r.ts", &old_below, &format!("router.use(\"/admin\", requireAuth);\n{new_below}"))]), [""; 0]);
    for other in ["router.use(\"/c\", requireAuth);\n", "admin.use(requireAuth);\n", "router.use(log);\n"] {
        assert!(loud(&[("r.ts", &old, &routes(other, ""))]).contains(&lost[0].to_owned()), "{other}");
    }
}

#[test]
fn a_check_of_the_base_class_or_of_all_routes_is_not_missed() {
    let lost = ["auth.check-removed"];
    let controller = |name: &str, base: &str, check: &str| {
        format!("class {name}Controller < {base}\n{check}  def show\n    go\n  end\nend\n")
    };
    let check = "  before_action :authenticate_user!\n\n";
    let [a, b] = ["A", "B"].map(|name| {
        let text = |check: &str| controller(name, "ApplicationController", check);
        (format!("app/controllers/{name}.rb"), text(check), text(""))
    });
    let base = |check: &str| controller("Application", "ActionController::Base", check);
    let (plain, checked) = (base(""), base(check));
    let own = [(a.0.as_str(), a.1.as_str(), a.2.as_str()), (b.0.as_str(), b.1.as_str(), b.2.as_str())];
    assert_eq!(loud(&[own[0], own[1], ("app/controllers/application.rb", &plain, &checked)]), [""; 0]);
    let other = controller("Other", "ApplicationController", check);
    assert_eq!(loud(&[own[0], own[1], ("app/controllers/other.rb", "", &other)]), lost, "that is no base");
    let nest =
        |check: &str| format!("@Controller(\"a\")\nexport class C {{\n  {check}@Get() a() {{ return 1; }}\n}}\n");
    let (guarded, bare) = (nest("@UseGuards(Jwt) "), nest(""));
    let module = |guard: &str| format!("@Module({{ providers: [{guard}] }})\nexport class App {{}}\n");
    let all = |guard: &str| module(&format!("{{ provide: APP_GUARD, useClass: {guard} }}"));
    let with = |text: &str| loud(&[("a/c.ts", &guarded, &bare), ("a/app.ts", &module(""), text)]);
    assert_eq!(with(&all("Jwt")), [""; 0]);
    let other = "{ provide: APP_GUARD, useClass: Throttler }, { provide: Users, useClass: Jwt }";
    assert!(with(&module(other)).contains(&lost[0].to_owned()), "that of all routes is another one");
    assert!(with(&module("")).contains(&lost[0].to_owned()));
}

#[test]
fn what_a_library_tries_or_an_atomic_counts_replaces_what_did_so_by_hand() {
    let by_hand = "def fetch(u):\n    for attempt in range(3):\n        try:\n            return get(u)\n        except Failed:\n            if attempt == 2:\n                raise\n            time.sleep(2 ** attempt)\n";
    let library = |arguments: &str| format!("@retry({arguments})\ndef fetch(u):\n    return get(u)\n");
    let worst = |text: &str| findings(&[("a/f.py", by_hand, text)]).iter().map(|found| found.severity).max();
    assert!(worst(&library("stop=stop_after_attempt(3), wait=wait_exponential(max=4)")) <= Some(Severity::Low));
    assert_eq!(worst(&library("wait=wait_exponential(max=4)")), Some(Severity::Medium), "nothing ends it");
    let locked = "package a\n\ntype C struct {\n\tmu sync.Mutex\n\tn  int64\n}\n\nfunc (c *C) Inc() {\n\tc.mu.Lock()\n\tdefer c.mu.Unlock()\n\tc.n++\n}\n";
    let counter = |kind: &str, act: &str| {
        format!("package a\n\ntype C struct {{\n\tn {kind}\n}}\n\nfunc (c *C) Inc() {{\n\t{act}\n}}\n")
    };
    assert_eq!(loud(&[("a/c.go", locked, &counter("atomic.Int64", "c.n.Add(1)"))]), [""; 0]);
    assert_eq!(loud(&[("a/c.go", locked, &counter("int64", "c.n++"))]), ["conc.lock-lost"]);
    let other = findings(&[("a/c.go", locked, &counter("Sum", "c.n.Add(1)"))]);
    let lost = other.iter().find(|found| found.rule == "conc.lock-lost").map(|found| found.severity);
    assert_eq!(lost, Some(Severity::Medium), "it is not atomic, and what stands around it was rewritten");
}

#[test]
fn a_fact_is_told_by_one_rule_and_a_whole_without_its_parts() {
    let switched = findings(&[("config/app.yaml", "cache:\n  enabled: true\n", "cache:\n  enabled: false\n")]);
    assert_eq!(switched.len(), 1, "{switched:?}");
    let probe = "kind: Deployment\nmetadata:\n  name: a\nspec:\n  containers:\n    - name: a\n      image: a\n";
    let probed = format!("{probe}      readinessProbe:\n        httpGet:\n          path: /ready\n");
    let gone = findings(&[("deploy/a.yaml", &probed, probe)]);
    assert_eq!(gone.iter().filter(|found| found.rule == "resil.probe-lost").map(Finding::count).sum::<usize>(), 1);
}

#[test]
fn the_order_of_what_makes_a_step_safe_is_compared() {
    let fires = |path: &str, old: &str, new: &str, rule: &str| fired(path, old, new).iter().any(|own| own == rule);
    let work = "def on(ch, body):\n    handle(body)\n    ch.basic_ack(1)\n";
    let early = "def on(ch, body):\n    ch.basic_ack(1)\n    handle(body)\n";
    assert!(fires("w/a.py", work, early, "resil.ack-early"));
    assert!(!fires("w/a.py", early, work, "resil.ack-early"));
    assert!(!fires("w/a.py", work, &work.replace("basic_ack(1)", "basic_ack(2)"), "resil.ack-early"));
    let safe = "log \"backup\"\npg_dump -f a db\n./ops/stop.sh\nbin/migrate up\n";
    let late = "./ops/stop.sh\nbin/migrate up\nlog \"backup\"\npg_dump -f a db\n";
    assert!(fires("ops/m.sh", safe, late, "ops.order"));
    assert!(!fires("ops/m.sh", late, safe, "ops.order"));
    assert!(!fires("ops/m.sh", safe, &safe.replace("-f a", "-f b"), "ops.order"));
}

#[test]
fn a_lock_that_is_taken_twice_and_a_statement_outside_its_transaction_are_found() {
    let one = "package s\n\nfunc (s *S) Spend() {\n\ts.mu.Lock()\n\tdefer s.mu.Unlock()\n\ts.n = next(s.n)\n}\n";
    let two = one.replace("\ts.n = next", "\ts.mu.Unlock()\n\tv := look()\n\ts.mu.Lock()\n\ts.n = next");
    assert!(fired("s/a.go", one, &two).contains(&"conc.lock-split".to_owned()));
    let other = one.to_owned() + "\nfunc (s *S) Add() {\n\ts.mu.Lock()\n\tdefer s.mu.Unlock()\n}\n";
    assert!(!fired("s/a.go", one, &other).contains(&"conc.lock-split".to_owned()));
    let within = "async function f(a, b) {\n  await tx.account.update(a);\n  await tx.ledger.create(b);\n}\n";
    let outside = within.replace("tx.ledger", "prisma.ledger");
    assert!(fired("src/a.ts", within, &outside).contains(&"conc.outside-transaction".to_owned()));
    assert!(!fired("src/a.ts", &outside, within).contains(&"conc.outside-transaction".to_owned()));
    assert!(
        !fired("src/a.ts", within, &within.replace("tx.", "trx.")).contains(&"conc.outside-transaction".to_owned())
    );
}

#[test]
fn the_parts_of_one_whole_are_one_finding_and_other_wholes_are_others() {
    let grave = |path: &str, old: &str, new: &str| {
        let found = assessed(&[sample(path, old, new)]).findings;
        found.into_iter().filter(|found| found.severity >= Severity::Medium).collect::<Vec<_>>()
    };
    let message = |name: &str, fields: &str| format!("message {name} {{\n  string id = 1;\n{fields}}}\n");
    let fields = "  bool active = 2;\n  int64 expires_at = 3;\n";
    let head = "syntax = \"proto3\";\n";
    let two = |a: &str, b: &str| format!("{head}{}{}", message("A", a), message("B", b));
    let found = grave("api/a.proto", &two(fields, ""), &two("", ""));
    assert_eq!(found.iter().map(Finding::count).collect::<Vec<_>>(), [2]);
    let found = grave("api/a.proto", &two(fields, fields), &two("", ""));
    assert_eq!(found.iter().map(Finding::count).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn a_deleted_description_of_an_interface_is_one_finding() {
    let path =
        |name: &str| format!("  /{name}:\n    get:\n      responses:\n        '200':\n          description: a\n");
    let text = format!("openapi: 3.0.0\ninfo:\n  title: a\n  version: '1'\npaths:\n{}{}", path("a"), path("b"));
    let found = assessed(&[sample("api/openapi.yaml", &text, "")]).findings;
    let grave: Vec<&Finding> = found.iter().filter(|found| found.severity >= Severity::Medium).collect();
    assert_eq!(grave.len(), 1, "{grave:?}");
    assert!(grave[0].count() > 1);
}

#[test]
fn a_value_of_an_interface_is_not_gone_with_the_words_of_its_directive() {
    let values = |more: &str| format!("enum Event {{\n  A {more}\n  B\n}}\n");
    let old = values("@deprecated(reason: \"See https://a.example/old for more\")");
    let breaks = |new: &str| {
        let found = assessed(&[sample("api/a.graphql", &old, new)]).findings;
        found.iter().any(|found| found.rule == "api.contract-broken")
    };
    assert!(!breaks(&values("@deprecated(reason: \"Read https://a.example/new instead\")")));
    assert!(breaks("enum Event {\n  B\n}\n"));
    // What a program asks of others promises nothing.
    let asked = |field: &str| format!("query($id: ID!) {{\n  node(id: $id) {{\n    {field}\n    name\n  }}\n}}\n");
    let found = assessed(&[sample("src/a.graphql", &asked("owner"), &asked("total"))]).findings;
    assert!(found.iter().all(|found| !found.rule.starts_with("api.")), "{found:?}");
}
