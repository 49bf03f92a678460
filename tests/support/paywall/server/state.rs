//! What the server remembers, by shop: tokens, payments, and the counts that tests assert.

use super::hex::{self, Hash};
use super::mint::{Challenge, Mint};
use super::session::Account;
use super::settings::{Scope, Settings};
use super::x402::{self, Offer};
use serde_json::{json, Value};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Locks, whatever became of who held it before: counts stay readable after a failed request.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub struct World {
    pub mint: Mint,
    shops: Mutex<HashMap<String, Arc<Shop>>>,
}

impl World {
    /// # Errors
    /// If the mint could not be made.
    pub fn new() -> Result<World, String> {
        Ok(World { mint: Mint::new()?, shops: Mutex::new(HashMap::new()) })
    }

    /// The shop and wallet of this name, new at first use.
    pub fn shop(&self, id: &str) -> Arc<Shop> {
        lock(&self.shops).entry(id.to_string()).or_default().clone()
    }

    /// Whether a wallet paid this invoice, whosever it is.
    pub fn is_paid(&self, hash: &Hash) -> bool {
        let is_paid = |paid: &Paid| paid.times > 0 || paid.state == State::Paid;
        lock(&self.shops).values().any(|shop| shop.read(|book| book.wallet.get(hash).is_some_and(is_paid)))
    }
}

/// One namespace: all that a test shares with nobody.
pub struct Shop {
    book: Mutex<Book>,
    changed: watch::Sender<()>,
    released: watch::Sender<()>,
}

impl Default for Shop {
    fn default() -> Self {
        Shop { book: Mutex::default(), changed: watch::channel(()).0, released: watch::channel(()).0 }
    }
}

#[derive(Default)]
pub struct Book {
    pub log: Vec<Value>,
    pub requests: u64,
    pub preflights: u64,
    pub challenges: u64,
    pub invoices: u64,
    pub asked: u64,
    pub payments: u64,
    pub paid_msat: u64,
    pub fees_msat: u64,
    pub accepted: u64,
    pub refused: u64,
    pub dropped: u64,
    pub lookups: u64,
    /// By the name that `Challenge` gives.
    pub tokens: HashMap<Vec<u8>, Token>,
    /// What was offered by x402, by payment hash.
    pub offers: HashMap<Hash, Offer>,
    /// Sessions of MPP, by the payment hash of the first deposit.
    pub sessions: HashMap<Hash, Account>,
    /// The ids of challenges of sessions that were good once.
    pub consumed: HashSet<String>,
    /// Millisatoshis that the wallet has received, by payment hash.
    pub received: HashMap<Hash, u64>,
    /// Unpaid challenges to be sent again, by path and query.
    pub standing: HashMap<String, Challenge>,
    pub wallet: HashMap<Hash, Paid>,
}

/// A token that was offered, and what it is good for.
pub struct Token {
    pub hash: Hash,
    pub scope: Scope,
    pub path: String,
    pub uses_left: Option<u64>,
    pub shown: u64,
    pub revoked: bool,
}

/// What the wallet knows of a payment hash.
#[derive(Clone, Copy, Default)]
pub struct Paid {
    pub state: State,
    pub times: u64,
}

#[derive(Clone, Copy, Default, PartialEq)]
pub enum State {
    #[default]
    Pending,
    Paid,
    Failed,
}

impl Shop {
    /// Changes the book, and wakes who waits for a count.
    pub fn write<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        let result = change(&mut lock(&self.book));
        self.changed.send_replace(());
        result
    }

    pub fn read<T>(&self, look: impl FnOnce(&Book) -> T) -> T {
        look(&lock(&self.book))
    }

    /// Lets go all that is held now.
    pub fn release(&self) {
        self.released.send_replace(());
    }

    /// Resolves at the next release after this call, though it be awaited later.
    pub fn gate(&self) -> watch::Receiver<()> {
        self.released.subscribe()
    }

    /// Resolves when `enough` holds of the book.
    pub async fn until(&self, enough: impl Fn(&Book) -> bool) {
        let mut changed = self.changed.subscribe();
        while !self.read(&enough) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    pub fn remember(&self, challenge: &Challenge, settings: &Settings, path: &str) {
        let hash = challenge.hash;
        let token = |scope, default: Option<u64>| {
            let uses_left = settings.uses.or(default);
            Token { hash, scope, path: path.into(), uses_left, shown: 0, revoked: false }
        };
        let single = Some(1).filter(|_| settings.scope == Scope::Single);
        // a payment of x402 is for one request, however long a token with the same invoice lasts
        let once = if settings.scope == Scope::Never { Scope::Never } else { Scope::Single };
        self.write(|book| {
            book.invoices += 1;
            book.tokens.insert(challenge.name.clone(), token(settings.scope, single));
            if let Some(offer) = &challenge.offer {
                // a hash that was used is used up, whatever else is offered over it
                book.tokens.entry(x402::name(&hash)).or_insert(token(once, Some(1)));
                book.offers.insert(hash, offer.clone());
            }
        });
    }
}

impl Book {
    /// The count of this name; None where there is no such count.
    pub fn count(&self, name: &str) -> Option<u64> {
        Some(match name {
            "requests" => self.requests,
            "preflights" => self.preflights,
            "challenges" => self.challenges,
            "invoices" => self.invoices,
            "asked" => self.asked,
            "payments" => self.payments,
            "accepted" => self.accepted,
            "refused" => self.refused,
            "dropped" => self.dropped,
            "lookups" => self.lookups,
            _ => return None,
        })
    }

    /// Counts a payment that went out, though it be the second of its hash.
    pub fn pay(&mut self, hash: Hash, msat: u64, fee: u64) {
        let paid = self.wallet.entry(hash).or_default();
        paid.state = State::Paid;
        paid.times += 1;
        self.payments += 1;
        self.paid_msat = self.paid_msat.saturating_add(msat);
        self.fees_msat = self.fees_msat.saturating_add(fee);
        self.standing.retain(|_, challenge| challenge.hash != hash);
    }

    pub fn report(&self, with_log: bool) -> Value {
        let hashes: HashMap<String, u64> = self
            .wallet
            .iter()
            .filter(|(_, paid)| paid.times > 0)
            .map(|(hash, paid)| (hex::encode(hash), paid.times))
            .collect();
        let mut report = json!({
            "requests": self.requests, "preflights": self.preflights, "challenges": self.challenges,
            "invoices": self.invoices, "asked": self.asked, "payments": self.payments, "paidMsat": self.paid_msat,
            "feesMsat": self.fees_msat, "accepted": self.accepted, "refused": self.refused,
            "dropped": self.dropped, "lookups": self.lookups, "paid": hashes,
        });
        if with_log {
            report["log"] = json!(self.log);
        }
        report
    }
}
