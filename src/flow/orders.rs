//! The orders that this instance has handed to its wallet.

use crate::ledger::dispatch::Heard;
use crate::text::map::Map;
use std::cell::RefCell;

/// The state of an order of this instance.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderState {
    /// The wallet's `pay` has not settled.
    Out,
    /// `pay` has settled at this Unix time, and said this without proving the payment.
    Answered { at_ms: u64, heard: Option<Heard> },
}

/// Orders that are out, or whose outcome is open, by the purchase that they belong to.
#[derive(Default)]
pub(crate) struct Orders(RefCell<Map<Option<OrderState>>>);

impl Orders {
    /// Notes that the wallet is asked, or has answered.
    pub(crate) fn note(&self, owner: &str, state: OrderState) {
        self.0.borrow_mut().insert(owner, Some(state));
    }

    /// Forgets an order that is settled.
    pub(crate) fn forget(&self, owner: &str) {
        self.0.borrow_mut().remove(owner);
    }

    /// What has become of an order; `None` where this instance did not send it, or it is settled.
    pub(crate) fn state(&self, owner: &str) -> Option<OrderState> {
        self.0.borrow().get(owner).copied().flatten()
    }
}
