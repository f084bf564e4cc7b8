//! How long something takes, in words.

/// A duration for display: its largest unit, rounded up.
pub fn length(seconds: i64) -> String {
    let (size, unit) = match seconds {
        ..=120 => (1, "second"),
        121..=7_200 => (60, "minute"),
        7_201..=172_800 => (3_600, "hour"),
        _ => (86_400, "day"),
    };
    let n = (seconds + size - 1) / size;
    format!("{n} {unit}{}", if n == 1 { "" } else { "s" })
}
