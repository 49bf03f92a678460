//! One thread with its own clock. The clock goes on when every task waits.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::{poll_fn, Future};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

pub type Task<T> = Pin<Box<dyn Future<Output = T>>>;

/// An instant (2027) with milliseconds, so that rounding shows.
const START_MS: u64 = 1_800_000_000_123;

#[derive(Default)]
pub struct Executor {
    ready: Arc<Mutex<VecDeque<u64>>>,
    tasks: RefCell<HashMap<u64, Task<()>>>,
    started: Cell<u64>,
    passed: Cell<u64>,
    timers: RefCell<BTreeMap<(u64, u64), Waker>>,
}

struct Ticket {
    id: u64,
    ready: Arc<Mutex<VecDeque<u64>>>,
}

impl Wake for Ticket {
    fn wake(self: Arc<Self>) {
        self.ready.lock().unwrap().push_back(self.id);
    }
}

impl Executor {
    pub fn now(&self) -> u64 {
        START_MS + self.passed.get()
    }

    /// By a clock that is never set.
    pub fn monotonic(&self) -> u64 {
        self.passed.get()
    }

    /// Moves the clock, waking nobody: what slept through it wakes with the next [`Executor::run`].
    pub fn pass(&self, milliseconds: u64) {
        self.passed.set(self.passed.get() + milliseconds);
    }

    pub fn spawn(&self, task: Task<()>) {
        let id = self.started.get() + 1;
        self.started.set(id);
        self.tasks.borrow_mut().insert(id, task);
        self.ready.lock().unwrap().push_back(id);
    }

    pub fn sleep(self: &Rc<Self>, milliseconds: u64) -> Sleep {
        let name = self.started.get() + 1;
        self.started.set(name);
        Sleep { executor: self.clone(), key: (self.passed.get() + milliseconds, name) }
    }

    /// Runs every task until all wait for something. The clock stands still.
    pub fn run_ready(&self) {
        loop {
            let Some(id) = self.ready.lock().unwrap().pop_front() else { return };
            let Some(mut task) = self.tasks.borrow_mut().remove(&id) else { continue };
            let waker = Waker::from(Arc::new(Ticket { id, ready: self.ready.clone() }));
            if task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                self.tasks.borrow_mut().insert(id, task);
            }
        }
    }

    /// Runs for this long on the clock.
    pub fn run(&self, milliseconds: u64) {
        let end = self.passed.get() + milliseconds;
        self.run_ready();
        while self.tick(end) {
            self.run_ready();
        }
        self.passed.set(end.max(self.passed.get()));
    }

    /// Wakes the next timer that is due until `end`.
    fn tick(&self, end: u64) -> bool {
        let next = self.timers.borrow().keys().next().copied().filter(|(at, _)| *at <= end);
        let Some(key) = next else { return false };
        let waker = self.timers.borrow_mut().remove(&key).unwrap();
        self.passed.set(key.0.max(self.passed.get()));
        waker.wake();
        true
    }

    /// Runs a future to its end.
    pub fn block_on<T: 'static>(self: &Rc<Self>, future: impl Future<Output = T> + 'static) -> T {
        let running = self.start(future);
        self.run_ready();
        while !running.is_done() {
            assert!(self.tick(u64::MAX), "everybody waits and no timer runs: this future never ends");
            self.run_ready();
        }
        running.take()
    }

    /// Starts a future. Its output is fetched later.
    pub fn start<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Running<T> {
        let slot = Rc::new(RefCell::new(None));
        let output = slot.clone();
        self.spawn(Box::pin(async move {
            let value = future.await;
            output.replace(Some(value));
        }));
        Running { slot }
    }
}

pub struct Running<T> {
    slot: Rc<RefCell<Option<T>>>,
}

impl<T> Running<T> {
    pub fn is_done(&self) -> bool {
        self.slot.borrow().is_some()
    }

    pub fn take(&self) -> T {
        self.slot.borrow_mut().take().expect("has not ended")
    }
}

pub struct Sleep {
    executor: Rc<Executor>,
    key: (u64, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.executor.passed.get() >= self.key.0 {
            return Poll::Ready(());
        }
        self.executor.timers.borrow_mut().insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.executor.timers.borrow_mut().remove(&self.key);
    }
}

/// Lets all other ready tasks go first, as every promise of a platform does.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A value that somebody will bring later.
pub struct Later<T> {
    value: RefCell<Option<T>>,
    waiting: RefCell<Vec<Waker>>,
}

impl<T: Clone + 'static> Later<T> {
    pub fn new() -> Rc<Self> {
        Rc::new(Self { value: RefCell::default(), waiting: RefCell::default() })
    }

    pub fn bring(&self, value: T) {
        self.value.replace(Some(value));
        self.waiting.take().into_iter().for_each(Waker::wake);
    }

    pub fn get(self: &Rc<Self>) -> Task<T> {
        let later = self.clone();
        Box::pin(poll_fn(move |context| match &*later.value.borrow() {
            Some(value) => Poll::Ready(value.clone()),
            None => {
                later.waiting.borrow_mut().push(context.waker().clone());
                Poll::Pending
            }
        }))
    }
}
