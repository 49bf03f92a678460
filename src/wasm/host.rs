//! The platform as the flow sees it: the functions of `env.ts`. They wrap the functions that the user gave.

use super::convert::{data, items, number, pairs, row, text, unpair, value};
use super::env::{Call, Env};
use super::task;
use super::waiting::{settled, Waiting};
use crate::error::{Code, Error};
use crate::flow::event::{Event, Quote};
use crate::flow::failure::Raised;
use crate::flow::host::{Answer, Head, Host, Order, Outgoing, Request, Resolution, Sending, Terms};
use crate::ledger::payment::Payment;
use crate::ledger::view::{Changes, Listing};
use crate::ledger::wallet::{Fact, Wallet};
use crate::text::encoding::from_hex;
use crate::text::json::Json;
use crate::text::json_writer::{write_object, write_texts};
use crate::text::scan;
use crate::wire::credential::Brought;
use crate::wire::invoice::Invoice;
use crate::wire::payment_hash::PaymentHash;
use crate::wire::signature::Signature;
use crate::wire::url::Url;
use crate::wire::x402::{is_unseen, is_unseen_in_pages};
use gloo_net::http::Response;
use js_sys::{Array, Date, Uint8Array};
use sha2::{Digest, Sha256};
use std::future::Future;
use std::pin::Pin;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

pub(crate) struct JsHost {
    pub(super) env: Env,
    /// The optional functions that are there, and the traits of this runtime. `env.ts` sets the bits.
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
    pub(super) const STORE_HAS_ROWS: u32 = 32;
    pub(super) const ASKS_UNKNOWN: u32 = 64;
    pub(super) const PAGE: u32 = 128;
}

impl JsHost {
    fn is(&self, bit: u32) -> bool {
        self.traits & bit != 0
    }

    pub(super) fn request(&self, call: &Call) -> Request {
        let head = Json::parse(&self.env.head(call)).unwrap_or(Json::Null);
        let [replayable, brought, payable, url, method] = head.as_array().unwrap_or_default() else {
            return Request::default();
        };
        let brought = brought.as_u64().unwrap_or(1);
        Request {
            url: Url::of(url.as_str().unwrap_or_default()),
            method: method.as_str().unwrap_or_default().to_owned(),
            replayable: *replayable == Json::Bool(true),
            brought: Brought { authorization: brought & 1 != 0, payment: brought & 2 != 0 },
            payable: *payable == Json::Bool(true),
        }
    }

    /// The error that JavaScript throws.
    pub(super) fn raise(&self, raised: Raised<Self>) -> JsValue {
        let Raised { error, cause, payment, quote, response } = raised;
        let text = write_object(|object| {
            object.text("code", Some(error.code().as_str()));
            object.text("message", Some(error.message()));
            if let Some(payment) = &payment {
                object.object("payment", |object| payment.write(object));
            }
            if let Some(quote) = &quote {
                object.object("quote", |object| quote.write(object));
            }
            // Wallets throw any value, so a cause may be undefined.
            object.boolean("hasCause", cause.is_some());
        });
        self.env.error(&text, &response.unwrap_or_default(), &cause.unwrap_or_default())
    }
}

/// The milliseconds that a `Retry-After` asks to wait. It holds seconds or an HTTP date.
fn milliseconds_until(retry_after: &str, now: f64) -> Option<u64> {
    let wait = match scan::number(retry_after.as_bytes()) {
        Some(seconds) => return Some(seconds.saturating_mul(1000)),
        None => Date::parse(retry_after) - now,
    };
    (!wait.is_nan()).then_some(wait.max(0.0) as u64)
}

impl Host for JsHost {
    type Call = Call;
    type Response = JsValue;
    type Cause = JsValue;

    fn now(&self) -> u64 {
        self.env.now() as u64
    }

    fn monotonic(&self) -> u64 {
        self.env.monotonic() as u64
    }

    fn random(&self) -> u64 {
        self.env.random() as u64
    }

    fn sleep(&self, milliseconds: u64) -> impl Future<Output = ()> + 'static {
        settled(Waiting::from(self.env.timer(milliseconds as f64)), drop)
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()>>>) {
        task::spawn(|id| self.env.continuation(id), task);
    }

    fn wakes_only_itself(&self) -> bool {
        self.is(trait_of::ISOLATED)
    }

    fn send(
        &self,
        call: &Call,
        Sending { credential, is_repeat, url }: Sending<'_>,
    ) -> impl Future<Output = Result<JsValue, JsValue>> {
        let field = credential.map(|credential| credential.field.as_str());
        let value = credential.map(|credential| &*credential.value);
        JsFuture::from(self.env.send(call, field, value, is_repeat, url.map(Url::as_str)))
    }

    fn outgoing(&self, call: &Call) -> impl Future<Output = Outgoing> + 'static {
        settled(JsFuture::from(self.env.outgoing(call)), |parts| {
            let Ok(parts) = parts else { return Outgoing::default() };
            let parts: Array = parts.unchecked_into();
            let body: Option<Uint8Array> = parts.get(0).dyn_into().ok();
            Outgoing {
                headers: items(Ok(parts.get(1)), row).unwrap_or_default(),
                body_hash: body.map(|bytes| Sha256::digest(bytes.to_vec()).into()),
            }
        })
    }

    fn may_add(&self, name: &str) -> bool {
        if self.is(trait_of::PAGE) {
            is_unseen_in_pages(name)
        } else {
            is_unseen(name)
        }
    }

    fn recover(&self, signature: &Signature) -> impl Future<Output = Result<Option<[u8; 33]>, Error>> + 'static {
        settled(JsFuture::from(self.env.recover(&signature.to_json())), |told| {
            let told = told.map_or(Json::Null, |told| data(&told));
            match text(&told, "failed") {
                Some(why) => Err(Error::new(Code::LoadFailed, why)),
                None => Ok(text(&told, "key").and_then(|key| from_hex(key.as_bytes())?.try_into().ok())),
            }
        })
    }

    fn problem(&self, response: &JsValue) -> impl Future<Output = Option<String>> + 'static {
        settled(JsFuture::from(self.env.problem(response)), |told| told.ok()?.as_string())
    }

    fn json(&self, response: &JsValue) -> impl Future<Output = Option<String>> + 'static {
        settled(JsFuture::from(self.env.json(response)), |told| told.ok()?.as_string())
    }

    fn make_invoice(
        &self,
        description: &str,
        expiry_s: u64,
    ) -> impl Future<Output = Result<String, (String, Option<JsValue>)>> + 'static {
        settled(JsFuture::from(self.env.make_invoice(description, expiry_s as f64)), |made| {
            let (cause, made) = made.map_or((JsValue::UNDEFINED, Json::Null), unpair);
            match text(&made, "invoice") {
                Some(invoice) => Ok(invoice),
                None => Err((text(&made, "failed").unwrap_or_default(), Some(cause))),
            }
        })
    }

    fn received(&self, payment_hash: &PaymentHash) -> impl Future<Output = Option<u64>> + 'static {
        settled(JsFuture::from(self.env.received(&payment_hash.to_hex())), |told| {
            told.ok()?.as_f64().map(|msat| msat as u64)
        })
    }

    fn own_call(&self, method: &str, url: &Url) -> Option<Call> {
        Some(self.env.own_call(method, url.as_str()))
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
        let status = self.env.status(response);
        if status == 0 {
            return Head::default();
        }
        let is_unproven = self.is(trait_of::PAGE) && self.env.unproven(response);
        let raw: web_sys::Response = response.clone().unchecked_into();
        let filtered = raw.type_() == web_sys::ResponseType::Cors;
        let response = Response::from(raw);
        let retry_after = match status {
            401 | 402 | 429 | 503 => response.headers().get("retry-after"),
            _ => None,
        };
        let receipt = if status < 400 { response.headers().get("payment-receipt") } else { None };
        let is_stream = receipt.is_some()
            && response.headers().get("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
        Head {
            status,
            is_stream,
            receipt,
            url: response.url(),
            redirected: response.redirected(),
            challenge: response.headers().get("www-authenticate"),
            payment_required: if status == 402 { response.headers().get("payment-required") } else { None },
            payment_response: response.headers().get("payment-response"),
            retry_after_ms: retry_after.and_then(|value| milliseconds_until(&value, self.env.now())),
            filtered,
            is_unproven,
        }
    }

    fn discard(&self, response: JsValue) {
        self.env.discard(response);
    }

    fn pay(&self, invoice: &Invoice, order: Order<'_>) -> impl Future<Output = Answer<JsValue>> + 'static {
        let promise = self.env.pay(&invoice.to_json(), order.url, order.max_fee_msat as f64, order.timeout_ms as f64);
        settled(JsFuture::from(promise), |answer| {
            let (cause, answer) = match answer {
                Ok(answer) => unpair(answer),
                Err(cause) => return Answer::Threw(cause),
            };
            if let Some(failed) = text(&answer, "failed") {
                return Answer::Failed { text: failed, cause: Some(cause).filter(|cause| !cause.is_undefined()) };
            }
            if let Some(preimage) = text(&answer, "preimage") {
                return Answer::Preimage { text: preimage, fee_msat: number(&answer, "feeMsat") };
            }
            if let Some(heard) = text(&answer, "heard") {
                return if heard == "known" { Answer::HasPayment(cause) } else { Answer::OrderEnded(cause) };
            }
            match answer.get("proven") {
                Some(Json::Bool(true)) => Answer::PaidWithoutProof,
                _ => Answer::NoPreimage(text(&answer, "nothing").unwrap_or_default()),
            }
        })
    }

    fn has_lookup(&self) -> bool {
        self.is(trait_of::LOOKS_UP)
    }

    fn wallet(&self) -> Wallet {
        self.wallet.clone()
    }

    fn lookup(&self, payment_hash: &PaymentHash) -> impl Future<Output = Fact> + 'static {
        settled(JsFuture::from(self.env.lookup(&payment_hash.to_hex())), |found| {
            let Ok(found) = found else { return Fact::Unreachable };
            let found = data(&found);
            match (text(&found, "state").as_deref(), text(&found, "preimage")) {
                (Some("paid"), Some(preimage)) => Fact::Paid { preimage, fee_msat: number(&found, "feeMsat") },
                (Some("pending"), _) => Fact::Pending,
                (Some("failed"), _) => Fact::Failed { begun_at_ms: number(&found, "begunAt") },
                (Some("not_found"), _) => Fact::NotFound,
                _ => Fact::Unreachable,
            }
        })
    }

    fn asks_unknown(&self) -> bool {
        self.is(trait_of::ASKS_UNKNOWN)
    }

    fn ask_unknown(&self, payment: &Payment, error: &Error) -> impl Future<Output = Resolution> + 'static {
        let error =
            Raised { error: error.clone(), cause: None, payment: Some(payment.clone()), quote: None, response: None };
        settled(JsFuture::from(self.env.unknown(&payment.to_json(), self.raise(error))), |told| {
            let told = told.map_or(Json::Null, |told| data(&told));
            match told.get("failed") {
                Some(Json::Bool(true)) => Resolution::Failed,
                _ => text(&told, "preimage").map_or(Resolution::Wait, Resolution::Preimage),
            }
        })
    }

    fn asks(&self) -> bool {
        self.is(trait_of::ASKS)
    }

    fn approve(&self, quote: &Quote, terms: &Terms) -> impl Future<Output = Result<bool, JsValue>> + 'static {
        let Terms { max_fee_msat, remaining } = terms;
        let answer = Waiting::from(self.env.approve(&quote.to_json(), *max_fee_msat as f64, &remaining.to_json()));
        settled(answer, |consent| consent.map(|consent| consent == JsValue::TRUE))
    }

    fn has_offer_in_body(&self, response: &JsValue) -> impl Future<Output = bool> + 'static {
        settled(JsFuture::from(self.env.has_offer_in_body(response)), |told| {
            told.is_ok_and(|told| told == JsValue::TRUE)
        })
    }

    fn listens(&self) -> bool {
        self.is(trait_of::LISTENS)
    }

    fn tell(&self, event: &Event<'_>) {
        if self.listens() {
            self.env.tell(&event.to_json());
        }
    }

    fn has_store(&self) -> bool {
        self.is(trait_of::STORES)
    }

    fn is_store_empty(&self) -> bool {
        !self.is(trait_of::STORE_HAS_ROWS)
    }

    fn read(&self, keys: &[String]) -> impl Future<Output = Result<Vec<Option<String>>, JsValue>> {
        settled(JsFuture::from(self.env.read(&write_texts(keys))), |values| items(values, value))
    }

    fn write(&self, changes: &Changes, seen: &Changes) -> impl Future<Output = Result<bool, JsValue>> {
        let written = self.env.write(&pairs(changes), &pairs(seen));
        settled(JsFuture::from(written), |written| written.map(|written| written == JsValue::TRUE))
    }

    fn list(&self, listing: &Listing) -> impl Future<Output = Result<Vec<(String, String)>, JsValue>> {
        let asked = write_object(|object| {
            object.text("prefix", Some(&listing.prefix));
            if let Some(after) = &listing.after {
                object.text("after", Some(after));
            }
            object.number("limit", Some(listing.limit as u64));
            object.boolean("reverse", listing.reverse);
        });
        settled(JsFuture::from(self.env.list(&asked)), |rows| items(rows, row))
    }
}
