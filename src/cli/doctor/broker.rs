//! `undersign doctor --broker`: which level a broker proves for each of its targets, and what else keeps it from
//! running anything.

use std::path::Path;

use super::Finding::{Bad, Good, Note};
use super::{Finding, tell};
use crate::broker::examine::{Examined, Found, examine};

pub(super) fn run(dir: &Path) -> Result<u8, String> {
    let Examined { about, found } = examine(dir)?;
    outln!("{about}");
    let finding = |found: Found| -> Finding {
        match found {
            Found::Good(text) => Good(text),
            Found::Note(text) => Note(text),
            Found::Bad(text) => Bad(text),
        }
    };
    Ok(tell(&found.into_iter().map(finding).collect::<Vec<_>>()))
}
