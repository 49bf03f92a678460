//! All sums that one payment counts in: those of all origins, of its own origin, and of every scope. They are read and
//! written together.

use crate::error::Error;
use crate::ledger::key;
use crate::ledger::limits::{Counted, Limits};
use crate::ledger::origin_row::OriginRow;
use crate::ledger::record::{scope_paths, Record};
use crate::ledger::sums::{Amounts, Sums};
use crate::ledger::view::View;

/// The limits for a payment: first those of the client, then those of each scope, outermost first.
pub type Levels<'a> = &'a [Limits];

/// The rows of these sums.
pub(crate) struct Counts {
    origin_key: String,
    /// The whole row of the origin.
    pub(crate) origin: OriginRow,
    /// The other rows with their keys. First the client's sums of all origins. Then two rows for each scope: its sums
    /// of this origin, and those of all origins.
    sums: Vec<(String, Sums)>,
}

impl Counts {
    pub(crate) fn read(view: &mut View, origin: &str, scopes: &[String]) -> Self {
        let mut sums = Vec::new();
        let mut read = |view: &mut View, key: String| {
            let row = view.read(&key).unwrap_or_default();
            sums.push((key, row));
        };
        read(view, key::SUMS.to_owned());
        for path in scope_paths(scopes) {
            read(view, key::scope_origin(&path, origin));
            read(view, key::scope(&path));
        }
        let origin_key = key::origin(origin);
        let origin = view.read(&origin_key).unwrap_or_default();
        Self { origin_key, origin, sums }
    }

    /// Checks a payment against all levels. Returns the largest fee that all of them allow, in millisatoshis.
    ///
    /// # Errors
    /// [`crate::Code::OverLimit`], which names the limit.
    pub(crate) fn reserve(&self, levels: Levels<'_>, amount_msat: u64, now_ms: u64) -> Result<u64, Error> {
        let mut fee = u64::MAX;
        for (limits, counted) in levels.iter().zip(self.counted(now_ms)) {
            fee = fee.min(limits.reserve(amount_msat, &counted)?);
        }
        Ok(fee)
    }

    /// The sums that each level counts.
    pub(crate) fn counted(&self, now_ms: u64) -> Vec<Counted> {
        let (mut counted, mut own) = (Vec::new(), Some(&self.origin.sums));
        let mut sums = self.sums.iter().map(|(_, sums)| sums);
        while let (Some(here), Some(all)) = (own, sums.next()) {
            counted.push(Counted { all: all.counted(now_ms), own: here.counted(now_ms) });
            own = sums.next();
        }
        counted
    }

    /// Replaces what the sums count of a payment: its record before the change by the record after it. `orders` is the
    /// number of new orders.
    pub(crate) fn change(&mut self, before: Option<&Record>, after: Option<&Record>, orders: u64, now_ms: u64) {
        self.each(|sums| {
            if let Some(record) = before {
                sums.subtract(record.started_at_ms, record.amounts());
            }
            if let Some(record) = after {
                sums.add(record.started_at_ms, Amounts { orders, ..record.amounts() }, now_ms);
            }
        });
    }

    /// A time for a payment that begins now, by the sums of all.
    pub(crate) fn next_time(&mut self, now_ms: u64) -> u64 {
        self.sums.first_mut().map_or(now_ms, |(_, sums)| sums.next_time(now_ms))
    }

    /// Gives back one order that was counted at a time, and never handed to the wallet.
    pub(crate) fn take_back_order(&mut self, at_ms: u64) {
        self.each(|sums| sums.subtract(at_ms, Amounts { orders: 1, ..Amounts::default() }));
    }

    fn each(&mut self, mut change: impl FnMut(&mut Sums)) {
        self.sums.iter_mut().for_each(|(_, sums)| change(sums));
        change(&mut self.origin.sums);
    }

    pub(crate) fn write(&mut self, view: &mut View) {
        view.put(&self.origin_key, &mut self.origin);
        for (key, sums) in &mut self.sums {
            view.put(key, sums);
        }
    }
}
