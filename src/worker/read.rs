//! Reading a change: every file once, those on view first; what is far from the screen is not kept.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Ports;
use crate::app::Event;
use crate::app::review::Compared;
use crate::app::review::layout::Shape;
use crate::change::Change;
use crate::change::diff::{Diff, FileDiff};
use crate::change::moved;
use crate::examination::{self, FileMaterial, FileReader, Reading, RepositorySnapshot};
use crate::provenance::attribution::Attribution;
use crate::source::git::{self, GitError, Repository};

/// Bytes of texts and rows that are on their way to the screen before rules see the first: making the rules takes as
/// long as comparing many files.
const AHEAD: usize = 1 << 20;

/// Bytes of texts and rows that fill any screen.
const SCREENFUL: usize = 1 << 16;

/// What is learned of the files while they pass.
#[derive(Default)]
struct Learned {
    reading: Option<Reading>,
    finder: moved::Finder,
    /// Files that the rules are to see, and how much they weigh.
    ahead: Vec<(usize, Arc<FileMaterial>)>,
    weight: usize,
    /// Some could not be read.
    is_partial: bool,
}

impl Learned {
    /// Takes in a file of so many bytes.
    fn take(&mut self, index: usize, file: Arc<FileMaterial>, weight: usize) {
        self.ahead.push((index, file));
        self.weight += weight;
        if self.reading.is_some() || self.weight > AHEAD {
            self.settle();
        }
    }

    fn settle(&mut self) {
        for (index, file) in self.ahead.drain(..) {
            self.reading.get_or_insert_default().take(&file);
            self.finder.take(index, file.compared());
        }
    }
}

/// Compares the files in the order they are shown in, then lets rules and policy speak. Stops when another review
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
    let (mut learned, mut sent) = (Learned::default(), 0);
    for &index in order {
        if ports.open.load(Ordering::Relaxed) != ticket {
            return;
        }
        match reader.read(&diff.files[index]).map(Arc::new) {
            Ok(file) => {
                let compared = Compared::of(file.clone(), shape);
                let weight = compared.weight();
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
    // What it holds of the repository is not needed any more.
    drop(reader);
    let repository = match Repository::open(&snapshot.root) {
        Ok(repository) => repository,
        Err(error) => return tell(Event::ReviewExamined { ticket, result: Err(error.to_string()) }),
    };
    let result = if is_partial {
        Err("Not every file could be read, so nothing can be signed. The rows marked ⊘ say why.".to_owned())
    } else {
        let reading = reading.unwrap_or_default();
        examination::examine(&repository, snapshot, change, diff, reading, ports.now())
            .map_err(|error| error.to_string())
    };
    tell(Event::ReviewExamined { ticket, result: result.map(Arc::new) });
    if ports.open.load(Ordering::Relaxed) == ticket {
        // Nothing waits for these.
        let attribution = Arc::new(attribution(&repository, change, diff));
        drop(repository);
        tell(Event::Traced { ticket, moves: Arc::new(finder.finish()), attribution });
    }
}

/// One file, of which somebody wants to see something.
pub fn compare(snapshot: &RepositorySnapshot, file: &FileDiff, shape: Shape) -> Result<Compared, GitError> {
    let texts = FileMaterial::read(&Repository::open(&snapshot.root)?, file)?;
    Ok(Compared::of(Arc::new(texts), shape))
}

/// What notes say of who wrote the lines.
fn attribution(repository: &Repository, change: &Change, diff: &Diff) -> Attribution {
    git::attribution(repository, change, diff).unwrap_or_else(|error| {
        let mut unknown = Attribution::default();
        unknown.problem(error.to_string());
        unknown
    })
}
