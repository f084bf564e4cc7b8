//! The lane for colours: a few lines at a time, what is on the screen first, and no more than is asked for.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};

use super::Ports;
use crate::app::{Effect, Event};
use crate::examination::{FileMaterial, text_of};
use crate::highlight::{Highlighter, Texts};

/// A file that is being coloured.
pub struct Colouring {
    ticket: u64,
    index: usize,
    /// Gone if nobody else holds it any more: its texts are far from the screen.
    file: Weak<FileMaterial>,
    /// None once nothing is left to colour.
    highlighter: Option<Highlighter>,
    /// Lines of both sides together that are asked for.
    until: usize,
}

impl Colouring {
    /// Lines between two checks whether something else is more urgent: a few milliseconds.
    const STEP: usize = 400;

    pub fn of(ticket: u64, index: usize, file: &Arc<FileMaterial>, until: usize) -> Colouring {
        let highlighter = Highlighter::of(&file.diff.path.lossy(), texts(file));
        Colouring { ticket, index, file: Arc::downgrade(file), highlighter, until }
    }

    /// Reports some more lines; false if no more are asked for.
    pub fn step(&mut self, tell: &mut dyn FnMut(Event)) -> bool {
        let Some((file, highlighter)) = self.file.upgrade().zip(self.highlighter.as_mut()) else { return false };
        let left = self.until.saturating_sub(highlighter.read());
        let colours = highlighter.lines(texts(&file), Colouring::STEP.min(left));
        if colours.is_empty() {
            self.highlighter.take_if(|_| left > 0);
            return false;
        }
        tell(Event::Highlighted { ticket: self.ticket, index: self.index, file, colours });
        true
    }

    /// Reports all lines that are asked for.
    pub fn run(mut self, tell: &mut dyn FnMut(Event)) {
        while self.step(tell) {}
    }

    fn is_of(&self, ticket: u64, index: usize, file: &Arc<FileMaterial>) -> bool {
        (self.ticket, self.index) == (ticket, index) && std::ptr::eq(self.file.as_ptr(), Arc::as_ptr(file))
    }
}

fn texts(file: &FileMaterial) -> Texts<'_> {
    Texts { old: text_of(&file.old), new: text_of(&file.new), comparison: &file.comparison }
}

/// The lane for colours: the last request is on the screen, and goes first. A file of which more may be asked for is
/// kept, since what a line is depends on all lines above it.
fn colour(receiver: &Receiver<Effect>, ports: &Ports, tell: &impl Fn(Event)) {
    let (mut jobs, mut kept): (Vec<Colouring>, Vec<Colouring>) = Default::default();
    loop {
        let next = if jobs.is_empty() { receiver.recv().ok() } else { receiver.try_recv().ok() };
        match (next, jobs.last_mut()) {
            (Some(Effect::Highlight { ticket, index, file, until }), _) => {
                ports.first_frame.wait();
                kept.extend(jobs.extract_if(.., |job| job.is_of(ticket, index, &file)));
                kept.retain(|job| job.file.strong_count() > 0);
                let begun = kept.iter().position(|job| job.is_of(ticket, index, &file));
                let begun = begun.map(|at| Colouring { until, ..kept.swap_remove(at) });
                jobs.push(begun.unwrap_or_else(|| Colouring::of(ticket, index, &file, until)));
            }
            (_, Some(job)) => {
                if !job.step(&mut |event| tell(event)) {
                    kept.extend(jobs.pop());
                }
            }
            (_, None) => return,
        }
    }
}

/// Starts the lane; what is sent to it is coloured.
pub fn lane(ports: Arc<Ports>, tell: impl Fn(Event) + Send + 'static) -> Sender<Effect> {
    let (sender, receiver) = channel();
    let thread =
        std::thread::Builder::new().name("highlight".to_owned()).spawn(move || colour(&receiver, &ports, &tell));
    thread.expect("the system can start a thread");
    sender
}
