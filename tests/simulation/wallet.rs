//! The wallet, with a ledger that is the truth: what reached it, what is in flight, what moved.

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
}

#[derive(Default)]
pub struct Wallet {
    /// By payment hash. What failed is not in it.
    pub payments: RefCell<BTreeMap<String, Money>>,
    /// What it has ever begun: of what failed there is a record.
    pub begun: RefCell<BTreeSet<String>>,
}

impl Wallet {
    pub fn way(&self, hash: &str) -> Option<Way> {
        self.payments.borrow().get(hash).map(|money| money.way)
    }

    pub fn money(&self, hash: &str) -> Option<Money> {
        self.payments.borrow().get(hash).cloned()
    }

    pub fn moved(&self) -> Vec<(String, Money)> {
        let payments = self.payments.borrow();
        payments
            .iter()
            .filter(|(_, money)| money.way == Way::Moved)
            .map(|(hash, money)| (hash.clone(), money.clone()))
            .collect()
    }
}
