//! Which columns of a report are evidence for which controls: a file that the audited organisation provides. Controls
//! differ between organisations; none are built in.

use std::collections::BTreeMap;

use super::report::{Kind, Shown};
use crate::datafile::{self, FileError};

pub const SCHEMA: &str = "undersign-controls/v1";
/// The columns besides the kinds of exceptions.
pub const COLUMNS: [&str; 9] =
    ["landing", "when", "decision", "approvers", "presence", "seen", "ai", "findings", "gate"];

/// The ids of controls, by column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Controls {
    pub columns: BTreeMap<String, Vec<Shown>>,
}

impl Controls {
    /// Reads a mapping; one with mistakes is refused as a whole, with all of them.
    ///
    /// # Errors
    /// The mapping has mistakes, each with its line.
    pub fn parse(file: &str, source: &str) -> Result<Controls, FileError> {
        datafile::read(file, source, |root| {
            let schema = root.need_string("schema");
            if let Some(schema) = schema.filter(|schema| schema.value != SCHEMA) {
                schema.mistake(format!("`schema` is not \"{SCHEMA}\""));
            }
            let mut columns = BTreeMap::new();
            let table = root.table("columns");
            if table.is_none() {
                root.mistake("[columns] is missing: it names the columns, each with ids of controls");
            }
            for name in table.iter().flat_map(|table| table.keys()) {
                let is_column =
                    COLUMNS.contains(&&*name.value) || Kind::ALL.iter().any(|kind| kind.name() == name.value);
                if !is_column {
                    name.mistake(format!("there is no column `{}`", name.value));
                }
                let ids = table.iter().flat_map(|table| table.strings(&name.value));
                let ids: Vec<Shown> = ids.map(|id| Shown::of(&id.value)).collect();
                columns.insert(name.value.clone(), ids);
            }
            Some(Controls { columns })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_read_and_a_column_that_is_none_is_told_with_its_line() {
        let head = "schema = \"undersign-controls/v1\"\n[columns]\n";
        let sound =
            Controls::parse("c.toml", &format!("{head}approvers = [\"CC8.1\", \"8.32\"]\nunapproved = [\"CC8.1\"]\n"));
        assert_eq!(sound.unwrap().columns["approvers"].len(), 2);
        let error = Controls::parse("c.toml", &format!("{head}aprovers = [\"CC8.1\"]\n")).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("aprovers"), "{error}");
        assert!(Controls::parse("c.toml", "[columns]\n").is_err());
        assert!(Controls::parse("c.toml", "schema = \"undersign-controls/v1\"\n").is_err());
    }
}
