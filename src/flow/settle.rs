//! Asks the wallet what became of a payment, and records it.

use crate::flow::event::Event;
use crate::flow::failure::Failure;
use crate::flow::host::Host;
use crate::flow::state::ClientState;
use crate::flow::sync::within;
use crate::ledger::certainty::{judge, Owner, Proof, Verdict};
use crate::ledger::dispatch::Heard;
use crate::ledger::entry::Entry;
use crate::ledger::habits::{FOUND, PENDING};
use crate::ledger::payment::Payment;
use crate::ledger::records::{Records, Unproven};
use crate::ledger::token::Token;
use crate::ledger::wallet::Fact;
use std::rc::Rc;

/// A lookup that takes longer counts as no answer.
pub(crate) const LOOKUP_TIMEOUT_MS: u64 = 10_000;
/// If a payment will be certain within this time, a lookup waits and is made once more.
const SOON_MS: u64 = 3_000;
/// A timer may fire this many milliseconds too early.
const EARLY_MS: u64 = 10;

/// Records a proof. Token and journal are stored before anything else happens. If the store fails, memory keeps them.
pub(crate) async fn settle_paid<H: Host>(state: &ClientState<H>, entry: &Entry, proof: Proof) -> Rc<Token> {
    let enter = |records: &mut Records| records.record_proof(entry, &proof, state.host.now());
    let ((token, is_news), lost) = state.records.change_or_keep(&state.host, enter).await;
    if let Some(Failure::Raised(lost)) = lost {
        state.host.tell(&Event::Failed { payment: &token.payment, error: &lost.error });
    }
    if is_news {
        state.host.tell(&Event::Paid(&token.payment));
    }
    token
}

/// Records that an order ended without a proof. If nothing was paid, the amount is free again. If the payment is proven
/// already, it stays so, and its token is returned. Otherwise the payment after this is returned.
pub(crate) async fn settle_unproven<H: Host>(
    state: &ClientState<H>,
    entry: &Entry,
    unproven: Unproven,
) -> Result<Rc<Token>, Box<Payment>> {
    let enter = |records: &mut Records| records.record_unproven(entry, unproven, state.host.now());
    state.records.change_or_keep(&state.host, enter).await.0
}

/// Asks the wallet what became of a payment, and judges its report.
pub(crate) async fn look_up<H: Host>(state: &ClientState<H>, entry: &Entry, owner: Owner, patience_ms: u64) -> Verdict {
    let asked_at = state.host.now();
    let asked = within(state.host.lookup(&entry.payment.payment_hash), state.host.sleep(patience_ms)).await;
    let fact = asked.unwrap_or(Fact::Unreachable);
    let mut wallet = state.host.wallet();
    let verdict = {
        let records = state.records.borrow();
        let stored = wallet.id.as_ref().map_or(0, |id| records.journal.habits.seen(id));
        wallet.finds |= stored | state.habits.get() == FOUND | PENDING;
        let known = records.journal.find(&entry.payment.payment_hash).filter(|known| known.is_same_order(entry));
        judge(&fact, owner, known.unwrap_or(entry), &wallet, state.config.payment_timeout_ms, asked_at)
    };
    let seen = match (&fact, &verdict) {
        (_, Verdict::Paid(_)) => FOUND,
        (Fact::Pending, _) => PENDING,
        _ => 0,
    };
    let is_ours = owner == Owner::Us || (wallet.id.is_some() && wallet.id == entry.dispatch.wallet_id);
    if seen > 0 && is_ours {
        note_seen(state, entry, wallet.id.filter(|_| !wallet.finds), seen).await;
    }
    verdict
}

/// Notes what the wallet is able to report, and that it has this payment, if that is news.
async fn note_seen<H: Host>(state: &ClientState<H>, entry: &Entry, id: Option<String>, seen: u64) {
    state.habits.set(state.habits.get() | seen);
    let is_news = |records: &Records| {
        let known = records.journal.find(&entry.payment.payment_hash);
        let is_had = seen == PENDING
            && known.is_some_and(|known| known.is_same_order(entry) && known.dispatch.heard != Some(Heard::HasPayment));
        (is_had, id.as_ref().is_some_and(|id| records.journal.habits.seen(id) & seen == 0))
    };
    if is_news(&state.records.borrow()) == (false, false) {
        return;
    }
    let note = |records: &mut Records| {
        let (is_had, is_habit) = is_news(records);
        if let Some(known) = records.journal.find_mut(&entry.payment.payment_hash).filter(|_| is_had) {
            known.dispatch.heard = Some(Heard::HasPayment);
        }
        if let Some(id) = id.as_ref().filter(|_| is_habit) {
            records.journal.habits.note(id, seen);
        }
    };
    state.records.change_or_keep(&state.host, note).await;
}

/// Waits until a payment will be certain, if that is soon. Returns false if it takes longer.
pub(crate) async fn wait_soon<H: Host>(state: &ClientState<H>, until_ms: u64) -> bool {
    let left_ms = until_ms.saturating_sub(state.host.now());
    if left_ms > SOON_MS {
        return false;
    }
    state.host.sleep(left_ms.saturating_add(EARLY_MS)).await;
    true
}
