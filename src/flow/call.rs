//! The flow, as the protocol has it: ask, read the challenge, check, pay, prove, ask again with the token.

use crate::error::{Code, Error};
use crate::flow::config::Config;
use crate::flow::event::{Event, Quote};
pub use crate::flow::failure::Failure;
use crate::flow::host::{Head, Host, Request};
use crate::flow::late::Pauses;
use crate::flow::offer::{has_offer, was_alive};
use crate::flow::purchase::{FirstTry, Purchase};
use crate::flow::records::Books;
use crate::flow::settle::Sending;
use crate::flow::sync::{self, within, Gate};
use crate::flow::verdict::{verdict, Verdict};
use crate::ledger::journal::{Entry, Payment};
use crate::ledger::origins::Origins;
use crate::ledger::token::Token;
use crate::ledger::tokens::Search;
use crate::text::json_writer::write_object;
use crate::wire::origin::Location;
use std::cell::{Cell, RefCell};
use std::future::Future;
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
    /// What the tokens of an origin are good for.
    pub(crate) origins: Origins,
    /// The lookups of open payments that are under way for whoever reads the books.
    pub(crate) lookups: RefCell<Weak<sync::Event>>,
    /// Orders of this instance that are out, or whose outcome is open.
    pub(crate) orders: RefCell<Vec<Rc<Sending>>>,
    /// What its wallet was seen to tell: of use where the wallet has no name under which the store may know it.
    pub(crate) habits: Cell<u64>,
    /// One question at a time to whoever may know what became of a payment.
    pub(crate) questions: Gate,
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
        write_object(|object| {
            object.object("payment", |object| self.payment.write(object));
            object.boolean("paidNow", self.paid_now);
        })
    }
}

/// What follows an answer to a token.
enum Next {
    /// It is the caller's.
    HandOver,
    /// The same request again, after a pause of so many milliseconds.
    Again(u64),
    /// The same request without the token.
    Without,
    /// It is read like an answer to no token.
    Read,
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
            origins: Origins::default(),
            lookups: RefCell::default(),
            orders: RefCell::default(),
            habits: Cell::default(),
            questions: Gate::default(),
        })
    }

    /// Sends a request, and pays for it where that is asked and allowed.
    ///
    /// # Errors
    /// The runtime's own failure, or one of ours: at most one payment was then made, and what was paid for is kept.
    pub async fn fetch(self: &Rc<Self>, call: Rc<H::Call>, request: Request) -> Result<Reply<H>, Failure<H>> {
        let token = self.token_to_send(&request);
        let authorization = token.as_ref().map(|token| token.authorization());
        let sent = self.host.send(&call, authorization.as_deref(), false).await;
        self.finish(call, request, token, sent).await
    }

    /// The token that should open a request, if one is known. None to a host that is not listed, nor beside the caller's own.
    #[must_use]
    pub fn token_for(&self, request: &Request) -> Option<Rc<Token>> {
        self.token_in(&self.books.borrow(), request, false)
    }

    /// `is_first`: for the first request of a call, which nobody has asked for money yet.
    pub(crate) fn token_in(&self, books: &Books, request: &Request, is_first: bool) -> Option<Rc<Token>> {
        if request.authorized || !request.payable {
            return None;
        }
        let location = Location::of(&request.url)?;
        self.config.check(&location).ok()?;
        let search = Search {
            method: &request.method,
            url: &request.url,
            borrow: request.replayable,
            is_first,
            single_use: self.origins.is_single_use(location.origin),
            now_ms: self.host.now(),
        };
        books.tokens.choose(&search).cloned()
    }

    /// The token to send with a new request: also one that its own resource has refused so far, for servers learn of payments
    /// late. One that was just bought is left to its buyer until that call has its answer: it may be good for one use only.
    #[must_use]
    pub fn token_to_send(&self, request: &Request) -> Option<Rc<Token>> {
        let token = self.token_in(&self.books.borrow(), request, true);
        token.filter(|token| self.trial_of(token).is_none())
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
    pub fn answer(
        self: &Rc<Self>,
        call: Rc<H::Call>,
        request: Request,
        token: Option<Rc<Token>>,
        response: H::Response,
    ) -> impl Future<Output = Result<Reply<H>, Failure<H>>> + '_ {
        self.finish(call, request, token, Ok(response))
    }

    /// The same of whatever became of the first request.
    async fn finish(
        self: &Rc<Self>,
        call: Rc<H::Call>,
        request: Request,
        mut token: Option<Rc<Token>>,
        first: Result<H::Response, H::Cause>,
    ) -> Result<Reply<H>, Failure<H>> {
        let request = Rc::new(request);
        let (mut paid_now, mut asked_again, mut is_priced) = (false, false, false);
        let (mut first_try, mut pauses): (Option<FirstTry>, _) = (None, Pauses::default());
        // Another resource's token that was taken out of the request: a 402 is then all the proof that it is not good here.
        let mut doubted: Option<Rc<Token>> = None;
        let mut first = Some(first);
        loop {
            let sent = match first.take() {
                Some(sent) => sent,
                None => self.repeat(&call, token.as_deref(), &mut first_try).await,
            };
            let response = match (sent, token.as_ref()) {
                (Ok(response), _) => response,
                (Err(cause), Some(guess)) if self.may_be_of(guess, &call, &request, &cause) => {
                    self.note_failure(guess, &request, is_priced, false);
                    // What may have acted is the caller's to send again: it then goes without the token.
                    if !request.is_get() {
                        return Err(Failure::Foreign(cause));
                    }
                    (token, first_try) = (None, None);
                    continue;
                }
                (Err(cause), Some(token)) if paid_now && !self.host.is_aborted(&call) => {
                    let text =
                        "paid, but the request failed when it was repeated: the token is kept, call again to use it";
                    let payment = Some(token.payment.clone());
                    return Err(Failure::raised(Error::new(Code::RequestFailed, text), Some(cause), payment));
                }
                (Err(cause), _) => return Err(Failure::Foreign(cause)),
            };
            let head = self.host.head(&response);

            // What the server thinks of the token. After paying, whatever it says is the answer: never a second payment.
            if let Some(tried) = token.take() {
                let pause = if paid_now { pauses.next(&head, &request, self.host.now()) } else { None };
                let next = match pause {
                    Some(pause) => Next::Again(pause),
                    None => self.weigh_in(&tried, &request, &head, paid_now, is_priced, &mut first_try).await,
                };
                match next {
                    Next::HandOver => {
                        let receipt = Some(Box::new(Receipt { payment: tried.payment.clone(), paid_now }));
                        return Ok(Reply { response, receipt });
                    }
                    Next::Again(pause) => {
                        self.host.discard(response);
                        self.pause(&call, pause).await;
                        token = Some(tried);
                        continue;
                    }
                    Next::Without => {
                        // Its offer is here already. A 402 without one may be no more than the token's refusal.
                        if head.status == 402 && has_offer(&head) {
                            if let Some(failure) = self.not_honored(&request) {
                                return Err(self.refused(&request, failure).with_response(response));
                            }
                        }
                        self.host.discard(response);
                        let is_guess = !tried.is_for(&request.method, &request.url);
                        doubted = Some(tried).filter(|_| is_guess && matches!(head.status, 400 | 403..500));
                        continue;
                    }
                    Next::Read => {}
                }
            }
            if head.status != 402 {
                return Ok(Reply { response, receipt: None });
            }

            // The challenge, and the offer in it.
            let asked = match self.read_offer(&request, &head) {
                Ok(Some(found)) => Rc::new(found),
                Ok(None) => return Ok(Reply { response, receipt: None }),
                Err(failure) => return Err(self.refused(&request, failure).with_response(response)),
            };
            is_priced = true;
            if let Some(guess) = doubted.take() {
                self.note_refused(&guess, &request);
            }

            // The payment: ours, or that of another call for the same thing.
            let came_at = self.host.now();
            match self.purchase(&call, &request, &asked).await {
                Ok((bought, turn)) => (token, paid_now, first_try) = (Some(bought.token), bought.paid_now, turn),
                // It waited, for others or for consent, longer than its invoice lived: a fresh one is asked for.
                Err(failure)
                    if !asked_again && failure.is(Code::InvoiceExpired) && was_alive(&asked.offer.invoice, came_at) =>
                {
                    asked_again = true;
                }
                Err(failure) => return Err(failure.with_response(response)),
            }

            // The same request again, with the token.
            self.host.discard(response);
        }
    }

    /// What follows an answer to a token that says something of it. Who waits for this call's turn goes on.
    async fn weigh_in(
        self: &Rc<Self>,
        tried: &Rc<Token>,
        request: &Request,
        head: &Head,
        paid_now: bool,
        is_priced: bool,
        first_try: &mut Option<FirstTry>,
    ) -> Next {
        let is_own = tried.is_for(&request.method, &request.url);
        let verdict = verdict(head.status, is_own);
        // The token stayed at home when the request was redirected to another origin, and would lead there again.
        let is_elsewhere = is_elsewhere(request, head);
        let mut is_news = false;
        match verdict {
            Verdict::Taken => is_news = self.note_taken(tried, is_own, is_priced),
            Verdict::Silent => {}
            _ if is_elsewhere => {}
            Verdict::Closed if !is_own => self.note_failure(tried, request, is_priced, head.status < 500),
            Verdict::Refused | Verdict::Closed => self.note_refused(tried, request),
        }
        *first_try = None;
        // Before the response is handed over, for what runs afterwards may be cut off: to whoever reads the store later a token
        // that is used up looks like one that was never honoured, and those are not bought again. A timer costs more than all
        // else here, and without a store there is nothing to wait for.
        if is_news && self.host.has_store() {
            within(self.read_again(), self.host.sleep(ACCEPTED_MS)).await;
        }
        if paid_now || !request.replayable {
            return Next::HandOver;
        }
        match verdict {
            Verdict::Refused if !is_elsewhere => Next::Without,
            Verdict::Refused if head.status == 402 => Next::Read,
            // The resource has asked for money before, or the server has never taken a token here.
            Verdict::Closed if is_elsewhere || !request.is_get() => Next::HandOver,
            Verdict::Closed if !is_own || is_priced || self.not_honored(request).is_some() => Next::Without,
            _ => Next::HandOver,
        }
    }

    /// Whether a network error may have come of another resource's token.
    fn may_be_of(&self, guess: &Token, call: &H::Call, request: &Request, cause: &H::Cause) -> bool {
        !guess.is_for(&request.method, &request.url)
            && !self.host.is_aborted(call)
            && self.host.may_be_preflight(call, cause)
    }

    /// Asks the price and never pays: `None` where the resource is free, or a token is known that should open it.
    ///
    /// # Errors
    /// What would keep the offer from being paid, limits aside; [`Code::InvalidChallenge`] where the 402 holds no offer.
    pub async fn quote(&self, call: Rc<H::Call>, request: Request) -> Result<Option<Rc<Quote>>, Failure<H>> {
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

    /// Why nothing is bought for this method and path, where what was last paid for it was never once accepted.
    pub(crate) fn not_honored(&self, request: &Request) -> Option<Failure<H>> {
        self.not_honored_in(&self.books.borrow(), request)
    }

    pub(crate) fn not_honored_in(&self, books: &Books, request: &Request) -> Option<Failure<H>> {
        let location = Location::of(&request.url)?;
        let payment =
            books.tokens.dishonored(location.origin, &request.method, location.path, self.host.now())?.payment.clone();
        let text = "what was last paid for here was never accepted: it is kept and tried first at each call, \
                    and nothing is paid here before it is accepted, or forget() is called for this origin";
        Some(Failure::raised(Error::new(Code::NotHonored, text), None, Some(payment)))
    }
}

/// Whether a redirect led to another origin than was asked.
pub(crate) fn is_elsewhere(request: &Request, head: &Head) -> bool {
    let Some(asked) = Location::of(&request.url) else { return false };
    !head.url.is_empty() && !asked.is_origin_of(&head.url)
}
