//! The lane for colours: a few lines at a time, what is on the screen first.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::Ports;
use crate::app::{Effect, Event};
use crate::change::diff::Side;
use crate::examination::{FileMaterial, text_of};
use crate::highlight::Highlighter;

/// A file that is being coloured, the new side first.
pub struct Colouring {
    ticket: u64,
    index: usize,
    file: Arc<FileMaterial>,
    sides: Vec<(Side, Highlighter)>,
}

impl Colouring {
    /// Lines between two checks whether something else is more urgent: a few milliseconds.
    const STEP: usize = 400;

    pub fn of(ticket: u64, index: usize, file: Arc<FileMaterial>) -> Colouring {
        let path = file.diff.path.lossy();
        let side = |side, content| Some((side, Highlighter::of(&path, text_of(content))?));
        let sides = [side(Side::Old, &file.old), side(Side::New, &file.new)].into_iter().flatten().collect();
        Colouring { ticket, index, sides, file }
    }

    /// Reports some more lines; false once there are none.
    pub fn step(&mut self, tell: &mut dyn FnMut(Event)) -> bool {
        // Nobody else holds these texts any more: they are far from the screen.
        if Arc::strong_count(&self.file) == 1 {
            return false;
        }
        let Some((side, highlighter)) = self.sides.last_mut() else { return false };
        let content = if *side == Side::Old { &self.file.old } else { &self.file.new };
        let tokens = highlighter.lines(text_of(content), Colouring::STEP);
        if tokens.is_empty() {
            self.sides.pop();
        } else {
            let (ticket, index, file) = (self.ticket, self.index, self.file.clone());
            tell(Event::Highlighted { ticket, index, file, side: *side, tokens });
        }
        true
    }
}

/// The lane for colours: the last request is on the screen, and goes first.
fn colour(receiver: &Receiver<Effect>, ports: &Ports, tell: &impl Fn(Event)) {
    let mut jobs: Vec<Colouring> = Vec::new();
    loop {
        let next = if jobs.is_empty() { receiver.recv().ok() } else { receiver.try_recv().ok() };
        match (next, jobs.last_mut()) {
            (Some(Effect::Highlight { ticket, index, file }), _) => {
                ports.first_frame.wait();
                jobs.push(Colouring::of(ticket, index, file));
            }
            (_, Some(job)) => {
                if !job.step(&mut |event| tell(event)) {
                    jobs.pop();
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
