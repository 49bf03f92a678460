//! Rows of JSON text: read member by member with one question at the end, written without a tree in between.

use crate::ledger::limits::MSAT_PER_SAT;
use crate::text::encoding::{to_hex, MAX_SAFE};
use crate::text::json::{write_string, Json};

/// The members of an object that must have them. One that is missing or of another kind is noted, and something that
/// must not be used stands in its place: whoever reads asks once, at the end, whether all was well.
pub(crate) struct Row<'a> {
    json: &'a Json,
    damaged: bool,
}

impl<'a> Row<'a> {
    pub(crate) fn new(json: &'a Json) -> Self {
        Self { json, damaged: false }
    }

    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged
    }

    pub(crate) fn expect<T>(&mut self, found: Option<T>, instead: T) -> T {
        found.unwrap_or_else(|| {
            self.damaged = true;
            instead
        })
    }

    pub(crate) fn text(&mut self, name: &str) -> String {
        let found = self.optional_text(name);
        self.expect(found, String::new())
    }

    pub(crate) fn number(&mut self, name: &str) -> u64 {
        let found = self.optional_number(name);
        self.expect(found, 0)
    }

    pub(crate) fn truth(&mut self, name: &str) -> bool {
        let found = self.json.get(name).and_then(Json::as_bool);
        self.expect(found, false)
    }

    /// Printable ASCII: every stored text is, and it must be able to stand in a header.
    pub(crate) fn optional_text(&mut self, name: &str) -> Option<String> {
        self.optional(name, |json| json.as_str().filter(|text| text.bytes().all(|byte| (b' '..=b'~').contains(&byte))))
            .map(str::to_owned)
    }

    /// A number that JavaScript takes as it is.
    pub(crate) fn optional_number(&mut self, name: &str) -> Option<u64> {
        self.optional(name, |json| json.as_u64().filter(|number| *number <= MAX_SAFE))
    }

    /// A member that is there and not null, and must then be of its kind.
    fn optional<T>(&mut self, name: &str, read: impl FnOnce(&'a Json) -> Option<T>) -> Option<T> {
        let found = self.json.get(name).filter(|json| !json.is_null())?;
        let value = read(found);
        self.damaged |= value.is_none();
        value
    }

    pub(crate) fn rows<T>(&mut self, name: &str, read: impl Fn(&mut Row<'_>) -> T) -> Vec<T> {
        let mut list = Vec::new();
        self.each(name, &mut |row| list.push(read(row)));
        list
    }

    /// Compiled once, whatever the rows are.
    fn each(&mut self, name: &str, read: &mut dyn FnMut(&mut Row<'_>)) {
        let rows = self.json.get(name).and_then(Json::as_array);
        for json in self.expect(rows, &[]) {
            let mut row = Row::new(json);
            read(&mut row);
            self.damaged |= row.damaged;
        }
    }
}

/// Writes an object member by member, without making a [`Json`] of it first.
pub(crate) struct Writer {
    text: String,
}

impl Writer {
    /// The text of one object.
    pub(crate) fn object(write: impl FnOnce(&mut Self)) -> String {
        let mut writer = Self { text: String::new() };
        writer.braced(write);
        writer.text
    }

    /// The text of an array of objects.
    pub(crate) fn array<T>(rows: &[T], write: impl Fn(&T, &mut Self)) -> String {
        let mut writer = Self { text: String::new() };
        writer.list(rows, write);
        writer.text
    }

    fn braced(&mut self, write: impl FnOnce(&mut Self)) {
        self.text.push('{');
        write(self);
        self.text.push('}');
    }

    fn list<T>(&mut self, rows: &[T], write: impl Fn(&T, &mut Self)) {
        self.text.push('[');
        for row in rows {
            self.separate();
            self.braced(|writer| write(row, writer));
        }
        self.text.push(']');
    }

    /// A comma, but before the first member or row.
    fn separate(&mut self) {
        if !matches!(self.text.as_bytes().last(), Some(b'{' | b'[')) {
            self.text.push(',');
        }
    }

    fn name(&mut self, name: &str) {
        self.separate();
        write_string(name, &mut self.text);
        self.text.push(':');
    }

    /// `null` for `None`.
    pub(crate) fn text(&mut self, name: &str, value: Option<&str>) {
        self.name(name);
        match value {
            Some(value) => write_string(value, &mut self.text),
            None => self.text.push_str("null"),
        }
    }

    /// `null` for `None`.
    pub(crate) fn number(&mut self, name: &str, value: Option<u64>) {
        self.name(name);
        match value {
            Some(value) => self.text.push_str(&value.to_string()),
            None => self.text.push_str("null"),
        }
    }

    /// What is paid, in both units: satoshis are rounded up.
    pub(crate) fn amount(&mut self, msat: Option<u64>) {
        self.number("amountMsat", msat);
        self.number("amountSat", msat.map(|msat| msat.div_ceil(MSAT_PER_SAT)));
    }

    pub(crate) fn truth(&mut self, name: &str, value: bool) {
        self.name(name);
        self.text.push_str(if value { "true" } else { "false" });
    }

    /// Lowercase hex; `null` for `None`.
    pub(crate) fn hex(&mut self, name: &str, bytes: Option<&[u8]>) {
        self.text(name, bytes.map(to_hex).as_deref());
    }

    pub(crate) fn row(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        self.name(name);
        self.braced(write);
    }

    pub(crate) fn rows<T>(&mut self, name: &str, rows: &[T], write: impl Fn(&T, &mut Self)) {
        self.name(name);
        self.list(rows, write);
    }
}
