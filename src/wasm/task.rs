//! Tasks. Each runs as a continuation of the call that it belongs to.
//!
//! In a runtime with async contexts (`AsyncLocalStorage`), code that waits for a promise goes on in the context in
//! which it began to wait. It does not matter who settles the promise. So each task has a promise that its waker
//! settles, and `env.ts` begins to wait for it when the task is spawned. A task and all that it calls or spawns then
//! run in the context of its call. With one queue for all tasks, they would run in the context of the call that filled
//! the queue first.

use js_sys::Function;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use wasm_bindgen::JsValue;

struct Task {
    id: u64,
    future: RefCell<Pin<Box<dyn Future<Output = ()>>>>,
    waker: Waker,
    /// Makes JavaScript call [`run`] soon, in the task's context.
    go_on: Function,
}

thread_local! {
    /// The tasks that have not ended, by ascending numbers. No number is used twice: an old waker must not wake another
    /// call's task.
    static TASKS: RefCell<Vec<Rc<Task>>> = const { RefCell::new(Vec::new()) };
    static LAST: Cell<u64> = const { Cell::new(0) };
}

/// Runs a task to its end, even if the call that began it ends before. `continuation` makes the function that continues
/// the task.
pub(super) fn spawn(continuation: impl FnOnce(f64) -> Function, future: Pin<Box<dyn Future<Output = ()>>>) {
    let id = LAST.get().wrapping_add(1);
    LAST.set(id);
    let task = Task {
        id,
        future: RefCell::new(future),
        waker: Waker::from(Arc::new(Number(id))),
        go_on: continuation(id as f64),
    };
    TASKS.with_borrow_mut(|tasks| tasks.push(Rc::new(task)));
    wake(id);
}

/// Runs a task until it waits again or ends.
pub(super) fn run(id: u64) {
    let Some(task) = find(id) else { return };
    let mut context = Context::from_waker(&task.waker);
    if task.future.borrow_mut().as_mut().poll(&mut context).is_ready() {
        TASKS.with_borrow_mut(|tasks| {
            if let Ok(at) = place(tasks, id) {
                tasks.remove(at);
            }
        });
    }
}

fn wake(id: u64) {
    if let Some(task) = find(id) {
        let _ = task.go_on.call0(&JsValue::UNDEFINED);
    }
}

fn find(id: u64) -> Option<Rc<Task>> {
    TASKS.with_borrow(|tasks| tasks.get(place(tasks, id).ok()?).cloned())
}

fn place(tasks: &[Rc<Task>], id: u64) -> Result<usize, usize> {
    tasks.binary_search_by_key(&id, |task| task.id)
}

/// The waker of a task. A waker must be `Send`, which a [`Task`] can't be, so it holds the task's id.
struct Number(u64);

impl Wake for Number {
    fn wake(self: Arc<Self>) {
        wake(self.0);
    }
}
