//! The state of one instance of the client.

use crate::flow::config::Config;
use crate::flow::host::Host;
use crate::flow::leases::Leases;
use crate::flow::ledger::Ledger;
use crate::flow::orders::{OrderState, Orders};
use crate::flow::owned::Owned;
use crate::flow::purchase::Purchases;
use crate::flow::scope::Scope;
use crate::flow::sync::{Mutex, Signal};
use crate::ledger::instance::Instance;
use crate::ledger::lease::Lease;
use crate::text::encoding::{concat, to_hex};
use crate::wire::payment_hash::PaymentHash;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// One instance of the client. Each part keeps its own fields to itself.
pub(crate) struct ClientState<H: Host> {
    pub(super) host: Rc<H>,
    pub(super) config: Config,
    /// The store's rows, and what is to be written.
    pub(super) ledger: Ledger<H>,
    /// The tokens that it knows.
    pub(super) owned: Owned,
    pub(super) purchases: Purchases<H>,
    pub(super) orders: Orders,
    pub(super) leases: Leases,
    /// The client, as the scope around all others.
    pub(crate) outermost: Rc<Scope<H>>,
    /// The lookups of open payments that are under way for whoever reads the records.
    pub(super) lookups: RefCell<Weak<Signal>>,
    /// What its wallet has reported so far. The store remembers that only for a wallet with an id.
    pub(super) habits: Cell<u64>,
    /// One `onUnknown` question at a time.
    pub(super) questions: Mutex,
    /// What the names of its purchases begin with: no other instance has it.
    instance: String,
    purchased: Cell<u64>,
}

impl<H: Host> ClientState<H> {
    /// An instance that has paid nothing yet.
    pub(crate) fn new(host: H, config: Config) -> Rc<Self> {
        let host = Rc::new(host);
        let random = || to_hex(&host.random().to_be_bytes());
        let instance = concat(&[&random(), &random(), "-"]);
        Rc::new(Self {
            ledger: Ledger::default(),
            outermost: Rc::new(Scope::outermost(Rc::clone(&host), config.limits)),
            host,
            config,
            owned: Owned::default(),
            purchases: Purchases::default(),
            orders: Orders::default(),
            leases: Leases::default(),
            lookups: RefCell::default(),
            habits: Cell::default(),
            questions: Mutex::default(),
            instance,
            purchased: Cell::default(),
        })
    }

    pub(crate) fn host(&self) -> &H {
        &self.host
    }

    /// A name for a purchase that no other has.
    pub(crate) fn next_owner(&self) -> String {
        self.purchased.set(self.purchased.get().wrapping_add(1));
        concat(&[&self.instance, &self.purchased.get().to_string()])
    }

    /// Whether a purchase is, or was, one of this instance.
    pub(crate) fn is_ours(&self, owner: &str) -> bool {
        owner.starts_with(&self.instance)
    }
}

/// What steps may ask of an instance.
impl<H: Host> Instance for ClientState<H> {
    fn now_ms(&self) -> u64 {
        self.host.now()
    }

    /// Of its own purchases an instance knows it at once.
    fn has_lapsed(&self, owner: &str, lease: Option<&Lease>) -> bool {
        if self.is_ours(owner) && !self.host.wakes_only_itself() {
            let is_running = self.purchases.find(|purchase| purchase.owner == owner).is_some();
            return !is_running && self.orders.state(owner) != Some(OrderState::Out);
        }
        lease.is_none_or(|lease| self.leases.has_lapsed(owner, lease, self.host.monotonic()))
    }

    fn knew(&self, key: &str, payment_hash: &PaymentHash, mark: u32) -> bool {
        self.owned.was_known(key, payment_hash, mark)
    }

    fn bought_here(&self, key: &str, payment_hash: &PaymentHash) -> bool {
        self.owned.bought_with(key, payment_hash).is_some_and(|token| token.is_bought_here)
    }
}
