//! Reading a change: every file once, those on view first; what is far from the screen is not kept.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Ports;
use super::scan::{FoundBy, Scan};
use crate::app::Event;
use crate::app::review::layout::Shape;
use crate::app::review::{self, Compared};
use crate::change::Change;
use crate::change::diff::{Diff, FileDiff};
use crate::change::moved;
use crate::examination::comments;
use crate::examination::external::{self, Reports};
use crate::examination::{self, Examination, FileMaterial, FileReader, Reading, RepositorySnapshot};
use crate::provenance::attribution::Attribution;
use crate::risk::external::Report;
use crate::source::git::{self, GitError, Repository};

/// Bytes of texts and rows that are sent to the screen before rules see the first: building the rules takes as long as
/// comparing many files.
const AHEAD: usize = 1 << 20;

/// Bytes of texts and rows that fill any screen.
const SCREENFUL: usize = 1 << 16;

/// What is learned of the files as they are read.
struct Learned<'s> {
    snapshot: &'s RepositorySnapshot,
    reading: Option<Reading<'s>>,
    finder: moved::Finder,
    /// Files that the rules have yet to see, and their size.
    ahead: Vec<(usize, Arc<FileMaterial>)>,
    weight: usize,
    /// Some could not be read.
    is_partial: bool,
}

impl<'s> Learned<'s> {
    fn of(snapshot: &'s RepositorySnapshot) -> Learned<'s> {
        let (reading, finder, ahead) = Default::default();
        Learned { snapshot, reading, finder, ahead, weight: 0, is_partial: false }
    }

    /// Takes in a file of this many bytes.
    fn take(&mut self, index: usize, file: Arc<FileMaterial>, weight: usize) {
        self.ahead.push((index, file));
        self.weight += weight;
        if self.reading.is_some() || self.weight > AHEAD {
            self.settle();
        }
    }

    fn settle(&mut self) {
        for (index, file) in self.ahead.drain(..) {
            self.reading.get_or_insert_with(|| Reading::by(self.snapshot.rules())).take(&file);
            self.finder.take(index, file.compared());
        }
    }
}

/// Compares the files in the order in which they are shown, then applies rules and policy. Stops when another review
/// opens.
pub fn read(
    ticket: u64,
    (snapshot, change, diff): (&RepositorySnapshot, &Change, &Diff),
    order: &[usize],
    (shape, room): (Shape, usize),
    ports: &Ports,
    tell: &mut dyn FnMut(Event),
) {
    let mut reader = match FileReader::open(&snapshot.root) {
        Ok(reader) => reader,
        Err(error) => return tell(Event::ReviewExamined { ticket, result: Err(error.to_string()) }),
    };
    let (mut learned, mut sent, mut edited) = (Learned::of(snapshot), 0, Vec::new());
    for &index in order {
        if ports.open.load(Ordering::Relaxed) != ticket {
            return;
        }
        match reader.read(&diff.files[index]).map(Arc::new) {
            Ok(file) => {
                let compared = Compared::of(file.clone(), shape);
                let weight = compared.weight;
                edited.extend(compared.has_edits().then_some(index));
                sent += weight;
                let compared = if sent <= room { compared } else { compared.without_texts() };
                tell(Event::Compared { ticket, index, result: Ok(compared) });
                learned.take(index, file, weight);
                if learned.weight > SCREENFUL {
                    ports.first_frame.wait();
                }
            }
            Err(error) => {
                learned.is_partial = true;
                tell(Event::Compared { ticket, index, result: Err(error.to_string()) });
            }
        }
    }
    learned.settle();
    let Learned { reading, finder, is_partial, .. } = learned;
    // What it holds of the repository is no longer needed.
    drop(reader);
    tell(Event::Kinds { ticket, kinds: review::kinds(snapshot, diff, &edited) });
    let repository = match Repository::open(&snapshot.root) {
        Ok(repository) => repository,
        Err(error) => return tell(Event::ReviewExamined { ticket, result: Err(error.to_string()) }),
    };
    let change = Read { repository: &repository, snapshot, change, diff, ports };
    let reading = reading.unwrap_or_else(|| Reading::by(snapshot.rules()));
    let result = if is_partial {
        Err("Not every file could be read, so nothing can be signed. The rows marked ⊘ say why.".to_owned())
    } else {
        change.examined(reading, ports.tools.reports.clone())
    };
    let is_examined = result.is_ok();
    change.tell(ticket, result, tell);
    let is_over = || ports.open.load(Ordering::Relaxed) != ticket;
    if !is_over() {
        // Nothing waits for these.
        let attribution = Arc::new(attribution(&repository, change.change, diff));
        tell(Event::Traced { ticket, moves: Arc::new(finder.finish()), attribution });
    }
    if is_examined && !is_over() && !ports.tools.reports.test_coverage.is_empty() {
        match external::test_coverage(&repository, change.change, diff, &ports.tools.reports) {
            Ok(coverage) => tell(Event::Tested { ticket, coverage: Arc::new(coverage) }),
            Err(error) => tell(Event::Told(error.to_string())),
        }
    }
    if is_examined && !is_over() {
        change.scan(ticket, &is_over, tell);
    }
}

/// A change whose files were all read.
struct Read<'r> {
    repository: &'r Repository,
    snapshot: &'r RepositorySnapshot,
    change: &'r Change,
    diff: &'r Diff,
    ports: &'r Ports,
}

impl Read<'_> {
    fn examined(&self, mut reading: Reading<'_>, reports: Reports) -> Result<Arc<Examination>, String> {
        let Read { repository, snapshot, change, diff, ports } = self;
        let examined = external::findings(repository, snapshot.rules(), change, diff, reports).and_then(|findings| {
            reading.add(findings);
            examination::examine(repository, snapshot, change, diff, reading, ports.now())
        });
        examined.map(Arc::new).map_err(|error| error.to_string())
    }

    /// Tells what the examination says, and the notes of the rejections that are in force.
    fn tell(&self, ticket: u64, result: Result<Arc<Examination>, String>, tell: &mut dyn FnMut(Event)) {
        let Read { repository, snapshot, change, diff, .. } = self;
        let rejections = result.iter().flat_map(|own| &own.standing).flat_map(|standing| &standing.to_answer);
        let rejections: Vec<_> = rejections.cloned().collect();
        tell(Event::ReviewExamined { ticket, result });
        let remarks = comments::of_rejections(repository, &change.revision, diff, &rejections, &snapshot.chains);
        tell(Event::Rejected { ticket, remarks });
    }

    /// All of it, read again; none if nobody waits any more, or if it cannot be read.
    fn again(&self, is_over: &dyn Fn() -> bool) -> Option<Reading<'_>> {
        let mut reader = FileReader::open(&self.snapshot.root).ok()?;
        let mut reading = Reading::by(self.snapshot.rules());
        for file in &self.diff.files {
            reading.take(&reader.read(file).ok().filter(|_| !is_over())?);
        }
        Some(reading)
    }

    /// Runs the user's tools on it, and examines it again with what they found. That takes as long as they do.
    fn scan(&self, ticket: u64, is_over: &dyn Fn() -> bool, tell: &mut dyn FnMut(Event)) {
        let scanners = self.ports.tools.scanners_of(&self.snapshot.root);
        if scanners.is_empty() {
            return;
        }
        let names = scanners.iter().map(|scanner| &scanner.name[..]).collect::<Vec<_>>().join(", ");
        tell(Event::Told(format!("Scanning the files: {names}. Their findings are added when they are done.")));
        let Read { repository, change, ports, .. } = *self;
        let scan = Scan { tools: &ports.tools, scanners, repository, change, is_over };
        let Some(reports) = scan.run() else { return };
        let reports = self.ports.tools.with(ticket, FoundBy::Scanners, reports);
        let result = self.again(is_over).map(|reading| self.examined(reading, reports));
        if let Some(result) = result.filter(|_| !is_over()) {
            tell(Event::ReviewExamined { ticket, result });
            tell(Event::Told(format!("Done: {names}. Their findings are beside the others.")));
        }
    }
}

/// Examines an open change again, with what a review server said of it.
pub fn reexamine(
    ticket: u64,
    of: (&RepositorySnapshot, &Change, &Diff),
    head: Vec<Report>,
    ports: &Ports,
    tell: &mut dyn FnMut(Event),
) {
    let reports = ports.tools.with(ticket, FoundBy::Server, Reports { head, ..Reports::default() });
    examine_again(ticket, of, reports, ports, tell);
}

/// Examines an open change again, by the decisions that are here now.
pub fn judge(
    ticket: u64,
    (snapshot, change, diff): (&RepositorySnapshot, &Change, &Diff),
    ports: &Ports,
    tell: &mut dyn FnMut(Event),
) {
    let now = Repository::open(&snapshot.root).and_then(|repository| snapshot.with_decisions_of(&repository));
    let now = match now {
        Ok(now) => Arc::new(now),
        Err(error) => return tell(Event::Told(error.to_string())),
    };
    tell(Event::DecisionsRead { ticket, snapshot: now.clone() });
    examine_again(ticket, (&now, change, diff), ports.tools.of(ticket), ports, tell);
}

fn examine_again(
    ticket: u64,
    (snapshot, change, diff): (&RepositorySnapshot, &Change, &Diff),
    reports: Reports,
    ports: &Ports,
    tell: &mut dyn FnMut(Event),
) {
    let is_over = || ports.open.load(Ordering::Relaxed) != ticket;
    let Some(repository) = Repository::open(&snapshot.root).ok().filter(|_| !is_over()) else { return };
    let read = Read { repository: &repository, snapshot, change, diff, ports };
    // What cannot be read was said when it was opened.
    let result = read.again(&is_over).map(|reading| read.examined(reading, reports));
    if let Some(result) = result.filter(|_| !is_over()) {
        read.tell(ticket, result, tell);
    }
}

/// One file, of which a part is wanted.
pub fn compare(snapshot: &RepositorySnapshot, file: &FileDiff, shape: Shape) -> Result<Compared, GitError> {
    let texts = FileMaterial::read(&Repository::open(&snapshot.root)?, file)?;
    Ok(Compared::of(Arc::new(texts), shape))
}

/// What notes say about who wrote the lines.
fn attribution(repository: &Repository, change: &Change, diff: &Diff) -> Attribution {
    git::attribution(repository, change, diff).unwrap_or_else(|error| {
        let mut unknown = Attribution::default();
        unknown.problem(error.to_string());
        unknown
    })
}
