//! What each wallet has reported of its payments. If a wallet has never found one, its `not found` proves nothing.

use crate::error::Error;
use crate::ledger::stored::stored_rows;
use crate::text::json::Json;
use crate::text::json_writer::Writer;

/// How many wallets are remembered. If there are more, the first one is forgotten.
const MOST: usize = 20;
/// The name of the list in the stored form.
const ROWS: &str = "wallets";

/// It found a payment that it had made.
pub(crate) const FOUND: u64 = 1;
/// It reported a payment as pending.
pub(crate) const PENDING: u64 = 2;

/// What each wallet has reported, by its id.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Habits(Vec<(String, u64)>);

impl Habits {
    /// What a wallet has reported: [`FOUND`] and [`PENDING`], or 0.
    pub(crate) fn seen(&self, id: &str) -> u64 {
        self.0.iter().find(|(known, _)| known == id).map_or(0, |(_, seen)| *seen)
    }

    pub(crate) fn note(&mut self, id: &str, seen: u64) {
        match self.0.iter_mut().find(|(known, _)| known == id) {
            Some((_, known)) => *known |= seen,
            None => {
                if self.0.len() >= MOST {
                    self.0.remove(0);
                }
                self.0.push((id.to_owned(), seen));
            }
        }
    }

    /// Adds what another reading knows.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (id, seen) in &other.0 {
            self.note(id, *seen);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn write(&self, text: &mut Writer) {
        text.list(ROWS, &self.0, |(id, seen), object| {
            object.text("id", Some(id));
            object.number("seen", Some(*seen));
        });
    }

    /// Reads the list. It may be absent.
    ///
    /// # Errors
    /// [`crate::error::Code::StoreFailed`] if it is damaged.
    pub(crate) fn read(json: &Json) -> Result<Self, Error> {
        match json.get(ROWS) {
            Some(_) => stored_rows(json, ROWS, |fields| (fields.text("id"), fields.number("seen"))).map(Self),
            None => Ok(Self::default()),
        }
    }
}
