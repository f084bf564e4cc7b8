//! FLOOR 2: where changes come from: local git repositories, and review servers.

pub mod git;
#[cfg(feature = "tui")]
pub mod server;
