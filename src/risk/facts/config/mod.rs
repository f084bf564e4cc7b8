//! Facts of configuration: key path → value, by the syntax of its format.

mod alerts;
mod appliances;
mod bicep;
mod braces;
mod crontab;
#[cfg(feature = "syntax")]
mod dns;
mod dockerfile;
mod firewall;
#[cfg(feature = "syntax")]
mod grammar;
#[cfg(feature = "syntax")]
mod hcl;
mod identity;
mod indented;
mod ini;
#[cfg(feature = "syntax")]
mod json;
mod lined;
mod lines;
mod makefile;
#[cfg(feature = "syntax")]
mod openapi;
mod openbgpd;
mod options;
mod out;
mod policy;
mod router_os;
mod schema;
mod scripts;
mod shell;
mod shorewall;
mod sql;
#[cfg(feature = "syntax")]
mod structured;
#[cfg(test)]
mod tables;
#[cfg(feature = "syntax")]
mod template;
#[cfg(test)]
mod tests;
mod tinydns;
#[cfg(feature = "syntax")]
mod toml;
mod tree;
mod uci;
mod unparsed;
mod vyos;
mod walk;
mod windows;
#[cfg(feature = "syntax")]
mod xml;
#[cfg(feature = "syntax")]
mod yaml;
mod zone;
#[cfg(feature = "syntax")]
mod zones;

use super::{ChangedLines, Facts};
use out::Out;

/// Nothing if the path has no supported format.
pub(super) fn facts(path: &str, text: &str, changed: &ChangedLines) -> Option<Facts> {
    let mut out = Out::new(changed);
    read(path, text, &mut out)?;
    Some(out.into_facts())
}

/// Extensions of templates; the extension before them gives the format.
const TEMPLATES: &[&str] = &["j2", "jinja", "jinja2", "tpl", "tmpl", "tftpl", "gotmpl", "erb", "dist", "example"];

/// A file name without the extensions of a template.
pub(in crate::risk) fn without_template(mut name: &str) -> &str {
    while let Some((rest, _)) = name.rsplit_once('.').filter(|(_, end)| TEMPLATES.contains(end)) {
        name = rest;
    }
    name
}

fn read(path: &str, text: &str, out: &mut Out) -> Option<()> {
    let lower = path.to_ascii_lowercase();
    let name = without_template(lower.rsplit('/').next().unwrap_or_default());
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    if is_lock_file(name) {
        return None;
    }
    let found =
        by_extension(name, extension, &lower, text, out).or_else(|| by_name(name, extension, &lower, text, out));
    found.or_else(|| lined::by_content(extension, text, out))
}

#[cfg(feature = "syntax")]
fn by_extension(name: &str, extension: &str, path: &str, text: &str, out: &mut Out) -> Option<()> {
    match extension {
        "yaml" | "yml" => structured::yaml(name, path, text, out),
        "conf" if name == "mongod.conf" => structured::yaml(name, path, text, out),
        "json" | "jsonc" | "json5" | "webmanifest" | "avsc" => structured::json(name, text, out),
        "tf" | "tfvars" | "hcl" | "nomad" | "tofu" => structured::hcl(text, out),
        "toml" => structured::toml(name, text, out),
        "xml" | "csproj" | "props" | "targets" | "config" | "pom" | "plist" => structured::xml(name, text, out),
        _ => None,
    }
}

/// Without grammars these formats are left to the patterns.
#[cfg(not(feature = "syntax"))]
fn by_extension(_name: &str, _extension: &str, _path: &str, _text: &str, _out: &mut Out) -> Option<()> {
    None
}

fn by_name(name: &str, extension: &str, path: &str, text: &str, out: &mut Out) -> Option<()> {
    if appliances::facts(name, extension, path, text, out).is_some()
        || firewall::facts(name, extension, text, out).is_some()
    {
        return Some(());
    }
    if is_docker(name, extension, text) {
        dockerfile::facts(text, out);
    } else if matches!(name, "makefile" | "gnumakefile") || matches!(extension, "mk" | "mak") {
        makefile::facts(text, out);
    } else if name == "crontab" || matches!(extension, "cron" | "crontab") || path.contains("cron.d/") {
        crontab::facts(text, path.contains("cron.d/") || path.ends_with("etc/crontab"), out);
    } else if matches!(extension, "sql" | "psql" | "pgsql" | "ddl" | "cql") {
        sql::facts(name, text, out);
    } else if extension == "bicep" {
        bicep::facts(text, out);
    } else if name.starts_with("kconfig") || name == "config.in" {
        options::kconfig(text, out);
    } else if name == "cmakelists.txt" || extension == "cmake" {
        options::cmake(text, out);
    } else if unparsed::EXTENSIONS.contains(&extension) || name.starts_with("jenkinsfile") {
        unparsed::facts(text, out);
    } else if matches!(name, "data" | "data.in") && tinydns::is_data(text) {
        tinydns::facts(text, out);
    } else if extension == "proto" {
        schema::facts(text, schema::Language::Protobuf, out);
    } else if matches!(extension, "graphql" | "gql" | "graphqls") {
        schema::facts(text, schema::Language::GraphQl, out);
    } else if extension == "prisma" {
        schema::facts(text, schema::Language::Prisma, out);
    } else if extension == "zone" || may_be_zone(name, extension, path) && zone::is_zone(text) {
        zone::facts(text, out);
    } else {
        return lined::by_name(name, extension, text, out);
    }
    Some(())
}

fn is_docker(name: &str, extension: &str, text: &str) -> bool {
    let names = ["dockerfile", "containerfile"];
    let has_more = || names.iter().any(|each| name.strip_prefix(each).is_some_and(|rest| rest.starts_with(['.', '-'])));
    let has_stage = || text.lines().any(|line| line.starts_with("FROM "));
    names.contains(&name) || names.contains(&extension) || has_more() && has_stage()
}

/// Names of zones are those of domains: `db.example.com`, `zones/example.com`.
fn may_be_zone(name: &str, extension: &str, path: &str) -> bool {
    let is_in_zones = ["zone", "bind", "named", "dns"].iter().any(|word| path.contains(word));
    name.starts_with("db.") || is_in_zones || matches!(extension, "" | "db" | "com" | "org" | "net" | "dns")
}

/// Lock files are read elsewhere.
fn is_lock_file(name: &str) -> bool {
    name.ends_with(".lock")
        || matches!(name, "package-lock.json" | "npm-shrinkwrap.json" | "pnpm-lock.yaml" | "packages.lock.json")
        || name == ".terraform.lock.hcl"
}
