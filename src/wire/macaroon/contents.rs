//! What a macaroon holds, and what its identifier and caveats say.

use crate::error::{Code, Error};
use crate::text::encoding::{from_hex, to_hex, MAX_SAFE};
use crate::text::json_writer::{write_object, Writer};
use crate::text::scan::{number, split_once};
use crate::text::time;
use crate::wire::payment_hash::PaymentHash;
use std::fmt;

/// Bytes of a token. The largest credential that a known server takes (aperture).
pub const MAX_TOKEN: usize = 64 * 1024;

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

/// Which invoice a macaroon is for, as its identifier tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Commitment {
    /// It commits to the payment hash of the invoice in question.
    ThisInvoice,
    /// It commits to another payment hash.
    AnotherInvoice,
    /// Its layout is not known.
    Unknown,
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
    /// Which payment hash the identifier commits to, beside this invoice's.
    ///
    /// 32 bytes that equal the hash are taken as the hash. 32 other bytes may be anything.
    #[must_use]
    pub fn commits_to(&self, invoice_hash: &PaymentHash) -> Commitment {
        match self.payment_hash {
            Some(hash) if hash == *invoice_hash => Commitment::ThisInvoice,
            Some(_) => Commitment::AnotherInvoice,
            None if self.identifier == invoice_hash.as_bytes() => Commitment::ThisInvoice,
            None => Commitment::Unknown,
        }
    }

    /// Unix seconds from which a token that was sold at this time opens nothing, as far as can be told.
    ///
    /// A time without a zone is the server's local one and is read as UTC, which may be hours too early. Where that
    /// makes a token one that had expired when it was sold, the server is in another zone and the time tells nothing;
    /// but for one that had expired in every zone.
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

/// What all formats hold.
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
    /// What is no text, or addressed to a third party, says nothing to us.
    pub(super) fn hide(&mut self) {
        self.condition.clear();
        self.value.clear();
    }
}

/// Unix seconds, where the caveat is an expiry that is understood, and whether its time zone is known. Names are exact.
/// The time is in seconds or milliseconds, or as RFC 3339 has it, also without the zone, which is taken for UTC.
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
