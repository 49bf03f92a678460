//! The core of `l402-fetch`: everything a client must know to pay for HTTP 402 responses over Lightning (L402).
//!
//! The modules follow the protocol: a server answers 402 with a [`challenge`] that holds a macaroon and a BOLT11
//! [`invoice`]; the client checks both, pays, proves the [`preimage`] and repeats the request with a token.
//! Nothing here reads a clock, a network or a store: times come as arguments, and the flow takes them from a host.

mod account;
pub mod challenge;
pub mod client;
pub mod config;
mod encoding;
pub mod error;
pub mod event;
pub mod failure;
pub mod host;
pub mod invoice;
pub mod journal;
pub mod json;
mod ledger;
pub mod macaroon;
pub mod origin;
pub mod policy;
pub mod preimage;
mod purchase;
mod settle;
mod sync;
pub mod token;
#[cfg(target_family = "wasm")]
mod wasm;

pub use client::Client;
pub use config::Config;
pub use error::{Code, Error};
