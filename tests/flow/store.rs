//! A store that several instances may share, and that fails when it is told to.

use crate::executor::{yield_now, Later};
use crate::host::Cause;
use l402_fetch::ledger::instance::Instance;
use l402_fetch::ledger::step::{decide, Decision, Step};
use l402_fetch::ledger::view::{Changes, Listing, View};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The operations of a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    Read,
    Write,
    List,
}

/// What becomes of a write, and what is said of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    Honest,
    /// Nothing is written, and that is said.
    Loses,
    /// It happens, and `false` is said: it was sent twice, and the second one lost against the first.
    SaysFalse,
    /// It happens, and an error is told.
    Rejects,
    /// An error is told, and it happens with [`Store::land`], if what it depends on is still the same.
    Late,
    /// The same, where `false` is said.
    LateFalse,
}

/// A store that several instances may share.
#[derive(Default)]
pub struct Store {
    pub values: RefCell<BTreeMap<String, String>>,
    /// What was done, with the keys that were read or changed.
    pub ops: RefCell<Vec<(Op, Vec<String>)>>,
    /// Whether an operation on these keys fails.
    pub fails: RefCell<Option<Box<dyn Fn(Op, &[String]) -> bool>>>,
    /// Whether a write that fails has happened all the same.
    pub lies: Cell<bool>,
    /// What the next read finds arrives with this.
    pub arrival: RefCell<Option<Rc<Later<()>>>>,
    /// What the next write changes arrives with this.
    pub departure: RefCell<Option<Rc<Later<()>>>>,
    /// What becomes of the write of a number: 0 for the first since this was set.
    pub manner: RefCell<Option<Box<dyn Fn(usize) -> Manner>>>,
    numbered: Cell<usize>,
    late: RefCell<Vec<(Changes, Changes)>>,
    /// Whether the next write has happened is told with this.
    pub answer: RefCell<Option<Rc<Later<()>>>>,
}

impl Store {
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    pub fn count(&self, op: Op) -> usize {
        self.ops.borrow().iter().filter(|(done, _)| *done == op).count()
    }

    pub fn value(&self, key: &str) -> Option<String> {
        self.values.borrow().get(key).cloned()
    }

    pub fn put(&self, key: &str, value: &str) {
        self.values.borrow_mut().insert(key.to_owned(), value.to_owned());
    }

    /// The keys that begin with this.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        self.values.borrow().keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    /// The values of all keys that begin with this.
    pub fn text(&self, prefix: &str) -> String {
        self.keys(prefix).iter().filter_map(|key| self.value(key)).collect()
    }

    pub fn fails_at(&self, fails: impl Fn(Op, &[String]) -> bool + 'static) {
        self.fails.replace(Some(Box::new(fails)));
    }

    /// Ends every lease, as time does.
    pub fn lapse(&self) {
        self.values.borrow_mut().retain(|key, _| !key.starts_with("lease/"));
    }

    pub fn works(&self) {
        self.fails.replace(None);
        self.manner.replace(None);
    }

    pub fn writes_by(&self, manner: impl Fn(usize) -> Manner + 'static) {
        self.numbered.set(0);
        self.manner.replace(Some(Box::new(manner)));
    }

    /// Writes that are late arrive. Whether one of them happened.
    pub fn land(&self) -> bool {
        let mut has_happened = false;
        for (changes, seen) in self.late.take() {
            has_happened |= self.apply(&changes, &seen);
        }
        has_happened
    }

    async fn step(&self, op: Op, keys: Vec<String>) -> Result<(), Cause> {
        yield_now().await;
        let fails = self.fails.borrow().as_ref().is_some_and(|fails| fails(op, &keys));
        self.ops.borrow_mut().push((op, keys));
        if fails {
            return Err("the store broke");
        }
        Ok(())
    }

    pub async fn read(&self, keys: &[String]) -> Result<Vec<Option<String>>, Cause> {
        self.step(Op::Read, keys.to_vec()).await?;
        let values = keys.iter().map(|key| self.value(key)).collect();
        // What was read may be old by the time that it arrives.
        yield_now().await;
        let arrival = self.arrival.take();
        if let Some(arrival) = arrival {
            arrival.get().await;
        }
        Ok(values)
    }

    fn apply(&self, changes: &Changes, seen: &Changes) -> bool {
        let mut values = self.values.borrow_mut();
        if seen.iter().any(|(key, value)| values.get(key).map(String::as_str) != value.as_deref()) {
            return false;
        }
        for (key, value) in changes.iter() {
            match value {
                Some(value) => values.insert(key.to_owned(), value.to_string()),
                None => values.remove(key),
            };
        }
        true
    }

    pub async fn write(&self, changes: &Changes, seen: &Changes) -> Result<bool, Cause> {
        if let Err(cause) = self.step(Op::Write, changes.keys().map(str::to_owned).collect()).await {
            if self.lies.get() {
                self.apply(changes, seen);
            }
            return Err(cause);
        }
        let departure = self.departure.take();
        if let Some(departure) = departure {
            departure.get().await;
        }
        let number = self.numbered.replace(self.numbered.get() + 1);
        let manner = self.manner.borrow().as_ref().map_or(Manner::Honest, |manner| manner(number));
        let is_written = match manner {
            Manner::Honest => self.apply(changes, seen),
            Manner::Loses => false,
            Manner::SaysFalse | Manner::Rejects => {
                self.apply(changes, seen);
                false
            }
            Manner::Late | Manner::LateFalse => {
                self.late.borrow_mut().push((changes.clone(), seen.clone()));
                false
            }
        };
        let answer = self.answer.take();
        if let Some(answer) = answer {
            answer.get().await;
        }
        yield_now().await;
        if matches!(manner, Manner::Rejects | Manner::Late) {
            return Err("the store broke");
        }
        Ok(is_written)
    }

    pub async fn list(&self, listing: &Listing) -> Result<Vec<(String, String)>, Cause> {
        self.step(Op::List, vec![listing.prefix.clone()]).await?;
        Ok(self.part(listing))
    }

    fn part(&self, listing: &Listing) -> Vec<(String, String)> {
        let values = self.values.borrow();
        let is_after = |key: &str| match &listing.after {
            Some(after) if listing.reverse => key < after.as_str(),
            Some(after) => key > after.as_str(),
            None => true,
        };
        let mut rows: Vec<(String, String)> = values
            .iter()
            .filter(|(key, _)| key.starts_with(&listing.prefix) && is_after(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if listing.reverse {
            rows.reverse();
        }
        rows.truncate(listing.limit);
        rows
    }

    /// Takes a step of the ledger at once, as an instance would that nobody disturbs.
    pub fn take(&self, step: &Step, here: &dyn Instance) -> Decision {
        let mut view = View::default();
        loop {
            view.restart();
            let outcome = view.take(|view| decide(step, view, here));
            if view.is_complete() {
                assert!(self.apply(view.changed(), view.seen()));
                return outcome.unwrap_or_else(|refusal| panic!("{:?}", refusal.error));
            }
            let missing = view.missing();
            missing.keys.iter().for_each(|key| view.learn(key, self.value(key)));
            for listing in missing.listings {
                let rows = self.part(&listing);
                view.learn_listing(listing, rows);
            }
        }
    }
}
