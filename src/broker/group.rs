//! A control group for one run: whatever a command starts stays in it, however often it forks, and is killed with it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How often, and after which pauses, it is looked whether the killed are gone.
const LOOKS: usize = 200;
const PAUSE: Duration = Duration::from_millis(10);

/// A control group (cgroups(7), version 2) below the broker's own. It is removed, with all that is in it, when this is
/// dropped.
pub(super) struct Group {
    dir: PathBuf,
}

impl Group {
    /// A new group.
    ///
    /// # Errors
    /// Why there can be none: a clause. Then a run has none.
    pub fn new(name: &str) -> Result<Group, String> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let parent = place(&mounts, &own).ok_or("there is no cgroup v2 here")?;
        // Another one of that name may be that of a copy of this broker, whose run is not to be killed.
        let group = Group { dir: parent.join(format!("undersign-{name}-{}", super::state::nonce()?)) };
        if let Err(error) = std::fs::create_dir(&group.dir) {
            return Err(format!("{} cannot be made: {error}", group.dir.display()));
        }
        match group.procs().is_file() {
            true => Ok(group),
            false => Err(format!("{} is not a control group", group.dir.display())),
        }
    }

    /// The group that another process of the broker left.
    pub fn left(dir: PathBuf) -> Group {
        Group { dir }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file to which a process writes `0` to enter it.
    pub fn procs(&self) -> PathBuf {
        self.dir.join("cgroup.procs")
    }

    /// Kills everything in it, and waits until it is gone.
    ///
    /// # Errors
    /// Something does not end: a clause.
    pub fn kill(&self) -> Result<(), String> {
        for _ in 0..LOOKS {
            // A kernel before 5.14 has no such file: then each process is killed until none is left.
            if std::fs::write(self.dir.join("cgroup.kill"), "1").is_err() {
                self.each();
            }
            if self.is_empty() {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
        Err(format!("processes in {} do not end", self.dir.display()))
    }

    fn each(&self) {
        let listed = std::fs::read_to_string(self.procs()).unwrap_or_default();
        for id in listed.lines().filter_map(|line| line.parse().ok()).filter(|id| *id > 0) {
            let _ = kill(Pid::from_raw(id), Signal::SIGKILL);
        }
    }

    /// Whether no process is alive in it or below it; true if it is gone.
    fn is_empty(&self) -> bool {
        match std::fs::read_to_string(self.dir.join("cgroup.events")) {
            Ok(events) => events.lines().any(|line| line == "populated 0"),
            Err(error) => error.kind() == ErrorKind::NotFound,
        }
    }

    fn remove(&self) -> Result<(), String> {
        self.kill()?;
        remove_dir(&self.dir).map_err(|error| format!("{} cannot be removed: {error}", self.dir.display()))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.remove();
    }
}

/// Groups that the command made in it go first; files of a group are not files.
fn remove_dir(dir: &Path) -> std::io::Result<()> {
    let below = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        read => read?,
    };
    for entry in below.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove_dir(&entry.path())?;
    }
    std::fs::remove_dir(dir)
}

/// The directory of this process's own group, given its mounts and its groups.
fn place(mounts: &str, own: &str) -> Option<PathBuf> {
    // One that lies outside of what is mounted has `..` in it.
    let own = own.lines().find_map(|line| line.strip_prefix("0::")).filter(|own| !own.contains(".."))?;
    let mount = |line: &str| {
        let (fields, kind) = line.split_once(" - ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        // A name with blanks is written in another way, and is not looked for.
        let is_v2 = kind.starts_with("cgroup2 ") && !fields.get(4)?.contains('\\');
        let below = Path::new(own).strip_prefix(fields.get(3)?).ok()?;
        is_v2.then(|| Path::new(fields[4]).join(below))
    };
    mounts.lines().find_map(mount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_of_a_process_is_below_the_mount_that_shows_it() {
        let unified = "25 1 0:23 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
        let hybrid = "24 1 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
                      30 24 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                      31 24 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let inside = "25 1 0:23 /docker/ab /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        let service = "0::/system.slice/undersign.service\n";
        let rows = [
            (unified, service, Some("/sys/fs/cgroup/system.slice/undersign.service")),
            (hybrid, "3:cpu:/x\n0::/\n", Some("/sys/fs/cgroup/unified")),
            (inside, "0::/docker/ab/c\n", Some("/sys/fs/cgroup/c")),
            (inside, service, None),
            (unified, "3:cpu:/x\n", None),
            (unified, "0::/../other\n", None),
            ("", service, None),
        ];
        for (mounts, own, wanted) in rows {
            assert_eq!(place(mounts, own).as_deref(), wanted.map(Path::new), "{own}");
        }
    }
}
