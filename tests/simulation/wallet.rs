//! The wallet, with a ledger that is the truth: what reached it, what is in flight, what moved.

use l402_fetch::wire::payment_hash::PaymentHash;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Way {
    Flying,
    Moved,
}

/// One payment that the wallet has taken on.
#[derive(Clone, Hash, Debug)]
pub struct Money {
    pub url: String,
    pub amount_msat: u64,
    pub max_fee_msat: u64,
    pub fee_msat: u64,
    /// As the journal had it when the wallet was asked.
    pub started_at: u64,
    pub invoice_expires_at: u64,
    pub way: Way,
    /// When it was asked, and when it began; on the clock of timers.
    pub asked_at: u64,
    pub begun_at: u64,
    /// Whose wallet made it, where each process has one of its own.
    pub node: usize,
}

/// How a wallet behaves, whatever it says of itself.
#[derive(Clone, Copy, Default, Debug)]
pub struct Manner {
    /// It finds no payment that it has made: some search only those that came in.
    pub finds_nothing: bool,
    /// Its records show a payment so many milliseconds after it was begun, and "not found" until then.
    pub shows_after_ms: u64,
    /// Its records have lost a payment that they have shown, so many milliseconds after it was begun; 0: never.
    pub shows_until_ms: u64,
    /// So long after an error, or after it was given up, it may begin what it was asked to pay.
    pub lingers_ms: u64,
    /// Between two attempts its records say "failed"; it begins none later than it lingers from when it was asked.
    pub says_failed: bool,
    /// Its records say when an attempt was begun.
    pub dates: bool,
    /// It goes on after the signal has fired: a person may still agree.
    pub has_no_end: bool,
    /// Each process has one of its own, which knows nothing of the others'.
    pub is_own: bool,
}

#[derive(Default)]
pub struct Wallet {
    /// By payment hash. What failed is not in it.
    pub payments: RefCell<BTreeMap<PaymentHash, Money>>,
    /// When it last began each: of what failed there is a record. On the wall clock.
    pub begun: RefCell<BTreeMap<PaymentHash, u64>>,
    /// What its records have shown to be in flight.
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
