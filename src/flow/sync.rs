//! Ways to wait within one thread: for a signal, for many futures, or for one future until a timer ends.

use crate::flow::host::Host;
use std::cell::{Cell, RefCell};
use std::future::{poll_fn, Future};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// If nobody can wake a waiter, it looks again after this many milliseconds.
const LOOK_AGAIN_MS: u64 = 20;

/// A signal that is set once, and stays set.
#[derive(Default)]
pub(crate) struct Signal {
    is_set: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Signal {
    /// Sets it. All waiters go on.
    pub(crate) fn set(&self) {
        self.is_set.set(true);
        for waker in self.waiting.take() {
            waker.wake();
        }
    }

    pub(crate) fn is_set(&self) -> bool {
        self.is_set.get()
    }

    /// Waits for the signal, where one task may wake another.
    pub(crate) async fn woken(&self) {
        poll_fn(|context| {
            if self.is_set() {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Waits for the signal. Returns whether it is set. In a runtime where one request may not wake another, this looks
    /// again by a timer of its own. There it gives up after `patience_ms`: the request that should set the signal may
    /// be frozen.
    pub(crate) async fn wait<H: Host>(&self, host: &H, patience_ms: u64) -> bool {
        if !host.wakes_only_itself() {
            self.woken().await;
            return true;
        }
        let started = host.now();
        while !self.is_set() && host.now().saturating_sub(started) < patience_ms {
            host.sleep(LOOK_AGAIN_MS).await;
        }
        self.is_set()
    }
}

/// Sets its signal when it is dropped.
#[derive(Default)]
pub(crate) struct SetOnDrop(pub(crate) Rc<Signal>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// Something that is waited for.
pub(crate) type Wait<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
/// A task that runs beside others.
pub(crate) type Task<'a> = Wait<'a, ()>;

/// The output of a future. `None`: the timer ended first, and the future was dropped.
pub(crate) async fn within<T>(mut future: Wait<'_, T>, mut timer: Task<'_>) -> Option<T> {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => timer.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// A lock within this instance. It is a lease: a holder that was frozen with its request is passed over after
/// [`Mutex::LEASE_MS`].
#[derive(Default)]
pub(crate) struct Mutex {
    holder: RefCell<Option<Rc<Signal>>>,
}

impl Mutex {
    const LEASE_MS: u64 = 30_000;

    /// Waits for the lock; dropping what comes back frees it.
    pub(crate) async fn lock<H: Host>(&self, host: &H) -> SetOnDrop {
        loop {
            let holder = self.holder.borrow().clone().filter(|holder| !holder.is_set());
            match holder {
                Some(holder) if !holder.wait(host, Self::LEASE_MS).await => holder.set(),
                Some(_) => {}
                None => {
                    let mine = SetOnDrop::default();
                    self.holder.replace(Some(Rc::clone(&mine.0)));
                    return mine;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::future::{pending, ready};
    use std::pin::pin;
    use std::task::Context;

    /// Polls once.
    fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_signal_lets_all_go_on_once_and_for_ever() {
        let signal = Signal::default();
        let (mut early, mut other) = (pin!(signal.woken()), pin!(signal.woken()));
        assert_eq!((poll(early.as_mut()), poll(other.as_mut()), signal.is_set()), (None, None, false));
        signal.set();
        signal.set();
        assert_eq!((poll(early), poll(other), signal.is_set()), (Some(()), Some(()), true));
        assert_eq!(poll(pin!(signal.woken())), Some(()));
    }

    #[test]
    fn a_future_that_is_ready_wins_a_draw_with_its_timer() {
        assert_eq!(poll(pin!(within(Box::pin(ready(1)), Box::pin(ready(()))))), Some(Some(1)));
        assert_eq!(poll(pin!(within(Box::pin(pending::<u8>()), Box::pin(ready(()))))), Some(None));
        assert_eq!(poll(pin!(within(Box::pin(ready(1)), Box::pin(pending())))), Some(Some(1)));
        assert_eq!(poll(pin!(within(Box::pin(pending::<u8>()), Box::pin(pending())))), None);
    }
}
