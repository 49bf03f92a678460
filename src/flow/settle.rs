//! Asks the wallet what became of a payment, and records it.

use crate::flow::driver::{owe, take};
use crate::flow::event::Event;
use crate::flow::failure::Failure;
use crate::flow::host::Host;
use crate::flow::orders::OrderState;
use crate::flow::scope::Scope;
use crate::flow::state::ClientState;
use crate::flow::sync::within;
use crate::ledger::certainty::{judge, Owner, Proof, Verdict};
use crate::ledger::habits::{FOUND, PENDING};
use crate::ledger::key;
use crate::ledger::payment::State;
use crate::ledger::record::Record;
use crate::ledger::settle::Outcome;
use crate::ledger::step::{Decision, Step};
use crate::ledger::token::Token;
use crate::ledger::wallet::Fact;
use std::cell::Cell;
use std::rc::Rc;

/// A lookup that takes longer counts as no answer.
pub(crate) const LOOKUP_TIMEOUT_MS: u64 = 10_000;
/// If a payment will be certain within this time, a lookup waits and is made once more.
const SOON_MS: u64 = 3_000;
/// A timer may fire this many milliseconds too early.
const EARLY_MS: u64 = 10;

/// What is told of a payment: its proof, or the outcome of an order without one.
pub(crate) type Told = Result<Proof, Outcome>;

/// Records what is told of a payment. The token, where the payment is proven, also if others have proven it; otherwise
/// the payment after this. If nothing was paid, the amount is free again. What is proven stays so.
pub(crate) async fn settle<H: Host>(
    state: &Rc<ClientState<H>>,
    scope: &Scope<H>,
    record: &Rc<Record>,
    told: Told,
) -> Result<Rc<Token>, Rc<Record>> {
    let proof = match told {
        Ok(proof) => proof,
        Err(outcome) => {
            let settled = owe(state, Step::Unproven { ours: Rc::clone(record), outcome }).await;
            let preimage = note_unproven(state, record, outcome, settled)?;
            if let Some(token) = bought(state, record) {
                return Ok(token);
            }
            Proof { preimage, fee_msat: None }
        }
    };
    Ok(settle_paid(state, scope, record, proof).await)
}

/// Records a proof: token and payment are stored before anything else happens. Where the store fails, memory has them.
pub(crate) async fn settle_paid<H: Host>(
    state: &Rc<ClientState<H>>,
    scope: &Scope<H>,
    record: &Rc<Record>,
    proof: Proof,
) -> Rc<Token> {
    let ours = Rc::clone(record);
    let settled = owe(state, Step::Paid { ours, proof: proof.clone(), was_news: Cell::default() }).await;
    note_paid(state, scope, record, proof, settled)
}

/// Takes over what the store holds of a proven payment.
fn note_paid<H: Host>(
    state: &ClientState<H>,
    scope: &Scope<H>,
    record: &Record,
    proof: Proof,
    settled: Result<Decision, Failure<H>>,
) -> Rc<Token> {
    state.orders.forget(&record.owner);
    let is_known = bought(state, record).is_some();
    let (token, is_news, is_kept) = match settled {
        Ok(Decision::Settled(settled)) => {
            (settled.token, settled.is_news || (settled.was_news && !is_known), settled.is_kept)
        }
        unsettled => {
            let mut ours = Record::clone(record);
            ours.settle_paid(proof.preimage, proof.fee_msat, state.host.now());
            let token = Token::new(ours.payment, ours.method, record.token.clone(), ours.preimage);
            if let Some(error) = unsettled.err().as_ref().and_then(Failure::raised_error) {
                scope.tell(&Event::Failed { payment: &token.payment, error });
            }
            (token, true, true)
        }
    };
    let path_key = key::path(token.payment.url.origin(), &token.method, record.payment.url.path());
    if is_news && !token.is_deposit() {
        state.owned.change_path(&path_key, &mut |path| path.bought(&token.payment.payment_hash, token.expires_at()));
    }
    let token = Token { is_bought_here: true, ..token };
    let token = if is_kept && !token.is_deposit() { state.owned.put(token) } else { Rc::new(token) };
    if is_news {
        scope.tell(&Event::Paid(&token.payment));
    }
    token
}

/// Takes over what the store holds of a payment whose order ended without a proof. The preimage, if the payment is
/// proven already; otherwise the payment as it stands.
fn note_unproven<H: Host>(
    state: &ClientState<H>,
    record: &Rc<Record>,
    outcome: Outcome,
    settled: Result<Decision, Failure<H>>,
) -> Result<Option<String>, Rc<Record>> {
    if outcome == Outcome::Failed {
        state.orders.forget(&record.owner);
    }
    match settled {
        Ok(Decision::Record(Some(known))) if known.payment.state == State::Paid => Ok(known.preimage.clone()),
        Ok(Decision::Record(Some(known))) => Err(known),
        Ok(_) => Err(Rc::clone(record)),
        Err(_) => {
            let mut ours = Record::clone(record);
            match outcome {
                Outcome::Failed => ours.settle_failed(state.host.now()),
                Outcome::Unknown | Outcome::Silent => ours.payment.state = State::Unknown,
            }
            Err(Rc::new(ours))
        }
    }
}

/// The token that a payment bought, where it is known.
pub(crate) fn bought<H: Host>(state: &ClientState<H>, record: &Record) -> Option<Rc<Token>> {
    let payment = &record.payment;
    let key = key::token(payment.url.origin(), &record.method, payment.url.as_str());
    state.owned.bought_with(&key, &payment.payment_hash)
}

/// Nobody can tell: whether the wallet may still be at it is known of one's own orders.
pub(crate) fn unknown<H: Host>(state: &ClientState<H>, record: &Record) -> Outcome {
    match state.orders.state(&record.owner) {
        Some(OrderState::Out) => Outcome::Silent,
        _ => Outcome::Unknown,
    }
}

/// Asks the wallet what became of a payment, and says what that comes to.
pub(crate) async fn look_up<H: Host>(
    state: &Rc<ClientState<H>>,
    record: &Rc<Record>,
    owner: Owner,
    patience_ms: u64,
) -> Verdict {
    let asked_at = state.host.now();
    let asked = state.host.lookup(&record.payment.payment_hash);
    let asked = within(Box::pin(asked), Box::pin(state.host.sleep(patience_ms))).await;
    let fact = asked.unwrap_or(Fact::Unreachable);
    let mut wallet = state.host.wallet();
    let mut habits = state.habits.get();
    if let Some(id) = wallet.id.clone().filter(|_| fact == Fact::NotFound && !wallet.finds) {
        if let Ok(Decision::Seen(seen)) = take(state, Step::Habits { wallet_id: id }).await {
            habits |= seen;
        }
    }
    wallet.finds |= habits == FOUND | PENDING;
    let verdict = judge(&fact, owner, record, &wallet, state.config.payment_timeout_ms, asked_at);
    let seen = match (&fact, &verdict) {
        (_, Verdict::Paid(_)) => FOUND,
        (Fact::Pending, _) => PENDING,
        _ => 0,
    };
    let is_ours = owner == Owner::Us || (wallet.id.is_some() && wallet.id == record.dispatch.wallet_id);
    if seen > 0 && is_ours {
        state.habits.set(state.habits.get() | seen);
        let wallet_id = wallet.id.filter(|_| !wallet.finds);
        if wallet_id.is_some() || seen == PENDING {
            let _ = owe(state, Step::Seen { wallet_id, ours: Rc::clone(record), what: seen }).await;
        }
    }
    verdict
}

/// What a verdict tells of a payment, where it ends it.
pub(crate) fn told_by(verdict: &Verdict) -> Option<Told> {
    match verdict {
        Verdict::Paid(proof) => Some(Ok(proof.clone())),
        Verdict::Failed => Some(Err(Outcome::Failed)),
        Verdict::MayRepeat | Verdict::Open { .. } => None,
    }
}

/// Waits for what will be certain in a moment; false where that takes longer.
pub(crate) async fn wait_soon<H: Host>(state: &ClientState<H>, until_ms: u64) -> bool {
    let left_ms = until_ms.saturating_sub(state.host.now());
    if left_ms > SOON_MS {
        return false;
    }
    state.host.sleep(left_ms.saturating_add(EARLY_MS)).await;
    true
}
