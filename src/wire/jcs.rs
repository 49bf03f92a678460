//! The JSON Canonicalization Scheme (RFC 8785): one text for each JSON value, so that its hash says what was meant.
//!
//! # Deviations from RFC 8785
//! - A whole number of at most 15 digits is written as it stands. Any other is handed to the caller's function. So no
//!   floating point is compiled into the wasm. In JavaScript that function is `String(Number(text))`.
//! - What [`Json::parse`] refuses has no canonical form: repeated names and halves of surrogate pairs, as the RFC
//!   wants, but also deep nesting and objects of very many members.

use crate::text::json::Json;

/// Writes a JSON number as ECMAScript's `Number::toString` does. `None`: it is too large for a double.
pub type WriteNumber<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The canonical text of a value. `None`: it holds a number that has none.
#[must_use]
pub fn canonical(value: &Json, number: WriteNumber<'_>) -> Option<String> {
    Some(ordered(value, number)?.to_text())
}

/// The value with its members in order, and its numbers as they are written.
fn ordered(value: &Json, number: WriteNumber<'_>) -> Option<Json> {
    Some(match value {
        Json::Number(text) => Json::Number(if is_plain(text) { text.clone() } else { number(text)? }),
        Json::Array(items) => {
            let mut list = Vec::with_capacity(items.len());
            for item in items {
                list.push(ordered(item, number)?);
            }
            Json::Array(list)
        }
        Json::Object(members) => {
            let mut list = Vec::with_capacity(members.len());
            for (name, value) in members {
                list.push((name.clone(), ordered(value, number)?));
            }
            list.sort_unstable_by(|(a, _), (b, _)| cmp(a, b));
            Json::Object(list)
        }
        other => other.clone(),
    })
}

/// The order of names: by UTF-16 code units, which is not the order of the bytes (RFC 8785, 3.2.3).
pub(crate) fn cmp(a: &str, b: &str) -> std::cmp::Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

/// Whether this is a whole number far below 2^53, which every writer writes in one way. `-0` is written as `0`.
fn is_plain(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.len() <= 15 && digits.bytes().all(|byte| byte.is_ascii_digit()) && text != "-0"
}
