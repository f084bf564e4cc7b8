//! What drafts ask of a repository, and where they are written.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::Ports;
use crate::app::Event;
use crate::change::BranchRef;
use crate::decision::Draft;
use crate::drafts::Refs;
use crate::examination::RepositorySnapshot;
use crate::source::git::{RefLog, Repository};

/// The refs of a repository, which is opened only when it is asked something: most drafts are written without that.
pub(super) struct RefsOf<'r> {
    common_dir: PathBuf,
    given: Option<&'r Repository>,
    opened: OnceCell<Option<Repository>>,
    names: OnceCell<Vec<String>>,
    target: OnceCell<Option<String>>,
    logs: RefCell<HashMap<String, Rc<RefLog>>>,
}

impl<'r> RefsOf<'r> {
    pub fn of(repository: &'r Repository) -> RefsOf<'r> {
        RefsOf { given: Some(repository), ..RefsOf::at(repository.common_dir()) }
    }

    pub fn at(common_dir: &Path) -> RefsOf<'r> {
        RefsOf {
            common_dir: common_dir.to_owned(),
            given: None,
            opened: OnceCell::new(),
            names: OnceCell::new(),
            target: OnceCell::new(),
            logs: RefCell::default(),
        }
    }

    fn repository(&self) -> Option<&Repository> {
        self.given.or_else(|| self.opened.get_or_init(|| Repository::open(&self.common_dir).ok()).as_ref())
    }

    fn log(&self, name: &str) -> Rc<RefLog> {
        let read = || Rc::new(self.repository().map(|repository| repository.log_of(name)).unwrap_or_default());
        self.logs.borrow_mut().entry(name.to_owned()).or_insert_with(read).clone()
    }
}

impl Refs for RefsOf<'_> {
    fn repository(&self) -> &Path {
        &self.common_dir
    }

    fn tip(&self, name: &str) -> Option<String> {
        let branch = name.strip_suffix("/HEAD").unwrap_or(name).to_owned();
        let at = BranchRef { full: name.to_owned(), remote: None, branch };
        self.repository()?.tip_of(&at).map(|id| id.to_string())
    }

    fn contains(&self, commit: &str, other: &str) -> bool {
        let (Some(repository), Ok(commit), Ok(other)) = (self.repository(), commit.parse(), other.parse()) else {
            return false;
        };
        repository.is_descendant(commit, other)
    }

    fn has_landed(&self, commit: &str) -> bool {
        let read = || Some(self.repository()?.target().ok()?.tip.to_string());
        self.target.get_or_init(read).as_ref().is_some_and(|target| self.contains(target, commit))
    }

    fn names(&self) -> Vec<String> {
        let read = || {
            let tips = self.repository().map(Repository::branch_tips).unwrap_or_default();
            tips.into_iter().map(|(name, _)| name).collect()
        };
        self.names.get_or_init(read).clone()
    }

    fn was_at(&self, name: &str, commit: &str) -> bool {
        commit.parse().is_ok_and(|id| self.log(name).commits.contains(&id))
    }

    fn remembers(&self, name: &str) -> bool {
        !self.log(name).commits.is_empty()
    }

    fn was_named(&self, name: &str, before: &str) -> bool {
        self.log(name).names.iter().any(|name| name == before)
    }

    fn remote(&self) -> Option<String> {
        self.repository()?.home()
    }
}

/// Writes a draft.
pub(super) fn save(
    snapshot: &RepositorySnapshot,
    base: &Draft,
    draft: Draft,
    ports: &Ports,
    tell: &mut dyn FnMut(Event),
) {
    let saved = ports.drafts.save(&RefsOf::at(&snapshot.common_dir), base, &draft);
    let problem = saved.as_ref().ok().and_then(|saved| saved.problem.clone());
    let result = saved.map(|saved| Box::new(saved.draft));
    tell(Event::DraftSaved { written: Box::new(draft), result });
    problem.into_iter().for_each(|why| tell(Event::Told(why)));
}

/// Tries once more to write what could not be written: the program ends.
pub(super) fn save_the_rest(ports: &Ports) {
    for unsaved in ports.drafts.unsaved() {
        ports.drafts.save_the_rest(&RefsOf::at(&unsaved.repository));
    }
}
