//! A store that several instances may share, and that fails when it is told to.

use crate::executor::{yield_now, Later};
use crate::host::Cause;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// The operations of a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    Load,
    Save,
    Lock,
}

/// A store that several instances may share.
#[derive(Default)]
pub struct Store {
    pub values: RefCell<BTreeMap<String, String>>,
    pub ops: RefCell<Vec<(Op, String)>>,
    /// Whether an operation fails.
    pub fails: RefCell<Option<Box<dyn Fn(Op, &str) -> bool>>>,
    /// Whether a write that fails still happens.
    pub lies: Cell<bool>,
    pub has_lock: Cell<bool>,
    /// The value of the next load arrives when this ends.
    pub arrival: RefCell<Option<Rc<Later<()>>>>,
    /// The value of the next save is written when this ends.
    pub departure: RefCell<Option<Rc<Later<()>>>>,
    held: RefCell<HashMap<String, Rc<Later<()>>>>,
}

impl Store {
    pub fn new(has_lock: bool) -> Rc<Self> {
        Rc::new(Self { has_lock: Cell::new(has_lock), ..Self::default() })
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

    pub fn fails_at(&self, fails: impl Fn(Op, &str) -> bool + 'static) {
        self.fails.replace(Some(Box::new(fails)));
    }

    pub fn works(&self) {
        self.fails.replace(None);
    }

    async fn step(&self, op: Op, name: &str) -> Result<(), Cause> {
        yield_now().await;
        self.ops.borrow_mut().push((op, name.to_owned()));
        if self.fails.borrow().as_ref().is_some_and(|fails| fails(op, name)) {
            return Err("the store broke");
        }
        Ok(())
    }

    pub async fn load(&self, key: &str) -> Result<Option<String>, Cause> {
        self.step(Op::Load, key).await?;
        let value = self.value(key);
        // The value may be old when it arrives.
        yield_now().await;
        let arrival = self.arrival.take();
        if let Some(arrival) = arrival {
            arrival.get().await;
        }
        Ok(value)
    }

    pub async fn save(&self, key: &str, value: &str) -> Result<(), Cause> {
        if let Err(cause) = self.step(Op::Save, key).await {
            if self.lies.get() {
                self.put(key, value);
            }
            return Err(cause);
        }
        let departure = self.departure.take();
        if let Some(departure) = departure {
            departure.get().await;
        }
        self.put(key, value);
        yield_now().await;
        Ok(())
    }

    /// Takes every lock from its holder, as the end of a lease does.
    pub fn take_over(&self) {
        self.held.borrow_mut().clear();
    }

    pub async fn lock(self: &Rc<Self>, name: &str) -> Result<Guard, Cause> {
        self.step(Op::Lock, name).await?;
        loop {
            let holder = self.held.borrow().get(name).cloned();
            match holder {
                Some(freed) => freed.get().await,
                None => {
                    let freed = Later::new();
                    self.held.borrow_mut().insert(name.to_owned(), freed.clone());
                    return Ok(Guard(Some((self.clone(), name.to_owned(), freed))));
                }
            }
        }
    }
}

/// Frees its lock when it is dropped.
#[derive(Default)]
pub struct Guard(Option<(Rc<Store>, String, Rc<Later<()>>)>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some((store, name, mine)) = &self.0 {
            let mut held = store.held.borrow_mut();
            if held.get(name).is_some_and(|holder| Rc::ptr_eq(holder, mine)) {
                held.remove(name);
            }
            mine.bring(());
        }
    }
}
