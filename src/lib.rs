//! **undersign**: review AI-assisted changes in a terminal, and undersign them: a signed decision that every gate can
//! verify.
//!
//! One frame, with the names of the code:
//!
//! ```text
//!  ‹ Queue   Rename the cost-explorer environment     Kiro · b71d9aa  left: 3 hunks · 2 findings ← app::review::Review
//!  ────────────────────────────┬───────────────────────────────────────────────────────────────────
//!   2 files by risk      seen  │ ▸ envs/prod/main.tf                         modified   +1 −4        ← rows::Row::File
//!   envs/prod                  │    @@ 13  lifecycle               ✓ seen     ← Row::Hunk, a mark of decision::Draft
//! ▸ C2 main.tf            1/2  │    17      −     prevent_destroy = true       ← Row::Line of change::compare::Hunk
//!   M1 dashboards.tf deleted · │  C ┃ destr.protection-off  A guard …  [a]     ← Row::Finding, from risk::Assessor
//!  ────────────────────────────┴───────────────────────────────────────────────────────────────────
//!   ] hunk   } file   ) finding   ␣ mark   a answer   S sign                   ← app::keymap::Keymap
//!                                                           └─ app::sign::Sheet → signing::Prepared → record::Record
//! ```
//!
//! Floors; dependencies go down only. Floors 0 and 1 know no terminal, no home directory, no clock, no environment and
//! no files. The build without features is the bare verifier: the part of these two floors that verification needs.
//!
//! ```text
//!  5  cli  desk                                 arguments → command; the main loop
//!  4  app  tui  worker  config  service
//!                                               the program without a screen; the screen; effects → events; the gate
//!                                               over HTTP
//!  3  signing  examination  authorizing  sync  delivery  notices  enforcement  inheritance  audit  outcomes  broker
//!                                               what is joined for the sheet, queue and reader, remotes, review
//!                                               servers, notices, pushes, organizations, looks back, commands
//!  2  source  ledger  claims  waiting  gate_state  signer  drafts  cache  disk  clock  random  clipboard  editor
//!                                               git objects; chains and claims in refs; since when what waits; what
//!                                               a gate saw; keys; files
//!  1  provenance  risk  policy  decision  record  gate  enrolment  command  agents  highlight    rules
//!  0  change  datafile  grammar                 plain data; TOML files read with all their mistakes; trees of code
//! ```
//!
//! # As a library
//!
//! Without features it is only the verifier of the format: [`record::verify()`] verifies records, [`record::Chain`]
//! links them, [`policy::Policy`] says whose they are, and [`gate::PushEvaluation`] says what they allow to land.
//!
//! ```
//! use undersign::policy::Policy;
//! use undersign::record::verify;
//!
//! // One of the published test vectors: a head of text, an empty line, and the bytes of an envelope.
//! let file = include_bytes!(concat!(
//!     env!("CARGO_MANIFEST_DIR"),
//!     "/tests/records/vectors/record-sound-ed25519.vector"
//! ));
//! let head = file.windows(2).position(|pair| pair == b"\n\n").expect("a vector has a head");
//! let record = verify(&file[head + 2..])?;
//! let decision = &record.statement().predicate;
//! assert_eq!(decision.principal, "dana");
//! assert_eq!(decision.target.name, "refs/heads/main");
//!
//! // That the signature holds says nothing of whose key it is: that is for the policy to say.
//! let policy = Policy::parse("policy.toml", &format!(
//!     r#"
//!     schema = "undersign-policy/v1"
//!     version = 1
//!     repository = "vectors-1"
//!     [refs]
//!     protected = ["refs/heads/main"]
//!     [people.dana]
//!     name = "Dana Reyes"
//!     roles = ["senior", "policy"]
//!     emails = ["dana@example.com"]
//!     keys = ["{}"]
//!     [compartment.default]
//!     sign = [{{ role = "senior", n = 1 }}]
//!     [compartment.policy]
//!     paths = [".undersign/**"]
//!     solo = true
//!     sign = [{{ role = "policy", n = 1 }}]
//!     "#,
//!     record.key().to_openssh(),
//! ));
//! let policy = policy.unwrap_or_else(|error| panic!("{error}"));
//! let (owner, _) = policy.roster.enrolment(record.key()).expect("the key is in the roster");
//! assert_eq!(owner.id, decision.principal);
//! # Ok::<(), undersign::record::Fault>(())
//! ```
//!
//! Words: a **change** proposes a **revision** (base, head) to a target ref; its **manifest** is what it does to each
//! path, and what a decision is bound to. **Provenance** is what is known of how it was made, and consists of
//! **evidence**; **attribution** says who wrote each added line. A **finding** is what a rule reports at a line;
//! **blast radius** is how far the effect of a mistake would spread. A **compartment** is a part of a repository with
//! its own signers; a **requirement** is what it requires. A **draft** becomes a **decision**, written as a
//! **statement**, signed in an **envelope**, linked as a **record** into a **chain**; all chains are the **ledger**.
//! The **gate** gives an **outcome** with **reasons**. An invalid record has a **fault**.

pub mod change;
pub mod command;
pub mod datafile;
pub mod decision;
pub mod gate;
pub mod policy;
pub mod provenance;
pub mod record;

#[cfg(feature = "git")]
#[doc(hidden)]
pub mod agents;
#[cfg(feature = "git")]
pub mod audit;
#[cfg(feature = "git")]
#[doc(hidden)]
pub mod cache;
#[cfg(feature = "git")]
pub mod claims;
#[cfg(feature = "git")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "git")]
#[doc(hidden)]
pub mod clock;
#[cfg(feature = "git")]
#[doc(hidden)]
pub mod disk;
#[cfg(feature = "git")]
pub mod enforcement;
#[cfg(feature = "git")]
pub mod examination;
#[cfg(feature = "git")]
pub mod gate_state;
#[cfg(feature = "syntax")]
#[doc(hidden)]
pub mod grammar;
#[cfg(feature = "git")]
#[doc(hidden)]
pub mod inheritance;
#[cfg(feature = "git")]
pub mod ledger;
#[cfg(feature = "git")]
pub mod outcomes;
#[cfg(feature = "git")]
#[doc(hidden)]
pub mod random;
#[cfg(feature = "git")]
pub mod risk;
#[cfg(feature = "serve")]
#[doc(hidden)]
pub mod service;
#[cfg(feature = "git")]
pub mod source;
#[cfg(feature = "git")]
pub mod sync;
#[cfg(feature = "git")]
#[doc(hidden)]
pub mod waiting;

#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod app;
#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod authorizing;
#[cfg(all(feature = "tui", target_os = "linux"))]
#[doc(hidden)]
pub mod broker;
#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod clipboard;
#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod config;
#[cfg(feature = "tui")]
pub mod delivery;
#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod desk;
#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod drafts;
#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod editor;
#[cfg(feature = "tui")]
pub mod enrolment;
#[cfg(feature = "tui")]
pub mod highlight;
#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod notices;
#[cfg(feature = "tui")]
pub mod signer;
#[cfg(feature = "tui")]
pub mod signing;
#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod tui;
#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod worker;
