//! Writing JSON text piece by piece, without a tree in between.

use crate::text::encoding::{to_hex, MAX_SAFE};
use crate::text::json::Json;
use crate::text::scan::{cut, kind, span};

/// Millisatoshis in a satoshi.
pub(crate) const MSAT_PER_SAT: u64 = 1_000;

/// The text of one object.
pub(crate) fn write_object(write: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer { text: String::new() };
    writer.braced(write);
    writer.text
}

/// The text of a list of objects.
pub(crate) fn write_list<T>(items: &[T], write: impl Fn(&T, &mut Writer)) -> String {
    let mut writer = Writer { text: String::new() };
    writer.items(items, write);
    writer.text
}

/// The text of a list of texts.
#[cfg(target_family = "wasm")]
pub(crate) fn write_texts(texts: &[String]) -> String {
    let mut writer = Writer { text: String::from("[") };
    for text in texts {
        writer.separate();
        writer.string(text);
    }
    writer.text.push(']');
    writer.text
}

/// The text of a list of pairs, `null` for `None`.
#[cfg(target_family = "wasm")]
pub(crate) fn write_pairs(pairs: &[(&str, Option<&str>)]) -> String {
    let mut writer = Writer { text: String::from("[") };
    for (first, second) in pairs {
        writer.separate();
        writer.text.push('[');
        writer.string(first);
        writer.text.push(',');
        match second {
            Some(second) => writer.string(second),
            None => writer.text.push_str("null"),
        }
        writer.text.push(']');
    }
    writer.text.push(']');
    writer.text
}

impl Json {
    /// Compact JSON text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut writer = Writer { text: String::new() };
        writer.value(self);
        writer.text
    }
}

/// The members of the object that is being written.
#[derive(Default)]
pub(crate) struct Writer {
    text: String,
}

impl Writer {
    /// Goes on with an object that has begun.
    pub(crate) fn after(text: String) -> Self {
        Self { text }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn braced(&mut self, write: impl FnOnce(&mut Self)) {
        self.text.push('{');
        write(self);
        self.text.push('}');
    }

    /// Begins a list of objects.
    pub(crate) fn begin_list(&mut self, name: &str) {
        self.name(name);
        self.text.push('[');
    }

    /// Begins an object in a list.
    pub(crate) fn begin_item(&mut self) {
        self.separate();
        self.text.push('{');
    }

    pub(crate) fn end_item(&mut self) {
        self.text.push('}');
    }

    pub(crate) fn end_list(&mut self) {
        self.text.push(']');
    }

    fn items<T>(&mut self, items: &[T], write: impl Fn(&T, &mut Self)) {
        self.text.push('[');
        for item in items {
            self.separate();
            self.braced(|writer| write(item, writer));
        }
        self.text.push(']');
    }

    /// Adds a comma, except before the first member or item.
    fn separate(&mut self) {
        if !matches!(self.text.as_bytes().last(), Some(b'{' | b'[')) {
            self.text.push(',');
        }
    }

    fn name(&mut self, name: &str) {
        self.separate();
        self.string(name);
        self.text.push(':');
    }

    /// `null` for `None`.
    pub(crate) fn text(&mut self, name: &str, value: Option<&str>) {
        self.name(name);
        match value {
            Some(value) => self.string(value),
            None => self.text.push_str("null"),
        }
    }

    /// `null` for `None`.
    pub(crate) fn number(&mut self, name: &str, value: Option<u64>) {
        self.name(name);
        match value {
            Some(value) => self.digits(value),
            None => self.text.push_str("null"),
        }
    }

    /// At most the largest that can be read again: a sum beyond it stays there.
    fn digits(&mut self, value: u64) {
        self.text.push_str(&value.min(MAX_SAFE).to_string());
    }

    /// An amount in both units. Satoshis are rounded up.
    pub(crate) fn amount(&mut self, msat: Option<u64>) {
        self.number("amountMsat", msat);
        self.number("amountSat", msat.map(|msat| msat.div_ceil(MSAT_PER_SAT)));
    }

    /// As one text: it is read in a tenth of the time that a list takes.
    pub(crate) fn numbers(&mut self, name: &str, values: &[u64]) {
        self.name(name);
        self.text.push('"');
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.text.push(' ');
            }
            self.digits(*value);
        }
        self.text.push('"');
    }

    pub(crate) fn texts(&mut self, name: &str, values: &[String]) {
        self.name(name);
        self.text.push('[');
        for value in values {
            self.separate();
            self.string(value);
        }
        self.text.push(']');
    }

    pub(crate) fn boolean(&mut self, name: &str, value: bool) {
        self.name(name);
        self.text.push_str(if value { "true" } else { "false" });
    }

    /// A value that is JSON text already.
    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        self.text.push_str(json);
    }

    /// Lowercase hex; `null` for `None`.
    pub(crate) fn hex(&mut self, name: &str, bytes: Option<&[u8]>) {
        self.text(name, bytes.map(to_hex).as_deref());
    }

    pub(crate) fn object(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        self.name(name);
        self.braced(write);
    }

    pub(crate) fn list<T>(&mut self, name: &str, items: &[T], write: impl Fn(&T, &mut Self)) {
        self.name(name);
        self.items(items, write);
    }

    fn value(&mut self, value: &Json) {
        match value {
            Json::Null => self.text.push_str("null"),
            Json::Bool(true) => self.text.push_str("true"),
            Json::Bool(false) => self.text.push_str("false"),
            Json::Number(text) => self.text.push_str(text),
            Json::String(text) => self.string(text),
            Json::Array(items) => {
                self.text.push('[');
                for item in items {
                    self.separate();
                    self.value(item);
                }
                self.text.push(']');
            }
            Json::Object(members) => self.braced(|writer| {
                for (name, value) in members {
                    writer.name(name);
                    writer.value(value);
                }
            }),
        }
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        // In runs: a stored text is long, and little of it needs an escape.
        let mut rest = text;
        loop {
            let (plain, escaped) = cut(rest, span(rest, kind::JSON));
            self.text.push_str(plain);
            let Some((byte, after)) = escaped.split_at_checked(1) else { break };
            match byte {
                // the short forms that RFC 8785, 3.2.2.2 asks for
                "\n" => self.text.push_str("\\n"),
                "\t" => self.text.push_str("\\t"),
                "\r" => self.text.push_str("\\r"),
                "\x08" => self.text.push_str("\\b"),
                "\x0c" => self.text.push_str("\\f"),
                "\"" | "\\" => {
                    self.text.push('\\');
                    self.text.push_str(byte);
                }
                _ => {
                    self.text.push_str("\\u00");
                    self.text.push_str(&to_hex(byte.as_bytes()));
                }
            }
            rest = after;
        }
        self.text.push('"');
    }
}
