//! `.undersign/services.toml`: which service a path belongs to, and how much depends on it. It widens how far a change
//! reaches; nothing lands or is refused by it.

use super::patterns::PathPatterns;
use crate::change::RepoPath;
use crate::change::spelling::spellings;

/// The file, on the policy branch.
pub const SERVICES_FILE: &str = ".undersign/services.toml";

/// The services of a repository.
#[derive(Debug, Clone, Default)]
pub struct Services(pub(super) Vec<Service>);

/// What a file says of a service.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its id.
    pub name: String,
    /// 0: all depend on it; up to 5.
    pub tier: u8,
    pub(super) paths: PathPatterns,
}

impl Services {
    /// All of them, by name.
    pub fn all(&self) -> &[Service] {
        &self.0
    }

    /// Those that a path belongs to, the one with the lowest tier first.
    pub fn of(&self, path: &RepoPath) -> Vec<&Service> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let spellings = spellings(path);
        let mut holding: Vec<&Service> = self.0.iter().filter(|service| service.paths.hold_any(&spellings)).collect();
        holding.sort_by_key(|service| service.tier);
        holding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Services {
        Services::read("services.toml", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn mistakes(text: &str) -> Vec<(usize, String)> {
        let refused = Services::read("services.toml", text.as_bytes()).expect_err(text);
        refused.mistakes.into_iter().map(|mistake| (mistake.line, mistake.text)).collect()
    }

    #[test]
    fn the_sample_is_right_and_a_path_belongs_to_all_services_that_hold_it() {
        let services = read(include_str!("../../assets/services.toml"));
        let of =
            |path: &str| services.of(&path.into()).iter().map(|own| (own.name.clone(), own.tier)).collect::<Vec<_>>();
        assert_eq!(of("services/checkout/src/a.rs"), [("checkout".to_owned(), 1)]);
        assert_eq!(of("Services/Search/a"), [("search".to_owned(), 3)], "as file systems compare names");
        assert!(of("services/checkout").is_empty());
        let both = read(
            "schema = 'undersign-services/v1'\n[service.all]\ntier = 4\npaths = ['**']\n\
             [service.core]\ntier = 0\npaths = ['core/**']\n",
        );
        let names: Vec<&str> = both.of(&"core/a".into()).iter().map(|own| own.name.as_str()).collect();
        assert_eq!(names, ["core", "all"]);
        assert!(read("schema = 'undersign-services/v1'\n").of(&"a".into()).is_empty());
    }

    #[test]
    fn all_mistakes_of_a_file_are_reported_each_at_its_line() {
        let text = "schema = 'undersign-services/v9'\nowner = 'me'\n[service.Checkout]\ntier = 6\npaths = ['/a/**', 'b/[']\n\
                    [service.search]\npaths = []\nteir = 1\n[service.mail]\ntier = 'one'\npaths = 'a'\n";
        let lines: Vec<usize> = mistakes(text).iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 2, 3, 4, 5, 5, 6, 6, 8, 9, 10, 11]);
        let text: Vec<String> = mistakes(text).into_iter().map(|(_, text)| text).collect();
        let has = |part: &str| assert!(text.iter().any(|text| text.contains(part)), "{part}: {text:?}");
        [
            "`tier` is 0 to 5, not 6",
            "needs `paths`",
            "needs `tier`",
            "unknown key `teir`",
            "is not a valid name for a service",
        ]
        .into_iter()
        .for_each(has);
    }

    #[test]
    fn a_file_of_any_size_is_refused_and_not_read_in_part() {
        let many: String = (0..501).map(|n| format!("[service.s{n}]\ntier = 1\npaths = ['s{n}/**']\n")).collect();
        let refused = mistakes(&format!("schema = 'undersign-services/v1'\n{many}"));
        assert_eq!(refused, [(1, "there are 501 services; at most 500 are read".to_owned())]);
        let paths: String = (0..5_001).map(|n| format!("'p{n}/**',")).collect();
        let refused =
            mistakes(&format!("schema = 'undersign-services/v1'\n[service.one]\ntier = 1\npaths = [{paths}]\n"));
        assert!(refused[0].1.contains("more than 5000 paths"), "{refused:?}");
        let refused = mistakes(&format!("schema = 'undersign-services/v1'\n#{}\n", "x".repeat(2 << 20)));
        assert_eq!(refused, [(1, "the file is larger than 1 MiB".to_owned())]);
        let nested = format!("schema = 'undersign-services/v1'\na = {}{}\n", "[".repeat(9_000), "]".repeat(9_000));
        assert!(!mistakes(&nested).is_empty());
    }
}
