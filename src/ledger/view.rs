//! What a step sees of the store, and what it wants to change.
//!
//! Each decision about money is a step: a function of rows, an event and a time. It has one of three results: it names
//! rows that it still has to read, or it refuses, or it says which rows to write. It does not wait and does no I/O.
//!
//! The driver of a step reads the missing rows and runs the step again. Then it writes all changes at once, if every
//! row that the step has seen is unchanged. So a step may run any number of times. If an earlier run was written after
//! all, the step finds its own mark.
//!
//! Every row is a JSON object. It begins with the version of its form and with a revision that grows at each write. So
//! a row that was changed and changed back differs from the earlier one.

use crate::error::{Code, Error};
use crate::ledger::refusal::Refusal;
use crate::ledger::sums::Sums;
use crate::text::encoding::concat;
use crate::text::json::Json;
use crate::text::json_fields::Fields;
use crate::text::json_writer::{write_object, Writer};
use crate::text::map::Map;
use std::cell::RefCell;
use std::rc::Rc;

/// The version of every row's form.
const VERSION: u64 = 1;
const REVISION: &str = "rev";

/// Keys with the values that they have, or are to have; `None` where there is no row.
pub type Changes = Map<String, Option<Rc<str>>>;

/// The rows of a part of the store, with their values.
pub type Listed = Vec<(String, Rc<str>)>;

/// Rows as they were last read. Absent rows are known too.
#[derive(Clone, Default)]
pub struct Rows(Changes);

/// A range of keys to read, in byte order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Listing {
    /// The text that the keys begin with.
    pub prefix: String,
    /// The range begins after this key, in the direction of reading.
    pub after: Option<String>,
    /// How many rows at most.
    pub limit: usize,
    /// Whether the last key comes first.
    pub reverse: bool,
}

/// What a step still has to read.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Missing {
    /// Keys of rows.
    pub keys: Vec<String>,
    /// Ranges of keys.
    pub listings: Vec<Listing>,
}

/// Why a step has no result.
#[derive(Debug)]
pub enum Stop {
    /// It needs the rows that [`View::missing`] names.
    Unread,
    /// It must not be taken.
    Refused(Refusal),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Refused(error.into())
    }
}

/// The rows that steps have seen and want changed.
#[derive(Default)]
pub struct View {
    /// As they were last read, by whatever step that was.
    rows: Rc<RefCell<Rows>>,
    /// Those that were read for this view.
    fresh: Map<String, ()>,
    listed: Vec<(Listing, Listed)>,
    seen: Map<String, ()>,
    changed: Changes,
    missing: Missing,
}

impl Rows {
    /// The value of a key. `None`: it was not read. `Some(None)`: there is no row.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Option<Rc<str>>> {
        self.0.get(key)
    }

    /// Notes the value of a row. `None`: there is no row.
    pub fn put(&mut self, key: String, value: Option<Rc<str>>) {
        self.0.insert(key, value);
    }

    /// Forgets the value of a row.
    pub fn forget(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// How many rows are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no row is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl View {
    /// A view of rows that were read before.
    #[must_use]
    pub fn of(rows: Rc<RefCell<Rows>>) -> Self {
        Self { rows, ..Self::default() }
    }

    /// Takes over what was read since. What others came to know of a row meanwhile is kept: what was read may be older.
    pub fn learn(&mut self, key: String, value: Option<Rc<str>>) {
        self.fresh.insert(key.clone(), ());
        let mut rows = self.rows.borrow_mut();
        if rows.get(&key).is_none() {
            rows.put(key, value);
        }
    }

    /// Whether everything that was seen was read for this view.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.seen.keys().all(|key| self.fresh.contains_key(key))
    }

    /// The keys of everything that was seen.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.seen.keys().cloned().collect()
    }

    /// What is to be changed so far.
    #[must_use]
    pub fn draft(&self) -> Changes {
        self.changed.clone()
    }

    /// Takes back what a step changed that was not taken.
    pub fn restore(&mut self, draft: Changes) {
        self.changed = draft;
    }

    /// Takes over a part that was read since.
    pub fn learn_listing(&mut self, listing: Listing, rows: Listed) {
        self.listed.push((listing, rows));
    }

    /// Prepares for another run of the step. What the last run saw and changed is forgotten. The rows stay.
    pub fn restart(&mut self) {
        self.seen.clear();
        self.changed.clear();
    }

    /// Takes the list of what has to be read. It is empty afterwards.
    pub fn missing(&mut self) -> Missing {
        std::mem::take(&mut self.missing)
    }

    /// The changes to write, and the rows that the step has seen, with the values that were read.
    #[must_use]
    pub fn writes(&self) -> (Changes, Changes) {
        let rows = self.rows.borrow();
        let mut seen = Changes::default();
        for key in self.seen.keys() {
            if let Some(value) = rows.get(key) {
                seen.insert(key.clone(), value.clone());
            }
        }
        (self.changed.clone(), seen)
    }

    /// Sees to it that a write which was sent before, and depended on these sums, can't happen any more: they change now. It is
    /// the key of a row that is never deleted.
    ///
    /// # Errors
    /// [`Stop::Unread`]
    pub fn fence(&mut self, sums: &str) -> Result<(), Stop> {
        if self.changed.contains_key(sums) {
            return Ok(());
        }
        match self.text(sums)? {
            Some(_) => self.touch(sums),
            None => self.put(sums, |row| Sums::default().write(row)),
        }
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.changed.is_empty()
    }

    /// Names rows that the step will read, so that all of them are read at once.
    ///
    /// # Errors
    /// [`Stop::Unread`] if one is missing.
    pub fn need<'k>(&mut self, keys: impl IntoIterator<Item = &'k str>) -> Result<(), Stop> {
        for key in keys {
            if !self.changed.contains_key(key) {
                if self.rows.borrow().get(key).is_none() && !self.missing.keys.iter().any(|known| known == key) {
                    self.missing.keys.push(key.to_owned());
                }
                self.seen.insert(key.to_owned(), ());
            }
        }
        if self.missing.keys.is_empty() {
            Ok(())
        } else {
            Err(Stop::Unread)
        }
    }

    /// The text of a row. `None`: there is no row.
    ///
    /// # Errors
    /// [`Stop::Unread`] if it was not read yet.
    pub fn text(&mut self, key: &str) -> Result<Option<Rc<str>>, Stop> {
        if let Some(changed) = self.changed.get(key) {
            return Ok(changed.clone());
        }
        self.need([key])?;
        Ok(self.rows.borrow().get(key).cloned().flatten())
    }

    /// Parses a row. `None`: there is no row.
    ///
    /// # Errors
    /// [`Stop::Unread`] if it was not read yet; [`crate::Code::StoreFailed`] if it is damaged or of a later version.
    pub(crate) fn read<T>(&mut self, key: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> Result<Option<T>, Stop> {
        match self.text(key)? {
            Some(text) => Ok(Some(parse(&text, read)?)),
            None => Ok(None),
        }
    }

    /// Writes a row.
    ///
    /// # Errors
    /// [`Stop::Unread`] if it was not read yet: the write depends on its old value.
    pub(crate) fn put(&mut self, key: &str, write: impl FnOnce(&mut Writer)) -> Result<(), Stop> {
        let before = self.text(key)?;
        let revision = before.as_deref().map_or(0, revision).saturating_add(1);
        self.changed.insert(key.to_owned(), Some(text_of(revision, write).into()));
        Ok(())
    }

    /// Writes a row whose key nobody else has: it depends on nothing.
    pub(crate) fn create(&mut self, key: &str, write: impl FnOnce(&mut Writer)) {
        self.changed.insert(key.to_owned(), Some(text_of(1, write).into()));
    }

    /// Writes a row that says nothing but that it is there: one of an index.
    pub(crate) fn mark(&mut self, key: String) {
        self.changed.insert(key, Some("".into()));
    }

    /// Deletes a row: one of an index, or one that was read.
    pub(crate) fn delete(&mut self, key: String) {
        self.changed.insert(key, None);
    }

    /// Writes a row as it is, with its next revision.
    fn touch(&mut self, key: &str) -> Result<(), Stop> {
        let Some(text) = self.text(key)? else { return Ok(()) };
        let revision = revision(&text);
        let (old, new) = (head(revision), head(revision.saturating_add(1)));
        if let Some(rest) = text.strip_prefix(old.as_str()) {
            self.changed.insert(key.to_owned(), Some(concat(&[&new, rest]).into()));
        }
        Ok(())
    }

    /// The rows of a range, in the order of their keys. The write does not notice rows that others add to the range. So
    /// whoever adds one must also change a row that the step reads.
    ///
    /// # Errors
    /// [`Stop::Unread`]
    pub fn list(&mut self, listing: &Listing) -> Result<Listed, Stop> {
        match self.listed.iter().find(|(listed, _)| listed == listing) {
            Some((_, rows)) => Ok(rows.clone()),
            None => {
                self.missing.listings.push(listing.clone());
                Err(Stop::Unread)
            }
        }
    }
}

fn text_of(revision: u64, write: impl FnOnce(&mut Writer)) -> String {
    write_object(|row| {
        row.number("v", Some(VERSION));
        row.number(REVISION, Some(revision));
        write(row);
    })
}

/// How every row of that revision begins.
fn head(revision: u64) -> String {
    let mut text = text_of(revision, |_| {});
    text.pop();
    text
}

fn revision(text: &str) -> u64 {
    let digits = text.split_once("\"rev\":").map_or("", |(_, rest)| rest);
    let end = digits.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Parses the text of a row.
///
/// # Errors
/// [`crate::Code::StoreFailed`] if it is damaged or of a later version. It must then never be overwritten.
pub(crate) fn parse<T>(text: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> Result<T, Error> {
    let json = Json::parse(text).map_err(|_| damaged())?;
    match json.get("v").and_then(Json::as_u64) {
        Some(VERSION) => {}
        Some(version) if version > VERSION => return Err(later_version()),
        _ => return Err(damaged()),
    }
    let mut row = Fields::new(&json);
    let value = read(&mut row);
    if row.is_damaged() {
        return Err(damaged());
    }
    Ok(value)
}

fn damaged() -> Error {
    let text =
        "a row of the store is damaged: nothing is paid and it is not overwritten; restore or move the store away";
    Error::new(Code::StoreFailed, text)
}

fn later_version() -> Error {
    Error::new(Code::StoreFailed, "a row of the store is of a later version of l402-fetch: update to use this store")
}
