//! Earlier payments whose outcome is open. They are looked up before their resource is paid for again, and before
//! `payments()` and `spent()` answer.

use crate::error::Error;
use crate::flow::failure::Failure;
use crate::flow::host::{Host, Request, Resolution};
use crate::flow::orders::OrderState;
use crate::flow::purchase::Purchase;
use crate::flow::settle::{look_up, settle_paid, settle_unproven, wait_soon, LOOKUP_TIMEOUT_MS};
use crate::flow::shared_records::lock_purchase;
use crate::flow::state::ClientState;
use crate::flow::sync::{all, within, SetOnDrop, Task};
use crate::ledger::certainty::{prove, Owner, Verdict, LEASE_MS};
use crate::ledger::entry::Entry;
use crate::ledger::journal::Journal;
use crate::ledger::payment::earlier_payment_open;
use crate::ledger::records::{Records, Unproven};
use crate::wire::payment_hash::PaymentHash;
use std::cell::RefCell;
use std::rc::Rc;

/// How many open payments `payments()` and `spent()` look up at once, the latest first. A wallet's API takes about this
/// many requests at a time.
const MOST_LOOKUPS: usize = 100;
/// How long to wait for a resource's lock, which shows whether somebody is buying the resource.
const LOCK_MS: u64 = 1_000;

/// Whether an open payment stands in the way of this request. A payment for the same resource does. If the origin's
/// tokens are shared between resources, every payment of the origin does.
pub(crate) fn stands_in_the_way<H: Host>(state: &ClientState<H>, entry: &Entry, request: &Request, now: u64) -> bool {
    let same_resource = entry.method == request.method && entry.payment.url == request.url;
    let origin = request.origin();
    entry.is_unsettled()
        && entry.payment.url.origin() == origin
        && (same_resource || state.origins.is_shared(origin))
        && !entry.is_forgotten(now)
}

/// Settles the payments that stand in the way of a purchase, or fails if one stays open. Returns an abandoned order for
/// the same resource if that order may be repeated.
pub(crate) async fn recover<H: Host>(state: &ClientState<H>, own: &Purchase<H>) -> Result<Option<Entry>, Failure<H>> {
    let mut asked: Vec<PaymentHash> = Vec::new();
    loop {
        let now = state.host.now();
        let open = unsettled(state, |entry| stands_in_the_way(state, entry, &own.request, now));
        if let Some(entry) = open.iter().find(|entry| asked.contains(&entry.payment.payment_hash)) {
            if is_resolved(state, entry, Some(own), &earlier_payment_open()).await {
                continue;
            }
            return Err(Failure::raised(earlier_payment_open(), None, Some(entry.payment.clone())));
        }
        if open.is_empty() {
            return Ok(None);
        }
        // Others may begin payments during these lookups.
        asked.extend(open.iter().map(|entry| entry.payment.payment_hash));
        let abandoned = RefCell::new(None);
        look_up_all(state, open, Some((own, &abandoned))).await;
        if let Some(entry) = abandoned.take() {
            return Ok(Some(entry));
        }
    }
}

/// Looks up the open payments of all origins, and reads the journal. A wallet that gives no answer within 10 s changes
/// nothing.
pub(crate) async fn look_at<H: Host>(state: &ClientState<H>, read: &mut dyn FnMut(&Journal)) -> Result<(), Failure<H>> {
    let mut look = |records: &mut Records| {
        read(&records.journal);
        Ok(())
    };
    state.records.change(&state.host, &mut look).await?;
    let has_open = state.records.borrow().journal.entries().iter().any(Entry::is_unsettled);
    if !has_open || !state.host.has_lookup() {
        return Ok(());
    }
    look_all_up(state).await;
    state.records.change(&state.host, &mut look).await
}

/// Calls share the lookups that are under way, if the runtime lets one request wake another's tasks.
async fn look_all_up<H: Host>(state: &ClientState<H>) {
    let running = state.lookups.borrow().upgrade();
    if let Some(running) = running.filter(|running| !state.host.wakes_only_itself() && !running.is_set()) {
        running.wait(&state.host, LOOKUP_TIMEOUT_MS).await;
        return;
    }
    let mine = SetOnDrop::default();
    state.lookups.replace(Rc::downgrade(&mine.0));
    let mut open = unsettled(state, |_| true);
    open.drain(..open.len().saturating_sub(MOST_LOOKUPS));
    look_up_all(state, open, None).await;
}

/// Looks up all entries at the same time, so that many hanging lookups take 10 s as one does. `own` is the purchase
/// whose locks the caller holds, and the place for an order that it may repeat.
async fn look_up_all<H: Host>(
    state: &ClientState<H>,
    open: Vec<Entry>,
    own: Option<(&Purchase<H>, &RefCell<Option<Entry>>)>,
) {
    let mut lookups: Vec<Task<'_>> = Vec::new();
    for entry in open {
        lookups.push(Box::pin(look_one_up(state, entry, own)));
    }
    all(lookups).await;
}

/// Asks the wallet, and settles the entry if the answer is certain.
async fn look_one_up<H: Host>(
    state: &ClientState<H>,
    mut entry: Entry,
    own: Option<(&Purchase<H>, &RefCell<Option<Entry>>)>,
) {
    let mut owner = owner(state, &entry, own.map(|(own, _)| own));
    let started = state.host.now();
    let left = || LOOKUP_TIMEOUT_MS.saturating_sub(state.host.now().saturating_sub(started));
    let (mut guard, mut has_waited) = (None, false);
    // A purchase first waits for another purchase of this entry's resource, as it would for its own resource.
    let mut waits = own.is_some() && owner.is_none();
    loop {
        if !std::mem::take(&mut waits) {
            let patience = if own.is_some() { LOOKUP_TIMEOUT_MS } else { left() };
            match look_up(state, &entry, owner.unwrap_or(Owner::Lapsed), patience).await {
                Verdict::Paid(proof) => return drop(settle_paid(state, &entry, proof).await),
                Verdict::Failed if owner.is_some() => {
                    return drop(settle_unproven(state, &entry, Unproven::NotPaid).await);
                }
                Verdict::MayRepeat if owner.is_some() => {
                    if let Some((_, abandoned)) = own.filter(|(own, _)| own.resource == entry.resource()) {
                        abandoned.replace(Some(entry));
                    }
                    return;
                }
                // A purchase waits if the payment will be certain in a moment.
                Verdict::Open { until_ms: Some(until_ms) }
                    if own.is_some()
                        && !std::mem::replace(&mut has_waited, true)
                        && wait_soon(state, until_ms).await =>
                {
                    continue;
                }
                Verdict::Failed => {}
                Verdict::MayRepeat if own.is_some() => {}
                Verdict::MayRepeat | Verdict::Open { .. } => return,
            }
        }
        // The holder of the resource's lock knows that nobody else is buying the resource. So take it and ask again. A
        // purchase waits for the lock as long as another purchase may take. A reader of the records does not.
        let patience = if own.is_some() { state.config.payment_timeout_ms } else { left() };
        let resource = entry.resource();
        let Some(Ok(held)) = within(lock_purchase(&state.host, &resource), state.host.sleep(patience)).await else {
            return;
        };
        guard.replace(held);
        let locked_at = state.host.now();
        if state.records.read_again(&state.host).await.is_err() {
            return;
        }
        let still = state.records.borrow().journal.find(&entry.payment.payment_hash).cloned();
        match still.filter(Entry::is_unsettled) {
            Some(still) => entry = still,
            None => return,
        }
        owner = owner_here(state, &entry).or_else(|| Some(owner_since(&entry, locked_at)));
    }
}

/// Tells who may still act on an order of this instance. `None`: this instance did not send it.
fn owner_here<H: Host>(state: &ClientState<H>, entry: &Entry) -> Option<Owner> {
    let order = state.orders.state(entry)?;
    // When a request has ended, its call of the wallet is frozen too.
    let is_late = entry.age_ms(state.host.now()) > state.config.payment_timeout_ms;
    Some(match order {
        OrderState::Answered => Owner::Us,
        OrderState::Out if state.host.wakes_only_itself() && is_late => Owner::Lapsed,
        OrderState::Out => Owner::Alive,
    })
}

/// Tells who may still hand this order to the wallet. `None`: take the lock of the entry's resource to find out. `own`
/// is the purchase whose locks the caller holds.
pub(crate) fn owner<H: Host>(state: &ClientState<H>, entry: &Entry, own: Option<&Purchase<H>>) -> Option<Owner> {
    let resource = entry.resource();
    let mine = own.filter(|own| own.resource == resource);
    let is_bought = mine.is_none() && state.purchases.find(|other| other.resource == resource).is_some();
    let waits = is_bought && own.is_some() && state.host.has_lock();
    match owner_here(state, entry) {
        // That purchase is not over. It settles its order, or leaves one that can be judged.
        Some(Owner::Alive) if waits => return None,
        Some(owner) => return Some(owner),
        None => {}
    }
    if entry.dispatch.error_at_ms.is_some() {
        return Some(Owner::Lapsed);
    }
    if is_bought {
        return if waits { None } else { Some(Owner::Alive) };
    }
    if !state.host.has_store() {
        return Some(Owner::Lapsed);
    }
    let is_old = entry.age_ms(state.host.now()) > state.config.payment_timeout_ms.max(LEASE_MS);
    match mine {
        _ if !state.host.has_lock() => Some(if is_old { Owner::Lapsed } else { Owner::Alive }),
        Some(mine) => Some(owner_since(entry, mine.locked_at.get())),
        None => None,
    }
}

/// Asks `onUnknown` what became of a payment, one question at a time. Nobody is asked while an order for the payment
/// may be out. Returns whether the payment is settled afterwards.
pub(crate) async fn is_resolved<H: Host>(
    state: &ClientState<H>,
    entry: &Entry,
    own: Option<&Purchase<H>>,
    error: &Error,
) -> bool {
    if !state.host.asks_unknown() {
        return false;
    }
    let _turn = state.questions.lock(&state.host).await;
    let Some(_guard) = at_rest(state, entry, own).await else { return false };
    let still = state.records.borrow().journal.find(&entry.payment.payment_hash).cloned();
    let Some(still) = still.filter(Entry::is_unsettled) else { return true };
    match state.host.ask_unknown(&still.payment, error).await {
        Resolution::Preimage(text) => {
            if let Ok(proof) = prove(&still.payment, &text, None) {
                settle_paid(state, &still, proof).await;
            }
        }
        Resolution::Failed => drop(settle_unproven(state, &still, Unproven::NotPaid).await),
        Resolution::Wait => {}
    }
    // resolve() or a late answer may have settled it meanwhile.
    let records = state.records.borrow();
    records.journal.find(&still.payment.payment_hash).is_none_or(|known| !known.is_unsettled())
}

/// Makes sure that no order for this payment is out. `None`: one may be out. `Some`: none is out. If it contains a
/// guard, this holds as long as the guard does.
pub(crate) async fn at_rest<H: Host>(
    state: &ClientState<H>,
    entry: &Entry,
    own: Option<&Purchase<H>>,
) -> Option<Option<H::Guard>> {
    match owner(state, entry, own) {
        Some(Owner::Alive) => None,
        Some(_) => Some(None),
        None => {
            let resource = entry.resource();
            let held = within(lock_purchase(&state.host, &resource), state.host.sleep(LOCK_MS)).await?.ok()?;
            state.records.read_again(&state.host).await.ok()?;
            Some(Some(held))
        }
    }
}

fn unsettled<H: Host>(state: &ClientState<H>, which: impl Fn(&Entry) -> bool) -> Vec<Entry> {
    let records = state.records.borrow();
    records.journal.entries().iter().filter(|entry| entry.is_unsettled() && which(entry)).cloned().collect()
}

/// Tells the holder of a resource's lock who may act on an entry of that resource. Nobody else is buying the resource.
/// But if the entry is younger than the lock, the holder was frozen and has lost the lock. The new holder may be about
/// to pay.
fn owner_since(entry: &Entry, locked_at: u64) -> Owner {
    if entry.started_at_ms <= locked_at {
        Owner::Lapsed
    } else {
        Owner::Alive
    }
}
