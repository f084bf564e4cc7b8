//! The bare verifier, without features: `cargo run --no-default-features --example verify -- POLICY RECORD…`
//! Says of each record (`*.dsse.json`) who decided what; anything else ends with a sentence and a code that is not 0.

use undersign::policy::Policy;
use undersign::record::verify;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut files = std::env::args().skip(1);
    let file = files.next().ok_or("a policy file and records are needed")?;
    let policy = Policy::parse(&file, &std::fs::read_to_string(&file)?)?;
    for file in files {
        let verified = verify(&std::fs::read(&file)?).map_err(|fault| format!("{file}: {fault}"))?;
        let decision = &verified.statement().predicate;
        let owner = policy.roster.by_key(verified.key()).filter(|person| person.id == decision.principal);
        let who = owner.ok_or_else(|| format!("{file}: the key is not that of {}", decision.principal))?;
        println!(
            "{}  {}: {} of manifest {}",
            verified.id().short(),
            who.id,
            decision.verdict,
            decision.manifest.sha256
        );
    }
    Ok(())
}
