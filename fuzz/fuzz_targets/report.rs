//! Reports of other tools, whatever their format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use undersign::risk::external::{read, test_coverage};

fuzz_target!(|data: &[u8]| {
    if let Ok(report) = read(data, "fuzz") {
        assert!(report.runs.len() <= 100);
        assert!(report.runs.iter().map(|run| run.diagnostics.len()).sum::<usize>() <= 50_000 * 20);
    }
    let _ = test_coverage::read(data);
});
