//! The separation between the requester and a target, as far as a broker can prove it.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;

use super::settings::{Settings, TargetSettings};
use crate::policy::Level;

/// The level, and why it is neither lower nor higher.
pub fn proven(settings: &Settings, target: &TargetSettings) -> (Level, Vec<String>) {
    match obstacle(settings, target) {
        Some(why) => (Level::L1, vec![why]),
        None => {
            let mut proofs = vec![
                format!("commands run as account {}, which belongs to no requester", target.uid),
                "the broker is root's, and so are the files of its secrets".to_owned(),
            ];
            match certified(target) {
                Some(Ok(proof)) => {
                    proofs.push(proof);
                    (Level::L3, proofs)
                }
                Some(Err(why)) => {
                    proofs.push(why);
                    (Level::L2, proofs)
                }
                None => (Level::L2, proofs),
            }
        }
    }
}

/// Whether the credential is made for one run: a certificate by a CA whose key only root can read.
fn certified(target: &TargetSettings) -> Option<Result<String, String>> {
    let login = target.ssh.as_ref()?;
    if !is_roots_alone(&login.ca) {
        return Some(Err(format!("others than root can read {}", login.ca)));
    }
    let proof = || format!("each run logs in once at {}, with a key and a certificate of its own", login.host);
    Some(login.ca().map(|_| proof()))
}

fn is_roots_alone(path: &str) -> bool {
    let about = std::fs::metadata(path);
    about.is_ok_and(|about| about.uid() == 0 && about.mode() & 0o077 == 0)
}

/// Why commands do not run in a separate account.
fn obstacle(settings: &Settings, target: &TargetSettings) -> Option<String> {
    if settings.is_ci {
        return Some("the broker is a job of CI, which has the credential and the key in one account".to_owned());
    }
    if !nix::unistd::geteuid().is_root() {
        return Some("the broker runs in an ordinary account, so commands run in the same".to_owned());
    }
    if account(target.uid) != target.uid {
        return Some(format!("root here is that of a user namespace without account {}", target.uid));
    }
    if target.uid == 0 {
        return Some("commands run as root, who can read whatever the broker has".to_owned());
    }
    if settings.operators.contains_key(&target.uid) {
        return Some(format!("commands run as account {}, which asks, too", target.uid));
    }
    if settings.ssh_uid == Some(target.uid) {
        return Some(format!("commands run as account {}, which relays requests, too", target.uid));
    }
    if settings.targets.values().filter(|other| other.uid == target.uid).count() > 1 {
        return Some(format!("commands of another target run as account {}, too", target.uid));
    }
    let open = target.secrets.values().find(|path| !is_roots_alone(path))?;
    Some(format!("others than root can read {open}"))
}

/// The account in which commands of a target really run, given the configured one: that of the broker if it is not
/// root, or if it is root of a user namespace that has no other account.
pub fn account(asked: u32) -> u32 {
    let own = nix::unistd::geteuid();
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    if own.is_root() && is_mapped(&map, asked) { asked } else { own.as_raw() }
}

/// The separate group of the account of a target's commands; none if they run in the broker's account.
pub fn group(target: &TargetSettings) -> Option<u32> {
    (account(target.uid) != nix::unistd::geteuid().as_raw()).then_some(target.gid)
}

/// Whether a map of accounts (user_namespaces(7)) contains this one; a kernel without namespaces has no map, and all
/// accounts.
fn is_mapped(map: &str, uid: u32) -> bool {
    let holds = |line: &str| {
        let mut numbers = line.split_ascii_whitespace().map(|number| number.parse::<u64>().ok());
        let (first, count) = (numbers.next().flatten()?, numbers.nth(1).flatten()?);
        Some((first..first.saturating_add(count)).contains(&u64::from(uid)))
    };
    map.is_empty() || map.lines().any(|line| holds(line) == Some(true))
}

/// Checks that no process of an account is alive: one left over from a run could read the secrets of the next.
///
/// # Errors
/// A sentence that names the process, or says that this cannot be determined.
pub fn nothing_lives(uid: u32) -> Result<(), String> {
    match alive(uid).map_err(|error| format!("/proc cannot be read: {error}"))?.first() {
        Some(process) => Err(format!("process {process} of account {uid} is left over from before")),
        None => Ok(()),
    }
}

/// More bytes than the status of a process has.
const STATUS: usize = 8 << 10;

/// The processes of an account, by any of its four user IDs. A zombie reads nothing.
pub fn alive(uid: u32) -> std::io::Result<Vec<i32>> {
    let (mut found, mut buffer) = (Vec::new(), Vec::with_capacity(STATUS));
    for process in std::fs::read_dir("/proc")?.flatten() {
        let Some(id) = process.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        buffer.clear();
        // The kernel does not say how long it is: with this much room it is read at once. A process that ended
        // meanwhile does not count.
        let read = File::open(process.path().join("status")).and_then(|mut file| file.read_to_end(&mut buffer));
        let Some(status) = read.ok().map(|_| String::from_utf8_lossy(&buffer)) else { continue };
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        let is_over = field("State:").trim_start().starts_with(['Z', 'X']);
        let is_of = field("Uid:").split_ascii_whitespace().any(|own| own.parse() == Ok(uid));
        if is_of && !is_over {
            found.push(id);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_there_where_a_line_of_the_map_has_it() {
        let whole = "         0          0 4294967295\n";
        let alone = "         0       1000          1\n";
        let rootless = "         0       1000          1\n         1     100000      65536\n";
        let rows = [("", 5, true), (whole, 100_000, true), (alone, 0, true), (alone, 5, false)];
        let more = [(rootless, 65_536, true), (rootless, 65_537, false), ("nonsense", 5, false)];
        for (map, uid, is) in rows.into_iter().chain(more) {
            assert_eq!(is_mapped(map, uid), is, "{map} {uid}");
        }
    }
}
