//! The desk without threads or a terminal: what it asks for is carried out at once until all is quiet, and its frames
//! are drawn into a buffer.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier, Style};
use ratatui::{Frame, Terminal};
use undersign::app::keymap::{Keymap, Stroke};
use undersign::app::{Effect, Event, State, update};
use undersign::cache::Caches;
use undersign::change::Change;
use undersign::delivery::ServerAccess;
use undersign::drafts::Drafts;
use undersign::examination::RepositorySnapshot;
use undersign::signer::SigningKey;
use undersign::source::git::Names;
use undersign::tui::theme::Theme;
use undersign::tui::view;
use undersign::worker::{FirstFrame, Ports, perform};

use crate::support::{Fixture, NOW};

pub struct Session {
    pub state: State,
    pub ports: Ports,
    pub size: (u16, u16),
}

impl Session {
    /// On a fixture as dana sits down at it, at [`NOW`].
    pub fn new(fixture: &Fixture, size: (u16, u16)) -> Session {
        let key = fixture.key("dana");
        let caches = Caches::at(Some(fixture.dir.path().join("cache")));
        let state = Some(fixture.dir.path().join("state"));
        let ports = Ports { caches, state, clock: Some(NOW), ..ports(&fixture.dir.path().join("drafts"), key) };
        Session::over(vec![fixture.repo.clone()], ports, NOW, size)
    }

    /// On any repositories.
    pub fn over(repositories: Vec<PathBuf>, ports: Ports, now: i64, size: (u16, u16)) -> Session {
        let signer = ports.key.as_ref().map(SigningKey::fingerprint).map_err(Clone::clone);
        let names = Names::of(&repositories);
        let ports = Ports { names: names.clone(), ..ports };
        let (state, effects) = State::new(names.paths().to_vec(), Keymap::shipped(), signer, false, now);
        let mut session = Session { state, ports, size };
        let events = effects.into_iter().flat_map(|effect| session.carried_out(effect)).collect();
        session.take(events);
        session.take(VecDeque::from([Event::Resize(size.0, size.1)]));
        session
    }

    /// The reader on a range, as `undersign review BASE..HEAD --target main` opens it.
    pub fn on_range(fixture: &Fixture, base: &str, head: &str, size: (u16, u16)) -> Session {
        let mut session = Session::new(fixture, size);
        let (repository, snapshot) = RepositorySnapshot::open(&fixture.repo).unwrap();
        let id = |name: &str| fixture.id(name).parse().unwrap();
        let revision = repository.revision(id(base), id(head), snapshot.target.tip).unwrap();
        let target = snapshot.target.name.clone();
        let change = Change::of_range("shop:range".into(), head.into(), target, revision);
        let (snapshot, change) = (Arc::new(snapshot), Arc::new(change));
        let key = session.state.key.clone();
        let (state, effects) = State::only(snapshot, change, false, Keymap::shipped(), key, false, NOW);
        session.state = state;
        session.take(VecDeque::from([Event::Resize(size.0, size.1)]));
        let events = effects.into_iter().flat_map(|effect| session.carried_out(effect)).collect();
        session.take(events);
        session
    }

    pub fn carried_out(&self, effect: Effect) -> Vec<Event> {
        let mut events = Vec::new();
        perform(effect, &self.ports, &mut |event| events.push(event));
        events
    }

    /// Effects run inline until all is quiet.
    pub fn take(&mut self, mut events: VecDeque<Event>) {
        while let Some(event) = events.pop_front() {
            for effect in update(&mut self.state, event) {
                events.extend(self.carried_out(effect));
            }
        }
        self.state.drawn();
    }

    /// `j`, `G`, `<enter>`, `<ctrl-d>`.
    pub fn press(&mut self, keys: &str) -> &mut Session {
        for stroke in strokes(keys) {
            self.take(VecDeque::from([Event::Stroke(stroke)]));
        }
        self
    }

    /// Presses keys while nothing that is asked for gets done: that comes back, for [`Session::answer`] to do later.
    pub fn begin(&mut self, keys: &str) -> Vec<Effect> {
        strokes(keys).into_iter().flat_map(|stroke| update(&mut self.state, Event::Stroke(stroke))).collect()
    }

    /// Carries out what was asked for some time ago.
    pub fn answer(&mut self, effects: Vec<Effect>) -> &mut Session {
        let events = effects.into_iter().flat_map(|effect| self.carried_out(effect)).collect();
        self.take(events);
        self
    }

    pub fn terminal(&self, theme: &Theme) -> Terminal<TestBackend> {
        let mut terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).unwrap();
        let drawn = |frame: &mut Frame<'_>| {
            // Every cell is drawn: nothing of an older frame remains.
            let mut older = frame.buffer_mut().clone();
            let old = Style::new().fg(Color::Red).bg(Color::Blue).add_modifier(Modifier::all());
            older.content.iter_mut().for_each(|cell| _ = cell.set_char('#').set_style(old));
            view::paint(&self.state, theme, &mut older);
            view::draw(&self.state, theme, frame);
            assert_eq!(older, *frame.buffer_mut());
        };
        terminal.draw(drawn).unwrap();
        terminal
    }

    /// The frame as text; commit ids, which hang on keys of the fixture, are not in it.
    pub fn frame(&self) -> String {
        let terminal = self.terminal(&Theme::shipped("mono").unwrap());
        let buffer = terminal.backend().buffer();
        let row = |y| (0..self.size.0).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..self.size.1).map(row).collect::<Vec<_>>().join("\n")
    }
}

fn strokes(keys: &str) -> Vec<Stroke> {
    let (mut rest, mut strokes) = (keys, Vec::new());
    while let Some(c) = rest.chars().next() {
        let (name, after) = match rest.strip_prefix('<').and_then(|r| r.split_once('>')) {
            Some((name, after)) => (name, after),
            None => rest.split_at(c.len_utf8()),
        };
        rest = after;
        strokes.push(Stroke::parse(name).unwrap());
    }
    strokes
}

/// The only file of a draft below a folder of drafts.
pub fn draft_file(drafts: &Path) -> PathBuf {
    let below = |dir: PathBuf| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files = below(drafts.to_owned()).flat_map(below);
    files.find(|path| path.extension().is_some_and(|end| end == "json")).unwrap()
}

/// What a desk reaches of the world: this key, drafts there, nothing kept, the real clock, and no chance.
pub fn ports(drafts: &Path, key: SigningKey) -> Ports {
    Ports {
        drafts: Drafts::at(drafts.to_owned()),
        names: Default::default(),
        caches: Caches::default(),
        state: None,
        key: Ok(key),
        access: ServerAccess::nowhere(),
        clock: None,
        random: Some(7),
        open: AtomicU64::new(0),
        first_frame: FirstFrame::none(),
        tools: Default::default(),
        packs: Vec::new(),
        broker: None,
    }
}
