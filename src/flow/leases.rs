//! The leases of others: a counter and a duration, never a time, so that clocks may differ.

use crate::ledger::lease::Lease;
use crate::text::map::Map;
use std::cell::RefCell;

/// For how long a lease holds. Hidden tabs wake once a minute.
pub(crate) const LEASE_MS: u64 = 150_000;
/// For how much longer the same counter must have been seen.
const MARGIN_MS: u64 = 10_000;
/// Leases that are remembered.
const MOST: usize = 1_000;

/// The leases of others, as this instance has seen them.
#[derive(Default)]
pub(crate) struct Leases(RefCell<Map<(u64, u64)>>);

impl Leases {
    /// Whether a lease has lapsed: it was seen to stand still for long enough. Each look counts.
    pub(crate) fn has_lapsed(&self, owner: &str, lease: &Lease, now_monotonic: u64) -> bool {
        let mut seen = self.0.borrow_mut();
        match seen.get(owner) {
            Some((count, since)) if *count == lease.count => {
                now_monotonic.saturating_sub(*since) > lease.lasts_ms.saturating_add(MARGIN_MS)
            }
            _ => {
                if seen.len() >= MOST {
                    seen.clear();
                }
                seen.insert(owner, (lease.count, now_monotonic));
                false
            }
        }
    }
}
