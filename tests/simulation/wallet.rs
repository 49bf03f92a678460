//! The wallet. Its ledger is the truth about the payments in flight and the payments that have moved.

use l402_fetch::wire::payment_hash::PaymentHash;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Way {
    Flying,
    Moved,
}

/// A payment that the wallet has taken on.
#[derive(Clone, Hash, Debug)]
pub struct Money {
    pub url: String,
    pub amount_msat: u64,
    pub max_fee_msat: u64,
    pub fee_msat: u64,
    /// The start time that the journal had when the wallet was asked.
    pub started_at: u64,
    pub invoice_expires_at: u64,
    pub way: Way,
    /// The times at which the wallet was asked and began, on the clock of timers.
    pub asked_at: u64,
    pub begun_at: u64,
    /// The process whose wallet made the payment, if each process has a wallet of its own.
    pub node: usize,
}

/// The true behaviour of a wallet. Its own description may differ.
#[derive(Clone, Copy, Default, Debug)]
pub struct Manner {
    /// The wallet finds none of its own payments. Some wallets search only incoming ones.
    pub finds_nothing: bool,
    /// Its records say "not found" until this number of milliseconds after a payment was begun.
    pub shows_after_ms: u64,
    /// Its records lose a payment that they have shown, this number of milliseconds after it was begun. With 0 they
    /// never do.
    pub shows_until_ms: u64,
    /// The time for which it may still begin a payment after an error, or after the caller gave up.
    pub lingers_ms: u64,
    /// Its records say "failed" between two attempts. It begins no attempt later than `lingers_ms` after the order.
    pub says_failed: bool,
    /// Its records give the time at which an attempt was begun.
    pub dates: bool,
    /// It goes on after the signal has fired, because a person may still agree.
    pub has_no_end: bool,
    /// Each process has a wallet of its own, which does not know the payments of the others.
    pub is_own: bool,
}

#[derive(Default)]
pub struct Wallet {
    /// The payments by payment hash. Failed payments are left out.
    pub payments: RefCell<BTreeMap<PaymentHash, Money>>,
    /// The time at which each payment was last begun, on the wall clock. Failed payments keep this record.
    pub begun: RefCell<BTreeMap<PaymentHash, u64>>,
    /// The payments that its records have shown to be in flight.
    pub shown: RefCell<BTreeSet<PaymentHash>>,
}

impl Wallet {
    pub fn way(&self, hash: &PaymentHash) -> Option<Way> {
        self.payments.borrow().get(hash).map(|money| money.way)
    }

    pub fn money(&self, hash: &PaymentHash) -> Option<Money> {
        self.payments.borrow().get(hash).cloned()
    }

    pub fn moved(&self) -> Vec<(PaymentHash, Money)> {
        let payments = self.payments.borrow();
        payments
            .iter()
            .filter(|(_, money)| money.way == Way::Moved)
            .map(|(hash, money)| (*hash, money.clone()))
            .collect()
    }
}
