//! Links between pages lead to files and headings that are there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::{pages, read, root};

/// The lines of a page that are no code.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    page.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// A heading as hosts make an anchor of it.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

/// The anchors of a page: a heading that is there again has a number after it.
fn anchors(page: &str) -> Vec<String> {
    let mut times: HashMap<String, usize> = HashMap::new();
    let headings = prose(page).filter(|line| line.starts_with('#'));
    let anchors = headings.map(|line| anchor(line.trim_start_matches('#').trim()));
    anchors
        .map(|anchor| {
            let time = times.entry(anchor.clone()).or_default();
            *time += 1;
            if *time == 1 { anchor } else { format!("{anchor}-{}", *time - 1) }
        })
        .collect()
}

/// Where the links of a page lead, those of `<img>` and `<source>` too.
fn targets(page: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    for line in prose(page) {
        targets.extend(line.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
        for attribute in ["src=\"", "srcset=\"", "href=\""] {
            targets.extend(line.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()));
        }
    }
    targets
}

/// What is wrong with a link from a page; none where it leads out into the world.
fn mistake(from: &Path, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, fragment) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let path: PathBuf = if file.is_empty() { from.to_owned() } else { from.parent().unwrap().join(file) };
    let Ok(path) = path.canonicalize() else { return Some(format!("{}: no file {target}", from.display())) };
    if !path.starts_with(root().canonicalize().unwrap()) {
        return Some(format!("{}: {target} leads out of the repository", from.display()));
    }
    let fragment = fragment?;
    let is_there = path.is_file() && anchors(&read(&path)).iter().any(|anchor| anchor == fragment);
    (!is_there).then(|| format!("{}: no heading {target}", from.display()))
}

#[test]
fn every_link_of_the_manual_leads_to_a_file_and_a_heading_that_are_there() {
    let (mut mistakes, mut count) = (Vec::new(), 0);
    for page in pages() {
        let text = read(&page);
        for target in targets(&text) {
            count += 1;
            mistakes.extend(mistake(&page, target));
        }
    }
    assert_eq!(mistakes, Vec::<String>::new());
    assert!(count > 40, "{count} links were found");
}

/// Files of this repository that a page names in backticks.
fn named_files(page: &str) -> impl Iterator<Item = &str> {
    let words = prose(page).flat_map(|line| line.split('`').skip(1).step_by(2));
    words.filter(|word| {
        let is_path =
            ["src/", "tests/", "assets/", "docs/", "benches/", "themes/"].iter().any(|own| word.starts_with(own));
        is_path && !word.contains(['*', ' ', '<']) && !word.contains("NAME")
    })
}

#[test]
fn every_file_that_the_manual_names_is_there() {
    // What is named here stands in a repository of the reader.
    let elsewhere = ["src/a", "src/lib.rs", "docs/README.md"];
    let mut count = 0;
    for page in pages() {
        let text = read(&page);
        for name in named_files(&text).filter(|name| !elsewhere.contains(name)) {
            count += 1;
            assert!(root().join(name).exists(), "{}: {name}", page.display());
        }
    }
    assert!(count > 40, "{count} names were found");
}

#[test]
fn a_link_to_what_is_not_there_is_found() {
    let page = root().join("docs/README.md");
    let wrong = |target| mistake(&page, target).is_some();
    assert!(!wrong("gate.md") && !wrong("gate.md#answers") && !wrong("https://example.com/none"));
    assert!(wrong("none.md") && wrong("gate.md#none") && wrong("../../none") && wrong("#none"));
    assert_eq!(anchors("# A `b`, c\n```sh\n# no\n```\n## 4. D\n## 4. D\n"), ["a-b-c", "4-d", "4-d-1"]);
}

#[test]
fn the_index_names_every_chapter_and_each_opens_with_what_it_is_for() {
    let index = read(&root().join("docs/README.md"));
    for page in pages().iter().filter(|page| page.parent().unwrap().ends_with("docs")) {
        let name = page.file_name().unwrap().to_str().unwrap();
        assert!(name == "README.md" || index.contains(&format!("]({name})")), "{name}");
        let text = read(page);
        let mut lines = text.lines();
        let (title, blank, opening) = (lines.next().unwrap(), lines.next().unwrap(), lines.next().unwrap());
        assert!(title.starts_with("# ") && blank.is_empty() && opening.len() > 40, "{name}: {opening}");
    }
}
