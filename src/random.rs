//! FLOOR 2: random numbers of the operating system.

/// Bytes that nobody can guess.
///
/// # Errors
/// A sentence: the operating system gives none.
pub fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| format!("The operating system gives no random bytes: {error}."))?;
    Ok(bytes)
}
