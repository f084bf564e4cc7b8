//! FLOOR 4: the gate as a service. Sockets, and limits on how much of everything there may be at a time.
//!
//! Each connection has a thread that only waits and reads, so that slow clients do not block others. The number of
//! concurrent judgements is limited by the number of workers; the state of the service can be read without a worker.
//! Between two requests it keeps numbers, and what need not be read again: parsed policies, and the relevant parts of
//! ledgers. It keeps no verdict.

pub mod http;
pub mod metrics;
pub mod routes;
pub mod socket;
pub mod workers;

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::Shutdown;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use http::{Answer, HttpError, Request, RequestError};
use metrics::Metrics;
use socket::{Listener, Stream, Timed};

/// Connections at a time: those that are being read, that wait for a worker, that are being answered, and that are
/// idle.
pub const MAX_CONNECTIONS: usize = 128;
/// Requests on one connection.
pub const MAX_TURNS: usize = 1_000;
/// Bytes that are read ahead.
const BUFFER: usize = 8 << 10;
/// As large as that of the main thread: a judgement here must be able to recurse as deep as one there. Only the used
/// part takes memory.
const STACK: usize = 8 << 20;
/// Refused connections that are kept open so that their clients can read why.
const MAX_LEAVING: usize = 32;
/// How soon an idle connection notices that the service is ending.
const SLICE: Duration = Duration::from_millis(200);
/// How long a client that must not send more may take to hang up.
const FAREWELL: Duration = Duration::from_secs(1);
/// The pause after a failure to accept a connection: most likely there are no file handles left.
const RECOVER: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes.
    pub max_body: u64,
    /// For a request to arrive in full; and again for the answer to be read.
    pub timeout: Duration,
}

/// Counts of what was done so far.
#[derive(Debug)]
pub struct Tally {
    pub since: Instant,
    pub judged: AtomicU64,
    pub refused: AtomicU64,
    pub metrics: Metrics,
}

impl Tally {
    fn refuse(&self, status: u16) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.metrics.refused(status);
    }
}

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            since: Instant::now(),
            judged: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            metrics: Metrics::default(),
        }
    }
}

/// Returns an answer; called by as many threads as there are connections.
pub type Answerer<'a> = &'a (dyn Fn(&Request) -> Answer + Sync);

/// Serves until `stop` is set and the listener is woken: then no connection is accepted, and requests under way are
/// finished.
pub fn run(listener: Listener, limits: &Limits, stop: &AtomicBool, tally: &Tally, answer: Answerer<'_>) {
    let service = Service { limits, stop, tally, answer, open: AtomicUsize::new(0) };
    let mut leaving = VecDeque::new();
    thread::scope(|scope| {
        while let Some(stream) = service.next(&listener) {
            let Some(connection) = service.admit() else {
                service.turn_away(stream, &mut leaving);
                continue;
            };
            let entertained = || {
                let (stream, _connection) = (stream, connection);
                service.entertain(&stream);
            };
            // Without a thread, the connection closes unanswered; nothing is judged.
            let _ = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, entertained);
        }
        drop(listener);
    });
}

struct Service<'s> {
    limits: &'s Limits,
    stop: &'s AtomicBool,
    tally: &'s Tally,
    answer: Answerer<'s>,
    open: AtomicUsize,
}

/// One of [`MAX_CONNECTIONS`], released on drop.
struct OpenConnection<'s>(&'s AtomicUsize);

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Service<'_> {
    fn is_ending(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// The next connection; none when the service is ending.
    fn next(&self, listener: &Listener) -> Option<Stream> {
        while !self.is_ending() {
            match listener.accept() {
                Ok(stream) => return Some(stream).filter(|_| !self.is_ending()),
                Err(_) if self.is_ending() => {}
                Err(_) => thread::sleep(RECOVER),
            }
        }
        None
    }

    fn admit(&self) -> Option<OpenConnection<'_>> {
        // Only the accepting thread adds to it.
        let free = self.open.load(Ordering::Acquire) < MAX_CONNECTIONS;
        free.then(|| {
            self.open.fetch_add(1, Ordering::AcqRel);
            OpenConnection(&self.open)
        })
    }

    /// Reports that there is no room, without waiting for anything. Closing at once could discard the answer before it
    /// is read, so the connection stays open until others are refused.
    fn turn_away(&self, stream: Stream, leaving: &mut VecDeque<Stream>) {
        self.tally.refuse(503);
        let answer = Answer::from(HttpError::new(503, "There are too many connections. Try again."));
        let told = stream.set_nonblocking().and_then(|()| stream.offer(&answer.encode(&date(), true, false)));
        if told.is_ok() && stream.shutdown(Shutdown::Write).is_ok() {
            leaving.push_back(stream);
            leaving.drain(..leaving.len().saturating_sub(MAX_LEAVING));
        }
    }

    fn entertain(&self, stream: &Stream) {
        let mut reader = BufReader::with_capacity(BUFFER, Timed { stream, until: Instant::now() });
        for turn in 1..=MAX_TURNS {
            if !self.is_asked(&mut reader) {
                return;
            }
            reader.get_mut().until = Instant::now() + self.limits.timeout;
            let (answer, stays, bodiless) = match self.request(&mut reader) {
                Ok(request) => {
                    let answer = self.answer(&request);
                    (answer, !request.head.closes(), request.head.method == "HEAD")
                }
                // Cut off midway: there was no request.
                Err(RequestError::Gone) => return,
                Err(RequestError::Refused(error)) => (error.into(), false, false),
            };
            if answer.status >= 400 {
                self.tally.refuse(answer.status);
            }
            let stays = stays && turn < MAX_TURNS && !self.is_ending();
            let mut writer = Timed { stream, until: Instant::now() + self.limits.timeout };
            if writer.write_all(&answer.encode(&date(), !stays, bodiless)).is_err() {
                return;
            }
            if !stays {
                return farewell(stream);
            }
        }
    }

    /// Waits for the first byte of a request.
    fn is_asked(&self, reader: &mut BufReader<Timed<'_>>) -> bool {
        let idle = Instant::now() + self.limits.timeout;
        loop {
            reader.get_mut().until = idle.min(Instant::now() + SLICE);
            match reader.fill_buf() {
                Ok(bytes) => return !bytes.is_empty(),
                Err(error) if is_late(&error) && Instant::now() < idle && !self.is_ending() => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    fn request(&self, reader: &mut BufReader<Timed<'_>>) -> Result<Request, RequestError> {
        let head = http::read_head(reader, self.limits.max_body)?;
        if head.expects_continue()? && head.length > 0 {
            let &mut Timed { stream, until } = reader.get_mut();
            Timed { stream, until }.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        http::read_body(reader, head)
    }

    /// A panic is a bug of ours; it is answered as one, and never lets anything through.
    fn answer(&self, request: &Request) -> Answer {
        catch_unwind(AssertUnwindSafe(|| (self.answer)(request))).unwrap_or_else(|_| {
            HttpError::new(500, "The gate failed on this request; nothing is allowed. This is a mistake in undersign.")
                .into()
        })
    }
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// Reads and discards until the client hangs up: a connection that is closed with unread bytes is reset, and the client
/// might lose the answer.
fn farewell(stream: &Stream) {
    if stream.shutdown(Shutdown::Write).is_err() {
        return;
    }
    let mut reader = Timed { stream, until: Instant::now() + FAREWELL };
    let mut scrap = [0; BUFFER];
    while reader.read(&mut scrap).is_ok_and(|read| read > 0) {}
}

/// In the format of the Date header.
fn date() -> String {
    let now = jiff::Timestamp::now();
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now).unwrap_or_default()
}
