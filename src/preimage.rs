//! A preimage, proven against its payment hash.

use crate::{Code, Error};
use std::fmt;

/// The proof of a payment. Only [`Preimage::prove`] makes one, so holding it means that the hash was checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Preimage([u8; 32]);

impl Preimage {
    /// Reads what a wallet gave (hex of either case, base64 or base64url) and checks it against the hash.
    ///
    /// # Errors
    /// [`Code::NoPreimage`] where the text could not be one, [`Code::WrongPreimage`] where it hashes to something else.
    pub fn prove(text: &str, payment_hash: &[u8; 32]) -> Result<Self, Error> {
        let _ = (text, payment_hash);
        Err(Error::new(Code::NoPreimage, "not written"))
    }

    /// Lowercase hex, as `Authorization` wants it.
    #[must_use]
    pub fn to_hex(&self) -> String {
        crate::encoding::to_hex(&self.0)
    }
}

impl fmt::Debug for Preimage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Preimage(..)")
    }
}
