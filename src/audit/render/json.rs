//! A report for machines: one object in ASCII, with the members that the manual describes.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

pub fn write(report: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::pretty(Ascii(out));
    report.serialize(&mut serializer).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

/// Escapes non-ASCII characters while writing: a report may be too large to be in memory twice. Such characters occur
/// only in strings, and a write never ends inside a string.
struct Ascii<'o>(&'o mut dyn Write);

impl Write for Ascii<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_ascii() && !bytes.contains(&0x7F) {
            return self.0.write_all(bytes);
        }
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        let mut escaped = String::with_capacity(2 * text.len());
        for c in text.chars() {
            match c {
                '\n' | ' '..='~' => escaped.push(c),
                _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| _ = write!(escaped, "\\u{unit:04x}")),
            }
        }
        self.0.write_all(escaped.as_bytes())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
