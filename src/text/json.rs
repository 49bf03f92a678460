//! The small part of JSON (RFC 8259) that the store and tokens need: no floating point, bounded depth.
//!
//! Deviations from the RFC, each on the strict side: a repeated name is malformed, and so is a `\u` escape that is half
//! of a surrogate pair, nesting beyond [`MAX_DEPTH`], and an object of more than [`MAX_NAMES`] members.

use crate::text::encoding::from_hex;
use crate::text::scan::{cut, kind, number, span};

/// How deep arrays and objects may be nested. A stored journal has a depth of 5. A `PAYMENT-REQUIRED` may hold JSON
/// schemas for others, which are deeper. Parsing recurses, so a stranger must not choose the depth of the stack.
pub const MAX_DEPTH: usize = 64;

/// How many members an object may have. Each new name is compared with all before it, so this keeps parsing fast. Lists
/// of unbounded length belong in an array.
pub const MAX_NAMES: usize = 1024;

/// A JSON value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as its text. It is parsed only when an integer is needed, so that no float is ever rounded.
    Number(String),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object, in order. A repeated name is malformed.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Parses one value with nothing but white space around it.
    ///
    /// # Errors What is wrong. It quotes nothing of the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match Self::first(text)? {
            (value, "") => Ok(value),
            _ => Err("something follows the json value"),
        }
    }

    /// Parses the value at the start. Returns it, and the text after it and its white space.
    pub(crate) fn first(text: &str) -> Result<(Self, &str), &'static str> {
        let mut parser = Parser { rest: text };
        let value = parser.value(0)?;
        parser.space();
        Ok((value, parser.rest))
    }

    /// The member of this name. `None`: there is none, or this is no object.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json> {
        match self {
            Self::Object(members) => members.iter().find(|(n, _)| n == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text, if this is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if this is a number that fits and has no sign, fraction or exponent.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(text) => number(text.as_bytes()),
            _ => None,
        }
    }

    /// The boolean, if this is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The items, if this is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members, if this is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&[(String, Json)]> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// The texts of the parts of an object (names and values by turns) or of an array, as they were written. The text must
/// be one that [`Json::parse`] took.
pub(crate) fn raw_parts(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (_, mut rest) = cut(text.trim_ascii_start(), 1);
    while let Ok((_, after)) = Json::first(rest) {
        let (part, behind) = cut(rest, rest.len().saturating_sub(after.len()));
        found.push(part.trim_ascii());
        // a colon, a comma or the end
        (_, rest) = cut(behind, 1);
    }
    found
}

const BAD_ESCAPE: &str = "a json string holds a malformed escape";

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Result<Json, &'static str> {
        self.space();
        match self.rest.bytes().next() {
            Some(b'{') if depth < MAX_DEPTH => self.object(depth.saturating_add(1)),
            Some(b'[') if depth < MAX_DEPTH => self.array(depth.saturating_add(1)),
            Some(b'{' | b'[') => Err("the json is nested too deeply"),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ if self.eat("null") => Ok(Json::Null),
            _ if self.eat("true") => Ok(Json::Bool(true)),
            _ if self.eat("false") => Ok(Json::Bool(false)),
            None => Err("the json ends too early"),
            _ => Err("the json holds something that is no value"),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, &'static str> {
        let mut members: Vec<(String, Json)> = Vec::new();
        self.eat("{");
        self.space();
        if self.eat("}") {
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            if members.iter().any(|(n, _)| *n == name) {
                return Err("the json repeats a name");
            }
            if members.len() >= MAX_NAMES {
                return Err("a json object has too many members");
            }
            self.space();
            if !self.eat(":") {
                return Err("the json lacks a colon");
            }
            members.push((name, self.value(depth)?));
            self.space();
            if self.eat("}") {
                return Ok(Json::Object(members));
            }
            if !self.eat(",") {
                return Err("the json lacks a comma or a closing brace");
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, &'static str> {
        let mut items = Vec::new();
        self.eat("[");
        self.space();
        if self.eat("]") {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.space();
            if self.eat("]") {
                return Ok(Json::Array(items));
            }
            if !self.eat(",") {
                return Err("the json lacks a comma or a closing bracket");
            }
        }
    }

    fn number(&mut self) -> Result<Json, &'static str> {
        const BAD: &str = "the json holds a malformed number";
        let start = self.rest;
        self.eat("-");
        let whole = self.digits();
        if whole.is_empty() || (whole.len() > 1 && whole.starts_with('0')) {
            return Err(BAD);
        }
        if self.eat(".") && self.digits().is_empty() {
            return Err(BAD);
        }
        if self.eat("e") || self.eat("E") {
            let _ = self.eat("+") || self.eat("-");
            if self.digits().is_empty() {
                return Err(BAD);
            }
        }
        let length = start.len().saturating_sub(self.rest.len());
        Ok(Json::Number(start.get(..length).unwrap_or_default().to_owned()))
    }

    fn string(&mut self) -> Result<String, &'static str> {
        if !self.eat("\"") {
            return Err("the json lacks a quoted name");
        }
        let mut text = String::new();
        loop {
            let (plain, rest) = cut(self.rest, span(self.rest, kind::JSON));
            self.rest = rest;
            text.push_str(plain);
            if self.eat("\"") {
                return Ok(text);
            }
            if !self.eat("\\") {
                return Err(if self.rest.is_empty() {
                    "a json string has no end"
                } else {
                    "a json string holds a bare control character"
                });
            }
            let escape = self.rest.bytes().next();
            text.push(match escape {
                Some(b'"') => '"',
                Some(b'\\') => '\\',
                Some(b'/') => '/',
                Some(b'b') => '\x08',
                Some(b'f') => '\x0c',
                Some(b'n') => '\n',
                Some(b'r') => '\r',
                Some(b't') => '\t',
                Some(b'u') => {
                    text.push(self.unicode()?);
                    continue;
                }
                _ => return Err("a json string holds an unknown escape"),
            });
            self.skip(1);
        }
    }

    /// `u` and four digits, or a pair of those that make one character.
    fn unicode(&mut self) -> Result<char, &'static str> {
        let mut code = u32::from(self.unit()?);
        if (0xd800..0xdc00).contains(&code) && self.eat("\\") {
            let low = u32::from(self.unit()?);
            // Ten bits of each. Where the second is no half of a pair, half of one is left, which is no character.
            if (0xdc00..0xe000).contains(&low) {
                code = ((code & 0x3ff) << 10 | low & 0x3ff).wrapping_add(0x1_0000);
            }
        }
        char::from_u32(code).ok_or(BAD_ESCAPE)
    }

    fn unit(&mut self) -> Result<u16, &'static str> {
        let digits = self.rest.get(1..5).filter(|_| self.rest.starts_with('u'));
        match digits.and_then(|digits| from_hex(digits.as_bytes())).as_deref() {
            Some([high, low]) => {
                self.skip(5);
                Ok(u16::from_be_bytes([*high, *low]))
            }
            _ => Err(BAD_ESCAPE),
        }
    }

    fn digits(&mut self) -> &'a str {
        self.take_while(|b| b.is_ascii_digit())
    }

    fn space(&mut self) {
        self.take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'));
    }

    /// The longest start of ASCII bytes, or of whole characters, that all fit.
    fn take_while(&mut self, fits: fn(u8) -> bool) -> &'a str {
        let end = self.rest.bytes().position(|b| !fits(b)).unwrap_or(self.rest.len());
        let (start, rest) = self.rest.split_at_checked(end).unwrap_or(("", self.rest));
        self.rest = rest;
        start
    }

    fn eat(&mut self, expected: &str) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_as_they_were_written() {
        for (text, parts) in [
            ("[]", &[][..]),
            (" { } ", &[]),
            ("[1]", &["1"]),
            ("[ 1.0 ,\t\"a\\\"]\\u0041\" , [ 2 ] ]\n", &["1.0", "\"a\\\"]\\u0041\"", "[ 2 ]"]),
            (" {\"a\" : {\"b\" :\n1 } , \"\": null}", &["\"a\"", "{\"b\" :\n1 }", "\"\"", "null"]),
            ("7", &[]),
        ] {
            assert!(Json::parse(text).is_ok(), "{text}");
            assert_eq!(raw_parts(text), parts, "{text}");
        }
    }
}
