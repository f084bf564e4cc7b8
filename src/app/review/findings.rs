//! What the rules found in the open change, by the files that it is in, and whether it is shown yet.

use std::collections::HashMap;
use std::sync::Arc;

use crate::change::diff::Diff;
use crate::examination::Examination;
use crate::risk::Finding;

/// Findings are named by their indices in the list of the examination. Keys, homes and places run beside that list, so
/// they come from the examination and from nowhere else.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    examination: Option<Arc<Examination>>,
    /// Keys of all findings: a key costs a digest.
    keys: Vec<String>,
    /// For each, the file that counts it: a finding with places in several files counts once.
    homes: Vec<Option<usize>>,
    /// By index of the file: its findings, and for each its place in this file.
    places: HashMap<usize, Vec<(usize, usize)>>,
    /// Findings stay hidden until a first pass is done.
    pub blind: bool,
    /// The rules could not finish.
    pub is_failed: bool,
}

impl Findings {
    /// Rules and policy have finished.
    pub(super) fn arrive(&mut self, examination: Arc<Examination>, diff: &Diff) {
        let findings = &examination.assessment.findings;
        let files = diff.files.iter().enumerate();
        // A path may be moved away and added again: findings on it belong to the new file.
        let paths: HashMap<_, _> =
            files.clone().filter_map(|(index, file)| Some((file.from.as_ref()?, index))).collect();
        let paths: HashMap<_, _> = paths.into_iter().chain(files.map(|(index, file)| (&file.path, index))).collect();
        self.places.clear();
        self.homes = vec![None; findings.len()];
        for (at, finding) in findings.iter().enumerate() {
            for (place, location) in finding.locations().enumerate() {
                let Some(&index) = paths.get(&location.path) else { continue };
                self.places.entry(index).or_default().push((at, place));
                self.homes[at].get_or_insert(index);
            }
        }
        self.keys = findings.iter().map(Finding::key).collect();
        self.examination = Some(examination);
    }

    /// What rules and policy say of the change; none until they have finished.
    pub fn examination(&self) -> Option<&Arc<Examination>> {
        self.examination.as_ref()
    }

    pub fn all(&self) -> &[Finding] {
        self.examination.as_ref().map_or(&[], |examination| &examination.assessment.findings)
    }

    pub fn get(&self, finding: usize) -> Option<&Finding> {
        self.all().get(finding)
    }

    pub fn key(&self, finding: usize) -> Option<&String> {
        self.keys.get(finding)
    }

    /// All of them with their keys.
    pub(super) fn keyed(&self) -> impl Iterator<Item = (&Finding, &String)> {
        self.all().iter().zip(&self.keys)
    }

    /// Where the findings are in a file: by their indices, and in their own list of places.
    pub(super) fn places_in(&self, index: usize) -> &[(usize, usize)] {
        self.places.get(&index).map_or(&[], Vec::as_slice)
    }

    pub(super) fn are_in(&self, index: usize) -> bool {
        self.places.contains_key(&index)
    }

    pub(super) fn is_in(&self, finding: usize, index: usize) -> bool {
        self.places_in(index).iter().any(|(at, _)| *at == finding)
    }

    /// The findings of a file, gravest first and each once, with their indices.
    pub fn in_file(&self, index: usize) -> impl Iterator<Item = (usize, &Finding)> {
        let first_here = self.places_in(index).chunk_by(|a, b| a.0 == b.0).filter_map(|same| same.first());
        first_here.filter_map(|&(at, _)| Some((at, self.get(at)?)))
    }

    /// The findings that a file counts.
    pub(super) fn counted_in(&self, index: usize) -> impl Iterator<Item = (usize, &Finding)> {
        self.in_file(index).filter(move |(at, _)| self.homes.get(*at) == Some(&Some(index)))
    }
}
