//! A chart as plain SVG, beside its numbers: bars of how many changes landed, and of how many something came.

use std::io::{self, Write};

use crate::audit::render::markup::text;
use crate::outcomes::report::Group;

const WIDTH: usize = 960;
const LEFT: usize = 230;
const ROW: usize = 22;
/// The most characters of a name beside a bar.
const MAX_NAME: usize = 34;

/// One bar for each of the first rows.
pub fn bars(group: &Group, title: &str, most_rows: usize, out: &mut dyn Write) -> io::Result<()> {
    let rows = &group.rows[..group.rows.len().min(most_rows)];
    let most = rows.iter().map(|row| row.counts.landed).max().unwrap_or(0);
    if most == 0 {
        return Ok(());
    }
    let (height, room) = (rows.len() * ROW + 8, WIDTH - LEFT - 90);
    let id = group.by;
    writeln!(
        out,
        "<figure><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"chart-{id}\">\
         <title id=\"chart-{id}\">{}; the table below has the numbers</title>",
        text(title)
    )?;
    for (at, row) in rows.iter().enumerate() {
        let y = at * ROW + 4;
        let name: String = row.name.as_str().chars().take(MAX_NAME).collect();
        let width = |count: usize| if count == 0 { 0 } else { (count * room / most).max(2) };
        let (all, with) = (width(row.counts.landed), width(row.counts.with_outcome));
        writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" class=\"label\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{all}\" height=\"14\" class=\"plain\"/>\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{with}\" height=\"14\" class=\"rest\"/>\
             <text x=\"{}\" y=\"{}\" class=\"label\">{} of {}</text>",
            LEFT - 10,
            y + 11,
            text(&name),
            LEFT + all + 8,
            y + 11,
            row.counts.with_outcome,
            row.counts.landed
        )?;
    }
    writeln!(
        out,
        "</svg><figcaption><span class=\"key rest\"></span> with an outcome <span class=\"key plain\"></span> \
         landed</figcaption></figure>"
    )
}
