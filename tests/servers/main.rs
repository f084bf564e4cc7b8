//! Review servers: what is asked of them, what they are told, and what becomes of it when they fail.
#![allow(clippy::unwrap_used)]

mod delivery;
mod desk;
mod forge;
mod host;
mod http;
mod program;
#[path = "../support/desk.rs"]
mod session;
#[path = "../support/mod.rs"]
mod support;
