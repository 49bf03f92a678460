//! What a step asks of the instance that runs it.

use crate::ledger::lease::Lease;
use crate::wire::payment_hash::PaymentHash;

/// What an instance knows beside the rows. A step may ask any number of times, also about rows that it has not read
/// yet: what is asked must change nothing.
pub trait Instance {
    /// Unix milliseconds.
    fn now_ms(&self) -> u64;
    /// Whether nobody stands behind a purchase any more. `None`: its lease is gone.
    fn has_lapsed(&self, owner: &str, lease: Option<&Lease>) -> bool;
    /// Whether the instance knew a token when it made a mark, by the key of its row and by its payment. It has tried
    /// the token or passed it over then.
    fn knew(&self, key: &str, payment_hash: &PaymentHash, mark: u32) -> bool;
    /// Whether this instance has bought a token, by the key of its row and by its payment.
    fn bought_here(&self, _key: &str, _payment_hash: &PaymentHash) -> bool {
        false
    }
}
