//! When the draft of the open review is written, and what another desk wrote into it.

use super::review::Review;
use super::{Effect, Screen, State};
use crate::decision::Draft;

/// Every change of a draft is written to disk.
pub fn save_if_changed(state: &mut State, before: &Draft) -> Vec<Effect> {
    match &mut state.screen {
        Screen::Review(review) if review.work.draft != *before && !review.work.read_only => save(review),
        _ => Vec::new(),
    }
}

/// Writes what was done to the draft since it was last written or read.
pub fn save(review: &mut Review) -> Vec<Effect> {
    let shown = review.partly_shown();
    let (base, draft) = review.work.to_write(shown);
    vec![Effect::SaveDraft { snapshot: review.snapshot.clone(), base: Box::new(base), draft }]
}

/// The draft on disk, which another desk of the same person may have changed. It is not merged while an overlay depends
/// on the present draft: the next write returns it again.
pub fn saved(state: &mut State, written: &Draft, merged: &Draft) {
    let Some(told) = Draft::told(written, merged) else { return };
    if state.overlay.is_none()
        && let Screen::Review(review) = &mut state.screen
        && review.work.draft.change == written.change
        && !review.work.read_only
    {
        review.take_over(written, merged);
    }
    state.status = Some(told);
}
