//! Writing JSON text piece by piece, without a tree in between.

use crate::text::encoding::{to_hex, MAX_SAFE};
use crate::text::json::Json;
use crate::text::scan::{cut, kind, span};

/// Millisatoshis in a satoshi.
pub(crate) const MSAT_PER_SAT: u64 = 1_000;

/// The text of one object.
pub(crate) fn write_object(write: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer::default();
    writer.open("{");
    write(&mut writer);
    writer.close("}");
    writer.text
}

/// The text of a list of objects.
pub(crate) fn write_list<T>(items: &[T], write: impl Fn(&T, &mut Writer)) -> String {
    let mut writer = Writer::default();
    writer.items(items, write);
    writer.text
}

/// The text of a list of texts.
#[cfg(target_family = "wasm")]
pub(crate) fn write_texts(texts: &[String]) -> String {
    let mut writer = Writer::default();
    writer.strings(texts);
    writer.text
}

/// The text of a list of pairs, `null` for `None`.
#[cfg(target_family = "wasm")]
pub(crate) fn write_pairs<'t>(pairs: impl Iterator<Item = (&'t str, Option<&'t str>)>) -> String {
    let mut writer = Writer::default();
    writer.open("[");
    for (first, second) in pairs {
        writer.open("[");
        writer.string(first);
        writer.optional(second);
        writer.close("]");
    }
    writer.close("]");
    writer.text
}

impl Json {
    /// Compact JSON text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut writer = Writer::default();
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

    /// A value without quotes, or the beginning of one. A comma stands before each but the first.
    pub(crate) fn open(&mut self, text: &str) {
        if !matches!(self.text.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.close(",");
        }
        self.close(text);
    }

    // Each place where it is put in would have the code that makes room.
    #[inline(never)]
    pub(crate) fn close(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(crate) fn name(&mut self, name: &str) {
        self.string(name);
        self.close(":");
    }

    fn items<T>(&mut self, items: &[T], write: impl Fn(&T, &mut Self)) {
        self.open("[");
        for item in items {
            self.open("{");
            write(item, self);
            self.close("}");
        }
        self.close("]");
    }

    /// `null` for `None`.
    pub(crate) fn text(&mut self, name: &str, value: Option<&str>) {
        self.name(name);
        self.optional(value);
    }

    /// `null` for `None`.
    pub(crate) fn number(&mut self, name: &str, value: Option<u64>) {
        self.name(name);
        match value {
            Some(value) => self.open(&digits(value)),
            None => self.open("null"),
        }
    }

    /// An amount in both units. Satoshis are rounded up.
    pub(crate) fn amount(&mut self, msat: Option<u64>) {
        self.number("amountMsat", msat);
        self.number("amountSat", msat.map(|msat| msat.div_ceil(MSAT_PER_SAT)));
    }

    /// As one text: it is read in a tenth of the time that a list takes.
    pub(crate) fn numbers(&mut self, name: &str, values: &[u64]) {
        self.name(name);
        let mut space = "\"";
        for value in values {
            self.close(space);
            self.close(&digits(*value));
            space = " ";
        }
        self.close(if values.is_empty() { "\"\"" } else { "\"" });
    }

    pub(crate) fn texts(&mut self, name: &str, values: &[String]) {
        self.name(name);
        self.strings(values);
    }

    fn strings(&mut self, values: &[String]) {
        self.open("[");
        values.iter().for_each(|value| self.string(value));
        self.close("]");
    }

    pub(crate) fn boolean(&mut self, name: &str, value: bool) {
        self.name(name);
        self.open(if value { "true" } else { "false" });
    }

    /// A value that is JSON text already.
    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        self.open(json);
    }

    /// Lowercase hex; `null` for `None`.
    pub(crate) fn hex(&mut self, name: &str, bytes: Option<&[u8]>) {
        self.text(name, bytes.map(to_hex).as_deref());
    }

    pub(crate) fn object(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        self.name(name);
        self.open("{");
        write(self);
        self.close("}");
    }

    pub(crate) fn list<T>(&mut self, name: &str, items: &[T], write: impl Fn(&T, &mut Self)) {
        self.name(name);
        self.items(items, write);
    }

    fn value(&mut self, value: &Json) {
        match value {
            Json::Null => self.open("null"),
            Json::Bool(true) => self.open("true"),
            Json::Bool(false) => self.open("false"),
            Json::Number(text) => self.open(text),
            Json::String(text) => self.string(text),
            Json::Array(items) => {
                self.open("[");
                items.iter().for_each(|item| self.value(item));
                self.close("]");
            }
            Json::Object(members) => {
                self.open("{");
                for (name, value) in members {
                    self.name(name);
                    self.value(value);
                }
                self.close("}");
            }
        }
    }

    fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.string(text),
            None => self.open("null"),
        }
    }

    fn string(&mut self, text: &str) {
        self.open("\"");
        // In runs: a stored text is long, and little of it needs an escape.
        let mut rest = text;
        loop {
            let (plain, escaped) = cut(rest, span(rest, kind::JSON));
            self.close(plain);
            let Some((byte, after)) = escaped.split_at_checked(1) else { break };
            let hex = to_hex(byte.as_bytes());
            let (escape, byte) = match byte {
                // the short forms that RFC 8785, 3.2.2.2 asks for
                "\n" => ("\\", "n"),
                "\t" => ("\\", "t"),
                "\r" => ("\\", "r"),
                "\x08" => ("\\", "b"),
                "\x0c" => ("\\", "f"),
                "\"" | "\\" => ("\\", byte),
                _ => ("\\u00", hex.as_str()),
            };
            self.close(escape);
            self.close(byte);
            rest = after;
        }
        self.close("\"");
    }
}

/// At most the largest that can be read again: a sum beyond it stays there.
fn digits(value: u64) -> String {
    value.min(MAX_SAFE).to_string()
}
