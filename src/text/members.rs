//! The members of a JSON object that is read or written. One function names them for both, so that the form of an
//! object stands in one place.

use crate::error::Error;
use crate::text::encoding::MAX_SAFE;
use crate::text::json::Json;
use crate::text::json_writer::Writer;
use crate::text::scan::{number, parts};

/// What is stored as a JSON object.
pub(crate) trait Row {
    /// Reads or writes each member.
    fn members(&mut self, members: &mut Members<'_>);
}

/// An object whose members are read or written, in order. While it is read, a member that is missing or of another kind
/// is noted, and a value that must not be used is left in its place. So the damage is asked for once, at the end.
pub(crate) struct Members<'a> {
    /// The object that is read. `None`: it is written.
    from: Option<&'a Json>,
    to: Writer,
    is_damaged: bool,
}

impl<'a> Members<'a> {
    /// The members of an object that is read.
    pub(crate) fn read(from: &'a Json) -> Self {
        Self { from: Some(from), to: Writer::default(), is_damaged: false }
    }

    /// The members of an object that is written. They follow a text.
    pub(crate) fn write(text: String) -> Self {
        Self { from: None, to: Writer::after(text), is_damaged: false }
    }

    /// What was written.
    pub(crate) fn into_text(self) -> String {
        self.to.into_text()
    }

    /// Whether the object is read.
    pub(crate) fn is_read(&self) -> bool {
        self.from.is_some()
    }

    /// Whether anything that was read can't be.
    pub(crate) fn is_damaged(&self) -> bool {
        self.is_damaged
    }

    /// Notes damage where something that was read can't be.
    pub(crate) fn expect<T: Default>(&mut self, found: Option<T>) -> T {
        self.is_damaged |= found.is_none();
        found.unwrap_or_default()
    }

    /// A member that may be absent or null, but must else be of its kind.
    fn optional<T>(&mut self, from: &'a Json, name: &str, read: impl FnOnce(&'a Json) -> Option<T>) -> Option<T> {
        let found = from.get(name).filter(|json| !json.is_null())?;
        let value = read(found);
        self.is_damaged |= value.is_none();
        value
    }

    /// Printable ASCII: some texts go into headers.
    pub(crate) fn text(&mut self, name: &str, value: &mut String) {
        let mut some = Some(std::mem::take(value));
        self.optional_text(name, &mut some);
        *value = self.expect(some);
    }

    /// The same, left out where there is none.
    pub(crate) fn optional_text(&mut self, name: &str, value: &mut Option<String>) {
        self.optional_words(name, value);
        let is_plain = |text: &String| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        self.is_damaged |= self.from.is_some() && !value.as_ref().is_none_or(is_plain);
    }

    /// Any text, as people write it.
    pub(crate) fn optional_words(&mut self, name: &str, value: &mut Option<String>) {
        match self.from {
            Some(from) => *value = self.optional(from, name, Json::as_str).map(str::to_owned),
            None if value.is_some() => self.to.text(name, value.as_deref()),
            None => {}
        }
    }

    /// A number that is exact in JavaScript.
    pub(crate) fn number(&mut self, name: &str, value: &mut u64) {
        let mut some = Some(*value);
        self.optional_number(name, &mut some);
        *value = self.expect(some);
    }

    /// The same, left out where there is none.
    pub(crate) fn optional_number(&mut self, name: &str, value: &mut Option<u64>) {
        match self.from {
            Some(from) => *value = self.optional(from, name, exact),
            None if value.is_some() => self.to.number(name, *value),
            None => {}
        }
    }

    /// The same, left out where it is 0.
    pub(crate) fn count(&mut self, name: &str, value: &mut u64) {
        let mut some = Some(*value).filter(|count| *count > 0);
        self.optional_number(name, &mut some);
        *value = some.unwrap_or(0);
    }

    pub(crate) fn boolean(&mut self, name: &str, value: &mut bool) {
        match self.from {
            Some(from) => {
                let found = from.get(name).and_then(Json::as_bool);
                *value = self.expect(found);
            }
            None => self.to.boolean(name, *value),
        }
    }

    /// One of some names, by its place among them; left out where there is none.
    pub(crate) fn one_of(&mut self, name: &str, value: &mut Option<usize>, names: &[&str]) {
        let mut text = value.and_then(|at| names.get(at)).map(|text| (*text).to_owned());
        self.optional_words(name, &mut text);
        *value = names.iter().position(|known| Some(*known) == text.as_deref());
        self.is_damaged |= text.is_some() && value.is_none();
    }

    /// What has a text.
    pub(crate) fn parsed<T: Default>(
        &mut self,
        name: &str,
        value: &mut T,
        show: impl FnOnce(&T) -> String,
        parse: impl FnOnce(&str) -> Result<T, Error>,
    ) {
        let mut text = String::new();
        if self.from.is_none() {
            text = show(value);
        }
        self.text(name, &mut text);
        if self.from.is_some() {
            *value = self.expect(parse(&text).ok());
        }
    }

    /// Numbers that are exact in JavaScript, as one text.
    pub(crate) fn numbers(&mut self, name: &str, values: &mut Vec<u64>) {
        if self.from.is_none() {
            self.to.numbers(name, values);
            return;
        }
        values.clear();
        let text = self.from.and_then(|from| from.get(name)?.as_str());
        let text = self.expect(text);
        for digits in parts(text, b' ').filter(|_| !text.is_empty()) {
            let number = number(digits.as_bytes()).filter(|number| *number <= MAX_SAFE);
            values.push(self.expect(number));
        }
    }

    /// Texts of any kind.
    pub(crate) fn words(&mut self, name: &str, values: &mut Vec<String>) {
        if self.from.is_none() {
            self.to.texts(name, values);
            return;
        }
        values.clear();
        for json in self.array(name) {
            let text = json.as_str().map(str::to_owned);
            values.push(self.expect(text));
        }
    }

    /// The items of a list that is read.
    fn array(&mut self, name: &str) -> &'a [Json] {
        let found = self.from.and_then(|from| from.get(name)?.as_array());
        self.expect(found)
    }

    /// A list of objects.
    pub(crate) fn list<T: Row + Default>(&mut self, name: &str, values: &mut Vec<T>) {
        let Some(_) = self.from else {
            self.to.name(name);
            self.to.open("[");
            values.iter_mut().for_each(|value| self.item(None, value));
            self.to.close("]");
            return;
        };
        for json in self.array(name) {
            let mut value = T::default();
            self.item(Some(json), &mut value);
            values.push(value);
        }
    }

    fn item(&mut self, from: Option<&'a Json>, row: &mut dyn Row) {
        let list = std::mem::replace(&mut self.from, from);
        if from.is_none() {
            self.to.open("{");
        }
        row.members(self);
        if from.is_none() {
            self.to.close("}");
        }
        self.from = list;
    }
}

fn exact(json: &Json) -> Option<u64> {
    json.as_u64().filter(|number| *number <= MAX_SAFE)
}
