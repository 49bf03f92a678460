//! The contents of a macaroon, and the meaning of its identifier and caveats.

use crate::error::{Code, Error};
use crate::text::encoding::{from_hex, to_hex, MAX_SAFE};
use crate::text::json_writer::{write_object, Writer};
use crate::text::scan::{number, split_once};
use crate::text::time;
use crate::wire::payment_hash::PaymentHash;
use std::fmt;

/// The most bytes of a token. No known server takes a larger credential (aperture takes this).
pub const MAX_TOKEN: usize = 64 * 1024;

/// A time of at least this number is in milliseconds (since 1973), a smaller one in seconds (until the year 5138).
const LEAST_MILLISECONDS: u64 = 100_000_000_000;

/// In the last time zone a day ends this many seconds later than in UTC.
const LATEST_ZONE_S: u64 = 12 * 3600;

/// A caveat.
///
/// A caveat for a third party has an empty condition and an empty value, since a client can't obey it. So has a caveat
/// that is not UTF-8.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caveat {
    /// The text before the first `=`, without ASCII white space around it. The whole text if it has no `=`.
    pub condition: String,
    /// The text after the first `=`, without ASCII white space around it.
    pub value: String,
    /// The caveat as received. In hex if it is not UTF-8.
    pub raw: String,
}

/// The invoice that a macaroon's identifier commits to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Commitment {
    /// It commits to the payment hash of the invoice in question.
    ThisInvoice,
    /// It commits to another payment hash.
    AnotherInvoice,
    /// The identifier has an unknown layout.
    Unknown,
}

/// A decoded macaroon.
#[derive(Clone, PartialEq, Eq)]
pub struct Macaroon {
    /// 1 or 2.
    pub version: u8,
    /// The location hint. In hex if it is not UTF-8.
    pub location: Option<String>,
    /// The identifier's bytes.
    pub identifier: Vec<u8>,
    /// Set if the identifier has a layout that commits to a payment hash.
    pub payment_hash: Option<PaymentHash>,
    /// Set if the identifier has a layout that holds a token id.
    pub token_id: Option<[u8; 32]>,
    /// In the order of the token.
    pub caveats: Vec<Caveat>,
    /// The earliest expiry of all caveats that this crate understands. Unix seconds, below 2^53.
    pub expires_at: Option<u64>,
    /// The last signature of the chain. A secret.
    pub signature: [u8; 32],
}

impl Macaroon {
    /// Whether the identifier commits to the payment hash of this invoice.
    ///
    /// An identifier of 32 bytes commits to the hash if it equals the hash. Otherwise its layout is unknown.
    #[must_use]
    pub fn commits_to(&self, invoice_hash: &PaymentHash) -> Commitment {
        match self.payment_hash {
            Some(hash) if hash == *invoice_hash => Commitment::ThisInvoice,
            Some(_) => Commitment::AnotherInvoice,
            None if self.identifier == invoice_hash.as_bytes() => Commitment::ThisInvoice,
            None => Commitment::Unknown,
        }
    }

    /// The time from which a token that was sold at `sold_at` opens nothing, if it is known. Both are Unix seconds.
    ///
    /// An expiry without a time zone is in the server's local time. It is read as UTC, which may be hours too early. A
    /// token that was expired when it was sold shows that: the server is in another zone, so this expiry is ignored.
    /// It still counts if the token was expired in every zone.
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

    /// The JSON text of the object that JavaScript sees.
    #[must_use]
    pub fn to_json(&self) -> String {
        write_object(|object| self.write(object))
    }

    pub(super) fn new(version: u8, parts: Parts) -> Self {
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

pub(super) fn invalid(message: &'static str) -> Error {
    Error::new(Code::InvalidMacaroon, message)
}

/// The parts that every format holds.
pub(super) struct Parts {
    pub(super) location: Option<Vec<u8>>,
    pub(super) identifier: Vec<u8>,
    pub(super) caveats: Vec<Caveat>,
    pub(super) signature: [u8; 32],
}

fn text_or_hex(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| to_hex(error.as_bytes()))
}

pub(super) fn caveat(content: Vec<u8>, third_party: bool) -> Caveat {
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
    /// Empties the condition and the value: a client can't obey this caveat.
    pub(super) fn hide(&mut self) {
        self.condition.clear();
        self.value.clear();
    }
}

/// Reads an expiry caveat with a known name: Unix seconds, and whether the time zone is known.
///
/// The time is a number of seconds or milliseconds, or a text as in RFC 3339. Without a time zone it is read as UTC.
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

/// Reads payment hash and token id from an identifier of 66 bytes: version 0 in two bytes, the hash, the id. The
/// identifier may also be the hex text of these bytes.
fn commitment(identifier: &[u8]) -> Option<([u8; 32], [u8; 32])> {
    let decoded = if identifier.len() == 132 { from_hex(identifier) } else { None };
    let rest = decoded.as_deref().unwrap_or(identifier).strip_prefix(&[0, 0])?;
    let (hash, id) = rest.split_at_checked(32)?;
    Some((hash.try_into().ok()?, id.try_into().ok()?))
}
