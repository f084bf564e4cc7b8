//! What a monitoring system reads of the service: numbers since it started, in Prometheus' text format 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>). No name of a repository, ref or person is
//! included: a reader learns how much work there is, and nothing about its content.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use crate::gate::{Decided, Outcome, ReasonEffect};

/// Its media type.
pub const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of the buckets for the duration of a judgement, in seconds.
const CLASSES: [f64; 9] = [0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];

#[derive(Debug, Default)]
pub struct Metrics(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    verdicts: BTreeMap<&'static str, u64>,
    reasons: BTreeMap<&'static str, u64>,
    refused: BTreeMap<u16, u64>,
    /// For each bucket, the number that took no longer than its bound; then all.
    times: [u64; CLASSES.len() + 1],
    seconds: f64,
    /// Of the last ledger that was used for a judgement.
    records: usize,
    chains: usize,
}

impl Metrics {
    pub fn judged(&self, outcome: &Outcome, took: Duration) {
        let Ok(mut counted) = self.0.lock() else { return };
        *counted.verdicts.entry(outcome.outcome.name()).or_default() += 1;
        let reasons = outcome.refs.iter().flat_map(|judged| &judged.reasons);
        for reason in reasons.filter(|reason| reason.effect != ReasonEffect::Said) {
            *counted.reasons.entry(reason.code.name()).or_default() += 1;
        }
        let took = took.as_secs_f64();
        let classes = CLASSES.iter().map(|end| took <= *end).chain([true]);
        for (count, _) in counted.times.iter_mut().zip(classes).filter(|(_, is_within)| *is_within) {
            *count += 1;
        }
        counted.seconds += took;
        (counted.records, counted.chains) = (outcome.ledger.records, outcome.ledger.chains);
    }

    pub fn refused(&self, status: u16) {
        if let Ok(mut counted) = self.0.lock() {
            *counted.refused.entry(status).or_default() += 1;
        }
    }

    /// All of them, with the current load of the workers.
    pub fn text(&self, (working, waiting): (usize, usize)) -> String {
        let Ok(counted) = self.0.lock() else { return String::new() };
        let mut text = Text::default();
        text.of("verdicts_total", "counter", "Pushes and proposals judged, by outcome.");
        for outcome in [Decided::Allow, Decided::Deny, Decided::Undecidable].map(Decided::name) {
            let count = counted.verdicts.get(outcome).copied().unwrap_or(0);
            text.line(&format!("verdicts_total{{outcome=\"{outcome}\"}}"), count);
        }
        text.of("reasons_total", "counter", "Reasons that stopped a ref, by code.");
        for (code, count) in &counted.reasons {
            text.line(&format!("reasons_total{{code=\"{code}\"}}"), count);
        }
        text.of("refused_requests_total", "counter", "Requests that were not judged, by HTTP status.");
        for (status, count) in &counted.refused {
            text.line(&format!("refused_requests_total{{status=\"{status}\"}}"), count);
        }
        text.of("judgement_seconds", "histogram", "How long a judgement took.");
        for (end, count) in CLASSES.iter().zip(&counted.times) {
            text.line(&format!("judgement_seconds_bucket{{le=\"{end}\"}}"), count);
        }
        let all = counted.times[CLASSES.len()];
        text.line("judgement_seconds_bucket{le=\"+Inf\"}", all);
        text.line("judgement_seconds_sum", counted.seconds);
        text.line("judgement_seconds_count", all);
        text.of("working", "gauge", "Workers that judge now.");
        text.line("working", working);
        text.of("waiting", "gauge", "Requests that wait for a worker.");
        text.line("waiting", waiting);
        text.of("ledger_records", "gauge", "Records of the ledger that was judged by last.");
        text.line("ledger_records", counted.records);
        text.of("ledger_chains", "gauge", "Chains of the ledger that was judged by last.");
        text.line("ledger_chains", counted.chains);
        if let Some(bytes) = resident() {
            text.of("resident_bytes", "gauge", "Memory of the service.");
            text.line("resident_bytes", bytes);
        }
        text.0
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn of(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP undersign_{name} {help}\n# TYPE undersign_{name} {kind}\n");
    }

    fn line(&mut self, name: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "undersign_{name} {value}");
    }
}

/// Bytes of memory in use, if the system reports them as Linux does.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
