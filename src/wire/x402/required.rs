//! What a 402 asks for: the header `PAYMENT-REQUIRED` (x402-specification-v2.md, 5.1; transports-v2/http.md).

use super::entry::Entry;
use crate::error::Error;
use crate::text::encoding::from_base64;
use crate::text::json::{raw_parts, Json};
use crate::wire::challenge::{malformed, Challenge, Offer, Protocol, MAX_CHALLENGES, MAX_HEADER};
use std::rc::Rc;

/// A `PaymentRequired` object. Most of it may be for others.
pub struct PaymentRequired {
    text: String,
    json: Json,
}

impl PaymentRequired {
    /// Reads the value of the header.
    ///
    /// # Errors
    /// [`crate::Code::InvalidChallenge`] if it is not base64 of such an object.
    pub fn decode(header: &str) -> Result<Self, Error> {
        if header.len() > MAX_HEADER {
            return Err(bad("it is longer than 64 KiB"));
        }
        let (bytes, _) = from_base64(header).ok_or_else(|| bad("it is not base64"))?;
        Self::parse(String::from_utf8(bytes).map_err(|_| bad("it is not utf-8"))?)
    }

    /// Reads the object itself, which MCP carries without base64.
    ///
    /// # Errors
    /// [`crate::Code::InvalidChallenge`] if the text is not such an object.
    pub fn parse(text: String) -> Result<Self, Error> {
        let json = Json::parse(&text).map_err(bad)?;
        if json.get("x402Version").and_then(Json::as_u64).is_none() {
            return Err(bad("it has no version"));
        }
        if json.get("accepts").and_then(Json::as_array).is_none() {
            return Err(bad("it has no list of what it accepts"));
        }
        Ok(Self { text, json })
    }

    /// The entries for Lightning in order, or what is wrong with each. None are for others, or of another version.
    #[must_use]
    pub fn entries(&self) -> Vec<Result<Entry, Error>> {
        let mut found = Vec::new();
        let (Some(members), Some(accepts)) = (self.json.as_object(), self.json.get("accepts").and_then(Json::as_array))
        else {
            return found;
        };
        if !accepts.iter().any(Entry::is_ours) || self.json.get("x402Version").and_then(Json::as_u64) != Some(2) {
            return found;
        }
        let parts = raw_parts(&self.text);
        // names and values by turns
        let raw = |name| {
            let values = parts.chunks(2).filter_map(<[_]>::last);
            members.iter().zip(values).find(|((n, _), _)| n == name).map(|(_, raw)| *raw)
        };
        let url =
            self.json.get("resource").and_then(|resource| resource.get("url")).and_then(Json::as_str).map(Rc::from);
        let extensions: Option<Rc<str>> = raw("extensions").filter(|text| *text != "null").map(Rc::from);
        for (json, text) in accepts.iter().zip(raw_parts(raw("accepts").unwrap_or_default())) {
            if Entry::is_ours(json) {
                let entry = Entry::read(json, text, url.clone(), extensions.clone());
                found.push(entry.map_err(|why| malformed("x402 offer", why)));
            }
        }
        found
    }

    /// All entries as challenges are shown: the scheme, and the members that are texts.
    #[must_use]
    pub fn challenges(&self) -> Vec<Challenge> {
        let mut shown = Vec::new();
        for json in self.json.get("accepts").and_then(Json::as_array).unwrap_or_default().iter().take(MAX_CHALLENGES) {
            let mut params = Vec::new();
            for (name, value) in json.as_object().unwrap_or_default() {
                if let Some(value) = value.as_str().filter(|_| name != "scheme") {
                    params.push((name.clone(), value.to_owned()));
                }
            }
            let text = |json: &Json, name| json.get(name).and_then(Json::as_str).map(str::to_owned);
            let offer = Entry::is_ours(json).then(|| {
                Some(Offer {
                    protocol: Protocol::X402,
                    token: text(json, "payTo")?,
                    invoice: text(json.get("extra")?, "invoice")?,
                })
            });
            let scheme = text(json, "scheme").unwrap_or_default();
            shown.push(Challenge { scheme, params, defect: None, offer: offer.flatten() });
        }
        shown
    }

    /// Why the server asks for money, in its own words: after a refusal often the reason of it.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.json.get("error")?.as_str()
    }
}

fn bad(why: &'static str) -> Error {
    malformed("payment-required header", why)
}
