//! One level of limits: those of the client, or of a scope. And what is spent in a scope without a name.

use crate::ledger::buckets::Amounts;
use crate::ledger::limits::Limits;
use crate::ledger::past::Past;
use crate::ledger::sums::Sums;
use crate::text::map::Map;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The limits of the client, or of a scope.
#[derive(Default)]
pub struct Level {
    pub(crate) limits: Limits,
    /// The name of the scope. The client has none.
    pub(crate) name: Option<String>,
    /// What is spent in a scope without a name: sums by origin, and those of all under the empty text. They are in this
    /// process alone. `None`: the store has them.
    pub(crate) memory: Option<RefCell<Map<Sums>>>,
}

/// What a purchase counts for in scopes without a name, and since when.
pub type Booked = Cell<Option<(u64, Amounts)>>;

/// The limits for a payment: first those of the client, then those of each scope that has a name, outermost first, then
/// those of each that has none.
pub type Levels = Rc<Vec<Rc<Level>>>;

impl From<Limits> for Level {
    fn from(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }
}

impl Level {
    /// The level of a scope.
    pub(crate) fn of_scope(limits: Limits, name: Option<String>) -> Self {
        let memory = if name.is_none() { Some(RefCell::default()) } else { None };
        Self { limits, name, memory }
    }
}

/// Counts a payment of an origin as it is now in all scopes without a name. `None`: it counts for nothing. What is
/// booked twice counts once. So it does not matter whether the write that it belongs to is done.
pub(crate) fn book(levels: &[Rc<Level>], booked: &Booked, origin: &str, now: Option<(u64, Amounts)>, now_ms: u64) {
    let before = booked.replace(now);
    for memory in levels.iter().filter_map(|level| level.memory.as_ref()) {
        for origin in ["", origin] {
            if let Some(sums) = memory.borrow_mut().entry(origin) {
                sums.replace(before, now, now_ms, &mut Past::default);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    use super::*;
    use crate::ledger::payment::State;
    use crate::ledger::shelf::{record, NOW, ORIGIN, URL};

    #[test]
    fn a_purchase_counts_once_however_often_it_is_booked_and_as_it_is_now() {
        let levels = [Limits::default().into(), Level::of_scope(Limits::default(), None)].map(Rc::new);
        let counted = |origin| {
            let sums = levels[1].memory.as_ref().unwrap().borrow().get(origin).cloned().unwrap_or_default();
            (sums.counted(NOW), sums.spent().total)
        };
        let (first, second) = (Booked::default(), Booked::default());
        book(&levels, &second, "https://b.example", None, NOW);
        book(&levels, &second, "https://b.example", Some(record(2, URL).entry()), NOW);
        let mut ours = record(1, URL);
        for (state, is_reserved, fee_msat, count, spent) in [
            (State::Pending, true, 0, 15_000, 0),
            (State::Pending, true, 0, 15_000, 0),
            (State::Pending, false, 0, 15_000, 10_000),
            (State::Unknown, false, 0, 15_000, 10_000),
            (State::Paid, false, 7, 10_007, 10_007),
            (State::Failed, false, 0, 0, 0),
        ] {
            (ours.payment.state, ours.is_reserved, ours.payment.fee_msat) = (state, is_reserved, fee_msat);
            book(&levels, &first, ORIGIN, Some(ours.entry()), NOW);
            assert_eq!(counted(ORIGIN), ([count, count, count, 1, 1, 1], spent), "{state:?}");
            let all = count + 15_000;
            assert_eq!(counted(""), ([all, all, all, 2, 2, 2], spent + 10_000), "{state:?}");
        }
        book(&levels, &first, ORIGIN, None, NOW);
        assert_eq!((counted(ORIGIN), counted("").0), (([0; 6], 0), [15_000, 15_000, 15_000, 1, 1, 1]));
        assert!(levels[0].memory.is_none());
    }
}
