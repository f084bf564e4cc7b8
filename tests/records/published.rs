//! The published vectors: that they are what `make` makes, and that each is judged as its header says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64ct::{Base64, Encoding as _};
use undersign::change::manifest::Manifest;
use undersign::change::{Commit, Identity, ObjectId};
use undersign::command::drill_statement::{CommandDrillRecord, CommandDrillStatement};
use undersign::command::{AuthorizationRecord, AuthorizationStatement, RunRecord, RunStatement};
use undersign::decision::Verdict;
use undersign::gate::{Decided, Input, PushEvaluation, Remembered, States, Step, Update};
use undersign::policy::Policy;
use undersign::record::chain::Link;
use undersign::record::drill::{DrillRecord, DrillStatement};
use undersign::record::envelope::Envelope;
use undersign::record::{Chain, ChainId, Entry, Fault, Head, verify, verify_as};

use crate::make;
use crate::plain::{Plain, StraightLine};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/vectors")
}

/// A vector as anyone would read it: headers up to an empty line, then the body.
struct File {
    name: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl File {
    fn read(path: &Path) -> File {
        let bytes = std::fs::read(path).unwrap();
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        assert_eq!(lines.next(), Some("undersign-vector/v1"));
        let headers: BTreeMap<_, _> =
            lines.map(|line| line.split_once(": ").map(|(k, v)| (k.to_owned(), v.to_owned())).unwrap()).collect();
        let body = match headers.get("body") {
            Some(rule) => vec![b' '; rule.strip_suffix(" times 0x20").unwrap().parse().unwrap()],
            None => bytes[end + 2..].to_vec(),
        };
        File { name: path.file_stem().unwrap().to_string_lossy().into_owned(), headers, body }
    }

    /// What this implementation says to it, in the words of the header `expect`.
    fn judge(&self) -> String {
        match self.headers["stage"].as_str() {
            "record" => verify(&self.body).map_or_else(Fault::name, |_| "sound".to_owned()),
            "manifest" => Manifest::decode(&self.body).map_or(Fault::ManifestMalformed.name(), |_| "sound".to_owned()),
            "chain" => self.judge_chain(),
            "gate" => self.judge_push(),
            "run" => verify_as::<RunStatement>(&self.body).map_or_else(Fault::name, |_| "sound".to_owned()),
            "authorization" => {
                verify_as::<AuthorizationStatement>(&self.body).map_or_else(Fault::name, |_| "sound".to_owned())
            }
            "drill" => verify_as::<DrillStatement>(&self.body).map_or_else(Fault::name, |_| "sound".to_owned()),
            "command-drill" => {
                verify_as::<CommandDrillStatement>(&self.body).map_or_else(Fault::name, |_| "sound".to_owned())
            }
            "drills" => judge_links::<DrillRecord>(&self.body),
            "command-drills" => judge_links::<CommandDrillRecord>(&self.body),
            "runs" => judge_links::<RunRecord>(&self.body),
            "authorizations" => judge_links::<AuthorizationRecord>(&self.body),
            stage => panic!("{}: no stage `{stage}`", self.name),
        }
    }

    fn judge_chain(&self) -> String {
        let (_, mut chains) = parse(&self.body);
        let chain = chains.remove(0);
        if let Some((position, fault)) = chain.fault {
            return format!("{} {position}", fault.name());
        }
        let known = self.headers.get("known").map(|text| head(text));
        match known.map_or(Ok(()), |known| chain.holds(known)) {
            Ok(()) => format!("sound {}", chain.records.len()),
            Err(fault) => fault.name(),
        }
    }

    fn judge_push(&self) -> String {
        let (policy, chains) = parse(&self.body);
        let mut remembered = Remembered::default();
        if let Some(text) = self.headers.get("remembered") {
            let (chain, rest) = text.split_once(' ').unwrap();
            remembered.heads.learn(chain.parse().unwrap(), Some(head(rest)));
        }
        let now = self.headers["now"].parse().unwrap();
        let policy = policy.unwrap();
        let step = step();
        let update = Update { name: "refs/heads/main".to_owned(), old: step.from, new: step.commit };
        let mut states = States::default();
        states.insert(update.old, &update.name);
        let grounds = Input {
            policy: &policy,
            chains: &chains,
            remembered: &remembered,
            contents: &Plain,
            history: &StraightLine(vec![step]),
            states: &states,
            policy_branch: None,
            ahead: true,
            pusher: None,
            signs_of_ai: false,
            now,
        };
        let judged = PushEvaluation::new(&grounds).decide(&update).outcome;
        if judged.outcome == Decided::Allow {
            return "allow".to_owned();
        }
        // Each code once, in the order of the enumeration's names as the file gives them.
        let codes: BTreeSet<_> = judged.reasons.iter().map(|reason| reason.code).collect();
        codes.iter().map(|code| code.name()).collect::<Vec<_>>().join(" ")
    }
}

/// What is said of a chain of records about commands.
fn judge_links<R: Entry>(body: &[u8]) -> String {
    let mut lines = std::str::from_utf8(body).unwrap().lines();
    let id: ChainId = lines.next().unwrap().strip_prefix("chain ").unwrap().parse().unwrap();
    let link = |line: &str| {
        let mut words = line.strip_prefix("link ").unwrap().split(' ');
        let (name, envelope) = (words.next().unwrap().to_owned(), Base64::decode_vec(words.next().unwrap()).unwrap());
        let file = |word: &str| {
            let (name, bytes) = word.split_once('=').unwrap();
            (name.to_owned(), Base64::decode_vec(bytes).unwrap())
        };
        Some(Link { name, envelope, files: words.map(file).collect() })
    };
    let chain: Chain<R> = Chain::read(id, lines.map(link));
    match chain.fault {
        Some((position, fault)) => format!("{} {position}", fault.name()),
        None => format!("sound {}", chain.len()),
    }
}

fn head(text: &str) -> Head {
    let (seq, record) = text.split_once(' ').unwrap();
    Head { seq: seq.parse().unwrap(), record: record.parse().unwrap() }
}

/// The lines of a body: a policy, chains, and their links.
fn parse(body: &[u8]) -> (Option<Policy>, Vec<Chain>) {
    let decode = |text: &str| if text == "-" { Vec::new() } else { Base64::decode_vec(text).unwrap() };
    let mut policy = None;
    let mut chains: Vec<(ChainId, Vec<Option<Link>>)> = Vec::new();
    for line in std::str::from_utf8(body).unwrap().lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["policy", text] => {
                let text = String::from_utf8(decode(text)).unwrap();
                policy = Some(Policy::parse("policy.toml", &text).unwrap_or_else(|error| panic!("{error}")));
            }
            ["chain", id] => chains.push((id.parse().unwrap(), Vec::new())),
            ["unreadable"] => chains.last_mut().unwrap().1.push(None),
            ["link", name, envelope, manifest, findings] => chains.last_mut().unwrap().1.push(Some(Link {
                name: name.to_owned(),
                ..Link::of_decision(1, decode(envelope), decode(manifest), decode(findings))
            })),
            _ => panic!("no line of a body: {line}"),
        }
    }
    (policy, chains.into_iter().map(|(id, links)| Chain::read(id, links)).collect())
}

/// The push of `vectors/README.md`: mina's one commit, which does what the manifest of all vectors says.
fn step() -> Step {
    let id = |digit: u8| ObjectId([digit << 4 | digit; 20]);
    let mina = Identity { name: "Mina H\u{f6}fer".into(), email: "mina@example.com".into() };
    let commit = Commit {
        id: id(3),
        parents: vec![id(1)],
        author: mina.clone(),
        committer: mina,
        message: "Say two\n".into(),
        time: 0,
    };
    let delta = make::manifest();
    Step {
        from: id(1),
        commit: id(3),
        tree: id(5),
        compared: (id(2), id(4)),
        delta,
        commits: vec![commit],
        signers: vec![],
        clean_merges: vec![],
        links: vec![],
    }
}

fn files() -> Vec<File> {
    let mut paths: Vec<_> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "vector"))
        .collect();
    paths.sort();
    paths.iter().map(|path| File::read(path)).collect()
}

/// With `UNDERSIGN_VECTORS=write`, writes them.
#[test]
fn the_vectors_are_made_byte_for_byte_the_same() {
    let made = make::all();
    if std::env::var("UNDERSIGN_VECTORS").is_ok_and(|word| word == "write") {
        std::fs::create_dir_all(directory()).unwrap();
        files()
            .iter()
            .for_each(|file| std::fs::remove_file(directory().join(format!("{}.vector", file.name))).unwrap());
        for vector in &made {
            std::fs::write(directory().join(format!("{}.vector", vector.name)), vector.encode()).unwrap();
        }
    }
    for vector in &made {
        let path = directory().join(format!("{}.vector", vector.name));
        assert_eq!(std::fs::read(&path).unwrap_or_default(), vector.encode(), "{}", path.display());
    }
    assert_eq!(files().len(), made.len());
}

#[test]
fn each_vector_is_judged_as_its_header_says() {
    let wrong: Vec<_> = files()
        .iter()
        .filter_map(|file| {
            let (said, expected) = (file.judge(), &file.headers["expect"]);
            (said != *expected).then(|| format!("{}: {said}, not {expected} ({})", file.name, file.headers["what"]))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The gate in shell, at the time of the vectors.
fn shell_takes(script: &Path, dir: &Path, file: &File) -> bool {
    let record = dir.join(&file.name);
    std::fs::write(&record, &file.body).unwrap();
    let payload = Envelope::decode(&file.body).map(|envelope| envelope.payload).unwrap_or_default();
    let payload = String::from_utf8_lossy(&payload);
    let people = ["rahim", "ines", "jonas"];
    let who = people.into_iter().find(|id| payload.contains(&format!("\"principal\": \"{id}\""))).unwrap_or("dana");
    let manifest = make::manifest().digest().to_string();
    let mut command = Command::new("sh");
    command.arg(script).arg(record).arg(dir.join("signers")).args([who, "vectors-1", "refs/heads/main", &manifest]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

#[test]
fn the_shell_gate_takes_the_approvals_that_are_sound_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let script = include_str!("../../assets/verify-record.sh");
    let timed = script.replace("now + 120", "1790000120").replace("> now", "> 1790000000");
    assert!(timed != script && !timed.contains(" now "), "the clock is the one of the vectors");
    let path = dir.path().join("verify-record.sh");
    std::fs::write(&path, timed).unwrap();
    let people = [make::dana(), make::rahim(), make::ines(), make::jonas()];
    let signer = |person: &make::Person| {
        format!("{} namespaces=\"decision@undersign\" {}\n", person.id, person.token.key().to_openssh())
    };
    std::fs::write(dir.path().join("signers"), people.iter().map(signer).collect::<String>()).unwrap();
    let ours = |file: &File| {
        verify(&file.body).is_ok_and(|verified| {
            let predicate = &verified.statement().predicate;
            let is_theirs = |p: &make::Person| p.id == predicate.principal && p.token.key() == *verified.key();
            predicate.verdict == Verdict::Approve
                && people.iter().any(is_theirs)
                && predicate.target.name == "refs/heads/main"
                && predicate.not_after.0 > make::NOW
                && predicate.coverage.omissions.iter().all(|omission| !omission.acknowledged.is_empty())
        })
    };
    // Numbers inside of a signature that are spelled otherwise: only OpenSSH reads these, and the record's id is the
    // same.
    let spellings = ["record-signature-ecdsa-long", "record-signature-high-s"];
    let mut records: Vec<File> = files().into_iter().filter(|file| file.headers["stage"] == "record").collect();
    records.retain(|file| !spellings.contains(&file.name.as_str()));
    // Each takes a dozen programs: of what is refused for its bytes, some.
    let mut index = 0;
    records.retain(|file| {
        let whole = ["record-sound-", "record-json-", "record-predicate-", "record-subject-"];
        index += 1;
        whole.iter().any(|start| file.name.starts_with(start)) || index % 5 == 0
    });
    let wrong = |share: &[File]| -> Vec<String> {
        let differs = share.iter().filter(|file| shell_takes(&path, dir.path(), file) != ours(file));
        differs.map(|file| format!("{}: {}", file.name, file.headers["what"])).collect()
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> =
            records.chunks(records.len().div_ceil(4)).map(|share| scope.spawn(|| wrong(share))).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_is_a_vector_for_every_fault() {
    let expected: String = files().iter().map(|file| format!(" {} ", file.headers["expect"])).collect();
    for fault in Fault::ALL {
        assert!(expected.contains(&format!(" {} ", fault.name())), "no vector for {}", fault.name());
    }
}
