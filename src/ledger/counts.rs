//! All sums that one payment counts in: those of all origins, of its own origin, and of every scope. They are read and
//! written together.

use crate::error::Error;
use crate::ledger::key;
use crate::ledger::limits::{Counted, Limits};
use crate::ledger::origin_row::OriginRow;
use crate::ledger::record::{scope_paths, Record};
use crate::ledger::sums::{Amounts, Sums};
use crate::ledger::view::{Stop, View};

/// The limits for a payment: first those of the client, then those of each scope, outermost first.
pub type Levels<'a> = &'a [Limits];

/// The rows of these sums.
pub(crate) struct Counts {
    origin_key: String,
    /// The whole row of the origin.
    pub(crate) origin: OriginRow,
    /// The other rows with their keys. First the client's sums of all origins. Then two rows for each scope: its sums
    /// of all origins, and those of this origin.
    sums: Vec<(String, Sums)>,
}

impl Counts {
    /// The keys of a payment's sums, in the order of [`Counts::read`].
    pub(crate) fn keys(origin: &str, scopes: &[String]) -> Vec<String> {
        let mut keys = vec![key::origin(origin), key::SUMS.to_owned()];
        for path in scope_paths(scopes) {
            keys.push(key::scope(&path));
            keys.push(key::scope_origin(&path, origin));
        }
        keys
    }

    pub(crate) fn read(view: &mut View, origin: &str, scopes: &[String]) -> Result<Self, Stop> {
        let mut keys = Self::keys(origin, scopes);
        view.need(keys.iter().map(String::as_str))?;
        let origin_key = keys.remove(0);
        let origin = view.read(&origin_key, OriginRow::read)?.unwrap_or_default();
        let mut sums = Vec::with_capacity(keys.len());
        for key in keys {
            let read = view.read(&key, Sums::read)?.unwrap_or_default();
            sums.push((key, read));
        }
        Ok(Self { origin_key, origin, sums })
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
        let mut sums = self.sums.iter().map(|(_, sums)| sums);
        let of = |all: &Sums, own: &Sums| Counted { all: all.counted(now_ms), own: own.counted(now_ms) };
        let mut counted: Vec<Counted> = sums.next().map(|all| of(all, &self.origin.sums)).into_iter().collect();
        while let (Some(all), Some(own)) = (sums.next(), sums.next()) {
            counted.push(of(all, own));
        }
        counted
    }

    /// Replaces what the sums count of a payment: its record before the change by the record after it. `orders` is the
    /// number of new orders.
    pub(crate) fn change(&mut self, before: Option<&Record>, after: Option<&Record>, orders: u64, now_ms: u64) {
        let all = self.sums.iter_mut().map(|(_, sums)| sums).chain([&mut self.origin.sums]);
        for sums in all {
            if let Some(record) = before {
                sums.subtract(record.started_at_ms, record.amounts());
            }
            if let Some(record) = after {
                sums.add(record.started_at_ms, Amounts { orders, ..record.amounts() }, now_ms);
            }
        }
    }

    /// A time for a payment that begins now, by the sums of all.
    pub(crate) fn next_time(&mut self, now_ms: u64) -> u64 {
        self.sums.first_mut().map_or(now_ms, |(_, sums)| sums.next_time(now_ms))
    }

    /// Gives back one order that was counted at a time, and never handed to the wallet.
    pub(crate) fn take_back_order(&mut self, at_ms: u64) {
        let order = Amounts { orders: 1, ..Amounts::default() };
        self.sums
            .iter_mut()
            .map(|(_, sums)| sums)
            .chain([&mut self.origin.sums])
            .for_each(|sums| sums.subtract(at_ms, order));
    }

    pub(crate) fn write(&self, view: &mut View) -> Result<(), Stop> {
        view.put(&self.origin_key, |row| self.origin.write(row))?;
        for (key, sums) in &self.sums {
            view.put(key, |row| sums.write(row))?;
        }
        Ok(())
    }
}
