//! One purchase: shared by all who wait for it, journalled before the wallet is asked, settled only by proof.

use crate::error::{Code, Error};
use crate::flow::call::Client;
use crate::flow::event::{Event, Quote};
use crate::flow::failure::Failure;
use crate::flow::host::{Host, Order, Request};
use crate::flow::offer::Asked;
use crate::flow::prepare::Found;
use crate::flow::records::PURCHASE_LOCK;
use crate::flow::settle::{unknown, Doubt};
use crate::flow::sync::{self, within, Fires};
use crate::ledger::certainty::LEASE_MS;
use crate::ledger::journal::Entry;
use crate::ledger::token::Token;
use crate::text::encoding::concat;
use crate::wire::invoice::Invoice;
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;

/// How long those who waited let the one who paid go first.
const FIRST_TRY_MS: u64 = 5_000;
/// How often a purchase shows that its request is not frozen, where requests freeze.
pub(crate) const PULSE_MS: u64 = 1_000;
/// Without such a sign for so long, those who wait go on without it.
const FROZEN_MS: u64 = 10_000;

/// A token, and whether this very call paid for it.
pub(crate) struct Bought {
    pub(crate) token: Rc<Token>,
    pub(crate) paid_now: bool,
}

impl Clone for Bought {
    fn clone(&self) -> Self {
        Self { token: Rc::clone(&self.token), paid_now: self.paid_now }
    }
}

/// A purchase that is under way.
pub(crate) struct Purchase<H: Host> {
    pub(crate) key: String,
    pub(crate) resource: String,
    pub(crate) request: Rc<Request>,
    asked: Rc<Asked>,
    /// When the store's locks were had, in milliseconds since the Unix epoch.
    pub(crate) locked_at: Cell<u64>,
    /// When its entry was made, before it was written.
    pub(crate) entered_at: Cell<u64>,
    /// Who wants this very resource: where all gave up before the wallet is asked, nothing is paid.
    pub(crate) callers: RefCell<Vec<Rc<H::Call>>>,
    /// Its reservation, until its entry counts: amount and fee reserve in millisatoshis. It is counted while the purchase is
    /// under way, so it ends with it.
    pub(crate) reserved_msat: Cell<Option<u64>>,
    /// Ends with the question that it asks its caller.
    pub(crate) question: RefCell<Option<Rc<sync::Event>>>,
    outcome: RefCell<Option<Result<Bought, Failure<H>>>>,
    done: sync::Event,
    /// When it last showed that it goes on.
    alive_at: Cell<u64>,
    was_frozen: Cell<bool>,
    /// The caller who paid has had its answer, has waited long for it, or has gone.
    tried: Rc<sync::Event>,
    /// The same for the first of those who waited, where the payer's try has not told whether the token is good.
    tried_again: Rc<sync::Event>,
    has_second: Cell<bool>,
}

impl<H: Host> Purchase<H> {
    /// Whether it has shown no sign of life for so long that its request must be frozen. It may thaw.
    pub(crate) fn is_frozen(&self, host: &H) -> bool {
        host.wakes_only_itself() && host.now().saturating_sub(self.alive_at.get()) > FROZEN_MS
    }

    /// Whether somebody still waits for what it buys.
    pub(crate) fn is_wanted(&self, host: &H) -> bool {
        !self.done.has_happened() && self.callers.borrow().iter().any(|call| !host.is_aborted(call))
    }
}

/// Held by a caller until it has had its answer: others let it go first.
pub(crate) type FirstTry = Fires;

impl<H: Host> Client<H> {
    /// Buys what a request needs, or waits for the purchase that is under way for its origin.
    pub(crate) async fn purchase(
        self: &Rc<Self>,
        call: &Rc<H::Call>,
        request: &Rc<Request>,
        asked: &Rc<Asked>,
    ) -> Result<(Bought, Option<FirstTry>), Failure<H>> {
        let (key, resource) = (self.purchase_key(request), resource(&request.method, &request.url));
        let mut has_started = false;
        loop {
            // A 402 that comes after the purchase which it asks for, or a wait that is over: no new one, and no events of one.
            if let Some(token) = self.token_for(request) {
                let Some(purchase) = self.trial_of(&token) else {
                    return Ok((Bought { token, paid_now: false }, None));
                };
                self.let_go_first(&purchase.tried).await;
                // Where it was not taken, or may be used up, one of those who waited tries it first, for all of them: always
                // where a refusal could not be answered by a second request.
                let is_doubtful = |still: Rc<Token>| {
                    let may_be_used_up = !request.is_get() || self.origins.may_be_single_use(request.origin());
                    still.id == token.id && (!still.accepted || may_be_used_up)
                };
                if self.token_for(request).is_some_and(is_doubtful) {
                    if !purchase.has_second.replace(true) {
                        return Ok((Bought { token, paid_now: false }, Some(Fires(Rc::clone(&purchase.tried_again)))));
                    }
                    self.let_go_first(&purchase.tried_again).await;
                }
                continue;
            }
            // What is known of an origin changes, and the keys with it: its own resource is never bought beside itself.
            let is_ours = |purchase: &&Rc<Purchase<H>>| purchase.key == key || purchase.resource == resource;
            let running = self.purchases.borrow().iter().find(is_ours).cloned();
            let (purchase, first_try) = match running {
                Some(running) => {
                    if running.resource == resource {
                        running.callers.borrow_mut().push(Rc::clone(call));
                    }
                    (running, None)
                }
                // Ours was frozen and passed over: whether the wallet was asked is for the journal to say.
                None if has_started => return Err(unknown("the purchase was interrupted: call again").into()),
                None => {
                    has_started = true;
                    let started = self.start(&key, &resource, call, request, asked);
                    let first_try = Fires(Rc::clone(&started.tried));
                    (started, Some(first_try))
                }
            };
            self.see_it_end(&purchase, first_try.is_some()).await;
            let outcome = purchase.outcome.borrow().clone();
            match outcome {
                Some(Ok(bought)) if first_try.is_some() => return Ok((bought, first_try)),
                Some(Err(_)) if purchase.was_frozen.get() && !has_started => {}
                Some(Err(failure))
                    if purchase.resource == resource && (has_started || !matches!(failure, Failure::Abandoned)) =>
                {
                    return Err(failure)
                }
                // Another resource's failure says nothing of ours; and where its caveats, or what was learnt since, speak against
                // a new token, ours is bought next.
                _ => {}
            }
        }
    }

    /// Waits for the end of a purchase, and makes one where its request was frozen with it. Who started it freezes and thaws
    /// together with it.
    async fn see_it_end(&self, purchase: &Rc<Purchase<H>>, is_ours: bool) {
        while !purchase.done.wait(&self.host, PULSE_MS).await {
            if !is_ours && purchase.is_frozen(&self.host) {
                purchase.was_frozen.set(true);
                self.end(purchase, Err(unknown("the purchase was interrupted: call again").into()));
            }
        }
    }

    /// Sends the request again, with the token. Those who waited for it go after the caller who paid: the token may be good
    /// for one use only, and is then theirs to replace, not the payer's.
    pub(crate) async fn repeat(
        &self,
        call: &H::Call,
        token: Option<&Token>,
        first_try: &mut Option<FirstTry>,
    ) -> Result<H::Response, H::Cause> {
        let authorization = token.map(Token::authorization);
        let mut sending = pin!(self.host.send(call, authorization.as_deref(), true));
        if first_try.is_some() {
            if let Some(sent) = within(sending.as_mut(), self.host.sleep(FIRST_TRY_MS)).await {
                return sent;
            }
            *first_try = None;
        }
        sending.await
    }

    /// Waits until another call has had its answer; not for long, and not for ever on one that is frozen.
    async fn let_go_first(&self, tried: &sync::Event) {
        if !tried.wait(&self.host, FIRST_TRY_MS).await {
            tried.fire();
        }
    }

    /// One purchase at a time for an origin; where its tokens are known not to be shared, for a resource.
    fn purchase_key(&self, request: &Request) -> String {
        let origin = request.origin();
        if self.origins.is_unshared(origin) {
            resource(&request.method, &request.url)
        } else {
            origin.to_owned()
        }
    }

    /// Starts a purchase that goes on whatever becomes of its caller.
    fn start(
        self: &Rc<Self>,
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
            locked_at: Cell::default(),
            entered_at: Cell::default(),
            callers: RefCell::new(vec![Rc::clone(call)]),
            reserved_msat: Cell::default(),
            question: RefCell::default(),
            outcome: RefCell::default(),
            done: sync::Event::default(),
            alive_at: Cell::new(self.host.now()),
            was_frozen: Cell::default(),
            tried: Rc::default(),
            tried_again: Rc::default(),
            has_second: Cell::default(),
        });
        self.purchases.borrow_mut().push(Rc::clone(&purchase));
        let (client, started) = (Rc::clone(self), Rc::clone(&purchase));
        self.host.spawn(Box::pin(async move {
            let outcome = client.buy(&started).await;
            client.end(&started, outcome);
        }));
        if self.host.wakes_only_itself() {
            let (client, shown) = (Rc::clone(self), Rc::clone(&purchase));
            self.host.spawn(Box::pin(async move {
                while !shown.done.has_happened() {
                    shown.alive_at.set(client.host.now());
                    client.host.sleep(PULSE_MS).await;
                }
            }));
        }
        purchase
    }

    fn end(&self, purchase: &Rc<Purchase<H>>, outcome: Result<Bought, Failure<H>>) {
        self.purchases.borrow_mut().retain(|other| !Rc::ptr_eq(other, purchase));
        if !purchase.done.has_happened() {
            if outcome.is_ok() {
                let mut on_trial = self.on_trial.borrow_mut();
                on_trial.retain(|other| !other.tried.has_happened());
                on_trial.push(Rc::clone(purchase));
            }
            purchase.outcome.replace(Some(outcome));
            purchase.done.fire();
        }
    }

    /// The purchase that brought this token, while its buyer waits for the answer.
    pub(crate) fn trial_of(&self, token: &Token) -> Option<Rc<Purchase<H>>> {
        let brought = |purchase: &&Rc<Purchase<H>>| {
            let (outcome, callers) = (purchase.outcome.borrow(), purchase.callers.borrow());
            matches!(&*outcome, Some(Ok(bought)) if bought.token.id == token.id)
                && !purchase.tried.has_happened()
                && callers.first().is_some_and(|buyer| !self.host.is_aborted(buyer))
        };
        self.on_trial.borrow().iter().find(brought).cloned()
    }

    async fn buy(self: &Rc<Self>, purchase: &Purchase<H>) -> Result<Bought, Failure<H>> {
        let (request, asked) = (&*purchase.request, &*purchase.asked);
        // Everything that refuses, in order; nothing has moved yet.
        self.host.tell(&Event::Challenge { url: &request.url, challenges: &asked.challenges });
        let quote = self.examine(request, &asked.offer).map_err(|failure| self.refused(request, failure))?;
        self.host.tell(&Event::Quote(&quote));
        self.carry_out(purchase, &quote).await.map_err(|failure| failure.with_quote(quote))
    }

    async fn carry_out(self: &Rc<Self>, purchase: &Purchase<H>, quote: &Quote) -> Result<Bought, Failure<H>> {
        let request = &*purchase.request;
        let mut guards = Vec::new();
        let mut entry = match self.prepare(purchase, quote, &mut guards).await {
            Ok(Found::Bought(token)) => return Ok(Bought { token, paid_now: false }),
            Ok(Found::Journalled(entry)) => entry,
            Err(failure) => return Err(self.refused(request, failure)),
        };

        // The wallet. Its answer is taken whenever it comes; after the timeout only the journal waits for it.
        self.host.tell(&Event::Paying(&entry.payment));
        let timeout_ms = self.config.payment_timeout_ms;
        let now = self.host.now();
        let is_in_time = now.saturating_sub(purchase.entered_at.get()) <= LEASE_MS;
        let is_asked = is_in_time && now / 1000 < entry.invoice_expires_at;
        let told = if is_asked {
            let order = Order { url: &request.url, max_fee_msat: entry.max_fee_msat, timeout_ms };
            let repeated = repeated(&entry)?;
            let sending = self.send_order(&mut entry);
            let mut answer = Box::pin(self.host.pay(repeated.as_ref().unwrap_or(&quote.invoice), order));
            match within(answer.as_mut(), self.host.sleep(timeout_ms)).await {
                Some(answer) => {
                    sending.is_answered();
                    self.weigh(&entry, answer)
                }
                None => {
                    let late = Rc::clone(self).settle_late(entry.clone(), sending, answer);
                    self.host.spawn(Box::pin(late));
                    Err(Doubt::of_silence())
                }
            }
        } else {
            Err(Doubt::of_delay(&entry))
        };
        let token = self.settle(purchase, &mut entry, told).await?;
        Ok(Bought { token, paid_now: is_asked })
    }

    /// The lock of a purchase.
    pub(crate) async fn lock(&self, key: &str) -> Result<H::Guard, Failure<H>> {
        self.host.lock(&concat(&[PURCHASE_LOCK, key])).await.map_err(|cause| {
            let error = Error::new(Code::StoreFailed, "the store's lock could not be had: nothing is paid without it");
            Failure::raised(error, Some(cause), None)
        })
    }
}

/// The invoice of an order that is handed over once more: its own, not that of the new offer.
fn repeated(entry: &Entry) -> Result<Option<Invoice>, Error> {
    match &entry.dispatch.invoice {
        Some(invoice) if entry.dispatch.repeats > 0 => Invoice::decode(invoice).map(Some),
        _ => Ok(None),
    }
}

/// What one purchase is for: method and URL.
pub(crate) fn resource(method: &str, url: &str) -> String {
    concat(&[method, " ", url])
}
