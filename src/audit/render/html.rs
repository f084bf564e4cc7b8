//! A report as a single page: no script, no external resources, for print and for screens in light and dark.

use std::io::{self, Write};

use super::markup::text;
use super::{
    ai, approvers, chart, command, drilled, findings, gate, held, listed, not_practised, presence, reasons, seen, short,
};
use crate::audit::report::{Exception, Inputs, Kind, Landing, Report};

const STYLE: &str = include_str!("style.css");

/// The most exceptions of one kind that the page lists; CSV and JSON have all.
const MAX_OF_KIND: usize = 1_000;

pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    open(&format!("Audit of {}", report.repository), out)?;
    header(report, out)?;
    writeln!(out, "<main id=\"main\">")?;
    summary(report, out)?;
    exceptions(report, out)?;
    drills(report, out)?;
    months(report, out)?;
    landings(report, out)?;
    controls(report, out)?;
    writeln!(out, "</main>")?;
    inputs(&report.inputs, report.version, &command(report), out)?;
    close(out)
}

/// Everything up to the header of a page.
pub(crate) fn open(title: &str, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the report</a>\n",
        text(title)
    )
}

/// The end of a page.
pub(crate) fn close(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "</body>\n</html>")
}

fn header(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let query = &report.query;
    let from = query.from.map_or_else(|| "the beginning".to_owned(), |from| from.to_string());
    let to = query.to.map_or_else(|| "now; nothing landed".to_owned(), |to| to.to_string());
    let newest = if query.to_is_given { "" } else { " (the newest landing)" };
    let refs: Vec<String> = query.refs.iter().map(|name| format!("<code>{}</code>", text(name.as_str()))).collect();
    let which = if query.refs_are_given { "" } else { ", all that the policy protects" };
    write!(
        out,
        "<header>\n<h1>Audit of {}</h1>\n<p>What landed from {} to {}{newest} on {}{which}.</p>\n\
         <nav aria-label=\"Contents\">\n<a href=\"#summary\">Summary</a> <a href=\"#exceptions\">Exceptions</a> {}\
         <a href=\"#months\">Months</a> <a href=\"#landings\">Landings</a> <a href=\"#inputs\">Inputs</a>\n</nav>\n\
         </header>\n",
        text(report.repository.as_str()),
        text(&from),
        text(&to),
        refs.join(", "),
        if report.drills.is_some() { "<a href=\"#drills\">Drills</a> " } else { "" }
    )
}

fn summary(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let summary = &report.summary;
    writeln!(out, "<section id=\"summary\" aria-labelledby=\"summary-h\">\n<h2 id=\"summary-h\">Summary</h2>")?;
    writeln!(out, "<dl class=\"numbers\">")?;
    let mut number = |name: &str, count: usize| writeln!(out, "<div><dt>{}</dt><dd>{count}</dd></div>", text(name));
    number("landings", summary.landings)?;
    number("with exceptions", summary.with_exceptions)?;
    for (name, count) in &summary.decisions {
        number(name, *count)?;
    }
    for (name, count) in &summary.ai {
        number(&format!("AI: {name}"), *count)?;
    }
    for (name, count) in &summary.times {
        number(&format!("time by {name}"), *count)?;
    }
    writeln!(out, "</dl>\n</section>")
}

fn exceptions(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section id=\"exceptions\" aria-labelledby=\"exceptions-h\">")?;
    writeln!(out, "<h2 id=\"exceptions-h\">Exceptions</h2>")?;
    if report.exceptions.is_empty() {
        return writeln!(out, "<p>None.</p>\n</section>");
    }
    chart::timeline(report, out)?;
    for kind in Kind::ALL {
        let own: Vec<&Exception> = report.exceptions.iter().filter(|exception| exception.kind == kind).collect();
        if own.is_empty() {
            continue;
        }
        writeln!(
            out,
            "<h3 id=\"{0}\">{1} <span class=\"count\">{2}</span></h3>",
            kind.name(),
            kind.title(),
            own.len()
        )?;
        writeln!(out, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"{}\">", kind.name())?;
        writeln!(
            out,
            "<table class=\"exceptions\">\n<thead><tr><th scope=\"col\">When</th><th scope=\"col\">Where</th>\
                       <th scope=\"col\">Commit</th><th scope=\"col\">Subject</th><th scope=\"col\">Why</th></tr>\
             </thead>\n\
                       <tbody>"
        )?;
        for exception in own.iter().take(MAX_OF_KIND) {
            exception_row(exception, out)?;
        }
        writeln!(out, "</tbody>\n</table>\n</div>")?;
        if own.len() > MAX_OF_KIND {
            writeln!(out, "<p>{} more are in CSV and JSON.</p>", own.len() - MAX_OF_KIND)?;
        }
    }
    writeln!(out, "</section>")
}

fn exception_row(exception: &Exception, out: &mut dyn Write) -> io::Result<()> {
    let at = exception.at.map(|at| at.to_string()).unwrap_or_default();
    let name = exception.name.as_ref().map(|name| text(name.as_str())).unwrap_or_default();
    let commit = exception.commit.as_deref().map(|id| match exception.kind {
        // Rewritten commits have no row.
        Kind::Rewritten => format!("<code>{}</code>", text(short(id))),
        _ => format!("<a href=\"#c-{}\"><code>{}</code></a>", text(id), text(short(id))),
    });
    writeln!(
        out,
        "<tr><td class=\"time\">{}</td><td><code>{name}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
        text(&at),
        commit.unwrap_or_default(),
        text(exception.subject.as_str()),
        text(exception.detail.as_str())
    )
}

/// Apart from what landed: nothing landed by a drill.
fn drills(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Some(drills) = &report.drills else { return Ok(()) };
    writeln!(
        out,
        "<section id=\"drills\" aria-labelledby=\"drills-h\">\n<h2 id=\"drills-h\">Drills</h2>\n\
         <p>Emergencies that people practised. Nothing landed or ran by any of them.</p>"
    )?;
    if !drills.held.is_empty() {
        writeln!(
            out,
            "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"drills-h\">\n<table>\n<thead><tr>\
             <th scope=\"col\">Began</th><th scope=\"col\">Drill</th><th scope=\"col\">Where</th>\
             <th scope=\"col\">Held by</th><th scope=\"col\">Review</th><th scope=\"col\">Reason</th></tr></thead>\n\
             <tbody>"
        )?;
        for drill in &drills.held {
            writeln!(
                out,
                "<tr><td class=\"time\">{}</td><td>drill <code>{}</code></td><td><code>{} {}</code></td><td>{}</td>\
                 <td>{}</td><td>{}</td></tr>",
                drill.began,
                text(short(&drill.id)),
                text(drill.name.as_str()),
                text(drilled(drill)),
                text(&held(drill)),
                text(drill.review.as_str()),
                text(drill.reason.as_str())
            )?;
        }
        writeln!(out, "</tbody>\n</table>\n</div>")?;
    }
    writeln!(
        out,
        "<p>May declare an emergency, and did not practise it within {} days: {}.</p>\n</section>",
        drills.within_days,
        text(&not_practised(drills))
    )
}

fn months(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section id=\"months\" aria-labelledby=\"months-h\">\n<h2 id=\"months-h\">Months</h2>")?;
    chart::months(report, out)?;
    writeln!(
        out,
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"months-h\">\n<table class=\"figures\">\n\
         <thead><tr><th scope=\"col\">Month</th><th scope=\"col\">Landings</th><th scope=\"col\">Approved</th>\
         <th scope=\"col\">Break-glass</th><th scope=\"col\">With exceptions</th>\
         <th scope=\"col\">Sign of AI</th></tr></thead>\n<tbody>"
    )?;
    for (month, of) in &report.summary.months {
        writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            text(month),
            of.landings,
            of.approved,
            of.break_glass,
            of.with_exceptions,
            of.ai
        )?;
    }
    writeln!(out, "</tbody>\n</table>\n</div>\n</section>")
}

fn landings(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let (listed, left_out) = listed(report);
    writeln!(out, "<section id=\"landings\" aria-labelledby=\"landings-h\">\n<h2 id=\"landings-h\">Landings</h2>")?;
    if left_out > 0 {
        writeln!(out, "<p>{left_out} older landings without an exception are not listed; CSV and JSON have all.</p>")?;
    }
    writeln!(
        out,
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"landings-h\">\n\
         <table class=\"landings\">\n<thead><tr>\
         <th scope=\"col\">When</th><th scope=\"col\">Landed</th><th scope=\"col\">Decision</th>\
         <th scope=\"col\">Approved by</th><th scope=\"col\">Presence</th><th scope=\"col\">Seen</th>\
         <th scope=\"col\">Findings</th><th scope=\"col\">AI</th><th scope=\"col\">Gate</th></tr></thead>\n<tbody>"
    )?;
    for landing in listed {
        landing_row(landing, out)?;
    }
    writeln!(out, "</tbody>\n</table>\n</div>\n</section>")
}

fn landing_row(landing: &Landing, out: &mut dyn Write) -> io::Result<()> {
    let marks: Vec<String> =
        landing.exceptions.iter().map(|kind| format!("<strong>{}</strong>", kind.name())).collect();
    let marks = if marks.is_empty() { String::new() } else { format!("<br>{}", marks.join(" ")) };
    let from = landing.from.as_deref().map_or("", short);
    let digest = landing.gate.as_ref().map(|verdict| format!("<br><code>{}</code>", text(short(&verdict.digest))));
    let omitted: Vec<&str> =
        landing.approvals.iter().flat_map(|one| &one.omitted).map(|omitted| omitted.as_str()).collect();
    let omitted = if omitted.is_empty() { String::new() } else { format!("<br>{}", text(&omitted.join("; "))) };
    let said = reasons(landing);
    let said = if said.is_empty() { String::new() } else { format!("<br><small>{}</small>", text(&said)) };
    let evidence: Vec<&str> = landing.ai.evidence.iter().map(|one| one.as_str()).collect();
    let evidence = match evidence.is_empty() {
        true => String::new(),
        false => format!("<br><small>{}</small>", text(&evidence.join("; "))),
    };
    writeln!(
        out,
        "<tr id=\"c-{}\"><td class=\"time\">{}<br><small>{}</small></td>\
         <td>{}<br><small><code>{} {from}..{}</code> {}</small></td><td class=\"d-{}\">{}{marks}{said}</td><td>{}</td>\
         <td>{}</td><td>{}{omitted}</td><td>{}</td><td>{}{evidence}</td><td>{}{}</td></tr>",
        text(&landing.to),
        landing.at,
        landing.at_by.name(),
        text(landing.subject.as_str()),
        text(landing.name.as_str()),
        text(short(&landing.to)),
        text(landing.author.as_str()),
        landing.decision.name(),
        landing.decision.name(),
        text(&approvers(landing)),
        text(&presence(landing)),
        text(&seen(landing)),
        text(&findings(landing)),
        text(&ai(landing)),
        text(&gate(landing)),
        digest.unwrap_or_default()
    )
}

fn controls(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.controls.is_empty() {
        return Ok(());
    }
    writeln!(out, "<section id=\"controls\" aria-labelledby=\"controls-h\">\n<h2 id=\"controls-h\">Controls</h2>")?;
    writeln!(
        out,
        "<table>\n<thead><tr><th scope=\"col\">Column</th><th scope=\"col\">Is evidence for</th></tr></thead>\n<tbody>"
    )?;
    for (column, ids) in &report.controls {
        let ids: Vec<String> = ids.iter().map(|id| text(id.as_str())).collect();
        writeln!(out, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", text(column), ids.join(", "))?;
    }
    writeln!(out, "</tbody>\n</table>\n</section>")
}

/// What a report was made from, and the command that makes it again.
pub(crate) fn inputs(inputs: &Inputs, version: &str, command: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<footer id=\"inputs\" aria-labelledby=\"inputs-h\">\n<h2 id=\"inputs-h\">Inputs</h2>\n<ul>")?;
    writeln!(out, "<li>undersign {}; again: <code>{}</code></li>", text(version), text(command))?;
    writeln!(out, "<li>policy version {}, SHA-256 <code>{}</code></li>", inputs.policy.version, inputs.policy.digest)?;
    if let Some(organization) = &inputs.policy.organization {
        let id = text(organization.id.as_str());
        let (version, digest) = (organization.version, &organization.digest);
        writeln!(out, "<li>organization {id} version {version}, SHA-256 <code>{digest}</code></li>")?;
    }
    for one in &inputs.refs {
        writeln!(
            out,
            "<li><code>{}</code> at <code>{}</code>, {} commits of its own</li>",
            text(one.name.as_str()),
            one.tip,
            one.line
        )?;
    }
    for chain in &inputs.ledger.chains {
        let head = chain.head.as_deref().unwrap_or("none");
        writeln!(
            out,
            "<li>chain <code>{}</code> with {} records, the last <code>{}</code></li>",
            text(chain.chain.as_str()),
            chain.records,
            text(head)
        )?;
    }
    if let Some((line, digest)) = inputs.log.as_ref().and_then(|log| log.head.as_ref()) {
        writeln!(out, "<li>the gate's log up to line {line}, SHA-256 <code>{}</code></li>", text(digest))?;
    }
    if let Some(digest) = &inputs.controls {
        writeln!(out, "<li>the mapping to controls, SHA-256 <code>{}</code></li>", text(digest))?;
    }
    for note in &inputs.notes {
        writeln!(out, "<li>{}</li>", text(note.as_str()))?;
    }
    writeln!(out, "</ul>\n</footer>")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::STYLE;

    /// The relative luminance of WCAG 2.
    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    #[test]
    fn every_text_has_contrast_on_screen_in_light_and_dark_and_on_paper() {
        let blocks: Vec<&str> = STYLE.split(":root {").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        assert_eq!(blocks.len(), 3);
        for block in blocks {
            let colours: BTreeMap<&str, &str> =
                block.split(';').filter_map(|line| line.trim().strip_prefix("--")?.split_once(": ")).collect();
            for (name, paper) in ["ink", "soft", "link", "approved", "emergency", "rest"]
                .iter()
                .flat_map(|name| ["paper", "head"].map(|paper| (*name, paper)))
            {
                let (a, b) = (luminance(colours[name]), luminance(colours[paper]));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= 4.5, "{name} on {paper}: {contrast:.2}");
            }
        }
    }
}
