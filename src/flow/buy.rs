//! Buying a token. Calls that want the same thing share one purchase.

use crate::error::{Code, Error};
use crate::flow::event::{Event, Quote};
use crate::flow::failure::Failure;
use crate::flow::host::{Host, Order, Request, Sending};
use crate::flow::lease::renew;
use crate::flow::leases::LEASE_MS;
use crate::flow::offer::examine;
use crate::flow::orders::OrderState;
use crate::flow::outcome::{conclude, settle_late, weigh, NoProof};
use crate::flow::prepare::prepare;
use crate::flow::purchase::{Asked, Bought, FirstTry, Prepared, Purchase, PULSE_MS};
use crate::flow::scope::Scope;
use crate::flow::session::{news, with_refund};
use crate::flow::state::ClientState;
use crate::flow::sync::{within, SetOnDrop, Signal, Wait};
use crate::flow::tokens::token_for;
use crate::ledger::payment::payment_unknown;
use crate::ledger::record::Record;
use crate::ledger::token::Token;
use crate::text::encoding::concat;
use crate::wire::credential::Field;
use crate::wire::invoice::Invoice;
use crate::wire::url::Url;
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;

/// Calls that waited let the paying call go first for at most this time.
const FIRST_TRY_MS: u64 = 5_000;

/// Buys what a request needs, or waits for a purchase that may bring it.
pub(crate) async fn purchase<H: Host>(
    state: &Rc<ClientState<H>>,
    scope: &Rc<Scope<H>>,
    call: &Rc<H::Call>,
    request: &Rc<Request>,
    asked: &Rc<Asked>,
) -> Result<(Bought, Option<FirstTry>), Failure<H>> {
    let key = purchase_key(state, request, asked);
    // What is bound to one request is shared with no other: neither its proof nor its price.
    let mark = match &asked.draw {
        Some(_) => " session".to_owned(),
        None if asked.is_bound() => state.next_owner(),
        None => String::new(),
    };
    let resource = concat(&[&request.resource(), &mark]);
    let mut has_started = false;
    loop {
        // Another call may have bought a token while this one asked or waited. Then there is no purchase, and no event
        // of one.
        if let Some(token) = token_for(state, request, Some(asked)) {
            let Some(purchase) = state.purchases.trial_of(&*state.host, &token) else {
                return Ok((Bought { token, paid_now: false }, None));
            };
            let_go_first(state, &purchase.tried).await;
            // The token was not accepted yet, or may be used up. Then one of the calls that waited tries it first, for
            // all of them. A request that can't be sent twice always waits for that.
            let is_doubtful = |still: Rc<Token>| {
                let may_be_used_up =
                    !request.is_get() || state.owned.lessons(request.origin()).used_up(still.is_charge()) > 0;
                still.id == token.id && (!still.accepted || may_be_used_up)
            };
            if token_for(state, request, Some(asked)).is_some_and(is_doubtful) {
                if !purchase.has_second.replace(true) {
                    return Ok((Bought { token, paid_now: false }, Some(SetOnDrop(Rc::clone(&purchase.tried_again)))));
                }
                let_go_first(state, &purchase.tried_again).await;
            }
            continue;
        }
        // The same of a deposit, which is no token of one resource. Whoever paid it shows it first.
        if let Some(draw) = &asked.draw {
            if let Some(token) = news(state, request, draw).await? {
                if let Some(purchase) = state.purchases.trial_of(&*state.host, &token) {
                    let_go_first(state, &purchase.tried).await;
                }
                return Ok((Bought { token, paid_now: false }, None));
            }
        }
        // The key of a purchase can change with what is known of the origin. So the resource is compared too, and never
        // bought twice at once.
        let is_ours = |purchase: &Purchase<H>| purchase.key == key || purchase.resource == resource;
        let running = state.purchases.find(is_ours);
        let (purchase, first_try) = match running {
            Some(running) => {
                if running.resource == resource && !running.is_bound.get() {
                    running.callers.borrow_mut().push(Rc::clone(call));
                }
                (running, None)
            }
            // Our own purchase froze, and others ended it. Only the journal can tell whether the wallet was asked.
            None if has_started => return Err(payment_unknown("the purchase was interrupted").into()),
            None => {
                has_started = true;
                let started = start(state, scope, &key, &resource, call, request, asked);
                let first_try = SetOnDrop(Rc::clone(&started.tried));
                (started, Some(first_try))
            }
        };
        see_it_end(state, &purchase, first_try.is_some()).await;
        let outcome = purchase.outcome.borrow().clone();
        let is_elsewhere = |failure: &Failure<H>| {
            !Rc::ptr_eq(&purchase.scope, scope) && (failure.is(Code::OverLimit) || failure.is(Code::Declined))
        };
        match outcome {
            Some(Ok(bought)) if first_try.is_some() => return Ok((bought, first_try)),
            Some(Err(_)) if purchase.was_frozen.get() && !has_started => {}
            Some(Err(failure))
                if purchase.resource == resource
                    && (has_started || !purchase.is_bound.get())
                    && (has_started || !(failure.is_abandoned() || is_elsewhere(&failure))) =>
            {
                return Err(failure)
            }
            // The purchase was for another resource, or another scope refused it. Its failure tells nothing about ours.
            // Its token may not open ours: then ours is bought next.
            _ => {}
        }
    }
}

/// Waits until a purchase ends. A purchase whose request has frozen is ended here. The call that started it never does
/// that: it freezes and thaws together with its purchase.
async fn see_it_end<H: Host>(state: &ClientState<H>, purchase: &Rc<Purchase<H>>, is_ours: bool) {
    while !purchase.done.wait(&*state.host, PULSE_MS).await {
        if !is_ours && purchase.is_frozen(&*state.host) {
            purchase.was_frozen.set(true);
            state.purchases.end(purchase, Err(payment_unknown("the purchase was interrupted").into()));
        }
    }
}

/// Sends the request with a token. The paying call goes first. If the token is good for one use only, those that waited
/// have to buy another one, not the payer. `answered` is the URL that a redirect led to.
pub(crate) async fn send<H: Host>(
    state: &ClientState<H>,
    call: &H::Call,
    token: Option<&Token>,
    is_repeat: bool,
    answered: Option<&Url>,
    first_try: &mut Option<FirstTry>,
) -> Result<H::Response, H::Cause> {
    let credential = token.map(Token::credential);
    let is_elsewhere = |token: &Token| token.field() != Field::Authorization;
    let url = answered.filter(|_| token.is_some_and(is_elsewhere));
    let mut sending = pin!(state.host.send(call, Sending { credential: credential.as_ref(), is_repeat, url }));
    if first_try.is_some() && !token.is_some_and(Token::is_single_use) {
        if let Some(sent) = within(Box::pin(sending.as_mut()), Box::pin(state.host.sleep(FIRST_TRY_MS))).await {
            return sent;
        }
        *first_try = None;
    }
    sending.await
}

/// Waits a short time until another call has had its answer. That call may be frozen.
async fn let_go_first<H: Host>(state: &ClientState<H>, tried: &Signal) {
    if !tried.wait(&*state.host, FIRST_TRY_MS).await {
        tried.set();
    }
}

/// There is one purchase at a time for each key. The key is the origin, or the resource if the origin's tokens are
/// known not to be shared. What is bound to one request is known not to be.
fn purchase_key<H: Host>(state: &ClientState<H>, request: &Request, asked: &Asked) -> String {
    let origin = request.origin();
    if asked.draw.is_some() {
        return concat(&[origin, " session"]);
    }
    if asked.is_bound() || state.owned.lessons(origin).refused {
        request.resource()
    } else {
        origin.to_owned()
    }
}

/// Starts a purchase. It goes on even if its caller gives up.
fn start<H: Host>(
    state: &Rc<ClientState<H>>,
    scope: &Rc<Scope<H>>,
    key: &str,
    resource: &str,
    call: &Rc<H::Call>,
    request: &Rc<Request>,
    asked: &Rc<Asked>,
) -> Rc<Purchase<H>> {
    let purchase = Rc::new(Purchase {
        key: key.to_owned(),
        resource: resource.to_owned(),
        request: Rc::clone(request),
        asked: Rc::clone(asked),
        scope: Rc::clone(scope),
        booked: Rc::default(),
        owner: state.next_owner(),
        entered_at: Cell::default(),
        callers: RefCell::new(vec![Rc::clone(call)]),
        question: RefCell::default(),
        outcome: RefCell::default(),
        done: Signal::default(),
        alive_at: Cell::new(state.host.now()),
        was_frozen: Cell::default(),
        tried: Rc::default(),
        tried_again: Rc::default(),
        has_second: Cell::default(),
        is_bound: Cell::default(),
    });
    state.purchases.start(&purchase);
    let (own, started) = (Rc::clone(state), Rc::clone(&purchase));
    state.host.spawn(Box::pin(async move {
        let outcome = buy(&own, &started).await;
        started.settle(&outcome, own.host.now());
        own.purchases.end(&started, outcome);
    }));
    if state.host.wakes_only_itself() {
        let (own, shown) = (Rc::clone(state), Rc::clone(&purchase));
        state.host.spawn(Box::pin(async move {
            while !shown.done.is_set() {
                shown.alive_at.set(own.host.now());
                own.host.sleep(PULSE_MS).await;
            }
        }));
    }
    purchase
}

async fn buy<H: Host>(state: &Rc<ClientState<H>>, purchase: &Rc<Purchase<H>>) -> Result<Bought, Failure<H>> {
    let (request, asked) = (&*purchase.request, &*purchase.asked);
    // Everything that refuses, in order; nothing has moved yet.
    purchase.scope.tell(&Event::Challenge { url: request.url.as_str(), challenges: &asked.found.challenges });
    let quote = examine(state, &purchase.scope, request, asked)
        .await
        .map_err(|failure| purchase.scope.refused(request, failure))?;
    if quote.bound_to.is_some() {
        purchase.is_bound.set(true);
        purchase.callers.borrow_mut().truncate(1);
    }
    let quote = match quote.is_deposit {
        true => {
            with_refund(state, purchase, quote).await.map_err(|failure| purchase.scope.refused(request, failure))?
        }
        false => quote,
    };
    purchase.scope.tell(&Event::Quote(&quote));
    carry_out(state, purchase, &quote).await.map_err(|failure| failure.with_quote(quote))
}

async fn carry_out<H: Host>(
    state: &Rc<ClientState<H>>,
    purchase: &Rc<Purchase<H>>,
    quote: &Rc<Quote>,
) -> Result<Bought, Failure<H>> {
    let (request, scope) = (&*purchase.request, &purchase.scope);
    let mut record = match prepare(state, purchase, quote).await {
        Ok(Prepared::Bought(token)) => return Ok(Bought { token, paid_now: false }),
        Ok(Prepared::Entered(record)) => record,
        Err(failure) => return Err(scope.refused(request, failure)),
    };

    // The wallet. Its answer is taken whenever it comes; after the timeout only the ledger waits for it.
    scope.tell(&Event::Paying(&record.payment));
    let timeout_ms = state.config.payment_timeout_ms;
    let now = state.host.now();
    let is_asked = purchase.held_up_ms(&*state.host) <= LEASE_MS && now / 1000 < record.last_moment();
    let told = if is_asked {
        let order = Order { url: request.url.as_str(), max_fee_msat: record.max_fee_msat, timeout_ms };
        let repeated = repeated(&record)?;
        Rc::make_mut(&mut record).dispatch.sent_at_ms = Some(now);
        state.orders.note(&record.owner, OrderState::Out);
        let mut answer: Wait<'_, _> = Box::pin(state.host.pay(repeated.as_ref().unwrap_or(&quote.invoice), order));
        let silence = async {
            within(Box::pin(renew(state, &purchase.owner)), Box::pin(state.host.sleep(timeout_ms))).await;
        };
        match within(Box::pin(answer.as_mut()), Box::pin(silence)).await {
            Some(answer) => weigh(state, &record, answer),
            None => {
                let late = settle_late(Rc::clone(state), Rc::clone(scope), Rc::clone(&record), answer);
                state.host.spawn(Box::pin(late));
                Err(NoProof::of_silence())
            }
        }
    } else {
        Err(NoProof::of_delay(&record))
    };
    let token = conclude(state, scope, record, told).await?;
    Ok(Bought { token, paid_now: is_asked })
}

/// The invoice of an order that is handed over once more: its own, not that of the new offer.
fn repeated(record: &Record) -> Result<Option<Invoice>, Error> {
    match record.dispatch.repeats {
        0 => Ok(None),
        _ => Invoice::decode(&record.payment.invoice).map(Some),
    }
}
