//! The filters of appliances and of tools, each of which has its own reader.

use super::out::Out;
use super::{openbgpd, router_os, shorewall, uci, vyos, windows};

/// Nothing if it is none of these formats.
pub(super) fn facts(name: &str, extension: &str, path: &str, text: &str, out: &mut Out) -> Option<()> {
    let is_plain = matches!(extension, "" | "conf" | "cfg" | "txt" | "config");
    if (extension == "rsc" || is_plain) && router_os::is_export(text) {
        router_os::facts(text, out);
    } else if (extension == "boot" || is_plain) && vyos::is_boot(text) {
        vyos::boot(text, out);
    } else if is_plain && path.contains("shorewall") && shorewall::facts(name, text, out).is_some() {
    } else if is_plain && uci::is_firewall(text) {
        uci::facts(text, out);
    } else if is_plain && name.contains("bgpd") && openbgpd::is_filter(text) {
        openbgpd::facts(text, out);
    } else if matches!(extension, "ps1" | "psm1" | "bat" | "cmd") && windows::is_script(text) {
        windows::facts(text, out);
    } else {
        return None;
    }
    Some(())
}
