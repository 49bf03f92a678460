//! The hash of a request: what an invoice is for. The profile `http:1` (scheme_exact_lnbtc.md, sections Description
//! Hash Encoding and HTTP Profile).

use super::answer::decode;
use crate::error::{Code, Error};
use crate::text::encoding::{concat, to_hex};
use crate::text::json::Json;
use crate::text::json_writer::write_object;
use crate::text::scan::{kind, span};
use crate::wire::challenge::malformed;
use crate::wire::url::Url;
use sha2::{Digest, Sha256};

/// Headers that runtimes add by themselves if the caller sets none. Nobody can tell with which value.
const ADDED: &[&str] = &[
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-length",
    "host",
    "pragma",
    "priority",
    "te",
    "transfer-encoding",
    "user-agent",
];

/// The same in pages, workers and everything else that a browser runs.
const ADDED_IN_PAGES: &[&str] =
    &["authorization", "cookie", "dnt", "if-modified-since", "if-none-match", "origin", "referer"];

/// Whether a runtime may add this header where its caller can't see it. The name is in lower case.
#[must_use]
pub fn is_unseen(name: &str) -> bool {
    ADDED.contains(&name) || ["sec-", "proxy-", "cf-"].iter().any(|start| name.starts_with(start))
}

/// The same in a browser.
#[must_use]
pub fn is_unseen_in_pages(name: &str) -> bool {
    is_unseen(name) || ADDED_IN_PAGES.contains(&name)
}

/// A request as it is really sent: after redirects within its origin.
pub struct Sent<'a> {
    /// As it is sent. Its case counts.
    pub method: &'a str,
    /// The URL that answered.
    pub url: &'a Url,
    /// The SHA-256 of the body's bytes, of none if there is no body. `None`: they are not known before they are sent.
    pub body_hash: Option<[u8; 32]>,
    /// What the caller set, and what `fetch` made of the body. Names of any case, and values. A name may come several
    /// times.
    pub headers: &'a [(String, String)],
    /// Whether a header that is not in that list may be sent all the same: [`is_unseen`] or [`is_unseen_in_pages`].
    pub unseen: &'a dyn Fn(&str) -> bool,
}

/// The hash of a request that was made by the rules of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestHash(pub(super) [u8; 32]);

/// The hash of a canonical text.
pub(super) fn digest(text: &str) -> RequestHash {
    RequestHash(Sha256::digest(text).into())
}

/// The hash of something that may be absent: absent and empty differ.
pub(super) fn value_hash(value: Option<&str>) -> [u8; 32] {
    match value {
        Some(value) => Sha256::new().chain_update([1]).chain_update(value).finalize().into(),
        None => Sha256::digest([0]).into(),
    }
}

/// The error of binding parameters that are not what the profile wants.
pub(super) fn bad_params() -> Error {
    malformed("x402 offer", "its requestBindingParams are not those of its profile")
}

/// The texts of a list that is in strict order.
pub(super) fn names(list: Option<&Json>, is_before: fn(&str, &str) -> bool) -> Result<Vec<&str>, Error> {
    let mut names: Vec<&str> = Vec::new();
    for name in list.and_then(Json::as_array).ok_or_else(bad_params)? {
        let name = name.as_str().filter(|name| !name.is_empty()).ok_or_else(bad_params)?;
        if names.last().is_some_and(|last| !is_before(last, name)) {
            return Err(bad_params());
        }
        names.push(name);
    }
    Ok(names)
}

pub(super) fn hash(params: &Json, sent: &Sent<'_>) -> Result<RequestHash, Error> {
    if params.as_object().is_none_or(|members| members.len() != 1) {
        return Err(bad_params());
    }
    let mut headers = Vec::new();
    for name in names(params.get("headers"), |last, name| last < name)? {
        let is_lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
        if span(name, kind::WORD) != name.len() || !is_lower || name == "payment-signature" {
            return Err(bad_params());
        }
        headers.push((name, value_hash(sent.header(name)?.as_deref())));
    }
    if !is_uri(sent.url.as_str()) || !matches!(sent.url.scheme(), "http" | "https") {
        return Err(unbindable("the url"));
    }
    if sent.method.is_empty() || span(sent.method, kind::WORD) != sent.method.len() {
        return Err(unbindable("the method"));
    }
    let Some(body_hash) = sent.body_hash else {
        let text = "the x402 offer is for one body, and this one can't be read before it is sent: give it as a string \
                    or bytes";
        return Err(Error::new(Code::BodyNotReplayable, text));
    };
    // in the order of RFC 8785; nothing here needs more than its strings
    let text = write_object(|object| {
        object.hex("bodyHash", Some(&body_hash));
        object.text("domain", Some("x402:exact:lnbtc:bolt11:http:1"));
        object.list("headers", &headers, |(name, hash), object| {
            object.text("name", Some(name));
            object.hex("valueHash", Some(hash));
        });
        object.text("method", Some(sent.method));
        object.text("url", Some(sent.url.as_str()));
    });
    Ok(digest(&text))
}

impl Sent<'_> {
    /// The value of a header (RFC 9421, 2.1): its lines, trimmed and joined. `None`: it is not sent.
    fn header(&self, name: &str) -> Result<Option<String>, Error> {
        let mut value: Option<String> = None;
        for (_, line) in self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)) {
            let line = line.trim_ascii();
            if !line.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte)) {
                return Err(unbindable(&concat(&["the header ", name])));
            }
            value = Some(value.map_or_else(|| line.to_owned(), |before| concat(&[&before, ", ", line])));
        }
        if value.is_none() && (self.unseen)(name) {
            let text = ["the x402 offer is for one value of the header ", name];
            let more = ", which is set where this program can't see it: set it yourself, or pay elsewhere";
            return Err(Error::new(Code::InvalidChallenge, concat(&[&concat(&text), more])));
        }
        Ok(value)
    }
}

/// What the token of an entry is bound to: the hash of its request, in hex.
#[must_use]
pub fn bound_to(token: &str) -> Option<String> {
    Some(extra(&decode(token)?.1)?.get("requestHash")?.as_str()?.to_owned())
}

fn extra(token: &Json) -> Option<&Json> {
    token.get("accepted")?.get("extra")
}

/// Whether the token of an entry is for this request.
#[must_use]
pub fn is_for(token: &str, sent: &Sent<'_>) -> bool {
    let is_equal = || {
        let (_, json) = decode(token)?;
        let extra = extra(&json)?;
        let hash = hash(extra.get("requestBindingParams")?, sent).ok()?;
        Some(extra.get("requestHash")?.as_str()? == to_hex(&hash.0))
    };
    is_equal() == Some(true)
}

fn unbindable(part: &str) -> Error {
    let text = concat(&["the x402 offer can't be paid for this request: ", part, " holds what has no place there"]);
    Error::new(Code::InvalidChallenge, text)
}

/// Whether this is ASCII as a URI has it, with every percent sign before two hex digits.
fn is_uri(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut is_hex = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
        if !byte.is_ascii_graphic() || (byte == b'%' && !(is_hex() && is_hex())) {
            return false;
        }
    }
    true
}
