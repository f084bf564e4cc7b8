//! A host on this machine: git by http-backend, and the forge's API beside it, over real connections.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use undersign::source::server::http::{Method, Request};
use undersign::source::server::{Secret, Transport as _};

use crate::forge::{Forge, URL};

pub struct Host {
    pub url: String,
    ended: Arc<AtomicBool>,
}

struct Asked {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Asked {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

impl Host {
    /// Serves a repository as `/ann/shop.git`, and a forge's API for who shows the token `s3cret`.
    pub fn start(repository: &Path, forge: &Forge) -> Host {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ended = Arc::new(AtomicBool::new(false));
        let (stop, repository, forge) = (ended.clone(), repository.to_owned(), forge.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (repository, forge) = (repository.clone(), forge.clone());
                std::thread::spawn(move || serve(stream, &repository, &forge));
            }
        });
        Host { url, ended }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
    }
}

fn serve(mut stream: TcpStream, repository: &Path, forge: &Forge) {
    let Some(asked) = read(&stream) else { return };
    let answer = if asked.path.starts_with("/ann/shop.git") { git(&asked, repository) } else { api(&asked, forge) };
    let _ = stream.write_all(&answer);
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut asked = Asked { method, path, headers, body: Vec::new() };
    if asked.header("transfer-encoding").is_some() {
        asked.body = chunks(&mut reader)?;
    } else if let Some(length) = asked.header("content-length") {
        asked.body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut asked.body).ok()?;
    }
    Some(asked)
}

fn chunks(reader: &mut BufReader<&TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut chunk = vec![0; usize::from_str_radix(line.trim(), 16).ok()? + 2];
        reader.read_exact(&mut chunk).ok()?;
        chunk.truncate(chunk.len() - 2);
        if chunk.is_empty() {
            return Some(body);
        }
        body.extend(chunk);
    }
}

fn git(asked: &Asked, repository: &Path) -> Vec<u8> {
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let inside = path.trim_start_matches("/ann/shop.git");
    let backend = PathBuf::from(String::from_utf8(exec_path()).unwrap().trim()).join("git-http-backend");
    let mut child = Command::new(backend)
        .env("GIT_PROJECT_ROOT", repository)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "dana")
        .env("PATH_INFO", format!("/{}", inside.trim_start_matches('/')))
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &asked.method)
        .env("CONTENT_TYPE", asked.header("content-type").unwrap_or_default())
        .env("HTTP_CONTENT_ENCODING", asked.header("content-encoding").unwrap_or_default())
        .env("GIT_PROTOCOL", asked.header("git-protocol").unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, body) = (child.stdin.take().unwrap(), asked.body.clone());
    std::thread::spawn(move || _ = input.write_all(&body));
    let output = child.wait_with_output().unwrap().stdout;
    let at = output.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(output.len());
    let head = String::from_utf8_lossy(&output[..at]).into_owned();
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK").to_owned();
    let head: String =
        head.lines().filter(|line| !line.starts_with("Status: ")).fold(String::new(), |all, line| all + line + "\r\n");
    [format!("HTTP/1.1 {status}\r\nConnection: close\r\n{head}\r\n").as_bytes(), &output[(at + 4).min(output.len())..]]
        .concat()
}

fn exec_path() -> Vec<u8> {
    Command::new("git").arg("--exec-path").output().unwrap().stdout
}

fn api(asked: &Asked, forge: &Forge) -> Vec<u8> {
    let method = if asked.method == "POST" { Method::Post } else { Method::Get };
    let is_known = asked.header("authorization").is_some_and(|text| text.ends_with(" s3cret"));
    let authorization = Secret::new("s3cret").map(|secret| ("authorization", secret));
    let url = format!("{URL}{}", asked.path);
    let request = Request { method, url, headers: Vec::new(), authorization, body: asked.body.clone() };
    let answer = if asked.path == "/api/v1/version" || is_known { forge.send(&request).ok() } else { None };
    let (status, body) = answer.map_or((401, b"{}".to_vec()), |answer| (answer.status, answer.body));
    let head = format!(
        "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}
