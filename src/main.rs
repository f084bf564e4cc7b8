//! The program: arguments → command → exit code.

#[cfg(feature = "git")]
fn main() -> std::process::ExitCode {
    undersign::cli::run()
}

#[cfg(not(feature = "git"))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "undersign: this build has no git and so no commands: it is the library alone. Build it with --features git."
    );
    std::process::ExitCode::from(64)
}
