//! Answers to colleagues, held to a promise in generated worlds: each stands on the server exactly once, under the
//! comment that it answers, whatever fails and in whatever order desks run; as long as that comment is there. Nothing
//! else is written there, and what is not there yet is kept.
//!
//! A world is a server of some kind, and two desks of one person with one outbox. They answer, deliver, die and start
//! again, also while the other one is sending; colleagues write, answer, edit and delete meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use undersign::delivery::{Receipt, ServerAccess};
use undersign::source::git::Repository;
use undersign::source::server::http::{Request, Response};
use undersign::source::server::{NoAnswer, ServerKind, Transport};

use crate::delivery::{Desk, KINDS};
use crate::faults::{FAULTS, Fault};
use crate::forge::{Forge, Said};
use crate::worlds::{Chance, Met, ensure, in_each_world};

/// Worlds that broke the promise once: 36 by an account without a name, 53 by an answer in another thread.
const KEPT: &[u64] = &[36, 53];

const WORDS: [&str; 3] = ["As agreed.", "No:\nthe till is open.", "See /close below."];

/// What a desk does to the server while another one waits for an answer.
type Meanwhile = Arc<Mutex<Option<(usize, Box<dyn FnOnce() + Send>)>>>;

/// The network of one desk.
struct Line {
    forge: Forge,
    meanwhile: Meanwhile,
    /// It has died: nothing that it asks is heard.
    is_dead: Arc<Mutex<bool>>,
}

impl Transport for Line {
    fn send(&self, request: &Request) -> Result<Response, NoAnswer> {
        let due = {
            let mut meanwhile = self.meanwhile.lock().unwrap();
            let is_due = meanwhile.as_mut().is_some_and(|(left, _)| {
                *left = left.saturating_sub(1);
                *left == 0
            });
            if is_due { meanwhile.take() } else { None }
        };
        if let Some((_, act)) = due {
            act();
        }
        if *self.is_dead.lock().unwrap() {
            return Err(NoAnswer("timeout".to_owned()));
        }
        let had_fault = self.forge.state.lock().unwrap().fault.is_some();
        let answer = self.forge.send(request);
        let is_over = had_fault && self.forge.state.lock().unwrap().fault.is_none();
        // Some die of it, before they read what came.
        if is_over && matches!(answer, Err(NoAnswer(_))) && request.url.len().is_multiple_of(2) {
            *self.is_dead.lock().unwrap() = true;
        }
        answer
    }
}

/// Where an answer belongs: a thread, or what the server shows as one conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// By the position of its first comment.
    Thread(usize),
    AtLine(u64),
    /// The server has no answers to what is about the change as a whole.
    Names(usize),
}

struct World<'d> {
    desk: &'d Desk,
    lines: [Arc<Mutex<bool>>; 2],
    meanwhile: Meanwhile,
    access: [Arc<ServerAccess>; 2],
    /// What was answered: the comment and the words.
    written: BTreeSet<(usize, &'static str)>,
    /// Of the outbox.
    dir: tempfile::TempDir,
}

impl World<'_> {
    fn new(desk: &Desk) -> World<'_> {
        let mut state = desk.forge.state.lock().unwrap();
        state.comments.clear();
        (state.fault, state.pretends) = (None, None);
        drop(state);
        let dir = tempfile::tempdir().unwrap();
        let meanwhile = Meanwhile::default();
        let lines = [Arc::default(), Arc::default()];
        let access = [0, 1].map(|at: usize| opened(desk, &dir, &meanwhile, &lines[at]));
        World { desk, lines, meanwhile, access, written: BTreeSet::new(), dir }
    }

    fn kind(&self) -> ServerKind {
        self.desk.forge.kind
    }

    /// A desk is started again: nothing but its files is left.
    fn starts(&mut self, at: usize) {
        *self.lines[at].lock().unwrap() = false;
        self.access[at] = opened(self.desk, &self.dir, &self.meanwhile, &self.lines[at]);
    }

    fn comments(&self) -> Vec<Said> {
        self.desk.forge.state.lock().unwrap().comments.clone()
    }

    /// Of colleagues, and still there.
    fn answerable(&self) -> Vec<usize> {
        let is_it = |said: &Said| said.who != "dana-at-work" && !said.is_gone;
        self.comments().iter().enumerate().filter(|(_, said)| is_it(said)).map(|(at, _)| at).collect()
    }

    /// What the server calls a comment.
    fn id(&self, at: usize) -> String {
        let said = &self.comments()[at];
        match self.kind() {
            ServerKind::GitHub | ServerKind::Gitea if said.path.is_empty() => format!("issuecomment-{}", 100 + at),
            ServerKind::GitHub | ServerKind::Gitea => (100 + at).to_string(),
            ServerKind::GitLab => format!("c{}/{}", said.answers.unwrap_or(at), 100 + at),
            _ => format!("c{at}"),
        }
    }

    fn place(&self, comments: &[Said], at: usize) -> Place {
        let said = &comments[at];
        let has_threads = !matches!(self.kind(), ServerKind::GitHub | ServerKind::Gitea);
        match self.kind() {
            _ if said.path.is_empty() && !has_threads => Place::Names(at),
            ServerKind::Gitea => Place::AtLine(said.line),
            _ => Place::Thread(root(comments, at)),
        }
    }

    /// Our answers: where they are, and their words.
    fn own(&self) -> BTreeMap<(Place, String), usize> {
        let comments = self.comments();
        let mut found = BTreeMap::new();
        for (at, said) in comments.iter().enumerate().filter(|(_, said)| said.who == "dana-at-work") {
            let named = said.text.strip_prefix("In reply to [this comment](#issuecomment-");
            let named = named.and_then(|rest| rest.split_once("):\n\n"));
            let (place, words) = match named {
                Some((id, words)) => (Place::Names(id.parse::<usize>().unwrap() - 100), words),
                None => (self.place(&comments, at), said.text.as_str()),
            };
            *found.entry((place, words.to_owned())).or_default() += 1;
        }
        found
    }

    /// Which of the comments that were answered so are there, and take an answer; by where the answers belong.
    fn wanted(&self) -> BTreeMap<(Place, String), (usize, usize)> {
        let comments = self.comments();
        let mut wanted: BTreeMap<(Place, String), (usize, usize)> = BTreeMap::new();
        for (at, words) in &self.written {
            // GitHub takes no answer where the first comment of the thread is gone.
            let first = root(&comments, *at);
            let takes = !comments[*at].is_gone && (self.kind() != ServerKind::GitHub || !comments[first].is_gone);
            let of = wanted.entry((self.place(&comments, *at), (*words).to_owned())).or_default();
            *of = (of.0 + 1, of.1 + usize::from(takes));
        }
        wanted
    }

    /// Nothing stands there twice or without having been written.
    fn holds(&self) -> Result<(), String> {
        let (own, wanted) = (self.own(), self.wanted());
        for (key, count) in &own {
            let (written, _) =
                wanted.get(key).ok_or_else(|| format!("{key:?} was not written: {:#?}", self.comments()))?;
            // In a thread that branches, an answer to one comment need not be one to the comment above.
            let most = if self.kind() == ServerKind::Gerrit { *written } else { 1 };
            ensure(*count <= most, || format!("{key:?} stands there {count} times: {:#?}", self.comments()))?;
        }
        let answered: Vec<_> = self.comments().into_iter().filter_map(|said| Some((said.answers?, said))).collect();
        let of_us = || answered.iter().filter(|(_, said)| said.who == "dana-at-work");
        let twice =
            of_us().find(|(at, said)| of_us().filter(|(to, other)| to == at && other.text == said.text).count() > 1);
        ensure(twice.is_none(), || format!("it stands there twice: {twice:?}"))
    }

    /// All is there, and what is not is kept.
    fn is_done(&self, last: &Receipt) -> Result<(), String> {
        let (own, wanted) = (self.own(), self.wanted());
        for (key, (_, takes)) in &wanted {
            let is_there = own.contains_key(key);
            ensure(*takes == 0 || is_there, || format!("{key:?} is not there: {last:?} {:#?}", self.comments()))?;
        }
        let kept = self.access[0].outbox.replies(&self.desk.repository.root).0;
        let comments = self.comments();
        for (at, words) in &self.written {
            let is_kept = kept.iter().any(|reply| reply.text == *words && reply.answers == self.id(*at));
            let is_there = own.contains_key(&(self.place(&comments, *at), (*words).to_owned()));
            ensure(is_kept || is_there, || format!("the answer {words:?} to {at} is lost"))?;
        }
        ensure(kept.len() == last.left.len(), || format!("{} are kept, and told is {last:?}", kept.len()))
    }
}

fn opened(
    desk: &Desk,
    dir: &tempfile::TempDir,
    meanwhile: &Meanwhile,
    is_dead: &Arc<Mutex<bool>>,
) -> Arc<ServerAccess> {
    let (forge, meanwhile, is_dead) = (desk.forge.clone(), Arc::clone(meanwhile), Arc::clone(is_dead));
    let line = Line { forge, meanwhile, is_dead };
    Arc::new(ServerAccess::over(Box::new(line), vec![desk.forge.server()], dir.path()))
}

fn root(comments: &[Said], at: usize) -> usize {
    std::iter::successors(Some(at), |at| comments[*at].answers).last().unwrap()
}

/// Something that colleagues do on the page.
fn happens(world: &World<'_>, chance: &mut Chance) {
    let there = world.answerable();
    let mut state = world.desk.forge.state.lock().unwrap();
    let head = state.head.clone();
    let some = |chance: &mut Chance| there[chance.below(there.len())];
    match chance.below(6) {
        0 if !there.is_empty() => {
            let at = some(chance);
            state.comments[at].is_gone = true;
        }
        1 if !there.is_empty() => {
            let at = some(chance);
            state.comments[at].text += " (edited)";
        }
        2 if !there.is_empty() && world.kind() != ServerKind::Gitea => {
            let first = some(chance);
            let first = if world.kind() == ServerKind::Gerrit { first } else { root(&state.comments, first) };
            // On one of these servers what is about the whole has no threads.
            if !state.comments[first].path.is_empty() && !state.comments[first].is_gone {
                // Also our words, in another's mouth.
                let text = chance.of(&WORDS).to_owned();
                let answer =
                    Said { who: "mina".to_owned(), text, answers: Some(first), ..state.comments[first].clone() };
                state.comments.push(answer);
            }
        }
        _ => {
            let is_whole = chance.percent(40);
            let (path, line) = if is_whole { ("", 0) } else { ("till.txt", 1 + chance.below(2) as u64) };
            let (who, text, path) = ("zoe".to_owned(), chance.of(&WORDS).to_owned(), path.to_owned());
            state.comments.push(Said { who, text, path, line, head, ..Said::default() });
        }
    }
}

fn lives(desk: &Desk, chance: &mut Chance, met: &mut Met) -> Result<(), String> {
    let mut world = World::new(desk);
    for _ in 0..3 {
        happens(&world, chance);
    }
    for _ in 0..4 + chance.below(10) {
        if chance.percent(40) {
            happens(&world, chance);
        }
        if chance.percent(50) {
            let place = chance.of(&["Get ", "Post ", "user", "comments", "discussions", "review"]);
            let fault = if chance.percent(10) { Fault::Pretended } else { chance.of(&FAULTS) };
            desk.forge.fails(place, fault);
        }
        let at = chance.below(2);
        if chance.percent(30) {
            // The other desk runs, too, just before one of the next requests.
            let (other, place) = (Arc::clone(&world.access[1 - at]), desk.f.repo.clone());
            let act = Box::new(move || _ = other.deliver(&Repository::open(&place).unwrap()));
            *world.meanwhile.lock().unwrap() = Some((1 + chance.below(5), act));
        }
        let there = world.answerable();
        let receipt = if there.is_empty() || chance.percent(35) {
            world.access[at].deliver(&desk.repository)
        } else {
            let (to, words) = (there[chance.below(there.len())], chance.of(&WORDS));
            met.count("the same again", !world.written.insert((to, words)));
            let id = world.id(to);
            world.access[at].reply(&desk.repository, &desk.change(), (&id, words), 7)?
        };
        met.count("something is left", !receipt.left.is_empty());
        let is_told = |why: &String| why.ends_with('.') && why.chars().all(|c| !c.is_control());
        ensure(receipt.left.iter().all(is_told), || format!("no sentence: {receipt:?}"))?;
        let has_died = *world.lines[at].lock().unwrap();
        met.count("a desk dies", has_died);
        if has_died || chance.percent(20) {
            world.starts(at);
        }
        world.holds()?;
    }
    // At last nothing fails, and each desk runs once more.
    desk.forge.state.lock().unwrap().fault = None;
    *world.meanwhile.lock().unwrap() = None;
    let mut last = Receipt::default();
    for at in [1, 0] {
        world.starts(at);
        last = world.access[at].deliver(&desk.repository);
    }
    let wanted = world.wanted();
    met.count("an answer is there", !world.own().is_empty());
    met.count("what was answered is gone", wanted.values().any(|(_, takes)| *takes == 0));
    met.count("one is kept for what is gone", !last.left.is_empty());
    world.holds()?;
    world.is_done(&last)
}

#[test]
fn each_answer_stands_once_under_what_it_answers_whatever_fails_and_in_whatever_order_desks_run() {
    let desks = KINDS.map(Desk::new);
    let mut met = Met::default();
    in_each_world(200, KEPT, |chance| {
        let desk = &desks[chance.below(desks.len())];
        lives(desk, chance, &mut met).map_err(|broken| format!("{:?}: {broken}", desk.forge.kind))
    });
    met.at_least(5);
}
