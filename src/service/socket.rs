//! Where the service listens: at loopback or at a socket file, nowhere else.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

/// Only the owner and the group of the socket file may connect.
const MODE: u32 = 0o660;
/// How long our own wake-up connection may take.
const WAKE: Duration = Duration::from_secs(1);

/// An address to listen at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    Loopback(SocketAddr),
    Socket(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() {
                Err("unix: names no file.".to_owned())
            } else {
                Ok(Address::Socket(path.into()))
            };
        }
        let address: SocketAddr = text.parse().map_err(|_| {
            "it is neither an address with a port, such as 127.0.0.1:7117, nor unix: and a file.".to_owned()
        })?;
        if !address.ip().is_loopback() {
            return Err(
                "the gate listens on loopback and on socket files only. For other machines, put a reverse proxy \
                        with TLS before it."
                    .to_owned(),
            );
        }
        Ok(Address::Loopback(address))
    }
}

/// An address where the service listens; a socket file is removed on drop.
#[derive(Debug)]
pub enum Listener {
    Loopback(TcpListener),
    Socket { listener: UnixListener, file: SocketFile },
}

impl Listener {
    /// # Errors
    /// A sentence: the address is in use, or cannot be used.
    pub fn bind(address: &Address) -> Result<Listener, String> {
        match address {
            Address::Loopback(address) => TcpListener::bind(address)
                .map(Listener::Loopback)
                .map_err(|error| format!("Nobody can listen at {address}: {error}.")),
            Address::Socket(path) => {
                let (listener, file) = SocketFile::bind(path)?;
                Ok(Listener::Socket { listener, file })
            }
        }
    }

    pub fn accept(&self) -> io::Result<Stream> {
        match self {
            Listener::Loopback(listener) => {
                let (stream, _) = listener.accept()?;
                // An answer is one piece; waiting for more only delays it.
                stream.set_nodelay(true)?;
                Ok(Stream::Loopback(stream))
            }
            Listener::Socket { listener, .. } => listener.accept().map(|(stream, _)| Stream::Socket(stream)),
        }
    }

    /// Makes a thread that waits in [`Listener::accept`] return.
    pub fn waker(&self) -> io::Result<Waker> {
        Ok(match self {
            Listener::Loopback(listener) => {
                let address = Address::Loopback(listener.local_addr()?);
                Waker { address, handle: Stream::Loopback(TcpStream::from(OwnedFd::from(listener.try_clone()?))) }
            }
            Listener::Socket { listener, file } => {
                let address = Address::Socket(file.path.clone());
                Waker { address, handle: Stream::Socket(UnixStream::from(OwnedFd::from(listener.try_clone()?))) }
            }
        })
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listener::Loopback(listener) => match listener.local_addr() {
                Ok(address) => write!(f, "{address}"),
                Err(_) => f.write_str("an unknown address"),
            },
            Listener::Socket { file, .. } => write!(f, "unix:{}", file.path.display()),
        }
    }
}

/// Ends the wait for connections.
pub struct Waker {
    address: Address,
    /// The listening socket itself.
    handle: Stream,
}

impl Waker {
    pub fn wake(&self) {
        // On Linux this wakes the waiting thread; on other systems it takes a connection.
        if self.handle.shutdown(Shutdown::Both).is_err() {
            match &self.address {
                Address::Loopback(address) => drop(TcpStream::connect_timeout(address, WAKE)),
                Address::Socket(path) => drop(UnixStream::connect(path)),
            }
        }
    }
}

/// The file of a unix socket, identified by its inode: a file that replaced it is not removed.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl SocketFile {
    fn bind(path: &Path) -> Result<(UnixListener, SocketFile), String> {
        check_free(path)?;
        let failed = |error: io::Error| format!("The socket {} cannot be made: {error}.", path.display());
        // Created where no other user can reach it, and moved into place with the right mode: at no moment could a
        // stranger connect. Moving also replaces a stale file in one step.
        let parent = path.parent().unwrap_or(Path::new("."));
        let private = std::fs::Permissions::from_mode(0o700);
        let nest = tempfile::Builder::new().prefix(".").rand_bytes(8).permissions(private).tempdir_in(parent);
        let nest = nest.map_err(failed)?;
        // A relative name: the whole path may be longer than a socket path may be.
        let name = nest.path().file_name().unwrap_or_default();
        bind_in(&parent.join(name), path).map_err(failed)
    }
}

fn bind_in(nest: &Path, path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let made = nest.join("s");
    let listener = UnixListener::bind(&made)?;
    std::fs::set_permissions(&made, std::fs::Permissions::from_mode(MODE))?;
    let inode = inode(&made)?;
    std::fs::rename(&made, path)?;
    Ok((listener, SocketFile { path: path.to_path_buf(), inode }))
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|meta| (meta.dev(), meta.ino()))
}

/// Whether a socket may be created at a path: nothing is there, or a socket without a listener.
fn check_free(path: &Path) -> Result<(), String> {
    let shown = path.display();
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("The socket {shown} cannot be made: {error}.")),
        Ok(meta) if !meta.file_type().is_socket() => {
            return Err(format!("{shown} is there already and is not a socket. Move it away, or name another file."));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Ok(_) => Err(format!("Somebody listens at {shown} already.")),
        Err(error) => Err(format!("Whether somebody listens at {shown} cannot be determined: {error}.")),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if inode(&self.path).is_ok_and(|inode| inode == self.inode) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A connection.
#[derive(Debug)]
pub enum Stream {
    Loopback(TcpStream),
    Socket(UnixStream),
}

impl Stream {
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Stream::Loopback(stream) => stream.shutdown(how),
            Stream::Socket(stream) => stream.shutdown(how),
        }
    }

    pub fn set_nonblocking(&self) -> io::Result<()> {
        match self {
            Stream::Loopback(stream) => stream.set_nonblocking(true),
            Stream::Socket(stream) => stream.set_nonblocking(true),
        }
    }

    /// Writes some bytes, if there is room for them.
    pub fn offer(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Loopback(stream) => (&*stream).write(bytes),
            Stream::Socket(stream) => (&*stream).write(bytes),
        }
    }

    fn read_within(&self, left: Duration, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Loopback(stream) => {
                stream.set_read_timeout(Some(left))?;
                (&*stream).read(buffer)
            }
            Stream::Socket(stream) => {
                stream.set_read_timeout(Some(left))?;
                (&*stream).read(buffer)
            }
        }
    }

    fn write_within(&self, left: Duration, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Loopback(stream) => stream.set_write_timeout(Some(left))?,
            Stream::Socket(stream) => stream.set_write_timeout(Some(left))?,
        }
        self.offer(bytes)
    }
}

/// A connection with a deadline, however many pieces come or go until then: with a timeout for each piece only, a
/// client could continue for ever, one byte at a time.
pub struct Timed<'s> {
    pub stream: &'s Stream,
    pub until: Instant,
}

impl Timed<'_> {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read_within(self.left()?, buffer)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write_within(self.left()?, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_socket_files_are_listened_at() {
        for good in ["127.0.0.1:7117", "127.8.8.8:0", "[::1]:80", "unix:/run/undersign.sock", "unix:s"] {
            assert!(good.parse::<Address>().is_ok(), "{good}");
        }
        for bad in
            ["0.0.0.0:7117", "[::]:7117", "192.168.1.4:80", "[::ffff:127.0.0.1]:80", "localhost:80", "7117", "unix:"]
        {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_socket_file_that_another_took_over_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = Listener::bind(&Address::Socket(path.clone())).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "another's").unwrap();
        drop(listener);
        assert!(path.exists());
        assert!(Listener::bind(&Address::Socket(path)).unwrap_err().contains("is not a socket"));
    }
}
