//! How far a mistake would spread, by what the policy says of compartments, and the file of services of services.

use std::collections::BTreeSet;

use super::RepositorySnapshot;
use crate::change::diff::{Diff, FileDiff};
use crate::change::{RepoPath, visible};
use crate::policy::{Compartment, Criticality, Policy, Service, Services};
use crate::risk::{BlastClass, BlastReason, PackageReach};

/// How far a mistake in each path would spread, by what the policy says of its compartments, and the file of services
/// of its services: of the path itself, and of the packages that depend on its package.
pub(super) fn depended_on(snapshot: &RepositorySnapshot, diff: &Diff, packages: &[PackageReach]) -> Vec<BlastReason> {
    let paths = || diff.files.iter().flat_map(FileDiff::paths);
    let of = |path: &RepoPath| {
        let mut reasons: Vec<BlastReason> =
            snapshot.policy().map(|policy| of_compartments(policy, path)).unwrap_or_default();
        reasons.extend(snapshot.services.iter().flat_map(|services| of_services(services, path)));
        reasons
    };
    let mut reasons: Vec<BlastReason> = paths().flat_map(of).collect();
    for package in packages {
        let needed = package.needed_by.iter().flat_map(|(name, folder)| {
            // What holds any name below its folder holds the package.
            let inside = RepoPath([&folder.0[..], b"/\xEF\xBF\xBD"].concat());
            of(&inside).into_iter().map(move |reason| (name, reason))
        });
        // One class less than what belongs there itself.
        let lower = |class: BlastClass| match class {
            BlastClass::B4 => Some(BlastClass::B3),
            BlastClass::B3 => Some(BlastClass::B2),
            _ => None,
        };
        let reason = |(name, BlastReason { class, sentence, .. }): (&String, BlastReason)| {
            let sentence = format!("is needed by {name}, which {sentence}");
            Some(BlastReason { class: lower(class)?, sentence, path: package.path.clone() })
        };
        // Of a service, the first package says enough.
        let mut told = BTreeSet::new();
        reasons.extend(needed.filter(|(_, reason)| told.insert(reason.sentence.clone())).filter_map(reason));
    }
    // Any path may be one of a service on which all depends.
    reasons.extend(snapshot.services.as_ref().err().into_iter().flat_map(|mistakes| {
        let sentence = format!("may belong to any service: {}", visible::text(&mistakes.brief()));
        paths().map(move |path| BlastReason { class: BlastClass::B3, sentence: sentence.clone(), path: path.clone() })
    }));
    reasons
}

fn of_compartments(policy: &Policy, path: &RepoPath) -> Vec<BlastReason> {
    let reason = |compartment: &Compartment| {
        let (class, place) = match compartment.criticality {
            Criticality::Critical => (BlastClass::B4, "is in a critical compartment"),
            Criticality::High => (BlastClass::B3, "is in a compartment of high criticality"),
            Criticality::Normal | Criticality::Low => return None,
        };
        Some(BlastReason { class, sentence: format!("{place}: {}", compartment.name), path: path.clone() })
    };
    policy.compartments_of(path).into_iter().filter_map(reason).collect()
}

/// Services that matter little are told, and widen nothing: what they hold is at least one package.
fn of_services(services: &Services, path: &RepoPath) -> Vec<BlastReason> {
    let reason = |service: &Service| {
        let class = match service.tier {
            0 | 1 => BlastClass::B4,
            2 => BlastClass::B3,
            _ => BlastClass::B1,
        };
        let sentence = format!("belongs to {}, tier {}", service.name, service.tier);
        BlastReason { class, sentence, path: path.clone() }
    };
    services.of(path).into_iter().map(reason).collect()
}
