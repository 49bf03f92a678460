//! x402 version 2 over Lightning: the scheme `exact` on `lnbtc` (scheme_exact_lnbtc.md, with the asset transfer method
//! `bolt11`).
//!
//! - [`PaymentRequired`] reads what a 402 asks for. Of its entries only those for Lightning are ours.
//! - [`Entry::for_http`] and [`Entry::for_mcp`] hash the request that is really sent, as an entry wants it.
//! - [`Entry::check`] compares entry, request and invoice. It leaves one question: who signed the invoice?
//! - [`Unproven::signed_by`] takes the answer, and hands out the invoice to pay. So the curve's library is needed for
//!   offers alone that are good in every other way.
//! - [`credential`] answers after the payment, and [`attested`] checks what the server then says.
//!
//! # Deviations from the specification
//! - The asset transfer method `invoice`, where a payer has no preimage to show, is not spoken.
//! - The signer is recovered even if the invoice names its payee. Both must be `payTo`. An invoice that names its payee
//!   beside a wrong recovery id is refused.

mod answer;
mod binding;
mod entry;
mod mcp;
mod required;

pub(crate) use answer::decode;
pub use answer::{attested, credential, last_moment};
pub use binding::{bound_to, is_for, is_unseen, is_unseen_in_pages, RequestHash, Sent};
pub use entry::{Entry, Unproven, NETWORKS};
pub use mcp::Call;
pub use required::PaymentRequired;
