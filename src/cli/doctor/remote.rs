//! `undersign doctor --remote`: what a remote allows for records, determined by trying.

use super::not_enforced;
use crate::ledger::{BRANCH_PREFIX, PREFIX};
use crate::source::git::Repository;
use crate::sync::probe::{Allowed, Guarantee};
use crate::sync::{Prompts, Remote};

pub fn run(name: &str, repository: &Repository) -> Result<u8, String> {
    let remote = Remote::find(repository, Some(name), Prompts::Allowed)?;
    let probe = format!("probe/{}", base16ct::lower::encode_string(&crate::random::random::<8>()?));
    outln!("{:<34}{:>8}{:>8}{:>9}{:>9}", remote.name, "create", "grow", "rewind", "delete");
    let mut best = (Guarantee::None, PREFIX);
    let mut left = Vec::new();
    for prefix in [PREFIX, BRANCH_PREFIX] {
        // Beside the chains, never among them.
        let place = prefix.trim_end_matches("decisions/");
        let (allowed, stays) = remote.probe(place, &probe)?;
        outln!("{}", row(prefix, allowed));
        left.extend(stays);
        if allowed.guarantee() < best.0 {
            best = (allowed.guarantee(), prefix);
        }
    }
    outln!("\n{}", verdict(best.0, best.1, &remote.name));
    for reference in left {
        outln!("The host let nobody remove the probe {reference}; it can stay.");
    }
    Ok(match best.0 {
        Guarantee::None => not_enforced(&format!("{} takes no records.", remote.name)),
        Guarantee::Kept | Guarantee::Noticed => 0,
    })
}

fn row(prefix: &str, allowed: Allowed) -> String {
    let word = |yes: bool| if yes { "yes" } else { "no" };
    format!(
        "{prefix:<34}{:>8}{:>8}{:>9}{:>9}",
        word(allowed.create),
        word(allowed.grow),
        word(allowed.rewind),
        word(allowed.delete)
    )
}

fn verdict(guarantee: Guarantee, prefix: &str, remote: &str) -> String {
    let what = match guarantee {
        Guarantee::Kept => "kept: the host itself refuses to rewind and delete records.",
        Guarantee::Noticed => {
            "noticed: whoever may write can make records vanish.\nSyncs, later signatures and the gate's memory notice it; a \
             rejection that nobody fetched before is lost.\nProtect the refs on the host where it can."
        }
        Guarantee::None => "none: the host takes no records. Exchange them with `undersign record export`.",
    };
    let branches = if prefix == BRANCH_PREFIX && guarantee != Guarantee::None {
        format!("\nUse branches there: git config remote.{remote}.undersignRefs branches")
    } else {
        String::new()
    };
    format!("Guarantee: {what}{branches}")
}
