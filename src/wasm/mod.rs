//! The bindings: the only code that names a JavaScript value.
//!
//! `fetch.ts` sends the first request itself. It comes here with a 402, or with the answer to a token: see
//! [`Core::answer`].
//!
//! # The encoding of the border
//! - A value that has members crosses as JSON text, in both directions.
//! - A single text, number or flag crosses as it is.
//! - An object of the caller's world (a response, an error) crosses by reference. If data belongs to it, it crosses as
//!   the pair `[object, JSON text or null]`.
//! - A parser throws `[code, message]`. serde-wasm-bindgen makes only this.

mod convert;
mod env;
mod host;
mod task;
mod waiting;

use crate::client::Client;
use crate::error::{Code, Error};
use crate::flow::account::unknown_payment;
use crate::flow::call::Reply;
use crate::flow::candidate;
use crate::flow::config::Config;
use crate::flow::failure::{Failure, Why};
use crate::flow::host::Head;
use crate::flow::sessions::{Ended, Session};
use crate::ledger::limits::Limits;
use crate::ledger::payment::Payment;
use crate::ledger::read::Filter;
use crate::ledger::wallet::Wallet;
use crate::text::json::Json;
use crate::text::json_writer::{write_list, write_object};
use crate::wire::challenge::Protocol;
use crate::wire::credential::Credential;
use crate::wire::invoice::Invoice;
use crate::wire::macaroon::{attenuate, Macaroon};
use crate::wire::payment_hash::PaymentHash;
use crate::wire::shown;
use crate::wire::signature::Signature;
use convert::{pair, thrown};
use env::{Call, Env};
use host::JsHost;
use js_sys::Promise;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// Reads a stranger's text, and returns its parts as JSON text. `parsers.ts` numbers the kinds of text. With challenges
/// `more` is a `PAYMENT-REQUIRED`, empty where there is none. One kind narrows a macaroon by the caveats of the JSON
/// array `more`, and returns the new macaroon.
///
/// # Errors
/// `[code, message]` if the text is malformed.
#[wasm_bindgen]
pub fn parse(kind: u32, text: &str, more: &str) -> Result<String, JsValue> {
    let parsed = match kind {
        0 => {
            let payment_required = Some(more.to_owned()).filter(|more| !more.is_empty());
            let head = Head { challenge: Some(text.to_owned()), payment_required, ..Head::default() };
            candidate::read(&head, &Protocol::ALL, true).map(|found| shown::to_json(&found.challenges))
        }
        1 => Invoice::decode(text).map(|invoice| invoice.to_json()),
        2 => Macaroon::decode(text).map(|macaroon| macaroon.to_json()),
        3 => {
            let list = Json::parse(more).unwrap_or(Json::Null);
            let caveats: Vec<&str> = list.as_array().unwrap_or_default().iter().filter_map(Json::as_str).collect();
            attenuate(text, &caveats)
        }
        4 => Signature::of(text).map(|signature| signature.to_json()),
        _ => Err(stranger()),
    };
    parsed.map_err(|error| thrown(&error))
}

/// The error for an unknown number. Only JavaScript of another build can have sent it.
fn stranger() -> Error {
    Error::new(Code::LoadFailed, "JavaScript and wasm are of two builds: deploy one")
}

#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

type Task = Pin<Box<dyn Future<Output = Result<JsValue, Failure<JsHost>>>>>;

/// The core of one paying fetch.
#[wasm_bindgen]
pub struct Core {
    client: Client<JsHost>,
}

#[wasm_bindgen]
impl Core {
    /// Reads the options.
    ///
    /// # Errors
    /// `[code, message]` if a value is impossible. The options reader in JavaScript should have refused it.
    #[wasm_bindgen(constructor)]
    pub fn new(config: &str, env: Env, traits: u32, about: &str) -> Result<Core, JsValue> {
        let config = Config::parse(config).map_err(|error| thrown(&error))?;
        let wallet = Wallet::parse(about).map_err(|error| thrown(&error))?;
        Ok(Self { client: Client::new(JsHost { env, traits, wallet }, config) })
    }

    /// The same core in a narrower scope: see [`Client::within`]. `limits` is JSON text, as `options.ts` makes it. What
    /// can't be read allows nothing. `env` asks and tells those who belong to the scope alone.
    #[must_use]
    pub fn within(&self, name: Option<String>, limits: &str, env: Env, traits: u32) -> Core {
        let limits = Json::parse(limits).ok().and_then(|limits| Limits::parse(&limits));
        let limits = limits.unwrap_or(Limits { per_payment: 0, ..Limits::default() });
        Self { client: self.client.within(JsHost { env, traits, wallet: Wallet::default() }, name, limits) }
    }

    /// Whether there are any tokens. If not, JavaScript asks the core nothing else before a 402.
    #[must_use]
    pub fn has_tokens(&self) -> bool {
        self.client.has_tokens()
    }

    /// The token to send with a request: its id, less than 0 where it was bought for another resource; 0 where none is
    /// known; the least of all numbers where [`Core::read`] has to read the store first.
    #[must_use]
    pub fn token(&self, call: &Call) -> i32 {
        let request = self.client.host().request(call);
        if self.client.is_unread(&request) {
            return i32::MIN;
        }
        self.client.token_to_send(&request).map_or(0, |token| {
            let id = i32::try_from(token.id).unwrap_or(0);
            if token.is_for(&request.method, &request.url) {
                id
            } else {
                id.saturating_neg()
            }
        })
    }

    /// The header that proves the payment of a token, and that payment. JSON text: `{field, value, payment, expiresAt}`
    #[must_use]
    pub fn credential(&self, id: i32) -> Option<String> {
        self.client.token(id.unsigned_abs()).map(|token| {
            let Credential { field, value } = token.credential();
            write_object(|object| {
                object.text("field", Some(field.as_str()));
                object.text("value", Some(&value));
                object.object("payment", |object| token.payment.write(object));
                object.number("expiresAt", token.expires_at());
            })
        })
    }

    /// Notes that a server accepted the token.
    pub fn accepted(&self, id: i32) {
        if let Some(token) = self.client.token(id.unsigned_abs()) {
            self.client.note_accepted(&token, id > 0);
        }
    }

    /// What a server attests of the payment of this token, as JSON text.
    #[must_use]
    pub fn attested(&self, id: i32, header: &str) -> Option<String> {
        self.client.token(id.unsigned_abs())?.attested(header)
    }

    /// Reads what the store has for a request.
    pub fn read(&self, call: Call) -> Promise {
        let client = self.client.clone();
        self.promise(async move {
            let request = client.host().request(&call);
            client.read_tokens(&request).await.map(|()| JsValue::UNDEFINED)
        })
    }

    /// Takes a call, sent with the token of this id (0: without), from its first response to its end: the pair of the
    /// last response and its receipt. Without a response it is sent first, which is for requests that may fail because
    /// of their token.
    pub fn answer(&self, call: Call, id: i32, response: Option<JsValue>) -> Promise {
        let client = self.client.clone();
        self.promise(async move {
            let (token, request) = (client.token(id.unsigned_abs()), client.host().request(&call));
            Ok(answered(client.answer(Rc::new(call), request, token, response).await?))
        })
    }

    /// The price of a request as JSON text. Null if nothing has to be paid.
    pub fn quote(&self, call: Call) -> Promise {
        let client = self.client.clone();
        self.promise(async move {
            let request = client.host().request(&call);
            Ok(client.quote(Rc::new(call), request).await?.map_or(JsValue::NULL, |quote| quote.to_json().into()))
        })
    }

    /// Pays a further deposit for a session, by the challenge that comes to this call. The pair of its last response
    /// and its receipt.
    pub fn top_up(&self, call: Call, session: &str) -> Promise {
        let (client, session) = (self.client.clone(), PaymentHash::parse(session));
        self.promise(async move {
            let request = client.host().request(&call);
            Ok(answered(client.top_up(Rc::new(call), request, session?).await?))
        })
    }

    /// What is asked of the ledger, by the numbers of `client.ts`. The answer comes as JSON text. `subject` is a filter
    /// for the first one, a payment hash for the fourth one, to which `preimage` belongs, and a URL for the others.
    pub fn records(&self, question: u32, subject: Option<String>, preimage: Option<String>) -> Promise {
        let client = self.client.clone();
        self.promise(async move {
            let subject = subject.as_deref();
            let told = match question {
                0 => {
                    let filter = Filter::parse(subject.unwrap_or_default())?;
                    client.payments(filter).await.map(|payments| Some(write_list(&payments, Payment::write)))
                }
                1 | 4 => {
                    let (spent, remaining) = client.sums(subject).await?;
                    Ok(Some(if question == 1 { spent.to_json() } else { remaining.to_json() }))
                }
                5 => client.sessions().await.map(|sessions| Some(write_list(&sessions, Session::write))),
                6 => client.close_sessions(subject).await.map(|ended| Some(write_list(&ended, Ended::write))),
                2 => client.forget(subject).await.map(|()| None),
                3 => match PaymentHash::parse(subject.unwrap_or_default()) {
                    Ok(hash) => client.resolve(&hash, preimage.as_deref()).await.map(|()| None),
                    Err(_) => Err(unknown_payment().into()),
                },
                _ => Err(stranger().into()),
            };
            Ok(told?.map_or(JsValue::UNDEFINED, JsValue::from))
        })
    }

    fn promise(&self, task: impl Future<Output = Result<JsValue, Failure<JsHost>>> + 'static) -> Promise {
        self.settle(Box::pin(task))
    }

    /// Resumes a task: see [`task`].
    pub fn run(task: f64) {
        task::run(task as u64);
    }

    /// The task is boxed, so that the code around a promise is compiled once.
    fn settle(&self, task: Task) -> Promise {
        let mut task = Some(task);
        Promise::new(&mut |resolve, reject| {
            let (client, task) = (self.client.clone(), task.take());
            let env = &self.client.host().env;
            task::spawn(
                |id| env.continuation(id),
                Box::pin(async move {
                    let Some(task) = task else { return };
                    let told = task.await.map_err(|failure| match *failure.0 {
                        Why::Raised(raised) => client.host().raise(raised),
                        Why::Foreign(cause) => cause,
                        // The caller's own signal has already rejected its promise.
                        Why::Abandoned => JsValue::UNDEFINED,
                    });
                    let (settle, value) = match told {
                        Ok(value) => (resolve, value),
                        Err(cause) => (reject, cause),
                    };
                    let _ = settle.call1(&JsValue::UNDEFINED, &value);
                }),
            );
        })
    }
}

fn answered(reply: Reply<JsHost>) -> JsValue {
    pair(&reply.response, reply.receipt.map(|receipt| receipt.to_json()))
}
