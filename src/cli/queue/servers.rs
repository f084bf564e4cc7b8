//! What review servers told last of the changes in the queue: the same words as in the desk.

use std::path::Path;
use std::sync::Arc;

use super::row::Row;
use crate::app::servers::{Index, NotReady, ServerSource};
use crate::change::references::Reference;
use crate::change::{Change, address, visible};
use crate::config;
use crate::delivery::{Hosts, ServerAccess};
use crate::source::git::Repository;
use crate::source::server::Server;

/// Those of the configuration, and what each told.
pub struct Servers {
    configured: Vec<Server>,
    pub told: Vec<ServerSource>,
}

impl Servers {
    /// As they are remembered: none is asked.
    pub fn read() -> Servers {
        let access = ServerAccess::by_network(config::servers(), &config::data_directory());
        let told = access.servers.iter().map(|server| {
            let told = access.memory.load(&server.name).map(Arc::new);
            ServerSource { told, ..ServerSource::new(server.name.clone()) }
        });
        Servers { told: told.collect(), configured: access.servers }
    }

    /// What they call the remotes of a repository.
    pub fn hosts(&self, path: &Path) -> Hosts {
        Repository::open(path).map_or_else(|_| Hosts::none(), |repository| Hosts::of(&repository, &self.configured))
    }
}

/// Adds to a row what they told of its change.
pub fn add_told(hosts: &Hosts, told: &Index<'_>, change: &Change, row: &mut Row) {
    let hosted = hosts.hosted(&change.refs);
    let info = hosted.and_then(|hosted| told.request_info(&hosted, change.revision.head));
    let Some(info) = info else { return };
    row.title = visible::text(&info.pending.title).into_owned();
    row.not_ready = info.not_ready().map(NotReady::word);
    row.comment_count = info.pending.comments;
    // A page without anything that could act: no query, and no user.
    let page = Some(&info.pending.page).filter(|page| page.len() <= 400 && page.starts_with("http"));
    row.source.page =
        page.filter(|page| address::without_user(page) == **page).map(|page| visible::text(page).into_owned());
    row.told_target = info.other_target(change).map(|told| visible::text(told).into_owned());
    let told = info.pending.depends_on.iter().map(Reference::to_string);
    row.depends_on.extend(told.filter(|told| !change.references.depends_on.iter().any(|own| own.to_string() == *told)));
    row.asked = info.pending.asked.as_deref().map(|asked| visible::text(asked).into_owned());
}
