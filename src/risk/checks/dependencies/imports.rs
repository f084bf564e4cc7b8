//! Packages that code imports and no manifest declares. Reported only if the change contains the manifest: the
//! declarations of an untouched one are not known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use crate::change::diff::Side;
use crate::risk::blast::{is_sample, is_test};
use crate::risk::{FileUnderReview, Finding, Rules, Severity};

#[derive(Default)]
pub(super) struct Imports {
    /// New ones, by the family of their manifest.
    new: Vec<(Family, String, Finding)>,
    /// The texts of manifests and lock files, in lower case, without word separators.
    declared: BTreeMap<Family, String>,
    /// Names of folders and files of the change, and earlier imports of its code: these exist.
    there: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    Python,
    Node,
}

static PYTHON: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?m)^\s*(?:from|import)\s+([A-Za-z_][A-Za-z0-9_]*)[\w.]*(?:\s+import\b|\s+as\b|\s*,|\s*$)").ok()
});
static NODE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?m)(?:\bfrom\s*|^\s*import\s*|\brequire\(\s*|\bimport\(\s*)["']((?:@[a-z0-9~][a-z0-9._~-]*/)?[a-z0-9~][a-z0-9._~-]*)(?:/[^"']*)?["']"#).ok()
});

/// Packages by the names under which code imports them, if these differ.
const KNOWN_AS: &[(&str, &str)] = &[
    ("yaml", "pyyaml"),
    ("PIL", "pillow"),
    ("cv2", "opencv"),
    ("bs4", "beautifulsoup4"),
    ("sklearn", "scikitlearn"),
    ("skimage", "scikitimage"),
    ("dateutil", "pythondateutil"),
    ("dotenv", "pythondotenv"),
    ("jwt", "pyjwt"),
    ("jose", "pythonjose"),
    ("git", "gitpython"),
    ("serial", "pyserial"),
    ("attr", "attrs"),
    ("pkg_resources", "setuptools"),
    ("OpenSSL", "pyopenssl"),
    ("Crypto", "pycryptodome"),
    ("MySQLdb", "mysqlclient"),
    ("psycopg2", "psycopg"),
    ("fitz", "pymupdf"),
    ("docx", "pythondocx"),
    ("magic", "pythonmagic"),
    ("slugify", "pythonslugify"),
    ("rest_framework", "djangorestframework"),
    ("corsheaders", "djangocorsheaders"),
    ("environ", "djangoenviron"),
    ("kafka", "kafkapython"),
    ("nacl", "pynacl"),
    ("usb", "pyusb"),
    ("zmq", "pyzmq"),
    ("ldap", "pythonldap"),
    ("grpc", "grpcio"),
    ("google", "google"),
    ("azure", "azure"),
    ("github", "pygithub"),
    ("gi", "pygobject"),
    ("win32api", "pywin32"),
    ("telegram", "pythontelegrambot"),
];

const STANDARD_PYTHON: &str = "abc aifc argparse array ast asyncio atexit audioop base64 bdb binascii bisect builtins \
    bz2 calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys compileall concurrent configparser \
    contextlib contextvars copy copyreg cProfile crypt csv ctypes curses dataclasses datetime dbm decimal difflib dis \
    distutils doctest email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch fractions ftplib \
    functools gc getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http imaplib imghdr imp importlib \
    inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma mailbox mailcap marshal math \
    mimetypes mmap modulefinder msvcrt multiprocessing netrc nis nntplib ntpath numbers operator optparse os ossaudiodev \
    pathlib pdb pickle pickletools pipes pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd \
    py_compile pyclbr pydoc queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select \
    selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 ssl stat statistics \
    string stringprep struct subprocess sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios \
    test textwrap threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle types \
    typing unicodedata unittest urllib uu uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml \
    xmlrpc zipapp zipfile zipimport zlib zoneinfo __future__ _thread typing_extensions setuptools pip wheel";

const STANDARD_NODE: &str = "assert async_hooks buffer child_process cluster console constants crypto dgram \
    diagnostics_channel dns domain events fs http http2 https inspector module net os path perf_hooks process punycode \
    querystring readline repl stream string_decoder sys timers tls trace_events tty url util v8 vm wasi worker_threads \
    zlib test electron vscode bun";

fn family(path: &str) -> Option<Family> {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending)?;
    match ending {
        "py" | "pyi" => Some(Family::Python),
        "js" | "jsx" | "ts" | "tsx" | "mjs" | "cjs" => Some(Family::Node),
        _ => None,
    }
}

impl Imports {
    pub fn read(&mut self, file: &FileUnderReview<'_>, rules: &Rules) {
        let path = file.path();
        let parts = path.split('/').map(|part| part.split('.').next().unwrap_or(part).to_owned());
        self.there.extend(parts);
        let Some(family) = family(&path).filter(|_| !is_test(&path) && !is_sample(&path)) else { return };
        let old = String::from_utf8_lossy(file.old_text());
        self.there.extend(imported(family, &old).map(str::to_owned));
        for (number, line) in file.added() {
            for name in imported(family, line).filter(|name| !is_standard(family, name)) {
                let found = rules.of_check("dep.phantom", file, Side::New, *number, line);
                let title = |found: &Finding| format!("{}: {name}, which is imported", found.title);
                // A package of the same repository that the change does not touch looks the same.
                let found = found.map(|found| Finding { title: title(&found), severity: Severity::Medium, ..found });
                self.new.extend(found.map(|found| (family, name.to_owned(), found)));
            }
        }
    }

    /// Adds a manifest or lock file: its name, and its text in lower case.
    pub fn declare(&mut self, name: &str, text: &str) {
        let family = match name {
            "pyproject.toml" | "Pipfile" | "requirements.txt" | "poetry.lock" | "uv.lock" | "pdm.lock"
            | "Pipfile.lock" => Family::Python,
            "package.json" | "package-lock.json" | "yarn.lock" | "pnpm-lock.yaml" | "bun.lock" => Family::Node,
            _ => return,
        };
        let declared = self.declared.entry(family).or_default();
        declared.push_str(&joined(text));
        declared.push('\n');
    }

    pub fn finish(self) -> Vec<Finding> {
        let Imports { new, declared, there } = self;
        let mut said = BTreeSet::new();
        let mut is_unknown = |(family, name, _): &(Family, String, Finding)| {
            let Some(declared) = declared.get(family) else { return false };
            let known_as = KNOWN_AS.iter().find(|(own, _)| own == name).map(|(_, package)| *package);
            let is_declared =
                [Some(name.as_str()), known_as].into_iter().flatten().any(|name| declared.contains(&joined(name)));
            !is_declared && !there.contains(name) && said.insert((*family, name.clone()))
        };
        new.into_iter().filter(|new| is_unknown(new)).map(|(_, _, finding)| finding).collect()
    }
}

/// In lower case and without word separators, in which the names of packages and of their imports differ.
fn joined(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '-' | '_' | '.')).flat_map(char::to_lowercase).collect()
}

fn imported(family: Family, text: &str) -> impl Iterator<Item = &str> {
    let regex = if family == Family::Python { &PYTHON } else { &NODE };
    let captures = regex.iter().flat_map(move |regex| regex.captures_iter(text));
    captures.filter_map(|captures| captures.get(1)).map(|name| name.as_str())
}

fn is_standard(family: Family, name: &str) -> bool {
    let list = if family == Family::Python { STANDARD_PYTHON } else { STANDARD_NODE };
    list.split_whitespace().any(|own| own == name)
}
