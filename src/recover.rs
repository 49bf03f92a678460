//! Earlier payments whose outcome is open: looked up before their resource is paid for again, and before sums are told.

use crate::client::Client;
use crate::failure::Failure;
use crate::host::{Host, Request};
use crate::journal::{Entry, Journal, State};
use crate::ledger::Books;
use crate::purchase::{resource, Purchase};
use crate::settle::{open_payment, Left, LOOKUP_TIMEOUT_MS};
use crate::sync::{all, within, Fires, Task};
use std::rc::Rc;

/// Open payments that are looked up at the same time before [`Client::payments`] and [`Client::spent`] answer, the latest
/// first: a wallet's API takes so many questions at once, and an instance with more of them open has other worries.
const MOST_LOOKUPS: usize = 100;

/// For so long after its journal write an order may still be on its way to the wallet, though the tab or process that sent it
/// is gone and its lock is free: the wallet then says "failed" of a payment that it is about to make.
const ON_ITS_WAY_MS: u64 = 10_000;

impl<H: Host> Client<H> {
    /// Whether an entry's open outcome keeps this request from being paid.
    pub(crate) fn stands_in_the_way(&self, entry: &Entry, request: &Request, now: u64) -> bool {
        let same_resource = entry.method == request.method && entry.payment.url == request.url;
        let origin = request.origin();
        entry.is_unsettled()
            && entry.payment.origin == origin
            && (same_resource || !self.origins.is_unshared(origin))
            && !entry.is_forgotten(now)
    }

    /// Settles what stands in the way of a purchase, or fails with it.
    pub(crate) async fn recover(&self, own: &Purchase<H>) -> Result<(), Failure<H>> {
        let mut asked: Vec<String> = Vec::new();
        loop {
            let open = self.unsettled(|entry| self.stands_in_the_way(entry, &own.request, self.host.now()));
            if let Some(entry) = open.iter().find(|entry| asked.contains(&entry.payment.payment_hash)) {
                return Err(open_payment(entry));
            }
            if open.is_empty() {
                return Ok(());
            }
            // While these are looked up, others may be begun.
            asked.extend(open.iter().map(|entry| entry.payment.payment_hash.clone()));
            self.look_up_all(open, Some(own)).await;
        }
    }

    /// Reads the journal, once open payments of all origins were looked up. What the wallet does not say within 10 s, and whom
    /// it makes wait, changes nothing.
    pub(crate) async fn look_at(&self, read: &mut dyn FnMut(&Journal)) -> Result<(), Failure<H>> {
        let mut look = |books: &mut Books| {
            read(&books.journal);
            Ok(())
        };
        self.change(&mut look).await?;
        let has_open = self.books.borrow().journal.entries().iter().any(Entry::is_unsettled);
        if !has_open || !self.host.has_lookup() {
            return Ok(());
        }
        self.look_all_up().await;
        self.change(&mut look).await
    }

    /// Who calls while others wait for the answers waits for the same ones, where one request may wake another's tasks.
    async fn look_all_up(&self) {
        let running = self.lookups.borrow().upgrade();
        if let Some(running) = running.filter(|running| !self.host.wakes_only_itself() && !running.has_happened()) {
            running.wait(&self.host, LOOKUP_TIMEOUT_MS).await;
            return;
        }
        let mine = Fires::default();
        self.lookups.replace(Rc::downgrade(&mine.0));
        let mut open = self.unsettled(|_| true);
        open.drain(..open.len().saturating_sub(MOST_LOOKUPS));
        self.look_up_all(open, None).await;
    }

    /// All at the same time: one that hangs costs 10 s, and so do many. `own` is the purchase whose locks the caller holds.
    async fn look_up_all(&self, open: Vec<Entry>, own: Option<&Purchase<H>>) {
        let mut lookups: Vec<Task<'_>> = Vec::new();
        for entry in open {
            lookups.push(Box::pin(self.look_one_up(entry, own)));
        }
        all(lookups).await;
    }

    /// Asks the wallet, and settles the entry where its answer may be believed.
    async fn look_one_up(&self, mut entry: Entry, own: Option<&Purchase<H>>) {
        let mut is_certain = self.is_certain(&entry, own);
        let started = self.host.now();
        let left = || LOOKUP_TIMEOUT_MS.saturating_sub(self.host.now().saturating_sub(started));
        let mut guard = None;
        // Who wants to buy waits for whoever is buying this, as it would for its own resource.
        let mut waits = own.is_some() && is_certain.is_none();
        loop {
            if !std::mem::take(&mut waits) {
                let patience = if own.is_some() { LOOKUP_TIMEOUT_MS } else { left() };
                match self.look_up(&entry.payment, patience).await {
                    Ok(proof) => return drop(self.settle_paid(&entry, proof).await),
                    Err(Left::Nothing) if is_certain == Some(true) && !self.may_be_on_its_way(&entry) => {
                        return drop(self.settle_unproven(&entry, Left::Nothing).await);
                    }
                    Err(Left::Nothing) if is_certain.is_none() => {}
                    Err(_) => return,
                }
            }
            // Who holds the lock of its resource knows that nobody else is buying it, and asks again. A purchase waits for
            // another one; who only reads the books does not.
            let patience = if own.is_some() { self.config.payment_timeout_ms } else { left() };
            let resource = resource(&entry.method, &entry.payment.url);
            let Some(Ok(held)) = within(self.lock(&resource), self.host.sleep(patience)).await else { return };
            guard.replace(held);
            let locked_at = self.host.now();
            if self.read_again().await.is_err() {
                return;
            }
            let still = self.books.borrow().journal.find(&entry.payment.payment_hash).cloned();
            match still.filter(Entry::is_unsettled) {
                Some(still) => entry = still,
                None => return,
            }
            is_certain = Some(is_earlier(&entry, locked_at));
        }
    }

    /// Whether a lookup's "failed" may be believed: between its journal write and its wallet's start a lookup finds nothing,
    /// so only while nobody else can be buying this; where no lock can tell, past the time that a wallet is given. `None`: who
    /// takes the lock of the entry's resource can tell. `own` is the purchase whose locks the caller holds.
    fn is_certain(&self, entry: &Entry, own: Option<&Purchase<H>>) -> Option<bool> {
        let resource = resource(&entry.method, &entry.payment.url);
        let mine = own.filter(|own| own.resource == resource);
        if mine.is_none() && self.purchases.borrow().iter().any(|other| other.resource == resource) {
            return if own.is_some() && self.host.has_lock() { None } else { Some(false) };
        }
        // The clock alone tells nothing of who holds a lock: it may have been set.
        let is_old = entry.age_ms(self.host.now()) > self.config.payment_timeout_ms;
        if !self.host.has_store() {
            // A purchase that was passed over may only be frozen.
            let was_asked = !self.host.wakes_only_itself() || entry.payment.state == State::Unknown;
            return Some(is_old || was_asked);
        }
        match mine {
            _ if !self.host.has_lock() => Some(is_old),
            Some(mine) => Some(is_old || is_earlier(entry, mine.locked_at.get())),
            None => None,
        }
    }

    /// Whether whoever shares the store has sent this order a moment ago and did not live to hear of it.
    fn may_be_on_its_way(&self, entry: &Entry) -> bool {
        self.host.has_store() && entry.payment.state == State::Pending && entry.age_ms(self.host.now()) < ON_ITS_WAY_MS
    }

    fn unsettled(&self, which: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let books = self.books.borrow();
        books.journal.entries().iter().filter(|entry| entry.is_unsettled() && which(entry)).cloned().collect()
    }
}

/// Whether a payment was begun before the lock of its resource was had. One that was begun later shows that the lock has been
/// lost meanwhile, to someone who may be about to pay: its holder was frozen.
fn is_earlier(entry: &Entry, locked_at: u64) -> bool {
    entry.started_at_ms <= locked_at
}
