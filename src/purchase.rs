//! One purchase: shared by all who wait for it, journalled before the wallet is asked, settled only by proof.

use crate::challenge::{Challenge, Offer};
use crate::client::{check_expiry, not_honored, Client};
use crate::encoding::{concat, to_hex};
use crate::event::{Event, Quote};
use crate::failure::Failure;
use crate::host::{Host, Order, Request};
use crate::journal::{Entry, Payment, State};
use crate::ledger::PURCHASE_LOCK;
use crate::origin::Location;
use crate::policy::Hold;
use crate::settle::{open_payment, unknown, LOOKUP_TIMEOUT_MS};
use crate::sync::{self, first, First};
use crate::token::Token;
use crate::{Code, Error};
use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

/// How long those who waited let the one who paid go first.
const FIRST_TRY_MS: u64 = 5_000;
/// How much longer than the wallet a purchase may take before a waiter believes it frozen.
const PATIENCE_MS: u64 = 2 * LOOKUP_TIMEOUT_MS;

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
    key: String,
    pub(crate) resource: String,
    /// Who wants this very resource: where all gave up before the wallet is asked, nothing is paid.
    callers: RefCell<Vec<Rc<H::Call>>>,
    outcome: RefCell<Option<Result<Bought, Failure<H>>>>,
    done: sync::Event,
    /// The caller who paid has had its answer, has waited long for it, or has gone.
    tried: sync::Event,
}

/// Held by the caller who started a purchase until its answer is there: those who wait for it let that caller go first.
pub(crate) struct FirstTry<H: Host>(Rc<Purchase<H>>);

impl<H: Host> Drop for FirstTry<H> {
    fn drop(&mut self) {
        self.0.tried.fire();
    }
}

/// What stood in the books at the moment of writing the entry.
enum Found {
    Journalled(Box<Entry>),
    Bought(Rc<Token>),
}

impl<H: Host> Client<H> {
    /// Buys what a request needs, or waits for the purchase that is under way for its origin.
    pub(crate) async fn purchase(
        self: &Rc<Self>,
        call: &Rc<H::Call>,
        request: &Request,
        challenges: Vec<Challenge>,
        offer: Offer,
    ) -> Result<(Bought, Option<FirstTry<H>>), Failure<H>> {
        let (key, resource) = (self.purchase_key(request), resource(&request.method, &request.url));
        let mut mine = Some((challenges, offer));
        loop {
            // A 402 that comes after the purchase which it asks for, or a wait that is over: no new one, and no events of one.
            if let Some(token) = self.token_for(request) {
                let Some(purchase) = self.trial_of(&token) else {
                    return Ok((Bought { token, paid_now: false }, None));
                };
                if !purchase.tried.wait(&self.host, FIRST_TRY_MS).await {
                    purchase.tried.fire();
                }
                continue;
            }
            // What is known of an origin changes, and the keys with it: its own resource is never bought beside itself.
            let is_ours = |purchase: &&Rc<Purchase<H>>| purchase.key == key || purchase.resource == resource;
            let running = self.purchases.borrow().iter().find(is_ours).cloned();
            let (purchase, first_try) = match (running, mine.take()) {
                (Some(running), offer) => {
                    mine = offer;
                    if running.resource == resource {
                        running.callers.borrow_mut().push(Rc::clone(call));
                    }
                    (running, None)
                }
                (None, Some((challenges, offer))) => {
                    let started = self.start(&key, &resource, call, request, challenges, offer);
                    (Rc::clone(&started), Some(FirstTry(started)))
                }
                // Ours was frozen and passed over: whether the wallet was asked is for the journal to say.
                (None, None) => return Err(unknown("the purchase was interrupted: call again").into()),
            };
            if !purchase.done.wait(&self.host, self.config.payment_timeout_ms.saturating_add(PATIENCE_MS)).await {
                self.end(&purchase, Err(unknown("the purchase was interrupted: call again").into()));
                continue;
            }
            let outcome = purchase.outcome.borrow().clone();
            match outcome {
                Some(Ok(bought)) if first_try.is_some() => return Ok((bought, first_try)),
                Some(Err(failure))
                    if purchase.resource == resource && !(matches!(failure, Failure::Abandoned) && mine.is_some()) =>
                {
                    return Err(failure)
                }
                // Another resource's failure says nothing of ours; and where its caveats, or what was learnt since, speak against
                // a new token, ours is bought next.
                _ => {}
            }
        }
    }

    /// Sends the request again, with the token. Those who waited for it go after the caller who paid: the token may be good
    /// for one use only, and is then theirs to replace, not the payer's.
    pub(crate) async fn repeat(
        &self,
        call: &H::Call,
        token: &Token,
        first_try: Option<FirstTry<H>>,
    ) -> Result<H::Response, H::Cause> {
        let authorization = token.authorization();
        let mut sending = pin!(self.host.send(call, Some(&authorization), true));
        if first_try.is_some() {
            if let First::A(sent) = first(sending.as_mut(), self.host.sleep(FIRST_TRY_MS)).await {
                return sent;
            }
            drop(first_try);
        }
        sending.await
    }

    /// One purchase at a time for an origin; where its tokens are known not to be shared, for a resource.
    fn purchase_key(&self, request: &Request) -> String {
        let origin = Location::of(&request.url).map_or("", |location| location.origin);
        if self.is_unshared(origin) {
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
        request: &Request,
        challenges: Vec<Challenge>,
        offer: Offer,
    ) -> Rc<Purchase<H>> {
        let purchase = Rc::new(Purchase {
            key: key.to_owned(),
            resource: resource.to_owned(),
            callers: RefCell::new(vec![Rc::clone(call)]),
            outcome: RefCell::default(),
            done: sync::Event::default(),
            tried: sync::Event::default(),
        });
        self.purchases.borrow_mut().push(Rc::clone(&purchase));
        let (client, started, request) = (Rc::clone(self), Rc::clone(&purchase), request.clone());
        self.host.spawn(Box::pin(async move {
            let outcome = client.buy(&started, &request, &challenges, offer).await;
            client.end(&started, outcome);
        }));
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

    async fn buy(
        self: &Rc<Self>,
        purchase: &Purchase<H>,
        request: &Request,
        challenges: &[Challenge],
        offer: Offer,
    ) -> Result<Bought, Failure<H>> {
        self.host.tell(&Event::Challenge { url: &request.url, challenges });
        let quote = self.examine(request, offer).map_err(|error| self.refused(request, error.into()))?;
        self.host.tell(&Event::Quote(&quote));

        // The origin's first, then the resource's: who holds the latter knows that nobody else is buying it, whatever others
        // have learnt of the origin. Where tokens are known not to be shared both are the same.
        let _guard = self.lock(&purchase.key).await.map_err(|failure| self.refused(request, failure))?;
        let _own = match purchase.key == purchase.resource {
            true => None,
            false => Some(self.lock(&purchase.resource).await.map_err(|failure| self.refused(request, failure))?),
        };

        // Everything that refuses, in order; nothing has moved yet.
        let entry = match self.prepare(purchase, request, &quote).await {
            Ok(Found::Bought(token)) => return Ok(Bought { token, paid_now: false }),
            Ok(Found::Journalled(entry)) => entry,
            Err(failure) => return Err(self.refused(request, failure)),
        };

        // The wallet. Its answer is taken whenever it comes; after the timeout only the journal waits for it.
        self.host.tell(&Event::Paying(&entry.payment));
        let timeout_ms = self.config.payment_timeout_ms;
        let order = Order { url: &request.url, max_fee_msat: entry.max_fee_msat, timeout_ms };
        let mut answer = Box::pin(self.host.pay(&quote.invoice, order));
        let token = match first(answer.as_mut(), self.host.sleep(timeout_ms)).await {
            First::A(answer) => self.settle(&entry, answer).await,
            First::B(()) => {
                let (client, late) = (Rc::clone(self), entry.clone());
                self.host.spawn(Box::pin(async move { client.settle_late(&late, answer).await }));
                let lost = unknown("the wallet did not answer in time; a later answer is recorded");
                self.ask_wallet(&entry, lost.into()).await
            }
        };
        token.map(|token| Bought { token, paid_now: true })
    }

    /// Re-reads the store, settles what is open, reserves, asks the caller, and writes the entry.
    async fn prepare(&self, purchase: &Purchase<H>, request: &Request, quote: &Quote) -> Result<Found, Failure<H>> {
        self.read_again().await?;
        if self.token_for(request).is_none() {
            self.recover(purchase, request).await?;
        }
        if let Some(token) = self.token_for(request) {
            return Ok(Found::Bought(token));
        }
        if self.is_dishonored(request) {
            return Err(not_honored().into());
        }
        let hash = to_hex(&quote.invoice.payment_hash);
        let known = self.books.borrow().journal.find(&hash).is_some();
        if known {
            let page = self.open().await?;
            let token = self.known_hash(request, quote, &hash)?;
            self.close(page).await?;
            if let Some(token) = token {
                return Ok(Found::Bought(token));
            }
        }

        let hold = self.reserve(quote)?;
        let is_wanted = || purchase.callers.borrow().iter().any(|call| !self.host.is_aborted(call));
        let consent = if is_wanted() { self.consent(quote).await } else { Err(Failure::Abandoned) };
        let found = match consent {
            Ok(()) if is_wanted() => self.journalise(request, quote, &hash, &hold).await,
            Ok(()) => Err(Failure::Abandoned),
            Err(failure) => Err(failure),
        };
        self.release(&hold);
        found
    }

    fn release(&self, hold: &Rc<Hold>) {
        self.holds.borrow_mut().retain(|other| !Rc::ptr_eq(other, hold));
    }

    /// The invoice's hash is in the journal: what was paid for here is not paid again, and a hash bought elsewhere is a trap.
    fn known_hash(&self, request: &Request, quote: &Quote, hash: &str) -> Result<Option<Rc<Token>>, Failure<H>> {
        let mut books = self.books.borrow_mut();
        let Some(entry) = books.journal.find(hash).cloned() else { return Ok(None) };
        if entry.payment.origin != quote.origin {
            let error = Error::new(
                Code::HashMismatch,
                "the invoice was bought from another origin already: its preimage would be shown to this one",
            );
            return Err(Failure::raised(error).with_payment(entry.payment));
        }
        if entry.is_unsettled() {
            let failure = Failure::raised(unknown("this invoice was handed to the wallet before"));
            return Err(failure.with_payment(entry.payment));
        }
        if entry.payment.state == State::Failed {
            return Ok(None);
        }
        let token = Token::new(entry.payment, request.method.clone(), quote.token.clone(), entry.preimage)
            .bought_for(&request.url);
        Ok(Some(books.tokens.put(token)))
    }

    fn reserve(&self, quote: &Quote) -> Result<Rc<Hold>, Failure<H>> {
        let max_fee = self.room(quote, None)?;
        let hold = Rc::new(Hold { origin: quote.origin.clone(), msat: quote.amount_msat.saturating_add(max_fee) });
        self.holds.borrow_mut().push(Rc::clone(&hold));
        Ok(hold)
    }

    /// The fee that the limits leave for this payment, beside all holds but its own.
    fn room(&self, quote: &Quote, own: Option<&Rc<Hold>>) -> Result<u64, Error> {
        let now = self.host.now();
        let (books, holds) = (self.books.borrow(), self.holds.borrow());
        let others = holds.iter().filter(|hold| !own.is_some_and(|own| Rc::ptr_eq(hold, own))).map(Rc::as_ref);
        self.config.limits.reserve(quote.amount_msat, &quote.origin, &books.journal, others, now)
    }

    async fn consent(&self, quote: &Quote) -> Result<(), Failure<H>> {
        let declined = |text| Failure::raised(Error::new(Code::Declined, text));
        match self.host.approve(quote) {
            None => Ok(()),
            Some(asked) => match asked.await {
                Ok(true) => Ok(()),
                Ok(false) => Err(declined("approve did not return true: nothing was paid")),
                Err(cause) => Err(declined("approve failed: nothing was paid").with_cause(cause)),
            },
        }
    }

    /// Writes the entry. The store is read once more right before: others may have paid, bought or spent meanwhile.
    async fn journalise(
        &self,
        request: &Request,
        quote: &Quote,
        hash: &str,
        hold: &Rc<Hold>,
    ) -> Result<Found, Failure<H>> {
        let page = self.open().await?;
        let found = self.enter(request, quote, hash, hold)?;
        if let Err(failure) = self.close(page).await {
            // The wallet was not asked, so the entry must not stand.
            if matches!(found, Found::Journalled(_)) {
                self.books.borrow_mut().journal.remove(hash);
            }
            return Err(failure);
        }
        Ok(found)
    }

    /// Makes the entry, unless what the store now holds speaks against it.
    fn enter(&self, request: &Request, quote: &Quote, hash: &str, hold: &Rc<Hold>) -> Result<Found, Failure<H>> {
        if let Some(token) = self.token_for(request) {
            return Ok(Found::Bought(token));
        }
        let now = self.host.now();
        check_expiry(&quote.invoice, now)?;
        if let Some(token) = self.known_hash(request, quote, hash)? {
            return Ok(Found::Bought(token));
        }
        let max_fee_msat = self.room(quote, Some(hold))?;
        let mut books = self.books.borrow_mut();
        if let Some(open) = books.journal.entries().iter().find(|entry| self.stands_in_the_way(entry, request, now)) {
            return Err(open_payment(open));
        }
        let payment = Payment {
            payment_hash: hash.to_owned(),
            origin: quote.origin.clone(),
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
        };
        books.journal.put(entry.clone());
        // The entry counts from now on; both together would refuse others what is theirs.
        self.release(hold);
        Ok(Found::Journalled(Box::new(entry)))
    }

    /// The lock of a purchase.
    pub(crate) async fn lock(&self, key: &str) -> Result<H::Guard, Failure<H>> {
        self.host.lock(&concat(&[PURCHASE_LOCK, key])).await.map_err(|cause| {
            let error = Error::new(Code::StoreFailed, "the store's lock could not be had: nothing is paid without it");
            Failure::raised(error).with_cause(cause)
        })
    }
}

/// What one purchase is for: method and URL.
pub(crate) fn resource(method: &str, url: &str) -> String {
    concat(&[method, " ", url])
}
