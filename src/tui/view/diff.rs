//! Rows of the reader as lines of styled text, unified or side by side.

use std::ops::Range;

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr as _;

use super::kept::Kept;
use super::paint::{Line, Paint, clip, clip_folders, fold};
use super::queue::severity_role;
use crate::app::action::Action;
use crate::app::keymap::Keymap;
use crate::app::review::Review;
use crate::app::review::layout::Cells;
use crate::app::review::rows::inventory::blanks_only;
use crate::app::review::rows::text::{pieces, window};
use crate::app::review::rows::{
    ByteRange, Half, Row, answer_lines, behind_title, between, bytes_of, comment_lines, detail, note_lines,
    omission_lines, pairs, place_of_all, sentence_lines, title_is_cut,
};
use crate::change::compare::{Block, Hunk, Line as DiffLine, word_spans};
use crate::change::counted;
use crate::change::manifest::escape;
use crate::change::moved::{Fidelity, Move};
use crate::examination::FileMaterial;
use crate::highlight::{Token, TokenClass};
use crate::tui::theme::Role;

pub fn draw(review: &Review, keymap: &Keymap, area: Rect, paint: &mut Paint<'_>, kept: &mut Kept) {
    if review.diff.files.is_empty() {
        return draw_nothing(review, area, paint);
    }
    let (answer, alike) = (keymap.first(Action::Answer), keymap.first(Action::Alike));
    let mut painter = Painter { review, answer, alike, width: usize::from(area.width), block: None };
    let selected = review.selected_rows();
    for screen in 0..area.height {
        let at = review.viewport.scroll() + usize::from(screen);
        let Some((position, row)) = review.document.locate(at) else {
            paint.line(area, screen, Line::new());
            continue;
        };
        let is_cursor = at == review.viewport.cursor();
        let mark = if is_cursor {
            "▸"
        } else if selected.contains(&at) {
            "┃"
        } else {
            " "
        };
        let is_plain = mark == " ";
        let (place, on) = ((position, row), (area, screen));
        let shown = (review.document.row(position, row), review.document.read_at(position).is_some());
        if is_plain && kept.row(place, shown, on, paint) {
            continue;
        }
        let drawn = painter.row(position, row, mark);
        paint.line(area, screen, drawn.line);
        // The numbers of a line show the cursor, on both sides: removed and added lines keep their background, and a
        // slow terminal need not draw a whole line again when the cursor leaves it.
        let cells = review.document.rows()[position].cells;
        let end = if drawn.is_line { 1 + cells.numbers as u16 } else { area.width };
        for (columns, role) in drawn.grounds {
            paint.ground(area, columns, screen, role);
        }
        if is_plain {
            kept.keep_row(place, shown, on, paint);
        }
        if is_cursor {
            paint.ground(area, 0..end, screen, Role::Selected);
            if drawn.is_line && cells.halves {
                let right = review.document.shape().half() as u16 + 1;
                paint.ground(area, right..right + cells.numbers as u16, screen, Role::Selected);
            }
        }
    }
}

/// There is no file: what was found in the commits is told here, since no line shows it.
fn draw_nothing(review: &Review, area: Rect, paint: &mut Paint<'_>) {
    let width = usize::from(area.width).saturating_sub(2);
    if review.part.shown().is_some() {
        let told = match review.part.told() {
            [] => "Nothing differs here.".to_owned(),
            told => told.join(" "),
        };
        paint.clear(area);
        for (row, text) in (0..area.height).zip(fold(&told, width)) {
            paint.line(area, row, Line::new().add(Role::Muted, &format!(" {text}")));
        }
        return;
    }
    let commits = counted(review.change.revision.commits.len(), "commit");
    let why = format!(
        "No file differs, so there is nothing to read: its {commits} undo each other, or change nothing. A merge lands \
         them, with all that they ever held."
    );
    let mut lines: Vec<Line> = fold(&why, width).iter().map(|part| Line::new().add(Role::Muted, part)).collect();
    for finding in review.findings.all() {
        let head = format!("{} {}", finding.severity.letter(), finding.title);
        lines.push(Line::new());
        lines.extend(fold(&head, width).iter().map(|part| Line::new().add(severity_role(finding.severity), part)));
        lines.extend(fold(&finding.why, width).iter().map(|part| Line::new().add(Role::Text, part)));
    }
    paint.clear(area);
    for (row, line) in (0..area.height).zip(lines) {
        paint.line(area, row, Line::new().add(Role::Text, " ").join(line));
    }
}

/// A row, and backgrounds of columns to the right of its texts.
struct Drawn {
    line: Line,
    grounds: Vec<(Range<u16>, Role)>,
    is_line: bool,
}

impl Drawn {
    fn plain(line: Line) -> Drawn {
        Drawn { line, grounds: Vec::new(), is_line: false }
    }
}

/// The block that was drawn last: the next line is probably in it too.
struct LastBlock {
    index: usize,
    hunk: u32,
    block: Block,
    pairs: Vec<(usize, usize)>,
    blanks_only: bool,
}

struct Painter<'r> {
    review: &'r Review,
    /// The stroke that answers, and that lists the hunks with the same edit.
    answer: String,
    alike: String,
    width: usize,
    block: Option<LastBlock>,
}

/// The part of a line that is drawn in a cell.
struct Cell<'c> {
    position: usize,
    file: &'c FileMaterial,
    /// Hunk and line in it; none for lines outside all hunks.
    at: Option<(u32, u32)>,
    line: DiffLine,
    part: ByteRange,
    columns: usize,
}

impl Painter<'_> {
    fn row(&mut self, position: usize, row: usize, cursor: &str) -> Drawn {
        let review = self.review;
        let lead = Line::new().add(Role::Accent, cursor);
        let width = self.width;
        let read = review.document.read_at(position);
        match review.document.row(position, row) {
            Row::File => Drawn::plain(self.file_line(position, lead)),
            Row::Sentence { sentence, part } => {
                let text = read.and_then(|(_, inventory)| inventory.sentences.get(sentence as usize));
                let lines = text.map(|text| sentence_lines(text, review.document.shape())).unwrap_or_default();
                let mark = if part == 0 { "  ≡ " } else { "    " };
                let text = lines.get(part as usize).map_or("", String::as_str);
                Drawn::plain(lead.add(Role::Omission, &format!("{mark}{text}")))
            }
            Row::Omission { omission, part } => Drawn::plain(self.omission_line(position, omission, part, lead)),
            Row::Hunk { hunk } => Drawn::plain(self.hunk_line(position, row, hunk, lead)),
            Row::Line { hunk, line, part } => match read {
                Some((file, _)) => self.unified(position, file, hunk, line, part, lead),
                None => Drawn::plain(lead),
            },
            Row::Pair { hunk, old, new } => match read {
                Some((file, _)) => self.halves(position, file, hunk, (old, new), lead),
                None => Drawn::plain(lead),
            },
            Row::Beyond { old, new, part } => match read {
                Some((file, _)) => self.beyond(position, file, (old, new), part, lead),
                None => Drawn::plain(lead),
            },
            Row::Rest => {
                let left = read.map_or(0, |(file, _)| self.left_out(position, file, file.comparison.hunks.len()));
                Drawn::plain(
                    lead.add(Role::HunkHeader, &format!("   ⋯ {} to the end", counted(left, "unchanged line"))),
                )
            }
            Row::Finding { finding, place } => {
                let next = review.document.row(position, row + 1);
                let has_detail = matches!(next, Row::FindingDetail { .. });
                Drawn::plain(self.finding_line(finding, place, has_detail, lead))
            }
            Row::FindingDetail { finding, part } => Drawn::plain(self.detail_line(finding, part, lead)),
            Row::Note { note, part } => {
                let name = escape(&review.diff.files[review.document.order()[position]].path);
                let note = review.work.draft.notes.get(note as usize);
                let text = note.map(|note| note_lines(note, &name, review.document.shape()));
                let text = text.and_then(|lines| lines.get(part as usize).cloned()).unwrap_or_default();
                let mark = if part == 0 { "    ✎ " } else { "      " };
                Drawn::plain(lead.add(Role::Note, &format!("{mark}{text}")))
            }
            Row::Comment { comment, part } => Drawn::plain(self.comment_line(position, comment, part, lead)),
            Row::Waiting => Drawn::plain(lead.add(Role::Faint, "  reading …")),
            Row::Failed => {
                let why =
                    review.document.files()[review.document.order()[position]].failed.as_deref().unwrap_or_default();
                Drawn::plain(lead.add(Role::Error, &clip(&format!("  ⊘ {why}"), width.saturating_sub(2))))
            }
            Row::Gap => Drawn::plain(lead),
        }
    }

    fn file_line(&self, position: usize, lead: Line) -> Line {
        let (review, width) = (self.review, self.width);
        let diff = &review.diff.files[review.document.order()[position]];
        let state = match (diff.old, diff.new) {
            (Some(old), Some(new)) if diff.from.is_some() && old == new => "moved",
            (Some(old), Some(new)) if diff.from.is_some() && old.id == new.id => "moved, mode changed",
            _ if diff.from.is_some() => "moved and modified",
            (None, _) => "added",
            (_, None) => "deleted",
            (Some(old), Some(new)) if old.id == new.id => "mode changed",
            _ => "modified",
        };
        let size = review.document.inventory_at(position).map(|file| {
            let plain = if file.is_plain { "   plain" } else { "" };
            format!("   +{} −{}{plain}", file.added, file.removed)
        });
        let seen = match (review.is_file_seen(position), review.has_marks(position)) {
            (true, true) => "   ✓ seen",
            (true, false) => "   ✓ acknowledged",
            _ => "",
        };
        let group = review.document.group_at(position);
        if let Some((group, folder)) = group.and_then(|group| Some((group, group.folder()?))) {
            let right = format!("{}{seen} ", group.headline());
            let path = clip_folders(&folder, &[], width.saturating_sub(right.width() + 3));
            let line = lead.add(Role::FileHeader, &format!(" {path}"));
            return line.pad_to(width.saturating_sub(right.width())).add(Role::Muted, &right);
        }
        let crossing = review.crossing(position).map(|crossing| format!(", {}", crossing.headline()));
        let right = format!("{state}{}{}{seen} ", crossing.unwrap_or_default(), size.unwrap_or_default());
        let path = clip_folders(&diff.path.to_string(), &[], width.saturating_sub(right.width() + 3));
        let line = lead.add(Role::FileHeader, &format!(" {path}"));
        line.pad_to(width.saturating_sub(right.width())).add(Role::Muted, &right)
    }

    /// The stroke for acknowledging it, or the acknowledgement, is beside the end of its text.
    fn omission_line(&self, position: usize, omission: u32, part: u32, lead: Line) -> Line {
        let Some(inventory) = self.review.document.inventory_at(position) else { return lead };
        let Some(omission) = inventory.omissions.get(omission as usize) else { return lead };
        let (lines, mark) =
            (omission_lines(omission, self.review.document.shape()), if part == 0 { "  ⊘ " } else { "    " });
        let text = lines.get(part as usize).map_or("", String::as_str);
        let line = lead.add(Role::Omission, &format!("{mark}{text}"));
        if part as usize + 1 < lines.len() {
            return line;
        }
        let room = self.width.saturating_sub(line.width());
        match self.review.work.draft.acknowledged.get(&omission.key) {
            Some(why) => line.add(Role::Seen, &clip(&format!("   ✓ {why}"), room)),
            None => line.add(Role::Faint, &clip(&format!("   [{}] acknowledge", self.answer), room)),
        }
    }

    /// Unchanged lines before a hunk (or after the last) that are not shown.
    fn left_out(&self, position: usize, file: &FileMaterial, hunk: usize) -> usize {
        let (old, _) = between(file, hunk);
        let opening = &self.review.document.files()[self.review.document.order()[position]].opening;
        let (above, below) = opening.shown(hunk as u32, old.len() as u32);
        let is_rest = hunk == file.comparison.hunks.len() && !opening.whole;
        old.len() - above as usize - if is_rest { 0 } else { below as usize }
    }

    fn hunk_line(&self, position: usize, row: usize, hunk: u32, lead: Line) -> Line {
        let review = self.review;
        let Some((file, inventory)) = review.document.read_at(position) else { return lead };
        let Some(shown) = file.comparison.hunks.get(hunk as usize) else { return lead };
        let range = if shown.new.is_empty() { &shown.old } else { &shown.new };
        let first = range.start + u32::from(range.end > range.start);
        let mark = hunk as usize;
        let seen = match review.is_seen(position, mark) {
            true if review.is_carried_over(position, mark) => Line::new().add(Role::Seen, "✓ seen before "),
            true => Line::new().add(Role::Seen, "✓ seen "),
            false => Line::new().add(Role::Faint, "not seen "),
        };
        let mut line = lead.add(Role::HunkHeader, &format!("   @@ {first}"));
        let left = self.left_out(position, file, hunk as usize);
        let mut end = Line::new();
        if left > 0 {
            end = end.add(Role::Faint, &format!("   ⋯ {left}"));
        }
        if inventory.outlines.get(hunk as usize).is_some_and(|hunk| hunk.blanks_only) {
            end = end.add(Role::Whitespace, "   ␣ only blanks differ");
        }
        if let Some(same) = review.same_edit(position, mark) {
            let told = format!("   {}", same.headline());
            let room = self.width.saturating_sub(line.width() + end.width() + seen.width() + self.alike.width() + 6);
            end = end.add(Role::Muted, &clip(&told, room)).add(Role::Faint, &format!("  [{}]", self.alike));
        }
        let room = self.width.saturating_sub(line.width() + end.width() + seen.width() + 4);
        if let Some(enclosing) = review.enclosing(position, row).filter(|_| room >= 12) {
            line = line.add(Role::Muted, &clip(&format!("   {enclosing}"), room));
        }
        line.join(end).pad_to(self.width.saturating_sub(seen.width())).join(seen)
    }

    /// What a colleague wrote: a claim, faint if its lines are gone.
    fn comment_line(&self, position: usize, comment: u32, part: u32, lead: Line) -> Line {
        let Some(remark) = self.review.line_facts.colleagues.get(comment as usize) else { return lead };
        let name = escape(&self.review.diff.files[self.review.document.order()[position]].path);
        let text = comment_lines(remark, &name, self.review.document.shape())
            .into_iter()
            .nth(part as usize)
            .unwrap_or_default();
        let mark = if part == 0 { "    ✎ " } else { "      " };
        let role = if remark.note.is_outdated() || remark.is_resolved { Role::Faint } else { Role::Claim };
        lead.add(role, &format!("{mark}{text}"))
    }

    fn finding_line(&self, finding: u32, place: u32, has_detail: bool, lead: Line) -> Line {
        let Some(f) = self.review.findings.get(finding as usize) else { return lead };
        let line = lead.add(severity_role(f.severity), &format!("  {} ┃ {}", f.severity.letter(), f.rule));
        let answer = self.review.answer_to(finding as usize);
        let room = self.width.saturating_sub(line.width());
        let one_of = place_of_all(f, place as usize);
        let behind = behind_title(&one_of, answer.is_some());
        let title = f.title_at(place as usize);
        // The row below has it in full.
        let is_below =
            has_detail && title == f.title_at(0) && title_is_cut(f, answer.is_some(), self.review.document.shape());
        let title = match is_below {
            true => String::new(),
            false => clip(&format!("  {title}"), room.saturating_sub(behind)),
        };
        let line = line.add(Role::Finding, &title).add(Role::Muted, &one_of);
        match answer {
            Some(_) => line.add(Role::Seen, "  ✓ answered"),
            None => line.add(Role::Faint, &format!("  [{}] answer", self.answer)),
        }
    }

    fn detail_line(&self, finding: u32, part: u32, lead: Line) -> Line {
        let Some(f) = self.review.findings.get(finding as usize) else { return lead };
        let line = lead.add(severity_role(f.severity), "    ┃ ");
        let shape = self.review.document.shape();
        let text = detail(f, self.review.answer_to(finding as usize).is_some(), shape);
        if let Some(text) = text.get(part as usize) {
            return line.add(Role::Muted, text);
        }
        let answer = self.review.answer_to(finding as usize).map(|answer| answer_lines(answer, shape));
        let answer = answer.and_then(|lines| lines.get(part as usize - text.len()).cloned());
        line.add(Role::Seen, &answer.unwrap_or_default())
    }

    fn unified(
        &mut self,
        position: usize,
        file: &FileMaterial,
        hunk: u32,
        line: u32,
        part: ByteRange,
        lead: Line,
    ) -> Drawn {
        let diff_line = file.comparison.hunks[hunk as usize].lines[line as usize];
        let numbers = match diff_line {
            DiffLine::Context { old, new } => [Some(old), Some(new)],
            DiffLine::Removed { old } => [Some(old), None],
            DiffLine::Added { new } => [None, Some(new)],
        };
        let cells = self.review.document.rows()[position].cells;
        let columns = self.review.document.shape().text(cells);
        let cell = Cell { position, file, at: Some((hunk, line)), line: diff_line, part, columns };
        let out = self.cell(lead.add(Role::Number, &numbered(&numbers, cells, part)), &cell);
        let end = out.width();
        let (out, grounds) = match ground(diff_line) {
            Some(role) => (self.with_origin(out, &cell), vec![(end as u16..self.width as u16, role)]),
            None => (out, Vec::new()),
        };
        Drawn { line: out, grounds, is_line: true }
    }

    fn halves(
        &mut self,
        position: usize,
        file: &FileMaterial,
        hunk: u32,
        (old, new): (Half, Half),
        lead: Line,
    ) -> Drawn {
        let cells = self.review.document.rows()[position].cells;
        let (half, columns) = (self.review.document.shape().half(), self.review.document.shape().text(cells));
        let lines = &file.comparison.hunks[hunk as usize].lines;
        let (mut out, mut grounds) = (lead, Vec::new());
        for (side, shown) in [old, new].into_iter().enumerate() {
            let (start, end) = if side == 0 { (0, half) } else { (half + 1, self.width) };
            if side == 1 {
                out = out.pad_to(half).add(Role::Border, "│");
            }
            let Some((line, part)) = shown else {
                // This side is empty: an empty line would have a number.
                continue;
            };
            let diff_line = lines[line as usize];
            let number = match diff_line {
                DiffLine::Context { old, .. } if side == 0 => old,
                DiffLine::Context { new, .. } => new,
                DiffLine::Removed { old } => old,
                DiffLine::Added { new } => new,
            };
            let cell = Cell { position, file, at: Some((hunk, line)), line: diff_line, part, columns };
            out = self.cell(out.add(Role::Number, &numbered(&[Some(number)], cells, part)), &cell);
            if let Some(role) = ground(diff_line) {
                grounds.push((out.width().max(start) as u16..end as u16, role));
            }
        }
        Drawn { line: out, grounds, is_line: true }
    }

    fn beyond(
        &mut self,
        position: usize,
        file: &FileMaterial,
        (old, new): (u32, u32),
        part: ByteRange,
        lead: Line,
    ) -> Drawn {
        let cells = self.review.document.rows()[position].cells;
        let columns = self.review.document.shape().text(cells);
        let line = DiffLine::Context { old, new };
        let cell = Cell { position, file, at: None, line, part, columns };
        if !cells.halves {
            let out = self.cell(lead.add(Role::Number, &numbered(&[Some(old), Some(new)], cells, part)), &cell);
            return Drawn { line: out, grounds: Vec::new(), is_line: true };
        }
        let left = self.cell(lead.add(Role::Number, &numbered(&[Some(old)], cells, part)), &cell);
        let left = left.pad_to(self.review.document.shape().half()).add(Role::Border, "│");
        let out = self.cell(left.add(Role::Number, &numbered(&[Some(new)], cells, part)), &cell);
        Drawn { line: out, grounds: Vec::new(), is_line: true }
    }

    /// The marks, sign and text of a line.
    fn cell(&mut self, mut out: Line, cell: &Cell<'_>) -> Line {
        let review = self.review;
        let index = review.document.order()[cell.position];
        let (sign, base, word) = match cell.line {
            DiffLine::Context { .. } => (" ", Role::Context, Role::Context),
            DiffLine::Removed { .. } => ("−", Role::Removed, Role::RemovedWord),
            DiffLine::Added { .. } => ("+", Role::Added, Role::AddedWord),
        };
        if review.viewport.look().attribution {
            out = out.add(Role::Claim, &review.line_facts.author_letter(index, cell.line).to_string());
        }
        let words = self.enter_block(index, cell);
        let is_blank = base != Role::Context && self.block.as_ref().is_some_and(|block| block.blanks_only);
        let moved = review.line_facts.moved(index, cell.line);
        out = match (is_blank, moved) {
            (true, _) => out.add_on(Role::Whitespace, base, "␣"),
            (_, Some(moved)) => out.add_on(Role::Moved, base, mark(moved.fidelity)),
            _ if review.line_facts.is_missed(&review.diff.files[index].path, cell.line) => {
                out.add_on(Role::Warning, base, "○")
            }
            _ => out.add_on(base, base, " "),
        };
        out = out.add_on(base, base, &format!("{sign} "));
        self.text(out, cell, &words, (base, word))
    }

    /// Byte ranges of the words that changed relative to the paired line; remembers the block.
    fn enter_block(&mut self, index: usize, cell: &Cell<'_>) -> Vec<Range<usize>> {
        let Some((hunk, line)) = cell.at.filter(|_| !matches!(cell.line, DiffLine::Context { .. })) else {
            self.block = None;
            return Vec::new();
        };
        let line = line as usize;
        let shown = &cell.file.comparison.hunks[hunk as usize];
        let is_in = |last: &LastBlock| {
            (last.index, last.hunk) == (index, hunk) && (last.block.removed.start..last.block.added.end).contains(&line)
        };
        if !self.block.as_ref().is_some_and(is_in) {
            self.block = shown.block_at(line).map(|block| LastBlock {
                index,
                hunk,
                pairs: pairs(cell.file, shown, &block),
                blanks_only: blanks_only(cell.file, shown, &block),
                block,
            });
        }
        let pairs = self.block.as_ref().map(|block| &block.pairs[..]).unwrap_or_default();
        let pair = pairs.iter().find(|(old, new)| *old == line || *new == line);
        pair.map(|&(old, new)| changed_words(cell.file, shown, old, new, line)).unwrap_or_default()
    }

    fn text(&self, mut out: Line, cell: &Cell<'_>, words: &[Range<usize>], (base, word): (Role, Role)) -> Line {
        let review = self.review;
        let bytes = bytes_of(cell.file, cell.line);
        let part = if review.viewport.look().wrap {
            cell.part.from as usize..cell.part.to as usize
        } else {
            window(bytes, review.viewport.left(), cell.columns, review.viewport.look().tab)
        };
        let tokens = tokens(review, review.document.order()[cell.position], cell.line);
        let found = review.search.as_ref().map(|search| search.spans(bytes)).unwrap_or_default();
        let is_added = matches!(cell.line, DiffLine::Added { .. });
        let trailing = bytes.len() - bytes.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let mut run: Option<(Role, Role, String)> = None;
        for piece in pieces(bytes, review.viewport.look().tab).skip_while(|piece| piece.at < part.start) {
            if piece.at >= part.end.max(part.start) {
                break;
            }
            let inside = |spans: &[Range<usize>]| spans.iter().any(|span| span.contains(&piece.at));
            let ground = if inside(&found) {
                Role::Match
            } else if inside(words) {
                word
            } else {
                base
            };
            let shows_blank = review.viewport.look().blanks || (is_added && piece.at >= trailing);
            let (role, text) = match bytes[piece.at] {
                _ if piece.hidden => (Role::Hidden, &*piece.text),
                b' ' if shows_blank && piece.len == 1 => (Role::Whitespace, "·"),
                b'\t' if shows_blank => (Role::Whitespace, "→"),
                _ => {
                    let token = tokens.iter().find(|token| token.contains(piece.at));
                    (token.map_or(base, |token| token_role(token.class)), &*piece.text)
                }
            };
            let ground = if role == Role::Hidden { Role::Hidden } else { ground };
            let so_far = match &mut run {
                Some((r, g, so_far)) if (*r, *g) == (role, ground) => so_far,
                _ => {
                    out = flush(out, run.take());
                    &mut run.insert((role, ground, String::with_capacity(32))).2
                }
            };
            so_far.push_str(text);
            // The arrow of a tab extends to its tab stop.
            (text.width()..piece.width).for_each(|_| so_far.push(' '));
        }
        flush(out, run)
    }

    /// Where moved lines came from or went, at the first line of each run, if there is room.
    fn with_origin(&self, out: Line, cell: &Cell<'_>) -> Line {
        let review = self.review;
        let index = review.document.order()[cell.position];
        let Some(here) = review.line_facts.moved(index, cell.line).filter(|_| cell.part.from == 0) else { return out };
        let before = match cell.line {
            DiffLine::Added { new } => new.checked_sub(1).map(|new| DiffLine::Added { new }),
            DiffLine::Removed { old } => old.checked_sub(1).map(|old| DiffLine::Removed { old }),
            DiffLine::Context { .. } => None,
        };
        let follows =
            |above: Move| above.file == here.file && above.line + 1 == here.line && above.fidelity == here.fidelity;
        if before.and_then(|line| review.line_facts.moved(index, line)).is_some_and(follows) {
            return out;
        }
        let Some(path) = review.diff.files.get(here.file as usize).map(|file| &file.path) else { return out };
        let verb = if matches!(cell.line, DiffLine::Added { .. }) { "from" } else { "to" };
        let how = match here.fidelity {
            Fidelity::Exact => "",
            Fidelity::Whitespace => ", blanks changed",
            Fidelity::Edited => ", changed on the way",
        };
        let place = if here.file as usize == index { String::new() } else { format!("{path}:") };
        let told = format!("  {} moved {verb} {place}{}{how} ", mark(here.fidelity), here.line + 1);
        if out.width() + told.width() > self.width {
            return out;
        }
        let role = ground(cell.line).unwrap_or(Role::Context);
        let blanks = " ".repeat(self.width - out.width() - told.width());
        out.add_on(role, role, &blanks).add_on(Role::Moved, role, &told)
    }
}

fn flush(out: Line, run: Option<(Role, Role, String)>) -> Line {
    match run {
        // A mark has its own background.
        Some((Role::Hidden, _, text)) => out.add(Role::Hidden, &text),
        Some((role, ground, text)) => out.add_pieces(role, ground, &text),
        None => out,
    }
}

/// Line numbers, or the continuation sign.
fn numbered(numbers: &[Option<u32>], cells: Cells, part: ByteRange) -> String {
    let width = cells.numbers;
    if part.from > 0 {
        return format!("{:>width$}", "↪", width = width * numbers.len());
    }
    let cell = |number: &Option<u32>| number.map_or(" ".repeat(width), |n| format!("{:>width$}", n + 1));
    numbers.iter().map(cell).collect()
}

fn ground(line: DiffLine) -> Option<Role> {
    match line {
        DiffLine::Context { .. } => None,
        DiffLine::Removed { .. } => Some(Role::Removed),
        DiffLine::Added { .. } => Some(Role::Added),
    }
}

/// Lines that moved and changed must be read: they have a separate mark.
fn mark(fidelity: Fidelity) -> &'static str {
    if fidelity == Fidelity::Exact { "»" } else { "≈" }
}

fn changed_words(file: &FileMaterial, hunk: &Hunk, old: usize, new: usize, line: usize) -> Vec<Range<usize>> {
    let text = |at: usize| std::str::from_utf8(bytes_of(file, hunk.lines[at])).unwrap_or_default();
    let (removed, added) = word_spans(text(old), text(new));
    if line == old { removed } else { added }
}

fn tokens(review: &Review, index: usize, line: DiffLine) -> &[Token] {
    let body = review.document.files()[index].body.as_ref().filter(|_| !review.holds_colours());
    body.map_or(&[], |body| body.colours.of(line))
}

fn token_role(class: TokenClass) -> Role {
    match class {
        TokenClass::Keyword => Role::Keyword,
        TokenClass::String => Role::String,
        TokenClass::Comment => Role::Comment,
        TokenClass::Number => Role::Literal,
        TokenClass::Function => Role::Function,
        TokenClass::Type => Role::Type,
        TokenClass::Constant => Role::Constant,
        TokenClass::Tag => Role::Tag,
        TokenClass::Attribute => Role::Attribute,
    }
}
