//! Nothing: this package only names one whose file is read, as `Cargo.toml` says.
