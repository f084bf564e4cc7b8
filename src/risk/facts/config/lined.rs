//! Formats of lines and braces that are recognised by name or content.

use super::lines::numbered;
use super::out::{Out, Place};
use super::tree::Node;
use super::walk::walk;
use super::{braces, firewall, indented, ini, vyos};

/// How many lines of a text are examined to detect its format.
const LOOKED_AT: usize = 400;

pub(super) fn by_name(name: &str, extension: &str, text: &str, out: &mut Out) -> Option<()> {
    let document = match extension {
        "properties" => ini::document(text, ini::Style::Properties, out),
        "ini" | "env" | "service" | "timer" | "socket" | "mount" | "desktop" | "editorconfig" | "network" => {
            ini::document(text, ini::Style::Ini, out)
        }
        "nginx" => braces::document(text, braces::Style::Nginx, out),
        "junos" => braces::document(text, braces::Style::Junos, out),
        _ if name.starts_with(".env") || matches!(name, ".npmrc" | ".gitconfig" | ".gitmodules" | ".flake8") => {
            ini::document(text, ini::Style::Ini, out)
        }
        _ if name.starts_with("sshd_config") || name.starts_with("ssh_config") => {
            ini::document(text, ini::Style::Words, out)
        }
        _ if name.starts_with("named.conf") => braces::document(text, braces::Style::Nginx, out),
        _ if name == "caddyfile" => braces::document(text, braces::Style::Caddy, out),
        _ if name == ".htaccess" => indented::document(text, indented::Style::Apache, out),
        _ => return None,
    };
    finish(&document, out)
}

/// By content, if the name only says that it is a configuration.
pub(super) fn by_content(extension: &str, text: &str, out: &mut Out) -> Option<()> {
    if vyos::is_commands(text) {
        vyos::commands(text, out);
    }
    let may_be = match extension {
        "conf" | "cfg" | "cnf" | "set" | "ios" | "eos" | "vcl" => true,
        "" | "txt" => looks_routed(text),
        _ => false,
    };
    may_be.then(|| read(text, out)).and_then(|document| finish(&document, out))
}

fn finish(document: &Node, out: &mut Out) -> Option<()> {
    firewall::of_junos(document, out);
    walk(document, &Place::TOP, "", out);
    Some(())
}

fn said(text: &str) -> impl Iterator<Item = &str> {
    let lines = numbered(text).take(LOOKED_AT).map(|(_, line)| line.trim_end());
    lines.filter(|line| !line.is_empty() && !line.trim_start().starts_with(['#', ';', '!']))
}

/// Whether a text without a distinctive name is the configuration of a router.
fn looks_routed(text: &str) -> bool {
    let has_marks = || text.lines().take(LOOKED_AT).any(|line| line.trim_end() == "!");
    is_of_commands(text) || is_of_router(text) && has_marks() || is_of_junos(text)
}

fn is_of_commands(text: &str) -> bool {
    let count = |sign: &str| said(text).filter(|line| line.starts_with(sign)).count();
    let all = said(text).count();
    count("set ") * 2 > all && all > 1
}

fn is_of_router(text: &str) -> bool {
    let heads = ["interface ", "router ", "hostname ", "ip access-list ", "route-map ", "policy-map ", "version "];
    let alone = ["router bgp ", "router ospf", "router eigrp ", "router isis", "ip access-list ", "ip prefix-list "];
    let has = |heads: &[&str]| said(text).filter(|line| heads.iter().any(|head| line.starts_with(head))).count();
    has(&heads) > 1 || has(&alone) > 0
}

fn is_of_junos(text: &str) -> bool {
    let heads = ["system {", "interfaces {", "firewall {", "policy-options {", "protocols {", "routing-options {"];
    let marks = ["term ", "inactive:", "policy-statement ", "filter "];
    let has = |sign: &&str| said(text).any(|line| line.trim_start().starts_with(sign));
    heads.iter().any(has) || marks.iter().filter(|mark| has(mark)).count() > 1
}

fn read(text: &str, out: &mut Out) -> Node {
    let starts = |signs: &[&str]| said(text).any(|line| signs.iter().any(|sign| line.starts_with(sign)));
    let has_braces = said(text).any(|line| line.ends_with('{')) && said(text).any(|line| line.ends_with(';'));
    if is_of_commands(text) {
        indented::document(text, indented::Style::Commands, out)
    } else if has_braces && is_of_junos(text) {
        braces::document(text, braces::Style::Junos, out)
    } else if has_braces || !said(text).any(|line| !line.ends_with([';', '}', '{'])) {
        braces::document(text, braces::Style::Nginx, out)
    } else if is_of_router(text) {
        indented::document(text, indented::Style::Router, out)
    } else if starts(&["frontend ", "backend ", "defaults", "listen "]) {
        indented::document(text, indented::Style::HaProxy, out)
    } else if said(text).any(|line| line.trim_start().starts_with('<')) {
        indented::document(text, indented::Style::Apache, out)
    } else {
        let has_sections =
            starts(&["["]) || said(text).filter(|line| line.contains('=')).count() * 2 > said(text).count();
        ini::document(text, if has_sections { ini::Style::Ini } else { ini::Style::Words }, out)
    }
}
