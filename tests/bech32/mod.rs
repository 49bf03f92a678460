//! bech32 as BIP 173 defines it, bit by bit: slow and plain, to make texts that the decoder must take or refuse.
#![allow(dead_code)] // each test uses a part

pub const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// A text of this prefix and these 5-bit groups. The constant is 1 for bech32, 0x2bc830a3 for bech32m.
pub fn bech32(prefix: &str, groups: &[u8], constant: u32) -> String {
    let high = prefix.bytes().map(|b| b >> 5);
    let low = prefix.bytes().map(|b| b & 31);
    let mut checksum = 1u32;
    for group in high.chain([0]).chain(low).chain(groups.iter().copied()).chain([0; 6]) {
        let top = checksum >> 25;
        checksum = (checksum & 0x1ff_ffff) << 5 ^ u32::from(group);
        for (bit, generator) in [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3].into_iter().enumerate() {
            if top >> bit & 1 == 1 {
                checksum ^= generator;
            }
        }
    }
    checksum ^= constant;
    let tail = (0..6).map(|i| (checksum >> (5 * (5 - i)) & 31) as u8);
    let data = groups.iter().copied().chain(tail).map(|group| char::from(ALPHABET[usize::from(group)]));
    format!("{prefix}1{}", data.collect::<String>())
}

/// The 5-bit groups of a text's data part, without the checksum.
pub fn groups(text: &str) -> Vec<u8> {
    let data = text.rsplit_once('1').unwrap().1.bytes();
    let mut groups: Vec<u8> = data.map(|b| ALPHABET.iter().position(|a| *a == b).unwrap() as u8).collect();
    groups.truncate(groups.len() - 6);
    groups
}
