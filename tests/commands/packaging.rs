//! What a release packs: the package of a gate host, and the units and the container that start the program.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::shells::is_here;
use super::{run, run_in};
use crate::support::Fixture;

fn packaging(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(packaging(name)).unwrap()
}

/// The output of a program, which must succeed.
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

#[test]
fn the_package_holds_the_program_with_its_manual_completions_and_unit_and_nobody_may_change_them() {
    if !is_here("dpkg-deb") || !is_here("gzip") {
        return;
    }
    let f = Fixture::new();
    let program = env!("CARGO_BIN_EXE_undersign");
    // The program under test is large, and its package is thrown away.
    let mut package = Command::new(packaging("package.sh"));
    package.args([program, f.dir.path().to_str().unwrap()]).env("DPKG_DEB_COMPRESSOR_TYPE", "none");
    output(&mut package);
    let packages = std::fs::read_dir(f.dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let packages: Vec<_> = packages.filter(|path| path.extension().is_some_and(|end| end == "deb")).collect();
    let [package] = packages.as_slice() else { panic!("{packages:?}") };
    let about = output(Command::new("dpkg-deb").arg("--info").arg(package));
    assert!(about.contains(&format!("Version: {}\n", env!("CARGO_PKG_VERSION"))), "{about}");
    let files = output(Command::new("dpkg-deb").arg("--contents").arg(package));
    for (mode, name) in [
        ("-rwxr-xr-x root/root", "./usr/bin/undersign"),
        ("-rw-r--r-- root/root", "./usr/lib/systemd/system/undersign-gate.service"),
        ("-rw-r--r-- root/root", "./usr/share/bash-completion/completions/undersign"),
        ("-rw-r--r-- root/root", "./usr/share/zsh/vendor-completions/_undersign"),
        ("-rw-r--r-- root/root", "./usr/share/fish/vendor_completions.d/undersign.fish"),
        ("-rw-r--r-- root/root", "./usr/share/man/man1/undersign-gate-serve.1.gz"),
        ("-rw-r--r-- root/root", "./usr/share/doc/undersign/copyright"),
    ] {
        let is_it = |line: &str| line.starts_with(mode) && line.ends_with(&format!(" {name}"));
        assert!(files.lines().any(is_it), "no {mode} {name} in\n{files}");
    }
}

/// The arguments with which the units and the container start the program.
fn starts() -> Vec<(&'static str, Vec<String>)> {
    let units = ["undersign-gate.service", "undersign-broker.service"].map(|name| {
        let unit = read(name);
        let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/undersign ")).unwrap();
        (name, start.split(' ').map(|word| word.replace("%S", "/var/lib")).collect())
    });
    let container = read("Containerfile");
    let words = container.lines().find_map(|line| line.strip_prefix("CMD ")).unwrap();
    units.into_iter().chain([("Containerfile", serde_json::from_str(words).unwrap())]).collect()
}

#[test]
fn units_and_container_start_the_program_with_options_that_it_has() {
    let f = Fixture::new();
    for (name, words) in starts() {
        let words: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
        let said = run_in(&f, &f.repo, &words);
        assert_eq!(said.code, 0, "{name}: {said:?}");
    }
    // What it does not have is refused, although help is asked for.
    run(&f, &["gate", "serve", "--no-such-option", "--help"]).exits(64);
}

#[test]
fn systemd_finds_no_fault_with_the_units() {
    if !is_here("systemd-analyze") {
        return;
    }
    let f = Fixture::new();
    for name in ["undersign-gate.service", "undersign-broker.service"] {
        // Here the program is elsewhere, and its pages are not installed.
        let unit = read(name).replace("/usr/bin/undersign", env!("CARGO_BIN_EXE_undersign"));
        let path = f.dir.path().join(name);
        std::fs::write(&path, &unit).unwrap();
        let verify = |path: &Path| Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(path).output();
        let told = |path: &Path| String::from_utf8_lossy(&verify(path).unwrap().stderr).into_owned();
        let own = |told: String| told.lines().any(|line| line.contains("undersign"));
        assert!(!own(told(&path)), "{name}: {}", told(&path));
        std::fs::write(&path, unit.replace("[Service]\n", "[Service]\nRestartt=always\n")).unwrap();
        assert!(own(told(&path)), "{name}: a word that systemd does not have is not told");
    }
}
