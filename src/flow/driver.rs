//! Runs the ledger's steps on the store: reads the rows that they miss, writes what they change at once, and runs them anew
//! where somebody else was first.
//!
//! Rows that were read before are taken as they were: a write tells whether they still are. Steps that wait at the same time
//! share one write. Neither a refusal nor an error of a write says that nothing was written: the steps are run on what the
//! store then holds, where each finds its own mark, and the next write makes the earlier one impossible.
//!
//! A step that misses rows runs through as if they were absent. What it came to is thrown away here, in [`decide`], which is the
//! only place that runs steps.

use crate::error::{Code, Error};
use crate::flow::failure::Failure;
use crate::flow::host::Host;
use crate::flow::ledger::{Job, Ledger};
use crate::flow::state::ClientState;
use crate::flow::sync::Task;
use crate::ledger::key::SUMS;
use crate::ledger::refusal::Refusal;
use crate::ledger::step::{decide as decide_step, Decision, Step};
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
const MOST_ROWS: usize = 5_000;

/// The future of a step. It is boxed, so that whoever waits for one holds no state machine of it.
type Taken<H> = Pin<Box<dyn Future<Output = Result<Decision, Failure<H>>>>>;

/// Runs a step to its end. What it comes to is what the store holds by then.
///
/// # Errors
/// What the step refuses, and [`Code::StoreFailed`]: what it wanted may then still be written.
pub(crate) fn take<H: Host>(state: &Rc<ClientState<H>>, step: Step) -> Taken<H> {
    run(state, step, false)
}

/// The same for what follows a payment: where the store fails, it is tried again before anything else is done, and nothing
/// is paid before it is written.
pub(crate) fn owe<H: Host>(state: &Rc<ClientState<H>>, step: Step) -> Taken<H> {
    run(state, step, true)
}

/// Reads by a step that changes nothing. What was read before is taken as it was.
///
/// # Errors
/// [`Code::StoreFailed`]
pub(crate) fn look<H: Host>(state: &Rc<ClientState<H>>, step: Step) -> Taken<H> {
    let (state, job) = (Rc::clone(state), [Job::new(step, false)]);
    Box::pin(async move {
        let (_, mut decided) = decide(&state, &job, View::of(Rc::clone(&state.ledger.rows)), false).await?;
        decided.pop().unwrap_or_else(|| Err(came_to_nothing()))
    })
}

/// A step whose outcome nobody needs to hear.
pub(crate) fn unheard<H: Host>(step: Taken<H>) -> Task<'static> {
    Box::pin(async move {
        let _ = step.await;
    })
}

fn run<H: Host>(state: &Rc<ClientState<H>>, step: Step, is_owed: bool) -> Taken<H> {
    let (state, job) = (Rc::clone(state), Job::new(step, is_owed));
    Box::pin(async move {
        let Ledger { waiting, is_running, .. } = &state.ledger;
        if state.host.wakes_only_itself() {
            // Whoever shares a write with another request freezes with it.
            write_all(&state, vec![Rc::clone(&job)]).await;
        } else {
            waiting.borrow_mut().push(Rc::clone(&job));
            if !is_running.replace(true) {
                state.host.spawn(Box::pin(write_waiting(Rc::clone(&state))));
            }
            job.done.wait(&*state.host, u64::MAX).await;
        }
        job.outcome.take().unwrap_or_else(|| Err(came_to_nothing()))
    })
}

async fn write_waiting<H: Host>(state: Rc<ClientState<H>>) {
    loop {
        let jobs = state.ledger.waiting.take();
        if jobs.is_empty() {
            state.ledger.is_running.set(false);
            return;
        }
        write_all(&state, jobs).await;
    }
}

/// Runs steps, in order, as one write. What is owed goes first, and stays owed until it is written: who writes it may
/// freeze, and a row that is damaged may be mended.
fn write_all<'a, H: Host>(
    state: &'a Rc<ClientState<H>>,
    jobs: Vec<Rc<Job<H>>>,
) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
    Box::pin(async move {
        let owed = &state.ledger.owed;
        owed.borrow_mut().extend(jobs.iter().filter(|job| job.is_owed).cloned());
        let mut all = owed.borrow().clone();
        all.extend(jobs.into_iter().filter(|job| !job.is_owed));
        let outcomes = match write(state, &all).await {
            Ok(outcomes) => outcomes,
            Err(failure) => all.iter().map(|_| Err(failure.clone())).collect(),
        };
        for (job, outcome) in all.iter().zip(outcomes) {
            if !matches!(&outcome, Err(failure) if failure.is(Code::StoreFailed)) {
                owed.borrow_mut().retain(|owed| !Rc::ptr_eq(owed, job));
            }
            if !job.done.is_set() {
                job.outcome.replace(Some(outcome));
                job.done.set();
            }
        }
    })
}

/// What each step came to, once all are written.
async fn write<H: Host>(state: &ClientState<H>, jobs: &[Rc<Job<H>>]) -> Result<Outcomes<H>, Failure<H>> {
    let Ledger { rows, is_uncertain, .. } = &state.ledger;
    let started = state.host.monotonic();
    if rows.borrow().len() > MOST_ROWS {
        rows.borrow_mut().clear();
    }
    let (mut failures, mut pause_ms, mut known) = (0, PAUSE_MS, Rc::clone(rows));
    loop {
        let (view, outcomes) = decide(state, jobs, View::of(known), is_uncertain.get()).await?;
        known = Rc::clone(rows);
        if view.changed().is_empty() {
            if view.is_fresh() {
                return Ok(outcomes);
            }
            // What is only remembered may have changed since. Others may read these rows at the same time, so what they come
            // to know is not taken: each would make the other begin anew.
            view.forget(&mut rows.borrow_mut());
            known = Rc::default();
            continue;
        }
        let cause = match state.host.write(view.changed(), view.seen()).await {
            Ok(true) => {
                if view.changed().contains_key(SUMS) {
                    is_uncertain.set(false);
                }
                view.remember(&mut rows.borrow_mut());
                return Ok(outcomes);
            }
            Ok(false) => {
                failures = 0;
                None
            }
            Err(cause) => {
                failures = u32::saturating_add(failures, 1);
                Some(cause)
            }
        };
        is_uncertain.set(is_uncertain.get() || view.seen().contains_key(SUMS));
        view.forget(&mut rows.borrow_mut());
        if state.host.monotonic().saturating_sub(started) >= PATIENCE_MS || failures >= MOST_FAILURES {
            return Err(store_failed("written", cause));
        }
        state.host.sleep(state.host.random().checked_rem(pause_ms).unwrap_or(0)).await;
        pause_ms = pause_ms.saturating_mul(2).min(LONGEST_PAUSE_MS);
    }
}

/// What steps came to, one by one.
type Outcomes<H> = Vec<Result<Decision, Failure<H>>>;

/// Runs steps on what is known, and reads what they miss until they miss nothing. A step that is refused does not stop the
/// others. `is_fenced`: what is decided must not be changed by an earlier write.
async fn decide<H: Host>(
    state: &ClientState<H>,
    jobs: &[Rc<Job<H>>],
    mut view: View,
    is_fenced: bool,
) -> Result<(View, Outcomes<H>), Failure<H>> {
    loop {
        view.restart();
        let run = |job: &Rc<Job<H>>| view.take(|view| decide_step(&job.step, view, state)).map_err(Failure::from);
        let outcomes = jobs.iter().map(run).collect();
        if is_fenced {
            view.fence(SUMS);
        }
        let Missing { keys, listings } = view.missing();
        if keys.is_empty() && listings.is_empty() {
            return Ok((view, outcomes));
        }
        if !keys.is_empty() {
            let values = state.host.read(&keys).await.map_err(not_read)?;
            for (key, value) in keys.into_iter().zip(values) {
                view.learn(key, value.map(Rc::from));
            }
        }
        for listing in listings {
            let rows = state.host.list(&listing).await.map_err(not_read)?;
            view.learn_listing(listing, rows.into_iter().map(|(key, value)| (key, value.into())).collect());
        }
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
