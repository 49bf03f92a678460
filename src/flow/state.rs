//! The state of one instance of the client.

use crate::flow::config::Config;
use crate::flow::host::Host;
use crate::flow::orders::Orders;
use crate::flow::purchase::Purchases;
use crate::flow::shared_records::SharedRecords;
use crate::flow::sync::{Mutex, Signal};
use crate::ledger::origins::Origins;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// One instance of the client. Each part keeps its own fields to itself.
pub(crate) struct ClientState<H: Host> {
    pub(super) host: H,
    pub(super) config: Config,
    pub(super) records: SharedRecords,
    pub(super) purchases: Purchases<H>,
    pub(super) orders: Orders,
    /// What the tokens of an origin are good for.
    pub(super) origins: Origins,
    /// The lookups that are under way for `payments()` or `spent()`.
    pub(super) lookups: RefCell<Weak<Signal>>,
    /// What its wallet has reported so far. The store remembers that only for a wallet with an id.
    pub(super) habits: Cell<u64>,
    /// One `onUnknown` question at a time.
    pub(super) questions: Mutex,
}

impl<H: Host> ClientState<H> {
    /// An instance that has paid nothing yet.
    pub(crate) fn new(host: H, config: Config) -> Rc<Self> {
        Rc::new(Self {
            host,
            config,
            records: SharedRecords::default(),
            purchases: Purchases::default(),
            orders: Orders::default(),
            origins: Origins::default(),
            lookups: RefCell::default(),
            habits: Cell::default(),
            questions: Mutex::default(),
        })
    }

    pub(crate) fn host(&self) -> &H {
        &self.host
    }
}
