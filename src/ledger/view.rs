//! What a step sees of the store, and what it wants to change.
//!
//! Each decision about money is a step: a function of rows, an event and a time. It refuses, or it says which rows to
//! write. It does not wait and does no I/O.
//!
//! A step reads a row that is not known yet as absent, and its view notes the key. A row that can't be read is taken
//! for absent too, and its view notes the damage. So steps are plain code that runs through, and what a step comes to
//! counts only if nothing is noted. Until then its driver reads what is missing and runs it again. Then the driver
//! writes all changes at once, if every row that the step has seen is unchanged. So a step may run any number of times.
//! If an earlier run was written after all, the step finds its own mark.
//!
//! Every row is a JSON object. It begins with the version of its form and with a revision that grows at each write. So
//! a row that was changed and changed back differs from the earlier one.

use crate::error::{Code, Error};
use crate::ledger::refusal::Refusal;
use crate::ledger::sums::Sums;
use crate::text::encoding::concat;
use crate::text::json::Json;
use crate::text::map::Map;
use crate::text::members::{Members, Row};
use crate::text::scan::{cut, number, split_once};
use std::cell::RefCell;
use std::rc::Rc;

/// The version of every row's form.
const VERSION: u64 = 1;

/// Keys with the values that they have, or are to have; `None` where there is no row.
pub type Changes = Map<Option<Rc<str>>>;

/// Rows as they were last read. Absent rows are known too.
pub type Rows = Changes;

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

/// The rows that steps have seen and want changed.
#[derive(Default)]
pub struct View {
    /// As they were last read, by whatever step that was.
    rows: Rc<RefCell<Rows>>,
    /// Those that were read for this view.
    fresh: Changes,
    listed: Vec<(Listing, Rc<Vec<String>>)>,
    seen: Changes,
    changed: Changes,
    missing: Missing,
    damage: Option<Error>,
}

impl View {
    /// A view of rows that were read before.
    #[must_use]
    pub fn of(rows: Rc<RefCell<Rows>>) -> Self {
        Self { rows, ..Self::default() }
    }

    /// Takes rows for absent without reading them. Where that is wrong, the write is lost, and they are read then.
    pub fn presume_absent(&mut self, keys: &[String]) {
        let mut rows = self.rows.borrow_mut();
        keys.iter().for_each(|key| rows.insert(key, None));
    }

    /// Takes over rows that were read since, in the order of their keys.
    pub fn learn_all(&mut self, keys: &[String], values: Vec<Option<String>>) {
        for (key, value) in keys.iter().zip(values) {
            self.learn(key, value);
        }
    }

    /// Takes over a row. What others came to know of it meanwhile is kept: what was read may be older.
    pub fn learn(&mut self, key: &str, value: Option<String>) {
        let mut rows = self.rows.borrow_mut();
        if !rows.contains_key(key) {
            rows.insert(key, value.map(Rc::from));
        }
        self.fresh.insert(key, None);
    }

    /// Takes over a part that was read since.
    pub fn learn_listing(&mut self, listing: Listing, rows: Vec<(String, String)>) {
        let mut keys = Vec::new();
        for (key, value) in rows {
            // A row of an index has no value, and nobody reads it.
            if !value.is_empty() {
                self.learn(&key, Some(value));
            }
            keys.push(key);
        }
        self.listed.push((listing, Rc::new(keys)));
    }

    /// Runs a step. What it changes is left out if it is refused, or if a row that it has seen can't be read. What
    /// comes back must not be used while anything is [missing](View::missing).
    ///
    /// # Errors
    /// What the step is refused with; [`crate::Code::StoreFailed`] for a row that is damaged or of a later version.
    pub fn take<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let draft = self.changed.clone();
        let outcome = step(self);
        let outcome = match self.damage.take() {
            Some(damage) => Err(damage.into()),
            None => outcome,
        };
        if outcome.is_err() {
            self.changed = draft;
        }
        outcome
    }

    /// Prepares for another run of the steps. What the last run saw and changed is forgotten. The rows stay.
    pub fn restart(&mut self) {
        self.seen.clear();
        self.changed.clear();
        self.damage = None;
    }

    /// Whether nothing has to be read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.keys.is_empty() && self.missing.listings.is_empty()
    }

    /// Takes the list of what has to be read. It is empty afterwards.
    pub fn missing(&mut self) -> Missing {
        std::mem::take(&mut self.missing)
    }

    /// Whether everything that was seen was read for this view.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.seen.keys().all(|key| self.fresh.contains_key(key))
    }

    /// The changes to write.
    #[must_use]
    pub fn changed(&self) -> &Changes {
        &self.changed
    }

    /// Everything that was seen, with the values that were read.
    #[must_use]
    pub fn seen(&self) -> &Changes {
        &self.seen
    }

    /// Forgets what was seen: it may have changed since.
    pub fn forget(&self, rows: &mut Rows) {
        self.seen.keys().for_each(|key| rows.remove(key));
    }

    /// Remembers what was written.
    pub fn remember(&self, rows: &mut Rows) {
        for (key, value) in self.changed.iter() {
            // What nobody has read may have been changed by others since.
            match self.seen.contains_key(key) {
                true => rows.insert(key, value.clone()),
                false => rows.remove(key),
            }
        }
    }

    /// Sees to it that a write which was sent before, and depended on these sums, can't happen any more: they change
    /// now. It is the key of a row that is never deleted.
    pub fn fence(&mut self, sums: &str) {
        if self.changed.contains_key(sums) {
            return;
        }
        match self.text(sums) {
            Some(text) => match head(&text) {
                Ok((revision, rest)) => {
                    let next = concat(&[&beginning(revision), rest]);
                    self.changed.insert(sums, Some(next.into()));
                }
                Err(damage) => self.note(damage),
            },
            None => self.put(sums, &mut Sums::default()),
        }
    }

    /// The text of a row. `None`: there is no row, or it was not read yet.
    pub(crate) fn text(&mut self, key: &str) -> Option<Rc<str>> {
        if let Some(changed) = self.changed.get(key) {
            return changed.clone();
        }
        let known = self.rows.borrow().get(key).cloned();
        match known {
            Some(value) => {
                self.seen.insert(key, value.clone());
                value
            }
            None => {
                if !self.missing.keys.iter().any(|known| known == key) {
                    self.missing.keys.push(key.to_owned());
                }
                None
            }
        }
    }

    /// Reads a row. `None`: there is no row, it was not read yet, or it is damaged.
    pub(crate) fn find<R: Row + Default>(&mut self, key: &str) -> Option<R> {
        let mut row = R::default();
        match self.fill(key, &mut row) {
            true => Some(row),
            false => None,
        }
    }

    /// The same, and what an absent row says.
    pub(crate) fn read<R: Row + Default>(&mut self, key: &str) -> R {
        let mut row = R::default();
        self.fill(key, &mut row);
        row
    }

    fn fill(&mut self, key: &str, row: &mut dyn Row) -> bool {
        let Some(text) = self.text(key) else { return false };
        let read = parse(&text, row);
        let is_read = read.is_ok();
        read.unwrap_or_else(|damage| self.note(damage));
        is_read
    }

    fn note(&mut self, damage: Error) {
        self.damage.get_or_insert(damage);
    }

    /// Writes a row. The write depends on its old value.
    pub(crate) fn put(&mut self, key: &str, row: &mut dyn Row) {
        let before = self.text(key);
        match before.as_deref().map_or(Ok((0, "")), head) {
            Ok((revision, _)) => {
                let mut members = Members::write(beginning(revision));
                row.members(&mut members);
                self.changed.insert(key, Some(concat(&[&members.into_text(), "}"]).into()));
            }
            Err(damage) => self.note(damage),
        }
    }

    /// Writes rows that say nothing but that they are there: those of indexes.
    pub(crate) fn mark(&mut self, keys: &[String]) {
        keys.iter().for_each(|key| self.changed.insert(key, Some("".into())));
    }

    /// Deletes rows: those of indexes, or some that were read.
    pub(crate) fn delete(&mut self, keys: &[String]) {
        keys.iter().for_each(|key| self.changed.insert(key, None));
    }

    /// The keys of a range, in their order. The write does not notice rows that others add to the range. So whoever
    /// adds one must also change a row that the step reads.
    pub(crate) fn list(&mut self, listing: Listing) -> Rc<Vec<String>> {
        match self.listed.iter().find(|(listed, _)| *listed == listing) {
            Some((_, keys)) => Rc::clone(keys),
            None => {
                self.missing.listings.push(listing);
                Rc::default()
            }
        }
    }
}

/// How the row after this revision begins.
fn beginning(revision: u64) -> String {
    let (version, next) = (VERSION.to_string(), revision.saturating_add(1).to_string());
    concat(&["{\"v\":", &version, ",\"rev\":", &next])
}

/// The revision of a row, and what follows it.
fn head(text: &str) -> Result<(u64, &str), Error> {
    let read = || {
        let (version, rest) = split_once(text.strip_prefix("{\"v\":")?, b',')?;
        let rest = rest.strip_prefix("\"rev\":")?;
        let (revision, rest) = cut(rest, rest.bytes().position(|byte| !byte.is_ascii_digit())?);
        Some((number(version.as_bytes())?, number(revision.as_bytes())?, rest))
    };
    match read() {
        Some((VERSION, revision, rest)) => Ok((revision, rest)),
        Some((version, ..)) if version > VERSION => Err(Error::new(
            Code::StoreFailed,
            "a row of the store is of a later version of l402-fetch: update to use this store",
        )),
        _ => Err(damaged()),
    }
}

/// Parses the text of a row.
///
/// # Errors
/// [`crate::Code::StoreFailed`] if it is damaged or of a later version. It must then never be overwritten.
pub(crate) fn parse(text: &str, row: &mut dyn Row) -> Result<(), Error> {
    head(text)?;
    let json = Json::parse(text).map_err(|_| damaged())?;
    let mut members = Members::read(&json);
    row.members(&mut members);
    if members.is_damaged() {
        return Err(damaged());
    }
    Ok(())
}

fn damaged() -> Error {
    let text =
        "a row of the store is damaged: nothing is paid and it is not overwritten; restore or move the store away";
    Error::new(Code::StoreFailed, text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ledger::key::SUMS;
    use crate::ledger::shelf::Shelf;

    #[test]
    fn each_write_of_a_row_differs_from_all_earlier_ones() {
        let shelf = Shelf::default();
        let mut texts = Vec::new();
        for is_fenced in [false, false, true, true, false] {
            let write = |view: &mut View| match is_fenced {
                true => view.fence(SUMS),
                false => view.put(SUMS, &mut Sums::default()),
            };
            shelf.take(write).unwrap();
            let text = shelf.row(SUMS);
            assert!(!texts.contains(&text), "{text}");
            texts.push(text);
        }
    }
}
