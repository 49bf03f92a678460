//! One purchase: shared by all who wait for it, journalled before the wallet is asked, settled only by proof.

use crate::challenge::{Challenge, Offer};
use crate::client::{not_honored, Client};
use crate::encoding::to_hex;
use crate::event::{Event, Quote};
use crate::failure::Failure;
use crate::host::{Host, Lookup, Order, Request};
use crate::journal::{Entry, Payment, State};
use crate::ledger::PURCHASE_LOCK;
use crate::origin::Location;
use crate::policy::Hold;
use crate::settle::{prove, unknown, LOOKUP_TIMEOUT_MS};
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
    method: String,
    url: String,
    /// Who wants this very resource: where all gave up before the wallet is asked, nothing is paid.
    callers: RefCell<Vec<Rc<H::Call>>>,
    outcome: RefCell<Option<Result<Bought, Failure<H>>>>,
    done: sync::Event,
    /// The caller who paid has had its answer, or has waited long for it.
    tried: sync::Event,
}

/// What stood in the books at the moment of writing the entry.
enum Found {
    Journalled(Payment),
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
    ) -> Result<(Bought, Option<Rc<Purchase<H>>>), Failure<H>> {
        let key = self.purchase_key(request);
        let mut mine = Some((challenges, offer));
        loop {
            // A 402 that comes after the purchase which it asks for: no new one, and no events of one.
            if let Some(token) = self.token_for(request) {
                return Ok((Bought { token, paid_now: false }, None));
            }
            let running = self.purchases.borrow().iter().find(|purchase| purchase.key == key).cloned();
            let (purchase, is_mine) = match (running, mine.take()) {
                (Some(running), offer) => {
                    mine = offer;
                    (running, false)
                }
                (None, Some((challenges, offer))) => (self.start(&key, request, challenges, offer), true),
                // Ours was frozen and passed over: whether the wallet was asked is for the journal to say.
                (None, None) => return Err(unknown("the purchase was interrupted: call again").into()),
            };
            let same = purchase.method == request.method && purchase.url == request.url;
            if same {
                purchase.callers.borrow_mut().push(Rc::clone(call));
            }
            if !purchase.done.wait(&self.host, self.config.payment_timeout_ms.saturating_add(PATIENCE_MS)).await {
                self.end(&purchase, Err(unknown("the purchase was interrupted: call again").into()));
                continue;
            }
            let outcome = purchase.outcome.borrow().clone();
            match outcome {
                Some(Ok(bought)) if is_mine => return Ok((bought, Some(purchase))),
                Some(Ok(bought)) => {
                    purchase.tried.wait(&self.host, FIRST_TRY_MS).await;
                    return Ok((Bought { paid_now: false, ..bought }, None));
                }
                Some(Err(failure)) if same && !(matches!(failure, Failure::Abandoned) && mine.is_some()) => {
                    return Err(failure)
                }
                // Another resource's failure says nothing of ours.
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
        purchase: Option<Rc<Purchase<H>>>,
    ) -> Result<H::Response, H::Cause> {
        let authorization = token.authorization();
        let mut sending = pin!(self.host.send(call, Some(&authorization), true));
        let Some(purchase) = purchase else { return sending.await };
        let sent = match first(sending.as_mut(), self.host.sleep(FIRST_TRY_MS)).await {
            First::A(sent) => sent,
            First::B(()) => {
                purchase.tried.fire();
                sending.await
            }
        };
        purchase.tried.fire();
        sent
    }

    /// One purchase at a time for an origin; where its tokens are known not to be shared, for a resource.
    fn purchase_key(&self, request: &Request) -> String {
        let origin = Location::of(&request.url).map_or("", |location| location.origin);
        if self.is_unshared(origin) {
            [request.method.as_str(), " ", &request.url].concat()
        } else {
            origin.to_owned()
        }
    }

    /// Starts a purchase that goes on whatever becomes of its caller.
    fn start(
        self: &Rc<Self>,
        key: &str,
        request: &Request,
        challenges: Vec<Challenge>,
        offer: Offer,
    ) -> Rc<Purchase<H>> {
        let purchase = Rc::new(Purchase {
            key: key.to_owned(),
            method: request.method.clone(),
            url: request.url.clone(),
            callers: RefCell::default(),
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
            purchase.outcome.replace(Some(outcome));
            purchase.done.fire();
        }
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

        let lock = [PURCHASE_LOCK, &purchase.key].concat();
        let _guard = self.host.lock(&lock).await.map_err(|cause| {
            let error = Error::new(Code::StoreFailed, "the store's lock could not be had: nothing is paid without it");
            self.refused(request, Failure::raised(error).with_cause(cause))
        })?;

        // Everything that refuses, in order; nothing has moved yet.
        let payment = match self.prepare(purchase, request, &quote).await {
            Ok(Found::Bought(token)) => return Ok(Bought { token, paid_now: false }),
            Ok(Found::Journalled(payment)) => payment,
            Err(failure) => return Err(self.refused(request, failure)),
        };

        // The wallet. Its answer is taken whenever it comes; after the timeout only the journal waits for it.
        self.host.tell(&Event::Paying(&payment));
        let max_fee_msat =
            self.books.borrow().journal.find(&payment.payment_hash).map_or(0, |entry| entry.max_fee_msat);
        let order = Order { url: &request.url, max_fee_msat, timeout_ms: self.config.payment_timeout_ms };
        let mut answer = Box::pin(self.host.pay(&quote.invoice, order));
        let token = match first(answer.as_mut(), self.host.sleep(order.timeout_ms)).await {
            First::A(answer) => self.settle(&payment, answer).await,
            First::B(()) => {
                let client = Rc::clone(self);
                let late = payment.clone();
                self.host.spawn(Box::pin(async move { client.settle_late(&late, answer).await }));
                self.ask_wallet(
                    &payment,
                    unknown("the wallet did not answer in time; a later answer is recorded").into(),
                )
                .await
            }
        };
        token.map(|token| Bought { token, paid_now: true })
    }

    /// Re-reads the store, settles what is open, reserves, asks the caller, and writes the entry.
    async fn prepare(&self, purchase: &Purchase<H>, request: &Request, quote: &Quote) -> Result<Found, Failure<H>> {
        self.read_again().await?;
        self.recover(request).await?;
        if let Some(token) = self.token_for(request) {
            return Ok(Found::Bought(token));
        }
        if self.is_dishonored(request) {
            return Err(not_honored().into());
        }
        let hash = to_hex(&quote.invoice.payment_hash);
        let known = self.books.borrow().journal.find(&hash).cloned();
        if let Some(entry) = known {
            if let Some(token) = self.known_hash(request, quote, entry).await? {
                return Ok(Found::Bought(token));
            }
        }

        let hold = self.reserve(quote)?;
        let consent = self.consent(quote).await;
        let wanted = purchase.callers.borrow().iter().any(|call| !self.host.is_aborted(call));
        let found = match consent {
            Ok(()) if wanted => self.journalise(request, quote, &hash, &hold).await,
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
    async fn known_hash(
        &self,
        request: &Request,
        quote: &Quote,
        entry: Entry,
    ) -> Result<Option<Rc<Token>>, Failure<H>> {
        if entry.payment.state == State::Failed {
            return Ok(None);
        }
        if entry.payment.origin != quote.origin {
            let error = Error::new(
                Code::HashMismatch,
                "the invoice was bought from another origin already: its preimage would be shown to this one",
            );
            return Err(Failure::raised(error).with_payment(entry.payment));
        }
        if entry.is_unsettled() {
            return Err(unknown("this invoice was handed to the wallet before").into())
                .map_err(|failure: Failure<H>| failure.with_payment(entry.payment));
        }
        let token = Token::new(entry.payment, request.method.clone(), quote.token.clone(), entry.preimage)
            .bought_for(&request.url);
        let page = self.open().await;
        let token = self.books.borrow_mut().tokens.put(token);
        self.close_or_keep(page).await;
        Ok(Some(token))
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
        let max_fee_msat = self.room(quote, Some(hold))?;
        let now = self.host.now();
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
        books.journal.put(Entry {
            payment: payment.clone(),
            method: request.method.clone(),
            token: quote.token.clone(),
            preimage: None,
            max_fee_msat,
            started_at_ms: now,
            invoice_expires_at: quote.invoice.expires_at,
        });
        // The entry counts from now on; both together would refuse others what is theirs.
        self.release(hold);
        Ok(Found::Journalled(payment))
    }

    /// Whether an entry's open outcome keeps this request from being paid.
    fn stands_in_the_way(&self, entry: &Entry, request: &Request, now: u64) -> bool {
        let same_resource = entry.method == request.method && entry.payment.url == request.url;
        let origin = Location::of(&request.url).map_or("", |location| location.origin);
        entry.is_unsettled()
            && entry.payment.origin == origin
            && (same_resource || !self.is_unshared(origin))
            && !entry.is_forgotten(now)
    }

    /// Asks the wallet what became of open payments of this origin.
    async fn recover(&self, request: &Request) -> Result<(), Failure<H>> {
        let now = self.host.now();
        let open: Vec<Entry> = self
            .books
            .borrow()
            .journal
            .entries()
            .iter()
            .filter(|entry| self.stands_in_the_way(entry, request, now))
            .cloned()
            .collect();
        for entry in open {
            // Without a lock that holds for all, another instance may be between its journal write and its wallet's start.
            let past_timeout = self.host.now().saturating_sub(entry.started_at_ms) > self.config.payment_timeout_ms;
            let certain = past_timeout || !self.host.has_store() || self.host.has_lock();
            match self.look_up(&entry.payment.payment_hash).await {
                Lookup::Paid { preimage, fee_msat } => match prove(&preimage, &entry.payment) {
                    Ok(proof) => {
                        self.settle_paid(&entry.payment, Some(proof.to_hex()), fee_msat).await;
                    }
                    Err(_) => return Err(open_payment(&entry)),
                },
                Lookup::Failed if certain => {
                    self.settle_failed(&entry.payment).await;
                }
                _ => return Err(open_payment(&entry)),
            }
        }
        Ok(())
    }
}

fn open_payment<H: Host>(entry: &Entry) -> Failure<H> {
    Failure::raised(unknown("an earlier payment is open")).with_payment(entry.payment.clone())
}
