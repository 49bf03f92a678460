//! The row that tells that somebody stands behind an open payment.

use crate::ledger::certainty::LEASE_MS;
use crate::ledger::key;
use crate::ledger::view::{parse, View};
use crate::text::members::{Members, Row};

/// A counter that whoever stands behind a payment counts up.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Lease {
    /// It never goes back, so that a lease that was granted anew differs from one that stood still.
    pub count: u64,
    /// It has lapsed once its count has stood still for so many milliseconds.
    pub lasts_ms: u64,
}

impl Row for Lease {
    fn members(&mut self, row: &mut Members<'_>) {
        row.number("count", &mut self.count);
        row.number("lastsMs", &mut self.lasts_ms);
    }
}

/// The lease of a purchase, as others see it. One that is damaged stands still.
pub(crate) fn lease_of(view: &mut View, owner: &str) -> Option<Lease> {
    let text = view.text(&key::lease(owner))?;
    let mut lease = Lease::default();
    match parse(&text, &mut lease) {
        Ok(()) => Some(lease),
        Err(_) => Some(Lease { count: 0, lasts_ms: LEASE_MS }),
    }
}

/// Writes a lease.
pub(crate) fn grant(view: &mut View, owner: &str, lasts_ms: u64) {
    let key = key::lease(owner);
    let mut lease: Lease = view.read(&key);
    lease = Lease { count: lease.count.saturating_add(1), lasts_ms };
    view.put(&key, &mut lease);
}

/// Counts a lease up, where it is still there.
pub fn renew_lease(view: &mut View, owner: &str) {
    let lease: Option<Lease> = view.find(&key::lease(owner));
    if let Some(lease) = lease {
        grant(view, owner, lease.lasts_ms);
    }
}
