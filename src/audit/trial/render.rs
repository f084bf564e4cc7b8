//! The report over a trial as text for a terminal, as Markdown and as JSON.

use std::io::{self, Write};

use super::tally::Tally;
use super::{Class, Group, Report, Stopped};
use crate::audit::render::{json, markdown, short};

/// The format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Markdown,
    Json,
}

/// How many of the most frequent texts stand in a row.
const MOST: usize = 5;

/// Writes the report.
///
/// # Errors
/// It cannot be written.
pub fn write(report: &Report, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => Page { out, is_markdown: false }.write(report),
        Format::Markdown => Page { out, is_markdown: true }.write(report),
        Format::Json => json::write(report, out),
    }
}

struct Page<'o> {
    out: &'o mut dyn Write,
    is_markdown: bool,
}

impl Page<'_> {
    fn write(&mut self, report: &Report) -> io::Result<()> {
        let title = format!("Trial of {}", self.text(report.repository.as_str()));
        self.heading(1, &title)?;
        for sentence in &report.says {
            let sentence = self.text(sentence);
            writeln!(self.out, "{sentence}\n")?;
        }
        if !report.reasons.is_empty() {
            self.heading(2, "Reasons")?;
            writeln!(self.out, "A push with several reasons counts under each of them.\n")?;
        }
        for group in &report.reasons {
            self.group(group)?;
        }
        if !report.stopped.is_empty() {
            self.heading(2, "What would have been refused")?;
        }
        if report.not_listed > 0 {
            writeln!(self.out, "{} earlier ones are not listed.\n", report.not_listed)?;
        }
        for stopped in &report.stopped {
            self.stopped(stopped)?;
        }
        if !report.stopped.is_empty() {
            writeln!(self.out)?;
        }
        self.inputs(report)
    }

    fn text(&self, text: &str) -> String {
        if self.is_markdown { markdown::text(text) } else { text.to_owned() }
    }

    fn heading(&mut self, level: usize, title: &str) -> io::Result<()> {
        match self.is_markdown {
            true => writeln!(self.out, "{} {title}\n", "#".repeat(level)),
            false => writeln!(self.out, "{title}\n"),
        }
    }

    fn group(&mut self, group: &Group) -> io::Result<()> {
        let built = match group.builds_on {
            0 => String::new(),
            n => format!(", {n} of them built on others"),
        };
        let line = format!(
            "{}: {}{built}, {} to {}",
            self.text(group.reason.as_str()),
            super::pushes(group.pushes),
            group.first,
            group.last
        );
        let bullet = if self.is_markdown { "- " } else { "  " };
        writeln!(self.out, "{bullet}{line}")?;
        self.row("missing", &group.missing, "; ")?;
        self.row("refs", &group.refs, ", ")?;
        self.row("people", &group.people, ", ")?;
        writeln!(self.out)
    }

    fn row(&mut self, name: &str, tally: &Tally, between: &str) -> io::Result<()> {
        let (most, left) = tally.most(MOST);
        let mut parts: Vec<String> =
            most.iter().map(|(text, n)| format!("{} ({n})", self.text(text.as_str()))).collect();
        parts.extend((left > 0).then(|| format!("others ({left})")));
        if parts.is_empty() {
            return Ok(());
        }
        match self.is_markdown {
            true => writeln!(self.out, "  - {name}: {}", parts.join(between)),
            false => writeln!(self.out, "    {name:<8} {}", parts.join(between)),
        }
    }

    fn stopped(&mut self, stopped: &Stopped) -> io::Result<()> {
        let person = stopped.pusher.as_ref().map_or_else(|| "not named".to_owned(), |who| self.text(who.as_str()));
        let built = if stopped.class == Class::BuildsOn { "  (builds on one before)" } else { "" };
        let kind = if stopped.proposal { "  (proposal)" } else { "" };
        for moved in &stopped.refs {
            let reasons: Vec<String> = moved.reasons.iter().map(|reason| self.text(reason.as_str())).collect();
            let bullet = if self.is_markdown { "- " } else { "  " };
            writeln!(
                self.out,
                "{bullet}line {}  {}  {person}  {}  {}..{}  {}{built}{kind}",
                stopped.line,
                stopped.at,
                self.text(moved.name.as_str()),
                self.text(short(moved.old.as_str())),
                self.text(short(moved.new.as_str())),
                reasons.join(" ")
            )?;
        }
        if stopped.more_refs > 0 {
            writeln!(self.out, "    and {} more refs", stopped.more_refs)?;
        }
        Ok(())
    }

    fn inputs(&mut self, report: &Report) -> io::Result<()> {
        self.heading(2, "Made from")?;
        if let Some(head) = &report.log.head {
            let digest = self.text(&head.digest);
            writeln!(
                self.out,
                "The gate's log up to line {}, SHA-256 {digest}: {} lines, each follows the one before.",
                head.seq, report.log.lines
            )?;
        } else {
            writeln!(self.out, "The gate's log, which is empty.")?;
        }
        for (first, last) in &report.log.missing {
            writeln!(self.out, "Lines {first} to {last} are not here; nothing is said of them.")?;
        }
        if report.enforced > 0 {
            let line = format!("{} of the period were judged with enforcement, and do not count.", report.enforced);
            writeln!(self.out, "{line}")?;
        }
        let given = |time: Option<_>, other: &str| time.map_or_else(|| other.to_owned(), |time| format!("{time}"));
        writeln!(
            self.out,
            "From {} to {}; undersign {}.",
            given(report.from, "the beginning"),
            given(report.to, "the end"),
            report.version
        )
    }
}
