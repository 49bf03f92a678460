//! Waits for promises.

use js_sys::Promise;
use std::future::{poll_fn, Future};
use std::pin::Pin;
use std::task::{Context, Poll};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    /// A promise that can be told that nobody waits for it any more.
    pub(super) type Pending;
    #[wasm_bindgen(method, getter)]
    fn promise(this: &Pending) -> Promise;
    #[wasm_bindgen(method)]
    fn cancel(this: &Pending);
}

/// Waits for a [`Pending`], and cancels it when it is dropped. Otherwise a timer would keep its process running, and a
/// dialog would stay open.
pub(super) struct Waiting {
    pending: Pending,
    future: JsFuture,
}

impl From<Pending> for Waiting {
    fn from(pending: Pending) -> Self {
        let future = JsFuture::from(pending.promise());
        Self { pending, future }
    }
}

impl Future for Waiting {
    type Output = Result<JsValue, JsValue>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.future).poll(context)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.pending.cancel();
    }
}

/// Waits for a promise, then reads its outcome. This is not an async block: that would be a state machine, with code to
/// drop it.
pub(super) fn settled<T>(
    mut promise: impl Future<Output = Result<JsValue, JsValue>> + Unpin + 'static,
    mut read: impl FnMut(Result<JsValue, JsValue>) -> T + 'static,
) -> impl Future<Output = T> + 'static {
    poll_fn(move |context| Pin::new(&mut promise).poll(context).map(&mut read))
}
