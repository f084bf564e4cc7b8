//! `undersign demo`: placeholder until below.
use clap::Args;
#[derive(Args)]
pub struct Options {
    #[arg(long, value_name = "DIR")]
    dir: Option<std::path::PathBuf>,
}
pub fn run(_: &Options) -> Result<(), String> {
    Err(String::new())
}
