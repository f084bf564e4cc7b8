use crate::risk::tests::findings;
use crate::risk::{Rules, Severity};

/// The gravest that a rule reports of a change of one file.
fn worst(rule: &str, path: &str, old: &str, new: &str) -> Option<Severity> {
    let found = findings(&[(path, old, new)]).into_iter().filter(|found| found.rule == rule);
    found.map(|found| found.severity).max()
}

#[test]
fn a_guard_that_went_with_all_that_it_guarded_is_low_and_one_whose_work_goes_on_is_not() {
    let guarded = |work: &str| {
        format!(
            "class A {{\n  void send(Request request) {{\n    if (eager()) {{\n      long total = request.total();\n      \
             if (total > MAX_TOTAL) {{\n        throw new Bad(\"too large\");\n      }}\n{work}    }}\n    close();\n  \
             }}\n}}\n"
        )
    };
    let work = "      stream.writeHeaders(request);\n      buffered = new Sink(length);\n";
    let without = "class A {\n  void send(Request request) {\n    close();\n  }\n}\n";
    let rule = "guard.bound-lost";
    assert_eq!(worst(rule, "src/A.java", &guarded(work), without), Some(Severity::Low));
    let goes_on = "class A {\n  void send(Request request) {\n    stream.writeHeaders(request);\n    buffered = \
                   new Sink(length);\n    close();\n  }\n}\n";
    assert_eq!(worst(rule, "src/A.java", &guarded(work), goes_on), Some(Severity::Medium));
}

#[test]
fn an_argument_of_one_of_two_calls_that_became_one_is_not_missed() {
    let old = "def flips(request, check):\n    if a:\n        found = Flip.objects.filter(owner=request.user, a=1)\n    \
               else:\n        found = Flip.objects.filter(owner=request.user, b=1)\n    return found\n";
    let one = "def flips(request, check):\n    return Flip.objects.filter(owner=request.user)\n";
    let none = "def flips(request, check):\n    if a:\n        found = Flip.objects.filter(owner=request.user, a=1)\n    \
                else:\n        found = Flip.objects.filter(b=1)\n    return found\n";
    let loud = |new: &str| {
        let found = findings(&[("a/views.py", old, new)]);
        found.iter().any(|found| found.severity >= Severity::Medium)
    };
    assert!(!loud(one));
    assert!(loud(none), "the other call shows the rows of everybody");
}

#[test]
fn a_port_that_is_open_to_go_out_lets_nobody_in() {
    let rule = |way: &str| {
        format!(
            "resource \"aws_security_group_rule\" \"a\" {{\n  type        = \"{way}\"\n  cidr_blocks = [\"0.0.0.0/0\"]\n}}\n"
        )
    };
    assert_eq!(worst("net.any", "infra/a.tf", "", &rule("egress")), None);
    assert_eq!(worst("net.any", "infra/a.tf", "", &rule("ingress")), Some(Severity::High));
}

#[test]
fn what_says_more_of_a_setting_goes_with_it() {
    let domain = |lines: &str| {
        format!(
            "resource \"aws_opensearch_domain\" \"a\" {{\n  domain_endpoint_options {{\n    enforce_https = true\n{lines}  }}\n}}\n"
        )
    };
    let arn = "    custom_endpoint_certificate_arn = \"arn:aws:acm:a\"\n";
    let both = format!("    custom_endpoint = \"a.example\"\n{arn}");
    let rule = "tls.lost";
    assert_eq!(worst(rule, "infra/a.tf", &domain(&both), &domain("")), Some(Severity::Low));
    assert_eq!(worst(rule, "infra/a.tf", &domain(arn), &domain("")), Some(Severity::Medium));
}

#[test]
fn a_filter_for_actions_that_left_with_it_is_low() {
    let old = "class Origins < Base\n  before_action :require_moderator, only: [:edit, :update]\n\n  def edit\n    a\n  \
               end\n\n  def update\n    b\n  end\n\n  def show\n    c\n  end\nend\n";
    let gone = "class Origins < Base\n  def show\n    c\n  end\nend\n";
    let bare = old.replace("  before_action :require_moderator, only: [:edit, :update]\n\n", "");
    let rule = "auth.check-removed";
    assert_eq!(worst(rule, "app/controllers/origins_controller.rb", old, gone), Some(Severity::Low));
    assert_eq!(worst(rule, "app/controllers/origins_controller.rb", old, &bare), Some(Severity::Critical));
}

#[test]
fn a_declaration_that_stays_with_other_roles_is_a_question_and_one_that_asks_for_none_is_grave() {
    let method = |check: &str| {
        format!("class A {{\n{check}  public String key(String id) {{\n    return store.get(id);\n  }}\n}}\n")
    };
    let of = |text: &str| method(&format!("  @PreAuthorize(\"{text}\")\n"));
    let worst = |new: &str| {
        let found = findings(&[("src/main/java/A.java", &of("hasRole('ADMIN')"), new)]);
        let found = found.into_iter().filter(|found| found.rule.starts_with("auth."));
        found.map(|found| found.severity).max()
    };
    assert_eq!(worst(&of("hasAnyRole('ADMIN', 'USER')")), Some(Severity::Medium));
    assert_eq!(worst(&of("hasRole('OWNER')")), Some(Severity::Medium));
    for open in ["permitAll()", "isAuthenticated()", "hasRole('ADMIN') or permitAll()"] {
        assert_eq!(worst(&of(open)), Some(Severity::Critical), "{open}");
    }
    assert_eq!(worst(&method("")), Some(Severity::Critical));
}

#[test]
fn the_way_back_of_a_migration_takes_nothing_and_its_way_there_does() {
    let ruby = |way: &str| {
        format!(
            "class A < ActiveRecord::Migration[7.0]\n  def change\n    reversible do |dir|\n      dir.{way} do\n\
                \x20       remove_column :users, :nick\n      end\n    end\n  end\nend\n"
        )
    };
    let script = |way: &str| {
        format!(
            "module.exports = {{\n  {way}: (queryInterface) => {{\n\
                \x20   return queryInterface.sequelize.transaction((t) => {{\n\
                \x20     return queryInterface.removeColumn('users', 'nick');\n    }});\n  }},\n}};\n"
        )
    };
    let laravel = |way: &str| {
        format!(
            "<?php\n\nreturn new class extends Migration\n{{\n    public function {way}()\n    {{\n\
                \x20       Schema::table('users', function (Blueprint $table) {{\n\
                \x20           $table->dropColumn('nick');\n        }});\n    }}\n}};\n"
        )
    };
    let of = |path: &str, text: &str| worst("destr.migration", path, "", text);
    assert_eq!(of("db/migrate/1_a.rb", &ruby("down")), None);
    assert_eq!(of("db/migrate/1_a.rb", &ruby("up")), Some(Severity::Critical));
    assert_eq!(of("migrations/1-a.js", &script("down")), None);
    assert_eq!(of("migrations/1-a.js", &script("up")), Some(Severity::Critical));
    assert_eq!(of("database/migrations/1_a.php", &laravel("down")), None);
    assert_eq!(of("database/migrations/1_a.php", &laravel("up")), Some(Severity::Critical));
}

#[test]
fn rows_that_a_command_is_called_after_are_a_question_and_those_of_any_other_are_grave() {
    let go = |name: &str, act: &str| format!("package a\n\nfunc (s *Store) {name}() error {{\n{act}\treturn nil\n}}\n");
    let of = |name: &str| {
        worst("destr.sql", "internal/store.go", &go(name, ""), &go(name, "\ts.db.Exec(\"DELETE FROM events\")\n"))
    };
    for name in ["PruneEvents", "clear_events", "CleanUpEvents", "Purge"] {
        assert_eq!(of(name), Some(Severity::Medium), "{name}");
    }
    for name in ["SaveEvents", "Import", "Clearance", "EventsToPrune", "PruneOldEvents", "purge_expired"] {
        assert_eq!(of(name), Some(Severity::Critical), "{name}");
    }
    let django = "from django.core.management.base import BaseCommand\n\n\nclass Command(BaseCommand):\n\
        \x20   def handle(self, *args):\n        Cart.objects.all().delete()\n";
    let some = django.replace("all()", "filter(old=True)");
    let widened = worst("destr.sql", "shop/management/commands/flush_carts.py", &some, django);
    assert_eq!(widened, Some(Severity::Critical), "it deleted some rows before");
    let command = |name: &str| worst("destr.sql", &format!("shop/management/commands/{name}.py"), "", django);
    assert_eq!(command("flush_carts"), Some(Severity::Medium));
    assert_eq!(command("import_carts"), Some(Severity::Critical));
    let dropped = go("PruneEvents", "\ts.db.Exec(\"DROP TABLE events\")\n");
    assert_eq!(worst("destr.sql", "internal/store.go", &go("PruneEvents", ""), &dropped), Some(Severity::Critical));
}

#[test]
fn a_question_whether_nobody_need_sign_in_lets_nobody_in() {
    let of = |path: &str, line: &str| {
        let text = |line: &str| format!("package a\n\nfunc f() error {{\n\tg()\n{line}}}\n");
        worst("auth.open-to-all", path, &text(""), &text(line))
    };
    assert!(of("a/a.go", "\tif !s.Profile.AllowAnonymous() {\n\t\treturn nil\n\t}\n") <= Some(Severity::Low));
    assert!(of("a/a.go", "\ts.route(\"/x\").AllowAnonymous()\n") >= Some(Severity::High));
    let asp = |line: &str| format!("class A {{\n  void F(App app, bool dev) {{\n    G();\n{line}  }}\n}}\n");
    let said = asp("    if (dev) app.MapGet(\"/x\", X).AllowAnonymous();\n");
    assert!(worst("auth.open-to-all", "a/A.cs", &asp(""), &said) >= Some(Severity::High));
}

#[test]
fn a_pattern_that_the_file_makes_runs_no_command_whatever_it_is_called() {
    let of = |made: &str| {
        let text = format!(
            "const RULE = {made};\n\nexport function f(src) {{\n  const found = RULE.exec(src);\n  return found;\n}}\n"
        );
        worst("inj.shell", "src/a.ts", "", &text)
    };
    assert!(of("new RegExp(`^#(${CHARS})`, \"u\")") <= Some(Severity::Low));
    assert!(of("/^#\\w+/") <= Some(Severity::Low));
    assert!(of("connect(host)") >= Some(Severity::High));
}

#[test]
fn a_transaction_around_one_statement_is_a_question_and_around_two_is_missed() {
    let of = |more: &str| {
        let old = format!(
            "export const create = async (data) => {{\n  const user = await prisma.$transaction(async (tx) => {{\n\
                \x20   const user = await tx.user.create({{ data }});\n{more}    return user;\n  }});\n\
                \x20 return user;\n}};\n"
        );
        let more = more.replace("tx.", "prisma.").replace("    ", "  ");
        let new = format!(
            "export const create = async (data) => {{\n  const user = await prisma.user.create({{ data }});\n\
                {more}  return user;\n}};\n"
        );
        worst("conc.transaction-lost", "src/a.ts", &old, &new)
    };
    assert_eq!(of(""), Some(Severity::Medium));
    assert_eq!(of("    // await tx.account.create({ user });\n"), Some(Severity::Medium));
    assert!(of("    await tx.account.create({ user });\n") >= Some(Severity::High));
}

#[test]
fn some_rights_instead_of_all_and_a_table_that_is_rebuilt_are_questions() {
    let pod = |context: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n    - name: a\n      image: a:1\n\
                \x20     securityContext:\n{context}"
        )
    };
    let some = pod("        capabilities:\n          add:\n            - NET_ADMIN\n");
    let of = |old: &str| worst("container.host", "k8s/a.yaml", &pod(old), &some);
    assert_eq!(of("        privileged: true\n"), Some(Severity::Medium));
    assert!(of("        runAsNonRoot: true\n") >= Some(Severity::High));
    let rule = "mig.sql-breaks";
    let rebuilt = "CREATE TABLE reaction_new (id INTEGER PRIMARY KEY);\n\
        INSERT INTO reaction_new SELECT id FROM reaction;\nALTER TABLE reaction_new RENAME TO reaction;\n";
    assert_eq!(worst(rule, "migration/2.sql", "", rebuilt), Some(Severity::Medium));
    assert!(worst(rule, "migration/2.sql", "", "ALTER TABLE reaction RENAME TO vote;\n") >= Some(Severity::High));
}

#[test]
fn a_rule_of_a_firewall_that_let_something_pass_holds_back_nothing() {
    let acl = |action: &str| format!("resource \"aws_wafv2_web_acl\" \"a\" {{\n  name = \"a\"\n{action}}}\n");
    let rule = |action: &str| {
        acl(&format!(
            "  rule {{\n    name     = \"Some\"\n    priority = 4\n    action {{\n      {action} {{}}\n    }}\n\
                \x20   statement {{\n      ip_set_reference_statement {{\n        arn = var.some\n      }}\n    }}\n\
                \x20 }}\n"
        ))
    };
    let of = |action: &str| worst("net.filter-lost", "waf/a.tf", &rule(action), &acl(""));
    assert!(of("allow") <= Some(Severity::Medium));
    assert!(of("block") >= Some(Severity::High));
}

#[test]
fn a_bound_that_is_gone_is_medium_and_one_under_another_name_no_more() {
    let guarded =
        |guard: &str| format!("class R {{\n  void read(long length) {{\n{guard}    source.read(length);\n  }}\n}}\n");
    let guard = |name: &str| format!("    if (length > {name}) {{\n      throw new Bad();\n    }}\n");
    let (old, rule) = (guarded(&guard("MAX_PAYLOAD")), "guard.bound-lost");
    assert!(worst(rule, "src/R.java", &old, &guarded(&guard("PAYLOAD_MAX"))) <= Some(Severity::Medium));
    assert_eq!(worst(rule, "src/R.java", &old, &guarded("")), Some(Severity::Medium));
}

#[test]
fn a_check_in_whose_place_something_else_is_asked_is_medium_and_one_that_is_gone_is_not() {
    let with =
        |check: &str| format!("package a\n\nfunc (s *S) Approve(w W, r R) {{\n{check}\ts.approve(w, r.Order)\n}}\n");
    let old = with("\tif !verifyHMAC(r.Key, r.Mac, r.ID) {\n\t\ts.fail(w)\n\t\treturn\n\t}\n");
    let alike = with("\tif !verifyStep(r, r.Mac, stepApprove) {\n\t\ts.fail(w)\n\t\treturn\n\t}\n");
    let other = with("\tif !parseForm(r, r.Mac) {\n\t\ts.fail(w)\n\t\treturn\n\t}\n");
    let loud = |new: &str| {
        let found = findings(&[("a/a.go", &old, new)]);
        found.iter().any(|found| found.severity >= Severity::High)
    };
    assert!(!loud(&alike));
    assert!(!loud(&other));
    assert!(loud(&with("")));
}

#[test]
fn a_condition_in_two_parts_refuses_what_it_refused() {
    let old = "def show(order, who):\n    if order.is_old or not has_permission(who, ORDERS):\n        raise Denied()\n    \
               return order\n";
    let two = "def show(order, who):\n    if order.is_old:\n        raise Denied()\n    if not has_permission(who, \
               ORDERS):\n        raise Denied()\n    return order\n";
    let one = "def show(order, who):\n    if order.is_old:\n        raise Denied()\n    return order\n";
    let loud = |new: &str| {
        let found = findings(&[("a/views.py", old, new)]);
        found.iter().any(|found| found.severity >= Severity::Medium)
    };
    assert!(!loud(two));
    assert!(loud(one));
}

#[test]
fn what_reverts_a_migration_loses_nothing_and_a_migration_does() {
    let migration = |up: &str, down: &str| {
        format!(
            "class Migration(migrations.Migration):\n    operations = [\n        migrations.RunSQL(\n            \
             sql=\"{up}\",\n            reverse_sql=\"{down}\",\n        )\n    ]\n"
        )
    };
    let (rule, path) = ("destr.sql", "shop/migrations/0002_a.py");
    let (drop, add) = ("ALTER TABLE a DROP COLUMN b", "ALTER TABLE a ADD COLUMN b int");
    assert_eq!(worst(rule, path, "", &migration(add, drop)), None);
    assert_eq!(worst(rule, path, "", &migration(drop, add)), Some(Severity::Critical));
    let bare = |first: &str, second: &str| {
        format!("operations = [\n    migrations.RunSQL(\n        \"{first}\",\n        \"{second}\",\n    )\n]\n")
    };
    assert_eq!(worst(rule, path, "", &bare(add, drop)), None);
    assert_eq!(worst(rule, path, "", &bare(drop, add)), Some(Severity::Critical));
}

#[test]
fn a_field_that_only_models_lose_is_low() {
    let step = "migrations.RemoveField(model_name=\"a\", name=\"b\"),\n";
    let state = format!(
        "operations = [\n    migrations.SeparateDatabaseAndState(\n        state_operations=[\n            {step}        \
         ],\n    )\n]\n"
    );
    let path = "shop/migrations/0002_a.py";
    assert_eq!(worst("destr.migration", path, "", &state), Some(Severity::Low));
    let real = format!("operations = [\n    {step}]\n");
    assert_eq!(worst("destr.migration", path, "", &real), Some(Severity::Critical));
}

#[test]
fn what_is_put_back_at_once_and_what_belonged_to_a_task_is_low() {
    let script = |next: &str| format!("#!/bin/sh\nset -e\nrm -rf /etc/proxy\n{next}\n");
    assert_eq!(
        worst("destr.rm-rf", "ops/a.sh", "#!/bin/sh\n", &script("cp -a backup /etc/proxy")),
        Some(Severity::Low)
    );
    assert_eq!(
        worst("destr.rm-rf", "ops/a.sh", "#!/bin/sh\n", &script("cp -a backup /etc/other")),
        Some(Severity::High)
    );
    let tasks = |copy: &str, wait: &str| {
        format!(
            "- name: Copy\n  ansible.builtin.copy:\n    src: a\n    dest: b\n{copy}  when: a\n{wait}- name: Last\n  \
             ansible.builtin.command: c\n"
        )
    };
    let wait = "- name: Wait\n  ansible.builtin.wait_for:\n    port: 1\n    timeout: 30\n  when: a\n";
    let rule = "resil.timeout-lost";
    let whole = worst(rule, "roles/a/tasks/main.yml", &tasks("", wait), &tasks("", ""));
    assert!(whole <= Some(Severity::Low), "{whole:?}");
    let without = wait.replace("    timeout: 30\n", "");
    let bare = worst(rule, "roles/a/tasks/main.yml", &tasks("", wait), &tasks("", &without));
    assert_eq!(bare, Some(Severity::High));
}

#[test]
fn a_step_that_is_new_and_may_fail_takes_nothing_from_the_checks() {
    let (rule, path) = ("ci.check-off", ".github/workflows/ci.yml");
    let job = |more: &str| format!("jobs:\n  test:\n    steps:\n      - name: t\n        run: make test\n{more}");
    let old = job("");
    let own = job("        continue-on-error: true\n");
    let other = job("      - name: find\n        run: gh api a\n        continue-on-error: true\n");
    assert_eq!(worst(rule, path, &old, &own), Some(Severity::High));
    assert!(worst(rule, path, &old, &other) <= Some(Severity::Medium));
    let step = |uses: &str, more: &str| job(&format!("      - uses: {uses}\n        with:\n          a: 1\n{more}"));
    let of = |uses: &str| worst(rule, path, &step(uses, ""), &step(uses, "        continue-on-error: true\n"));
    assert!(of("coverallsapp/github-action@v2") <= Some(Severity::Low));
    assert_eq!(of("github/codeql-action/analyze@v3"), Some(Severity::High));
    let whole = |more: &str| job(&format!("      - uses: codecov/codecov-action@v4\n{more}"));
    assert_eq!(worst(rule, path, &whole(""), &whole("    continue-on-error: true\n")), Some(Severity::High));
}

#[test]
fn a_lock_that_is_gone_from_a_function_that_was_written_anew_is_medium() {
    let function = |body: &str| format!("package a\n\nfunc (c *C) Load(k string) string {{\n{body}}}\n");
    let work = "\tvalue := c.fetch(k)\n\tc.count(k)\n\tif value == \"\" {\n\t\tvalue = c.build(k)\n\t\tc.save(k, value)\n\t}\n\tc.log(k)\n\treturn value\n";
    let old = function(&format!("\tc.mu.Lock()\n\tdefer c.mu.Unlock()\n{work}"));
    let anew = "\tshared, fresh := c.group.Do(k, c.make)\n\tif fresh {\n\t\tc.stats.Add(k)\n\t}\n\treturn shared\n";
    assert_eq!(worst("conc.lock-lost", "a/a.go", &old, &function(work)), Some(Severity::High));
    assert_eq!(worst("conc.lock-lost", "a/a.go", &old, &function(anew)), Some(Severity::Medium));
}

#[test]
fn a_right_of_a_workflow_is_a_question() {
    let (rule, path) = ("ci.permission", ".github/workflows/ci.yml");
    let job = |name: &str, right: &str| {
        format!("  {name}:\n    permissions:\n      {right}\n    steps:\n      - run: make\n")
    };
    let with = |jobs: &str| format!("jobs:\n{jobs}");
    let first = job("a", "contents: write");
    let old = with(&first);
    assert_eq!(worst(rule, path, &old, &with(&(first + &job("b", "contents: write")))), Some(Severity::Medium));
    let read = with(&job("a", "contents: read"));
    assert_eq!(worst(rule, path, &read, &old), Some(Severity::Medium));
    let silent = "jobs:\n  a:\n    steps:\n      - run: make\n";
    assert_eq!(worst(rule, path, silent, &old), Some(Severity::Medium), "by default it may have had more");
    assert_eq!(worst(rule, path, "", &old), Some(Severity::Medium), "the workflow is new");
}

#[test]
fn a_timeout_that_still_ends_is_medium_and_one_that_hardly_does_is_high() {
    let config = |value: &str| format!("client:\n  read_timeout: {value}\n  retries: 3\n");
    let of = |value: &str| worst("resil.timeout-changed", "config/client.yaml", &config("5s"), &config(value));
    assert_eq!(of("60s"), Some(Severity::Medium));
    assert_eq!(of("2h"), Some(Severity::High));
}

#[test]
fn a_weak_hash_is_grave_where_a_stronger_one_is_gone_and_secrets_are_spoken_of() {
    let code = |hash: &str, name: &str| {
        format!("import hashlib\n\n\ndef key_of({name}):\n    return hashlib.{hash}({name}.encode()).hexdigest()\n")
    };
    let of = |old: &str, name: &str| worst("crypto.weak", "app/keys.py", old, &code("md5", name));
    assert_eq!(of(&code("sha256", "password"), "password"), Some(Severity::High));
    assert_eq!(of(&code("sha256", "title"), "title"), Some(Severity::Medium));
    assert_eq!(of("import hashlib\n", "password"), Some(Severity::Medium), "it is new");
}

#[test]
fn a_tree_that_a_script_made_itself_is_medium_and_one_of_data_is_high() {
    let of = |what: &str| {
        worst("destr.rm-rf", "ops/a.sh", "#!/bin/sh\nset -e\n", &format!("#!/bin/sh\nset -e\nrm -rf {what}\n"))
    };
    assert_eq!(of("/srv/data"), Some(Severity::High));
    assert_eq!(of("\"$ENV_NAME\""), Some(Severity::Medium));
}

/// A text and two of its successors: in one the rule is grave, in the other a question.
struct Twins {
    rule: &'static str,
    path: &'static str,
    old: &'static str,
    grave: &'static str,
    twin: &'static str,
}

const TWINS: &[Twins] = &[
    Twins {
        rule: "ops.retention",
        path: "infra/logs.tf",
        old: "resource \"aws_cloudwatch_log_group\" \"a\" {\n  retention_in_days = 90\n}\n",
        grave: "resource \"aws_cloudwatch_log_group\" \"a\" {\n  retention_in_days = 1\n}\n",
        twin: "resource \"aws_cloudwatch_log_group\" \"a\" {\n  retention_in_days = 30\n}\n",
    },
    Twins {
        rule: "resil.replicas",
        path: "k8s/web.yaml",
        old: "kind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 4\n",
        grave: "kind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 0\n",
        twin: "kind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n",
    },
    Twins {
        rule: "mig.sql-breaks",
        path: "db/V3.sql",
        old: "",
        grave: "ALTER TABLE orders RENAME COLUMN total TO amount;\n",
        twin: "ALTER TABLE orders\n  ALTER COLUMN note SET NOT NULL;\n",
    },
    Twins {
        rule: "flag.rollout",
        path: "config/flags.yaml",
        old: "new_cart:\n  rollout_percentage: 5\n  owner: shop\n",
        grave: "new_cart:\n  rollout_percentage: 100\n  owner: shop\n",
        twin: "new_cart:\n  rollout_percentage: 50\n  owner: shop\n",
    },
    Twins {
        rule: "guard.inverted",
        path: "app/pay.py",
        old: "def pay(order, total):\n    if total > LIMIT:\n        raise TooMuch()\n    return charge(order, total)\n",
        grave: "def pay(order, total):\n    if total < LIMIT:\n        raise TooMuch()\n    return charge(order, total)\n",
        twin: "def pay(order, total):\n    if total >= LIMIT:\n        raise TooMuch()\n    return charge(order, total)\n",
    },
    Twins {
        rule: "conc.lock-lost",
        path: "app/stock.py",
        old: "def take(item):\n    lock.acquire()\n    item.count -= 1\n    item.save()\n    return item\n",
        grave: "def take(item):\n    item.count -= 1\n    item.save()\n    return item\n",
        twin: "def take(item):\n    queue.put(item, wait=True)\n    item.count -= 1\n    item.save()\n    return item\n",
    },
    Twins {
        rule: "auth.check-removed",
        path: "app/views.py",
        old: "@login_required\ndef show(request):\n    return render(request, \"a.html\")\n",
        grave: "def show(request):\n    return render(request, \"a.html\")\n",
        twin: "@of_members_only\ndef show(request):\n    return render(request, \"a.html\")\n",
    },
    Twins {
        rule: "container.host",
        path: "chart/templates/web.yaml",
        old: "spec:\n  volumes:\n    - name: data\n",
        grave: "spec:\n  volumes:\n    - name: data\n    - hostPath: {path: /var/run/docker.sock}\n",
        twin: "spec:\n  volumes:\n    - name: data\n    {{- if .Values.socket }}\n    - hostPath: {path: \
               /var/run/docker.sock}\n    {{- end }}\n",
    },
];

#[test]
fn each_of_these_acts_is_grave_and_its_twin_a_question() {
    let mut wrong = Vec::new();
    for Twins { rule, path, old, grave, twin } in TWINS {
        let found = (worst(rule, path, old, grave), worst(rule, path, old, twin));
        if found.0 < Some(Severity::High) || found.1 > Some(Severity::Medium) {
            wrong.push(format!("{rule} {path}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_pattern_that_is_looked_for_runs_no_command_and_what_any_other_call_returns_may() {
    let of = |call: &str| {
        let text = format!("export function f(text) {{\n  const found = {call};\n  return found;\n}}\n");
        worst("inj.shell", "src/a.ts", "", &text)
    };
    assert!(of("emojiPattern().exec(text)") <= Some(Severity::Low));
    assert!(of("require('child_process').exec(text)") >= Some(Severity::High));
    assert!(of("shell().exec(text)") >= Some(Severity::High));
    assert!(of("exec(text)") >= Some(Severity::High));
}

#[test]
fn each_rule_that_a_grade_names_is_in_the_catalogue() {
    let source = include_str!("mod.rs");
    let is_id = |text: &&str| {
        let is_of_id = |c: char| c.is_ascii_lowercase() || matches!(c, '.' | '-');
        text.contains('.') && text.len() < 40 && text.chars().all(is_of_id) && !text.starts_with('.')
    };
    let named: Vec<&str> = source.split('"').filter(is_id).collect();
    assert!(named.len() > 40, "{named:?}");
    let known: Vec<String> = Rules::shipped().texts().into_iter().map(|rule| rule.id).collect();
    let is_known = |name: &&str| known.iter().any(|id| id.starts_with(name));
    let unknown: Vec<&&str> = named.iter().filter(|name| !is_known(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn an_option_has_no_error_to_be_swallowed_and_a_result_has() {
    let of = |line: &str| {
        let text = |line: &str| {
            format!(
                "fn name() -> Option<String> {{\n    g()\n}}\n\nfn f(map: &Map, a: Option<String>) -> String {{\n\
                    \x20   {line}\n}}\n"
            )
        };
        worst("err.swallow", "src/a.rs", &text("h()"), &text(line))
    };
    for line in [
        "a.unwrap_or_default()",
        "name().unwrap_or_default()",
        "map.get(\"x\").cloned().unwrap_or_default()",
        "text.split_once(':').map(|(a, _)| a.to_owned()).unwrap_or_default()",
    ] {
        assert_eq!(of(line), None, "{line}");
    }
    for line in [
        "fs::read_to_string(\"a\").unwrap_or_default()",
        "serde_json::from_str(&x).unwrap_or_default()",
        "x.parse::<u32>().map(show).unwrap_or_default()",
        "load().ok().unwrap_or_default()",
    ] {
        assert_eq!(of(line), Some(Severity::Medium), "{line}");
    }
}

#[test]
fn an_end_that_is_nothing_may_be_none_and_a_shorter_one_deletes() {
    let page = |days: u32| {
        format!("export function Dialog() {{\n  const [state, set] = useState({{ expiration: {days} }});\n}}\n")
    };
    assert_eq!(worst("ops.retention", "web/a.tsx", &page(30), &page(0)), Some(Severity::Medium));
    let bucket = |days: u32| {
        format!(
            "resource \"aws_s3_bucket\" \"a\" {{\n  lifecycle_rule {{\n    expiration {{\n      days = {days}\n\
                \x20   }}\n  }}\n}}\n"
        )
    };
    assert!(worst("ops.retention", "infra/a.tf", &bucket(300), &bucket(10)) >= Some(Severity::High));
}
