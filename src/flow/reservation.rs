//! The reservation of a purchase: it holds against the limits until the payment is written down.

use crate::error::Error;
use crate::flow::event::Quote;
use crate::flow::host::Host;
use crate::flow::purchase::Purchase;
use crate::flow::state::ClientState;
use crate::ledger::limits::Counted;
use crate::ledger::records::Records;

/// Reserves amount and fee, and returns the fee that the payment may cost. A frozen purchase loses its reservation. If
/// it thaws, everything is checked once more before its entry is made.
pub(crate) fn reserve<H: Host>(state: &ClientState<H>, purchase: &Purchase<H>, quote: &Quote) -> Result<u64, Error> {
    state.purchases.release_frozen(&state.host);
    let max_fee = room(state, &state.records.borrow(), purchase, quote)?;
    purchase.reserved_msat.set(Some(quote.amount_msat.saturating_add(max_fee)));
    Ok(max_fee)
}

/// The largest fee that the limits allow for this payment, in millisatoshis.
pub(crate) fn room<H: Host>(
    state: &ClientState<H>,
    records: &Records,
    own: &Purchase<H>,
    quote: &Quote,
) -> Result<u64, Error> {
    state.config.limits.reserve(quote.amount_msat, &counted(state, records, own, quote))
}

/// The sums that the limits count, with all reservations except the purchase's own.
pub(crate) fn counted<H: Host>(state: &ClientState<H>, records: &Records, own: &Purchase<H>, quote: &Quote) -> Counted {
    let mut counted = records.journal.counted(quote.url.origin(), state.host.now());
    state.purchases.add_reserved(&mut counted, own, quote.url.origin());
    counted
}
