//! Macaroons: reading a token, and narrowing it.
//!
//! Read are the formats of libmacaroons: version 1 (packets), version 2 (fields) and version 2 as JSON, in base64 of
//! any alphabet with or without padding; JSON also bare, as libmacaroons writes it. A token that is none of these may
//! still be a good one: to a client every token is opaque, and reading it serves only to check what it is for.

mod contents;
mod format;

use crate::error::Error;
use crate::text::encoding::{from_digits, is_digit};
use crate::text::scan::{cut, find};
use crate::wire::hmac::hmac;
use contents::invalid;
pub use contents::{Caveat, Commitment, Macaroon, MAX_TOKEN};
use format::Encoded;

/// Bytes of a caveat that is added: far more than any in use, and it fits every format.
pub const MAX_CAVEAT: usize = 4096;

/// Macaroons in one token. Two are the most that a known server sends.
pub const MAX_PARTS: usize = 32;

impl Macaroon {
    /// Decodes a token.
    ///
    /// # Errors
    /// [`crate::Code::InvalidMacaroon`]
    pub fn decode(token: &str) -> Result<Self, Error> {
        Ok(Encoded::read(token)?.macaroon)
    }
}

/// Every macaroon that a token holds: one, or several that follow each other, with anything between and behind them
/// that is none, as long as it is no base64. None for an opaque token.
///
/// The libraries that servers use stop reading behind the first macaroon or go on with the next, so that each one that
/// is there may be the one that counts.
///
/// # Errors
/// [`crate::Code::InvalidMacaroon`] where something starts as a macaroon does and is malformed, which servers may read
/// in any way, and for more than [`MAX_PARTS`].
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
            // two texts that were joined: the second starts with a digit of its own
            (_, digits) = cut(digits, used.saturating_mul(4).div_ceil(3));
        }
    }
    Ok(found)
}

/// The same token, narrowed by first-party caveats: of the same version and in the same base64 as it came.
///
/// # Errors
/// [`crate::Code::InvalidMacaroon`] where the token is not one macaroon, no caveat is given, or a caveat is empty,
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
