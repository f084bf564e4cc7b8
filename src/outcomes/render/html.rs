//! A report on outcomes as a single page: no script, no external resources, for print and for screens.

use std::io::{self, Write};

use super::{
    MAX_IN_CELL, MAX_ROWS, ai, cells, chart, command, first, heads, joined, lines, listed, meaning, period, remark,
    signed, title, told, unjoined,
};
use crate::audit::render::html::{close, inputs, open};
use crate::audit::render::markup::text;
use crate::audit::render::short;
use crate::change::counted;
use crate::outcomes::report::{Change, Group, Named, Report};
use crate::record::outcome::is_link;

/// The most bars of one chart.
const MAX_BARS: usize = 36;

pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    open(&format!("Outcomes in {}", report.repository), out)?;
    header(report, out)?;
    writeln!(out, "<main id=\"main\">")?;
    summary(report, out)?;
    changes(report, out)?;
    report.groups.iter().try_for_each(|group| counts(group, out))?;
    writeln!(out, "</main>")?;
    inputs(&report.inputs, report.version, &command(report), out)?;
    for chain in &report.outcome_chains {
        let (name, head) = (text(chain.chain.as_str()), text(chain.head.as_deref().unwrap_or("none")));
        writeln!(
            out,
            "<p><small>Chain of outcomes <code>{name}</code> with {}, the last <code>{head}</code></small></p>",
            counted(chain.records, "record")
        )?;
    }
    report.rules.iter().try_for_each(|digest| {
        writeln!(out, "<p><small>Risk rules, SHA-256 <code>{}</code></small></p>", text(digest))
    })?;
    close(out)
}

fn header(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let refs = report.query.refs.iter().map(|name| format!("<code>{}</code>", text(name.as_str())));
    let which = if report.query.refs_are_given { "" } else { ", all that the policy protects" };
    write!(
        out,
        "<header>\n<h1>Outcomes in {}</h1>\n<p>{}, on {}{which}.</p>\n<p>{}</p>\n<nav aria-label=\"Contents\">\n\
         <a href=\"#summary\">Summary</a> <a href=\"#changes\">Changes</a> ",
        text(report.repository.as_str()),
        text(&period(report)),
        joined(refs, ", "),
        text(&meaning(report))
    )?;
    for group in report.groups.iter().filter(|group| !group.rows.is_empty()) {
        write!(out, "<a href=\"#{}\">{}</a> ", group.by, text(title(group)))?;
    }
    writeln!(out, "<a href=\"#inputs\">Inputs</a>\n</nav>\n</header>")
}

fn summary(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let summary = &report.summary;
    writeln!(out, "<section id=\"summary\" aria-labelledby=\"summary-h\">\n<h2 id=\"summary-h\">Summary</h2>")?;
    writeln!(out, "<dl class=\"numbers\">")?;
    let mut number = |name: &str, count: &str| {
        let (count, of) = count.split_once(' ').unwrap_or((count, ""));
        let (name, count, of) = (text(&name.to_lowercase()), text(count), text(of));
        writeln!(out, "<div><dt>{name}</dt><dd>{count} <small>{of}</small></dd></div>")
    };
    for (name, count) in heads().into_iter().zip(cells(summary)) {
        number(name, &count)?;
    }
    writeln!(out, "</dl>")?;
    if !unjoined(report).is_empty() {
        writeln!(out, "<p>Of the commits and titles that messages name, these are joined with nothing:</p>\n<ul>")?;
        for (count, what) in unjoined(report) {
            writeln!(out, "<li>{count} {}</li>", text(what))?;
        }
        writeln!(out, "</ul>")?;
    }
    writeln!(out, "</section>")
}

fn changes(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let (listed, left_out) = listed(report);
    writeln!(out, "<section id=\"changes\" aria-labelledby=\"changes-h\">\n<h2 id=\"changes-h\">Changes</h2>")?;
    writeln!(out, "<p>First those with an outcome, then the rest; the newest first.</p>")?;
    if left_out > 0 {
        writeln!(out, "<p>{left_out} more changes are not listed; CSV and JSON have all.</p>")?;
    }
    writeln!(
        out,
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"changes-h\">\n<table class=\"changes\">\n<thead><tr>\
         <th scope=\"col\">When</th><th scope=\"col\">Landed</th><th scope=\"col\">Outcome</th>\
         <th scope=\"col\">Lines changed again</th><th scope=\"col\">AI</th><th scope=\"col\">Tier</th>\
         <th scope=\"col\">Compartments</th><th scope=\"col\">Approved by</th></tr></thead>\n<tbody>"
    )?;
    for change in listed {
        row(change, out)?;
    }
    writeln!(out, "</tbody>\n</table>\n</div>\n</section>")
}

fn row(change: &Change, out: &mut dyn Write) -> io::Result<()> {
    let marks = change.kinds.iter().map(|kind| format!("<strong>{}</strong>", kind.name()));
    let known = first(&change.outcomes, told).map(|one| format!("<br><small>{}</small>", text(&one)));
    let more = change.records.len().saturating_sub(MAX_IN_CELL);
    let more = (more > 0).then(|| format!("<br><small>{more} more are in JSON</small>"));
    let records = change.records.iter().take(MAX_IN_CELL).map(record).chain(more);
    let young = if change.is_watched { "" } else { "<br><small>not watched to the end</small>" };
    let outcome = format!("{}{}{}{young}", joined(marks, " "), joined(records, ""), joined(known, ""));
    let outcome = outcome.strip_prefix("<br>").unwrap_or(&outcome);
    let load = change.load.map(|load| format!("<br><small>{load} in the seven days before</small>"));
    writeln!(
        out,
        "<tr><td class=\"time\">{}<br><small>{}</small></td>\
         <td>{}<br><small><code>{} {}</code> {}</small></td><td>{outcome}</td><td>{}</td><td>{}</td><td>{}</td>\
         <td>{}</td><td>{}{}</td></tr>",
        change.at,
        change.at_by.name(),
        text(change.subject.as_str()),
        text(change.name.as_str()),
        text(short(&change.to)),
        text(change.author.as_str()),
        text(&lines(change)),
        text(&ai(change)),
        joined(change.tier, ""),
        text(&joined(&change.compartments, ", ")),
        text(&joined(&change.approvers, ", ")),
        load.unwrap_or_default()
    )
}

/// What somebody signed. Only a link that may be signed is a link on the page.
fn record(named: &Named) -> String {
    let link = named.link.as_str();
    let told = text(&signed(named));
    if is_link(link) {
        let (href, what) = (text(link), text(&format!("{} of {}", named.kind, named.person)));
        return format!("<br><small>{told} <a href=\"{href}\" rel=\"noreferrer\">{what}</a></small>");
    }
    format!("<br><small>{told}</small>")
}

fn counts(group: &Group, out: &mut dyn Write) -> io::Result<()> {
    if group.rows.is_empty() {
        return Ok(());
    }
    let (id, name) = (group.by, text(title(group)));
    writeln!(out, "<section id=\"{id}\" aria-labelledby=\"{id}-h\">\n<h2 id=\"{id}-h\">{name}</h2>")?;
    if !remark(group).is_empty() {
        writeln!(out, "<p>{}</p>", text(remark(group)))?;
    }
    chart::bars(group, title(group), MAX_BARS, out)?;
    writeln!(
        out,
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"{id}-h\">\n<table class=\"figures\">\n\
         <thead><tr><th scope=\"col\">{}</th>{}</tr></thead>\n<tbody>",
        text(group.by),
        joined(heads().iter().map(|head| format!("<th scope=\"col\">{}</th>", text(head))), "")
    )?;
    for row in group.rows.iter().take(MAX_ROWS) {
        let cells = cells(&row.counts).into_iter().map(|cell| format!("<td>{}</td>", text(&cell)));
        writeln!(out, "<tr><th scope=\"row\">{}</th>{}</tr>", text(row.name.as_str()), joined(cells, ""))?;
    }
    writeln!(out, "</tbody>\n</table>\n</div>")?;
    if group.rows.len() > MAX_ROWS {
        writeln!(out, "<p>{} more are in JSON.</p>", group.rows.len() - MAX_ROWS)?;
    }
    writeln!(out, "</section>")
}
