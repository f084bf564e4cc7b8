//! `services.toml`: `[service.NAME]` with paths and tier.

use super::{is_id, need_schema, path_patterns};
use crate::datafile::{self, FileError, Placed, Table};
use crate::policy::services::{Service, Services};

const SCHEMA: &str = "undersign-services/v1";
/// The least that a service can matter.
const MAX_TIER: u64 = 5;
/// The most services, and patterns of all of them: each changed path is compared with them.
const MAX_SERVICES: usize = 500;
const MAX_PATTERNS: usize = 5_000;

pub(in crate::policy) fn services(file: &str, source: &str) -> Result<Services, FileError> {
    datafile::read(file, source, |root| {
        need_schema(root, SCHEMA);
        let table = root.table("service");
        let named = table.as_ref().map(Table::named_tables).unwrap_or_default();
        if named.len() > MAX_SERVICES {
            root.mistake(format!("there are {} services; at most {MAX_SERVICES} are read", named.len()));
            named.iter().for_each(|(_, entry)| ["tier", "paths"].iter().for_each(|key| _ = entry.has_value(key)));
            return None;
        }
        let mut room = MAX_PATTERNS;
        let all: Vec<Option<Service>> = named.iter().map(|(name, entry)| service(name, entry, &mut room)).collect();
        let mut services: Vec<Service> = all.into_iter().collect::<Option<_>>()?;
        services.sort_by(|a, b| a.name.cmp(&b.name));
        Some(Services(services))
    })
}

fn service(name: &Placed<'_, String>, entry: &Table<'_>, room: &mut usize) -> Option<Service> {
    if !is_id(&name.value, 64) {
        let shown = name.value.escape_debug();
        name.mistake(format!(
            "`{shown}` is not a valid name for a service: 2 to 64 characters a-z, 0-9, `.`, `_`, `-`"
        ));
    }
    let tier = entry.need_number("tier");
    if let Some(tier) = tier.as_ref().filter(|tier| tier.value > MAX_TIER) {
        tier.mistake(format!("`tier` is 0 to {MAX_TIER}, not {}", tier.value));
    }
    let mut paths = entry.strings("paths");
    if paths.is_empty() {
        entry.mistake(format!("[service.{}] needs `paths`", name.value.escape_debug()));
    }
    if paths.len() > *room {
        entry.mistake(format!("the services have more than {MAX_PATTERNS} paths; name directories in place of files"));
        paths.truncate(*room);
    }
    *room -= paths.len();
    let (paths, tier) = (path_patterns(&paths), tier?.value);
    Some(Service { name: name.value.clone(), tier: u8::try_from(tier).ok()?, paths })
}
