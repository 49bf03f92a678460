//! The flow, as the protocol has it: ask, read the challenge, check, pay, prove, ask again with the token.

use crate::config::Config;
use crate::error::{Code, Error};
use crate::event::{Event, Quote};
pub use crate::failure::Failure;
use crate::host::{Head, Host, Request};
use crate::journal::{Entry, Payment};
use crate::ledger::Books;
use crate::offer::was_alive;
use crate::origin::{Location, Origins};
use crate::purchase::Purchase;
use crate::row::Writer;
use crate::sync::{self, within, Gate};
use crate::token::Token;
use std::cell::RefCell;
use std::rc::{Rc, Weak};

/// How long a response waits until it is written that its token was taken.
const ACCEPTED_MS: u64 = 5_000;

/// A client that pays. Its methods may be called any number of times in parallel.
pub struct Client<H: Host> {
    pub(crate) host: H,
    pub(crate) config: Config,
    pub(crate) books: RefCell<Books>,
    pub(crate) gate: Gate,
    /// The entry that whoever has passed the gate has made and is writing.
    pub(crate) entering: RefCell<Option<Entry>>,
    pub(crate) purchases: RefCell<Vec<Rc<Purchase<H>>>>,
    /// Purchases that are over, whose buyer has no answer yet.
    pub(crate) on_trial: RefCell<Vec<Rc<Purchase<H>>>>,
    /// Origins whose tokens are known not to open every resource.
    pub(crate) unshared: Origins,
    /// Origins that took a token once and then refused it where it had been taken: good for one use, it seems.
    pub(crate) used_up: Origins,
    /// The lookups of open payments that are under way for whoever reads the books.
    pub(crate) lookups: RefCell<Weak<sync::Event>>,
}

/// A response, and what it cost.
pub struct Reply<H: Host> {
    /// Its body is unread.
    pub response: H::Response,
    /// Absent where no credential was used.
    pub receipt: Option<Box<Receipt>>,
}

/// What a response cost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The payment that bought the credential.
    pub payment: Payment,
    /// False where an earlier payment's token was used, or another call paid.
    pub paid_now: bool,
}

impl Receipt {
    /// The JSON text of the object that JavaScript is shown.
    #[must_use]
    pub fn to_json(&self) -> String {
        Writer::object(|row| {
            row.row("payment", |row| self.payment.write(row));
            row.truth("paidNow", self.paid_now);
        })
    }
}

/// What a status says of the token that was sent.
enum Verdict {
    Accepted,
    /// 401, 402: another token may do.
    Refused,
    /// 400, 403: this is the answer.
    Closed,
    /// 408, 429, 5xx: nothing.
    Silent,
}

fn verdict(status: u16) -> Verdict {
    match status {
        401 | 402 => Verdict::Refused,
        400 | 403 => Verdict::Closed,
        408 | 429 | 500.. => Verdict::Silent,
        _ => Verdict::Accepted,
    }
}

impl<H: Host> Client<H> {
    /// A client that has paid nothing yet in this instance.
    #[must_use]
    pub fn new(host: H, config: Config) -> Rc<Self> {
        Rc::new(Self {
            host,
            config,
            books: RefCell::default(),
            gate: Gate::default(),
            entering: RefCell::default(),
            purchases: RefCell::default(),
            on_trial: RefCell::default(),
            unshared: Origins::default(),
            used_up: Origins::default(),
            lookups: RefCell::default(),
        })
    }

    /// Sends a request, and pays for it where that is asked and allowed.
    ///
    /// # Errors
    /// The runtime's own failure, or one of ours: at most one payment was then made, and what was paid for is kept.
    pub async fn fetch(self: &Rc<Self>, call: Rc<H::Call>, request: Request) -> Result<Reply<H>, Failure<H>> {
        let token = self.token_to_send(&request);
        let authorization = token.as_ref().map(|token| token.authorization());
        let response = self.host.send(&call, authorization.as_deref(), false).await.map_err(Failure::Foreign)?;
        self.answer(call, request, token, response).await
    }

    /// The token that should open a request, if one is known. None to a host that is not listed, nor beside the caller's own.
    #[must_use]
    pub fn token_for(&self, request: &Request) -> Option<Rc<Token>> {
        self.token_in(&self.books.borrow(), request)
    }

    pub(crate) fn token_in(&self, books: &Books, request: &Request) -> Option<Rc<Token>> {
        if request.authorized || !request.payable {
            return None;
        }
        Location::of(&request.url).filter(|location| location.check(self.config.hosts.as_deref()).is_ok())?;
        books.tokens.choose(&request.method, &request.url, request.replayable, self.host.now()).cloned()
    }

    /// The token to send with a new request. One that was just bought is left to its buyer until that call has its answer:
    /// it may be good for one use only.
    #[must_use]
    pub fn token_to_send(&self, request: &Request) -> Option<Rc<Token>> {
        self.token_for(request).filter(|token| self.trial_of(token).is_none())
    }

    /// Whether this instance knows any token.
    #[must_use]
    pub fn has_tokens(&self) -> bool {
        !self.books.borrow().tokens.is_empty()
    }

    /// The token of an id that [`Client::token_to_send`] gave.
    #[must_use]
    pub fn token(&self, id: u32) -> Option<Rc<Token>> {
        self.books.borrow().tokens.get(id).cloned()
    }

    /// Takes the first response of a request, sent with `token` or without one, to the end of the call.
    ///
    /// # Errors
    /// As [`Client::fetch`].
    pub async fn answer(
        self: &Rc<Self>,
        call: Rc<H::Call>,
        request: Request,
        token: Option<Rc<Token>>,
        response: H::Response,
    ) -> Result<Reply<H>, Failure<H>> {
        let (request, mut token, mut response, mut paid_now) = (Rc::new(request), token, response, false);
        let mut asked_again = false;
        loop {
            let head = self.host.head(&response);
            let mut receipt = None;
            // Whether another token may do than the one that was sent.
            let mut is_refused = false;

            // What the server thinks of the token. After paying, whatever it says is the answer: never a second payment.
            if let Some(sent) = token.take() {
                receipt = Some(Box::new(Receipt { payment: sent.payment.clone(), paid_now }));
                let verdict = verdict(head.status);
                // The token stayed at home when the request was redirected to another origin, and would lead there again.
                let is_elsewhere = is_elsewhere(&request, &head);
                match verdict {
                    Verdict::Accepted => self.write_accepted(&sent).await,
                    Verdict::Silent => {}
                    _ if is_elsewhere => {}
                    Verdict::Refused | Verdict::Closed => self.note_refused(&sent, &request).await,
                }
                if paid_now || !request.replayable || !matches!(verdict, Verdict::Refused) {
                    return Ok(Reply { response, receipt });
                }
                is_refused = !is_elsewhere;
                if is_refused && self.is_dishonored(&request) {
                    return Err(self.refused(&request, not_honored().into()).with_response(response));
                }
            }

            let mut first_try = None;
            if !is_refused {
                if head.status != 402 {
                    return Ok(Reply { response, receipt });
                }

                // The challenge, and the offer in it.
                let asked = match self.read_offer(&request, &head) {
                    Ok(Some(found)) => Rc::new(found),
                    Ok(None) => return Ok(Reply { response, receipt }),
                    Err(error) => return Err(self.refused(&request, error.into()).with_response(response)),
                };

                // The payment: ours, or that of another call for the same thing.
                let came_at = self.host.now();
                match self.purchase(&call, &request, &asked).await {
                    Ok((bought, turn)) => (token, paid_now, first_try) = (Some(bought.token), bought.paid_now, turn),
                    // It waited, for others or for consent, longer than its invoice lived: a fresh one is asked for.
                    Err(failure)
                        if !asked_again
                            && failure.is(Code::InvoiceExpired)
                            && was_alive(&asked.offer.invoice, came_at) =>
                    {
                        asked_again = true;
                    }
                    Err(failure) => return Err(failure.with_response(response)),
                }
            }

            // The same request again, with the token.
            self.host.discard(response);
            response = match self.repeat(&call, token.as_deref(), first_try).await {
                Ok(response) => response,
                Err(cause) if paid_now && !self.host.is_aborted(&call) => {
                    let text =
                        "paid, but the request failed when it was repeated: the token is kept, call again to use it";
                    let payment = token.map(|token| token.payment.clone());
                    return Err(Failure::raised(Error::new(Code::RequestFailed, text), Some(cause), payment));
                }
                Err(cause) => return Err(Failure::Foreign(cause)),
            };
        }
    }

    /// Asks the price and never pays: `None` where the resource is free, or a token is known that should open it.
    ///
    /// # Errors
    /// What would keep the offer from being paid, limits aside; [`Code::InvalidChallenge`] where the 402 holds no offer.
    pub async fn quote(&self, call: Rc<H::Call>, request: Request) -> Result<Option<Box<Quote>>, Failure<H>> {
        if self.token_for(&request).is_some() {
            return Ok(None);
        }
        let response = self.host.send(&call, None, false).await.map_err(Failure::Foreign)?;
        let head = self.host.head(&response);
        self.host.discard(response);
        if head.status != 402 {
            return Ok(None);
        }
        match self.read_offer(&request, &head)? {
            Some(asked) => Ok(Some(self.examine(&request, &asked.offer)?)),
            None => {
                Err(Error::new(Code::InvalidChallenge, "the 402 holds no lightning offer that can be quoted").into())
            }
        }
    }

    /// Tells a listener that nothing was paid.
    pub(crate) fn refused(&self, request: &Request, failure: Failure<H>) -> Failure<H> {
        if let Failure::Raised(raised) = &failure {
            self.host.tell(&Event::Refused { url: &request.url, error: &raised.error });
        }
        failure
    }

    /// Whether what was last paid for this method and path was never once accepted.
    pub(crate) fn is_dishonored(&self, request: &Request) -> bool {
        self.is_dishonored_in(&self.books.borrow(), request)
    }

    pub(crate) fn is_dishonored_in(&self, books: &Books, request: &Request) -> bool {
        let now = self.host.now();
        Location::of(&request.url)
            .is_some_and(|location| books.tokens.is_dishonored(location.origin, &request.method, location.path, now))
    }

    /// Notes that a server took the token, and writes it in the background.
    pub fn note_accepted(self: &Rc<Self>, token: &Token) {
        if self.is_accepted_anew(token) {
            let client = Rc::clone(self);
            self.host.spawn(Box::pin(async move { client.read_again().await.unwrap_or_default() }));
        }
    }

    /// The same before the response is handed over, for what runs afterwards may be cut off. To whoever reads the store later
    /// a token that is used up looks like one that was never honoured, and those are not bought again.
    async fn write_accepted(&self, token: &Token) {
        // A timer costs more than all else here, and without a store there is nothing to wait for.
        if self.is_accepted_anew(token) && self.host.has_store() {
            within(self.read_again(), self.host.sleep(ACCEPTED_MS)).await;
        }
    }

    fn is_accepted_anew(&self, token: &Token) -> bool {
        let mut books = self.books.borrow_mut();
        let is_news = books.tokens.get(token.id).is_some_and(|known| !known.accepted);
        is_news && books.tokens.update(token.id, Token::note_accepted)
    }

    /// Whether tokens of this origin are known not to open every resource.
    pub(crate) fn is_unshared(&self, origin: &str) -> bool {
        self.unshared.have(origin)
    }

    async fn note_refused(&self, sent: &Token, request: &Request) {
        self.books.borrow_mut().tokens.update(sent.id, |token| token.note_refusal(&request.method, &request.url));
        // Whether a token was ever honoured must survive this process. Where the store fails, memory still knows.
        let accepted = self.books.borrow().tokens.get(sent.id).is_none_or(|token| token.accepted);
        if !sent.is_for(&request.method, &request.url) {
            self.unshared.add(&sent.payment.origin);
        } else if accepted {
            self.used_up.add(&sent.payment.origin);
        }
        if !accepted {
            self.read_again().await.unwrap_or_default();
        }
    }
}

/// Whether a redirect led to another origin than was asked.
pub(crate) fn is_elsewhere(request: &Request, head: &Head) -> bool {
    let Some(asked) = Location::of(&request.url) else { return false };
    !head.url.is_empty() && !asked.is_origin_of(&head.url)
}

pub(crate) fn not_honored() -> Error {
    Error::new(
        Code::NotHonored,
        "what was last paid for here was never accepted: not paid again before forget() is called for this origin",
    )
}
