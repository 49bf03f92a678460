//! What a step sees of the store, and what it wants changed.
//!
//! Each decision about money is a step: a function of the rows that it reads, an event and a time, which either names
//! the rows that it still misses, or refuses, or says which rows to write. It waits for nothing and asks nobody.
//! Whoever runs it reads what is missing and runs it anew, then writes all changes at once, on the condition that every
//! row that it has seen is still the same. So a step may be run any number of times, and finds its own mark where an
//! earlier run was written after all.
//!
//! Every row is a JSON object that begins with the version of its form and a revision, which grows with each write: a
//! row that was changed and changed back is not the same.

use crate::error::{Code, Error};
use crate::ledger::refusal::Refusal;
use crate::text::encoding::concat;
use crate::text::json::Json;
use crate::text::json_fields::Fields;
use crate::text::json_writer::{write_object, Writer};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The version of every row's form.
const VERSION: u64 = 1;
const REVISION: &str = "rev";

/// Keys with the values that they have, or are to have; `None` where there is no row.
pub type Values<'a> = Vec<(&'a str, Option<&'a str>)>;

/// Rows as they were last read: absent ones too.
#[derive(Clone, Default)]
pub struct Rows(BTreeMap<String, Option<Rc<str>>>);

/// Which part of the store's keys, in their order, is read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Listing {
    /// What the keys begin with.
    pub prefix: String,
    /// The key behind which it begins, in the direction of reading.
    pub after: Option<String>,
    /// How many rows at most.
    pub limit: usize,
    /// Whether it is read backwards.
    pub reverse: bool,
}

/// What a step still has to read.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Missing {
    /// These rows.
    pub keys: Vec<String>,
    /// And these parts.
    pub listings: Vec<Listing>,
}

/// Why a step came to no end.
#[derive(Debug)]
pub enum Stop {
    /// What [`View::missing`] names has to be read first.
    Unread,
    /// It must not be done.
    Refused(Refusal),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Refused(error.into())
    }
}

/// The rows that a step has seen and wants changed.
#[derive(Default)]
pub struct View {
    rows: Rows,
    listed: BTreeMap<Listing, Vec<(String, Rc<str>)>>,
    seen: BTreeSet<String>,
    changed: BTreeMap<String, Option<Rc<str>>>,
    missing: Missing,
}

impl Rows {
    /// The value of a key: `None` where it was not read.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Option<Rc<str>>> {
        self.0.get(key)
    }

    /// Notes what a row is.
    pub fn put(&mut self, key: String, value: Option<Rc<str>>) {
        self.0.insert(key, value);
    }

    /// Forgets what a row was.
    pub fn forget(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// How many rows are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl View {
    /// A view of rows that were read before.
    #[must_use]
    pub fn of(rows: Rows) -> Self {
        Self { rows, ..Self::default() }
    }

    /// Takes over what was read since.
    pub fn learn(&mut self, key: String, value: Option<Rc<str>>) {
        self.rows.put(key, value);
    }

    /// Takes over a part that was read since.
    pub fn learn_listing(&mut self, listing: Listing, rows: Vec<(String, Rc<str>)>) {
        self.listed.insert(listing, rows);
    }

    /// Begins the step anew: what an earlier run saw and changed is forgotten, and what was read is kept.
    pub fn restart(&mut self) {
        self.seen.clear();
        self.changed.clear();
    }

    /// What has to be read; it is forgotten here.
    pub fn missing(&mut self) -> Missing {
        std::mem::take(&mut self.missing)
    }

    /// What to write: the changes, and the rows that they depend on as they were read.
    #[must_use]
    pub fn writes(&self) -> (Values<'_>, Values<'_>) {
        let changes = self.changed.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
        let seen = |key: &String| Some((self.rows.0.get_key_value(key)?.0.as_str(), self.rows.get(key)?.as_deref()));
        (changes, self.seen.iter().filter_map(seen).collect())
    }

    /// Whether nothing is to be written.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.changed.is_empty()
    }

    /// Names every row that a step will read, so that they are read at once.
    ///
    /// # Errors
    /// [`Stop::Unread`]
    pub fn need<'k>(&mut self, keys: impl IntoIterator<Item = &'k str>) -> Result<(), Stop> {
        for key in keys {
            if !self.changed.contains_key(key) {
                if self.rows.get(key).is_none() && !self.missing.keys.iter().any(|known| known == key) {
                    self.missing.keys.push(key.to_owned());
                }
                self.seen.insert(key.to_owned());
            }
        }
        if self.missing.keys.is_empty() {
            Ok(())
        } else {
            Err(Stop::Unread)
        }
    }

    /// The text of a row; `None` where there is none.
    ///
    /// # Errors
    /// [`Stop::Unread`]
    pub fn text(&mut self, key: &str) -> Result<Option<Rc<str>>, Stop> {
        if let Some(changed) = self.changed.get(key) {
            return Ok(changed.clone());
        }
        self.need([key])?;
        Ok(self.rows.get(key).cloned().flatten())
    }

    /// Reads a row; `None` where there is none.
    ///
    /// # Errors
    /// [`Stop::Unread`]; [`crate::Code::StoreFailed`] where the row is damaged or of a later version.
    pub(crate) fn read<T>(&mut self, key: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> Result<Option<T>, Stop> {
        match self.text(key)? {
            Some(text) => Ok(Some(parse(&text, read)?)),
            None => Ok(None),
        }
    }

    /// Writes a row.
    ///
    /// # Errors
    /// [`Stop::Unread`] where it was not read before: what is written must depend on it.
    pub(crate) fn put(&mut self, key: &str, write: impl FnOnce(&mut Writer)) -> Result<(), Stop> {
        let before = self.text(key)?;
        let revision = before.as_deref().map_or(0, revision).saturating_add(1);
        let text = write_object(|row| {
            row.number("v", Some(VERSION));
            row.number(REVISION, Some(revision));
            write(row);
        });
        self.changed.insert(key.to_owned(), Some(text.into()));
        Ok(())
    }

    /// Writes a row that says nothing but that it is there: one of an index.
    pub(crate) fn mark(&mut self, key: String) {
        self.changed.insert(key, Some("".into()));
    }

    /// Takes a row away, one of an index or one that was read.
    pub(crate) fn delete(&mut self, key: String) {
        self.changed.insert(key, None);
    }

    /// Writes a row as it is, with its next revision: a write that was sent before and depends on it can't happen any
    /// more.
    ///
    /// # Errors
    /// [`Stop::Unread`]
    pub fn fence(&mut self, key: &str) -> Result<(), Stop> {
        let Some(text) = self.text(key)? else { return Ok(()) };
        let revision = revision(&text);
        let (old, new) = (head(revision), head(revision.saturating_add(1)));
        if let Some(rest) = text.strip_prefix(old.as_str()) {
            self.changed.insert(key.to_owned(), Some(concat(&[&new, rest]).into()));
        }
        Ok(())
    }

    /// Rows by their keys' order. What others add meanwhile is not noticed: it must change a row that is read as well.
    ///
    /// # Errors
    /// [`Stop::Unread`]
    pub fn list(&mut self, listing: &Listing) -> Result<Vec<(String, Rc<str>)>, Stop> {
        match self.listed.get(listing) {
            Some(rows) => Ok(rows.clone()),
            None => {
                self.missing.listings.push(listing.clone());
                Err(Stop::Unread)
            }
        }
    }
}

/// How every row of that revision begins.
fn head(revision: u64) -> String {
    let mut text = write_object(|row| {
        row.number("v", Some(VERSION));
        row.number(REVISION, Some(revision));
    });
    text.pop();
    text
}

fn revision(text: &str) -> u64 {
    let digits = text.split_once("\"rev\":").map_or("", |(_, rest)| rest);
    let end = digits.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Reads the text of a row.
///
/// # Errors
/// [`crate::Code::StoreFailed`] where it is damaged or of a later version: it must then never be overwritten.
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
