//! Updates the state with what workers found. Late answers to earlier questions are dropped.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::queue::{Entry, without_policy};
use super::review::Review;
use super::review::parts::{ChangePart, View};
use super::sign::Advice;
use super::{
    Effect, Event, Listing, Opened, Overlay, Remarked, Screen, State, Synced, Text, authorize, history, reading, saving,
};
use crate::change::{Change, counted, visible};
use crate::decision::Verdict;
use crate::delivery::Receipt;
use crate::examination::comments::Remark;
use crate::examination::{self, RepositorySnapshot};
use crate::gate::{Answerable, Reason, advice};
use crate::signing::SigningError;
use crate::source::server::{CommentCount, Told};

pub fn arrived(state: &mut State, event: Event) -> Vec<Effect> {
    match event {
        Event::Listed { repository, result } => listed(state, repository, result),
        Event::Examined { id, result } => {
            let me = me_for(state, &id);
            state.queue.examined(&id, result, me.as_deref(), state.now);
            Vec::new()
        }
        Event::History { history, problems } => {
            history::arrived(state, history, &problems);
            Vec::new()
        }
        Event::Claimed { repository, result } => claimed(state, repository, result),
        Event::Learning { repository, progress } => {
            state.queue.learning(repository, Some(progress));
            Vec::new()
        }
        Event::Learned { repository, result } => learned(state, repository, result),
        Event::DraftSaved { written, result } => {
            match result {
                Ok(merged) => saving::saved(state, &written, &merged),
                Err(why) => state.status = Some(why),
            }
            Vec::new()
        }
        Event::Came { id, told } => {
            state.queue.came(&id, told);
            Vec::new()
        }
        Event::Written(result) => {
            super::prompt::written(state, result);
            Vec::new()
        }
        Event::Told(sentence) => {
            state.status = Some(sentence);
            Vec::new()
        }
        Event::Opened { ticket, result } => opened(state, ticket, result),
        Event::Watched { head, moved } => {
            reading::watched(state, head, moved);
            Vec::new()
        }
        Event::Renewed { ticket, result } => renewed(state, ticket, result),
        Event::Synced { repository, result } => synced(state, repository, result),
        Event::Answered { server, result, is_fresh } => answered(state, &server, result, is_fresh),
        Event::Fetched { repository, name, result } => fetched(state, repository, &name, result),
        Event::Command(event) => authorize::arrived(state, event),
        other => for_review(state, other),
    }
}

fn me_for(state: &State, id: &str) -> Option<String> {
    let entry = state.queue.entry(id)?;
    let snapshot = state.queue.snapshot(&entry.change)?;
    state.me(snapshot).map(|person| person.id.clone())
}

/// What can be known before signing the open change.
pub fn advise(state: &State) -> Advice {
    if !matches!(state.overlay, Some(Overlay::Sign(_))) {
        return Advice::default();
    }
    let Screen::Review(review) = &state.screen else { return Advice::default() };
    let standing = review.findings.examination().and_then(|examination| examination.standing.as_ref());
    let mut refusals = refusals(review);
    refusals.extend(lands_elsewhere(state, review));
    let snapshot = state.queue.snapshot(&review.change);
    let (Some(standing), Some(snapshot), Some(policy)) =
        (standing, snapshot, snapshot.and_then(|snapshot| snapshot.policy()))
    else {
        let unsignable = snapshot.and_then(|snapshot| without_policy(snapshot));
        return Advice { unsignable, ..Advice::default() };
    };
    let me = state.me(snapshot).filter(|me| me.kind == crate::policy::PersonKind::Human);
    let is_me = |id: &str| state.me(snapshot).is_some_and(|me| me.id == id);
    let holds = |role: &String| me.is_some_and(|me| me.roles.contains(role));
    let mut emergency_slots = policy.break_glass.iter().flat_map(|terms| &terms.sign);
    let vetoes: (Vec<Answerable>, Vec<Answerable>) =
        standing.to_answer.iter().filter(|one| one.is_veto).cloned().partition(|one| is_me(&one.by));
    let could_end = |one: &Answerable| {
        let could = advice::could_end(policy, standing, &one.by, state.now);
        could.into_iter().filter(|id| *id != one.by).collect::<Vec<_>>()
    };
    let coded = |reason: &Reason| format!("{}: {}", reason.code, reason.detail);
    let cooling = advice::cooling(policy, standing);
    let left_open = state.queue.entry(&review.change.id).and_then(|entry| entry.ask.left_open());
    let left_open = left_open.map(|left| format!("Not all of this can be signed now: {left}."));
    let enders: BTreeSet<String> = vetoes.1.iter().flat_map(could_end).collect();
    Advice {
        enders: enders.into_iter().collect(),
        mute: advice::mute(policy, state.my_key(snapshot), state.now),
        refusals,
        delays: advice::delays(standing).into_iter().map(coded).collect(),
        remarks: advice::hidden(standing)
            .chain(advice::remarks(standing))
            .map(coded)
            .chain(left_open)
            .chain(cooling)
            .collect(),
        vetoes,
        unsignable: None,
        needs: advice::needs(policy, standing, state.now),
        futile: advice::futile(policy, standing, state.my_key(snapshot), state.now),
        answers: standing.to_answer.iter().filter(|answerable| !answerable.is_veto).cloned().collect(),
        may_claim: policy.ai.human_only_by.iter().any(holds),
        may_break_glass: emergency_slots.any(|slot| holds(&slot.role)) && !standing.is_allowed(),
    }
}

/// Why an approval could not be sent to the server of the open change: it would land it on another branch.
fn lands_elsewhere(state: &State, review: &Review) -> Option<String> {
    let info = state.queue.entry(&review.change.id)?.request_info.as_ref()?;
    let other = visible::text(info.other_target(&review.change)?);
    let target = &review.change.target;
    let target = visible::text(target.strip_prefix("refs/heads/").unwrap_or(target));
    let request = info.pending.request.sign();
    Some(format!(
        "Its server would land {request} on {other}, and here it is compared with {target}: an approval could not be \
         sent. Review it once it is a request for {target}."
    ))
}

/// Why the open change cannot land, as far as is known by now.
fn refusals(review: &Review) -> Vec<String> {
    review
        .findings
        .examination()
        .into_iter()
        .flat_map(|examination| examination::refusals(&review.snapshot, examination))
        .collect()
}

fn listed(state: &mut State, repository: usize, result: Result<Box<Listing>, String>) -> Vec<Effect> {
    let before = state.queue.at_servers.get(&repository).cloned();
    let mut effects = Vec::new();
    match result {
        Ok(listing) => {
            // What an earlier session could not send. After that, failed deliveries are retried automatically.
            if listing.undelivered > 0 && state.deliveries.of(repository).is_none() {
                effects.extend(state.deliveries.send(repository, &listing.snapshot).map(Effect::Command));
            }
            let me = state.me(&listing.snapshot).map(|person| person.id.clone());
            if matches!(state.screen, Screen::Queue) {
                state.queue.hold();
            }
            state.queue.listed(repository, *listing, me.as_deref(), state.now);
            state.claiming.listed(repository);
            authorize::renew_open(state);
        }
        Err(why) => state.queue.failed(repository, why),
    }
    let Some(before) = before else { return effects };
    // A server on another host was queried before it was known that it has this repository.
    let now = state.queue.at_servers.get(&repository).into_iter().flatten();
    let new: Vec<&str> = now.filter(|it| !before.contains(it)).map(|(server, _)| server.as_str()).collect();
    effects.extend(super::input::ask(state, |server| new.contains(&server)));
    effects
}

/// The results from history are kept where a listing finds them.
fn learned(state: &mut State, repository: usize, result: Result<bool, String>) -> Vec<Effect> {
    state.queue.learning(repository, None);
    let is_new = result.unwrap_or_else(|why| {
        state.status = Some(format!("The queue is ordered without history: {why}"));
        false
    });
    let path = state.paths.get(repository).filter(|_| is_new).cloned();
    path.map(|path| Effect::List { repository, path }).into_iter().collect()
}

fn synced(state: &mut State, repository: usize, result: Result<Synced, String>) -> Vec<Effect> {
    let are_new = result.as_ref().is_ok_and(|synced| synced.report.fetched > 0);
    match result {
        Ok(Synced { route, report, receipt }) => {
            let told = [&[format!("{route}: {report}")], &receipt.done[..]].concat().join("; ");
            let mut alarms = report.alarms;
            alarms.extend(receipt.left);
            let first = alarms.first().map(|alarm| format!("{alarm} (all of it when you leave)"));
            state.status = Some(first.unwrap_or(told));
            state.alarms.extend(alarms);
        }
        Err(why) => state.status = Some(why),
    }
    listed_and_judged(state, repository, are_new)
}

/// The queue reads a repository again; if decisions of others may have arrived, so does the open change of it.
fn listed_and_judged(state: &State, repository: usize, are_new: bool) -> Vec<Effect> {
    let list = state.paths.get(repository).cloned().map(|path| Effect::List { repository, path });
    let open = match &state.screen {
        Screen::Review(open) => Some(state.aside.as_deref().unwrap_or(open)),
        Screen::Queue | Screen::Command(_) => None,
    };
    let open = open.filter(|open| are_new && open.change.repository == repository);
    list.into_iter().chain(open.map(judge)).collect()
}

fn fetched(state: &mut State, repository: usize, name: &str, result: Result<bool, String>) -> Vec<Effect> {
    state.queue.fetching.remove(&repository);
    let is_new = match result {
        Ok(is_new) => {
            state.queue.fetched.insert(repository, state.now);
            let news = if is_new { "there is news" } else { "nothing new" };
            state.status = Some(format!("fetched from the remotes of {name}: {news}"));
            is_new
        }
        // Some of several remotes may have answered.
        Err(why) => {
            state.status = Some(format!("{name} is listed as before: {why}"));
            true
        }
    };
    if is_new { listed_and_judged(state, repository, true) } else { Vec::new() }
}

/// A server answered, or its last answer was read from disk; the listed requests are fetched next.
fn answered(state: &mut State, name: &str, result: Result<Arc<Told>, String>, is_fresh: bool) -> Vec<Effect> {
    let problem = result.as_ref().err().map(|why| format!("{}: {why}", visible::text(name)));
    let is_known = state.queue.answered(name, result, state.now);
    if problem.is_some() {
        state.status = problem;
        return Vec::new();
    }
    let here = state.queue.at_servers.iter().filter(|(_, at)| at.iter().any(|(server, _)| server == name));
    let bring = |(repository, _): (&usize, _)| {
        let snapshot = state.queue.ready(*repository)?.clone();
        Some(Effect::Bring { repository: *repository, snapshot, server: name.to_owned() })
    };
    if is_known && is_fresh { here.filter_map(bring).collect() } else { Vec::new() }
}

/// The open change was found as it is now: it is opened, and the queue reads it too.
fn renewed(
    state: &mut State,
    ticket: u64,
    result: Result<(Arc<RepositorySnapshot>, Arc<Change>), String>,
) -> Vec<Effect> {
    if ticket != state.ticket {
        return Vec::new();
    }
    match result {
        Ok((snapshot, change)) => {
            let repository = change.repository;
            let list = state.paths.get(repository).filter(|_| !state.only_review).cloned();
            let list = list.map(|path| Effect::List { repository, path });
            let open = Effect::Open { ticket, snapshot, change, read_only: false };
            std::iter::once(open).chain(list).collect()
        }
        Err(why) => {
            state.status = Some(why);
            Vec::new()
        }
    }
}

/// The list is read again: who is asked depends on who has claimed what.
fn claimed(state: &mut State, repository: usize, result: Result<Option<i64>, String>) -> Vec<Effect> {
    state.claiming.done(repository, result.is_ok());
    let sync = state.keymap.first(super::action::Action::Sync);
    let has_remote = state.queue.outbox.contains_key(&repository);
    let others = if has_remote { format!("; {sync} shares it") } else { String::new() };
    let (told, is_changed) = match result {
        Ok(Some(_)) => (format!("claimed for 24 hours{others}"), true),
        Ok(None) => (format!("given back{others}"), true),
        Err(why) => (why, false),
    };
    state.status = Some(told);
    let path = state.paths.get(repository).filter(|_| is_changed && !state.only_review).cloned();
    path.map(|path| Effect::List { repository, path }).into_iter().collect()
}

fn opened(state: &mut State, ticket: u64, result: Result<Box<Opened>, String>) -> Vec<Effect> {
    if ticket != state.ticket {
        return Vec::new();
    }
    match result {
        Ok(opened) => {
            let Opened { snapshot, change, diff, draft, saved, renamed, draft_problem, read_only } = *opened;
            let head = change.revision.head.to_string();
            let is_moved = draft.as_ref().is_some_and(|draft| draft.head != head);
            (state.moved, state.watched) = (None, state.now);
            let mut review = Review::new(ticket, change.clone(), snapshot.clone(), diff.clone(), draft, read_only);
            review.text_cache.room = state.room;
            saved.into_iter().for_each(|saved| review.work.saved_as(saved));
            state.status = None;
            if is_moved {
                let again = state.keymap.first(super::action::Action::Again);
                let told = match renamed {
                    0 if !review.work.carries_anything_over() => "The branch moved since you were here",
                    0 => "The branch moved; marks of what stayed are kept",
                    1 => "A file was renamed: mark its first hunk again",
                    _ => "Files were renamed: mark the first hunk of each again",
                };
                state.status = Some(format!("{told}; {again} shows what came."));
            }
            let notes = &review.work.draft.notes;
            let outdated = notes.iter().filter(|note| note.is_outdated()).count();
            let back = notes.iter().filter(|note| note.is_back()).count();
            if outdated > 0 {
                let on_files = notes.iter().filter(|note| note.is_outdated() && note.line == 0).count();
                let told = match (outdated, back) {
                    (1, _) if on_files == 1 => "One note is outdated: its file no longer exists.".to_owned(),
                    (n, _) if on_files > 0 => {
                        format!("{n} notes are outdated: the lines or files that they were about are gone.")
                    }
                    (1, 0) => "One note is outdated: the line that it was about is gone.".to_owned(),
                    (1, _) => "One note is outdated: the removed line that it was about is there again.".to_owned(),
                    (n, 0) => format!("{n} notes are outdated: the lines that they were about are gone."),
                    (n, _) => {
                        format!("{n} notes are outdated: the lines that they were about are gone or there again.")
                    }
                };
                state.status = Some(state.status.take().map_or(told.clone(), |said| format!("{told} {said}")));
            }
            // What became of what a person wrote comes before what else there is to say.
            state.status = match (draft_problem, state.status.take()) {
                (Some(first), Some(then)) => Some(format!("{first} {then}")),
                (one, other) => one.or(other),
            };
            let order = review.document.order().to_vec();
            state.screen = Screen::Review(Box::new(review));
            state.aside = None;
            let (shape, room) = (state.look.shape(state.diff_width()), state.room);
            let (asked, about) = (!state.queue.servers.is_empty(), (snapshot.clone(), change.clone(), diff.clone()));
            let (own, at, lines) = about;
            let ask = asked.then_some(Effect::Remarks { ticket, snapshot: own, change: at, diff: lines });
            let read = Effect::Read { ticket, snapshot, change, diff, order, shape, room };
            std::iter::once(read).chain(ask).collect()
        }
        Err(why) => {
            state.status = Some(why);
            Vec::new()
        }
    }
}

/// Events of an open review.
fn for_review(state: &mut State, event: Event) -> Vec<Effect> {
    match event {
        Event::Compared { ticket, index, result } => {
            let told = state.review_of(ticket).and_then(|review| review.compared(index, result));
            state.status = told.or(state.status.take());
            reading::sheet_goes_on(state);
        }
        Event::Kinds { ticket, kinds } => {
            if let Some(review) = state.review_of(ticket) {
                review.know_kinds(kinds);
            }
        }
        Event::ReviewExamined { ticket, result } => {
            if let Some(review) = state.review_of(ticket) {
                match result {
                    Ok(examination) => {
                        review.examined(examination);
                        // Before anything is read in vain.
                        if let Some(why) = refusals(review).first().filter(|_| !review.work.read_only) {
                            let told = format!("No signature makes this land. {why}");
                            state.status = state.status.take().or(Some(told));
                        }
                    }
                    Err(why) => {
                        review.not_examined();
                        state.status = Some(why);
                    }
                }
                reading::renew_sheet(state);
                reading::sheet_goes_on(state);
            }
        }
        Event::DecisionsRead { ticket, snapshot } => {
            if let Some(review) = state.review_of(ticket) {
                review.snapshot = snapshot;
            }
        }
        Event::Traced { ticket, moves, attribution } => {
            if let Some(review) = state.review_of(ticket) {
                let inside = moves.are_inside_of_files();
                (review.line_facts.moves, review.line_facts.attribution) = (moves, attribution);
                if inside {
                    let told =
                        "The change is too large to look for lines that moved from file to file: only inside of each.";
                    state.status = state.status.take().or(Some(told.to_owned()));
                }
            }
        }
        Event::Remarked { ticket, result } => return remarked(state, ticket, result),
        Event::Rejected { ticket, remarks } => rejected(state, ticket, remarks),
        Event::Replied { ticket, result } => return replied(state, ticket, result),
        Event::Tested { ticket, coverage } => {
            let told = coverage.told();
            if let Some(review) = state.review_of(ticket) {
                review.line_facts.tested = coverage;
                state.status = Some(told);
            }
        }
        Event::Highlighted { ticket, index, file, colours } => {
            if let Some(review) = state.review_of(ticket) {
                review.coloured(index, &file, colours);
            }
        }
        Event::Found { ticket, found } => {
            let told = state.review_of(ticket).and_then(|review| review.found(found));
            state.status = told.or(state.status.take());
        }
        Event::Viewed { ticket, part, result } if ticket == state.ticket => viewed(state, part, result),
        Event::Ranged { ticket, result } if ticket == state.ticket => match result {
            Ok(lines) => {
                let title = "the commits of the revision before, and of this one".to_owned();
                state.overlay = Some(Overlay::Text(Box::new(Text { title, lines, scroll: 0 })));
            }
            Err(why) => state.status = Some(why),
        },
        Event::Paths { ticket, result } if state.review_of(ticket).is_some() => match result {
            Ok(paths) => reading::choose_path(state, &paths),
            Err(why) => state.status = Some(why),
        },
        Event::Prepared { ticket, sheet: number, result } if state.review_of(ticket).is_some() => {
            if let Some(Overlay::Sign(sheet)) = &mut state.overlay {
                let told = sheet.ceremony.prepared(number, result);
                close_sheet(state, told);
            }
        }
        Event::Signed { ticket, sheet, snapshot, result } => {
            return signed(state, (ticket, sheet), &snapshot, result);
        }
        _ => {}
    }
    Vec::new()
}

/// A server said what is written about the open change.
fn remarked(state: &mut State, ticket: u64, result: Result<Option<Box<Remarked>>, String>) -> Vec<Effect> {
    if state.review_of(ticket).is_none() {
        return Vec::new();
    }
    let Remarked { server, remarks, reports, missing } = match result {
        Ok(Some(remarked)) => *remarked,
        Ok(None) => return Vec::new(),
        Err(why) => {
            let told = format!("What others wrote there is not here. {why}");
            state.status = state.status.take().or(Some(told));
            return Vec::new();
        }
    };
    // What became of the change or of what the person wrote comes first.
    if let Some(first) = missing.first() {
        state.status = state.status.take().or(Some(first.clone()));
    } else if let Some(told) = CommentCount::of(remarks.iter().map(|remark| remark.is_resolved)).told() {
        let told = format!("{}: {told}", visible::text(&server));
        state.status = state.status.take().or(Some(told));
    }
    let Some(review) = state.review_of(ticket) else { return Vec::new() };
    review.commented(server, remarks, missing);
    let read = review.comment_count().map(|count| (review.change.id.clone(), count));
    let (snapshot, change, diff) = (review.snapshot.clone(), review.change.clone(), review.diff.clone());
    if let Some((id, count)) = read {
        state.queue.commented(id, count);
    }
    let is_news = reports.iter().any(|report| !report.runs.is_empty() || !report.remarks.is_empty());
    is_news.then_some(Effect::Reexamine { ticket, snapshot, change, diff, reports }).into_iter().collect()
}

/// Rejections of the open change are in force, and these are their notes.
fn rejected(state: &mut State, ticket: u64, remarks: Vec<Remark>) {
    let why = state.keymap.first(super::action::Action::Intent);
    let Some(review) = state.review_of(ticket) else { return };
    let notes = match remarks.len() {
        0 => String::new(),
        n => format!(", with {} here", counted(n, "note")),
    };
    let told = review.rejected_by().map(|who| format!("{who}{notes}: {why} says why."));
    review.rejected(remarks);
    state.status = state.status.take().or(told);
}

/// The server has an answer to a comment, or it is kept to be sent: what is written there is read again.
fn replied(state: &mut State, ticket: u64, result: Result<Receipt, String>) -> Vec<Effect> {
    state.status = Some(match result {
        Err(why) => why,
        Ok(Receipt { left, .. }) if !left.is_empty() => left.join(" "),
        Ok(Receipt { done, .. }) => done.join(" "),
    });
    let Some(review) = state.review_of(ticket) else { return Vec::new() };
    let (snapshot, change, diff) = (review.snapshot.clone(), review.change.clone(), review.diff.clone());
    vec![Effect::Remarks { ticket, snapshot, change, diff }]
}

/// A part of the change has arrived: it is shown instead of the whole change, which is kept.
fn viewed(state: &mut State, part: ChangePart, result: Result<Box<View>, String>) {
    // A commit without anything to show is a page that says so: the title names the commit that is on the screen.
    let is_page = |view: &View| !view.diff.files.is_empty() || matches!(part, ChangePart::Commit(_));
    let view = result.and_then(|view| if is_page(&view) { Ok(*view) } else { Err(view.told.join(" ")) });
    let view = match (view, &mut state.screen) {
        (Ok(view), _) => view,
        (Err(why), Screen::Review(open)) => {
            state.status = Some(open.pass(part, &why));
            return;
        }
        (Err(_), _) => return,
    };
    reading::back_to_all(state);
    let Screen::Review(whole) = &mut state.screen else { return };
    let part = Box::new(Review::of_part(whole, part, view, state.ticket));
    state.aside = Some(std::mem::replace(whole, part));
}

fn close_sheet(state: &mut State, told: Option<String>) {
    if told.is_some() {
        state.overlay = None;
        state.status = told;
    }
}

/// The answer of the signing lane. What was signed is reported, whatever is on the screen by then.
fn signed(
    state: &mut State,
    (ticket, number): (u64, u64),
    snapshot: &RepositorySnapshot,
    result: Result<String, SigningError>,
) -> Vec<Effect> {
    state.sitting.was_right(result.is_ok());
    let mut effects = Vec::new();
    if let Ok(record) = &result {
        state.signed.push((snapshot.root.clone(), record.clone()));
        effects.extend(decided(state, ticket));
    }
    match &mut state.overlay {
        Some(Overlay::Sign(sheet)) if sheet.ceremony.waits_for(number) => {
            let told = sheet.ceremony.signed(result);
            close_sheet(state, told);
        }
        _ => state.status = Some(authorize::told_late("The decision", &result)),
    }
    effects
}

/// The draft has become the record.
fn decided(state: &mut State, ticket: u64) -> Vec<Effect> {
    let signed = match &state.overlay {
        Some(Overlay::Sign(sheet)) => sheet.ceremony.signing().map(|verdict| (verdict, sheet.signs_notes(verdict))),
        _ => None,
    };
    let (verdict, notes_are_signed) = signed.unzip();
    let Some(review) = state.review_of(ticket) else { return Vec::new() };
    review.decided(verdict != Some(Verdict::Withdraw), notes_are_signed == Some(true));
    let (repository, path) = (review.change.repository, review.snapshot.root.clone());
    let mut effects = saving::save(review);
    effects.push(judge(review));
    // The queue then selects the next change, instead of following this one to its new position.
    state.queue.selected = None;
    if !state.only_review {
        effects.push(Effect::List { repository, path });
    }
    effects
}

/// Judges the open change by the decisions that are here now: one was added, or some came from a remote.
fn judge(review: &Review) -> Effect {
    let (snapshot, change, diff) = (review.snapshot.clone(), review.change.clone(), review.diff.clone());
    Effect::Judge { ticket: review.ticket, snapshot, change, diff }
}

/// What the screen still needs: examinations of the queue, texts near the reader's position, colours of visible lines,
/// and lines that are searched for.
pub fn wanted(state: &mut State) -> Vec<Effect> {
    let mut effects = examinations(state);
    let waiting = state.queue.next_to_remember();
    effects.extend(waiting.map(|(snapshot, pending, since)| Effect::KeepWaiting { snapshot, pending, since }));
    effects.extend(state.queue.next_to_learn().map(|(repository, snapshot, changes)| Effect::Learn {
        repository,
        snapshot,
        changes,
    }));
    let Screen::Review(review) = &mut state.screen else { return effects };
    let (ticket, shape) = (review.ticket, review.document.shape());
    for index in review.wanted_texts() {
        let (snapshot, file) = (review.snapshot.clone(), review.diff.files[index].clone());
        effects.push(Effect::Compare { ticket, snapshot, index, file, shape });
    }
    let colours = review.wanted_colours().into_iter();
    effects.extend(colours.map(|(index, file, until)| Effect::Highlight { ticket, index, file, until }));
    effects.extend(review.wanted_search());
    effects
}

/// The changes of the queue to examine next. Examinations continue while somebody reads.
fn examinations(state: &mut State) -> Vec<Effect> {
    let page = state.page();
    let next = state.queue.next_to_examine(page);
    let queue = &state.queue;
    let examine = |at: usize| {
        let Entry { change, again, .. } = &queue.entries[at];
        let snapshot = queue.snapshot(change)?.clone();
        let then = again.as_ref().map(|again| again.then.clone());
        Some(Effect::Examine { snapshot, change: change.clone(), then })
    };
    next.into_iter().filter_map(examine).collect()
}
