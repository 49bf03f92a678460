//! Reads what strangers send: challenges, invoices, macaroons, preimages, URLs. No state and no clock.

pub mod challenge;
mod hmac;
pub mod invoice;
pub mod macaroon;
pub mod payment_hash;
pub mod preimage;
pub mod url;
