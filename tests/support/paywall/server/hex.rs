//! Hashes and their hex.

use bitcoin::hashes::{sha256, Hash as _};
use bitcoin::hex::{DisplayHex, FromHex};

/// A payment hash, or the preimage of one.
pub type Hash = [u8; 32];

pub fn sha256(data: &[u8]) -> Hash {
    sha256::Hash::hash(data).to_byte_array()
}

pub fn encode(bytes: &[u8]) -> String {
    bytes.to_lower_hex_string()
}

pub fn hash(text: &str) -> Option<Hash> {
    Hash::from_hex(text).ok()
}
