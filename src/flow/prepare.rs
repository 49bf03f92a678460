//! Everything that can refuse a purchase before the wallet is asked, in order; nothing has moved yet.

use crate::error::{Code, Error};
use crate::flow::call::Client;
use crate::flow::event::Quote;
use crate::flow::failure::Failure;
use crate::flow::host::{Host, Request};
use crate::flow::offer::check_expiry;
use crate::flow::purchase::Purchase;
use crate::flow::records::Books;
use crate::flow::settle::{open_payment, unknown};
use crate::ledger::certainty::Dispatch;
use crate::ledger::journal::{Entry, Payment, State};
use crate::ledger::limits::Counted;
use crate::ledger::token::Token;
use std::ptr;
use std::rc::Rc;

/// How often a purchase that is about to begin waits for one that others began.
const MOST_WAITS: u32 = 10;

/// What stood in the books at the moment of writing the entry.
pub(crate) enum Found {
    Journalled(Box<Entry>),
    Bought(Rc<Token>),
}

impl<H: Host> Client<H> {
    /// Takes the locks of a purchase, re-reads the store, settles what is open, reserves, asks the caller, and writes the
    /// entry.
    pub(crate) async fn prepare(
        &self,
        purchase: &Purchase<H>,
        quote: &Quote,
        guards: &mut Vec<H::Guard>,
    ) -> Result<Found, Failure<H>> {
        let request = &*purchase.request;
        // The origin's first, then the resource's: who holds the latter knows that nobody else is buying it, whatever others
        // have learnt of the origin. Where tokens are known not to be shared both are the same.
        guards.push(self.lock(&purchase.key).await?);
        if purchase.resource != purchase.key {
            guards.push(self.lock(&purchase.resource).await?);
        }
        purchase.locked_at.set(self.host.now());

        self.read_again().await?;
        if self.token_for(request).is_none() {
            if let Some(abandoned) = self.recover(purchase).await? {
                return self.repeat_order(purchase, &abandoned).await;
            }
        }
        if let Some(token) = self.token_for(request) {
            return Ok(Found::Bought(token));
        }
        if let Some(failure) = self.not_honored(request) {
            return Err(failure);
        }
        let hash = quote.invoice.payment_hash.to_hex();
        if self.books.borrow().bought_with(&hash).is_some() {
            let mut known = None;
            self.change(&mut |books| {
                known = books.known_hash(request, quote, &hash)?;
                Ok(())
            })
            .await?;
            if let Some(token) = known {
                return Ok(Found::Bought(token));
            }
        }

        let max_fee = self.reserve(purchase, quote)?;
        let is_wanted = || purchase.is_wanted(&self.host);
        let consent = if is_wanted() { self.consent(purchase, quote, max_fee).await } else { Err(Failure::Abandoned) };
        let found = match consent {
            Ok(()) if is_wanted() => self.journalise(purchase, quote, &hash, max_fee).await,
            Ok(()) => Err(Failure::Abandoned),
            Err(failure) => Err(failure),
        };
        match found {
            Ok(Found::Journalled(entry)) if !is_wanted() => {
                if entry.dispatch.repeats == 0 {
                    self.take_back(&entry).await;
                }
                Err(Failure::Abandoned)
            }
            found => found,
        }
    }

    /// Reserves amount and fee, and gives the fee that the payment may cost. Where requests freeze, one that froze has lost
    /// its reservation: should it thaw, all is checked once more before its entry is made.
    fn reserve(&self, purchase: &Purchase<H>, quote: &Quote) -> Result<u64, Failure<H>> {
        for other in &*self.purchases.borrow() {
            if other.is_frozen(&self.host) {
                other.reserved_msat.set(None);
            }
        }
        let max_fee = self.room(&self.books.borrow(), purchase, quote)?;
        purchase.reserved_msat.set(Some(quote.amount_msat.saturating_add(max_fee)));
        Ok(max_fee)
    }

    /// The fee that the limits leave for this payment.
    fn room(&self, books: &Books, own: &Purchase<H>, quote: &Quote) -> Result<u64, Error> {
        self.config.limits.reserve(quote.amount_msat, &self.counted(books, own, quote))
    }

    /// What limits count, all reservations but its own among it.
    pub(crate) fn counted(&self, books: &Books, own: &Purchase<H>, quote: &Quote) -> Counted {
        let mut counted = Counted::of(&books.journal, &quote.origin, self.host.now());
        for other in self.purchases.borrow().iter().filter(|other| !ptr::eq(Rc::as_ptr(other), own)) {
            if let Some(msat) = other.reserved_msat.get() {
                counted.add(msat, other.request.origin() == quote.origin);
            }
        }
        counted
    }

    /// Writes the entry. The store is read once more right before: others may have paid, bought or spent meanwhile. What they
    /// have begun is settled first.
    async fn journalise(
        &self,
        purchase: &Purchase<H>,
        quote: &Quote,
        hash: &str,
        approved_fee: u64,
    ) -> Result<Found, Failure<H>> {
        for _ in 0..MOST_WAITS {
            let mut found = None;
            let mut enter = |books: &mut Books| {
                purchase.entered_at.set(self.host.now());
                found = self.enter(books, purchase, quote, hash, approved_fee)?;
                if let Some(Found::Journalled(entry)) = &found {
                    self.entering.replace(Some((**entry).clone()));
                }
                Ok(())
            };
            if let Err(failure) = self.change(&mut enter).await {
                if let Some(Found::Journalled(entry)) = found {
                    self.take_back(&entry).await;
                }
                return Err(failure);
            }
            match found {
                Some(found) => return Ok(found),
                None => {
                    if let Some(abandoned) = self.recover(purchase).await? {
                        return self.repeat_order(purchase, &abandoned).await;
                    }
                }
            }
        }
        Err(unknown("others begin payments all the time").into())
    }

    /// Takes up an abandoned order: its invoice is handed to the same wallet once more, never a fresh one beside it. It counts
    /// already, and whoever is asked before payments has consented to it; who sent it may have been allowed more at once.
    async fn repeat_order(&self, purchase: &Purchase<H>, abandoned: &Entry) -> Result<Found, Failure<H>> {
        let mut found = None;
        let mut repeat = |books: &mut Books| {
            purchase.entered_at.set(self.host.now());
            let known = books.journal.find_mut(&abandoned.payment.payment_hash);
            let may_be_sent = |known: &&mut Entry| {
                let most = known.payment.amount_msat.saturating_add(known.max_fee_msat);
                known.is_unsettled() && known.is_same_order(abandoned) && most <= self.config.limits.per_payment
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
        if !purchase.is_wanted(&self.host) {
            return Err(Failure::Abandoned);
        }
        self.change(&mut repeat).await?;
        match found {
            Some(entry) if purchase.is_wanted(&self.host) => Ok(Found::Journalled(entry)),
            Some(_) => Err(Failure::Abandoned),
            None => Err(Failure::raised(open_payment(), None, Some(abandoned.payment.clone()))),
        }
    }

    /// The wallet was not asked, so the entry must not stand: not in a store either that wrote it and failed then. Where it
    /// can't be read now, it is taken back by whatever reads it next.
    async fn take_back(&self, entry: &Entry) {
        self.books.borrow_mut().journal.take_back(entry);
        let mut take_back = |books: &mut Books| {
            books.journal.take_back(entry);
            Ok(())
        };
        if self.change(&mut take_back).await.is_err() {
            self.books.borrow_mut().withdrawn.push(entry.clone());
        }
    }

    /// Makes the entry, unless what the store now holds speaks against it: `None` where another payment is open. Every check
    /// that time can change is made here, at one moment with the entry: the reservation may have been lost, and the locks.
    fn enter(
        &self,
        books: &mut Books,
        purchase: &Purchase<H>,
        quote: &Quote,
        hash: &str,
        approved_fee: u64,
    ) -> Result<Option<Found>, Failure<H>> {
        let request = &*purchase.request;
        if let Some(token) = self.token_in(books, request, false) {
            return Ok(Some(Found::Bought(token)));
        }
        let now = self.host.now();
        if let Some(failure) = self.not_honored_in(books, request) {
            return Err(failure);
        }
        check_expiry(&quote.invoice, now)?;
        if let Some(token) = books.known_hash(request, quote, hash)? {
            return Ok(Some(Found::Bought(token)));
        }
        let max_fee_msat = self.room(books, purchase, quote)?.min(approved_fee);
        if books.journal.entries().iter().any(|entry| self.stands_in_the_way(entry, request, now)) {
            return Ok(None);
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
            dispatch: {
                let wallet = self.host.wallet();
                let invoice = wallet.settles_once.then(|| quote.invoice.payment_request.clone());
                let failures = books.journal.find(hash).map_or(0, |known| known.dispatch.failures);
                Dispatch { wallet_id: wallet.id, invoice, failures, ..Dispatch::default() }
            },
        };
        books.make_room(&entry, now)?;
        // An earlier attempt of the same moment must not take this one with it.
        books.withdrawn.retain(|attempt| attempt.payment.payment_hash != hash);
        books.journal.put(entry.clone());
        // The entry counts from now on; both together would refuse others what is theirs.
        purchase.reserved_msat.set(None);
        Ok(Some(Found::Journalled(Box::new(entry))))
    }
}

impl Books {
    /// The invoice's hash is in the books: what was paid for here is not paid again, and a hash bought elsewhere is a trap.
    fn known_hash<H: Host>(
        &mut self,
        request: &Request,
        quote: &Quote,
        hash: &str,
    ) -> Result<Option<Rc<Token>>, Failure<H>> {
        let Some((payment, preimage)) = self.bought_with(hash) else { return Ok(None) };
        if payment.origin != quote.origin {
            let error = Error::new(
                Code::HashMismatch,
                "the invoice was bought from another origin already: its preimage would be shown to this one",
            );
            return Err(Failure::raised(error, None, Some(payment)));
        }
        match payment.state {
            State::Pending | State::Unknown => {
                let error = unknown("this invoice was handed to the wallet before");
                Err(Failure::raised(error, None, Some(payment)))
            }
            State::Failed => Ok(None),
            State::Paid => {
                let token = Token::new(payment, request.method.clone(), quote.token.clone(), preimage);
                Ok(Some(self.tokens.put(token.bought_for(&request.url))))
            }
        }
    }
}
