//! Stock OpenSSH as the judge: its own vectors, the checks of its own regression script redone on keys that it makes,
//! and what we accept it accepts.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proptest::prelude::*;
use undersign::record::envelope::pae;
use undersign::record::key::{KeyType, TokenUse};
use undersign::record::sshsig::{NAMESPACE, verify_for};
use undersign::record::{Fault, Key, sshsig, verify};

use crate::make::{self, armor, dana, jonas, rahim, statement};
use crate::token::Token;

const MESSAGE: &[u8] = b"This is a test, this is only a test";

fn theirs(name: &str) -> (Vec<u8>, String) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/openssh");
    let sig = std::fs::read(dir.join(format!("{name}.sig"))).unwrap();
    (sig, std::fs::read_to_string(dir.join(format!("{name}.pub"))).unwrap())
}

#[test]
fn their_own_vectors_verify_for_the_four_types_and_for_no_other() {
    for name in ["ed25519", "ecdsa", "ed25519_sk", "ecdsa_sk"] {
        let (sig, public) = theirs(name);
        let (key, token) = verify_for("unittest", &sig, MESSAGE).unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
        assert_eq!(key, Key::from_openssh(&public).unwrap());
        assert_eq!(token.is_some(), name.ends_with("_sk"));
        assert_eq!(token.map_or(0x1234_5678, |token| token.counter), 0x1234_5678);
        assert_eq!(verify_for("unittest", &sig, b"another"), Err(Fault::SignatureInvalid));
        assert_eq!(sshsig::verify(&sig, MESSAGE), Err(Fault::Namespace));
    }
    for name in ["rsa", "ecdsa_sk_webauthn", "mldsa44-ed25519"] {
        assert_eq!(verify_for("unittest", &theirs(name).0, MESSAGE), Err(Fault::KeyType), "{name}");
    }
}

/// A folder with the key of a type, as `ssh-keygen` makes it, and what it does there.
struct Stock {
    dir: tempfile::TempDir,
}

impl Stock {
    fn new(kind: &str) -> Stock {
        let stock = Stock { dir: tempfile::tempdir().unwrap() };
        for name in ["key", "wrong"] {
            let kind = if name == "wrong" { "ed25519" } else { kind };
            let made = stock.keygen(&["-q", "-t", kind, "-N", "", "-C", "", "-f", name], b"");
            assert!(made.0, "ssh-keygen of OpenSSH is needed for this test");
        }
        stock
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn keygen(&self, args: &[&str], input: &[u8]) -> (bool, Vec<u8>) {
        let mut child = Command::new("ssh-keygen")
            .current_dir(self.dir.path())
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It may leave before it has read everything.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        (output.status.success(), output.stdout)
    }

    fn public(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap().trim().to_owned()
    }

    fn sign(&self, namespace: &str, options: &[&str]) -> Vec<u8> {
        let args = [&["-Y", "sign", "-f", "key", "-n", namespace][..], options].concat();
        let (ok, sig) = self.keygen(&args, MESSAGE);
        assert!(ok, "{args:?}");
        sig
    }

    /// Whether OpenSSH accepts, by a line of allowed signers.
    fn accepts(&self, signers: &str, sig: &[u8], namespace: &str, message: &[u8]) -> bool {
        std::fs::write(self.path("signers"), signers).unwrap();
        std::fs::write(self.path("sig"), sig).unwrap();
        let args = ["-Y", "verify", "-f", "signers", "-I", "user@example.com", "-n", namespace, "-s", "sig"];
        self.keygen(&args, message).0
    }
}

/// One check of the script: OpenSSH's answer, and ours.
#[test]
fn the_checks_of_their_regression_script_hold_for_both() {
    for kind in ["ed25519", "ecdsa"] {
        let stock = Stock::new(kind);
        let (key, wrong) = (stock.public("key"), stock.public("wrong"));
        let line = |options: &str, key: &str| format!("user@example.com {options}{key}\n");
        let sound = stock.sign(NAMESPACE, &[]);
        let ours =
            |sig: &[u8], namespace: &str, message: &[u8], trusted: &str| match verify_for(namespace, sig, message) {
                Ok((signer, _)) => signer == Key::from_openssh(trusted).unwrap(),
                Err(_) => false,
            };
        // signature, namespace asked for, message, trusted key, options of the line; OpenSSH says, we say
        let sha256 = stock.sign(NAMESPACE, &["-Ohashalg=sha256"]);
        let sha512 = stock.sign(NAMESPACE, &["-Ohashalg=sha512"]);
        let limited = format!("namespaces=\"{NAMESPACE},whatever\" ");
        #[allow(clippy::type_complexity)]
        let table: [(&str, &[u8], &str, &[u8], &str, &str, bool, bool); 9] = [
            ("default hash", &sound, NAMESPACE, MESSAGE, &key, "", true, true),
            ("sha512", &sha512, NAMESPACE, MESSAGE, &key, "", true, true),
            ("sha256 is theirs and not ours", &sha256, NAMESPACE, MESSAGE, &key, "", true, false),
            ("limited namespace", &sound, NAMESPACE, MESSAGE, &key, &limited, true, true),
            ("wrong key trusted", &sound, NAMESPACE, MESSAGE, &wrong, "", false, false),
            ("wrong data", &sound, NAMESPACE, b"twice twice", &key, "", false, false),
            ("wrong namespace", &sound, "COWS_COWS_COWS", MESSAGE, &key, "", false, false),
            (
                "namespace left out of the line is the roster's business",
                &sound,
                NAMESPACE,
                MESSAGE,
                &key,
                "namespaces=\"whatever\" ",
                false,
                true,
            ),
            ("bad option is the roster's business", &sound, NAMESPACE, MESSAGE, &key, "octopus ", false, true),
        ];
        for (what, sig, namespace, message, trusted, options, they_say, we_say) in table {
            assert_eq!(stock.accepts(&line(options, trusted), sig, namespace, message), they_say, "{kind}: {what}");
            assert_eq!(ours(sig, namespace, message, trusted), we_say, "{kind}: {what}");
        }
        // By an agent, the private key out of reach.
        let by_agent = agent_signed(&stock);
        assert!(stock.accepts(&line("", &key), &by_agent, NAMESPACE, MESSAGE));
        assert!(ours(&by_agent, NAMESPACE, MESSAGE, &key));
    }
}

fn agent_signed(stock: &Stock) -> Vec<u8> {
    let script = format!(
        "eval $(ssh-agent -s) >/dev/null; trap 'ssh-agent -k >/dev/null' EXIT; ssh-add -q key; mv key hidden; \
         ssh-keygen -Y sign -f key.pub -n {NAMESPACE}; mv hidden key"
    );
    let mut child = Command::new("sh")
        .current_dir(stock.dir.path())
        .args(["-ec", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(MESSAGE).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// A blob as someone might try it: the fields of a sound one, one of them perhaps changed.
#[derive(Debug, Clone)]
enum Twist {
    None,
    Byte(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Append(u8),
    Reserved(u8),
    Version(u8),
    Width(usize),
    Flags(u8),
}

fn twist() -> impl Strategy<Value = Twist> {
    prop_oneof![
        Just(Twist::None),
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Twist::Byte(at, byte)),
        any::<prop::sample::Index>().prop_map(Twist::Cut),
        any::<u8>().prop_map(Twist::Append),
        any::<u8>().prop_map(Twist::Reserved),
        (0u8..3).prop_map(Twist::Version),
        (60usize..80).prop_map(Twist::Width),
        any::<u8>().prop_map(Twist::Flags),
    ]
}

fn twisted(mut blob: Vec<u8>, twist: &Twist) -> String {
    let width = if let Twist::Width(width) = twist { *width } else { 70 };
    match twist {
        Twist::None | Twist::Width(_) => {}
        Twist::Byte(at, byte) => {
            let at = at.index(blob.len());
            blob[at] = *byte;
        }
        Twist::Cut(at) => blob.truncate(at.index(blob.len())),
        Twist::Append(byte) => blob.push(*byte),
        Twist::Reserved(byte) => {
            let end = blob.windows(NAMESPACE.len()).position(|w| w == NAMESPACE.as_bytes()).unwrap() + NAMESPACE.len();
            blob[end + 3] = 1;
            blob.insert(end + 4, *byte);
        }
        Twist::Version(version) => blob[9] = *version,
        Twist::Flags(flags) => {
            let at = blob.len() - 5;
            blob[at] = *flags;
        }
    }
    armor(&blob, width)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn what_we_accept_openssh_accepts(kind in 0usize..4, seed in 1u8..255, flags: u8, counter: u32, twist in twist()) {
        let token = Token::new(KeyType::ALL[kind], seed);
        let signature = token.sign(&sshsig::to_be_signed(MESSAGE), TokenUse { flags, counter });
        let mut blob = b"SSHSIG\0\0\0\x01".to_vec();
        for field in [&token.blob()[..], NAMESPACE.as_bytes(), b"", b"sha512", &signature] {
            undersign::record::wire::put(&mut blob, field);
        }
        let armor = twisted(blob, &twist);
        let ours = sshsig::verify(armor.as_bytes(), MESSAGE);
        if matches!(twist, Twist::None) {
            prop_assert!(ours.is_ok());
        }
        if let Ok((key, _)) = ours {
            let stock = Stock { dir: tempfile::tempdir().unwrap() };
            let line = format!("user@example.com namespaces=\"{NAMESPACE}\" {}\n", key.to_openssh());
            prop_assert!(stock.accepts(&line, armor.as_bytes(), NAMESPACE, MESSAGE), "{:?}", twist);
        }
    }
}

/// `assets/verify-record.sh` over records of all four types, with and without a touch.
#[test]
fn the_shell_gate_says_what_we_say() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/verify-record.sh");
    let ines = make::Person { id: "ines", token: Token::new(KeyType::SkEd25519, 47) };
    for person in [dana(), rahim(), ines, jonas()] {
        for flags in [0u8, 1, 4, 5] {
            let mut statement = statement(&person);
            statement.predicate.not_after.0 = u64::from(u32::MAX);
            let bytes = make::sign(&person, &statement.encode(), TokenUse { flags, counter: 1 });
            let verified = verify(&bytes).unwrap();
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("record"), &bytes).unwrap();
            let key = person.token.key().to_openssh();
            std::fs::write(dir.path().join("signers"), format!("{} namespaces=\"{NAMESPACE}\" {key}\n", person.id))
                .unwrap();
            let says = |rest: &[&str]| {
                let manifest = &statement.predicate.manifest.sha256;
                let args = ["record", "signers", person.id, "vectors-1", "refs/heads/main", manifest];
                let mut command = Command::new("sh");
                command.current_dir(dir.path()).arg(&script).args(args).args(rest);
                command.output().unwrap().status.success()
            };
            assert!(says(&[]), "{}", key);
            let touched = verified.token().is_some_and(|token| token.flags & 1 == 1);
            assert_eq!(says(&["touch"]), touched, "{key}, flags {flags}");
        }
    }
}

/// What `ssh-keygen` signs over a payload is what a record needs.
#[test]
fn a_record_can_be_made_by_ssh_keygen_alone() {
    let stock = Stock::new("ecdsa");
    let payload = statement(&dana()).encode();
    let (ok, sig) = stock.keygen(&["-Y", "sign", "-f", "key", "-n", NAMESPACE], &pae(&payload));
    assert!(ok);
    let (key, token) = sshsig::verify(&sig, &pae(&payload)).unwrap();
    assert_eq!((key, token), (Key::from_openssh(&stock.public("key")).unwrap(), None));
}
