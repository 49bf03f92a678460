//! All checks that can refuse a purchase before the wallet is asked, in order. No money has moved yet.

use crate::flow::consent::consent;
use crate::flow::event::Quote;
use crate::flow::failure::Failure;
use crate::flow::host::{Host, Request};
use crate::flow::purchase::{Prepared, Purchase};
use crate::flow::recover::{recover, stands_in_the_way};
use crate::flow::reservation::{reserve, room};
use crate::flow::shared_records::lock_purchase;
use crate::flow::state::ClientState;
use crate::flow::tokens::{not_honored, not_honored_in, token_for, token_in};
use crate::ledger::begin::check_expiry;
use crate::ledger::dispatch::Dispatch;
use crate::ledger::entry::Entry;
use crate::ledger::payment::{earlier_payment_open, payment_unknown, Payment, State};
use crate::ledger::records::{Offered, Records};

/// How often a purchase settles payments that others have just begun, before it gives up.
const MOST_WAITS: u32 = 10;

/// Takes the locks of a purchase, reads the store again, settles open payments, reserves, asks the caller and writes
/// the entry.
pub(crate) async fn prepare<H: Host>(
    state: &ClientState<H>,
    purchase: &Purchase<H>,
    quote: &Quote,
    guards: &mut Vec<H::Guard>,
) -> Result<Prepared, Failure<H>> {
    let request = &*purchase.request;
    // The origin's lock comes first, then the resource's. The holder of the resource's lock knows that nobody else is
    // buying that resource, whatever others have learnt of the origin. If tokens are known not to be shared, both locks
    // are the same.
    guards.push(lock_purchase(&state.host, &purchase.key).await?);
    if purchase.resource != purchase.key {
        guards.push(lock_purchase(&state.host, &purchase.resource).await?);
    }
    purchase.locked_at.set(state.host.now());

    state.records.read_again(&state.host).await?;
    if token_for(state, request).is_none() {
        if let Some(abandoned) = recover(state, purchase).await? {
            return repeat_order(state, purchase, &abandoned).await;
        }
    }
    if let Some(token) = token_for(state, request) {
        return Ok(Prepared::Bought(token));
    }
    if let Some(failure) = not_honored(state, request) {
        return Err(failure);
    }
    if state.records.borrow().bought_with(&quote.invoice.payment_hash).is_some() {
        let mut known = None;
        state
            .records
            .change(&state.host, &mut |records| {
                known = records.known_hash(&quote.invoice.payment_hash, &offered(request, quote))?;
                Ok(())
            })
            .await?;
        if let Some(token) = known {
            return Ok(Prepared::Bought(token));
        }
    }

    let max_fee = reserve(state, purchase, quote)?;
    let is_wanted = || purchase.is_wanted(&state.host);
    let consent = if is_wanted() { consent(state, purchase, quote, max_fee).await } else { Err(Failure::Abandoned) };
    let found = match consent {
        Ok(()) if is_wanted() => journalise(state, purchase, quote, max_fee).await,
        Ok(()) => Err(Failure::Abandoned),
        Err(failure) => Err(failure),
    };
    match found {
        Ok(Prepared::Journalled(entry)) if !is_wanted() => {
            if entry.dispatch.repeats == 0 {
                take_back(state, &entry).await;
            }
            Err(Failure::Abandoned)
        }
        found => found,
    }
}

/// Writes the entry. Just before that it reads the store once more: others may have paid, bought or spent meanwhile.
/// Payments that they have begun are settled first.
async fn journalise<H: Host>(
    state: &ClientState<H>,
    purchase: &Purchase<H>,
    quote: &Quote,
    approved_fee: u64,
) -> Result<Prepared, Failure<H>> {
    for _ in 0..MOST_WAITS {
        let mut found = None;
        let mut enter = |records: &mut Records| {
            purchase.entered_at.set(state.host.now());
            found = enter(state, records, purchase, quote, approved_fee)?;
            if let Some(Prepared::Journalled(entry)) = &found {
                state.records.note_entering(entry);
            }
            Ok(())
        };
        if let Err(failure) = state.records.change(&state.host, &mut enter).await {
            if let Some(Prepared::Journalled(entry)) = found {
                take_back(state, &entry).await;
            }
            return Err(failure);
        }
        match found {
            Some(found) => return Ok(found),
            None => {
                if let Some(abandoned) = recover(state, purchase).await? {
                    return repeat_order(state, purchase, &abandoned).await;
                }
            }
        }
    }
    Err(payment_unknown("other payments for this resource keep starting").into())
}

/// Takes over an abandoned order: the same wallet gets the same invoice once more, and never a fresh one beside it. The
/// order counts already, and `approve` has consented to it. Only the limit for one payment is checked again: the
/// instance that sent the order may have had a higher one.
async fn repeat_order<H: Host>(
    state: &ClientState<H>,
    purchase: &Purchase<H>,
    abandoned: &Entry,
) -> Result<Prepared, Failure<H>> {
    let mut found = None;
    let mut repeat = |records: &mut Records| {
        purchase.entered_at.set(state.host.now());
        let known = records.journal.find_mut(&abandoned.payment.payment_hash);
        let may_be_sent = |known: &&mut Entry| {
            let most = known.payment.amount_msat.saturating_add(known.max_fee_msat);
            known.is_unsettled() && known.is_same_order(abandoned) && most <= state.config.limits.per_payment
        };
        found = known.filter(may_be_sent).map(|known| {
            let Dispatch { wallet_id, invoice, repeats, failures, .. } = std::mem::take(&mut known.dispatch);
            let repeats = repeats.saturating_add(1);
            known.dispatch = Dispatch { wallet_id, invoice, repeats, failures, ..Dispatch::default() };
            known.payment.state = State::Pending;
            Box::new(known.clone())
        });
        Ok(())
    };
    if !purchase.is_wanted(&state.host) {
        return Err(Failure::Abandoned);
    }
    state.records.change(&state.host, &mut repeat).await?;
    match found {
        Some(entry) if purchase.is_wanted(&state.host) => Ok(Prepared::Journalled(entry)),
        Some(_) => Err(Failure::Abandoned),
        None => Err(Failure::raised(earlier_payment_open(), None, Some(abandoned.payment.clone()))),
    }
}

/// Removes the entry of a payment whose wallet was not asked. A store that reported a failure may still have written
/// the entry. If the store can't be read now, the next read removes it.
async fn take_back<H: Host>(state: &ClientState<H>, entry: &Entry) {
    state.records.borrow_mut().journal.take_back(entry);
    let mut take_back = |records: &mut Records| {
        records.journal.take_back(entry);
        Ok(())
    };
    if state.records.change(&state.host, &mut take_back).await.is_err() {
        state.records.borrow_mut().withdrawn.push(entry.clone());
    }
}

/// Makes the entry, unless the store's content forbids it. `None`: another payment is open. Every check whose result
/// can change with time is made here, at the same moment as the entry: the reservation or the locks may have been lost.
fn enter<H: Host>(
    state: &ClientState<H>,
    records: &mut Records,
    purchase: &Purchase<H>,
    quote: &Quote,
    approved_fee: u64,
) -> Result<Option<Prepared>, Failure<H>> {
    let request = &*purchase.request;
    let payment_hash = quote.invoice.payment_hash;
    if let Some(token) = token_in(state, records, request, false) {
        return Ok(Some(Prepared::Bought(token)));
    }
    let now = state.host.now();
    if let Some(failure) = not_honored_in(state, records, request) {
        return Err(failure);
    }
    check_expiry(quote.invoice.expires_at, now)?;
    if let Some(token) = records.known_hash(&payment_hash, &offered(request, quote))? {
        return Ok(Some(Prepared::Bought(token)));
    }
    let max_fee_msat = room(state, records, purchase, quote)?.min(approved_fee);
    if records.journal.entries().iter().any(|entry| stands_in_the_way(state, entry, request, now)) {
        return Ok(None);
    }
    let payment = Payment {
        payment_hash,
        url: request.url.clone(),
        protocol: quote.protocol,
        amount_msat: quote.amount_msat,
        fee_msat: 0,
        state: State::Pending,
        started_at: now / 1000,
        settled_at: None,
    };
    let entry = Entry {
        payment,
        method: request.method.clone(),
        token: quote.token.clone(),
        preimage: None,
        max_fee_msat,
        started_at_ms: now,
        invoice_expires_at: quote.invoice.expires_at,
        dispatch: {
            let wallet = state.host.wallet();
            let invoice = wallet.settles_once.then(|| quote.invoice.payment_request.clone());
            let failures = records.journal.find(&payment_hash).map_or(0, |known| known.dispatch.failures);
            Dispatch { wallet_id: wallet.id, invoice, failures, ..Dispatch::default() }
        },
    };
    records.make_room(&entry, now)?;
    // Two attempts of the same moment look alike: taking back the earlier one must not remove this one.
    records.withdrawn.retain(|attempt| attempt.payment.payment_hash != payment_hash);
    records.journal.put(entry.clone());
    // From now on the entry counts. Counting the reservation too would take room from others.
    purchase.reserved_msat.set(None);
    Ok(Some(Prepared::Journalled(Box::new(entry))))
}

fn offered<'a>(request: &'a Request, quote: &'a Quote) -> Offered<'a> {
    Offered { method: &request.method, url: &request.url, token: &quote.token }
}
