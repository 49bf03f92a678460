//! A preimage that was checked against its payment hash.

use crate::error::{Code, Error};
use crate::text::encoding::{from_base64, from_hex};
use crate::wire::payment_hash::PaymentHash;
use sha2::{Digest, Sha256};
use std::fmt;

/// The proof of a payment. Only [`Preimage::prove`] makes one, so its hash was always checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Preimage([u8; 32]);

impl Preimage {
    /// Reads the preimage that a wallet gave, and checks it against the payment hash. The text is 32 bytes in hex of
    /// either case, base64 or base64url. White space around it is ignored.
    ///
    /// # Errors
    /// - [`Code::NoPreimage`] if the text is no preimage. Some wallets give 32 zero bytes for "none". They count as
    ///   none, unless they hash to the payment hash.
    /// - [`Code::WrongPreimage`] if it hashes to something else.
    ///
    /// The error never contains the text.
    pub fn prove(text: &str, payment_hash: &PaymentHash) -> Result<Self, Error> {
        let text = text.trim_ascii();
        let bytes = from_hex(text.as_bytes()).and_then(exact).or_else(|| exact(from_base64(text)?.0));
        let Some(bytes) = bytes else {
            let lightning = text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("ln"));
            return Err(Error::new(
                Code::NoPreimage,
                if text.is_empty() {
                    "the wallet gave an empty text in place of the preimage"
                } else if lightning {
                    "the wallet gave an invoice in place of the preimage"
                } else {
                    "what the wallet gave is no preimage: 64 hex digits, or base64 of 32 bytes, are needed"
                },
            ));
        };
        if Sha256::digest(bytes).as_slice() == payment_hash.as_bytes() {
            Ok(Self(bytes))
        } else if bytes == [0; 32] {
            Err(Error::new(Code::NoPreimage, "the wallet gave zeros in place of the preimage"))
        } else {
            Err(Error::new(
                Code::WrongPreimage,
                "the wallet's preimage does not hash to the payment hash of the invoice",
            ))
        }
    }

    /// Lowercase hex: the form that `Authorization` carries.
    #[must_use]
    pub fn to_hex(&self) -> String {
        crate::text::encoding::to_hex(&self.0)
    }
}

impl fmt::Debug for Preimage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Preimage(..)")
    }
}

fn exact(bytes: Vec<u8>) -> Option<[u8; 32]> {
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::string_slice, clippy::arithmetic_side_effects)]
    use super::*;
    use crate::text::encoding::{to_base64, to_hex, Flavour};

    const SECRET: [u8; 32] = [0xfb; 32];

    fn hash(bytes: &[u8]) -> PaymentHash {
        <[u8; 32]>::from(Sha256::digest(bytes)).into()
    }

    #[test]
    fn every_spelling_of_the_preimage_proves_the_payment() {
        let lower = to_hex(&SECRET);
        let mut spellings = vec![lower.to_uppercase(), [" ", &lower, "\n"].concat(), lower.clone()];
        for url_safe in [false, true] {
            for padded in [false, true] {
                spellings.push(to_base64(&SECRET, Flavour { url_safe, padded }));
            }
        }
        for text in spellings {
            assert_eq!(Preimage::prove(&text, &hash(&SECRET)).unwrap().to_hex(), lower, "{text}");
        }
    }

    #[test]
    fn each_wrong_text_has_its_own_error_which_does_not_show_it() {
        let none = "what the wallet gave is no preimage: 64 hex digits, or base64 of 32 bytes, are needed";
        let zeros = "the wallet gave zeros in place of the preimage";
        let invoice = "the wallet gave an invoice in place of the preimage";
        let wrong = "the wallet's preimage does not hash to the payment hash of the invoice";
        let (short, long) = (&to_hex(&SECRET)[2..], to_hex(&[0xfb; 33]));
        for (text, code, message) in [
            ("", Code::NoPreimage, "the wallet gave an empty text in place of the preimage"),
            ("  ", Code::NoPreimage, "the wallet gave an empty text in place of the preimage"),
            ("true", Code::NoPreimage, none),
            ("☃", Code::NoPreimage, none),
            (short, Code::NoPreimage, none),
            (&long, Code::NoPreimage, none),
            ("lnbcrt10n1p4s96rhpp53w5w2qmtfde42swapd04ylh6s82w8xx5mp4lkdfk", Code::NoPreimage, invoice),
            ("LNBC1", Code::NoPreimage, invoice),
            (&"0".repeat(64), Code::NoPreimage, zeros),
            (&to_base64(&[0; 32], Flavour { url_safe: false, padded: true }), Code::NoPreimage, zeros),
            (&hash(&SECRET).to_hex(), Code::WrongPreimage, wrong),
        ] {
            assert_eq!(Preimage::prove(text, &hash(&SECRET)), Err(Error::new(code, message)), "{text}");
        }
        assert!(Preimage::prove(&"0".repeat(64), &hash(&[0; 32])).is_ok(), "zeros can be the preimage");
    }

    #[test]
    fn debug_hides_the_preimage() {
        let preimage = Preimage::prove(&to_hex(&SECRET), &hash(&SECRET)).unwrap();
        assert_eq!(format!("{preimage:?}"), "Preimage(..)");
    }
}
