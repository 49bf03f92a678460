//! Macaroons: reading a token, and narrowing it.
//!
//! Read are the formats of libmacaroons: version 1 (packets), version 2 (fields) and version 2 as JSON, in base64 of
//! any alphabet with or without padding; JSON also bare, as libmacaroons writes it. A token that is none of these may
//! still be a good one: to a client every token is opaque, and reading it serves only to check what it is for.

mod format;

use crate::error::{Code, Error};
use crate::text::encoding::{from_digits, from_hex, is_digit, to_hex, MAX_SAFE};
use crate::text::json_writer::{write_object, Writer};
use crate::text::scan::{cut, find, number, split_once};
use crate::text::time;
use crate::wire::payment_hash::PaymentHash;
use format::Encoded;
use sha2::{Digest, Sha256};
use std::fmt;

/// Bytes of a token. The largest credential that a known server takes (aperture).
pub const MAX_TOKEN: usize = 64 * 1024;

/// Bytes of a caveat that is added: far more than any in use, and it fits every format.
pub const MAX_CAVEAT: usize = 4096;

/// Macaroons in one token. Two are the most that a known server sends.
pub const MAX_PARTS: usize = 32;

/// From here on a number is milliseconds and no seconds: the year 5138 in seconds, 1973 in milliseconds.
const LEAST_MILLISECONDS: u64 = 100_000_000_000;

/// How much later than UTC a day ends in the last time zone.
const LATEST_ZONE_S: u64 = 12 * 3600;

/// A caveat.
///
/// One that is addressed to a third party, or that is no UTF-8 text, has an empty condition and an empty value:
/// there is nothing in it that a client could obey.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caveat {
    /// What stands before the first `=`, without ASCII white space around it; all of it where there is none.
    pub condition: String,
    /// What stands after it, trimmed.
    pub value: String,
    /// The caveat as received; hex where it is no UTF-8 text.
    pub raw: String,
}

/// A decoded macaroon.
#[derive(Clone, PartialEq, Eq)]
pub struct Macaroon {
    /// 1 or 2.
    pub version: u8,
    /// The location hint; hex where it is no UTF-8 text.
    pub location: Option<String>,
    /// The identifier's bytes.
    pub identifier: Vec<u8>,
    /// Set where the identifier has a layout that commits to a payment hash.
    pub payment_hash: Option<PaymentHash>,
    /// Set where the identifier has a layout that holds a token id.
    pub token_id: Option<[u8; 32]>,
    /// In order.
    pub caveats: Vec<Caveat>,
    /// Unix seconds, below 2^53: the earliest expiry caveat that is understood.
    pub expires_at: Option<u64>,
    /// The last signature of the chain: a secret of whoever holds the token.
    pub signature: [u8; 32],
}

impl Macaroon {
    /// Decodes a token.
    ///
    /// # Errors
    /// [`Code::InvalidMacaroon`]
    pub fn decode(token: &str) -> Result<Self, Error> {
        Ok(Encoded::read(token)?.macaroon)
    }

    /// Whether the identifier commits to this invoice's payment hash; `None` where its layout is not known.
    ///
    /// 32 bytes that equal the hash are taken as the hash. 32 other bytes may be anything.
    #[must_use]
    pub fn commits_to(&self, invoice_hash: &PaymentHash) -> Option<bool> {
        match self.payment_hash {
            Some(hash) => Some(hash == *invoice_hash),
            None => (self.identifier == invoice_hash.as_bytes()).then_some(true),
        }
    }

    /// Unix seconds from which a token that was sold at this time opens nothing, as far as can be told.
    ///
    /// A time without a zone is the server's local one and is read as UTC, which may be hours too early. Where that makes a
    /// token one that had expired when it was sold, the server is in another zone and the time tells nothing; but for one that
    /// had expired in every zone.
    pub(crate) fn expiry_of_one_sold_at(&self, sold_at: u64) -> Option<u64> {
        let counts = |caveat| {
            let (at, has_zone) = expiry(caveat)?;
            let is_elsewhere = !has_zone && at <= sold_at && sold_at < at.saturating_add(LATEST_ZONE_S);
            (!is_elsewhere).then_some(at)
        };
        self.caveats.iter().filter_map(counts).min()
    }

    pub(crate) fn write(&self, object: &mut Writer) {
        object.number("version", Some(self.version.into()));
        object.text("location", self.location.as_deref());
        object.hex("identifier", Some(&self.identifier));
        object.hex("paymentHash", self.payment_hash.as_ref().map(|hash| hash.as_bytes().as_slice()));
        object.hex("tokenId", self.token_id.as_ref().map(AsRef::as_ref));
        object.list("caveats", &self.caveats, |caveat, object| {
            object.text("condition", Some(&caveat.condition));
            object.text("value", Some(&caveat.value));
            object.text("raw", Some(&caveat.raw));
        });
        object.number("expiresAt", self.expires_at);
        object.hex("signature", Some(&self.signature));
    }

    /// The JSON text of the object that JavaScript is shown.
    #[must_use]
    pub fn to_json(&self) -> String {
        write_object(|object| self.write(object))
    }

    fn new(version: u8, parts: Parts) -> Self {
        let (payment_hash, token_id) = match commitment(&parts.identifier) {
            Some((hash, id)) => (Some(hash.into()), Some(id)),
            None => (None, None),
        };
        Self {
            version,
            location: parts.location.map(text_or_hex),
            payment_hash,
            token_id,
            expires_at: parts.caveats.iter().filter_map(|caveat| Some(expiry(caveat)?.0)).min(),
            caveats: parts.caveats,
            identifier: parts.identifier,
            signature: parts.signature,
        }
    }
}

impl fmt::Debug for Macaroon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Macaroon")
            .field("version", &self.version)
            .field("location", &self.location)
            .field("identifier", &to_hex(&self.identifier))
            .field("caveats", &self.caveats)
            .finish_non_exhaustive()
    }
}

/// Every macaroon that a token holds: one, or several that follow each other, with anything between and behind them that is
/// none, as long as it is no base64. None for an opaque token.
///
/// The libraries that servers use stop reading behind the first macaroon or go on with the next, so that each one that is there
/// may be the one that counts.
///
/// # Errors
/// [`Code::InvalidMacaroon`] where something starts as a macaroon does and is malformed, which servers may read in any way,
/// and for more than [`MAX_PARTS`].
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
/// [`Code::InvalidMacaroon`] where the token is not one macaroon, no caveat is given, or a caveat is empty, longer than
/// [`MAX_CAVEAT`] or holds control characters.
pub fn attenuate(token: &str, caveats: &[&str]) -> Result<String, Error> {
    if caveats.is_empty() {
        return Err(invalid("no caveat is given to narrow the macaroon by"));
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

fn invalid(message: &'static str) -> Error {
    Error::new(Code::InvalidMacaroon, message)
}

/// What all formats hold.
struct Parts {
    location: Option<Vec<u8>>,
    identifier: Vec<u8>,
    caveats: Vec<Caveat>,
    signature: [u8; 32],
}

fn text_or_hex(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| to_hex(error.as_bytes()))
}

fn caveat(content: Vec<u8>, third_party: bool) -> Caveat {
    let is_text = std::str::from_utf8(&content).is_ok();
    let raw = text_or_hex(content);
    let (condition, value) = split_once(&raw, b'=').unwrap_or((&raw, ""));
    let (condition, value) = (condition.trim_ascii().to_owned(), value.trim_ascii().to_owned());
    let mut caveat = Caveat { condition, value, raw };
    if third_party || !is_text {
        caveat.hide();
    }
    caveat
}

impl Caveat {
    /// What is no text, or addressed to a third party, says nothing to us.
    fn hide(&mut self) {
        self.condition.clear();
        self.value.clear();
    }
}

/// Unix seconds, where the caveat is an expiry that is understood, and whether its time zone is known. Names are exact. The time
/// is in seconds or milliseconds, or as RFC 3339 has it, also without the zone, which is taken for UTC.
fn expiry(caveat: &Caveat) -> Option<(u64, bool)> {
    let is_known = match caveat.condition.as_str() {
        "ExpiresAt" | "expires_at" | "expiresAt" | "expires" | "expiration" | "exp" => true,
        name => name.strip_suffix("_valid_until").is_some_and(|service| !service.is_empty()),
    };
    if !is_known {
        return None;
    }
    match number(caveat.value.as_bytes()) {
        Some(number) if number >= LEAST_MILLISECONDS => Some(((number / 1000).min(MAX_SAFE), true)),
        Some(seconds) => Some((seconds, true)),
        None => time::read(&caveat.value),
    }
}

/// Payment hash and token id of an identifier of 66 bytes (version 0 in two bytes, the hash, the id), or of the same in
/// hex.
fn commitment(identifier: &[u8]) -> Option<([u8; 32], [u8; 32])> {
    let decoded = if identifier.len() == 132 { from_hex(identifier) } else { None };
    let rest = decoded.as_deref().unwrap_or(identifier).strip_prefix(&[0, 0])?;
    let (hash, id) = rest.split_at_checked(32)?;
    Some((hash.try_into().ok()?, id.try_into().ok()?))
}

/// HMAC-SHA256 (RFC 2104) with a key of 32 bytes.
fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let padded = |pad: u8| {
        let mut block = [pad; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        Sha256::new().chain_update(block)
    };
    let inner = padded(0x36).chain_update(message).finalize();
    padded(0x5c).chain_update(inner).finalize().into()
}
