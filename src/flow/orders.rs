//! The orders that this instance has handed to its wallet.

use crate::ledger::entry::Entry;
use crate::ledger::journal::Journal;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The state of an order of this instance.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderState {
    /// The wallet's `pay` has not settled.
    Out,
    /// `pay` has settled.
    Answered,
}

/// An order that this instance has handed to its wallet.
pub(crate) struct SentOrder {
    entry: Entry,
    state: Cell<OrderState>,
}

impl SentOrder {
    pub(crate) fn note_answer(&self) {
        self.state.set(OrderState::Answered);
    }
}

/// The orders of this instance that are out, or whose outcome is open.
#[derive(Default)]
pub(crate) struct Orders(RefCell<Vec<Rc<SentOrder>>>);

impl Orders {
    /// Notes that the wallet is about to be asked.
    pub(crate) fn send(&self, entry: &mut Entry, journal: &Journal, now_ms: u64) -> Rc<SentOrder> {
        entry.dispatch.sent_at_ms = Some(now_ms);
        let sent = Rc::new(SentOrder { entry: entry.clone(), state: Cell::new(OrderState::Out) });
        let mut orders = self.0.borrow_mut();
        // Settled orders are dropped.
        orders.retain(|order| {
            let known = journal.find(&order.entry.payment.payment_hash);
            order.state.get() == OrderState::Out
                || known.is_some_and(|known| known.is_unsettled() && known.is_same_order(&order.entry))
        });
        orders.push(Rc::clone(&sent));
        sent
    }

    /// The state of the order of an entry. `None`: this instance did not send it.
    pub(crate) fn state(&self, entry: &Entry) -> Option<OrderState> {
        let orders = self.0.borrow();
        orders.iter().find(|order| order.entry.is_same_order(entry)).map(|order| order.state.get())
    }
}
