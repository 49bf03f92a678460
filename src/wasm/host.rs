//! The platform as the flow sees it: functions of `env.js`, which wrap all that the user gave.

use super::convert::{msat, text};
use super::task;
use crate::error::Error;
use crate::flow::event::{Event, Quote};
use crate::flow::host::{Answer, Fact, Head, Host, Order, Request, Terms, Told, Wallet};
use crate::ledger::journal::Payment;
use crate::text::scan::{number, split_once};
use crate::wire::invoice::Invoice;
use gloo_net::http::Response;
use js_sys::{Array, Date, Function, Promise, Reflect};
use std::future::{poll_fn, Future};
use std::pin::Pin;
use std::task::{Context, Poll};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    /// What `env.js` makes for each paying fetch. Its functions are ours: they never throw, and keep their word on types.
    #[derive(Clone)]
    pub type Env;
    #[wasm_bindgen(method)]
    fn now(this: &Env) -> f64;
    #[wasm_bindgen(method)]
    fn timer(this: &Env, milliseconds: f64) -> Pending;
    /// For [`task`].
    #[wasm_bindgen(method)]
    pub(super) fn continuation(this: &Env, task: f64) -> Function;
    /// A call's flags as one digit, URL and method, with a space between them: a URL holds none, and comes out empty where there is
    /// none.
    #[wasm_bindgen(method)]
    fn head(this: &Env, call: &Call) -> String;
    #[wasm_bindgen(method)]
    fn send(this: &Env, call: &Call, authorization: Option<String>, repeat: bool) -> Promise;
    #[wasm_bindgen(method)]
    fn aborted(this: &Env, call: &Call) -> bool;
    #[wasm_bindgen(method)]
    fn preflighted(this: &Env, call: &Call, cause: &JsValue) -> bool;
    #[wasm_bindgen(method)]
    fn readable(this: &Env, response: &JsValue) -> bool;
    #[wasm_bindgen(method)]
    fn discard(this: &Env, response: JsValue);
    #[wasm_bindgen(method)]
    fn pay(this: &Env, invoice: &str, url: &str, max_fee_msat: f64, timeout: f64) -> Promise;
    #[wasm_bindgen(method)]
    fn lookup(this: &Env, payment_hash: &str) -> Promise;
    #[wasm_bindgen(method)]
    fn approve(this: &Env, quote: &str, max_fee_msat: f64, remaining: &str) -> Pending;
    #[wasm_bindgen(method, js_name = givesUp)]
    fn gives_up(this: &Env, call: &Call) -> Pending;
    #[wasm_bindgen(method)]
    fn unknown(this: &Env, payment: &str, error: JsValue) -> Promise;
    #[wasm_bindgen(method)]
    fn tell(this: &Env, event: &str);
    #[wasm_bindgen(method)]
    fn load(this: &Env, key: &str) -> Promise;
    #[wasm_bindgen(method)]
    fn save(this: &Env, key: &str, value: &str) -> Promise;
    #[wasm_bindgen(method)]
    fn lock(this: &Env, name: &str) -> Promise;
    #[wasm_bindgen(method)]
    fn unlock(this: &Env, lock: &Promise);
    #[wasm_bindgen(method)]
    pub(super) fn error(
        this: &Env,
        code: &str,
        message: &str,
        response: JsValue,
        payment: Option<String>,
        quote: Option<String>,
        cause: Array,
    ) -> JsValue;

    /// One call of fetch, as `request.js` reads it.
    pub type Call;

    /// A promise that can be told that nobody waits for it any more.
    type Pending;
    #[wasm_bindgen(method, getter)]
    fn promise(this: &Pending) -> Promise;
    #[wasm_bindgen(method)]
    fn cancel(this: &Pending);
}

pub(crate) struct JsHost {
    pub(super) env: Env,
    /// What is there, and what this runtime is like; `env.js` sets the bits.
    pub(super) traits: u32,
    pub(super) wallet: Wallet,
}

/// The bits of [`JsHost::traits`].
mod trait_of {
    pub(super) const ISOLATED: u32 = 1;
    pub(super) const LOOKS_UP: u32 = 2;
    pub(super) const ASKS: u32 = 4;
    pub(super) const LISTENS: u32 = 8;
    pub(super) const STORES: u32 = 16;
    pub(super) const LOCKS: u32 = 32;
    pub(super) const ASKS_UNKNOWN: u32 = 64;
}

impl JsHost {
    fn is(&self, bit: u32) -> bool {
        self.traits & bit != 0
    }

    pub(super) fn request(&self, call: &Call) -> Request {
        let head = self.env.head(call);
        let (flags, rest) = split_once(&head, b' ').unwrap_or_default();
        let (url, method) = split_once(rest, b' ').unwrap_or_default();
        let flags = flags.bytes().next().unwrap_or_default();
        Request {
            url: url.to_owned(),
            method: method.to_owned(),
            replayable: flags & 1 != 0,
            authorized: flags & 2 != 0,
            payable: flags & 4 != 0,
        }
    }
}

/// Cancels what it waits for when it is dropped, so that no process stays up for a timer, and no dialog open.
struct Waiting {
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

/// What a promise comes to, as it is read once it has settled. An async block would be a state machine, with code to drop it.
fn settled<T>(
    mut promise: impl Future<Output = Result<JsValue, JsValue>> + Unpin + 'static,
    mut read: impl FnMut(Result<JsValue, JsValue>) -> T + 'static,
) -> impl Future<Output = T> + 'static {
    poll_fn(move |context| Pin::new(&mut promise).poll(context).map(&mut read))
}

/// Frees a lock; one that is still waited for, as soon as it would be held.
pub(crate) struct Guard(Option<Lock>);

struct Lock {
    env: Env,
    promise: Promise,
    release: JsValue,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(Lock { env, promise, release }) = &self.0 else { return };
        match release.dyn_ref::<Function>() {
            Some(release) => {
                let _ = release.call0(&JsValue::UNDEFINED);
            }
            None => env.unlock(promise),
        }
    }
}

/// How long a `Retry-After` asks to wait: seconds, or an HTTP date.
fn milliseconds_until(retry_after: &str, now: f64) -> Option<u64> {
    let wait = match number(retry_after.as_bytes()) {
        Some(seconds) => return Some(seconds.saturating_mul(1000)),
        None => Date::parse(retry_after) - now,
    };
    (!wait.is_nan()).then_some(wait.max(0.0) as u64)
}

impl Host for JsHost {
    type Call = Call;
    type Response = JsValue;
    type Cause = JsValue;
    type Guard = Guard;

    fn now(&self) -> u64 {
        self.env.now() as u64
    }

    fn sleep(&self, milliseconds: u64) -> impl Future<Output = ()> + 'static {
        settled(Waiting::from(self.env.timer(milliseconds as f64)), drop)
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()>>>) {
        task::spawn(&self.env, task);
    }

    fn wakes_only_itself(&self) -> bool {
        self.is(trait_of::ISOLATED)
    }

    fn send(
        &self,
        call: &Call,
        authorization: Option<&str>,
        repeat: bool,
    ) -> impl Future<Output = Result<JsValue, JsValue>> {
        JsFuture::from(self.env.send(call, authorization.map(str::to_owned), repeat))
    }

    fn may_be_preflight(&self, call: &Call, cause: &JsValue) -> bool {
        self.env.preflighted(call, cause)
    }

    fn is_aborted(&self, call: &Call) -> bool {
        self.env.aborted(call)
    }

    fn gives_up(&self, call: &Call) -> impl Future<Output = ()> {
        settled(Waiting::from(self.env.gives_up(call)), drop)
    }

    fn head(&self, response: &JsValue) -> Head {
        if !self.env.readable(response) {
            return Head::default();
        }
        let raw: web_sys::Response = response.clone().unchecked_into();
        let filtered = raw.type_() == web_sys::ResponseType::Cors;
        let response = Response::from(raw);
        let status = response.status();
        let retry_after = match status {
            401 | 402 | 429 | 503 => response.headers().get("retry-after"),
            _ => None,
        };
        Head {
            status,
            url: response.url(),
            redirected: response.redirected(),
            challenge: response.headers().get("www-authenticate"),
            retry_after_ms: retry_after.and_then(|value| milliseconds_until(&value, self.env.now())),
            filtered,
        }
    }

    fn discard(&self, response: JsValue) {
        self.env.discard(response);
    }

    fn pay(&self, invoice: &Invoice, order: Order<'_>) -> impl Future<Output = Answer<JsValue>> + 'static {
        let promise = self.env.pay(&invoice.to_json(), order.url, order.max_fee_msat as f64, order.timeout_ms as f64);
        settled(JsFuture::from(promise), |answer| {
            let answer = match answer {
                Ok(answer) => answer,
                Err(cause) => return Answer::Threw(cause),
            };
            if let Some(failed) = text(&answer, "failed") {
                let cause = Reflect::get(&answer, &"cause".into()).ok().filter(|cause| !cause.is_undefined());
                return Answer::Failed { text: failed, cause };
            }
            if let Some(preimage) = text(&answer, "preimage") {
                return Answer::Preimage { text: preimage, fee_msat: msat(&answer, "feeMsat") };
            }
            if let Some(heard) = text(&answer, "heard") {
                let threw = Reflect::get(&answer, &"threw".into()).unwrap_or(JsValue::UNDEFINED);
                return if heard == "known" { Answer::Known(threw) } else { Answer::Ended(threw) };
            }
            match text(&answer, "nothing") {
                Some(nothing) => Answer::Nothing(nothing),
                None => Answer::Word,
            }
        })
    }

    fn has_lookup(&self) -> bool {
        self.is(trait_of::LOOKS_UP)
    }

    fn wallet(&self) -> Wallet {
        self.wallet.clone()
    }

    fn lookup(&self, payment_hash: &str) -> impl Future<Output = Fact> + 'static {
        settled(JsFuture::from(self.env.lookup(payment_hash)), |found| {
            let Ok(found) = found else { return Fact::Unreachable };
            match (text(&found, "state").as_deref(), text(&found, "preimage")) {
                (Some("paid"), Some(preimage)) => Fact::Paid { preimage, fee_msat: msat(&found, "feeMsat") },
                (Some("pending"), _) => Fact::Pending,
                (Some("failed"), _) => Fact::Failed { begun_at_ms: msat(&found, "begunAt") },
                (Some("not_found"), _) => Fact::NotFound,
                _ => Fact::Unreachable,
            }
        })
    }

    fn asks_unknown(&self) -> bool {
        self.is(trait_of::ASKS_UNKNOWN)
    }

    fn ask_unknown(&self, payment: &Payment, error: &Error) -> impl Future<Output = Told> + 'static {
        let payment = payment.to_json();
        let shown = Some(payment.clone());
        let error =
            self.env.error(error.code().as_str(), error.message(), JsValue::UNDEFINED, shown, None, Array::new());
        settled(JsFuture::from(self.env.unknown(&payment, error)), |told| match told {
            Ok(told) if told == "failed" => Told::Failed,
            Ok(told) => text(&told, "preimage").map_or(Told::Wait, Told::Preimage),
            Err(_) => Told::Wait,
        })
    }

    fn approve(&self, quote: &Quote, terms: &Terms) -> Option<impl Future<Output = Result<bool, JsValue>> + 'static> {
        if !self.is(trait_of::ASKS) {
            return None;
        }
        let Terms { max_fee_msat, remaining } = terms;
        let answer = Waiting::from(self.env.approve(&quote.to_json(), *max_fee_msat as f64, &remaining.to_json()));
        Some(settled(answer, |consent| consent.map(|consent| consent == JsValue::TRUE)))
    }

    fn tell(&self, event: &Event<'_>) {
        if self.is(trait_of::LISTENS) {
            self.env.tell(&event.to_json());
        }
    }

    fn has_store(&self) -> bool {
        self.is(trait_of::STORES)
    }

    fn has_lock(&self) -> bool {
        self.is(trait_of::LOCKS)
    }

    fn load(&self, key: &str) -> impl Future<Output = Result<Option<String>, JsValue>> {
        settled(JsFuture::from(self.env.load(key)), |text| text.map(|text| text.as_string()))
    }

    fn save(&self, key: &str, value: &str) -> impl Future<Output = Result<(), JsValue>> {
        settled(JsFuture::from(self.env.save(key, value)), |saved| saved.map(drop))
    }

    async fn lock(&self, name: &str) -> Result<Guard, JsValue> {
        if !self.has_lock() {
            return Ok(Guard(None));
        }
        let (env, promise) = (self.env.clone(), self.env.lock(name));
        let mut guard = Guard(Some(Lock { env, promise: promise.clone(), release: JsValue::UNDEFINED }));
        let release = JsFuture::from(promise).await?;
        if let Some(lock) = &mut guard.0 {
            lock.release = release;
        }
        Ok(guard)
    }
}
