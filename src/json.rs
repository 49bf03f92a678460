//! The small part of JSON (RFC 8259) that the store and tokens need: no floating point, bounded depth.

/// A JSON value.
#[derive(Clone, PartialEq, Debug)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as its text: whoever needs an integer parses it, so that no float is ever rounded.
    Number(String),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object, in order. A repeated name is malformed.
    Object(Vec<(String, Json)>),
}
