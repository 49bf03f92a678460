//! What a request carries to prove its payment, where that is JSON: MPP and x402.
//!
//! As with L402, a purchase leaves a token and a preimage. The token is printable ASCII and holds everything of the
//! offer that comes back to the server. Token and preimage make the credential, at any later time.

use crate::text::encoding::concat;
use crate::wire::preimage::Preimage;

/// A header of a request. Its value is a secret, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The name of the header, in lower case.
    pub field: &'static str,
    /// Its value: printable ASCII.
    pub value: String,
}

/// The JSON object of a token, with the preimage as its payload.
pub(crate) fn with_proof(token: &str, preimage: &Preimage) -> Option<String> {
    let members = token.strip_suffix('}')?;
    Some(concat(&[members, r#","payload":{"preimage":""#, &preimage.to_hex(), r#""}}"#]))
}
