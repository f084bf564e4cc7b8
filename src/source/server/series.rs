//! Commits as reported by a server without git refs: the metadata of each, and its patch. All of it consists of claims;
//! a commit built from them is the claimed one only if its id matches.

use jiff::fmt::temporal::{Pieces, PiecesOffset};

use crate::change::ObjectId;

/// The commits of a review request, each based on the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// The parent of the first commit.
    pub base: ObjectId,
    /// The last is the head.
    pub commits: Vec<Patched>,
}

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patched {
    pub id: ObjectId,
    pub parent: ObjectId,
    pub author: Signature,
    pub committer: Signature,
    pub message: String,
    /// In git's format, with full ids.
    pub patch: Vec<u8>,
}

/// Who made a commit, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub name: String,
    pub email: String,
    /// Since the epoch.
    pub seconds: i64,
    /// The offset of the time zone, east of Greenwich.
    pub minutes: i32,
}

impl Signature {
    /// With a date in RFC 3339 format: `2026-03-01T10:00:00+05:30`. None for any other date.
    pub fn dated(name: String, email: String, date: &str) -> Option<Signature> {
        let pieces = Pieces::parse(date).ok()?;
        let offset = match pieces.offset()? {
            PiecesOffset::Zulu => jiff::tz::Offset::UTC,
            PiecesOffset::Numeric(numeric) => numeric.offset(),
            _ => return None,
        };
        let time = offset.to_timestamp(pieces.date().to_datetime(pieces.time()?)).ok()?;
        Some(Signature { name, email, seconds: time.as_second(), minutes: offset.seconds() / 60 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_time_and_the_clock_it_was_read_from() {
        let dated = |date: &str| {
            let found = Signature::dated("Zoë".to_owned(), "z@example.com".to_owned(), date)?;
            Some((found.seconds, found.minutes))
        };
        assert_eq!(dated("2026-03-01T10:00:00+05:30"), Some((1_772_339_400, 330)));
        assert_eq!(dated("2026-03-02T10:00:00-03:30"), Some((1_772_458_200, -210)));
        assert_eq!(dated("2026-11-27T21:04:05Z"), Some((1_795_813_445, 0)));
        for none in ["", "yesterday", "2026-03-01", "2026-03-01T10:00:00", "2026-13-01T10:00:00Z"] {
            assert_eq!(dated(none), None, "{none}");
        }
    }
}
