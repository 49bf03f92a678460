//! The functions of `env.ts`, and what they are called with.

use super::waiting::Pending;
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The object that `env.ts` makes for each paying fetch. Its functions are ours: they never throw, and always
    /// return values of the declared types.
    #[derive(Clone)]
    pub type Env;
    #[wasm_bindgen(method)]
    pub(super) fn now(this: &Env) -> f64;
    #[wasm_bindgen(method)]
    pub(super) fn timer(this: &Env, milliseconds: f64) -> Pending;
    /// Makes the function that continues a [`task`].
    #[wasm_bindgen(method)]
    pub(super) fn continuation(this: &Env, task: f64) -> Function;
    /// A call before it is sent: JSON text, `[replayable, brought, payable, url or null, method]`. `brought` has bits:
    /// 1 for an Authorization, 2 for another header that pays.
    #[wasm_bindgen(method)]
    pub(super) fn head(this: &Env, call: &Call) -> String;
    #[wasm_bindgen(method)]
    pub(super) fn send(
        this: &Env,
        call: &Call,
        field: Option<&str>,
        credential: Option<&str>,
        repeat: bool,
        url: Option<&str>,
    ) -> Promise;
    /// A pair: the bytes of the body or null, and the list of pairs of header name and value.
    #[wasm_bindgen(method)]
    pub(super) fn outgoing(this: &Env, call: &Call) -> Promise;
    /// `{key}` in hex, null if no key made the signature; or `{failed}`, a text.
    #[wasm_bindgen(method)]
    pub(super) fn recover(this: &Env, signature: &str) -> Promise;
    /// The text of a short problem; undefined for any other response.
    #[wasm_bindgen(method)]
    pub(super) fn problem(this: &Env, response: &JsValue) -> Promise;
    /// The text of a short body of JSON; undefined for any other response.
    #[wasm_bindgen(method)]
    pub(super) fn json(this: &Env, response: &JsValue) -> Promise;
    /// Asks the wallet for an invoice without an amount. A pair: what it threw, and `{invoice}` or `{failed}`, a text.
    #[wasm_bindgen(method, js_name = makeInvoice)]
    pub(super) fn make_invoice(this: &Env, description: &str, expiry: f64) -> Promise;
    /// Millisatoshis; null where the wallet can't tell.
    #[wasm_bindgen(method)]
    pub(super) fn received(this: &Env, payment_hash: &str) -> Promise;
    #[wasm_bindgen(method, js_name = ownCall)]
    pub(super) fn own_call(this: &Env, method: &str, url: &str) -> Call;
    /// Resolves with a flag.
    #[wasm_bindgen(method, js_name = hasOfferInBody)]
    pub(super) fn has_offer_in_body(this: &Env, response: &JsValue) -> Promise;
    #[wasm_bindgen(method)]
    pub(super) fn aborted(this: &Env, call: &Call) -> bool;
    #[wasm_bindgen(method)]
    pub(super) fn preflighted(this: &Env, call: &Call, cause: &JsValue) -> bool;
    /// The status; 402 for a gRPC-Web answer that asks for money; 0 for what is no response.
    #[wasm_bindgen(method)]
    pub(super) fn status(this: &Env, response: &JsValue) -> u16;
    /// Whether it came to a request that went without its proof after all.
    #[wasm_bindgen(method)]
    pub(super) fn unproven(this: &Env, response: &JsValue) -> bool;
    #[wasm_bindgen(method)]
    pub(super) fn discard(this: &Env, response: JsValue);
    #[wasm_bindgen(method)]
    /// Asks the wallet to pay. A pair: the error that the wallet threw or gave as its cause, and its answer as
    /// `wallet.ts` reads it.
    pub(super) fn pay(this: &Env, invoice: &str, url: &str, max_fee_msat: f64, timeout: f64) -> Promise;
    #[wasm_bindgen(method)]
    pub(super) fn lookup(this: &Env, payment_hash: &str) -> Promise;
    #[wasm_bindgen(method)]
    pub(super) fn approve(this: &Env, quote: &str, max_fee_msat: f64, remaining: &str) -> Pending;
    #[wasm_bindgen(method, js_name = givesUp)]
    pub(super) fn gives_up(this: &Env, call: &Call) -> Pending;
    #[wasm_bindgen(method)]
    pub(super) fn unknown(this: &Env, payment: &str, error: JsValue) -> Promise;
    #[wasm_bindgen(method)]
    pub(super) fn tell(this: &Env, event: &str);
    /// Milliseconds by a clock that is never set.
    #[wasm_bindgen(method)]
    pub(super) fn monotonic(this: &Env) -> f64;
    /// A whole number below 2^53 that nobody can guess.
    #[wasm_bindgen(method)]
    pub(super) fn random(this: &Env) -> f64;
    /// Rows of the store: a list of keys to a list of values, null where there is none.
    #[wasm_bindgen(method)]
    pub(super) fn read(this: &Env, keys: &str) -> Promise;
    /// Two lists of pairs of key and value: the changes, and what was seen. Resolves with a flag.
    #[wasm_bindgen(method)]
    pub(super) fn write(this: &Env, changes: &str, seen: &str) -> Promise;
    /// `{prefix, after, limit, reverse}` to a list of pairs of key and value.
    #[wasm_bindgen(method)]
    pub(super) fn list(this: &Env, listing: &str) -> Promise;
    /// An `L402Error`. `error` is JSON text, `{code, message, payment?, quote?, hasCause}`.
    #[wasm_bindgen(method)]
    pub(super) fn error(this: &Env, error: &str, response: &JsValue, cause: &JsValue) -> JsValue;

    /// One call of fetch, as `request.ts` reads it.
    pub type Call;
}
