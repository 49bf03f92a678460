//! Runs the ledger's steps on the store: reads the rows that they miss, writes what they change at once, and runs them
//! anew where somebody else was first.
//!
//! Rows that were read before are taken as they were: a write tells whether they still are. Steps that wait at the same
//! time share one write. Neither a refusal nor an error of a write says that nothing was written: the steps are run on
//! what the store then holds, where each finds its own mark, and the next write makes the earlier one impossible.
//!
//! A step that misses rows runs through as if they were absent. What it came to is thrown away here, in [`write`]. No
//! other place runs steps.

use crate::error::{Code, Error};
use crate::flow::failure::Failure;
use crate::flow::host::Host;
use crate::flow::ledger::{Job, Kind, Ledger};
use crate::flow::state::ClientState;
use crate::flow::sync::Task;
use crate::ledger::key::SUMS;
use crate::ledger::refusal::Refusal;
use crate::ledger::step::{decide, Decision, Step};
use crate::ledger::view::{Missing, View};
use crate::text::encoding::concat;
use std::future::Future;
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
const MOST_ROWS: usize = 2_000;

/// The future of a step. It is boxed, so that whoever waits for one holds no state machine of it.
type Taken<H> = Pin<Box<dyn Future<Output = Result<Decision, Failure<H>>>>>;

/// Runs a step to its end. What it comes to is what the store holds by then.
///
/// # Errors
/// What the step refuses, and [`Code::StoreFailed`]: what it wanted may then still be written.
pub(crate) fn take<H: Host>(state: &Rc<ClientState<H>>, step: Step) -> Taken<H> {
    run(state, step, Kind::Taken)
}

/// The same for what follows a payment: where the store fails, it is tried again before anything else is done, and
/// nothing is paid before it is written.
pub(crate) fn owe<H: Host>(state: &Rc<ClientState<H>>, step: Step) -> Taken<H> {
    run(state, step, Kind::Owed)
}

/// Reads by a step that changes nothing. What was read before is taken as it was.
///
/// # Errors
/// [`Code::StoreFailed`]
pub(crate) fn look<H: Host>(state: &Rc<ClientState<H>>, step: Step) -> Taken<H> {
    run(state, step, Kind::Look)
}

/// A step whose outcome nobody needs to hear.
pub(crate) fn unheard<H: Host>(step: Taken<H>) -> Task<'static> {
    Box::pin(async move {
        let _ = step.await;
    })
}

fn run<H: Host>(state: &Rc<ClientState<H>>, step: Step, kind: Kind) -> Taken<H> {
    let (state, job) = (Rc::clone(state), Job::new(step, kind));
    Box::pin(async move {
        let Ledger { waiting, owed, is_running, .. } = &state.ledger;
        // What is owed is on its list before anything is waited for: who writes it may freeze.
        let mut jobs = Vec::new();
        match kind {
            Kind::Owed => owed.borrow_mut().push(Rc::clone(&job)),
            Kind::Taken | Kind::Look => jobs.push(Rc::clone(&job)),
        }
        // Whoever shares a write with another request freezes with it.
        if kind == Kind::Look || state.host.wakes_only_itself() {
            write_all(&state, jobs).await;
        } else {
            waiting.borrow_mut().append(&mut jobs);
            if !is_running.replace(true) {
                state.host.spawn(Box::pin(write_waiting(Rc::clone(&state))));
            }
            job.done.woken().await;
        }
        job.outcome.take().unwrap_or_else(|| Err(came_to_nothing()))
    })
}

async fn write_waiting<H: Host>(state: Rc<ClientState<H>>) {
    loop {
        let jobs = state.ledger.waiting.take();
        if jobs.is_empty() && state.ledger.owed.borrow().iter().all(|job| job.done.is_set()) {
            state.ledger.is_running.set(false);
            return;
        }
        write_all(&state, jobs).await;
    }
}

/// Runs steps, in order, as one write. What is owed goes first, and stays owed until it is written: a row that is
/// damaged may be mended.
fn write_all<'a, H: Host>(state: &'a Rc<ClientState<H>>, mut others: Vec<Rc<Job<H>>>) -> Task<'a> {
    Box::pin(async move {
        let owed = &state.ledger.owed;
        let is_look = others.first().is_some_and(|job| job.kind == Kind::Look);
        let mut jobs = if is_look { Vec::new() } else { owed.borrow().clone() };
        jobs.append(&mut others);
        let mut outcomes = Vec::new();
        let failed = write(state, &jobs, &mut outcomes).await.err();
        for (job, outcome) in jobs.iter().zip(outcomes) {
            let outcome = match &failed {
                Some(failure) => Err(failure.clone()),
                None => outcome.map_err(Failure::from),
            };
            if !matches!(&outcome, Err(failure) if failure.is(Code::StoreFailed)) {
                let mut owed = owed.borrow_mut();
                if let Some(at) = owed.iter().position(|owed| Rc::ptr_eq(owed, job)) {
                    owed.remove(at);
                }
            }
            if !job.done.is_set() {
                job.outcome.replace(Some(outcome));
                job.done.set();
            }
        }
    })
}

/// Runs steps on what is known, reads what they miss until they miss nothing, and writes what they change. A step that
/// is refused does not stop the others. What they come to counts only if there is no error.
async fn write<H: Host>(
    state: &ClientState<H>,
    jobs: &[Rc<Job<H>>],
    outcomes: &mut Vec<Result<Decision, Refusal>>,
) -> Result<(), Failure<H>> {
    let Ledger { rows, is_uncertain, has_begun, .. } = &state.ledger;
    if rows.borrow().len() > MOST_ROWS {
        rows.borrow_mut().clear();
    }
    // Nothing was in the store when it was first asked. If others have written since, the first write is lost.
    let is_look = jobs.iter().any(|job| job.kind == Kind::Look);
    let knows_all = !is_look && !has_begun.replace(true) && state.host.is_store_empty();
    let started = state.host.monotonic();
    let (mut failures, mut pause_ms, mut is_first): (u32, u64, bool) = (0, PAUSE_MS, true);
    let mut view = View::of(Rc::clone(rows));
    loop {
        view.restart();
        outcomes.clear();
        for job in jobs {
            outcomes.push(view.take(|view| decide(&job.step, view, state)));
        }
        if is_uncertain.get() && !is_look {
            // What is decided now must not be changed by an earlier write.
            view.fence(SUMS);
        }
        let Missing { keys, mut listings } = view.missing();
        let is_new = |key: &String| knows_all || jobs.iter().any(|job| job.step.makes(key));
        if is_first && !keys.is_empty() && listings.is_empty() && keys.iter().all(is_new) {
            view.presume_absent(&keys);
            continue;
        }
        if !keys.is_empty() {
            let values = state.host.read(&keys).await.map_err(not_read)?;
            view.learn_all(&keys, values);
            continue;
        }
        if let Some(listing) = listings.pop() {
            let rows = state.host.list(&listing).await.map_err(not_read)?;
            view.learn_listing(listing, rows);
            continue;
        }
        if view.changed().is_empty() {
            if is_look || view.is_fresh() {
                return Ok(());
            }
            // What is only remembered may have changed since. Others may read these rows at the same time, so what they
            // come to know is not taken: each would make the other begin anew.
            view.forget(&mut rows.borrow_mut());
            (view, is_first) = (View::of(Rc::default()), false);
            continue;
        }
        let written = state.host.write(view.changed(), view.seen()).await;
        if let Ok(true) = written {
            if view.changed().contains_key(SUMS) {
                is_uncertain.set(false);
            }
            view.remember(&mut rows.borrow_mut());
            return Ok(());
        }
        if view.seen().contains_key(SUMS) {
            is_uncertain.set(true);
        }
        view.forget(&mut rows.borrow_mut());
        let cause = written.err();
        failures = if cause.is_some() { failures.saturating_add(1) } else { 0 };
        if state.host.monotonic().saturating_sub(started) >= PATIENCE_MS || failures >= MOST_FAILURES {
            return Err(store_failed("written", cause));
        }
        state.host.sleep(state.host.random().checked_rem(pause_ms).unwrap_or(0)).await;
        pause_ms = pause_ms.saturating_mul(2).min(LONGEST_PAUSE_MS);
        (view, is_first) = (View::of(Rc::clone(rows)), false);
    }
}

/// The error of a step that came to something else than it should.
pub(crate) fn came_to_nothing<H: Host>() -> Failure<H> {
    Error::new(Code::StoreFailed, "a step of the ledger came to nothing").into()
}

impl<H: Host> From<Refusal> for Failure<H> {
    fn from(refusal: Refusal) -> Self {
        Self::raised(refusal.error, None, refusal.payment.map(|payment| *payment))
    }
}

fn not_read<H: Host>(cause: H::Cause) -> Failure<H> {
    store_failed("read", Some(cause))
}

fn store_failed<H: Host>(what: &str, cause: Option<H::Cause>) -> Failure<H> {
    let text = concat(&["the store could not be ", what, ": nothing is paid until it can"]);
    Failure::raised(Error::new(Code::StoreFailed, text), cause, None)
}
