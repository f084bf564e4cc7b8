//! The address of a repository, to show to people. Whoever clones with a token in the URL has it in the configuration,
//! and what is signed or logged can never be taken back.

use std::borrow::Cow;

/// An address in a form that may be signed, logged and shown: without user, password, query and fragment. A command in
/// place of an address (`ext::ssh …`) can contain anything, so only its kind is kept; the same applies to a URL that
/// can be read in two ways.
pub fn without_user(address: &str) -> String {
    if let Some(rest) = address.strip_prefix("//").filter(|rest| rest.contains('@')) {
        // Somebody forgot the scheme.
        let path_ends = rest.find(['?', '#']).unwrap_or(rest.len());
        return format!("//{}", &rest[host(&rest[..path_ends], false)..path_ends]);
    }
    let Some((scheme, rest)) = address.split_once("://") else { return without_login(address) };
    let path_ends = rest.find(['?', '#']).unwrap_or(rest.len());
    if rest[path_ends..].contains('@') {
        return format!("{scheme}://");
    }
    let rest = &rest[..path_ends];
    let is_file = scheme == "file" || scheme.ends_with("::file");
    format!("{scheme}://{}", &rest[host(rest, is_file)..])
}

/// Whether an address may contain a secret. A bare ssh login does not count as one.
pub fn may_hold_secret(address: &str) -> bool {
    let shown = without_user(address);
    match address.split_once("://") {
        Some(("ssh" | "git+ssh", rest)) => address != shown && holds_more_than_login(rest, &shown),
        Some(_) => address != shown,
        None => address != shown && holds_more_than_login(address, &shown),
    }
}

/// A text that may contain addresses, such as git's output, with each of them as [`without_user`] returns it.
pub fn without_users(text: &str) -> Cow<'_, str> {
    if !text.contains("//") {
        return Cow::Borrowed(text);
    }
    let is_end = |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '<' | '>' | '`');
    let words = text.split_inclusive(is_end).map(|word| {
        let (address, end) = word.split_at(word.trim_end_matches(is_end).len());
        if address.contains("://") || address.starts_with("//") { without_user(address) + end } else { word.to_owned() }
    });
    Cow::Owned(words.collect())
}

/// Where the host begins. A password with an unescaped slash still belongs to the user part: in that case the text
/// before the slash is not a host with a port, or the `@` does not begin a name, as it would in a path (`/@team`).
fn host(rest: &str, is_file: bool) -> usize {
    let end = rest.find('/').unwrap_or(rest.len());
    let named = rest[..end].rsplit('@').next().unwrap_or_default();
    let port = named.rsplit_once(':').map_or("", |(_, port)| port);
    let is_host = named.ends_with(']') || !named.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_user = |at: &usize| *at < end || !is_file && (!is_host || !rest[..*at].ends_with('/'));
    rest.match_indices('@').map(|(at, _)| at).rfind(is_user).map_or(0, |at| at + 1)
}

/// `user@host:path`, or a local path.
fn without_login(address: &str) -> String {
    if let Some((helper, _)) = address.split_once("::").filter(|(helper, _)| helper.bytes().all(is_word)) {
        return format!("{helper}::");
    }
    let first = address.find('/').unwrap_or(address.len());
    let (front, path) = address.split_at(first);
    let Some(colon) = front.find(':') else { return address.to_owned() };
    // A URL with a slash too few is not an address at all, and may hold the same secrets.
    if path.contains('@') && ["http", "https", "ftp", "ftps", "ssh", "git"].contains(&&front[..colon]) {
        return format!("{}:", &front[..colon]);
    }
    let user = front[..colon].rfind('@').or_else(|| front.rfind('@'));
    user.map_or_else(|| address.to_owned(), |at| format!("{}{path}", &front[at + 1..]))
}

/// The location of a remote: it determines whether a review server hosts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Name or address of the host; not escaped.
    pub host: String,
    /// As written; none if it follows from the scheme.
    pub port: Option<u16>,
    /// If set, the port is not that of the server's web pages.
    pub is_ssh: bool,
    /// Without leading and trailing slashes.
    pub path: String,
}

impl Remote {
    /// For `https://…`, `http://…`, `ssh://…` and `user@host:path`; none for a local path, for other schemes, and for
    /// text that is not an address.
    pub fn of(address: &str) -> Option<Remote> {
        let shown = without_user(address);
        let (scheme, rest) = match shown.split_once("://") {
            Some((scheme @ ("http" | "https" | "ssh" | "git+ssh" | "ssh+git"), rest)) => (scheme, rest),
            Some(_) => return None,
            None => {
                let (host, path) = shown.split_once(':').filter(|(host, _)| !host.is_empty() && !host.contains('/'))?;
                let path = path.trim_matches('/').to_owned();
                return Some(Remote { host: host.to_owned(), port: None, is_ssh: true, path });
            }
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let ported = host.rsplit_once(':').filter(|(name, _)| !name.contains(':') || name.ends_with(']'));
        let (host, port) = match ported {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (host, None),
        };
        let is_ssh = scheme.contains("ssh");
        let usual = if scheme == "https" { 443 } else { 80 };
        let port = port.filter(|port| is_ssh || *port != usual);
        (!host.is_empty()).then(|| Remote {
            host: host.to_owned(),
            port,
            is_ssh,
            path: path.trim_matches('/').to_owned(),
        })
    }
}

/// Whether two addresses are of one repository, as far as they show: the same path on the same host, whatever the
/// protocol, or the same local path.
pub fn is_same(one: &str, other: &str) -> bool {
    match (Remote::of(one), Remote::of(other)) {
        (Some(one), Some(other)) => {
            let same_port = one.is_ssh || other.is_ssh || one.port == other.port;
            let same_path = one.path.trim_end_matches(".git") == other.path.trim_end_matches(".git");
            one.host.eq_ignore_ascii_case(&other.host) && same_port && same_path && !one.path.is_empty()
        }
        (None, None) => local(one) == local(other) && !local(one).is_empty(),
        _ => false,
    }
}

/// A local path, without the differences between its spellings.
fn local(address: &str) -> &str {
    address.strip_prefix("file://").unwrap_or(address).trim_end_matches('/').trim_end_matches(".git")
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

fn holds_more_than_login(address: &str, shown: &str) -> bool {
    let host = shown.rsplit("://").next().unwrap_or_default();
    address.strip_suffix(host).and_then(|user| user.strip_suffix('@')).is_none_or(|login| !login.bytes().all(is_word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_the_same_however_it_is_reached() {
        for (one, other) in [
            ("https://git.example/ann/shop.git", "https://ann:secret@GIT.example/ann/shop"),
            ("https://git.example:8443/ann/shop", "git@git.example:ann/shop.git"),
            ("ssh://git@git.example:2222/ann/shop/", "https://git.example/ann/shop.git"),
            ("/srv/shop.git", "file:///srv/shop.git/"),
            ("/srv/shop", "/srv/shop.git"),
            ("git://git.example/shop", "git://git.example/shop.git"),
        ] {
            assert!(is_same(one, other) && is_same(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("https://git.example/ann/shop", "https://git.example/ann/shop2"),
            ("https://git.example/ann/shop", "https://git.example:8443/ann/shop"),
            ("https://git.example/ann/shop", "https://other.example/ann/shop"),
            ("https://git.example", "https://git.example/"),
            ("https://git.example/srv/shop", "/srv/shop"),
            ("", ""),
            ("/", "/"),
        ] {
            assert!(!is_same(one, other) && !is_same(other, one), "{one} {other}");
        }
    }

    #[test]
    fn no_address_keeps_its_user() {
        for (address, shown) in [
            ("https://USER:TOKEN@host/x.git", "https://host/x.git"),
            ("https://TOKEN@host:8443/x.git", "https://host:8443/x.git"),
            ("https://a@b:TOKEN@host/x", "https://host/x"),
            ("https:/USER:TOKEN@host/x.git", "https:"),
            ("https://USER:TO/KEN@host/x", "https://host/x"),
            ("https://USER:TOK%40EN@[::1]:8/x", "https://[::1]:8/x"),
            ("https://host/x.git?private_token=T#T", "https://host/x.git"),
            ("https://host/@team/x", "https://host/@team/x"),
            ("https://TO/KEN@host/x", "https://host/x"),
            ("https://u:TO?KEN@host/x", "https://"),
            ("https://host/x?t=TO@KEN", "https://"),
            ("https:///:TOKEN@host/", "https://host/"),
            ("https://TOKEN@host", "https://host"),
            ("//USER:TOKEN@host/x", "//host/x"),
            ("//TOKEN@host/x?t=T", "//host/x"),
            ("//server/share/@team", "//server/share/@team"),
            ("ssh://git@host/x", "ssh://host/x"),
            ("git@host:x.git", "host:x.git"),
            ("user:TOKEN@host/x.git", "host/x.git"),
            ("git@host:team@2/x", "host:team@2/x"),
            ("ext::curl -u USER:TOKEN host", "ext::"),
            ("/srv/a@b:c/x.git", "/srv/a@b:c/x.git"),
            ("file:///srv/a@b/x.git", "file:///srv/a@b/x.git"),
            ("../x@y/z", "../x@y/z"),
            ("", ""),
        ] {
            assert_eq!(without_user(address), shown, "{address}");
        }
    }

    #[test]
    fn a_login_of_ssh_is_no_secret_and_what_else_stands_there_is() {
        for address in ["git@host:x", "ssh://git@host/x", "https://host/x", "/srv/a@b/x", "", "ssh://host/x"] {
            assert!(!may_hold_secret(address), "{address}");
        }
        for address in ["https://TOKEN@host/x", "https://u:T@host/x", "ssh://u:T@host/x", "https://h/x?t=T", "u:T@h:x"]
        {
            assert!(may_hold_secret(address), "{address}");
        }
    }

    #[test]
    fn what_git_says_keeps_its_words() {
        let said = "fatal: unable to access 'https://u:T@host/x.git/': no route\n";
        assert_eq!(without_users(said), "fatal: unable to access 'https://host/x.git/': no route\n");
        assert_eq!(without_users("nothing a@b"), "nothing a@b");
    }

    proptest::proptest! {
        #[test]
        fn nothing_before_the_host_survives(
            user in "[a-z:%/@é?#]{0,8}", secret in "T[0-9A-Z]{6}", path in "[a-z/]{0,6}"
        ) {
            let shown = without_user(&format!("https://{user}:{secret}@host/{path}"));
            proptest::prop_assert!(!shown.contains(&secret), "{}", shown);
        }

        #[test]
        fn any_text_is_taken(text: String) {
            let _ = (without_user(&text), may_hold_secret(&text), without_users(&text));
        }
    }
}
