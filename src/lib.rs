//! The core of `l402-fetch`, a `fetch` that pays for HTTP 402 responses over Lightning (L402, once LSAT).
//!
//! The npm package of the same name is this crate compiled to wasm, with a thin layer of JavaScript around it; its
//! README is the manual for users. As a Rust crate it is a set of strict parsers, and a client whose surroundings are
//! up to you.
//!
//! # Parsers
//! They follow the protocol: a server answers 402 with a [challenge](wire::challenge) that holds a token (most often a
//! [macaroon](wire::macaroon)) and a BOLT11 [invoice](wire::invoice); the client checks both, pays, proves the
//! [preimage](wire::preimage) against the invoice's hash, and repeats the request with both.
//!
//! ```
//! use l402_fetch::wire::{challenge, preimage::Preimage};
//! use l402_fetch::wire::{invoice::{Invoice, Network}, macaroon::{Commitment, Macaroon}};
//! use l402_fetch::Code;
//!
//! // What a server sent in `WWW-Authenticate`.
//! let header = concat!(
//!     r#"L402 macaroon="AgEEbHNhdAJCAABDqLSL/ifcoWmtg4jWCXVau632VJ4QqcaHNS1jdEKZG6Ebgtqc6G44kAWczXukYjYXnd6p9R6h"#,
//!     r#"trC7r3pF7+ktAAISc2VydmljZXM9d2VhdGhlcjowAAIVd2VhdGhlcl9jYXBhYmlsaXRpZXM9AAAGIC04sC8UQyt01M2DS01+ksIvTZah"#,
//!     r#"Uz2BFzK9vC0QxgSd", invoice="lnbcrt120n1p4s96y3pp5gw5tfzl7ylw2z6ddswydvzt4t2a6maj5ncg2n358x5kkxazznydsdq8fs"#,
//!     r#"6rqvscqzzsxqyz5vqsp5e3hzykjvws495482xcfep0lulrya6znxnujpqrsrc7s7cqmu03lq9qxpqysgqtqv4aj5ee864vf8l45486pvgl"#,
//!     r#"9hs8n0pravtlzd95y3la9n2derqp969t3hvfmwvsu706zre5en9rday7qyl9vsjd36tzmt00xwywqqqsf6e8w""#,
//! );
//! let challenges = challenge::parse(header)?;
//! let offer = challenges[0].offer.as_ref().expect("a lightning offer");
//!
//! let invoice = Invoice::decode(&offer.invoice)?;
//! assert_eq!((invoice.network, invoice.amount_msat), (Network::Regtest, Some(12_000)));
//!
//! // The token must be for this payment and no other.
//! let macaroon = Macaroon::decode(&offer.token)?;
//! assert_eq!(macaroon.commits_to(&invoice.payment_hash), Commitment::ThisInvoice);
//! assert_eq!(macaroon.caveats[0].raw, "services=weather:0");
//!
//! // What a wallet says it paid with is believed when it hashes to the payment hash.
//! let told = "a7bcc0bee03e1a3e063e69b3483c069d86e2b1c18f3de0a2baf9c676b21b114a";
//! assert!(Preimage::prove(told, &invoice.payment_hash).is_ok());
//! let wrong = Preimage::prove(&"ab".repeat(32), &invoice.payment_hash);
//! assert_eq!(wrong.map_err(|error| error.code()), Err(Code::WrongPreimage));
//! # Ok::<(), l402_fetch::Error>(())
//! ```
//!
//! Every failure is an [`Error`] with one of the [`Code`]s of a single list. Its text holds no secret, and nothing that
//! a stranger sends makes a parser panic.
//!
//! # The client
//! [`Client`] is the whole flow: one purchase at a time for an origin, limits that are reserved before anyone is asked
//! ([`ledger::limits`]), a [record](ledger::record) written before anything is sent, and [tokens](ledger::token) that
//! are tried before anything is bought. It reads no clock, network or store by itself: all of that comes through the
//! trait [`flow::host::Host`], so that it runs in a test with a host that fails at any step.

mod client;
mod error;
pub mod flow;
pub mod ledger;
pub mod text;
#[cfg(target_family = "wasm")]
#[doc(hidden)] // what JavaScript calls; public for the tests in the engines
pub mod wasm;
pub mod wire;

pub use client::Client;
pub use error::{Code, Error, Moved};

/// Compiles the Rust examples of the documents.
#[cfg(doctest)]
#[doc = include_str!("../docs/rust.md")]
struct Documents;
