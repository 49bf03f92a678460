//! What an instance knows of the store's rows, and the steps that wait to be written.

use crate::flow::failure::Failure;
use crate::flow::host::Host;
use crate::flow::sync::Signal;
use crate::ledger::step::{Decision, Step};
use crate::ledger::view::Rows;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// How a step is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only reads, and rows that are remembered will do.
    Look,
    /// What it comes to is what the store holds.
    Taken,
    /// It follows a payment: it is kept until it is written.
    Owed,
}

/// A step that waits for its turn.
pub(super) struct Job<H: Host> {
    pub(super) step: Step,
    pub(super) kind: Kind,
    pub(super) outcome: RefCell<Option<Result<Decision, Failure<H>>>>,
    pub(super) done: Signal,
}

/// What an instance knows of the store, and what it has to write.
pub(crate) struct Ledger<H: Host> {
    pub(super) rows: Rc<RefCell<Rows>>,
    pub(super) waiting: RefCell<Vec<Rc<Job<H>>>>,
    /// What follows a payment and could not be written yet.
    pub(super) owed: RefCell<Vec<Rc<Job<H>>>>,
    pub(super) is_running: Cell<bool>,
    /// Whether a write that moves sums may still be on its way though its steps were decided anew, or given up.
    pub(super) is_uncertain: Cell<bool>,
    /// Whether any step but a look was run.
    pub(super) has_begun: Cell<bool>,
}

impl<H: Host> Default for Ledger<H> {
    fn default() -> Self {
        Self {
            rows: Rc::default(),
            waiting: RefCell::default(),
            owed: RefCell::default(),
            is_running: Cell::default(),
            is_uncertain: Cell::default(),
            has_begun: Cell::default(),
        }
    }
}

impl<H: Host> Job<H> {
    pub(super) fn new(step: Step, kind: Kind) -> Rc<Self> {
        Rc::new(Self { step, kind, outcome: RefCell::default(), done: Signal::default() })
    }
}
