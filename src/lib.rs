pub mod change;
pub mod datafile;
pub mod decision;
pub mod gate;
pub mod policy;
pub mod provenance;
pub mod record;
pub mod risk;

#[cfg(feature = "git")]
pub mod cli;
#[cfg(feature = "git")]
pub mod ledger;
#[cfg(feature = "git")]
pub mod source;
#[cfg(feature = "git")]
pub mod survey;

#[cfg(feature = "tui")]
pub mod drafts;
#[cfg(feature = "tui")]
pub mod signer;
