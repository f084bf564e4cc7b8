//! Each format: a text, and what it states.

mod formats;
mod infrastructure;
mod network;

use super::tests::states;
