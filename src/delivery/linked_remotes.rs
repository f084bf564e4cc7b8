//! Servers that keep review requests separately from the repositories. They say which remote is which of their
//! repositories when they are asked; the answer is stored in the repository's git configuration, so that signing needs
//! no network.

use crate::change::{address, visible};
use crate::source::git::Repository;
use crate::source::server::{Listed, ReviewServer, Server};

use super::remotes;

/// `git config remote.origin.undersignServer`: the name of the server in `config.toml`.
fn server_key(remote: &str) -> String {
    format!("remote.{remote}.undersignserver")
}

/// `git config remote.origin.undersignRepository`: that server's name for the repository.
fn repository_key(remote: &str) -> String {
    format!("remote.{remote}.undersignrepository")
}

/// A server's name for the repository of a remote, if it is stored.
pub fn linked(repository: &Repository, remote: &str, server: &Server) -> Option<String> {
    let config = repository.raw.config().ok()?;
    let noted = config.get_string(&server_key(remote)).ok().filter(|name| *name == server.name);
    noted.and_then(|_| config.get_string(&repository_key(remote)).ok())
}

/// Stores a server's name for the repository of a remote.
///
/// # Errors
/// A sentence: it cannot be stored.
pub fn link(repository: &Repository, remote: &str, server: &Server, called: &str) -> Result<(), String> {
    if linked(repository, remote, server).as_deref() == Some(called) {
        return Ok(());
    }
    let noted = repository.raw.config().and_then(|mut config| {
        config.set_str(&server_key(remote), &server.name)?;
        config.set_str(&repository_key(remote), called)
    });
    noted.map_err(|error| format!("git's configuration cannot be written: {}.", visible::text(error.message())))
}

/// The names of the repositories at a separate server, by the name of each remote that the server knows.
///
/// # Errors
/// A sentence: it does not say.
pub fn known(repository: &Repository, server: &dyn ReviewServer) -> Result<Vec<(String, String)>, String> {
    let listed = server.repositories().map_err(|error| error.to_string())?;
    let of = |url: &str| {
        let is_its = |listed: &&Listed| listed.addresses.iter().any(|own| address::is_same(own, url));
        listed.iter().find(is_its).map(|listed| listed.name.clone())
    };
    Ok(remotes(repository).into_iter().filter_map(|(remote, url)| Some((remote, of(&url)?))).collect())
}
