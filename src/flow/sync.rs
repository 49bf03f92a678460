//! Waiting, within one thread: for an event that fires once, for many futures, for one and no longer than a timer.

use crate::flow::host::Host;
use std::cell::{Cell, RefCell};
use std::future::{poll_fn, Future};
use std::pin::{pin, Pin};
use std::rc::Rc;
use std::task::{Poll, Waker};

/// How often a waiter looks again where nobody can wake it, in milliseconds.
const LOOK_AGAIN_MS: u64 = 20;

/// Something that happens once.
#[derive(Default)]
pub(crate) struct Event {
    happened: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Event {
    /// Lets everybody go on.
    pub(crate) fn fire(&self) {
        self.happened.set(true);
        for waker in self.waiting.take() {
            waker.wake();
        }
    }

    pub(crate) fn has_happened(&self) -> bool {
        self.happened.get()
    }

    async fn happens(&self) {
        poll_fn(|context| {
            if self.has_happened() {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Waits for the event. Where one request may not wake another, looks again by a timer of its own, and gives up after
    /// `patience_ms`: who should have fired it may have been frozen with its request. True where the event happened.
    pub(crate) async fn wait<H: Host>(&self, host: &H, patience_ms: u64) -> bool {
        if !host.wakes_only_itself() {
            self.happens().await;
            return true;
        }
        let started = host.now();
        while !self.has_happened() && host.now().saturating_sub(started) < patience_ms {
            host.sleep(LOOK_AGAIN_MS).await;
        }
        self.has_happened()
    }
}

/// Fires its event when it is dropped.
#[derive(Default)]
pub(crate) struct Fires(pub(crate) Rc<Event>);

impl Drop for Fires {
    fn drop(&mut self) {
        self.0.fire();
    }
}

/// Work that goes on beside other work.
pub(crate) type Task<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Runs tasks beside each other until all have ended.
pub(crate) async fn all(mut running: Vec<Task<'_>>) {
    poll_fn(|context| {
        running.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if running.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// What a future ends with; `None` where a timer ends before, and the future is then dropped.
pub(crate) async fn within<T>(future: impl Future<Output = T>, timer: impl Future<Output = ()>) -> Option<T> {
    let (mut future, mut timer) = (pin!(future), pin!(timer));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => timer.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// A lock within this instance, for a short piece of work. It is a lease: a holder that was frozen with its request is
/// passed over after [`Gate::LEASE_MS`], and can tell.
#[derive(Default)]
pub(crate) struct Gate {
    holder: RefCell<Option<Rc<Event>>>,
}

pub(crate) struct Pass<'a> {
    gate: &'a Gate,
    mine: Rc<Event>,
    /// Whether its holder before was passed over.
    pub(crate) took_over: bool,
}

impl Gate {
    const LEASE_MS: u64 = 30_000;

    pub(crate) async fn enter<H: Host>(&self, host: &H) -> Pass<'_> {
        let mut took_over = false;
        loop {
            let holder = self.holder.borrow().clone();
            match holder {
                Some(event) if !event.has_happened() => {
                    took_over = !event.wait(host, Self::LEASE_MS).await;
                    if took_over {
                        event.fire();
                    }
                }
                _ => {
                    let mine = Rc::new(Event::default());
                    self.holder.replace(Some(Rc::clone(&mine)));
                    return Pass { gate: self, mine, took_over };
                }
            }
        }
    }
}

impl Pass<'_> {
    /// Whether the lease still holds.
    pub(crate) fn is_valid(&self) -> bool {
        !self.mine.has_happened()
            && self.gate.holder.borrow().as_ref().is_some_and(|holder| Rc::ptr_eq(holder, &self.mine))
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.mine.fire();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::future::{pending, ready};
    use std::task::Context;

    /// Polls once.
    fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn an_event_lets_all_go_on_once_and_for_ever() {
        let event = Event::default();
        let (mut early, mut other) = (pin!(event.happens()), pin!(event.happens()));
        assert_eq!((poll(early.as_mut()), poll(other.as_mut()), event.has_happened()), (None, None, false));
        event.fire();
        event.fire();
        assert_eq!((poll(early), poll(other), event.has_happened()), (Some(()), Some(()), true));
        assert_eq!(poll(pin!(event.happens())), Some(()));
    }

    #[test]
    fn a_future_that_is_ready_wins_a_draw_with_its_timer() {
        assert_eq!(poll(pin!(within(ready(1), ready(())))), Some(Some(1)));
        assert_eq!(poll(pin!(within(pending::<u8>(), ready(())))), Some(None));
        assert_eq!(poll(pin!(within(ready(1), pending()))), Some(Some(1)));
        assert_eq!(poll(pin!(within(pending::<u8>(), pending()))), None);
    }

    #[test]
    fn all_run_until_the_last_has_ended() {
        let (event, ended) = (Event::default(), Cell::new(0));
        let task = |waits| {
            let (event, ended) = (&event, &ended);
            Box::pin(async move {
                if waits {
                    event.happens().await;
                }
                ended.set(ended.get() + 1);
            }) as Task<'_>
        };
        let mut three = pin!(all(vec![task(false), task(true), task(false)]));
        assert_eq!((poll(three.as_mut()), ended.get()), (None, 2));
        event.fire();
        assert_eq!((poll(three), ended.get()), (Some(()), 3));
        assert_eq!(poll(pin!(all(Vec::new()))), Some(()));
    }

    #[test]
    fn a_pass_that_was_passed_over_is_not_valid() {
        let gate = Gate::default();
        let enter = || {
            let mine = Rc::new(Event::default());
            gate.holder.replace(Some(Rc::clone(&mine)));
            Pass { gate: &gate, mine, took_over: false }
        };
        let frozen = enter();
        assert!(frozen.is_valid());
        frozen.mine.fire();
        let next = enter();
        assert!(!frozen.is_valid() && next.is_valid());
        drop(frozen);
        assert!(next.is_valid(), "it frees nothing that is not its own");
    }
}
