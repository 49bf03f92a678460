//! All checks that can refuse a purchase before the wallet is asked, in order. No money has moved yet.

use crate::error::{Code, Error};
use crate::flow::consent::consent;
use crate::flow::driver::{came_to_nothing, owe, take, unheard};
use crate::flow::event::Quote;
use crate::flow::failure::Failure;
use crate::flow::host::Host;
use crate::flow::lease::renew;
use crate::flow::leases::LEASE_MS;
use crate::flow::purchase::{Prepared, Purchase};
use crate::flow::recover::{recover, Recovered};
use crate::flow::state::ClientState;
use crate::flow::sync::{within, Task};
use crate::flow::tokens::{learn, token_for};
use crate::ledger::begin::{Begun, Draft};
use crate::ledger::dispatch::Dispatch;
use crate::ledger::limits::usual_fee;
use crate::ledger::payment::{earlier_payment_open, payment_unknown, Payment};
use crate::ledger::record::Record;
use crate::ledger::step::{Decision, Step};
use crate::wire::payment_hash::PaymentHash;
use std::rc::Rc;

/// How often a purchase that is about to begin waits for one that others began.
const MOST_WAITS: u32 = 20;
/// The first pause while another instance is about to show a proof; each further one is twice as long.
const FIRST_PAUSE_MS: u64 = 100;
const LONGEST_PAUSE_MS: u64 = 10_000;

/// Reserves, asks the caller, and writes down that the wallet is asked. What is open is settled first.
pub(crate) async fn prepare<H: Host>(
    state: &Rc<ClientState<H>>,
    purchase: &Rc<Purchase<H>>,
    quote: &Rc<Quote>,
) -> Result<Prepared, Failure<H>> {
    let is_asked_about = |fee_msat: u64| quote.amount_msat.saturating_add(fee_msat) > state.config.approve_above_msat;
    let asks = purchase.scope.asks() && is_asked_about(usual_fee(quote.amount_msat));
    let mut prepared = enter(state, purchase, quote, asks, None).await;
    let mut is_begun = false;
    if let Ok(Prepared::Entered(begun)) = &prepared {
        // An order that is taken up was consented to, and others count on it.
        is_begun = begun.dispatch.repeats == 0;
        if asks && is_begun {
            let max_fee_msat = begun.max_fee_msat;
            let mut consented = Some(Ok(()));
            if is_asked_about(max_fee_msat) {
                let asking = consent(state, purchase, quote, begun);
                consented = within(Box::pin(asking), Box::pin(renew(state, &purchase.owner))).await;
            }
            prepared = match consented.unwrap_or(Err(Failure::abandoned())) {
                Ok(()) => enter(state, purchase, quote, false, Some(max_fee_msat)).await,
                Err(failure) => Err(failure),
            };
        }
    }
    if matches!(&prepared, Ok(Prepared::Entered(_))) {
        if purchase.is_wanted(&*state.host) {
            return prepared;
        }
        prepared = Err(Failure::abandoned());
    }
    // The wallet was not asked, so that nothing of it must stand.
    if matches!(&prepared, Err(failure) if failure.is(Code::StoreFailed)) {
        // What could not be written may have been written all the same. The store has kept the caller waiting.
        state.host.spawn(take_back(state, quote, purchase));
    } else if is_begun {
        take_back(state, quote, purchase).await;
    }
    prepared
}

/// Begins the purchase. Whatever stands in its way is settled, or waited for.
async fn enter<H: Host>(
    state: &Rc<ClientState<H>>,
    purchase: &Rc<Purchase<H>>,
    quote: &Rc<Quote>,
    only_reserve: bool,
    approved_fee_msat: Option<u64>,
) -> Result<Prepared, Failure<H>> {
    let (mut pause_ms, mut waits_for) = (FIRST_PAUSE_MS, None);
    let (mut waits, mut pauses) = (0_u32, 0_u32);
    while waits < MOST_WAITS && pauses < MOST_WAITS {
        if !purchase.is_wanted(&*state.host) {
            return Err(Failure::abandoned());
        }
        // Nothing was read yet beside an Authorization of the caller's.
        if purchase.request.brought.authorization {
            let _ = learn(state, &purchase.request, true).await;
        }
        // What is known by now does not open it; what comes to be known from here on may.
        let mark = state.owned.mark();
        if let Some(token) = token_for(state, &purchase.request, Some(&purchase.asked)) {
            return Ok(Prepared::Bought(token));
        }
        purchase.entered_at.set((state.host.now(), state.host.monotonic()));
        let begun = attempt(state, purchase, quote, only_reserve, approved_fee_msat, mark, waits_for).await?;
        // What can't be read stays as it was.
        let _ = learn(state, &purchase.request, false).await;
        if !matches!(begun, Begun::Shown(_)) {
            waits = waits.saturating_add(1);
        }
        match begun {
            Begun::Entered(record) => return Ok(Prepared::Entered(record)),
            Begun::Shown(hash) => {
                (waits_for, pauses) = (Some(hash), pauses.saturating_add(1));
                state.host.sleep(pause_ms).await;
                pause_ms = pause_ms.saturating_mul(2).min(LONGEST_PAUSE_MS);
            }
            Begun::Bought(token) if token.payment.session.is_some() => return Ok(Prepared::Bought(Rc::new(*token))),
            Begun::Bought(token) => {
                let token = state.owned.put(*token);
                // The server offers one invoice to all. Whoever paid it shows the proof.
                match state.purchases.trial_of(&*state.host, &token).filter(|_| token.is_single_use()) {
                    Some(buyer) => {
                        let shown = buyer.tried.wait(&*state.host, LONGEST_PAUSE_MS);
                        // Outside of runtimes that freeze requests that has no end of its own.
                        within(Box::pin(shown), Box::pin(state.host.sleep(LONGEST_PAUSE_MS))).await;
                    }
                    None => return Ok(Prepared::Bought(token)),
                }
            }
            Begun::Standing(standing) => match recover(state, purchase, quote, &standing).await? {
                Recovered::Settled => {}
                Recovered::Abandoned(order) => return repeat_order(state, purchase, order).await,
            },
        }
    }
    Err(payment_unknown("other payments for this resource keep starting").into())
}

async fn attempt<H: Host>(
    state: &Rc<ClientState<H>>,
    purchase: &Rc<Purchase<H>>,
    quote: &Rc<Quote>,
    only_reserve: bool,
    approved_fee_msat: Option<u64>,
    mark: u32,
    waits_for: Option<PaymentHash>,
) -> Result<Begun, Failure<H>> {
    let (request, invoice) = (&purchase.request, &quote.invoice);
    let payment = Payment {
        payment_hash: invoice.payment_hash,
        url: request.url.clone(),
        protocol: quote.protocol,
        amount_msat: quote.amount_msat,
        scopes: purchase.scope.names.clone(),
        invoice: invoice.payment_request.clone(),
        description: invoice.description.clone(),
        session: quote.session(),
        ..Payment::default()
    };
    let record = Record {
        payment,
        method: request.method.clone(),
        token: quote.token.clone(),
        invoice_expires_at: invoice.expires_at,
        expires_at: quote.expires_at,
        bound_to: quote.bound_to.clone(),
        owner: purchase.owner.clone(),
        is_reserved: only_reserve,
        dispatch: Dispatch { wallet_id: state.host.wallet().id, ..Dispatch::default() },
        ..Record::default()
    };
    let draft = Draft {
        record,
        is_replayable: request.replayable,
        brought: request.brought,
        levels: Rc::clone(&purchase.scope.levels),
        booked: Rc::clone(&purchase.booked),
        approved_fee_msat,
        lessons: state.owned.lessons(request.origin()),
        on_trial: state.purchases.hashes_on_trial(),
        unaccepted: state.owned.unaccepted(&request.asked_for()),
        waits_for,
        max_deposit_msat: state.config.max_deposit_msat,
        draw: purchase.asked.draw.clone().filter(|_| quote.is_deposit),
        mark,
        lease_ms: LEASE_MS,
    };
    match take(state, Step::Begin(Box::new(draft))).await? {
        Decision::Begun(begun) => Ok(begun),
        _ => Err(came_to_nothing()),
    }
}

/// Takes up an abandoned order: its invoice is handed to the same wallet once more, never a fresh one beside it. It
/// counts already, and whoever is asked before payments has consented to it; who sent it may have been allowed more at
/// once.
async fn repeat_order<H: Host>(
    state: &Rc<ClientState<H>>,
    purchase: &Rc<Purchase<H>>,
    abandoned: Rc<Record>,
) -> Result<Prepared, Failure<H>> {
    if !purchase.is_wanted(&*state.host) {
        return Err(Failure::abandoned());
    }
    purchase.entered_at.set((state.host.now(), state.host.monotonic()));
    let step = Step::Repeat {
        abandoned: Rc::clone(&abandoned),
        owner: purchase.owner.clone(),
        levels: Rc::clone(&purchase.scope.levels),
        lease_ms: LEASE_MS,
    };
    match take(state, step).await? {
        Decision::Record(Some(record)) => Ok(Prepared::Entered(record)),
        _ => Err(still_open(abandoned)),
    }
}

fn still_open<H: Host>(record: Rc<Record>) -> Failure<H> {
    let error: Error = earlier_payment_open();
    Failure::raised(error, None, Some(record.payment.clone()))
}

/// Takes back what was begun, also in a store that wrote it and failed then.
fn take_back<H: Host>(state: &Rc<ClientState<H>>, quote: &Quote, purchase: &Purchase<H>) -> Task<'static> {
    let (payment_hash, owner) = (quote.invoice.payment_hash, purchase.owner.clone());
    unheard(owe(state, Step::Cancel { payment_hash, owner }))
}
