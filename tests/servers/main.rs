//! Review servers: what is asked of them, what they are told, and what becomes of it when they fail.
#![allow(clippy::unwrap_used)]

mod delivery;
mod forge;
mod http;
#[path = "../support/mod.rs"]
mod support;
