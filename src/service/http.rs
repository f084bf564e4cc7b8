//! Bytes → a request, or why not. Stricter than HTTP allows, because differences between two parsers are how a request
//! is smuggled past the first of them: there is one way to end a line, and one way to give the length of a body.

use std::io::{self, BufRead, ErrorKind, Read as _};

/// Bytes of request line and headers together.
pub const MAX_HEAD: usize = 16 << 10;
pub const MAX_HEADERS: usize = 64;

/// Everything before the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub method: String,
    /// As sent: nothing in it is decoded.
    pub target: String,
    /// The 1 of HTTP/1.1.
    pub minor: u8,
    /// In order, without white space around the values.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Bytes of the body.
    pub length: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub head: Head,
    pub body: Vec<u8>,
}

/// Why a request is refused: a status and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpError {
    pub status: u16,
    pub sentence: String,
}

impl HttpError {
    pub fn new(status: u16, sentence: impl Into<String>) -> HttpError {
        HttpError { status, sentence: sentence.into() }
    }
}

/// Why there is no request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestError {
    /// The client is gone; nobody would read an answer.
    Gone,
    Refused(HttpError),
}

impl From<io::Error> for RequestError {
    fn from(error: io::Error) -> RequestError {
        match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => {
                refused(408, "The request did not arrive whole within the time that this service gives it.")
            }
            _ => RequestError::Gone,
        }
    }
}

fn refused(status: u16, sentence: impl Into<String>) -> RequestError {
    RequestError::Refused(HttpError::new(status, sentence))
}

/// Reads up to the body, which may have `max_body` bytes.
///
/// # Errors
/// [`RequestError`]; what remains in the reader then is not a request.
pub fn read_head(reader: &mut impl BufRead, max_body: u64) -> Result<Head, RequestError> {
    let bytes = head_bytes(reader)?;
    let mut head = parse(&bytes)?;
    check_host(&head)?;
    head.length = length(&head, max_body)?;
    Ok(head)
}

/// Reads the body that a head announces. Memory is allocated as bytes arrive, never because a header promises them.
///
/// # Errors
/// [`RequestError`]; a body that ends early is an error.
pub fn read_body(reader: &mut impl BufRead, head: Head) -> Result<Request, RequestError> {
    let mut body = Vec::new();
    reader.by_ref().take(head.length).read_to_end(&mut body)?;
    if (body.len() as u64) < head.length { Err(RequestError::Gone) } else { Ok(Request { head, body }) }
}

/// Everything up to the empty line; every line is checked as it arrives.
fn head_bytes(reader: &mut impl BufRead) -> Result<Vec<u8>, RequestError> {
    let mut head = Vec::new();
    loop {
        let start = head.len();
        reader.by_ref().take((MAX_HEAD - start) as u64).read_until(b'\n', &mut head)?;
        let line = &head[start..];
        if !line.ends_with(b"\n") {
            let full = head.len() == MAX_HEAD;
            return Err(if full { refused(431, "The headers are longer than 16 KiB.") } else { RequestError::Gone });
        }
        check_line(line, start == 0)?;
        if line == b"\r\n" {
            return Ok(head);
        }
    }
}

fn check_line(line: &[u8], first: bool) -> Result<(), RequestError> {
    let Some(text) = line.strip_suffix(b"\r\n") else {
        return Err(refused(400, "A line of the head ends with a bare line feed."));
    };
    if first && text.is_empty() {
        return Err(refused(400, "The request begins with an empty line."));
    }
    if !first && (text.starts_with(b" ") || text.starts_with(b"\t")) {
        return Err(refused(400, "A header is folded over several lines."));
    }
    if text.iter().any(|&b| b < b' ' && b != b'\t' || b == 0x7F) {
        return Err(refused(400, "There is a control character in the head."));
    }
    Ok(())
}

fn parse(bytes: &[u8]) -> Result<Head, RequestError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let read = request.parse(bytes).map_err(|error| match error {
        httparse::Error::TooManyHeaders => refused(431, format!("There are more than {MAX_HEADERS} headers.")),
        httparse::Error::Version => refused(505, "This service speaks HTTP/1.1 and HTTP/1.0."),
        _ => refused(400, "The head of the request is not HTTP/1.1."),
    })?;
    let (httparse::Status::Complete(end), Some(method), Some(target), Some(minor)) =
        (read, request.method, request.path, request.version)
    else {
        return Err(refused(400, "The head of the request is not HTTP/1.1."));
    };
    // If the parser sees the end of the head elsewhere than we did, another program may too.
    if end != bytes.len() {
        return Err(refused(400, "The head of the request is not HTTP/1.1."));
    }
    let headers = request.headers.iter().map(|header| (header.name.to_owned(), header.value.to_vec())).collect();
    Ok(Head { method: method.to_owned(), target: target.to_owned(), minor, headers, length: 0 })
}

fn check_host(head: &Head) -> Result<(), RequestError> {
    match head.all("host").count() {
        1 => Ok(()),
        0 if head.minor == 0 => Ok(()),
        _ => Err(refused(400, "HTTP/1.1 wants one Host header.")),
    }
}

/// The length of the body: given once, in decimal, or not at all.
fn length(head: &Head, max_body: u64) -> Result<u64, RequestError> {
    let lengths: Vec<_> = head.all("content-length").collect();
    let mut codings = head.all("transfer-encoding");
    match (&lengths[..], codings.next()) {
        ([], Some(coding)) if coding.eq_ignore_ascii_case(b"chunked") => {
            Err(refused(411, "Chunked bodies are not read; send Content-Length."))
        }
        ([], Some(_)) => Err(refused(501, "Transfer codings are not read; send Content-Length.")),
        (_, Some(_)) => Err(refused(400, "Content-Length and Transfer-Encoding contradict each other.")),
        ([], None) if head.method == "POST" => Err(refused(411, "A POST needs Content-Length.")),
        ([], None) => Ok(0),
        ([digits], None) => decimal(digits)?.filter(|&length| length <= max_body).ok_or_else(|| {
            refused(413, format!("The body is longer than the {max_body} bytes that this service takes."))
        }),
        (_, None) => Err(refused(400, "There are several Content-Length headers.")),
    }
}

/// A decimal number; none if it is too large.
fn decimal(digits: &[u8]) -> Result<Option<u64>, RequestError> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(refused(400, "Content-Length is not a decimal number."));
    }
    Ok(std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()))
}

impl Head {
    /// The values of all headers of a name, which is given in lower case.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
        self.headers.iter().filter(move |(held, _)| held.eq_ignore_ascii_case(name)).map(|(_, value)| &value[..])
    }

    /// Whether the client will send no further request.
    pub fn closes(&self) -> bool {
        let tokens = self.all("connection").flat_map(|value| value.split(|&b| b == b','));
        self.minor == 0 || tokens.map(<[u8]>::trim_ascii).any(|token| token.eq_ignore_ascii_case(b"close"))
    }

    /// Whether the client waits for an interim answer before it sends the body.
    ///
    /// # Errors
    /// It expects something else.
    pub fn expects_continue(&self) -> Result<bool, RequestError> {
        if !self.all("expect").all(|what| what.eq_ignore_ascii_case(b"100-continue")) {
            return Err(refused(417, "Of what a client may expect, only 100-continue is known."));
        }
        Ok(self.minor > 0 && self.all("expect").next().is_some())
    }
}

/// The answer that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Its media type.
    pub kind: &'static str,
    /// In addition to those that every answer has.
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Answer {
    pub fn new(status: u16, body: String) -> Answer {
        Answer { status, kind: "application/json", headers: Vec::new(), body }
    }

    pub fn text(status: u16, kind: &'static str, body: String) -> Answer {
        Answer { kind, ..Answer::new(status, body) }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Answer {
        self.headers.push((name, value.into()));
        self
    }

    /// As bytes; without the body if the request was a HEAD.
    pub fn encode(&self, date: &str, closes: bool, bodiless: bool) -> Vec<u8> {
        let mut text = format!(
            "HTTP/1.1 {} {}\r\ndate: {date}\r\ncontent-type: {}\r\ncontent-length: {}\r\ncache-control: \
             no-store\r\n",
            self.status,
            phrase(self.status),
            self.kind,
            self.body.len()
        );
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(if closes { "connection: close\r\n\r\n" } else { "\r\n" });
        if !bodiless {
            text.push_str(&self.body);
        }
        text.into_bytes()
    }
}

impl From<HttpError> for Answer {
    fn from(error: HttpError) -> Answer {
        let answer = Answer::new(error.status, serde_json::json!({ "error": error.sentence }).to_string());
        if error.status == 503 { answer.with("retry-after", "1") } else { answer }
    }
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Request, RequestError> {
        let mut reader = bytes;
        let head = read_head(&mut reader, 100)?;
        read_body(&mut reader, head)
    }

    fn status(bytes: &[u8]) -> u16 {
        match read(bytes) {
            Ok(_) => 200,
            Err(RequestError::Gone) => 0,
            Err(RequestError::Refused(error)) => error.status,
        }
    }

    /// Lines of a head after `POST / HTTP/1.1` and Host, and the resulting status; the body is `{}`.
    const HEADS: [(&str, u16); 27] = [
        ("Content-Length: 2\r\n", 200),
        ("content-length:2\r\n", 200),
        ("Content-Length: \t 02 \r\n", 200),
        ("Content-Length: 3\r\n", 0),
        ("", 411),
        ("Content-Length: 101\r\n", 413),
        ("Content-Length: 99999999999999999999999\r\n", 413),
        ("Content-Length: +2\r\n", 400),
        ("Content-Length: -2\r\n", 400),
        ("Content-Length: 0x2\r\n", 400),
        ("Content-Length: 2, 2\r\n", 400),
        ("Content-Length:\r\n", 400),
        ("Content-Length: 2\r\nContent-Length: 2\r\n", 400),
        ("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Content-Length: 2\r\nTransfer-Encoding: identity\r\n", 400),
        ("Transfer-Encoding: chunked\r\n", 411),
        ("Transfer-Encoding: gzip, chunked\r\n", 501),
        ("Transfer-Encoding : chunked\r\n", 400),
        ("Content-Length : 2\r\n", 400),
        ("Content-Length: 2\n", 400),
        ("X: a\rb\r\nContent-Length: 2\r\n", 400),
        ("X: a\0b\r\nContent-Length: 2\r\n", 400),
        ("X: a\r\n b\r\nContent-Length: 2\r\n", 400),
        ("X: a\r\n\tContent-Length: 2\r\n", 400),
        ("No colon\r\nContent-Length: 2\r\n", 400),
        ("Host: b\r\nContent-Length: 2\r\n", 400),
        ("X: \u{e9}\r\nContent-Length: 2\r\n", 200),
    ];

    #[test]
    fn a_head_is_read_one_way_or_refused() {
        for (lines, expected) in HEADS {
            let bytes = format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n{{}}");
            assert_eq!(status(bytes.as_bytes()), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_first_line_is_read_one_way_or_refused() {
        let lines: [(&[u8], u16); 13] = [
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200),
            (b"GET / HTTP/1.0\r\n\r\n", 200),
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
            (b"GET / HTTP/1.1\nHost: a\n\n", 400),
            (b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            (b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            (b"GET /\r\n\r\n", 400),
            (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 505),
            (b"\x16\x03\x01\x02\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a\r\n", 0),
            (b"", 0),
        ];
        for (bytes, expected) in lines {
            assert_eq!(status(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_head_has_limits_in_bytes_and_in_headers() {
        let sized = |size: usize| format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", "a".repeat(size - 26));
        assert_eq!(sized(MAX_HEAD).len(), MAX_HEAD);
        assert_eq!(status(sized(MAX_HEAD).as_bytes()), 200);
        assert_eq!(status(sized(MAX_HEAD + 1).as_bytes()), 431);
        assert_eq!(status(&[b'a'; MAX_HEAD * 2]), 431);
        let many = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(count - 1));
        assert_eq!(status(many(MAX_HEADERS).as_bytes()), 200);
        assert_eq!(status(many(MAX_HEADERS + 1).as_bytes()), 431);
    }

    #[test]
    fn what_follows_a_request_is_left_for_the_next() {
        let mut reader: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}GET /";
        let head = read_head(&mut reader, 100).unwrap();
        let request = read_body(&mut reader, head).unwrap();
        assert_eq!((&request.body[..], reader), (&b"{}"[..], &b"GET /"[..]));
    }

    #[test]
    fn a_client_says_whether_it_stays_and_what_it_expects() {
        let head = |lines: &str| {
            let bytes = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
            read_head(&mut bytes.as_bytes(), 100).unwrap()
        };
        assert!(!head("").closes());
        assert!(!head("Connection: keep-alive\r\n").closes());
        assert!(head("Connection: keep-alive, CLOSE\r\n").closes());
        assert_eq!(head("Expect: 100-Continue\r\n").expects_continue(), Ok(true));
        assert!(head("Expect: tea\r\n").expects_continue().is_err());
        assert!(head("Expect: 100-continue\r\nExpect: tea\r\n").expects_continue().is_err());
        assert!(read_head(&mut &b"GET / HTTP/1.0\r\n\r\n"[..], 100).unwrap().closes());
    }
}
