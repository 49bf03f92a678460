//! Reads the formats of a macaroon, and writes them with more caveats.

use super::contents::{caveat, invalid, Caveat, Macaroon, Parts, MAX_TOKEN};
use crate::error::Error;
use crate::text::encoding::{from_base64, from_hex, to_base64, to_hex, Flavour};
use crate::text::json::Json;

const NO_FORMAT: &str = "the token is no macaroon: it has neither version 1, version 2 nor json form";
const CUT_SHORT: &str = "the macaroon is cut short or a length in it is wrong";
const OUT_OF_PLACE: &str = "the macaroon holds a part that is unknown or out of place";
const BAD_SIGNATURE: &str = "the macaroon's signature does not have 32 bytes";
const TRAILING: &str = "something follows the macaroon's signature: only a single macaroon can be read";

/// A token that was read, and what is needed to write it with more caveats.
pub(super) struct Encoded {
    pub(super) macaroon: Macaroon,
    form: Form,
    /// `None` if the token is bare JSON.
    base64: Option<Flavour>,
}

/// The token in its own encoding: the bytes up to the end of its caveats, or the members of its JSON.
enum Form {
    Binary(Vec<u8>),
    Json(Vec<(String, Json)>),
}

impl Encoded {
    /// Reads a token of any format.
    pub(super) fn read(token: &str) -> Result<Self, Error> {
        if token.len() > MAX_TOKEN {
            return Err(invalid("the token is longer than 64 KiB"));
        }
        if token.starts_with('{') {
            return read_json(token, None).map_err(invalid);
        }
        let (mut bytes, flavour) = from_base64(token).ok_or_else(|| {
            invalid(if token.bytes().any(|byte| byte == b',') {
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
        let Binary { macaroon, end_of_caveats, behind } = read(&bytes).map_err(invalid)?;
        if !behind.is_empty() {
            return Err(invalid(TRAILING));
        }
        bytes.truncate(end_of_caveats);
        Ok(Self { macaroon, form: Form::Binary(bytes), base64: Some(flavour) })
    }

    /// Adds caveats to the token. `signature` is the macaroon's signature with these caveats.
    pub(super) fn narrowed(self, caveats: &[&str], signature: &[u8; 32]) -> Result<String, Error> {
        let bytes = match self.form {
            Form::Binary(mut bytes) if self.macaroon.version == 1 => {
                for caveat in caveats {
                    push_packet(&mut bytes, b"cid ", caveat.as_bytes());
                }
                push_packet(&mut bytes, b"signature ", signature);
                bytes
            }
            Form::Binary(mut bytes) => {
                for caveat in caveats {
                    push_field(&mut bytes, field::IDENTIFIER, caveat.as_bytes());
                    bytes.push(field::END);
                }
                bytes.push(field::END);
                push_field(&mut bytes, field::SIGNATURE, signature);
                bytes
            }
            Form::Json(mut members) => {
                if !members.iter().any(|(name, _)| name == "c") {
                    members.push(("c".to_owned(), Json::Array(Vec::new())));
                }
                if let Some((_, Json::Array(present))) = members.iter_mut().find(|(name, _)| name == "c") {
                    for caveat in caveats {
                        present.push(Json::Object(vec![("i".to_owned(), Json::String((*caveat).to_owned()))]));
                    }
                }
                members.retain(|(name, _)| name != "s" && name != "s64");
                let url = Flavour { url_safe: true, padded: false };
                members.push(("s64".to_owned(), Json::String(to_base64(signature, url))));
                Json::Object(members).to_text().into_bytes()
            }
        };
        let token = match self.base64 {
            Some(flavour) => to_base64(&bytes, flavour),
            None => String::from_utf8(bytes).map_err(|_| invalid(NO_FORMAT))?,
        };
        if token.len() > MAX_TOKEN {
            return Err(invalid("the token would grow beyond 64 KiB"));
        }
        Ok(token)
    }
}

/// A macaroon of a binary format.
struct Binary<'a> {
    macaroon: Macaroon,
    /// The place where its last caveat ends. More caveats go there.
    end_of_caveats: usize,
    /// The bytes after the macaroon.
    behind: &'a [u8],
}

/// Reads the macaroon at the start of `bytes`, or every one of a JSON list, and adds it to `found`. Returns the bytes
/// that follow, or `None` if no macaroon starts here.
///
/// # Errors
/// If a macaroon starts here and is malformed.
pub(super) fn find<'a>(bytes: &'a [u8], found: &mut Vec<Macaroon>) -> Result<Option<&'a [u8]>, &'static str> {
    let bytes = bytes.trim_ascii_start();
    let read = match bytes.first() {
        Some(b'{' | b'[') => {
            let text = std::str::from_utf8(bytes).or_else(|error| {
                // Any bytes may follow the JSON text.
                std::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default())
            });
            let text = text.unwrap_or_default();
            let (json, behind) = match Json::first(text) {
                Ok(first) => first,
                // Other libraries accept more JSON than this crate: a name twice, half a surrogate pair, any depth. A
                // server may find a macaroon here, so this is an error.
                Err(why) => return if starts_object(bytes) { Err(why) } else { Ok(None) },
            };
            let known = found.len();
            for item in json.as_array().unwrap_or(std::slice::from_ref(&json)) {
                if starts_json(item) {
                    found.push(json_macaroon(item)?);
                }
            }
            let end = text.len().saturating_sub(behind.len());
            return Ok(if found.len() > known { bytes.get(end..) } else { None });
        }
        Some(2) if starts_v2(bytes) => read_v2,
        _ if starts_v1(bytes) => read_v1,
        _ => return Ok(None),
    };
    let Binary { macaroon, behind, .. } = read(bytes)?;
    found.push(macaroon);
    Ok(Some(behind))
}

/// Whether these bytes look like the start of a JSON object, or of a list of them.
fn starts_object(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(list) = rest.strip_prefix(b"[") {
        rest = list.trim_ascii_start();
    }
    rest.strip_prefix(b"{").is_some_and(|members| members.trim_ascii_start().starts_with(b"\""))
}

/// The types of the fields of version 2.
mod field {
    pub const END: u8 = 0;
    pub const LOCATION: u8 = 1;
    pub const IDENTIFIER: u8 = 2;
    pub const VERIFICATION: u8 = 4;
    pub const SIGNATURE: u8 = 6;
}

/// Whether these bytes look like a macaroon of version 2: a location (optional), an identifier, and another field.
fn starts_v2(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(1..).unwrap_or_default();
    let head = optional_field(&mut rest, field::LOCATION).and_then(|_| optional_field(&mut rest, field::IDENTIFIER));
    matches!(head, Ok(Some(_))) && rest.first().is_some_and(|kind| *kind <= field::SIGNATURE)
}

/// Reads version 2. A field is a type, a length and its content. An end mark follows the head, each caveat, and the
/// last caveat once more.
fn read_v2(bytes: &[u8]) -> Result<Binary<'_>, &'static str> {
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
    let macaroon = Macaroon::new(2, Parts { location, identifier, caveats, signature });
    Ok(Binary { macaroon, end_of_caveats, behind: rest })
}

/// The content of the next field, if the field has this type.
fn optional_field<'a>(rest: &mut &'a [u8], kind: u8) -> Result<Option<&'a [u8]>, &'static str> {
    let Some(mut after) = rest.strip_prefix(&[kind]) else {
        return if rest.is_empty() { Err(CUT_SHORT) } else { Ok(None) };
    };
    // The length is a varint: 7 bits a byte, the lowest first. Libraries read up to nine bytes, even if fewer would do.
    let mut length = 0u64;
    for shift in [0u32, 7, 14, 21, 28, 35, 42, 49, 56] {
        let (byte, behind) = after.split_first().ok_or(CUT_SHORT)?;
        after = behind;
        length |= u64::from(byte & 127).wrapping_shl(shift);
        if byte & 128 == 0 {
            let length = usize::try_from(length).map_err(|_| CUT_SHORT)?;
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

/// Whether these bytes start like a macaroon of version 1.
fn starts_v1(mut bytes: &[u8]) -> bool {
    matches!(packet(&mut bytes), Ok((b"location" | b"identifier", _)))
}

/// Reads version 1. A packet is four hex digits (the length of the whole packet), a name, a space, its content and a
/// line feed.
fn read_v1(bytes: &[u8]) -> Result<Binary<'_>, &'static str> {
    let mut rest = bytes;
    let (mut location, mut identifier) = (None, None);
    let mut caveats: Vec<Caveat> = Vec::new();
    loop {
        let here = bytes.len().saturating_sub(rest.len());
        let (name, content) = packet(&mut rest)?;
        match (name, caveats.last_mut()) {
            (b"location", None) if location.is_none() && identifier.is_none() => location = Some(content.to_vec()),
            (b"identifier", None) if identifier.is_none() => identifier = Some(content.to_vec()),
            (b"cid", _) if identifier.is_some() => caveats.push(caveat(content.to_vec(), false)),
            (b"vid" | b"cl", Some(caveat)) => caveat.hide(),
            (b"signature", _) => {
                let identifier = identifier.ok_or(OUT_OF_PLACE)?;
                let signature = content.try_into().map_err(|_| BAD_SIGNATURE)?;
                let macaroon = Macaroon::new(1, Parts { location, identifier, caveats, signature });
                return Ok(Binary { macaroon, end_of_caveats: here, behind: rest });
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

/// Appends a packet. `name` ends with its space.
fn push_packet(bytes: &mut Vec<u8>, name: &[u8], content: &[u8]) {
    let length = name.len().saturating_add(content.len()).saturating_add(5);
    // Four digits are enough: content has at most MAX_CAVEAT bytes.
    let length = u16::try_from(length).unwrap_or(u16::MAX);
    bytes.extend_from_slice(to_hex(&length.to_be_bytes()).as_bytes());
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(content);
    bytes.push(b'\n');
}

fn read_json(text: &str, base64: Option<Flavour>) -> Result<Encoded, &'static str> {
    let json = Json::parse(text)?;
    let macaroon = json_macaroon(&json)?;
    match json {
        Json::Object(members) => Ok(Encoded { macaroon, form: Form::Json(members), base64 }),
        _ => Err(NO_FORMAT),
    }
}

/// Whether the members look like those of a macaroon: an identifier, and a signature in base64. A signature that is
/// text counts only beside a version.
fn starts_json(json: &Json) -> bool {
    let has = |name| json.get(name).is_some_and(|value| value.as_str().is_some());
    let has_version = json.get("v").and_then(Json::as_u64) == Some(2);
    (has("i") || has("i64")) && (has("s64") || has_version && has("s"))
}

/// Reads version 2 as JSON: `{"v":2,"l":…,"i":…,"c":[{"i":…,"l":…,"v64":…}],"s64":…}`. `l64`, `i64`, `v64` and `s64`
/// are base64 of bytes that are not text. libmacaroons writes the version. The libraries of Go and Python don't.
fn json_macaroon(json: &Json) -> Result<Macaroon, &'static str> {
    let version = json.get("v").filter(|version| !version.is_null());
    let has_identifier = json_bytes(json, "i", "i64") != Ok(None);
    if version.map_or(!has_identifier, |version| version.as_u64() != Some(2)) {
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
        location: json_bytes(json, "l", "l64")?,
        identifier: json_bytes(json, "i", "i64")?.ok_or(OUT_OF_PLACE)?,
        caveats,
        signature: json_bytes(json, "s", "s64")?.ok_or(OUT_OF_PLACE)?.try_into().map_err(|_| BAD_SIGNATURE)?,
    };
    Ok(Macaroon::new(2, parts))
}

/// A member that has one name as text and another name in base64. `null` counts as absent.
fn json_bytes(object: &Json, text: &str, base64: &str) -> Result<Option<Vec<u8>>, &'static str> {
    let present = |name| object.get(name).filter(|value| !value.is_null());
    match (present(text), present(base64)) {
        (None, None) => Ok(None),
        (Some(Json::String(value)), None) => Ok(Some(value.clone().into_bytes())),
        (None, Some(Json::String(value))) => from_base64(value).map(|(bytes, _)| Some(bytes)).ok_or(OUT_OF_PLACE),
        _ => Err(OUT_OF_PLACE),
    }
}
