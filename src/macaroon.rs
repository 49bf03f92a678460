//! Macaroons: reading a token, and narrowing it.
//!
//! Read are the formats of libmacaroons: version 1 (packets), version 2 (fields) and version 2 as JSON, in base64 of
//! any alphabet with or without padding; JSON also bare, as libmacaroons writes it. A token that is none of these may
//! still be a good one: to a client every token is opaque, and reading it serves only to check what it is for.

use crate::encoding::{from_base64, from_hex, hex, hex_or_null, to_base64, to_hex, Flavour};
use crate::json::Json;
use crate::{Code, Error};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt;

/// Bytes of a token. The largest credential that a known server takes (aperture).
pub const MAX_TOKEN: usize = 64 * 1024;

/// Bytes of a caveat that is added: far more than any in use, and it fits every format.
pub const MAX_CAVEAT: usize = 4096;

/// Where times stay exact as JavaScript numbers.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// A caveat.
///
/// One that is addressed to a third party, or that is no UTF-8 text, has an empty condition and an empty value:
/// there is nothing in it that a client could obey.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Caveat {
    /// What stands before the first `=`, trimmed; all of it where there is none.
    pub condition: String,
    /// What stands after it, trimmed.
    pub value: String,
    /// The caveat as received; hex where it is no UTF-8 text.
    pub raw: String,
}

/// A decoded macaroon.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Macaroon {
    /// 1 or 2.
    pub version: u8,
    /// The location hint; hex where it is no UTF-8 text.
    pub location: Option<String>,
    /// The identifier's bytes.
    #[serde(serialize_with = "hex")]
    pub identifier: Vec<u8>,
    /// Set where the identifier has a layout that commits to a payment hash.
    #[serde(serialize_with = "hex_or_null")]
    pub payment_hash: Option<[u8; 32]>,
    /// Set where the identifier has a layout that holds a token id.
    #[serde(serialize_with = "hex_or_null")]
    pub token_id: Option<[u8; 32]>,
    /// In order.
    pub caveats: Vec<Caveat>,
    /// Unix seconds, below 2^53: the earliest expiry caveat that is understood.
    pub expires_at: Option<u64>,
    /// The last signature of the chain: a secret of whoever holds the token.
    #[serde(serialize_with = "hex")]
    pub signature: [u8; 32],
}

impl Macaroon {
    /// Decodes a token.
    ///
    /// # Errors
    /// [`Code::InvalidMacaroon`]
    pub fn decode(token: &str) -> Result<Self, Error> {
        Ok(read(token)?.macaroon)
    }

    /// Whether the identifier commits to this invoice's payment hash; `None` where its layout is not known.
    ///
    /// 32 bytes that equal the hash are taken as the hash. 32 other bytes may be anything.
    #[must_use]
    pub fn commits_to(&self, invoice_hash: &[u8; 32]) -> Option<bool> {
        match self.payment_hash {
            Some(hash) => Some(hash == *invoice_hash),
            None => (self.identifier == invoice_hash).then_some(true),
        }
    }

    fn new(version: u8, parts: Parts) -> Self {
        let (payment_hash, token_id) = match commitment(&parts.identifier) {
            Some((hash, id)) => (Some(hash), Some(id)),
            None => (None, None),
        };
        Self {
            version,
            location: parts.location.map(text_or_hex),
            payment_hash,
            token_id,
            expires_at: parts.caveats.iter().filter_map(expiry).min(),
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

/// Every part of a token (several may be joined by commas in one value) that decodes as a macaroon.
#[must_use]
pub fn decode_parts(token: &str) -> Vec<Macaroon> {
    if let Ok(macaroon) = Macaroon::decode(token) {
        return vec![macaroon];
    }
    token.split(',').filter_map(|part| Macaroon::decode(part.trim()).ok()).collect()
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
        if caveat.trim().is_empty() {
            return Err(invalid("a caveat to be added is empty"));
        }
        if caveat.len() > MAX_CAVEAT {
            return Err(invalid("a caveat to be added is longer than 4096 bytes"));
        }
        if caveat.chars().any(char::is_control) {
            return Err(invalid("a caveat to be added holds control characters"));
        }
    }
    let Token { macaroon, form, base64 } = read(token)?;
    let signature = caveats.iter().fold(macaroon.signature, |key, caveat| hmac(&key, caveat.as_bytes()));
    let bytes = match form {
        Form::V1(mut bytes) => {
            for caveat in caveats {
                push_packet(&mut bytes, b"cid ", caveat.as_bytes());
            }
            push_packet(&mut bytes, b"signature ", &signature);
            bytes
        }
        Form::V2(mut bytes) => {
            for caveat in caveats {
                push_field(&mut bytes, field::IDENTIFIER, caveat.as_bytes());
                bytes.push(field::END);
            }
            bytes.push(field::END);
            push_field(&mut bytes, field::SIGNATURE, &signature);
            bytes
        }
        Form::Json(mut members) => {
            let added = caveats.iter().map(|caveat| Json::object([("i", Json::from(*caveat))]));
            match members.iter_mut().find(|(name, _)| name == "c") {
                Some((_, Json::Array(present))) => present.extend(added),
                _ => members.push(("c".to_owned(), added.collect::<Vec<_>>().into())),
            }
            members.retain(|(name, _)| name != "s" && name != "s64");
            let url = Flavour { url_safe: true, padded: false };
            members.push(("s64".to_owned(), to_base64(&signature, url).into()));
            Json::Object(members).to_text().into_bytes()
        }
    };
    let token = match base64 {
        Some(flavour) => to_base64(&bytes, flavour),
        None => String::from_utf8(bytes).map_err(|_| invalid(NO_FORMAT))?,
    };
    if token.len() > MAX_TOKEN {
        return Err(invalid("the token would grow beyond 64 KiB"));
    }
    Ok(token)
}

fn invalid(message: &'static str) -> Error {
    Error::new(Code::InvalidMacaroon, message)
}

const NO_FORMAT: &str = "the token is no macaroon: it has neither version 1, version 2 nor json form";
const CUT_SHORT: &str = "the macaroon is cut short or a length in it is wrong";
const OUT_OF_PLACE: &str = "the macaroon holds a part that is unknown or out of place";
const BAD_SIGNATURE: &str = "the macaroon's signature does not have 32 bytes";
const TRAILING: &str = "something follows the macaroon's signature: only a single macaroon can be read";

/// A token, with all that is needed to write it again with more caveats.
struct Token {
    macaroon: Macaroon,
    form: Form,
    /// `None` where the token is bare JSON.
    base64: Option<Flavour>,
}

/// What stands before the place of the next caveat, in the token's own encoding.
enum Form {
    V1(Vec<u8>),
    V2(Vec<u8>),
    Json(Vec<(String, Json)>),
}

/// What all formats hold.
struct Parts {
    location: Option<Vec<u8>>,
    identifier: Vec<u8>,
    caveats: Vec<Caveat>,
    signature: [u8; 32],
}

fn read(token: &str) -> Result<Token, Error> {
    if token.len() > MAX_TOKEN {
        return Err(invalid("the token is longer than 64 KiB"));
    }
    if token.starts_with('{') {
        return read_json(token, None).map_err(invalid);
    }
    let (mut bytes, flavour) = from_base64(token).ok_or_else(|| {
        invalid(if token.contains(',') {
            "the token holds a comma: only a single macaroon can be read"
        } else {
            "the token is no base64"
        })
    })?;
    let read = match bytes.first() {
        Some(b'{') => {
            let text = std::str::from_utf8(&bytes).map_err(|_| invalid(NO_FORMAT))?;
            return read_json(text, Some(flavour)).map_err(invalid);
        }
        Some(2) => read_v2,
        Some(b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => read_v1,
        _ => return Err(invalid(NO_FORMAT)),
    };
    let (macaroon, end_of_caveats) = read(&bytes).map_err(invalid)?;
    bytes.truncate(end_of_caveats);
    let form = if macaroon.version == 1 { Form::V1(bytes) } else { Form::V2(bytes) };
    Ok(Token { macaroon, form, base64: Some(flavour) })
}

/// The types of the fields of version 2.
mod field {
    pub const END: u8 = 0;
    pub const LOCATION: u8 = 1;
    pub const IDENTIFIER: u8 = 2;
    pub const VERIFICATION: u8 = 4;
    pub const SIGNATURE: u8 = 6;
}

/// Version 2: fields of type, length and content; an end mark after the head, each caveat and all caveats.
/// With the macaroon comes where its last end mark stands, which is the place for more caveats.
fn read_v2(bytes: &[u8]) -> Result<(Macaroon, usize), &'static str> {
    let mut rest = bytes.get(1..).unwrap_or_default();
    let location = optional_field(&mut rest, field::LOCATION)?.map(<[u8]>::to_vec);
    let identifier = optional_field(&mut rest, field::IDENTIFIER)?.ok_or(OUT_OF_PLACE)?.to_vec();
    end_mark(&mut rest)?;
    let mut caveats = Vec::new();
    let end_of_caveats = loop {
        let here = bytes.len().saturating_sub(rest.len());
        if end_mark(&mut rest).is_ok() {
            break here;
        }
        let location = optional_field(&mut rest, field::LOCATION)?;
        let identifier = optional_field(&mut rest, field::IDENTIFIER)?.ok_or(OUT_OF_PLACE)?;
        let verification = optional_field(&mut rest, field::VERIFICATION)?;
        end_mark(&mut rest)?;
        caveats.push(caveat(identifier.to_vec(), location.is_some() || verification.is_some()));
    };
    let signature = optional_field(&mut rest, field::SIGNATURE)?.ok_or(OUT_OF_PLACE)?;
    let signature = signature.try_into().map_err(|_| BAD_SIGNATURE)?;
    if rest.is_empty() {
        Ok((Macaroon::new(2, Parts { location, identifier, caveats, signature }), end_of_caveats))
    } else {
        Err(TRAILING)
    }
}

/// The content of the next field where it is of this type.
fn optional_field<'a>(rest: &mut &'a [u8], kind: u8) -> Result<Option<&'a [u8]>, &'static str> {
    let Some(mut after) = rest.strip_prefix(&[kind]) else {
        return if rest.is_empty() { Err(CUT_SHORT) } else { Ok(None) };
    };
    // the length is a varint: 7 bits a byte, the lowest first; three bytes hold every length within MAX_TOKEN
    let mut length = 0usize;
    for shift in [0u32, 7, 14] {
        let (byte, behind) = after.split_first().ok_or(CUT_SHORT)?;
        after = behind;
        length |= usize::from(byte & 127).wrapping_shl(shift);
        if byte & 128 == 0 {
            let (content, behind) = after.split_at_checked(length).ok_or(CUT_SHORT)?;
            *rest = behind;
            return Ok(Some(content));
        }
    }
    Err(CUT_SHORT)
}

fn end_mark(rest: &mut &[u8]) -> Result<(), &'static str> {
    match rest.split_first() {
        Some((&field::END, behind)) => {
            *rest = behind;
            Ok(())
        }
        Some(_) => Err(OUT_OF_PLACE),
        None => Err(CUT_SHORT),
    }
}

fn push_field(bytes: &mut Vec<u8>, kind: u8, content: &[u8]) {
    bytes.push(kind);
    let mut length = content.len();
    while length > 127 {
        bytes.push(length.to_le_bytes()[0] | 128);
        length >>= 7;
    }
    bytes.push(length.to_le_bytes()[0]);
    bytes.extend_from_slice(content);
}

/// Version 1: packets of four hex digits (the length of the whole packet), a name, a space, content and a line feed.
/// With the macaroon comes where its signature starts, which is the place for more caveats.
fn read_v1(bytes: &[u8]) -> Result<(Macaroon, usize), &'static str> {
    let mut rest = bytes;
    let (mut location, mut identifier) = (None, None);
    // identifier and whether it is addressed to a third party
    let mut caveats: Vec<(Vec<u8>, bool)> = Vec::new();
    loop {
        let here = bytes.len().saturating_sub(rest.len());
        let (name, content) = packet(&mut rest)?;
        match (name, caveats.last_mut()) {
            (b"location", None) if location.is_none() && identifier.is_none() => location = Some(content.to_vec()),
            (b"identifier", None) if identifier.is_none() => identifier = Some(content.to_vec()),
            (b"cid", _) if identifier.is_some() => caveats.push((content.to_vec(), false)),
            (b"vid" | b"cl", Some((_, third_party))) => *third_party = true,
            (b"signature", _) => {
                let identifier = identifier.ok_or(OUT_OF_PLACE)?;
                let signature = content.try_into().map_err(|_| BAD_SIGNATURE)?;
                if !rest.is_empty() {
                    return Err(TRAILING);
                }
                let caveats = caveats.into_iter().map(|(content, third_party)| caveat(content, third_party)).collect();
                return Ok((Macaroon::new(1, Parts { location, identifier, caveats, signature }), here));
            }
            _ => return Err(OUT_OF_PLACE),
        }
    }
}

fn packet<'a>(rest: &mut &'a [u8]) -> Result<(&'a [u8], &'a [u8]), &'static str> {
    let digits = rest.get(..4).and_then(from_hex).ok_or(CUT_SHORT)?;
    let length = digits.iter().fold(0, |sum: usize, byte| sum << 8 | usize::from(*byte));
    let body = rest.get(4..length).ok_or(CUT_SHORT)?;
    *rest = rest.get(length..).unwrap_or_default();
    let body = body.strip_suffix(b"\n").ok_or(CUT_SHORT)?;
    let space = body.iter().position(|b| *b == b' ').ok_or(OUT_OF_PLACE)?;
    let (name, content) = body.split_at_checked(space).ok_or(OUT_OF_PLACE)?;
    Ok((name, content.get(1..).unwrap_or_default()))
}

/// `name` ends in its space.
fn push_packet(bytes: &mut Vec<u8>, name: &[u8], content: &[u8]) {
    let length = name.len().saturating_add(content.len()).saturating_add(5);
    // within four digits, since content is at most MAX_CAVEAT long
    let length = u16::try_from(length).unwrap_or(u16::MAX);
    bytes.extend_from_slice(to_hex(&length.to_be_bytes()).as_bytes());
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(content);
    bytes.push(b'\n');
}

/// Version 2 as JSON: `{"v":2,"l":…,"i":…,"c":[{"i":…,"l":…,"v64":…}],"s64":…}`; `l64`, `i64`, `v64`, `s64` are base64
/// of what is no text.
fn read_json(text: &str, base64: Option<Flavour>) -> Result<Token, &'static str> {
    let json = Json::parse(text)?;
    if json.get("v").and_then(Json::as_u64) != Some(2) {
        return Err(NO_FORMAT);
    }
    let mut caveats = Vec::new();
    if let Some(list) = json.get("c") {
        for item in list.as_array().ok_or(OUT_OF_PLACE)? {
            let identifier = json_bytes(item, "i", "i64")?.ok_or(OUT_OF_PLACE)?;
            let third_party = json_bytes(item, "l", "l64")?.is_some() || json_bytes(item, "v", "v64")?.is_some();
            caveats.push(caveat(identifier, third_party));
        }
    }
    let parts = Parts {
        location: json_bytes(&json, "l", "l64")?,
        identifier: json_bytes(&json, "i", "i64")?.ok_or(OUT_OF_PLACE)?,
        caveats,
        signature: json_bytes(&json, "s", "s64")?.ok_or(OUT_OF_PLACE)?.try_into().map_err(|_| BAD_SIGNATURE)?,
    };
    let macaroon = Macaroon::new(2, parts);
    match json {
        Json::Object(members) => Ok(Token { macaroon, form: Form::Json(members), base64 }),
        _ => Err(NO_FORMAT),
    }
}

/// A member that is text under one name, or base64 under the other; `null` is as good as absent.
fn json_bytes(object: &Json, text: &str, base64: &str) -> Result<Option<Vec<u8>>, &'static str> {
    let present = |name| object.get(name).filter(|value| !value.is_null());
    match (present(text), present(base64)) {
        (None, None) => Ok(None),
        (Some(Json::String(value)), None) => Ok(Some(value.clone().into_bytes())),
        (None, Some(Json::String(value))) => from_base64(value).map(|(bytes, _)| Some(bytes)).ok_or(OUT_OF_PLACE),
        _ => Err(OUT_OF_PLACE),
    }
}

fn text_or_hex(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| to_hex(error.as_bytes()))
}

fn caveat(content: Vec<u8>, third_party: bool) -> Caveat {
    match String::from_utf8(content) {
        Ok(raw) if !third_party => {
            let (condition, value) = raw.split_once('=').unwrap_or((&raw, ""));
            Caveat { condition: condition.trim().to_owned(), value: value.trim().to_owned(), raw }
        }
        text => Caveat {
            condition: String::new(),
            value: String::new(),
            raw: text.unwrap_or_else(|error| to_hex(error.as_bytes())),
        },
    }
}

/// Unix seconds, where the caveat is an expiry that is understood. Names are exact.
fn expiry(caveat: &Caveat) -> Option<u64> {
    let number = || {
        let digits = !caveat.value.is_empty() && caveat.value.bytes().all(|b| b.is_ascii_digit());
        if digits {
            caveat.value.parse::<u64>().ok()
        } else {
            None
        }
    };
    let seconds = match caveat.condition.as_str() {
        "ExpiresAt" | "expires_at" => number()?,
        "expiration" => number()? / 1000,
        name if name.strip_suffix("_valid_until").is_some_and(|service| !service.is_empty()) => number()?,
        _ => return None,
    };
    Some(seconds.min(MAX_SAFE))
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
