//! A commit object → [`Commit`], or why nobody can be sure who wrote it. Git, libgit2 and hosts each read a malformed
//! header differently, and an author whom one of them overlooks could approve her own work: so the header is parsed
//! strictly here, or refused.

use crate::change::{Commit, Identity, ObjectId};

/// Reads the bytes of a commit object.
///
/// # Errors
/// A clause: what is not in git's format.
pub(super) fn parse(id: ObjectId, object: &[u8]) -> Result<Commit, &'static str> {
    if object.contains(&0) {
        return Err("it holds a NUL byte, at which some programs stop reading");
    }
    let end = object.windows(2).position(|pair| pair == b"\n\n").ok_or("its header has no end")?;
    let (header, message) = (&object[..end], &object[end + 2..]);
    let mut lines = header.split(|&b| b == b'\n').peekable();
    lines.next().and_then(|line| hash(line, b"tree ")).ok_or("its header does not begin with one tree")?;
    let mut parents = Vec::new();
    while let Some(parent) = lines.peek().and_then(|line| hash(line, b"parent ")) {
        parents.push(parent);
        lines.next();
    }
    let author = lines.next().and_then(|line| line.strip_prefix(b"author "));
    let committer = lines.next().and_then(|line| line.strip_prefix(b"committer "));
    let (author, committer) =
        author.zip(committer).ok_or("one author and one committer must follow tree and parents")?;
    let charset = charset(further(lines)?)?;
    let (author, _) = identity(author, charset)?;
    let (committer, time) = identity(committer, charset)?;
    if !addresses(message).all(|word| charset.reads(word)) {
        return Err("an address in its message is not in the encoding that it declares");
    }
    Ok(Commit { id, parents, author, committer, message: text(message), time })
}

fn hash(line: &[u8], name: &[u8]) -> Option<ObjectId> {
    std::str::from_utf8(line.strip_prefix(name)?).ok()?.parse().ok()
}

/// The encoding declared in the rest of the header. Fails if that repeats a header that may occur only once, or
/// contains one that belongs further up.
fn further<'h>(lines: impl Iterator<Item = &'h [u8]>) -> Result<Option<&'h [u8]>, &'static str> {
    let (mut encoding, mut signed, mut may_continue) = (None, false, false);
    for line in lines {
        if line.starts_with(b" ") {
            // Some programs read a continuation of the committer line as part of it, others do not.
            if !may_continue {
                return Err("a line of its header continues none that may be continued");
            }
            continue;
        }
        may_continue = true;
        let (name, value) = line.split_at(line.iter().position(|&b| b == b' ').unwrap_or(line.len()));
        let repeated = match name {
            b"tree" | b"parent" | b"author" | b"committer" => true,
            b"encoding" => {
                may_continue = false;
                encoding.replace(value.trim_ascii()).is_some()
            }
            b"gpgsig" => std::mem::replace(&mut signed, true),
            _ => false,
        };
        if repeated {
            return Err("its header says the same thing twice, or in another order than git writes");
        }
    }
    Ok(encoding)
}

/// How to decode the bytes of a commit, as far as addresses are concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Charset {
    Utf8,
    /// However other letters are encoded, bytes below 0x80 are ASCII.
    BeyondAscii,
}

impl Charset {
    /// Whether every program decodes these bytes in the same way.
    fn reads(self, bytes: &[u8]) -> bool {
        match self {
            Charset::Utf8 => std::str::from_utf8(bytes).is_ok(),
            Charset::BeyondAscii => bytes.is_ascii(),
        }
    }
}

fn charset(encoding: Option<&[u8]>) -> Result<Charset, &'static str> {
    let Some(encoding) = encoding else { return Ok(Charset::Utf8) };
    let name = String::from_utf8_lossy(encoding).to_ascii_lowercase().replace(['-', '_'], "");
    let beyond = ["iso8859", "latin", "windows125", "cp125", "koi8", "eucjp", "euckr"];
    match name.as_str() {
        "utf8" | "ascii" | "usascii" => Ok(Charset::Utf8),
        _ if beyond.iter().any(|start| name.starts_with(start)) => Ok(Charset::BeyondAscii),
        _ => Err("it declares an encoding in which its bytes read as other text than they are shown as"),
    }
}

/// `Name <address> 1790000000 +0000`, with one address that no program can read in another way; returned with the
/// seconds since the epoch.
fn identity(line: &[u8], charset: Charset) -> Result<(Identity, i64), &'static str> {
    let whole = |line: &[u8]| {
        let open = line.iter().position(|&b| b == b'<')?;
        let close = open + line[open..].iter().position(|&b| b == b'>')?;
        let (name, address) = (line[..open].to_vec(), line[open + 1..close].to_vec());
        let spaced = name.is_empty() || name.ends_with(b" ");
        let time = seconds(line[close + 1..].strip_prefix(b" ")?)?;
        (spaced && !name.contains(&b'>') && !address.contains(&b'<')).then_some((name, address, time))
    };
    let (name, address, time) =
        whole(line).ok_or("its author or committer is not written as one name, one address and a time")?;
    if !charset.reads(&address) {
        return Err("the address of its author or committer is not in the encoding that it declares");
    }
    let (name, email) = (text(name.trim_ascii()), text(address.trim_ascii()));
    if email.is_empty() {
        return Err("its author or committer has no address");
    }
    if email.contains(char::is_whitespace) || email.matches('@').count() > 1 {
        return Err("the address of its author or committer may be read as more than one");
    }
    Ok((Identity { name, email }, time))
}

/// `1790000000 +0000`
fn seconds(date: &[u8]) -> Option<i64> {
    let (seconds, zone) = std::str::from_utf8(date).ok()?.split_once(' ')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_zone = zone.strip_prefix(['+', '-']).is_some_and(digits);
    (is_zone && digits(seconds.strip_prefix('-').unwrap_or(seconds))).then(|| seconds.parse().ok())?
}

/// The words that look like addresses.
fn addresses(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let words = message.split(|b| b.is_ascii_whitespace() || matches!(b, b'<' | b'>'));
    words.filter(|word| word.contains(&b'@'))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINA: &str = "mina <mina@example.com> 1790000000 +0200";

    /// Builds a commit; further header lines go between committer and message.
    fn commit(author: &[u8], further: &[u8], message: &[u8]) -> Vec<u8> {
        let tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        let start = format!("tree {tree}\nparent {}\nauthor ", "1".repeat(40)).into_bytes();
        let committer = format!("\ncommitter {MINA}\n").into_bytes();
        [&start, author, &committer, further, b"\n", message].concat()
    }

    fn read(object: &[u8]) -> Result<String, &'static str> {
        parse(ObjectId::ZERO, object).map(|commit| format!("{}|{}", commit.author.name, commit.author.email))
    }

    #[test]
    fn a_commit_as_git_writes_it_is_read() {
        let signed = b"gpgsig -----BEGIN SSH SIGNATURE-----\n  author x\n -----END SSH SIGNATURE-----\n";
        let read = parse(ObjectId::ZERO, &commit(MINA.as_bytes(), signed, b"Title\n\nText\n")).unwrap();
        assert_eq!((read.parents.len(), read.time), (1, 1_790_000_000));
        assert_eq!(read.author, Identity { name: "mina".into(), email: "mina@example.com".into() });
        assert_eq!((read.committer, read.message.as_str()), (read.author, "Title\n\nText\n"));
    }

    #[test]
    fn authors_that_git_itself_writes_are_read() {
        for (author, wanted) in [
            ("mina <mina@example.com> 0 +0000", "mina|mina@example.com"),
            ("<mina@example.com> 1 -0130", "|mina@example.com"),
            ("mina@example.com <mina@example.com> 1 +0000", "mina@example.com|mina@example.com"),
            (
                "Mina (Ops), \"M\" <1+mina[bot]@users.noreply.github.com> 1 +0000",
                "Mina (Ops), \"M\"|1+mina[bot]@users.noreply.github.com",
            ),
            ("root <root@box.(none)> 1 +0000", "root|root@box.(none)"),
            ("mina <mina> -1 +0000", "mina|mina"),
        ] {
            assert_eq!(read(&commit(author.as_bytes(), b"", b"x")), Ok(wanted.to_owned()), "{author}");
        }
    }

    #[test]
    fn an_author_who_can_be_read_in_two_ways_or_in_none_is_no_author() {
        for author in [
            "",
            " ",
            "mina",
            "mina <> 1 +0000",
            "mina < > 1 +0000",
            " <> 1 +0000",
            "mina <mina@example.com>",
            "mina <mina@example.com> ",
            "mina <mina@example.com> 1",
            "mina <mina@example.com> 1 +0000 ",
            "mina <mina@example.com> 1 +0000\r",
            "mina <mina@example.com>  1 +0000",
            "mina <mina@example.com> 99999999999999999999 +0000",
            "mina <mina@example.com> x +0000",
            "mina<mina@example.com> 1 +0000",
            "mina mina@example.com 1 +0000",
            "mina <mina@example.com> <dana@example.com> 1 +0000",
            "mina <mina@example.com> dana <dana@example.com> 1 +0000",
            "mina <<mina@example.com>> 1 +0000",
            "mina > <mina@example.com> 1 +0000",
            "mina <mina@example.com, dana@example.com> 1 +0000",
            "mina <mina@example.com;dana@example.com> 1 +0000",
            "mina <mina@example.com dana@example.com> 1 +0000",
            "mina <mina@example.com\u{A0}dana> 1 +0000",
            "mina <mina@dana@example.com> 1 +0000",
        ] {
            assert!(read(&commit(author.as_bytes(), b"", b"x")).is_err(), "{author:?}");
            let other = commit(MINA.as_bytes(), b"", b"x");
            let swapped =
                String::from_utf8(other).unwrap().replace(&format!("committer {MINA}"), &format!("committer {author}"));
            assert!(read(swapped.as_bytes()).is_err(), "committer {author:?}");
        }
    }

    #[test]
    fn a_header_in_another_order_or_with_a_field_twice_is_not_read() {
        let good = String::from_utf8(commit(MINA.as_bytes(), b"", b"x")).unwrap();
        let (author, committer) = (format!("author {MINA}\n"), format!("committer {MINA}\n"));
        let parent = format!("parent {}\n", "1".repeat(40));
        for (from, to) in [
            (author.as_str(), String::new()),
            (&author, format!("{author}{author}")),
            (&author, format!("{author} dana <dana@example.com>\n")),
            (&author, format!("{committer}{author}")),
            (&committer, String::new()),
            (&committer, format!("{committer}{committer}")),
            (&committer, format!("{committer}{author}")),
            (&committer, format!("{committer}{parent}")),
            (&committer, format!("{committer} dana\n")),
            (&committer, format!("{committer}note x\nauthor {MINA}\n")),
            (&committer, format!("{committer}encoding UTF-8\nencoding UTF-8\n")),
            (&committer, format!("{committer}encoding UTF-8\n -7\n")),
            (&committer, format!("{committer}gpgsig a\ngpgsig b\n")),
            (&parent, format!("{author}{parent}")),
            ("\n\nx", "\n".to_owned()),
            ("\n\nx", "\n\nx\0Co-authored-by: dana".to_owned()),
            ("<mina@example.com>", "<mina@example.com\0>".to_owned()),
            ("tree ", "Tree ".to_owned()),
        ] {
            let object = good.replacen(from, &to, 1);
            assert_ne!(object, good);
            assert!(read(object.as_bytes()).is_err(), "{object:?}");
        }
        let more = good.replacen(&committer, &format!("{committer}encoding utf8\nmergetag a\nmergetag b\n c\n"), 1);
        assert!(read(more.as_bytes()).is_ok(), "what else there may be");
    }

    #[test]
    fn bytes_that_an_encoding_makes_other_text_are_not_read() {
        let of = |encoding: &str, author: &[u8], message: &[u8]| {
            let header = format!("encoding {encoding}\n");
            read(&commit(author, if encoding.is_empty() { b"" } else { header.as_bytes() }, message))
        };
        let name = b"J\xf6rg <joerg@example.com> 1 +0000";
        let trailer = b"x\n\nCo-authored-by: J\xf6rg <joerg@example.com>\n";
        for sound in ["", "UTF-8", "ISO-8859-1", "latin1", "windows-1252", "EUC-JP"] {
            assert!(of(sound, name, trailer).is_ok(), "{sound}");
        }
        for unsound in ["UTF-7", "UTF-16", "IBM037", "ISO-2022-JP", "Shift_JIS", "x"] {
            assert!(of(unsound, MINA.as_bytes(), b"x").is_err(), "{unsound}");
        }
        let address = "dana <d\u{E4}na@example.com> 1 +0000";
        assert!(of("", address.as_bytes(), b"x").is_ok());
        assert!(of("ISO-8859-1", address.as_bytes(), b"x").is_err());
        assert!(of("", b"dana <d\xe4na@example.com> 1 +0000", b"x").is_err());
        assert!(of("ISO-8859-1", MINA.as_bytes(), b"x\n\nCo-authored-by: D <d\xe4na@example.com>").is_err());
    }
}
