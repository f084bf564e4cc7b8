//! FLOOR 2: where changes come from. Today: local git repositories.

pub mod git;
