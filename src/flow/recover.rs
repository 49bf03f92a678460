//! Earlier payments whose outcome is open. They are looked up before their resource is paid for again, and before
//! `payments()` and `spent()` answer.

use crate::error::Error;
use crate::flow::driver::{came_to_nothing, take};
use crate::flow::event::Quote;
use crate::flow::failure::Failure;
use crate::flow::host::{Host, Request, Resolution};
use crate::flow::orders::OrderState;
use crate::flow::purchase::Purchase;
use crate::flow::scope::Scope;
use crate::flow::settle::{look_up, settle, told_by, wait_soon, LOOKUP_TIMEOUT_MS};
use crate::flow::state::ClientState;
use crate::flow::sync::{within, SetOnDrop};
use crate::ledger::certainty::{prove, Owner, Verdict};
use crate::ledger::instance::Instance;
use crate::ledger::lease::Lease;
use crate::ledger::payment::earlier_payment_open;
use crate::ledger::read::Leased;
use crate::ledger::record::Record;
use crate::ledger::settle::Outcome;
use crate::ledger::step::{Decision, Step};
use crate::wire::payment_hash::PaymentHash;
use std::rc::Rc;

/// Open payments that are looked up at the same time before `payments()` and `spent()` answer: a wallet's API takes so
/// many questions at once, and an instance with more of them open has other worries.
const MOST_LOOKUPS: usize = 100;
/// The first pause before another look at what somebody else is buying; each further one is twice as long.
const PAUSE_MS: u64 = 100;
const LONGEST_PAUSE_MS: u64 = 10_000;

/// What became of a payment that stood in the way.
pub(crate) enum Recovered {
    /// It stands there no more, or not as it did.
    Settled,
    /// Its owner is gone, and its order may be repeated.
    Abandoned(Rc<Record>),
}

/// Whether a payment is for this request.
fn is_of(record: &Record, request: &Request, quote: &Quote) -> bool {
    record.payment.url == request.url && record.method == request.method && record.bound_to == quote.bound_to
}

/// Settles what stands in the way of a purchase, waits for whoever is at it, or fails with it.
pub(crate) async fn recover<H: Host>(
    state: &Rc<ClientState<H>>,
    own: &Purchase<H>,
    quote: &Quote,
    standing: &Record,
) -> Result<Recovered, Failure<H>> {
    let started = state.host.monotonic();
    let (mut pause, mut looked_up_as, mut has_waited) = (PAUSE_MS, None, false);
    loop {
        let Some((record, owner)) = look(state, standing).await? else { return Ok(Recovered::Settled) };
        // No wallet was asked: whoever begins next releases it.
        if record.is_reserved && owner == Owner::Lapsed {
            return Ok(Recovered::Settled);
        }
        if !record.is_reserved && looked_up_as != Some(owner) {
            looked_up_as = Some(owner);
            let verdict = look_up(state, &record, owner, LOOKUP_TIMEOUT_MS).await;
            if let Some(told) = told_by(&verdict) {
                // Who has proven it meanwhile has settled it as well.
                let _ = settle(state, &own.scope, &record, told).await;
                return Ok(Recovered::Settled);
            }
            match verdict {
                Verdict::MayRepeat if is_of(&record, &own.request, quote) => return Ok(Recovered::Abandoned(record)),
                // What will be certain in a moment is waited for.
                Verdict::Open { until_ms: Some(until_ms) }
                    if !std::mem::replace(&mut has_waited, true) && wait_soon(state, until_ms).await =>
                {
                    looked_up_as = None;
                    continue;
                }
                _ => {}
            }
        }
        let waited_ms = state.host.monotonic().saturating_sub(started);
        if owner == Owner::Alive && waited_ms < state.config.payment_timeout_ms {
            if !own.is_wanted(&*state.host) {
                return Err(Failure::abandoned());
            }
            state.host.sleep(pause).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE_MS);
            continue;
        }
        if is_resolved(state, &own.scope, &record, &earlier_payment_open()).await {
            return Ok(Recovered::Settled);
        }
        return Err(Failure::raised(earlier_payment_open(), None, Some(record.payment.clone())));
    }
}

/// A payment as it is now, and who stands behind it; `None` where it is settled, or another purchase's.
async fn look<H: Host>(state: &Rc<ClientState<H>>, known: &Record) -> Result<Option<(Rc<Record>, Owner)>, Failure<H>> {
    let found = find(state, &known.payment.payment_hash).await?;
    let still = found.filter(|(record, _)| record.is_unsettled() && record.owner == known.owner);
    Ok(still.map(|(record, lease)| {
        let owner = owner(state, &record, lease.as_ref());
        (record, owner)
    }))
}

/// A payment, and the lease of whoever stands behind it.
pub(crate) async fn find<H: Host>(
    state: &Rc<ClientState<H>>,
    payment_hash: &PaymentHash,
) -> Result<Option<Leased>, Failure<H>> {
    match take(state, Step::Payment(*payment_hash)).await? {
        Decision::Leased(found) => Ok(found),
        _ => Err(came_to_nothing()),
    }
}

/// Who may still be about to hand an order to the wallet.
pub(crate) fn owner<H: Host>(state: &ClientState<H>, record: &Record, lease: Option<&Lease>) -> Owner {
    let order = state.orders.state(&record.owner);
    match order {
        Some(OrderState::Answered { .. }) => Owner::Us,
        // A request that has ended freezes its call of the wallet with it.
        Some(OrderState::Out) if !state.host.wakes_only_itself() => Owner::Alive,
        _ if state.has_lapsed(&record.owner, lease) => Owner::Lapsed,
        _ => Owner::Alive,
    }
}

/// Looks up open payments of all origins. What the wallet does not say within 10 s changes nothing. Who calls while
/// others wait for the answers waits for the same ones, where one request may wake another's tasks.
pub(crate) async fn look_all_up<H: Host>(state: &Rc<ClientState<H>>) -> Result<(), Failure<H>> {
    if !state.host.has_lookup() {
        return Ok(());
    }
    let running =
        state.lookups.borrow().upgrade().filter(|running| !state.host.wakes_only_itself() && !running.is_set());
    let running = match running {
        Some(running) => running,
        None => {
            let mine = Rc::new(SetOnDrop::default());
            state.lookups.replace(Rc::downgrade(&mine.0));
            let Decision::Open(open) = take(state, Step::Open { most: MOST_LOOKUPS }).await? else {
                return Err(came_to_nothing());
            };
            for record in open {
                state.host.spawn(Box::pin(look_one_up(Rc::clone(state), record, Rc::clone(&mine))));
            }
            Rc::clone(&mine.0)
        }
    };
    let ended = running.wait(&*state.host, LOOKUP_TIMEOUT_MS);
    within(Box::pin(ended), Box::pin(state.host.sleep(LOOKUP_TIMEOUT_MS))).await;
    // Whoever asks after that asks anew.
    running.set();
    Ok(())
}

/// Asks the wallet, and settles the payment where its answer is certain.
async fn look_one_up<H: Host>(state: Rc<ClientState<H>>, record: Record, _last: Rc<SetOnDrop>) {
    let Ok(Some((record, owner))) = look(&state, &record).await else { return };
    if let Some(told) = told_by(&look_up(&state, &record, owner, LOOKUP_TIMEOUT_MS).await) {
        let _ = settle(&state, &state.outermost, &record, told).await;
    }
}

/// Asks whoever may know what became of a payment, where nobody else can tell and no order for it is out; one question
/// at a time. Whether it is settled now.
pub(crate) async fn is_resolved<H: Host>(
    state: &Rc<ClientState<H>>,
    scope: &Scope<H>,
    record: &Record,
    error: &Error,
) -> bool {
    if !state.host.asks_unknown() {
        return false;
    }
    let _turn = state.questions.lock(&*state.host).await;
    let still = match look(state, record).await {
        Ok(Some((_, Owner::Alive))) | Err(_) => return false,
        Ok(Some((still, _))) => still,
        Ok(None) => return true,
    };
    let told = match state.host.ask_unknown(&still.payment, error).await {
        Resolution::Preimage(text) => prove(&still.payment, &text, None).ok().map(Ok),
        Resolution::Failed => Some(Err(Outcome::Failed)),
        Resolution::Wait => None,
    };
    if let Some(told) = told {
        let _ = settle(state, scope, &still, told).await;
    }
    // It may have been settled while the question was out: by resolve(), or by a late answer.
    matches!(look(state, record).await, Ok(None))
}
