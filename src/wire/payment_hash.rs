//! The payment hash: the name of a payment.

use crate::error::{Code, Error};
use crate::text::encoding::{from_hex, to_hex};
use crate::text::json_writer::Writer;
use crate::text::members::Members;
use std::fmt;

/// The name of the JSON member that holds a payment hash.
const NAME: &str = "paymentHash";

/// The SHA-256 hash of a preimage. An invoice names it, a token may commit to it, and the preimage proves the payment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PaymentHash([u8; 32]);

impl PaymentHash {
    /// Reads 64 hex digits of either case.
    ///
    /// # Errors
    /// [`Code::InvalidOptions`] if the text is anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bytes = from_hex(text.as_bytes()).and_then(|bytes| bytes.try_into().ok());
        bytes
            .map(Self)
            .ok_or_else(|| Error::new(Code::InvalidOptions, "the payment hash must be a string of 64 hex digits"))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Lowercase hex.
    #[must_use]
    pub fn to_hex(&self) -> String {
        to_hex(&self.0)
    }

    /// Writes it as the member `paymentHash`.
    pub(crate) fn write(&self, object: &mut Writer) {
        object.hex(NAME, Some(&self.0));
    }

    /// Reads or writes the member `paymentHash`.
    pub(crate) fn member(&mut self, object: &mut Members<'_>) {
        object.parsed(NAME, self, Self::to_hex, Self::parse);
    }
}

impl From<[u8; 32]> for PaymentHash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// Lowercase hex.
impl fmt::Display for PaymentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

/// Lowercase hex.
impl fmt::Debug for PaymentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn hex_of_either_case_is_read_and_written_in_lower_case() {
        let zeros = "0".repeat(64);
        let lower = ["00ff", &"ab".repeat(30)].concat();
        let mixed = ["00fF", &"aB".repeat(30)].concat();
        for (text, expected) in
            [(&lower, &lower), (&lower.to_ascii_uppercase(), &lower), (&mixed, &lower), (&zeros, &zeros)]
        {
            let hash = PaymentHash::parse(text).unwrap();
            assert_eq!((&hash.to_hex(), &hash.to_string(), &format!("{hash:?}")), (expected, expected, expected));
        }
        let bytes: [u8; 32] = std::array::from_fn(|at| at.try_into().unwrap());
        let hash = PaymentHash::from(bytes);
        assert_eq!(hash.to_hex(), "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
        assert_eq!((hash.as_bytes(), PaymentHash::parse(&hash.to_hex())), (&bytes, Ok(hash)));
    }

    #[test]
    fn anything_else_is_refused() {
        let error = Error::new(Code::InvalidOptions, "the payment hash must be a string of 64 hex digits");
        for text in [
            "",
            "00",
            &"0".repeat(63),
            &"0".repeat(65),
            &"0".repeat(66),
            &"g".repeat(64),
            &["0x", &"0".repeat(62)].concat(),
            &[" ", &"0".repeat(63)].concat(),
            &[&"0".repeat(64), "\n"].concat(),
            &"é".repeat(32),
        ] {
            assert_eq!(PaymentHash::parse(text), Err(error.clone()), "{text}");
        }
    }
}
