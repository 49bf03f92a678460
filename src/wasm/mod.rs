//! The bindings: the only code that names a JavaScript value.
//!
//! `fetch.js` sends the first request itself and comes here with a 402, or with the answer to a token; see [`Core::answer`].
//! Errors leave as `[code, message]` from the parsers, and as the `L402Error` that the environment makes from the flow.

mod convert;
mod host;

use crate::client::Client;
use crate::config::Config;
use crate::failure::{Failure, Raised};
use crate::invoice::Invoice;
use crate::macaroon::{attenuate, Macaroon};
use crate::{challenge, Error};
use convert::{challenges_to_js, to_js};
use host::{Call, Env, JsHost};
use js_sys::{Array, Promise};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

/// Every challenge of a header.
///
/// # Errors
/// `[code, message]`
#[wasm_bindgen(js_name = parseChallenges)]
pub fn parse_challenges(header: &str) -> Result<JsValue, JsValue> {
    Ok(challenges_to_js(&challenge::parse(header).map_err(|error| pair(&error))?))
}

/// A BOLT11 invoice.
///
/// # Errors
/// `[code, message]`
#[wasm_bindgen(js_name = decodeInvoice)]
pub fn decode_invoice(payment_request: &str) -> Result<JsValue, JsValue> {
    Ok(to_js(&Invoice::decode(payment_request).map_err(|error| pair(&error))?))
}

/// A macaroon.
///
/// # Errors
/// `[code, message]`
#[wasm_bindgen(js_name = decodeMacaroon)]
pub fn decode_macaroon(token: &str) -> Result<JsValue, JsValue> {
    Ok(to_js(&Macaroon::decode(token).map_err(|error| pair(&error))?))
}

/// A macaroon, narrowed by caveats.
///
/// # Errors
/// `[code, message]`
#[wasm_bindgen(js_name = attenuateMacaroon)]
pub fn attenuate_macaroon(token: &str, caveats: Vec<String>) -> Result<String, JsValue> {
    let caveats: Vec<&str> = caveats.iter().map(String::as_str).collect();
    attenuate(token, &caveats).map_err(|error| pair(&error))
}

#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

type Task = Pin<Box<dyn Future<Output = Result<JsValue, Failure<JsHost>>>>>;

fn pair(error: &Error) -> JsValue {
    Array::of2(&error.code().as_str().into(), &error.message().into()).into()
}

/// The core of one paying fetch.
#[wasm_bindgen]
pub struct Core {
    client: Rc<Client<JsHost>>,
}

#[wasm_bindgen]
impl Core {
    /// # Errors
    /// `[code, message]` where the options reader let something through that can't be.
    #[wasm_bindgen(constructor)]
    pub fn new(config: &str, env: Env) -> Result<Core, JsValue> {
        let config = Config::parse(config).map_err(|error| pair(&error))?;
        Ok(Self { client: Client::new(JsHost::new(env), config) })
    }

    /// The token to send with a request: its id, 0 where none is known.
    #[must_use]
    pub fn token(&self, call: &Call) -> u32 {
        self.client.token_to_send(&call.request()).map_or(0, |token| token.id)
    }

    /// The `Authorization` that a token makes.
    #[must_use]
    pub fn authorization(&self, id: u32) -> Option<String> {
        self.client.token(id).map(|token| token.authorization())
    }

    /// The payment that bought a token.
    #[must_use]
    pub fn payment(&self, id: u32) -> JsValue {
        self.client.token(id).map_or(JsValue::UNDEFINED, |token| to_js(&token.payment))
    }

    /// Notes that a server took the token.
    pub fn accepted(&self, id: u32) {
        if let Some(token) = self.client.token(id) {
            self.client.note_accepted(&token);
        }
    }

    /// Takes the first response of a call, sent with the token of this id (0: without), to its end:
    /// `[response, receipt or undefined]`.
    pub fn answer(&self, call: Call, id: u32, response: JsValue) -> Promise {
        let client = Rc::clone(&self.client);
        self.promise(async move {
            let (token, request) = (client.token(id), call.request());
            let reply = client.answer(Rc::new(call), request, token, response).await?;
            let receipt = reply.receipt.map_or(JsValue::UNDEFINED, |receipt| to_js(&receipt));
            Ok(Array::of2(&reply.response, &receipt).into())
        })
    }

    /// The price of a request, null where nothing is to be paid.
    pub fn quote(&self, call: Call) -> Promise {
        let client = Rc::clone(&self.client);
        self.promise(async move {
            let request = call.request();
            Ok(client.quote(Rc::new(call), request).await?.map_or(JsValue::NULL, |quote| to_js(&quote)))
        })
    }

    /// Reads the store's tokens.
    #[wasm_bindgen(js_name = readTokens)]
    pub fn read_tokens(&self) -> Promise {
        let client = Rc::clone(&self.client);
        self.promise(async move { client.read_tokens().await.map(|()| JsValue::UNDEFINED) })
    }

    /// The journal.
    pub fn payments(&self) -> Promise {
        let client = Rc::clone(&self.client);
        self.promise(async move { client.payments().await.map(|payments| to_js(&payments)) })
    }

    /// Sums in satoshis: `{hour, day, total}`.
    pub fn spent(&self, url: Option<String>) -> Promise {
        let client = Rc::clone(&self.client);
        self.promise(async move { client.spent(url.as_deref()).await.map(|spent| to_js(&spent)) })
    }

    /// Settles an unknown payment: with a preimage, or as failed.
    pub fn resolve(&self, payment_hash: String, preimage: Option<String>) -> Promise {
        let client = Rc::clone(&self.client);
        self.promise(
            async move { client.resolve(&payment_hash, preimage.as_deref()).await.map(|()| JsValue::UNDEFINED) },
        )
    }

    /// Drops tokens.
    pub fn forget(&self, url: Option<String>) -> Promise {
        let client = Rc::clone(&self.client);
        self.promise(async move { client.forget(url.as_deref()).await.map(|()| JsValue::UNDEFINED) })
    }

    fn promise(&self, task: impl Future<Output = Result<JsValue, Failure<JsHost>>> + 'static) -> Promise {
        self.settle(Box::pin(task))
    }

    /// Boxed, so that the machinery around a promise is compiled once.
    fn settle(&self, task: Task) -> Promise {
        let client = Rc::clone(&self.client);
        future_to_promise(async move {
            task.await.map_err(|failure| match failure {
                Failure::Raised(raised) => client.host.raise(*raised),
                Failure::Foreign(cause) => cause,
                // Whoever called has been answered by its own signal.
                Failure::Abandoned => JsValue::UNDEFINED,
            })
        })
    }
}

impl JsHost {
    fn raise(&self, raised: Raised<Self>) -> JsValue {
        let payment = raised.payment.map_or(JsValue::UNDEFINED, |payment| to_js(&payment));
        let response = raised.response.unwrap_or(JsValue::UNDEFINED);
        let cause = raised.cause.map_or_else(Array::new, |cause| Array::of1(&cause));
        self.env.error(raised.error.code().as_str(), raised.error.message(), response, payment, cause)
    }
}
