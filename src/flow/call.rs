//! One call: send, read the challenge, check, pay, prove, send again with the token.

use crate::error::{Code, Error};
use crate::flow::buy::{purchase, send};
use crate::flow::event::Quote;
use crate::flow::failure::{refused, Failure};
use crate::flow::host::{Head, Host, Request};
use crate::flow::offer::{examine, has_offer, read_offer, was_alive};
use crate::flow::pauses::{pause, Pauses};
use crate::flow::purchase::FirstTry;
use crate::flow::state::ClientState;
use crate::flow::sync::within;
use crate::flow::tokens::{is_unread, not_honored, read_tokens, token_for, token_to_send};
use crate::flow::verdict::{note_failure, note_refused, note_taken, verdict, write_accepted, TokenVerdict};
use crate::ledger::payment::Payment;
use crate::ledger::token::Token;
use crate::text::json_writer::write_object;
use std::rc::Rc;

/// How long a response waits until the store knows that its token was accepted.
const ACCEPTED_MS: u64 = 5_000;
/// How long a request waits for a store that may hold a token for it.
const READ_MS: u64 = 5_000;

/// A response, and what it cost.
pub struct Reply<H: Host> {
    /// Its body is unread.
    pub response: H::Response,
    /// Absent if no credential was used.
    pub receipt: Option<Box<Receipt>>,
}

/// What a response cost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The payment that bought the credential.
    pub payment: Payment,
    /// Whether this call paid. False if an earlier payment's token was used, or if another call paid.
    pub paid_now: bool,
}

impl Receipt {
    /// The JSON text of the object that JavaScript sees.
    #[must_use]
    pub fn to_json(&self) -> String {
        write_object(|object| {
            object.object("payment", |object| self.payment.write(object));
            object.boolean("paidNow", self.paid_now);
        })
    }
}

/// The step after an answer to a token.
enum NextStep {
    /// The caller gets the answer.
    HandOver,
    /// The same request is sent again, after a pause of this many milliseconds.
    SendAgain(u64),
    /// The same request is sent without the token.
    SendWithoutToken,
    /// The answer is read like one to a request without a token.
    ReadChallenge,
}

/// Sends a request, and pays for it if the server asks for that and the options allow it.
///
/// # Errors
/// The runtime's own failure, or one of ours. At most one payment was made then, and its token is kept.
pub(crate) async fn fetch<H: Host>(
    state: &Rc<ClientState<H>>,
    call: Rc<H::Call>,
    request: Request,
) -> Result<Reply<H>, Failure<H>> {
    read_soon(state, &request).await;
    let token = token_to_send(state, &request);
    answer(state, call, request, token, None).await
}

/// Reads what the store has for a request. A store that can't be read breaks nothing while there is nothing to pay, and
/// whoever buys reads it again.
async fn read_soon<H: Host>(state: &Rc<ClientState<H>>, request: &Request) {
    if is_unread(state, request) {
        let read = within(Box::pin(read_tokens(state, request)), Box::pin(state.host.sleep(READ_MS))).await;
        drop(read);
    }
}

/// Completes a call whose request was sent with `token`, or without one. Without a first response it is sent here.
///
/// # Errors
/// As for [`Client::fetch`].
pub(crate) async fn answer<H: Host>(
    state: &Rc<ClientState<H>>,
    call: Rc<H::Call>,
    request: Request,
    mut token: Option<Rc<Token>>,
    mut first: Option<H::Response>,
) -> Result<Reply<H>, Failure<H>> {
    let request = Rc::new(request);
    let mut is_repeat = first.is_some();
    let (mut paid_now, mut asked_again, mut is_priced) = (false, false, false);
    let (mut first_try, mut pauses): (Option<FirstTry>, _) = (None, Pauses::default());
    // A token of another resource that was taken out of the request. If a 402 follows, the token is not good here.
    let mut refused_guess: Option<Rc<Token>> = None;
    let mut was_refused = false;
    loop {
        let sent = match first.take() {
            Some(response) => Ok(response),
            None => send(state, &call, token.as_deref(), is_repeat, &mut first_try).await,
        };
        is_repeat = true;
        let response = match (sent, token.as_ref()) {
            (Ok(response), _) => response,
            (Err(cause), Some(guess)) if may_be_of(state, guess, &call, &request, &cause) => {
                note_failure(state, guess, &request, is_priced, false);
                // The server may have acted. So the caller decides about a second request, which goes without the
                // token.
                if !request.is_get() {
                    return Err(Failure::Foreign(cause));
                }
                (token, first_try) = (None, None);
                continue;
            }
            (Err(cause), Some(token)) if paid_now && !state.host.is_aborted(&call) => {
                let text = "paid, but the request failed when it was repeated: the token is kept, call again to use it";
                let payment = Some(token.payment.clone());
                return Err(Failure::raised(Error::new(Code::RequestFailed, text), Some(cause), payment));
            }
            (Err(cause), _) => return Err(Failure::Foreign(cause)),
        };
        let head = state.host.head(&response);

        // The server's answer to the token. After a payment the caller gets this answer, whatever it is: there is never
        // a second payment.
        if let Some(tried) = token.take() {
            let wait = if paid_now { pauses.next(&head, &request, state.host.now()) } else { None };
            let next = match wait {
                Some(milliseconds) => NextStep::SendAgain(milliseconds),
                None => weigh_in(state, &tried, &request, &head, paid_now, is_priced, &mut first_try).await,
            };
            match next {
                NextStep::HandOver => {
                    let receipt = Some(Box::new(Receipt { payment: tried.payment.clone(), paid_now }));
                    return Ok(Reply { response, receipt });
                }
                NextStep::SendAgain(milliseconds) => {
                    state.host.discard(response);
                    pause(&*state.host, &call, milliseconds).await;
                    token = Some(tried);
                    continue;
                }
                NextStep::SendWithoutToken => {
                    // A 402 with an offer is a price. A 402 without one may only refuse the token.
                    if head.status == 402 && has_offer(&head) {
                        if let Some(failure) = not_honored(state, &request) {
                            return Err(refused(&*state.host, &request, failure).with_response(response));
                        }
                    }
                    state.host.discard(response);
                    let is_guess = !tried.is_for(&request.method, &request.url);
                    was_refused |= !is_guess;
                    refused_guess = Some(tried).filter(|_| is_guess && matches!(head.status, 400 | 403..500));
                    continue;
                }
                NextStep::ReadChallenge => {}
            }
        }
        if head.status != 402 {
            return Ok(Reply { response, receipt: None });
        }

        // The challenge, and the offer in it.
        let asked = match read_offer(state, &request, &head) {
            Ok(Some(found)) => Rc::new(found),
            Ok(None) => return Ok(Reply { response, receipt: None }),
            Err(failure) => return Err(refused(&*state.host, &request, failure).with_response(response)),
        };
        is_priced = true;
        if let Some(guess) = refused_guess.take() {
            note_refused(state, &guess, &request);
        }

        // What was refused in this call may not be written yet.
        if let Some(failure) = not_honored(state, &request).filter(|_| was_refused) {
            return Err(refused(&*state.host, &request, failure).with_response(response));
        }

        // The payment: ours, or that of another call for the same thing.
        let came_at = state.host.now();
        match purchase(state, &call, &request, &asked).await {
            Ok((bought, turn)) => (token, paid_now, first_try) = (Some(bought.token), bought.paid_now, turn),
            // The invoice expired while we waited for others or for consent. Ask for a fresh one.
            Err(failure)
                if !asked_again && failure.is(Code::InvoiceExpired) && was_alive(&asked.offer.invoice, came_at) =>
            {
                asked_again = true;
            }
            Err(failure) => return Err(failure.with_response(response)),
        }

        // The same request again, with the token.
        state.host.discard(response);
    }
}

/// Decides the step after an answer to a token. Calls that let this one go first may go on.
async fn weigh_in<H: Host>(
    state: &Rc<ClientState<H>>,
    tried: &Rc<Token>,
    request: &Request,
    head: &Head,
    paid_now: bool,
    is_priced: bool,
    first_try: &mut Option<FirstTry>,
) -> NextStep {
    let is_own = tried.is_for(&request.method, &request.url);
    let verdict = verdict(head.status, is_own);
    // The request was redirected to another origin, which never saw the token.
    let is_elsewhere = head.is_elsewhere(request);
    let mut is_news = false;
    match verdict {
        TokenVerdict::Taken => is_news = note_taken(state, tried, is_own, is_priced),
        TokenVerdict::Silent => {}
        _ if is_elsewhere => {}
        TokenVerdict::Closed if !is_own => note_failure(state, tried, request, is_priced, head.status < 500),
        TokenVerdict::Refused | TokenVerdict::Closed => note_refused(state, tried, request),
    }
    *first_try = None;
    // Before the response is handed over, for what runs afterwards may be cut off: to whoever reads the store later a
    // token that is used up looks like one that was never honoured, and those are not bought again. A timer costs more
    // than all else here, and without a store there is nothing to wait for.
    if is_news {
        if state.host.has_store() {
            within(write_accepted(state, tried), Box::pin(state.host.sleep(ACCEPTED_MS))).await;
        } else {
            state.host.spawn(write_accepted(state, tried));
        }
    }
    if paid_now || !request.replayable {
        return NextStep::HandOver;
    }
    match verdict {
        TokenVerdict::Refused if !is_elsewhere => NextStep::SendWithoutToken,
        TokenVerdict::Refused if head.status == 402 => NextStep::ReadChallenge,
        // Without the token if the resource has asked for money before, or if no token was ever accepted here.
        TokenVerdict::Closed if is_elsewhere || !request.is_get() => NextStep::HandOver,
        TokenVerdict::Closed if !is_own || is_priced || not_honored(state, request).is_some() => {
            NextStep::SendWithoutToken
        }
        _ => NextStep::HandOver,
    }
}

/// Whether a network error may come from sending another resource's token.
fn may_be_of<H: Host>(
    state: &ClientState<H>,
    guess: &Token,
    call: &H::Call,
    request: &Request,
    cause: &H::Cause,
) -> bool {
    !guess.is_for(&request.method, &request.url)
        && !state.host.is_aborted(call)
        && state.host.may_be_preflight(call, cause)
}

/// Asks the price and never pays. `None`: the resource is free, or a known token should open it.
///
/// # Errors
/// The error that would refuse the offer, except for limits. [`Code::InvalidChallenge`] if the 402 holds no offer.
pub(crate) async fn quote<H: Host>(
    state: &Rc<ClientState<H>>,
    call: Rc<H::Call>,
    request: Request,
) -> Result<Option<Rc<Quote>>, Failure<H>> {
    read_soon(state, &request).await;
    if token_for(state, &request).is_some() {
        return Ok(None);
    }
    let response = state.host.send(&call, None, false).await.map_err(Failure::Foreign)?;
    let head = state.host.head(&response);
    state.host.discard(response);
    if head.status != 402 {
        return Ok(None);
    }
    match read_offer(state, &request, &head)? {
        Some(asked) => Ok(Some(examine(state, &request, &asked.offer)?)),
        None => Err(Error::new(Code::InvalidChallenge, "the 402 holds no lightning offer to quote").into()),
    }
}
