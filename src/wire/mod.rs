//! Reads what strangers send: challenges, invoices, macaroons, preimages, URLs. No state and no clock.

pub mod challenge;
pub mod credential;
mod hmac;
pub mod invoice;
pub mod jcs;
pub mod macaroon;
pub mod mpp;
pub mod payment_hash;
pub mod preimage;
pub mod refusal;
pub mod shown;
pub mod signature;
pub mod url;
pub mod x402;
