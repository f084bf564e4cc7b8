//! Review servers: what is asked of them, what they are told, and what becomes of it when they fail.
#![allow(clippy::unwrap_used)]

mod annotations;
mod attack;
mod delivery;
mod depends;
mod desk;
mod evidence;
mod faults;
mod forge;
mod gerrit;
mod gitlab;
mod host;
mod http;
mod kinds;
mod patches;
mod program;
mod real;
mod remarks;
mod reply_worlds;
mod review_board;
mod schemas;
#[path = "../support/desk.rs"]
mod session;
mod stack_worlds;
mod stacks;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/worlds.rs"]
mod worlds;
