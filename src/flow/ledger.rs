//! Runs the ledger's steps on the store: reads the rows that they miss, writes what they change at once, and runs them anew
//! where somebody else was first.
//!
//! Rows that were read before are taken as they were: a write tells whether they still are. Steps that wait at the same time
//! share one write. Neither a refusal nor an error of a write says that nothing was written: the steps are run on what the
//! store then holds, where each finds its own mark, and the next write makes the earlier one impossible.

use crate::error::{Code, Error};
use crate::flow::failure::Failure;
use crate::flow::host::Host;
use crate::flow::sync::Signal;
use crate::ledger::key::SUMS;
use crate::ledger::view::{Missing, Rows, Stop, View};
use crate::text::encoding::concat;
use std::cell::{Cell, RefCell};
use std::future::{poll_fn, Future};
use std::pin::Pin;
use std::rc::Rc;

/// How long a comparison that is lost again and again is tried.
const PATIENCE_MS: u64 = 10_000;
/// A write that fails so often in a row is given up.
const MOST_FAILURES: u32 = 2;
/// The first pause before another attempt is at most so long, and each further one twice as long.
const PAUSE_MS: u64 = 8;
const LONGEST_PAUSE_MS: u64 = 500;
/// Rows that are kept in memory. Beyond them all are read anew.
const MOST_ROWS: usize = 5_000;

/// A step, whatever it comes to.
type Step = Box<dyn FnMut(&mut View) -> Result<(), Stop>>;

/// A step that waits for its turn.
struct Job<H: Host> {
    step: RefCell<Step>,
    outcome: RefCell<Option<Result<(), Failure<H>>>>,
    done: Signal,
    /// Whether it follows a payment: it is then kept until it is written.
    is_owed: bool,
}

/// What an instance knows of the store, and what it has to write.
pub(crate) struct Ledger<H: Host> {
    host: Rc<H>,
    rows: Rc<RefCell<Rows>>,
    waiting: RefCell<Vec<Rc<Job<H>>>>,
    /// What follows a payment and could not be written yet.
    owed: RefCell<Vec<Rc<Job<H>>>>,
    is_running: Cell<bool>,
    /// Whether a write that moves sums may still be on its way though its steps were decided anew, or given up.
    is_uncertain: Cell<bool>,
}

impl<H: Host> Ledger<H> {
    pub(crate) fn new(host: Rc<H>) -> Rc<Self> {
        Rc::new(Self {
            host,
            rows: Rc::default(),
            waiting: RefCell::default(),
            owed: RefCell::default(),
            is_running: Cell::default(),
            is_uncertain: Cell::default(),
        })
    }

    /// Runs a step to its end. Its outcome is what the store holds by then.
    ///
    /// # Errors
    /// What the step refuses, and [`Code::StoreFailed`]: what it wanted may then still be written.
    pub(crate) fn take<T: 'static>(
        self: &Rc<Self>,
        step: impl FnMut(&mut View) -> Result<T, Stop> + 'static,
    ) -> impl Future<Output = Result<T, Failure<H>>> {
        self.run(step, false)
    }

    /// The same for what follows a payment: where the store fails, it is tried again before anything else is done, and nothing
    /// is paid before it is written.
    pub(crate) fn owe<T: 'static>(
        self: &Rc<Self>,
        step: impl FnMut(&mut View) -> Result<T, Stop> + 'static,
    ) -> impl Future<Output = Result<T, Failure<H>>> {
        self.run(step, true)
    }

    /// Reads by a step that changes nothing. What was read before is taken as it was.
    ///
    /// # Errors
    /// [`Code::StoreFailed`]
    pub(crate) async fn look<T>(&self, mut step: impl FnMut(&mut View) -> Result<T, Stop>) -> Result<T, Failure<H>> {
        let mut found = None;
        self.look_with(&mut |view| {
            found = Some(step(view)?);
            Ok(())
        })
        .await?;
        found.ok_or_else(|| came_to_nothing().into())
    }

    async fn look_with(&self, step: &mut dyn FnMut(&mut View) -> Result<(), Stop>) -> Result<(), Failure<H>> {
        let mut view = View::of(Rc::clone(&self.rows));
        loop {
            view.restart();
            match step(&mut view) {
                Ok(()) => return Ok(()),
                Err(Stop::Unread) => self.read_missing(&mut view).await?,
                Err(Stop::Refused(refusal)) => return Err(refusal.error.into()),
            }
        }
    }

    /// A state machine for each kind of step would be most of the code here.
    fn run<T: 'static>(
        self: &Rc<Self>,
        mut step: impl FnMut(&mut View) -> Result<T, Stop> + 'static,
        is_owed: bool,
    ) -> impl Future<Output = Result<T, Failure<H>>> {
        let found = Rc::new(RefCell::new(None));
        let keep = Rc::clone(&found);
        let mut finishing = self.finish(
            Box::new(move |view| {
                keep.replace(Some(step(view)?));
                Ok(())
            }),
            is_owed,
        );
        poll_fn(move |context| {
            let done = finishing.as_mut().poll(context);
            done.map(|done| done.and_then(|()| found.take().ok_or_else(|| came_to_nothing().into())))
        })
    }

    fn finish(self: &Rc<Self>, step: Step, is_owed: bool) -> Pin<Box<dyn Future<Output = Result<(), Failure<H>>>>> {
        let ledger = Rc::clone(self);
        let job =
            Rc::new(Job { step: RefCell::new(step), outcome: RefCell::default(), done: Signal::default(), is_owed });
        Box::pin(async move {
            if ledger.host.wakes_only_itself() {
                // Whoever shares a write with another request freezes with it.
                ledger.run_all(vec![Rc::clone(&job)]).await;
            } else {
                ledger.waiting.borrow_mut().push(Rc::clone(&job));
                if !ledger.is_running.replace(true) {
                    let own = Rc::clone(&ledger);
                    ledger.host.spawn(Box::pin(async move { own.run_waiting().await }));
                }
                job.done.wait(&*ledger.host, u64::MAX).await;
            }
            job.outcome.take().unwrap_or(Ok(()))
        })
    }

    async fn run_waiting(&self) {
        loop {
            let jobs = self.waiting.take();
            if jobs.is_empty() {
                self.is_running.set(false);
                return;
            }
            self.run_all(jobs).await;
        }
    }

    /// Runs steps, in order, as one write. What is owed goes first, and stays owed until it is written: who writes it may
    /// freeze, and a row that is damaged may be mended.
    async fn run_all(&self, jobs: Vec<Rc<Job<H>>>) {
        let (owed, others): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.is_owed);
        self.owed.borrow_mut().extend(owed);
        let mut all = self.owed.borrow().clone();
        all.extend(others);
        match self.write_all(&all).await {
            Ok(refused) => {
                for (job, refusal) in all.iter().zip(refused) {
                    if job.is_owed && !refusal.as_ref().is_some_and(|failure| failure.is(Code::StoreFailed)) {
                        self.owed.borrow_mut().retain(|owed| !Rc::ptr_eq(owed, job));
                    }
                    job.end(refusal.map_or(Ok(()), Err));
                }
            }
            Err(failure) => all.iter().for_each(|job| job.end(Err(failure.clone()))),
        }
    }

    /// What each of the steps was refused with, once all others are written.
    async fn write_all(&self, jobs: &[Rc<Job<H>>]) -> Result<Vec<Option<Failure<H>>>, Failure<H>> {
        let started = self.host.monotonic();
        let (mut tries, mut failures): (u32, u32) = (0, 0);
        let mut rows = Rc::clone(&self.rows);
        loop {
            let mut view = View::of(rows);
            let refused = self.decide(jobs, &mut view).await?;
            rows = Rc::clone(&self.rows);
            if view.is_unchanged() {
                if view.is_fresh() {
                    return Ok(refused);
                }
                // What is only remembered may have changed since. Others may read these rows at the same time, so what
                // they come to know is not taken: each would make the other begin anew.
                self.forget(&view.seen());
                rows = Rc::default();
                continue;
            }
            let (changes, seen) = view.writes();
            let cause = match self.host.write(&changes, &seen).await {
                Ok(true) => {
                    if changes.contains_key(SUMS) {
                        self.is_uncertain.set(false);
                    }
                    let mut rows = self.rows.borrow_mut();
                    if rows.len() > MOST_ROWS {
                        rows.clear();
                    }
                    for (key, value) in changes {
                        match seen.contains_key(&key) {
                            true => rows.put(key, value),
                            false => rows.forget(&key),
                        }
                    }
                    return Ok(refused);
                }
                Ok(false) => {
                    failures = 0;
                    None
                }
                Err(cause) => {
                    failures = failures.saturating_add(1);
                    Some(cause)
                }
            };
            self.is_uncertain.set(self.is_uncertain.get() || seen.contains_key(SUMS));
            self.forget(&view.seen());
            let is_late = self.host.monotonic().saturating_sub(started) >= PATIENCE_MS;
            if is_late || failures >= MOST_FAILURES {
                return Err(not_written(cause));
            }
            let most = PAUSE_MS.checked_shl(tries).unwrap_or(u64::MAX).min(LONGEST_PAUSE_MS);
            tries = tries.saturating_add(1);
            self.host.sleep(self.host.random().checked_rem(most).unwrap_or(0)).await;
        }
    }

    /// Runs the steps on what is known, and reads what they miss until they miss nothing.
    async fn decide(&self, jobs: &[Rc<Job<H>>], view: &mut View) -> Result<Vec<Option<Failure<H>>>, Failure<H>> {
        loop {
            view.restart();
            let (mut refused, mut is_unread) = (Vec::with_capacity(jobs.len()), false);
            for job in jobs {
                let draft = view.draft();
                let stop = (job.step.borrow_mut())(view).err();
                if stop.is_some() {
                    view.restore(draft);
                }
                refused.push(match stop {
                    Some(Stop::Refused(refusal)) => {
                        Some(Failure::raised(refusal.error, None, refusal.payment.map(|payment| *payment)))
                    }
                    Some(Stop::Unread) => {
                        is_unread = true;
                        None
                    }
                    None => None,
                });
            }
            // What is decided now must not be changed by it.
            if self.is_uncertain.get() && !is_unread {
                is_unread = matches!(view.fence(SUMS), Err(Stop::Unread));
            }
            if !is_unread {
                return Ok(refused);
            }
            self.read_missing(view).await?;
        }
    }

    async fn read_missing(&self, view: &mut View) -> Result<(), Failure<H>> {
        let Missing { keys, listings } = view.missing();
        if !keys.is_empty() {
            let values = self.host.read(&keys).await.map_err(not_read)?;
            for (key, value) in keys.into_iter().zip(values) {
                view.learn(key, value.map(Rc::from));
            }
        }
        for listing in listings {
            let rows = self.host.list(&listing).await.map_err(not_read)?;
            view.learn_listing(listing, rows.into_iter().map(|(key, value)| (key, value.into())).collect());
        }
        Ok(())
    }

    fn forget(&self, keys: &[String]) {
        let mut rows = self.rows.borrow_mut();
        keys.iter().for_each(|key| rows.forget(key));
    }
}

impl<H: Host> Job<H> {
    fn end(&self, outcome: Result<(), Failure<H>>) {
        if !self.done.is_set() {
            self.outcome.replace(Some(outcome));
            self.done.set();
        }
    }
}

fn came_to_nothing() -> Error {
    Error::new(Code::StoreFailed, "a step of the ledger came to nothing")
}

fn not_read<H: Host>(cause: H::Cause) -> Failure<H> {
    store_failed("read", Some(cause))
}

fn not_written<H: Host>(cause: Option<H::Cause>) -> Failure<H> {
    store_failed("written", cause)
}

fn store_failed<H: Host>(what: &str, cause: Option<H::Cause>) -> Failure<H> {
    let text = concat(&["the store could not be ", what, ": nothing is paid until it can"]);
    Failure::raised(Error::new(Code::StoreFailed, text), cause, None)
}
