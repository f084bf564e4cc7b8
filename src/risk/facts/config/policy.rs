//! Statements of access policies and rules of firewalls: separate facts, since the meaning of one key depends on
//! others.

use super::super::filters::{self, Verdict};
use super::firewall;
use super::out::{Out, Place};
use super::tree::{Node, Shape, one_line};

/// The statements and rules directly in a map.
pub(super) fn facts(node: &Node, place: &Place, out: &mut Out) {
    statements(node, place, out);
    rules(node, place, out);
    of_azure(node, out);
}

const ACTIONS: &[&str] = &["Action", "actions", "Actions", "action"];
const NOT_ACTIONS: &[&str] = &["NotAction", "not_actions", "notAction"];

fn statements(node: &Node, place: &Place, out: &mut Out) {
    let mut at = 0;
    for entry in
        node.entries().iter().filter(|entry| matches!(entry.key.as_str(), "Statement" | "statement" | "statements"))
    {
        let list =
            if entry.value.items().is_empty() { std::slice::from_ref(&entry.value) } else { entry.value.items() };
        for each in list.iter().filter(|each| is_statement(each)) {
            statement(each, at, place, out);
            at += 1;
        }
    }
}

fn is_statement(node: &Node) -> bool {
    node.get(ACTIONS).or_else(|| node.get(NOT_ACTIONS)).is_some()
}

fn statement(node: &Node, at: usize, place: &Place, out: &mut Out) {
    let effect = node.text_of(&["Effect", "effect"]).unwrap_or("Allow").to_owned();
    let name = node.text_of(&["Sid", "sid"]).filter(|sid| !sid.is_empty()).map_or(at.to_string(), one_line);
    let mut parts = vec![effect.clone()];
    let lists = [
        ("Action", ACTIONS),
        ("NotAction", NOT_ACTIONS),
        ("Resource", &["Resource", "resources", "Resources"] as &[&str]),
        ("NotResource", &["NotResource", "not_resources"]),
    ];
    parts.extend(lists.iter().filter_map(|(name, keys)| Some(format!("{name}={}", sorted(node.get(keys)?)))));
    parts.extend(principals(node, "Principal", &["Principal", "principals"]));
    parts.extend(principals(node, "NotPrincipal", &["NotPrincipal", "not_principals"]));
    parts.extend(condition(node));
    let inside = Place { opens: *node.lines.start(), ..*place };
    out.block(&format!("statement[{effect}].{name}"), &parts.join(" "), &node.lines, &inside);
}

/// The sorted values, as `[a, b]`; one value is a list of one.
fn sorted(node: &Node) -> String {
    let mut texts: Vec<String> = match &node.shape {
        Shape::List(items) => items.iter().map(Node::normalised).collect(),
        _ => vec![node.normalised()],
    };
    texts.sort();
    texts.dedup();
    format!("[{}]", texts.join(", "))
}

/// `Principal: "*"`, `{AWS: […]}`, blocks of type and identifiers: `Principal=[AWS:*]`.
fn principals(node: &Node, name: &str, keys: &[&str]) -> Option<String> {
    let mut all: Vec<String> = Vec::new();
    for entry in node.entries().iter().filter(|entry| keys.contains(&entry.key.as_str())) {
        let value = &entry.value;
        match (value.text_of(&["type"]), value.get(&["identifiers"])) {
            (Some(kind), Some(list)) => all.extend(list.texts().iter().map(|text| format!("{kind}:{text}"))),
            _ if value.entries().is_empty() => all.extend(value.texts().into_iter().map(str::to_owned)),
            _ => all.extend(value.entries().iter().flat_map(|each| {
                each.value.texts().into_iter().map(|text| format!("{}:{text}", each.key)).collect::<Vec<_>>()
            })),
        }
    }
    all.sort();
    (!all.is_empty()).then(|| format!("{name}=[{}]", all.join(", ")))
}

fn condition(node: &Node) -> Option<String> {
    let all = node.entries().iter().filter(|entry| matches!(entry.key.as_str(), "Condition" | "condition"));
    let mut all: Vec<String> = all.map(|entry| entry.value.normalised()).filter(|text| !text.is_empty()).collect();
    all.sort();
    (!all.is_empty()).then(|| format!("Condition={{{}}}", all.join("; ")))
}

const SOURCES: &[&str] = &[
    "cidr_blocks",
    "ipv6_cidr_blocks",
    "cidr_ipv4",
    "cidr_ipv6",
    "CidrIp",
    "CidrIpv6",
    "source_ranges",
    "destination_ranges",
    "source_address_prefix",
    "source_address_prefixes",
    "security_groups",
    "source_security_group_id",
    "referenced_security_group_id",
    "SourceSecurityGroupId",
    "prefix_list_ids",
    "self",
];

/// Rules of a security group or firewall, as blocks, items of a list, or separate resources.
fn rules(node: &Node, place: &Place, out: &mut Out) {
    for entry in node.entries() {
        let direction = match entry.key.as_str() {
            "ingress" | "SecurityGroupIngress" => Some("ingress"),
            "egress" | "SecurityGroupEgress" => Some("egress"),
            key => of_resource(key, &entry.value),
        };
        let Some(direction) = direction else { continue };
        let list =
            if entry.value.items().is_empty() { std::slice::from_ref(&entry.value) } else { entry.value.items() };
        let scope = if place.scope.is_empty() { entry.key.as_str() } else { place.scope };
        let place = Place { scope, ..*place };
        list.iter().for_each(|each| rule(direction, each, &place, out));
    }
}

/// The rules of a network security group of Azure, as Bicep and templates write them.
fn of_azure(node: &Node, out: &mut Out) {
    let lists = node.entries().iter().filter(|entry| entry.key == "securityRules");
    for item in lists.flat_map(|entry| entry.value.items()) {
        let rule = item.get(&["properties"]).unwrap_or(item);
        let text = |key: &str| rule.text_of(&[key]);
        let Some(verdict) = text("access").and_then(Verdict::of) else { continue };
        let chain = if text("direction").is_some_and(|word| word == "Outbound") { "out" } else { "in" };
        let keys = [
            ("proto", "protocol"),
            ("src", "sourceAddressPrefix"),
            ("src", "sourceAddressPrefixes"),
            ("dst", "destinationAddressPrefix"),
            ("port", "destinationPortRange"),
            ("port", "destinationPortRanges"),
            ("sport", "sourcePortRange"),
        ];
        let condition = |(sign, key): &(&str, &str)| {
            let all = rule.get(&[key]).map(Node::texts).unwrap_or_default().join(",");
            filters::addresses(sign, &all.replace("Internet", "*"))
        };
        let rules = filters::rules(chain, verdict, keys.iter().map(condition).collect());
        firewall::tell(rules, &item.lines, &Place::TOP, out);
    }
}

/// The direction of a resource that is one rule.
fn of_resource(key: &str, body: &Node) -> Option<&'static str> {
    let kind = key.strip_prefix("resource.")?.split('.').next()?;
    let says = body.text_of(&["type", "direction"]).unwrap_or_default().to_ascii_lowercase();
    match kind {
        "aws_vpc_security_group_ingress_rule" => Some("ingress"),
        "aws_vpc_security_group_egress_rule" => Some("egress"),
        "aws_security_group_rule" | "google_compute_firewall" | "azurerm_network_security_rule" => match &*says {
            "egress" | "outbound" => Some("egress"),
            _ => Some("ingress"),
        },
        _ => None,
    }
}

fn rule(direction: &str, node: &Node, place: &Place, out: &mut Out) {
    let mut sources: Vec<String> = node
        .entries()
        .iter()
        .filter(|entry| SOURCES.contains(&entry.key.as_str()))
        .flat_map(|entry| match entry.key.as_str() {
            "self" => vec!["self".to_owned()],
            _ if entry.value.items().is_empty() => vec![entry.value.normalised()],
            _ => entry.value.items().iter().map(Node::normalised).collect(),
        })
        .collect();
    sources.retain(|source| !matches!(source.as_str(), "" | "[]" | "null"));
    sources.sort();
    if !sources.is_empty() {
        let text = format!("{direction} {} {}", ports(node), sources.join(" "));
        let inside = Place { opens: *node.lines.start(), ..*place };
        out.block(direction, &text, &node.lines, &inside);
    }
}

/// `443`, `8000-8100`, `all`.
fn ports(node: &Node) -> String {
    let text = |names: &[&str]| node.text_of(names).map(one_line);
    let protocol = text(&["protocol", "ip_protocol", "IpProtocol"]);
    if matches!(protocol.as_deref(), Some("-1" | "all")) {
        return "all".to_owned();
    }
    match (text(&["from_port", "FromPort"]), text(&["to_port", "ToPort"])) {
        (Some(from), Some(to)) if from != to => format!("{from}-{to}"),
        (Some(from), _) => from,
        _ => text(&["destination_port_range"]).or_else(|| allowed(node)).unwrap_or_else(|| "all".to_owned()),
    }
}

/// `allow { ports = […] }` of a firewall.
fn allowed(node: &Node) -> Option<String> {
    let ports = node.get(&["allow", "deny"])?.get(&["ports"])?.texts().join(",");
    (!ports.is_empty()).then_some(ports)
}
