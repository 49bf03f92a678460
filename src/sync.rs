//! Waiting, within one thread: an event that fires once, and a race of two futures.

use crate::host::Host;
use std::cell::{Cell, RefCell};
use std::future::{poll_fn, Future};
use std::pin::pin;
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

/// What ended first.
pub(crate) enum First<A, B> {
    /// The first of the two, also where both had ended.
    A(A),
    /// The second.
    B(B),
}

/// Runs two futures until one ends; the other is dropped.
pub(crate) async fn first<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> First<A, B> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|context| {
        if let Poll::Ready(value) = a.as_mut().poll(context) {
            return Poll::Ready(First::A(value));
        }
        b.as_mut().poll(context).map(First::B)
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
}

impl Gate {
    const LEASE_MS: u64 = 30_000;

    pub(crate) async fn enter<H: Host>(&self, host: &H) -> Pass<'_> {
        loop {
            let holder = self.holder.borrow().clone();
            match holder {
                Some(event) if !event.has_happened() => {
                    if !event.wait(host, Self::LEASE_MS).await {
                        event.fire();
                    }
                }
                _ => {
                    let mine = Rc::new(Event::default());
                    self.holder.replace(Some(Rc::clone(&mine)));
                    return Pass { gate: self, mine };
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
