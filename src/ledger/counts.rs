//! All sums that one payment counts in: those of all origins, of its own origin, and of every scope. They are read and
//! written together.

use crate::error::Error;
use crate::ledger::key;
use crate::ledger::level::{Booked, Level};
use crate::ledger::limits::{Remaining, Spent};
use crate::ledger::origin_row::OriginRow;
use crate::ledger::past::Past;
use crate::ledger::payment::Payment;
use crate::ledger::record::{scope_paths, Record};
use crate::ledger::sums::{Load, Sums};
use crate::ledger::view::View;
use crate::text::encoding::concat;
use std::rc::Rc;

/// The rows of these sums.
pub(crate) struct Counts {
    origin_key: String,
    /// The whole row of the origin.
    pub(crate) origin: OriginRow,
    /// The other rows with their keys. First the client's sums of all origins. Then two rows for each scope: its sums
    /// of this origin, and those of all origins. They have no key if the scope has no name.
    sums: Vec<(String, Sums)>,
}

impl Counts {
    /// All windows end at a time. Of `levels` only those are read here that are not in the store. What was `booked`
    /// there does not count.
    pub(crate) fn read(
        view: &mut View,
        origin: &str,
        scopes: &[String],
        levels: &[Rc<Level>],
        booked: &Booked,
        now_ms: u64,
    ) -> Self {
        let mut sums = Vec::new();
        let mut read = |view: &mut View, key: String| {
            let row = view.read(&key);
            sums.push((key, row));
        };
        read(view, key::SUMS.to_owned());
        for path in &scope_paths(scopes) {
            read(view, key::scope_origin(path, origin));
            read(view, key::scope(path));
        }
        for memory in levels.iter().filter_map(|level| level.memory.as_ref()) {
            for origin in [origin, ""] {
                let mut copy = memory.borrow().get(origin).cloned().unwrap_or_default();
                copy.replace(booked.get(), None, now_ms, &mut Past::default);
                sums.push((String::new(), copy));
            }
        }
        let origin_key = key::origin(origin);
        let origin = view.read(&origin_key);
        let mut counts = Self { origin_key, origin, sums };
        counts.each(view, &mut |sums, load| sums.roll(now_ms, load));
        counts
    }

    /// The sums that a payment counts in. Scopes without a name have theirs booked apart.
    pub(crate) fn of(view: &mut View, record: &Record, now_ms: u64) -> Self {
        let Payment { url, scopes, .. } = &record.payment;
        Self::read(view, url.origin(), scopes, &[], &Booked::default(), now_ms)
    }

    /// Does the same to all sums. It may read their past.
    fn each(&mut self, view: &mut View, task: &mut dyn FnMut(&mut Sums, Load<'_>)) {
        let own = (&self.origin_key, &mut self.origin.sums);
        for (key, sums) in self.sums.iter_mut().map(|(key, sums)| (&*key, sums)).chain([own]) {
            task(sums, &mut || if key.is_empty() { Past::default() } else { view.read(&key::past(key)) });
        }
    }

    /// Checks a payment against all levels. Returns the largest fee that all of them allow, in millisatoshis.
    ///
    /// # Errors
    /// [`crate::Code::OverLimit`], which names the limit.
    pub(crate) fn reserve(
        &mut self,
        view: &mut View,
        levels: &[Rc<Level>],
        amount_msat: u64,
        now_ms: u64,
    ) -> Result<u64, Error> {
        self.check(levels, amount_msat, now_ms).or_else(|_| {
            // The error says when the next payment may be made, and that takes the past.
            self.each(view, &mut Sums::load);
            self.check(levels, amount_msat, now_ms)
        })
    }

    fn check(&self, levels: &[Rc<Level>], amount_msat: u64, now_ms: u64) -> Result<u64, Error> {
        let mut fee = u64::MAX;
        for (level, (all, own)) in levels.iter().zip(&self.of_levels()) {
            let place = match (&level.name, &level.memory) {
                (Some(name), _) => concat(&[" in the scope ", name]),
                (None, Some(_)) => " in a scope without a name".to_owned(),
                (None, None) => String::new(),
            };
            fee = fee.min(level.limits.reserve(amount_msat, all, own, &place, now_ms)?);
        }
        Ok(fee)
    }

    /// What was spent in the level of a number. `at_origin`: at this origin.
    pub(crate) fn spent(&self, level: usize, at_origin: bool) -> Spent {
        match self.of_levels().get(level) {
            Some((all, own)) => if at_origin { own } else { all }.spent(),
            None => Spent::default(),
        }
    }

    /// What all levels leave. `with_origin`: under the limits of this origin too.
    pub(crate) fn remaining(&self, levels: &[Rc<Level>], with_origin: bool, now_ms: u64) -> Remaining {
        let mut remaining = Remaining::default();
        for (level, (all, own)) in levels.iter().zip(&self.of_levels()) {
            let own = if with_origin { Some(*own) } else { None };
            level.limits.narrow(&mut remaining, all, own, now_ms);
        }
        remaining
    }

    /// The sums that each level counts: those of all origins, and those of this one.
    fn of_levels(&self) -> Vec<(&Sums, &Sums)> {
        let (mut levels, mut own) = (Vec::new(), Some(&self.origin.sums));
        let mut sums = self.sums.iter().map(|(_, sums)| sums);
        while let (Some(here), Some(all)) = (own, sums.next()) {
            levels.push((all, here));
            own = sums.next();
        }
        levels
    }

    /// Replaces what the sums count of a payment: its record before the change by the record after it.
    pub(crate) fn change(&mut self, view: &mut View, before: Option<&Record>, after: Option<&Record>, now_ms: u64) {
        let (before, after) = (before.map(Record::entry), after.map(Record::entry));
        self.each(view, &mut |sums, load| sums.replace(before, after, now_ms, load));
    }

    /// A time for a payment that begins now, by the sums of all.
    pub(crate) fn next_time(&mut self, now_ms: u64) -> u64 {
        self.sums.first_mut().map_or(now_ms, |(_, sums)| sums.next_time(now_ms))
    }

    pub(crate) fn write(&mut self, view: &mut View) {
        view.put(&self.origin_key, &mut self.origin);
        put_past(view, &self.origin_key, &mut self.origin.sums);
        for (key, sums) in self.sums.iter_mut().filter(|(key, _)| !key.is_empty()) {
            view.put(key, sums);
            put_past(view, key, sums);
        }
    }
}

fn put_past(view: &mut View, key: &str, sums: &mut Sums) {
    if let Some(past) = sums.changed_past() {
        view.put(&key::past(key), past);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ledger::begin::begin;
    use crate::ledger::level::book;
    use crate::ledger::limits::{Limits, Windows};
    use crate::ledger::shelf::{draft, Here, Shelf, NOW, ORIGIN, URL};

    fn total(msat: u64) -> Limits {
        let all = Windows { total: Some(msat), ..Windows::default() };
        Limits { per_payment: 100_000, all, ..Limits::default() }
    }

    /// What is left at the origin, by the counts of a scope with a name and of one without.
    fn left(shelf: &Shelf, levels: &[Rc<Level>], scopes: &[String], beside: Option<&Record>, booked: &Booked) -> u64 {
        shelf
            .take(|view| {
                let mut counts = Counts::read(view, ORIGIN, scopes, levels, booked, NOW);
                counts.change(view, beside, None, NOW);
                counts.remaining(levels, true, NOW).payment
            })
            .unwrap()
    }

    #[test]
    fn what_remains_is_the_least_of_all_levels_beside_ones_own() {
        let shelf = Shelf::default();
        let scopes = ["a".to_owned()];
        let own = shelf.begin(1, URL, &scopes);
        for sums in [[50_000, 40_000, 60_000], [40_000, 50_000, 60_000], [60_000, 60_000, 40_000]] {
            let [client, named, nameless] = sums.map(total);
            let nameless = Level::of_scope(nameless, None);
            let levels = [client.into(), Level::of_scope(named, Some("a".to_owned())), nameless].map(Rc::new);
            book(&levels, &Booked::default(), ORIGIN, Some(own.entry()), NOW);
            let (none, booked) = (Booked::default(), Booked::new(Some(own.entry())));
            assert_eq!(left(&shelf, &levels, &scopes, None, &none), 25_000, "10 and a fee of 5 are counted");
            assert_eq!(left(&shelf, &levels, &scopes, Some(&own), &none), 40_000, "beside one's own");
            let beside = if sums[2] == 40_000 { 40_000 } else { 25_000 };
            assert_eq!(left(&shelf, &levels, &scopes, None, &booked), beside, "beside what is booked in memory alone");
        }
        let of_level = |place, at_origin| {
            shelf
                .take(|view| Counts::read(view, ORIGIN, &scopes, &[], &Booked::default(), NOW).spent(place, at_origin))
                .unwrap()
        };
        assert_eq!([of_level(0, true), of_level(1, false), of_level(1, true)].map(|spent| spent.total), [10_000; 3]);
        assert_eq!(of_level(2, true), Spent::default());
    }

    #[test]
    fn a_refusal_names_the_scope_and_what_is_in_memory_is_never_written() {
        let shelf = Shelf::default();
        let mut order = draft(1, URL, &["a".to_owned()]);
        for (sums, place) in [
            ([9_999, 10_000, 10_000], ""),
            ([10_000, 9_999, 10_000], " in the scope a"),
            ([10_000, 10_000, 9_999], " in a scope without a name"),
        ] {
            let [client, named, nameless] = sums.map(total);
            let of_scope = |limits, name: Option<&str>| Level::of_scope(limits, name.map(str::to_owned));
            let levels = [client.into(), of_scope(named, Some("a")), of_scope(nameless, None)];
            order.levels = Rc::new(levels.map(Rc::new).into());
            let refused = shelf.attempt(|view| begin(view, &order, &Here::default())).err().unwrap();
            let text = [
                "paying 10 sat would exceed limits.total of 9.999 sat",
                place,
                ": 0 are spent or reserved, 9.999 are left",
            ];
            assert_eq!(refused.error.message(), text.concat());
        }
        assert!(shelf.rows.borrow().is_empty());
    }
}
