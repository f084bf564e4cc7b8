//! Which refs are protected, and what a push may do to them. A push to a ref that is not named is refused.

use globset::{GlobBuilder, GlobSet};

use crate::change::spelling::folded;

/// The policy's rule for one ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefProtection {
    /// Accepts only signed changes.
    Protected {
        /// A push may replace its history with another one.
        rewrite: bool,
        /// A push may delete it.
        delete: bool,
    },
    /// Accepts anything: a place from which to propose changes.
    Open,
    /// Equal to a protected ref except for letter case or Unicode form: on many file systems it is the same ref.
    Alias,
    /// Named nowhere.
    Uncovered,
}

/// The refs of a policy.
#[derive(Debug, Clone, Default)]
pub struct Refs {
    pub(super) rules: Vec<RefRule>,
    pub(super) open: GlobSet,
    pub(super) open_patterns: Vec<String>,
}

/// One rule about protected refs, by pattern.
#[derive(Debug, Clone)]
pub struct RefRule {
    /// A glob over full names, as written in the file; `*` does not match `/`, and `**` does.
    pub pattern: String,
    /// A push may replace its history with another one; the new one is judged in the same way.
    pub rewrite: bool,
    /// A push may delete the ref.
    pub delete: bool,
    /// It comes from an organization.
    pub is_inherited: bool,
    exact: GlobSet,
    folded: GlobSet,
}

impl RefRule {
    pub(super) fn new(pattern: &str, rewrite: bool, delete: bool) -> Result<RefRule, globset::Error> {
        let plain = folded(pattern);
        let glob = |fold: bool| {
            let text = if fold { &plain } else { pattern };
            GlobBuilder::new(text).literal_separator(true).case_insensitive(fold).build()
        };
        let set = |fold: bool| GlobSet::builder().add(glob(fold)?).build();
        Ok(RefRule {
            pattern: pattern.to_owned(),
            rewrite,
            delete,
            is_inherited: false,
            exact: set(false)?,
            folded: set(true)?,
        })
    }
}

impl Refs {
    /// If several rules name a ref, only what all of them allow is allowed.
    pub fn protection(&self, name: &str) -> RefProtection {
        let plain = folded(name);
        // What one of the two protects is not made another ref by a rule of the other.
        let is_alias = |is_inherited: bool| {
            let mut own = self.rules.iter().filter(|rule| rule.is_inherited == is_inherited);
            own.clone().any(|rule| rule.folded.is_match(&plain)) && !own.any(|rule| rule.exact.is_match(name))
        };
        if is_alias(false) || is_alias(true) {
            return RefProtection::Alias;
        }
        let mut matching = self.rules.iter().filter(|rule| rule.exact.is_match(name)).peekable();
        if matching.peek().is_some() {
            let (rewrite, delete) = matching.fold((true, true), |(r, d), rule| (r && rule.rewrite, d && rule.delete));
            return RefProtection::Protected { rewrite, delete };
        }
        if self.open.is_match(name) { RefProtection::Open } else { RefProtection::Uncovered }
    }

    /// The same rules, as an organization's.
    pub(super) fn inherited(mut self) -> Refs {
        self.rules.iter_mut().for_each(|rule| rule.is_inherited = true);
        self
    }

    /// Whether pushes to a ref are judged.
    pub fn protects(&self, name: &str) -> bool {
        matches!(self.protection(name), RefProtection::Protected { .. })
    }

    /// Refs that accept anything, as patterns in the file.
    pub fn open_patterns(&self) -> &[String] {
        &self.open_patterns
    }

    /// The rules of protected refs, in the order of the file.
    pub fn rules(&self) -> &[RefRule] {
        &self.rules
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_ref_that_is_a_protected_one_on_some_file_system_is_an_alias() {
        let rules = ["refs/heads/main", "refs/heads/straße"].map(|rule| RefRule::new(rule, false, false).unwrap());
        let open = GlobSet::builder().add(globset::Glob::new("refs/heads/**").unwrap()).build().unwrap();
        let refs = Refs { rules: rules.to_vec(), open, open_patterns: Vec::new() };
        for name in ["refs/heads/Main", "refs/heads/mai\u{200c}n", "refs/heads/STRASSE", "refs/heads/stra\u{1E9E}e"] {
            assert_eq!(refs.protection(name), RefProtection::Alias, "{name}");
        }
        for name in ["refs/heads/mains", "refs/heads/ma\u{131}n", "refs/heads/strase"] {
            assert_eq!(refs.protection(name), RefProtection::Open, "{name}");
        }
        let protected = RefProtection::Protected { rewrite: false, delete: false };
        assert_eq!(refs.protection("refs/heads/straße"), protected);
    }
}
