//! The shared store: values, and locks that behave like those of the real stores.

use crate::process::{Process, Status};
use crate::setup::Kind;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

pub const JOURNAL: &str = "l402-fetch/journal";
pub const TOKENS: &str = "l402-fetch/tokens";
pub const LEDGER_LOCK: &str = "l402-fetch/ledger";
/// The time for which others respect a lease, or a lock file without a sign of life.
pub const LEASE_MS: u64 = 20_000;

/// A process, and the number of the request by which it took the lock.
pub type Holder = (usize, u64);

#[derive(Clone, Default, Hash)]
pub struct Lock {
    pub holder: Option<Holder>,
    /// The time at which it was last taken from a holder that did not free it.
    pub taken_over: Option<u64>,
}

pub struct Store {
    pub kind: Kind,
    pub values: RefCell<BTreeMap<String, String>>,
    pub locks: RefCell<BTreeMap<String, Lock>>,
}

impl Store {
    pub fn new(kind: Kind) -> Self {
        Self { kind, values: RefCell::default(), locks: RefCell::default() }
    }

    pub fn value(&self, key: &str) -> Option<String> {
        self.values.borrow().get(key).cloned()
    }

    pub fn holder(&self, name: &str) -> Option<Holder> {
        self.locks.borrow().get(name).and_then(|lock| lock.holder)
    }

    /// The time at which a lock is free, on the clock of timers. It is 0 if the lock is free, and `None` if nobody can
    /// tell.
    pub fn free_at(&self, name: &str, processes: &[Rc<Process>]) -> Option<u64> {
        let Some(holder) = self.holder(name) else { return Some(0) };
        let (status, since) = processes[holder.0].status_of_holder(holder);
        match (self.kind, status) {
            (Kind::File, Status::Dead) => Some(0),
            (Kind::Lease | Kind::File, Status::Dead | Status::Frozen) => Some(since + LEASE_MS),
            _ => None,
        }
    }

    /// Takes a lock that is free. Returns the time at which it was last taken over, if ever.
    pub fn take(&self, name: &str, holder: Holder, now: u64) -> Option<u64> {
        let mut locks = self.locks.borrow_mut();
        let lock = locks.entry(name.to_owned()).or_default();
        if lock.holder.is_some() {
            lock.taken_over = Some(now);
        }
        lock.holder = Some(holder);
        lock.taken_over
    }

    pub fn free(&self, name: &str, holder: Holder) {
        if let Some(lock) = self.locks.borrow_mut().get_mut(name).filter(|lock| lock.holder == Some(holder)) {
            lock.holder = None;
        }
    }

    /// Frees all locks of a process, as a browser does for a closed tab.
    pub fn free_all_of(&self, process: usize) {
        for lock in self.locks.borrow_mut().values_mut().filter(|lock| lock.holder.is_some_and(|(id, _)| id == process))
        {
            lock.holder = None;
        }
    }
}
