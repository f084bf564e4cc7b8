//! What goes wrong on the way to a server, whether it is in memory or a real one.

use std::sync::{Arc, Mutex};

use undersign::source::server::http::{Request, Response};
use undersign::source::server::{Network, NoAnswer, Transport};

/// How one request goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and there is no answer.
    LostBefore,
    /// It is done, and there is no answer.
    LostAfter,
    /// It is done, and half of the answer comes.
    Truncated,
    /// Nothing is done, and this status is answered.
    Status(u16),
    /// It is done, and something on the way answers with this status.
    DoneAs(u16),
    /// Nothing is done, and the answer is a page for people.
    Page,
    /// The answer says that it is done, and nothing is.
    Pretended,
    /// Nothing is done; the client is sent to another host.
    Elsewhere,
}

/// All after which the next try goes on.
pub const FAULTS: [Fault; 14] = [
    Fault::LostBefore,
    Fault::LostAfter,
    Fault::Truncated,
    Fault::Status(401),
    Fault::Status(403),
    Fault::Status(404),
    Fault::Status(409),
    Fault::Status(422),
    Fault::DoneAs(422),
    Fault::Status(429),
    Fault::Status(500),
    Fault::Status(502),
    Fault::Page,
    Fault::Elsewhere,
];

/// Answers as the server does, or with a fault.
pub fn play(fault: Option<Fault>, answer: impl FnOnce() -> Result<Response, NoAnswer>) -> Result<Response, NoAnswer> {
    let told = |status, headers: &[(&str, &str)], body: &str| {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ok(Response { status, headers, body: body.as_bytes().to_vec() })
    };
    match fault {
        None => answer(),
        Some(Fault::LostBefore) => Err(NoAnswer("timeout".to_owned())),
        Some(Fault::DoneAs(status)) => answer().and(told(status, &[], "{\"message\":\"no\"}")),
        Some(Fault::LostAfter) => answer().and(Err(NoAnswer("timeout".to_owned()))),
        Some(Fault::Truncated) => answer().map(|mut response| {
            response.body.truncate(response.body.len() / 2);
            response
        }),
        Some(Fault::Status(status)) => {
            let body = format!("{{\"message\":\"no: {status}\\u001b[31m\"}}");
            told(status, &[("retry-after", "17")], &body)
        }
        Some(Fault::Page) => told(200, &[], "<html>Log in</html>"),
        Some(Fault::Pretended) => told(200, &[], "{}"),
        Some(Fault::Elsewhere) => told(302, &[("location", "https://thief.example/api")], ""),
    }
}

/// The network, on which the next request whose method and path hold a text goes wrong.
#[derive(Clone, Default)]
pub struct Faulty {
    network: Arc<Network>,
    next: Arc<Mutex<Option<(String, Fault)>>>,
}

impl Faulty {
    pub fn fails(&self, what: &str, fault: Fault) {
        *self.next.lock().unwrap() = Some((what.to_owned(), fault));
    }

    /// Whether no such request was made. It is over with it.
    pub fn is_unmet(&self) -> bool {
        self.next.lock().unwrap().take().is_some()
    }
}

impl Transport for Faulty {
    fn send(&self, request: &Request) -> Result<Response, NoAnswer> {
        let told = format!("{:?} {}", request.method, request.url);
        let fault = self.next.lock().unwrap().take_if(|(what, _)| told.contains(what.as_str()));
        play(fault.map(|(_, fault)| fault), || self.network.send(request))
    }
}
