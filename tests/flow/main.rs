//! The flow over a host that can fail or stop at every step.
//!
//! Nothing sleeps: the clock belongs to the host, and goes on only when every task waits for it.
#![cfg(not(target_family = "wasm"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::type_complexity
)]

mod executor;
mod guesses;
mod host;
mod late;
mod mint;
#[path = "../invoices/signer.rs"]
mod signer;
mod store;
mod world;

mod abandoned;
mod accounts;
mod bound;
mod certain;
mod charges;
mod consent;
mod damage;
mod interleavings;
mod kept;
mod lookups;
mod money;
mod offers;
mod options;
mod parallel;
mod proofs;
mod recovery;
mod scopes;
mod session_crashes;
mod session_faults;
mod session_shop;
mod session_world;
mod sessions;
mod stores;
mod tokens;
mod wallet;
mod workers;
mod writes;
