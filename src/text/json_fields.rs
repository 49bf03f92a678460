//! Reading a JSON object field by field, with one question at the end: was every field there, and of its kind?

use crate::text::encoding::MAX_SAFE;
use crate::text::json::Json;

/// The members of an object. A member that is missing or of another kind is noted, and a value that must not be used is
/// returned in its place. So ask [`Fields::is_damaged`] once, at the end.
pub(crate) struct Fields<'a> {
    json: &'a Json,
    damaged: bool,
}

impl<'a> Fields<'a> {
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

    pub(crate) fn boolean(&mut self, name: &str) -> bool {
        let found = self.json.get(name).and_then(Json::as_bool);
        self.expect(found, false)
    }

    /// Printable ASCII: every stored text is, and some go into headers.
    pub(crate) fn optional_text(&mut self, name: &str) -> Option<String> {
        self.optional(name, |json| json.as_str().filter(|text| text.bytes().all(|byte| (b' '..=b'~').contains(&byte))))
            .map(str::to_owned)
    }

    /// A number that is exact in JavaScript.
    pub(crate) fn optional_number(&mut self, name: &str) -> Option<u64> {
        self.optional(name, |json| json.as_u64().filter(|number| *number <= MAX_SAFE))
    }

    /// A member that may be absent or null, but must else be of its kind.
    fn optional<T>(&mut self, name: &str, read: impl FnOnce(&'a Json) -> Option<T>) -> Option<T> {
        let found = self.json.get(name).filter(|json| !json.is_null())?;
        let value = read(found);
        self.damaged |= value.is_none();
        value
    }

    /// Any text, as people write it.
    pub(crate) fn optional_words(&mut self, name: &str) -> Option<String> {
        self.optional(name, Json::as_str).map(str::to_owned)
    }

    /// Numbers that JavaScript takes as they are.
    pub(crate) fn numbers(&mut self, name: &str) -> Vec<u64> {
        let number = |json: &Json| json.as_u64().filter(|number| *number <= MAX_SAFE);
        let found = self.json.get(name).and_then(|json| json.as_array()?.iter().map(number).collect());
        self.expect(found, Vec::new())
    }

    /// Texts of any kind.
    pub(crate) fn words(&mut self, name: &str) -> Vec<String> {
        let text = |json: &Json| json.as_str().map(str::to_owned);
        let found = self.json.get(name).and_then(|json| json.as_array()?.iter().map(text).collect());
        self.expect(found, Vec::new())
    }

    pub(crate) fn list<T>(&mut self, name: &str, read: impl Fn(&mut Fields<'_>) -> T) -> Vec<T> {
        let mut list = Vec::new();
        self.each(name, &mut |fields| list.push(read(fields)));
        list
    }

    /// Compiled once, whatever the rows are.
    fn each(&mut self, name: &str, read: &mut dyn FnMut(&mut Fields<'_>)) {
        let list = self.json.get(name).and_then(Json::as_array);
        for json in self.expect(list, &[]) {
            let mut fields = Fields::new(json);
            read(&mut fields);
            self.damaged |= fields.damaged;
        }
    }
}
