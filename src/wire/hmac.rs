//! HMAC-SHA256 (RFC 2104), which signs a macaroon's caveats.

use sha2::{Digest, Sha256};

/// HMAC-SHA256 (RFC 2104) with a key of 32 bytes.
pub(super) fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let padded = |pad: u8| {
        let mut block = [pad; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        Sha256::new().chain_update(block)
    };
    let inner = padded(0x36).chain_update(message).finalize();
    padded(0x5c).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::text::encoding::to_hex;

    /// A key as HMAC uses it. A short key is filled up with zeros. A long key is replaced by its hash.
    fn key(bytes: &[u8]) -> [u8; 32] {
        if bytes.len() > 64 {
            return Sha256::digest(bytes).into();
        }
        let mut key = [0; 32];
        key.get_mut(..bytes.len()).unwrap().copy_from_slice(bytes);
        key
    }

    #[test]
    fn the_vectors_of_rfc_4231_come_out() {
        let counting: Vec<u8> = (1..=25).collect();
        let long = concat!(
            "This is a test using a larger than block-size key and a larger than block-size data. ",
            "The key needs to be hashed before being used by the HMAC algorithm."
        );
        let table: [(&[u8], &[u8], &str); 7] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (&counting, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
            // The RFC shows only the first 128 bits of this result.
            (&[0x0c; 20], b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (&[0xaa; 131], long.as_bytes(), "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
        ];
        for (number, (secret, message, expected)) in table.iter().enumerate() {
            let signed = to_hex(&hmac(&key(secret), message));
            assert!(signed.starts_with(expected), "case {}: {signed}", number + 1);
        }
    }
}
