//! Old settled payments, compacted into one sum for each origin. The journal stays small, and the totals stay the same.

use crate::error::Error;
use crate::ledger::stored::stored_rows;
use crate::text::encoding::MAX_SAFE;
use crate::text::json::Json;
use crate::text::json_writer::Writer;

/// Bytes of one origin in the stored text, without its name.
const ROW_BYTES: usize = 40;

/// The sums of compacted payments.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Compacted {
    /// The time when the latest of them started, in Unix milliseconds.
    until_ms: u64,
    origins: Vec<Sum>,
}

#[derive(Clone, PartialEq, Eq)]
struct Sum {
    origin: String,
    /// Amounts and fees.
    msat: u64,
}

impl Compacted {
    pub(crate) fn is_empty(&self) -> bool {
        self.origins.is_empty()
    }

    /// Adds a paid payment.
    pub(crate) fn add(&mut self, origin: &str, msat: u64, started_at_ms: u64) {
        self.until_ms = self.until_ms.max(started_at_ms);
        match self.origins.iter_mut().find(|sum| sum.origin == origin) {
            Some(sum) => sum.msat = sum.msat.saturating_add(msat).min(MAX_SAFE),
            None => self.origins.push(Sum { origin: origin.to_owned(), msat: msat.min(MAX_SAFE) }),
        }
    }

    /// Whether a paid payment was compacted, if it started at this time and is not in the journal.
    pub(crate) fn reaches(&self, started_at_ms: u64) -> bool {
        !self.is_empty() && started_at_ms <= self.until_ms
    }

    /// The sum of one origin or of all, in millisatoshis.
    pub(crate) fn total(&self, origin: Option<&str>) -> u64 {
        let of = self.origins.iter().filter(|sum| origin.is_none_or(|origin| origin == sum.origin));
        of.fold(0, |total, sum| total.saturating_add(sum.msat))
    }

    /// About how many bytes the stored form takes.
    pub(crate) fn size(&self) -> usize {
        self.origins.iter().map(|sum| sum.origin.len().saturating_add(ROW_BYTES)).sum()
    }

    pub(crate) fn write(&self, journal: &mut Writer) {
        journal.number("foldedUntil", Some(self.until_ms));
        journal.list("folded", &self.origins, |sum, object| {
            object.text("origin", Some(&sum.origin));
            object.number("msat", Some(sum.msat));
        });
    }

    /// # Errors [`crate::error::Code::StoreFailed`] if it is damaged. Without the lost sum, limits would be exceeded.
    pub(crate) fn read(json: &Json, name: &str) -> Result<Self, Error> {
        let until_ms = json.get("foldedUntil").and_then(Json::as_u64);
        let origins =
            stored_rows(json, "folded", |fields| Sum { origin: fields.text("origin"), msat: fields.number("msat") });
        match (until_ms, origins) {
            (Some(until_ms), Ok(origins)) if !origins.is_empty() => Ok(Self { until_ms, origins }),
            _ => Err(crate::ledger::stored::damaged(name)),
        }
    }
}
