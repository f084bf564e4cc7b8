//! `undersign gate keygen`: the key of a gate, for verification summaries.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use clap::Args;

use crate::gate::summary::GateKey;

#[derive(Args)]
pub struct Options {
    /// The file to write; the public key goes beside it, with .pub
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub fn run(options: &Options) -> Result<(), String> {
    let key = GateKey::generate(crate::random::random()?);
    let public = PathBuf::from(format!("{}.pub", options.file.display()));
    let failed = |error: std::io::Error| format!("The key {} cannot be written: {error}.", options.file.display());
    // Never overwrite an existing key: its signatures could not be distinguished from those of the new one. Nor the
    // public half of a key that is elsewhere.
    if public.exists() {
        return Err(format!("The key {} is there already; look whose it is.", public.display()));
    }
    let mut file =
        std::fs::File::options().write(true).create_new(true).mode(0o600).open(&options.file).map_err(failed)?;
    std::io::Write::write_all(&mut file, key.to_pem().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::write(&public, key.public().to_pem()).map_err(failed)?;
    outln!("The gate's key is in {}, its public key in {}.", options.file.display(), public.display());
    Ok(())
}
