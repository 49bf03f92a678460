//! Reads macaroons, and narrows them.
//!
//! The formats are those of libmacaroons: version 1 (packets), version 2 (fields) and version 2 as JSON. They come in
//! base64 of either alphabet, with or without padding. JSON may also come bare, as libmacaroons writes it.
//!
//! A token of another format may still be good. Every token is opaque to a client. The client reads it only to check
//! what it is for.

mod contents;
mod format;

use crate::error::Error;
use crate::text::encoding::{from_digits, is_digit};
use crate::text::scan::{cut, find};
use crate::wire::hmac::hmac;
use contents::invalid;
pub use contents::{Caveat, Commitment, Macaroon, MAX_TOKEN};
use format::Encoded;

/// The most bytes of a caveat that is added. Caveats in use are far shorter, and every format can hold this many.
pub const MAX_CAVEAT: usize = 4096;

/// The most macaroons in one token. No known server sends more than two.
pub const MAX_PARTS: usize = 32;

impl Macaroon {
    /// Decodes a token.
    ///
    /// # Errors
    /// [`crate::Code::InvalidMacaroon`] if it is not exactly one macaroon.
    pub fn decode(token: &str) -> Result<Self, Error> {
        Ok(Encoded::read(token)?.macaroon)
    }
}

/// Reads every macaroon that a token holds. An opaque token holds none. Text between and after the macaroons is
/// skipped, unless it is base64.
///
/// Some libraries of servers read only the first macaroon of a token, others read all. So any of them may count.
///
/// # Errors
/// [`crate::Code::InvalidMacaroon`] if something starts like a macaroon and is malformed, since servers may read it in
/// any way. The same for more than [`MAX_PARTS`] macaroons.
pub fn decode_parts(token: &str) -> Result<Vec<Macaroon>, Error> {
    if let Ok(macaroon) = Macaroon::decode(token) {
        return Ok(vec![macaroon]);
    }
    let mut found = Vec::new();
    let mut rest = token;
    while let Some(start) = find(rest, is_digit) {
        (_, rest) = cut(rest, start);
        let (mut digits, behind) = cut(rest, find(rest, |byte| !is_digit(byte)).unwrap_or(rest.len()));
        rest = behind;
        while let Some(read) = from_digits(digits) {
            let mut left = read.bytes.as_slice();
            while let Some(behind) = format::find(left, &mut found).map_err(invalid)? {
                left = behind;
                if found.len() > MAX_PARTS {
                    return Err(invalid("the token holds more than 32 macaroons"));
                }
            }
            let used = read.bytes.len().saturating_sub(left.len());
            if used == 0 {
                break;
            }
            // Two base64 texts may have been joined. The second then starts at a new digit.
            (_, digits) = cut(digits, used.saturating_mul(4).div_ceil(3));
        }
    }
    Ok(found)
}

/// Narrows a token by first-party caveats. The result has the same version and the same base64 as the token.
///
/// # Errors
/// [`crate::Code::InvalidMacaroon`] if the token is not one macaroon, if no caveat is given, or if a caveat is empty,
/// longer than [`MAX_CAVEAT`] or holds control characters.
pub fn attenuate(token: &str, caveats: &[&str]) -> Result<String, Error> {
    if caveats.is_empty() {
        return Err(invalid("give at least one caveat to narrow the macaroon by"));
    }
    for caveat in caveats {
        if caveat.trim_ascii().is_empty() {
            return Err(invalid("a caveat to be added is empty"));
        }
        if caveat.len() > MAX_CAVEAT {
            return Err(invalid("a caveat to be added is longer than 4096 bytes"));
        }
        if caveat.chars().any(char::is_control) {
            return Err(invalid("a caveat to be added holds control characters"));
        }
    }
    let token = Encoded::read(token)?;
    let signature = caveats.iter().fold(token.macaroon.signature, |key, caveat| hmac(&key, caveat.as_bytes()));
    token.narrowed(caveats, &signature)
}
