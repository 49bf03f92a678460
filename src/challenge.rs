//! `WWW-Authenticate` to challenges and offers.

use crate::{Code, Error};

/// How an offer is paid and answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// L402.
    L402,
    /// LSAT, the name L402 had before.
    Lsat,
    /// The `Payment` scheme.
    Mpp,
    /// x402 over Lightning.
    X402,
}

/// One challenge of a `WWW-Authenticate` value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Challenge {
    /// The scheme as received.
    pub scheme: String,
    /// Names lower-cased, values unescaped, in order.
    pub params: Vec<(String, String)>,
    /// Set where this is an offer that Lightning can pay.
    pub offer: Option<Offer>,
}

/// What a Lightning challenge offers for payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// How the offer is answered.
    pub protocol: Protocol,
    /// The token, byte for byte as received.
    pub token: String,
    /// The BOLT11 invoice as received.
    pub invoice: String,
}

/// Every challenge in a `WWW-Authenticate` value, in order.
///
/// # Errors
/// [`Code::InvalidChallenge`] where the header holds no offer and it, or a Lightning challenge in it, is malformed.
pub fn parse(header: &str) -> Result<Vec<Challenge>, Error> {
    let _ = header;
    Err(Error::new(Code::InvalidChallenge, "not written"))
}
