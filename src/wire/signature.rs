//! The signature of an invoice (BOLT11, data part), for whoever recovers its signer.
//!
//! The curve is not computed here: few offers need it, and the library for it is as large as the rest of this crate.

use crate::error::Error;
use crate::text::json_writer::write_object;
use crate::wire::invoice::{invalid, lower_case, read_bech32, repack, SIGNATURE};
use sha2::{Digest, Sha256};

/// A recoverable ECDSA signature over secp256k1, and the digest that was signed. It is not verified: only a key that
/// was recovered from it, and is the one that was expected, says that it is valid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signature {
    /// The SHA-256 of the prefix and the data part without the signature, which is padded with zero bits.
    pub digest: [u8; 32],
    /// `r` and `s`, 32 bytes each, big-endian.
    pub compact: [u8; 64],
    /// 0 to 3.
    pub recovery_id: u8,
}

impl Signature {
    /// Reads the signature of an invoice.
    ///
    /// # Errors
    /// [`crate::Code::InvalidInvoice`] if the text is not bech32 that is long enough, or if the recovery id is above 3.
    pub fn of(payment_request: &str) -> Result<Self, Error> {
        let cut_short = || invalid("the invoice's signature is malformed");
        let text = lower_case(payment_request)?;
        let (prefix, mut groups) = read_bech32(&text)?;
        let start = groups.len().checked_sub(SIGNATURE).ok_or_else(cut_short)?;
        let mut bytes = Vec::new();
        repack(groups.get(start..).unwrap_or_default(), |byte| bytes.push(byte));
        let (compact, recovery_id) = match bytes.split_last_chunk::<1>() {
            Some((compact, [id @ 0..=3])) => (compact.try_into().map_err(|_| cut_short())?, *id),
            _ => return Err(cut_short()),
        };

        groups.truncate(start);
        let length = start.saturating_mul(5).div_ceil(8);
        // room for the zero bits that fill the last byte
        groups.extend([0, 0]);
        let mut message = prefix.as_bytes().to_vec();
        let end = prefix.len().saturating_add(length);
        repack(&groups, |byte| message.push(byte));
        message.truncate(end);
        Ok(Self { digest: Sha256::digest(message).into(), compact, recovery_id })
    }

    /// The JSON text that JavaScript reads.
    #[must_use]
    pub fn to_json(&self) -> String {
        write_object(|object| {
            object.hex("digest", Some(&self.digest));
            object.hex("compact", Some(&self.compact));
            object.number("recoveryId", Some(u64::from(self.recovery_id)));
        })
    }
}
