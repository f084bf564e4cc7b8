//! Charts of a report as plain SVG: landings by month, and the times of exceptions. Each is next to its numbers.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::markup::text;
use crate::audit::report::{Kind, Month, Report, Time};

const WIDTH: usize = 960;
const LEFT: usize = 210;
const ROW: usize = 22;
const HEIGHT: usize = 200;

/// Bars by month: approved at the bottom, then what an emergency let through, then the rest; a line for exceptions.
pub fn months(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let months: Vec<(&String, &Month)> = report.summary.months.iter().collect();
    let most = months.iter().map(|(_, month)| month.landings).max().unwrap_or(0);
    if most == 0 {
        return Ok(());
    }
    let (base, room) = (HEIGHT - 24, HEIGHT - 48);
    let step = (WIDTH - 60) / months.len().max(1);
    let bar = (step * 7 / 10).clamp(1, 60);
    writeln!(
        out,
        "<figure><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"chart-months\">\
         <title id=\"chart-months\">Landings by month; the table below has the numbers</title>"
    )?;
    writeln!(out, "<text x=\"52\" y=\"20\" class=\"label\" text-anchor=\"end\">{most}</text>")?;
    writeln!(out, "<line x1=\"56\" y1=\"{base}\" x2=\"{WIDTH}\" y2=\"{base}\" class=\"axis\"/>")?;
    let every = months.len().div_ceil(14).max(1);
    for (at, (name, month)) in months.iter().enumerate() {
        let x = 60 + at * step;
        let mut y = base;
        let rest = month.landings - month.approved - month.break_glass;
        for (count, class) in [(month.approved, "approved"), (month.break_glass, "emergency"), (rest, "rest")] {
            let height = (count * room).div_ceil(most);
            y -= height.min(y);
            if height > 0 {
                writeln!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"{bar}\" height=\"{height}\" class=\"{class}\"/>")?;
            }
        }
        if at % every == 0 {
            writeln!(out, "<text x=\"{x}\" y=\"{}\" class=\"label\">{}</text>", HEIGHT - 6, text(name))?;
        }
    }
    writeln!(
        out,
        "</svg><figcaption><span class=\"key approved\"></span> approved <span class=\"key emergency\"></span> \
         break-glass <span class=\"key rest\"></span> neither</figcaption></figure>"
    )
}

/// One row for each kind, one mark for each exception; exceptions at the same place share a mark.
pub fn timeline(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let times = || report.exceptions.iter().filter_map(|exception| exception.at);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(()) };
    let mut rows: BTreeMap<Kind, BTreeMap<usize, usize>> = BTreeMap::new();
    for exception in &report.exceptions {
        let Some(at) = exception.at else { continue };
        *rows.entry(exception.kind).or_default().entry(place(at, first, last)).or_default() += 1;
    }
    let height = rows.len() * ROW + 30;
    writeln!(
        out,
        "<figure><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"chart-exceptions\">\
         <title id=\"chart-exceptions\">When the exceptions were, a row for each kind; the tables below list \
         them</title>"
    )?;
    for (row, (kind, marks)) in rows.iter().enumerate() {
        let y = row * ROW + 16;
        writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" class=\"label\" text-anchor=\"end\">{}</text>",
            LEFT - 12,
            y + 4,
            kind.name()
        )?;
        writeln!(out, "<line x1=\"{LEFT}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" class=\"axis\"/>", WIDTH - 8)?;
        for (x, count) in marks {
            let radius = if *count > 9 { 7 } else { 4 };
            writeln!(out, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" class=\"mark\"/>")?;
        }
    }
    let below = height - 6;
    writeln!(out, "<text x=\"{LEFT}\" y=\"{below}\" class=\"label\">{}</text>", text(&day(first)))?;
    writeln!(
        out,
        "<text x=\"{}\" y=\"{below}\" class=\"label\" text-anchor=\"end\">{}</text>\n</svg></figure>",
        WIDTH - 8,
        text(&day(last))
    )
}

fn place(at: Time, first: Time, last: Time) -> usize {
    let room = (WIDTH - LEFT - 24) as i128;
    let span = i128::from(last.0.saturating_sub(first.0)).max(1);
    let along = i128::from(at.0.saturating_sub(first.0)) * room / span;
    LEFT + 8 + usize::try_from(along).unwrap_or(0)
}

fn day(time: Time) -> String {
    time.to_string().chars().take(10).collect()
}
