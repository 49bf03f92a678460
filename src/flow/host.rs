//! The outside world as the flow needs it: the network, the wallet, the store, the clock.
//!
//! In tests the flow runs natively, with a host that can fail or stop at every step. In JavaScript the host is the
//! platform.

use crate::error::Error;
use crate::flow::event::{Event, Quote};
use crate::ledger::limits::Remaining;
use crate::ledger::payment::Payment;
use crate::ledger::resource::Resource;
use crate::ledger::token::Token;
use crate::ledger::view::{Changes, Listing};
use crate::ledger::wallet::{Fact, Wallet};
use crate::text::encoding::concat;
use crate::wire::credential::{Brought, Credential};
use crate::wire::invoice::Invoice;
use crate::wire::payment_hash::PaymentHash;
use crate::wire::signature::Signature;
use crate::wire::url::Url;
use crate::wire::x402::is_unseen;
use std::future::Future;
use std::pin::Pin;

/// How often to check whether a caller has given up, if the host is not told.
const LOOK_AGAIN_MS: u64 = 1_000;

/// The outside world of the flow. No function may block.
pub trait Host: 'static {
    /// One call of `fetch`: can be sent several times.
    type Call: 'static;
    /// A response, its body unread.
    type Response: Clone + 'static;
    /// An error object of the caller's world, handed on by identity.
    type Cause: Clone + 'static;

    /// Milliseconds since the Unix epoch.
    fn now(&self) -> u64;
    /// Milliseconds by a clock that is never set, since whenever it was started.
    fn monotonic(&self) -> u64;
    /// A number that nobody can guess.
    fn random(&self) -> u64;
    /// Ends after so many milliseconds; dropping it ends the timer.
    fn sleep(&self, milliseconds: u64) -> impl Future<Output = ()> + 'static;
    /// Runs a task to its end, even if its starter ends before.
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()>>>);
    /// True if one request may not wake another one's tasks (workerd). Waiting tasks then look again by timers of their
    /// own.
    fn wakes_only_itself(&self) -> bool;

    /// Sends the request. A credential never reaches another origin than that of the request.
    fn send(
        &self,
        call: &Self::Call,
        sending: Sending<'_>,
    ) -> impl Future<Output = Result<Self::Response, Self::Cause>>;
    /// The parts of a request that an offer may be bound to, as they are sent.
    fn outgoing(&self, _call: &Self::Call) -> impl Future<Output = Outgoing> + 'static {
        std::future::ready(Outgoing::default())
    }
    /// Whether a header that is not in [`Outgoing::headers`] may be sent all the same. The name is in lower case.
    fn may_add(&self, name: &str) -> bool {
        is_unseen(name)
    }
    /// The public key that made a signature; `None` where no key did. An error: what computes it can't be loaded.
    fn recover(&self, signature: &Signature) -> impl Future<Output = Result<Option<[u8; 33]>, Error>> + 'static;
    /// Whether a request may have failed because its preflight was refused. In a page an `Authorization` causes a
    /// preflight.
    fn may_be_preflight(&self, _call: &Self::Call, _cause: &Self::Cause) -> bool {
        false
    }
    /// Whether the caller has given up.
    fn is_aborted(&self, call: &Self::Call) -> bool;
    /// Ends once the caller has given up. The default looks once a second.
    fn gives_up(&self, call: &Self::Call) -> impl Future<Output = ()> {
        async move {
            while !self.is_aborted(call) {
                self.sleep(LOOK_AGAIN_MS).await;
            }
        }
    }
    /// The part of a response before its body.
    fn head(&self, response: &Self::Response) -> Head;
    /// The body of a problem (RFC 9457), where a response is one, and it is short and there soon. The response stays
    /// unread.
    fn problem(&self, _response: &Self::Response) -> impl Future<Output = Option<String>> + 'static {
        std::future::ready(None)
    }
    /// The text of a body of JSON, if it is short and there soon. The response stays unread.
    fn json(&self, _response: &Self::Response) -> impl Future<Output = Option<String>> + 'static {
        std::future::ready(None)
    }
    /// Whether the body of a response, if it is short and there soon, holds a token and an invoice. The response stays
    /// unread.
    fn has_offer_in_body(&self, _response: &Self::Response) -> impl Future<Output = bool> + 'static {
        std::future::ready(false)
    }
    /// Lets go of a response that nobody will read.
    fn discard(&self, response: Self::Response);

    /// Asks the wallet to pay. An answer may never come.
    fn pay(&self, invoice: &Invoice, order: Order<'_>) -> impl Future<Output = Answer<Self::Cause>> + 'static;
    /// Whether the wallet has a way to say what became of a payment.
    fn has_lookup(&self) -> bool {
        true
    }
    /// What is known of the wallet.
    fn wallet(&self) -> Wallet {
        Wallet::default()
    }
    /// Asks the wallet what became of a payment.
    fn lookup(&self, payment_hash: &PaymentHash) -> impl Future<Output = Fact> + 'static;
    /// Asks the wallet for an invoice that pays it, without an amount. An error says why it makes none.
    fn make_invoice(
        &self,
        _description: &str,
        _expiry_s: u64,
    ) -> impl Future<Output = Result<String, (String, Option<Self::Cause>)>> + 'static {
        std::future::ready(Err(("it can't".to_owned(), None)))
    }
    /// The millisatoshis that the wallet has received on an invoice of its own. `None`: it can't tell.
    fn received(&self, _payment_hash: &PaymentHash) -> impl Future<Output = Option<u64>> + 'static {
        std::future::ready(None)
    }
    /// A call of our own, without body and headers. `None`: there can be none.
    fn own_call(&self, _method: &str, _url: &Url) -> Option<Self::Call> {
        None
    }
    /// Whether there is an `onUnknown`. It is asked if nobody else can tell what became of a payment.
    fn asks_unknown(&self) -> bool {
        false
    }
    /// Asks `onUnknown`.
    fn ask_unknown(&self, _payment: &Payment, _error: &Error) -> impl Future<Output = Resolution> + 'static {
        std::future::ready(Resolution::Wait)
    }
    /// Whether somebody wants to be asked before a payment.
    fn asks(&self) -> bool {
        false
    }
    /// Asks the caller. It is dropped where nobody waits for the answer any more.
    fn approve(&self, quote: &Quote, terms: &Terms) -> impl Future<Output = Result<bool, Self::Cause>> + 'static;
    /// Whether there is a listener.
    fn listens(&self) -> bool {
        true
    }
    /// Tells a listener.
    fn tell(&self, event: &Event<'_>);

    /// Whether the store outlives this instance, or is shared.
    fn has_store(&self) -> bool;
    /// Whether the store held nothing when this instance began: then it need not be read before there is something to
    /// pay.
    fn is_store_empty(&self) -> bool {
        !self.has_store()
    }
    /// Reads rows of the store: their values, in order; `None` where there is none.
    fn read(&self, keys: &[String]) -> impl Future<Output = Result<Vec<Option<String>>, Self::Cause>>;
    /// Writes all changes at once, if every row of `seen` is still as it is given there. Neither `false` nor an error
    /// says that nothing was written.
    fn write(&self, changes: &Changes, seen: &Changes) -> impl Future<Output = Result<bool, Self::Cause>>;
    /// Reads a part of the rows in the order of their keys.
    fn list(&self, listing: &Listing) -> impl Future<Output = Result<Vec<(String, String)>, Self::Cause>>;
}

/// How a request is sent.
#[derive(Clone, Copy, Default)]
pub struct Sending<'a> {
    /// What proves a payment.
    pub credential: Option<&'a Credential>,
    /// Whether it was sent before. A repeat goes around HTTP caches.
    pub is_repeat: bool,
    /// The URL of the same origin that a redirect has led to, where the credential is for that one.
    pub url: Option<&'a Url>,
}

/// The parts of a request that an offer may be bound to.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Outgoing {
    /// Names and values. A name may come several times.
    pub headers: Vec<(String, String)>,
    /// The SHA-256 of the body's bytes, of none if there is no body. `None`: they are not known before they are sent.
    pub body_hash: Option<[u8; 32]>,
}

/// What is known of a call before it is sent.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Request {
    /// Upper-case.
    pub method: String,
    /// Without user and password.
    pub url: Url,
    /// Whether its body can be sent again.
    pub replayable: bool,
    /// The headers for credentials that the caller has set.
    pub brought: Brought,
    /// False for requests whose answer can't be read or that never reach a server.
    pub payable: bool,
}

impl Request {
    /// Scheme, host and port. Empty if the URL has none.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.url.origin()
    }

    /// Names what it may buy: method and URL, and the headers that a credential can't go into.
    pub(crate) fn resource(&self) -> String {
        let Brought { authorization, payment } = self.brought;
        let marks = [if authorization { "#a" } else { "" }, if payment { "#p" } else { "" }];
        concat(&[&self.method, " ", self.url.as_str(), &concat(&marks)])
    }

    /// What it asks for.
    #[must_use]
    pub fn asked_for(&self) -> Resource<'_> {
        let Self { method, url, replayable, brought, .. } = self;
        Resource { method, url, is_replayable: *replayable, brought: *brought }
    }

    /// Whether it only reads. Such a request may be sent twice.
    #[must_use]
    pub fn is_get(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }
}

/// The part of a response before its body.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// The URL that it came from. Empty if that is not known.
    pub url: String,
    /// Whether a redirect was followed.
    pub redirected: bool,
    /// The `WWW-Authenticate` value, its lines joined by `, `.
    pub challenge: Option<String>,
    /// The `PAYMENT-REQUIRED` of a 402.
    pub payment_required: Option<String>,
    /// The `Payment-Receipt` of an answer that was not refused.
    pub receipt: Option<String>,
    /// The `PAYMENT-RESPONSE`, which says whether a payment was accepted.
    pub payment_response: Option<String>,
    /// The milliseconds that `Retry-After` asks to wait.
    pub retry_after_ms: Option<u64>,
    /// Whether the runtime may hide headers (a cross-origin response in a browser).
    pub filtered: bool,
    /// Whether its body is a stream of events. It is told of answers with a receipt.
    pub is_stream: bool,
    /// Whether the request went without its credential after all: a page is not told where a redirect leads.
    pub is_unproven: bool,
}

impl Head {
    /// Whether there is anything that could hold an offer.
    pub(crate) fn has_challenge(&self) -> bool {
        self.challenge.is_some() || self.payment_required.is_some()
    }

    /// What the server attests of the payment of a token, as JSON text.
    pub(crate) fn attested(&self, token: &Token) -> Option<String> {
        let header = if token.is_single_use() { &self.payment_response } else { &self.receipt };
        token.attested(header.as_deref()?)
    }

    /// The URL that answered a request.
    pub(crate) fn url_of(&self, request: &Request) -> Url {
        if self.redirected && !self.url.is_empty() {
            Url::of(&self.url)
        } else {
            request.url.clone()
        }
    }

    /// Whether a redirect led to another origin than was asked.
    pub(crate) fn is_elsewhere(&self, request: &Request) -> bool {
        !request.url.is_opaque() && !self.url.is_empty() && !request.url.is_origin_of(&self.url)
    }
}

/// The information for `approve` besides the price.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// The fee reserve, in millisatoshis.
    pub max_fee_msat: u64,
    /// How much the limits leave before this payment.
    pub remaining: Remaining,
}

/// The conditions under which the wallet is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Order<'a> {
    /// The URL that is paid for.
    pub url: &'a str,
    /// The fee reserve, in millisatoshis.
    pub max_fee_msat: u64,
    /// Milliseconds after which its outcome counts as unknown.
    pub timeout_ms: u64,
}

/// A wallet's answer to an order.
#[derive(Clone, Debug)]
pub enum Answer<Cause> {
    /// A text that may be a preimage.
    Preimage {
        /// The text. It is not checked yet.
        text: String,
        /// Millisatoshis.
        fee_msat: Option<u64>,
    },
    /// `true`: paid, without proof.
    PaidWithoutProof,
    /// Nothing was paid or will be.
    Failed {
        /// The wallet's reason, for people.
        text: String,
        /// The wallet's own error object.
        cause: Option<Cause>,
    },
    /// An answer without a preimage. The text names what the wallet gave instead.
    NoPreimage(String),
    /// It threw: the outcome is unknown.
    Threw(Cause),
    /// It threw, and said that it has the payment.
    HasPayment(Cause),
    /// It threw, and said that it is done with the order and begins no further attempt.
    OrderEnded(Cause),
}

/// The answer of `onUnknown`.
#[derive(Clone, PartialEq, Eq)]
pub enum Resolution {
    /// It was paid. The preimage is not checked yet.
    Preimage(String),
    /// Nothing was paid or will be.
    Failed,
    /// It does not know: the payment stays open.
    Wait,
}
