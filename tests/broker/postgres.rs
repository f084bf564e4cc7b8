//! One story with a real PostgreSQL, as Debian packages it: an agent asks for a migration that drops a table, a
//! reviewer sees that first and refuses it, and the corrected one runs once.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::challenge;
use crate::scene::{Scene, is_root, own_uid};

const PASSWORD: &str = "only-the-broker-has-it";

/// A server on the loopback, with its data in the folder of a scene. It ends with the test.
struct Server {
    bin: PathBuf,
    dir: PathBuf,
    port: String,
    account: Option<(u32, u32)>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.run("pg_ctl", &["stop", "-s", "-m", "immediate", "-D", &self.data()]);
    }
}

impl Server {
    /// None if there is no server here, or no account that may run one: a test is skipped, and says so.
    fn start(scene: &Scene, port: &str) -> Option<Server> {
        let skipped = |why: &str| {
            eprintln!("skipped: {why}");
            None
        };
        let Some(bin) = bin() else { return skipped("there is no PostgreSQL of Debian here (package postgresql)") };
        // The server does not run as root.
        let account = match own_uid() {
            0 if !is_root() => return skipped("root of this namespace has no account for PostgreSQL"),
            0 => Some((id("-u", "postgres")?, id("-g", "postgres")?)),
            _ => None,
        };
        let server = Server { bin, dir: PathBuf::from(scene.at("postgres")), port: port.to_owned(), account };
        std::fs::create_dir(&server.dir).unwrap();
        std::fs::set_permissions(&server.dir, std::fs::Permissions::from_mode(0o777)).unwrap();
        let password = server.dir.join("bootstrap");
        std::fs::write(&password, PASSWORD).unwrap();
        let password = format!("--pwfile={}", password.display());
        let options = ["-D", &server.data(), "-U", "migrator", "-A", "scram-sha-256", "-N", &password];
        server.must("initdb", &options);
        let options = format!("-c listen_addresses=127.0.0.1 -c port={port} -c fsync=off -c unix_socket_directories=");
        let log = server.dir.join("log").display().to_string();
        server.must("pg_ctl", &["start", "-s", "-w", "-t", "60", "-D", &server.data(), "-l", &log, "-o", &options]);
        Some(server)
    }

    fn data(&self) -> String {
        self.dir.join("data").display().to_string()
    }

    fn run(&self, program: &str, args: &[&str]) -> Output {
        let mut command = Command::new(self.bin.join(program));
        command.args(args).current_dir("/").env("PGPASSWORD", PASSWORD).env("LC_ALL", "C");
        if let Some((uid, gid)) = self.account {
            command.uid(uid).gid(gid);
        }
        command.output().unwrap()
    }

    fn must(&self, program: &str, args: &[&str]) -> String {
        let output = self.run(program, args);
        assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What the owner of the database reads there.
    fn sql(&self, text: &str) -> String {
        self.must("psql", &[&["-X", "-A", "-t"], &place(&self.port)[..], &["-c", text]].concat())
    }
}

/// The arguments that say which database is meant.
fn place(port: &str) -> [&str; 8] {
    ["-h", "127.0.0.1", "-p", port, "-U", "migrator", "-d", "postgres"]
}

/// A port that nobody uses.
fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

/// The programs of the newest version that is installed.
fn bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let found = versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").is_file());
    found.max_by_key(|bin| bin.parent()?.file_name()?.to_str()?.parse::<u32>().ok())
}

/// A number of an account that the package made.
fn id(which: &str, name: &str) -> Option<u32> {
    let said = Command::new("id").args([which, name]).output().unwrap().stdout;
    let id = String::from_utf8(said).unwrap().trim().parse().ok();
    if id.is_none() {
        eprintln!("skipped: there is no account {name} to run PostgreSQL");
    }
    id
}

#[test]
fn a_migration_that_drops_a_table_is_refused_and_the_corrected_one_runs_once() {
    let Some(psql) = bin().map(|bin| bin.join("psql").display().to_string()) else {
        return eprintln!("skipped: there is no PostgreSQL of Debian here (package postgresql)");
    };
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("password");
    std::fs::write(&secret, PASSWORD).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let port = free_port();
    let argv = [&[&*psql, "-X", "-v", "ON_ERROR_STOP=1"], &place(&port)[..], &["-f", "{input:sql}"]].concat();
    let entry = format!("[[target.prod.command]]\nname = \"migrate\"\nargv = {argv:?}");
    let secrets = format!("[target.prod.secrets]\nPGPASSWORD = \"{}\"", secret.display());
    let scene = Scene::new(&entry, &secrets);
    let Some(server) = Server::start(&scene, &port) else { return };
    server.sql("CREATE TABLE orders (id bigint PRIMARY KEY, total numeric NOT NULL)");
    server.sql("INSERT INTO orders VALUES (1, 9.90), (2, 19.90)");
    let ask = |script: &str, why: &str| {
        std::fs::write(scene.at("script.sql"), script).unwrap();
        let input = format!("sql={}", scene.at("script.sql"));
        let request = ["request", "--target", "prod", "--input", &input, "--why", why, "--"];
        let said = scene.exec(&[&request[..], &argv].concat());
        assert!(said.code == 0 && !said.err.contains("no preview"), "{said:?}");
        said.out.trim().to_owned()
    };
    // The agent asks for what it finds quickest.
    let recreated =
        "DROP TABLE orders;\nCREATE TABLE orders (id bigint PRIMARY KEY, total numeric, refunded boolean);\n";
    let first = ask(recreated, "Add a column. Recreating the table is the quickest way.");
    let mut desk = scene.desk("rahim", (120, 60));
    desk.press("R<enter>");
    let frame = desk.frame();
    let effects = frame.lines().skip_while(|line| !line.contains("what it does")).skip(2);
    let worst = effects.map(str::trim).next().unwrap_or_default();
    assert!(worst.starts_with("✗ destroyed line 1: DROP TABLE orders"), "{frame}");
    desk.press("SrAdd the column in place.<enter>refuse<enter>");
    assert!(desk.frame().contains("✓ Refused"), "{}", desk.frame());
    let said = scene.exec(&["run", &first]);
    assert!(said.code == 2 && said.err.contains("Add the column in place."), "{said:?}");
    // It reads why, and asks for something else; whoever authorizes that answers for the refusal.
    let second = ask("ALTER TABLE orders ADD COLUMN refunded boolean;\n", "Add a column, in place.");
    assert_eq!(scene.exec(&["run", &second]).code, 75);
    let mut desk = scene.desk("dana", (120, 60));
    desk.press("R<enter>");
    let frame = desk.frame();
    assert!(
        frame.contains("nothing is destroyed or replaced") && frame.contains("Add the column in place."),
        "{frame}"
    );
    desk.press("Sa<enter>");
    desk.press(&challenge(&desk.frame())).press("<enter>");
    assert!(desk.frame().contains("✓ Authorized"), "{}", desk.frame());
    // A profile of psql that the variables of the broker name would act, and does not here.
    let (profile, seen) = (scene.at("psqlrc"), scene.at("psqlrc-was-read"));
    std::fs::write(&profile, format!("\\! touch {seen}\n")).unwrap();
    let ran = scene.exec(&["run", &second]);
    assert!(ran.code == 0 && ran.out == "ALTER TABLE\n", "{ran:?}");
    assert!(!Path::new(&seen).exists());
    let mut led = Command::new(&psql);
    led.args(place(&port)).args(["-c", "SELECT 1"]);
    let led = led.envs([("PGPASSWORD", PASSWORD), ("PSQLRC", &profile)]).output().unwrap();
    assert!(led.status.success() && Path::new(&seen).exists(), "whoever has them is led there: {led:?}");
    assert_eq!(server.sql("SELECT count(*), count(refunded) FROM orders"), "2|0");
    let again = scene.exec(&["run", &second]);
    assert!(again.code == 2 && again.err.contains("STARTED"), "{again:?}");
    // The receipt, as the manual verifies it, where everybody has it.
    let script = manual_block("run@undersign");
    let host = scene.at("host.git");
    let sh = |script: &str| Command::new("sh").arg("-ec").arg(script).current_dir(&host).output().unwrap();
    let told = sh(&script);
    let out = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.status.success() && out.contains("Good \"run@undersign\" signature"), "{script}\n{told:?}");
    assert!(out.contains(&second) && out.contains("\"outcome\": \"exit\""), "{out}");
    let forged = sh(&script.replace("{ printf", "sed -i 's/\"exit\"/\"signal\"/' payload\n{ printf"));
    assert!(!forged.status.success(), "{forged:?}");
}

/// The command block of the manual in which these words stand.
fn manual_block(words: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let text: String =
        ["commands.md", "authorizing.md"].map(|page| std::fs::read_to_string(docs.join(page)).unwrap()).concat();
    let blocks = text.split("\n```sh").skip(1).filter_map(|rest| rest.split_once('\n')?.1.split("\n```").next());
    blocks.into_iter().find(|block| block.contains(words)).unwrap().to_owned()
}
