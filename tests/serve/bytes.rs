//! What is read from arbitrary bytes: never a panic, and never a request that could be read in another way.

use proptest::prelude::*;
use undersign::service::http::{Request, RequestError, read_body, read_head};

const MAX_BODY: u64 = 64;

/// The first request in some bytes, and how many it took.
fn read(bytes: &[u8]) -> Result<(Request, usize), RequestError> {
    let mut reader = bytes;
    let head = read_head(&mut reader, MAX_BODY)?;
    let request = read_body(&mut reader, head)?;
    Ok((request, bytes.len() - reader.len()))
}

fn write(request: &Request) -> Vec<u8> {
    let head = &request.head;
    let mut bytes = format!("{} {} HTTP/1.{}\r\n", head.method, head.target, head.minor).into_bytes();
    for (name, value) in &head.headers {
        bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    [&bytes, &b"\r\n"[..], &request.body].concat()
}

/// The bytes of a head without the white space around values, which says nothing.
fn tight(bytes: &[u8]) -> Vec<u8> {
    let lines = bytes.split(|&b| b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let tighten = |line: &[u8]| match line.iter().position(|&b| b == b':') {
        Some(at) => [&line[..=at], line[at + 1..].trim_ascii()].concat(),
        None => line.to_vec(),
    };
    lines.map(tighten).collect::<Vec<_>>().join(&b'\n')
}

fn holds(bytes: &[u8]) -> Result<bool, TestCaseError> {
    let Ok((request, taken)) = read(bytes) else { return Ok(false) };
    let written = write(&request);
    let (again, all) = read(&written).map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
    prop_assert_eq!(&again, &request);
    prop_assert_eq!(all, written.len());
    // Nothing was left out or put in: a stricter or laxer reader before us saw the same lines.
    let head = taken - request.body.len();
    prop_assert_eq!(tight(&written[..all - request.body.len()]), tight(&bytes[..head]));
    prop_assert_eq!(&request.body[..], &bytes[head..taken]);
    Ok(true)
}

/// Bytes that are nearly a request.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "GET",
        "POST",
        "HEAD",
        " ",
        " ",
        "/",
        "/v1/verify",
        "HTTP/1.1",
        "HTTP/1.0",
        "HTTP/2.0",
        "\r\n",
        "\r\n",
        "\r\n",
        "\n",
        "\r",
        "\t",
        "\0",
        ":",
        ": ",
        "Host: a\r\n",
        "Host: a",
        "Content-Length: 2\r\n",
        "Content-Length: 0\r\n",
        "Content-Length",
        "Transfer-Encoding: chunked\r\n",
        "Connection: close\r\n",
        "X: y\r\n",
        " folded\r\n",
        "{}",
        "0\r\n\r\n",
        "é",
        "GET / HTTP/1.1\r\n",
        "POST / HTTP/1.1\r\n",
        "GET / HTTP/1.0\r\n",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat().into_bytes())
}

/// Requests as they should be, with some bytes changed.
fn bent() -> impl Strategy<Value = Vec<u8>> {
    let header = ("[A-Za-z-]{1,12}", "[ -~\\t]{0,20}").prop_map(|(name, value)| format!("X-{name}: {value}\r\n"));
    let whole =
        (prop::collection::vec(header, 0..4), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(headers, body)| {
            let length = body.len();
            let head =
                format!("POST /v1/verify HTTP/1.1\r\nHost: a\r\n{}Content-Length: {length}\r\n\r\n", headers.concat());
            [head.as_bytes(), &body].concat()
        });
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    (whole, changes).prop_map(|(mut bytes, changes)| {
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn arbitrary_bytes_are_read_one_way(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        holds(&bytes)?;
    }

    #[test]
    fn what_is_nearly_a_request_is_read_one_way(bytes in nearly()) {
        holds(&bytes)?;
    }

    #[test]
    fn a_bent_request_is_read_one_way(bytes in bent()) {
        holds(&bytes)?;
    }
}

#[test]
fn a_straight_request_is_read() {
    let bytes = b"POST /v1/verify HTTP/1.1\r\nHost: a\r\nX: \t b c \r\nContent-Length: 2\r\n\r\n{}";
    assert!(holds(bytes).unwrap());
    assert!(holds(b"GET / HTTP/1.0\r\n\r\nrest").unwrap());
}
