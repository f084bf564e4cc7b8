//! The pages of reports as a browser and a screen reader take them: landmarks, headings, tables and links. How they
//! look is for people: `UNDERSIGN_TEST_PICTURES=DIR` draws them in a real browser, in light, dark, narrow and on paper.

use std::collections::BTreeSet;
use std::process::Command;

use undersign::audit::render::Format;
use undersign::outcomes::{self, render};

use super::company;
use super::{asked, text};

/// An element's tag: its name, and its attributes as they are written.
type Tag<'h> = (&'h str, &'h str);

/// The tags of a page in their order; the text of a report is escaped, so every `<` begins one.
fn tags(page: &str) -> Vec<Tag<'_>> {
    let all = page.split('<').skip(1).filter_map(|rest| rest.split_once('>'));
    all.map(|(tag, _)| tag.split_once([' ', '\n']).unwrap_or((tag, ""))).collect()
}

fn attribute<'t>(tag: &Tag<'t>, name: &str) -> Option<&'t str> {
    let begin = format!("{name}=\"");
    let at =
        tag.1.match_indices(&begin).map(|(at, _)| at).find(|at| *at == 0 || tag.1[..*at].ends_with([' ', '\n']))?;
    tag.1[at + begin.len()..].split_once('"').map(|(value, _)| value)
}

/// What a page lacks, a sentence each.
fn faults(page: &str) -> Vec<String> {
    let tags = tags(page);
    let of = |name: &str| tags.iter().filter(|tag| tag.0 == name).collect::<Vec<_>>();
    let mut faults = Vec::new();
    let mut wants = |is: bool, what: String| {
        if !is {
            faults.push(what);
        }
    };
    for name in ["html", "main", "header", "footer", "nav", "h1"] {
        wants(of(name).len() == 1, format!("there is one {name}, not {}", of(name).len()));
    }
    wants(of("html").iter().all(|tag| attribute(tag, "lang") == Some("en")), "the page names its language".to_owned());
    // Drawings have titles of their own.
    let head = page.split("</head>").next().unwrap_or_default();
    let has_title = head.matches("<title>").count() == 1 && !head.contains("<title></title>");
    wants(has_title, "the page has a title".to_owned());
    wants(of("nav").iter().all(|tag| attribute(tag, "aria-label").is_some()), "the contents have a name".to_owned());
    let levels: Vec<u8> = tags
        .iter()
        .filter(|(name, _)| name.len() == 2 && name.starts_with('h') && name.as_bytes()[1].is_ascii_digit())
        .map(|(name, _)| name.as_bytes()[1] - b'0')
        .collect();
    wants(levels.windows(2).all(|two| two[1] <= two[0] + 1), format!("headings leave out no level: {levels:?}"));
    for head in of("th") {
        let is_scoped = matches!(attribute(head, "scope"), Some("col" | "row"));
        wants(is_scoped, format!("a table's heading says of what: {}", head.1));
    }
    wants(of("table").len() <= of("thead").len(), "each table has a head".to_owned());
    wants(of("svg").iter().all(|tag| attribute(tag, "role") == Some("img")), "a drawing is one image".to_owned());
    let ids: Vec<&str> = tags.iter().filter_map(|tag| attribute(tag, "id")).collect();
    let known: BTreeSet<&str> = ids.iter().copied().collect();
    wants(known.len() == ids.len(), "no id is there twice".to_owned());
    for tag in &tags {
        let named = attribute(tag, "aria-labelledby")
            .into_iter()
            .chain(attribute(tag, "href").and_then(|to| to.strip_prefix('#')));
        named.for_each(|name| wants(known.contains(name), format!("{name} is there")));
    }
    wants(
        of("section").iter().all(|tag| attribute(tag, "aria-labelledby").is_some()),
        "each section has a name".to_owned(),
    );
    let is_own =
        of("script").is_empty() && of("link").is_empty() && tags.iter().all(|tag| attribute(tag, "src").is_none());
    wants(is_own, "nothing comes from elsewhere".to_owned());
    faults
}

/// The pages of a repository in which all kinds of things happened.
fn pages() -> [(&'static str, String); 2] {
    let (home, shop) = company::eventful();
    let query = shop.query(&home.repo());
    let audit = text(&asked(&query), Format::Html);
    let query = outcomes::Query { landed: query, watch_to: None, within_days: 90, rework_days: 14, with_tiers: true };
    let mut outcomes = Vec::new();
    render::write(&outcomes::report(&query, &|_, _, _| ()).unwrap(), Format::Html, &mut outcomes).unwrap();
    [("audit", audit), ("outcomes", String::from_utf8(outcomes).unwrap())]
}

#[test]
fn a_page_has_its_landmarks_headings_in_order_and_tables_whose_headings_say_of_what() {
    for (name, page) in pages() {
        assert_eq!(faults(&page), <[String; 0]>::default(), "{name}");
        // What the test would say of a page that is worse.
        let worse = page.replacen("scope=\"col\"", "", 1).replacen("<h2", "<h4", 1).replacen(" lang=\"en\"", "", 1);
        assert_eq!(faults(&worse).len(), 3, "{name}: {:?}", faults(&worse));
    }
}

/// The program can say much of a page, and not whether it is good to look at.
#[test]
fn pictures_of_the_pages_are_drawn_by_a_browser_where_somebody_wants_to_look_at_them() {
    let Some(dir) = std::env::var_os("UNDERSIGN_TEST_PICTURES").map(std::path::PathBuf::from) else { return };
    std::fs::create_dir_all(&dir).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pictures/pages.sh");
    let mut command = Command::new(script);
    command.arg(&dir);
    for (name, page) in pages() {
        let place = dir.join(format!("{name}.html"));
        std::fs::write(&place, page).unwrap();
        command.arg(place);
    }
    assert!(command.status().unwrap().success(), "chromium and pdftoppm draw them");
    for name in ["audit-light.png", "audit-dark.png", "audit-narrow.png", "outcomes.pdf"] {
        assert!(std::fs::metadata(dir.join(name)).unwrap().len() > 5_000, "{name}");
    }
}
