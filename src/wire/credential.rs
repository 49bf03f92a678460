//! What a request carries to prove its payment.
//!
//! A purchase leaves a token and a preimage. The token is printable ASCII and holds everything of the offer that comes
//! back to the server. Token and preimage make the credential, at any later time.

use crate::text::encoding::concat;
use crate::wire::preimage::Preimage;

/// The header that carries a credential.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// `Authorization`. Runtimes take it out of requests that are redirected to another origin.
    Authorization,
    /// `Payment-Authorization`, where a charge of MPP names it.
    PaymentAuthorization,
    /// `PAYMENT-SIGNATURE` of x402.
    PaymentSignature,
}

impl Field {
    /// The name of the header, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::PaymentAuthorization => "payment-authorization",
            Self::PaymentSignature => "payment-signature",
        }
    }
}

/// The headers for credentials that the caller has set. Nothing of ours goes there.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Brought {
    /// An `Authorization`, or a user in the URL.
    pub authorization: bool,
    /// A `Payment-Authorization` or a `PAYMENT-SIGNATURE`: the caller pays in its own way.
    pub payment: bool,
}

impl Brought {
    /// Whether a credential of ours can't go into this header.
    #[must_use]
    pub fn forbids(self, field: Field) -> bool {
        match field {
            Field::Authorization => self.authorization,
            Field::PaymentAuthorization | Field::PaymentSignature => self.payment,
        }
    }
}

/// A header of a request. Its value is a secret, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The header.
    pub field: Field,
    /// Its value: printable ASCII.
    pub value: String,
}

/// The JSON object of a token, with the preimage as its payload.
pub(crate) fn with_proof(token: &str, preimage: &Preimage) -> Option<String> {
    with_payload(token, &concat(&[r#"{"preimage":""#, &preimage.to_hex(), r#""}"#]))
}

/// The JSON object of a token, with this JSON object as its payload.
pub(crate) fn with_payload(token: &str, payload: &str) -> Option<String> {
    let members = token.strip_suffix('}')?;
    Some(concat(&[members, r#","payload":"#, payload, "}"]))
}
