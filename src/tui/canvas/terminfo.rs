//! What a terminal can do beyond the ANSI of the VT102, from the system's own list: the compiled entry for `TERM`, as
//! term(5) describes it. Two of its capabilities are read; what cannot be read counts as absent.

use std::path::{Path, PathBuf};

/// How a terminal erases. The default is valid for every terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erasing {
    /// Erased cells take the background of the pen (`bce`), not the default one. In GNU screen, for example, they do
    /// not.
    pub paints: bool,
    /// It can erase a number of cells to the right of the cursor (`ech`), not only all of them.
    pub counts: bool,
}

/// Entries are a few kilobytes; anything larger is not an entry.
const MAX_ENTRY: u64 = 1 << 16;

const MAGIC: usize = 0o432;
/// As [`MAGIC`], with numbers of four bytes instead of two.
const MAGIC_WIDE: usize = 0o1036;

/// The indices of `bce` among the booleans, and of `ech` among the strings.
const BCE: usize = 28;
const ECH: usize = 37;

/// The one form of `ech` that is written; another would need the language of parameters.
const ECH_FORM: &[u8] = b"\x1b[%p1%dX\0";

impl Erasing {
    /// Of the terminal that the environment names.
    pub fn of_environment() -> Erasing {
        let name = std::env::var("TERM").unwrap_or_default();
        // A name must be a single path component.
        if name.is_empty() || name.starts_with('.') || name.contains('/') || !name.is_ascii() {
            return Erasing::default();
        }
        let entry = folders().into_iter().find_map(|folder| read(&folder, &name));
        entry.and_then(|entry| Erasing::of_entry(&entry)).unwrap_or_default()
    }

    /// From a compiled entry; none if it is not one.
    fn of_entry(entry: &[u8]) -> Option<Erasing> {
        let word = |at: usize| Some(usize::from(u16::from_le_bytes([*entry.get(at)?, *entry.get(at + 1)?])));
        let number = match word(0)? {
            MAGIC => 2,
            MAGIC_WIDE => 4,
            _ => return None,
        };
        let (names, booleans, numbers, strings) = (word(2)?, word(4)?, word(6)?, word(8)?);
        let begin = 12 + names;
        let paints = BCE < booleans && *entry.get(begin + BCE)? == 1;
        // Numbers are aligned to even offsets.
        let offsets = (begin + booleans).next_multiple_of(2) + number * numbers;
        let table = offsets + 2 * strings;
        let ech = if ECH < strings { word(offsets + 2 * ECH)? } else { usize::MAX };
        let counts = entry.get(table.saturating_add(ech)..).is_some_and(|text| text.starts_with(ECH_FORM));
        Some(Erasing { paints, counts })
    }
}

/// The folders of entries, in the order of ncurses.
fn folders() -> Vec<PathBuf> {
    let own = std::env::var_os("TERMINFO").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".terminfo"));
    let more = std::env::var_os("TERMINFO_DIRS").unwrap_or_default();
    let more: Vec<_> = std::env::split_paths(&more).filter(|folder| !folder.as_os_str().is_empty()).collect();
    let system = ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo"].map(PathBuf::from);
    own.into_iter().chain(home).chain(more).chain(system).collect()
}

/// The entry of a name, in a folder called by its first letter or by that letter's number.
fn read(folder: &Path, name: &str) -> Option<Vec<u8>> {
    let first = *name.as_bytes().first()?;
    let kept = [char::from(first).to_string(), format!("{first:x}")].map(|letter| folder.join(letter).join(name));
    let small = |path: &&PathBuf| path.metadata().is_ok_and(|file| file.is_file() && file.len() <= MAX_ENTRY);
    kept.iter().find(small).and_then(|path| std::fs::read(path).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry as tic(1) compiles it: names, booleans, numbers, offsets of strings, strings.
    fn entry(magic: u16, bce: u8, ech: Option<&[u8]>) -> Vec<u8> {
        let (names, mut booleans, numbers) = (b"t|a terminal\0", vec![0; 37], 3_u16);
        booleans[BCE] = bce;
        let strings = ech.unwrap_or_default();
        let mut offsets = [u16::MAX; 38];
        if ech.is_some() {
            offsets[ECH] = 0;
        }
        let words = [magic, names.len() as u16, 37, numbers, offsets.len() as u16, strings.len() as u16];
        let mut entry: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        entry.extend(names);
        entry.extend(booleans);
        if entry.len() % 2 == 1 {
            entry.push(0);
        }
        let size = if usize::from(magic) == MAGIC { 2 } else { 4 };
        entry.extend(vec![7; size * usize::from(numbers)]);
        entry.extend(offsets.iter().flat_map(|offset| offset.to_le_bytes()));
        entry.extend(strings);
        entry
    }

    #[test]
    fn an_entry_says_how_a_terminal_erases() {
        for magic in [MAGIC as u16, MAGIC_WIDE as u16] {
            let of = |bce, ech| Erasing::of_entry(&entry(magic, bce, ech)).unwrap();
            assert_eq!(of(1, Some(ECH_FORM)), Erasing { paints: true, counts: true });
            assert_eq!(of(0, None), Erasing::default());
            // Cancelled (-2 as a byte), and another form.
            assert_eq!(of(0xFE, Some(b"\x1b[%p1%d;1X\0")), Erasing::default());
        }
    }

    #[test]
    fn what_is_no_entry_promises_nothing_and_panics_nowhere() {
        let whole = entry(MAGIC as u16, 1, Some(ECH_FORM));
        for end in 0..whole.len() {
            let cut = Erasing::of_entry(&whole[..end]).unwrap_or_default();
            assert!(!cut.counts, "{end}");
        }
        for at in 0..whole.len() {
            for byte in [0, 1, 0x7F, 0xFF] {
                let mut wrong = whole.clone();
                wrong[at] = byte;
                let _ = Erasing::of_entry(&wrong);
            }
        }
        assert_eq!(Erasing::of_entry(b"xterm|an entry in words,\n\tbce,"), None);
    }
}
