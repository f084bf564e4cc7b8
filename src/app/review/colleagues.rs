//! What colleagues wrote at a review server, and in rejections that are in force, by the files that it is about.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::Review;
use crate::app::TextLine;
use crate::change::manifest::escape;
use crate::change::visible;
use crate::examination::comments::{Remark, together};
use crate::gate::Answerable;
use crate::source::server::CommentCount;

/// Comments of other people, in their order.
#[derive(Debug, Clone, Default)]
pub struct Colleagues {
    all: Arc<Vec<Remark>>,
    /// The server that has them, by its name in the configuration; and sentences about what of it is not here.
    server: Option<String>,
    missing: Vec<String>,
    /// By the index of a file, the indices of its comments.
    homes: HashMap<usize, Vec<usize>>,
    /// On no file of the change: they are shown at the first.
    strays: Vec<usize>,
}

impl Colleagues {
    pub fn all(&self) -> &[Remark] {
        &self.all
    }

    pub fn get(&self, comment: usize) -> Option<&Remark> {
        self.all.get(comment)
    }

    pub(super) fn has_strays(&self) -> bool {
        !self.strays.is_empty()
    }

    /// The comments that are shown at a file, with their indices.
    pub(super) fn at(&self, index: usize, is_first: bool) -> impl Iterator<Item = (usize, &Remark)> {
        let own = self.homes.get(&index).into_iter().flatten();
        let strays = self.strays.iter().filter(move |_| is_first);
        own.chain(strays).filter_map(|&at| Some((at, self.all.get(at)?)))
    }

    /// The file at which a comment is shown; none for the first.
    pub(super) fn home(&self, comment: usize) -> Option<usize> {
        self.homes.iter().find(|(_, all)| all.contains(&comment)).map(|(index, _)| *index)
    }
}

/// Comments that a server has: a note of a rejection counts where it was put there as well.
fn at_server(all: &[Remark]) -> impl Iterator<Item = &Remark> {
    all.iter().filter(|remark| !remark.id.is_empty())
}

impl Review {
    /// What colleagues wrote at a server has arrived, and sentences about what of it did not.
    pub fn commented(&mut self, server: String, remarks: Vec<Remark>, missing: Vec<String>) {
        let colleagues = &mut self.line_facts.colleagues;
        (colleagues.server, colleagues.missing) = (Some(server), missing);
        let signed = self.line_facts.colleagues.all.iter().filter(|remark| remark.is_signed).cloned();
        self.remark_on(together(signed.collect(), remarks));
    }

    /// The notes of rejections have arrived.
    pub fn rejected(&mut self, remarks: Vec<Remark>) {
        if remarks.is_empty() && !self.line_facts.colleagues.all.iter().any(|remark| remark.is_signed) {
            return;
        }
        let others = self.line_facts.colleagues.all.iter().filter(|remark| !remark.is_signed).cloned();
        self.remark_on(together(remarks, others.collect()));
    }

    /// Who rejected this change as it is, or else an earlier state of it or another change of its paths, in words; none
    /// if nobody did.
    pub fn rejected_by(&self) -> Option<String> {
        let of = |is_meant: bool| {
            let own = self.rejections().filter(|one| (one.is_veto && !one.is_outdated) == is_meant);
            let who: BTreeSet<&str> = own.map(|one| one.by.as_str()).collect();
            who.into_iter().map(|who| visible::text(who).into_owned()).collect::<Vec<_>>().join(", ")
        };
        match (of(true), of(false)) {
            (now, _) if !now.is_empty() => Some(format!("rejected by {now}")),
            (_, before) if !before.is_empty() => Some(format!("earlier rejection by {before}")),
            _ => None,
        }
    }

    /// How many comments the server has; none if none were read.
    pub fn comment_count(&self) -> Option<CommentCount> {
        let colleagues = &self.line_facts.colleagues;
        colleagues.server.is_some().then(|| CommentCount::of(at_server(&colleagues.all).map(|one| one.is_resolved)))
    }

    /// What colleagues wrote at the server: how many comments, and those that stand at no line of the change. Nothing
    /// while comments are hidden.
    pub fn told_comments(&self) -> Vec<TextLine> {
        let Colleagues { all, server, missing, .. } = &self.line_facts.colleagues;
        let Some(server) = server.as_ref().filter(|_| !self.findings.blind) else { return Vec::new() };
        let told = self.comment_count().and_then(CommentCount::told);
        if told.is_none() && missing.is_empty() {
            return Vec::new();
        }
        let outdated = at_server(all).filter(|remark| remark.note.is_outdated()).count();
        let outdated = if outdated > 0 { format!(", {outdated} outdated") } else { String::new() };
        let told = told.unwrap_or_else(|| "no comments".to_owned());
        let mut lines = vec![TextLine::Heading(format!("At {}: {told}{outdated}", visible::text(server)))];
        lines.extend(missing.iter().map(|why| TextLine::Warning(format!("  {why}"))));
        let paths: BTreeSet<String> = self.diff.files.iter().map(|file| escape(&file.path)).collect();
        let is_at_line =
            |remark: &Remark| remark.note.line > 0 && !remark.note.is_outdated() && paths.contains(&remark.note.path);
        for remark in at_server(all).filter(|remark| !is_at_line(remark)) {
            let said = remark.said("");
            lines.extend(said.lines().map(|line| TextLine::Claim(format!("  {line}"))));
        }
        lines
    }

    fn rejections(&self) -> impl Iterator<Item = &Answerable> {
        let standing = self.findings.examination().and_then(|examination| examination.standing.as_ref());
        standing.into_iter().flat_map(|standing| &standing.to_answer)
    }

    /// The rejections that are in force, with their reasons.
    pub fn told_rejections(&self) -> Vec<TextLine> {
        let told = |one: &Answerable| {
            let what = match (one.is_veto, one.is_outdated) {
                (true, false) => "this change",
                (true, true) => "an earlier head of this change",
                (false, _) => "an earlier version of this, or another change of the same paths",
            };
            let (by, record) = (visible::text(&one.by), &one.record[..12]);
            TextLine::Warning(format!("{by} rejected {what} ({record}): “{}”", one.reason))
        };
        self.rejections().map(told).collect()
    }

    /// The text on the screen stays where it is.
    fn remark_on(&mut self, remarks: Vec<Remark>) {
        let at = self.anchor();
        let files = self.diff.files.iter().enumerate();
        let indices: HashMap<String, usize> = files.map(|(index, file)| (escape(&file.path), index)).collect();
        let (mut homes, mut strays): (HashMap<usize, Vec<usize>>, Vec<usize>) = Default::default();
        for (comment, remark) in remarks.iter().enumerate() {
            match indices.get(&remark.note.path) {
                Some(&index) => homes.entry(index).or_default().push(comment),
                None => strays.push(comment),
            }
        }
        let Colleagues { server, missing, .. } = self.line_facts.colleagues.clone();
        let now = Colleagues { all: Arc::new(remarks), server, missing, homes, strays };
        let before = std::mem::replace(&mut self.line_facts.colleagues, now);
        let first = self
            .document
            .order()
            .first()
            .filter(|_| before.has_strays() || self.line_facts.colleagues.has_strays())
            .copied();
        let homes = before.homes.keys().chain(self.line_facts.colleagues.homes.keys()).copied();
        self.document.make_stale(homes.chain(first));
        self.restore(at);
        self.follow();
        self.freshen();
    }

    /// Whether a colleague wrote at a file.
    pub(super) fn is_commented(&self, index: usize) -> bool {
        self.line_facts.colleagues.at(index, self.document.order().first() == Some(&index)).next().is_some()
    }
}
