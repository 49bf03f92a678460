//! One call: send, read the challenge, check, pay, prove, send again with the token.

use crate::error::{Code, Error};
use crate::flow::buy::{purchase, send};
use crate::flow::event::{Event, Quote, Unpayable};
use crate::flow::failure::Failure;
use crate::flow::host::{Head, Host, Request, Sending};
use crate::flow::next_step::{weigh_in, without, write_before, NextStep};
use crate::flow::offer::{examine, read_offer, was_alive, with_outgoing};
use crate::flow::pauses::{pause, Pauses};
use crate::flow::purchase::{Asked, FirstTry};
use crate::flow::scope::Scope;
use crate::flow::session::{heard, is_refused, next, Heard, Next, Tried};
use crate::flow::state::ClientState;
use crate::flow::sync::within;
use crate::flow::tokens::{is_unread, never_accepted, not_honored, read_tokens, token_for, token_to_send};
use crate::flow::verdict::{note_refused, refusal, verdict, TokenVerdict};
use crate::ledger::payment::Payment;
use crate::ledger::token::Token;
use crate::text::json_writer::write_object;
use crate::wire::url::Url;
use std::rc::Rc;

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
    /// What the server itself attests, as JSON text; checked against the payment.
    pub attested: Option<String>,
}

impl Receipt {
    /// The JSON text of the object that JavaScript sees.
    #[must_use]
    pub fn to_json(&self) -> String {
        write_object(|object| {
            object.object("payment", |object| self.payment.write(object));
            object.boolean("paidNow", self.paid_now);
            if let Some(attested) = &self.attested {
                object.raw("attested", attested);
            }
        })
    }
}

/// Sends a request, and pays for it if the server asks for that and the options allow it.
///
/// # Errors
/// The runtime's own failure, or one of ours. At most one payment was made then, and its token is kept.
pub(crate) async fn fetch<H: Host>(
    state: &Rc<ClientState<H>>,
    scope: &Rc<Scope<H>>,
    call: Rc<H::Call>,
    request: Request,
) -> Result<Reply<H>, Failure<H>> {
    read_soon(state, &request).await;
    let token = token_to_send(state, &request);
    answer(state, scope, call, request, token, None, Tried::default()).await
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
    scope: &Rc<Scope<H>>,
    call: Rc<H::Call>,
    request: Request,
    mut token: Option<Rc<Token>>,
    mut first: Option<H::Response>,
    mut tried_sessions: Tried,
) -> Result<Reply<H>, Failure<H>> {
    let request = Rc::new(request);
    let mut is_repeat = first.is_some();
    let (mut paid_now, mut asked_again, mut is_priced) = (false, false, false);
    let (mut first_try, mut pauses): (Option<FirstTry>, _) = (None, Pauses::default());
    // A token of another resource that was taken out of the request. If a 402 follows, the token is not good here.
    let mut refused_guess: Option<Rc<Token>> = None;
    let (mut was_refused, mut was_unproven) = (false, false);
    // What was good once and has been shown in this call.
    let mut refused = Vec::new();
    // The deposit that was paid in this call.
    let mut deposit: Option<Rc<Token>> = None;
    // Where a redirect has led within the origin, once that URL has asked for money.
    let mut answered: Option<Url> = None;
    let (failure, response) = loop {
        let sent = match first.take() {
            Some(response) => Ok(response),
            None => send(state, &call, token.as_deref(), is_repeat, answered.as_ref(), &mut first_try).await,
        };
        is_repeat = true;
        let response = match sent {
            Ok(response) => response,
            Err(cause) => {
                (token, first_try) = (without(state, &call, &request, token, cause, paid_now, is_priced)?, None);
                continue;
            }
        };
        let head = state.host.head(&response);

        // Where this led is known now, and the token goes there at once. It is tried so once.
        if head.is_unproven && !paid_now && !std::mem::replace(&mut was_unproven, true) {
            if let Some(deposit) = token.as_deref().filter(|token| token.is_deposit()) {
                tried_sessions.take_back(deposit);
            }
            (token, first_try) = (None, None);
        }

        // The server's answer to the token. After a payment the caller gets this answer, whatever it is: there is never
        // a second payment.
        if let Some(tried) = token.take_if(|token| token.is_deposit()) {
            // A server may learn of the payment late.
            let is_new = paid_now && tried.drawn_by.is_none() && is_refused(&head, &request, &tried);
            if let Some(milliseconds) = if is_new { pauses.next(&head, &request, state.host.now()) } else { None } {
                state.host.discard(response);
                pause(&*state.host, &call, milliseconds).await;
                token = Some(tried);
                continue;
            }
            let heard = heard(state, &request, &tried, &head, &response, &mut tried_sessions).await;
            first_try = None;
            match heard {
                Heard::Last => return Ok(reply(response, &head, deposit.as_ref().unwrap_or(&tried), paid_now)),
                Heard::Again => {
                    state.host.discard(response);
                    continue;
                }
                Heard::Challenge => {}
            }
        }
        if let Some(tried) = token.take() {
            let said = match verdict(&head, &tried, &request) {
                _ if head.is_unproven => TokenVerdict::Silent,
                // It came too late. Otherwise it would be shown for ever.
                TokenVerdict::Silent if !paid_now && head.status < 500 && tried.is_too_late(state.host.now()) => {
                    TokenVerdict::Spent
                }
                said => said,
            };
            let is_about_it = said != TokenVerdict::Taken && (head.status != 401 || said == TokenVerdict::Refused);
            let is_late = paid_now && is_about_it;
            let wait = if is_late { pauses.next(&head, &request, state.host.now()) } else { None };
            if let Some(milliseconds) = wait {
                state.host.discard(response);
                pause(&*state.host, &call, milliseconds).await;
                token = Some(tried);
                continue;
            }
            let next = weigh_in(state, &tried, &request, &head, said, paid_now, is_priced);
            first_try = None;
            let refusal = if head.status < 400 { None } else { refusal(state, &tried, &head, &response).await };
            if tried.is_single_use() {
                refused.push(tried.payment.payment_hash);
            }
            if let Some(refusal) = &refusal {
                scope.tell(&Event::Rejected { url: request.url.as_str(), payment: &tried.payment, refusal });
            }
            match next {
                NextStep::HandOver { is_news } => {
                    if is_news {
                        write_before(state, &tried).await;
                    }
                    return Ok(reply(response, &head, &tried, paid_now));
                }
                NextStep::SendWithoutToken => {
                    state.host.discard(response);
                    let is_guess = !tried.is_for(&request.method, &request.url);
                    was_refused |= !is_guess;
                    refused_guess = Some(tried).filter(|_| is_guess && matches!(head.status, 400 | 403..500));
                    continue;
                }
                NextStep::ReadChallenge => {}
                NextStep::Refuse(failure) => {
                    break (scope.refused(&request, failure.explained(refusal.as_ref())), response)
                }
            }
        }
        let mut asked = match read_price(state, &request, &head, &mut refused_guess, was_refused) {
            Ok(Ok(asked)) => with_outgoing(state, &call, asked).await,
            Ok(Err(unpayable)) => {
                if let Some(reason) = unpayable {
                    let is_hinted = reason == Unpayable::NoChallenge && scope.listens();
                    let is_in_body = is_hinted && state.host.has_offer_in_body(&response).await;
                    scope.tell(&Event::Unpayable { url: request.url.as_str(), reason, is_in_body });
                }
                return Ok(Reply { response, receipt: None });
            }
            Err(failure) => break (scope.refused(&request, failure), response),
        };
        is_priced = true;
        answered = Some(&asked.url).filter(|url| **url != request.url).cloned();

        match next(state, &request, &asked, &mut tried_sessions).await {
            Ok(Some(Next::Show(shown))) => {
                state.host.discard(response);
                token = Some(shown);
                continue;
            }
            // There is never a second payment.
            Ok(_) if deposit.is_some() => {
                let Some(deposit) = &deposit else { continue };
                return Ok(reply(response, &head, deposit, paid_now));
            }
            Ok(Some(Next::NotHonored(deposit))) => {
                let failure = never_accepted(Some(deposit.payment.clone()));
                break (scope.refused(&request, failure), response);
            }
            Ok(Some(Next::Pay(draw))) => {
                if let Some(asked) = Rc::get_mut(&mut asked) {
                    asked.draw = Some(draw);
                }
            }
            Ok(Some(Next::Nothing)) => return Ok(Reply { response, receipt: None }),
            Ok(None) => {}
            Err(failure) => break (scope.refused(&request, failure), response),
        }

        // The payment: ours, or that of another call for the same thing.
        let came_at = state.host.now();
        match purchase(state, scope, &call, &request, &asked).await {
            // The server offers what was paid for, and refuses it.
            Ok((bought, _)) if !bought.paid_now && refused.contains(&bought.token.payment.payment_hash) => {
                let failure = never_accepted(Some(bought.token.payment.clone()));
                break (scope.refused(&request, failure), response);
            }
            // The server's 402 is answered by what another call has brought about.
            Ok((bought, _)) if bought.token.is_deposit() && !bought.paid_now => {
                if tried_sessions.is_for_one() {
                    return Ok(Reply { response, receipt: None });
                }
                first = Some(response);
                continue;
            }
            Ok((bought, turn)) => {
                if bought.token.is_deposit() {
                    tried_sessions.show(&bought.token);
                    deposit = Some(Rc::clone(&bought.token));
                }
                (token, paid_now, first_try) = (Some(bought.token), bought.paid_now, turn);
            }
            // The invoice expired while we waited for others or for consent. Ask for a fresh one.
            Err(failure) if !asked_again && failure.is(Code::InvoiceExpired) && was_alive(&asked, came_at) => {
                asked_again = true;
            }
            Err(failure) => break (failure, response),
        }

        // The same request again, with the token.
        state.host.discard(response);
    };
    Err(failure.with_response(response))
}

/// The answer to a token, with its receipt.
fn reply<H: Host>(response: H::Response, head: &Head, token: &Rc<Token>, paid_now: bool) -> Reply<H> {
    let receipt = Receipt { payment: token.payment.clone(), paid_now, attested: head.attested(token) };
    Reply { response, receipt: Some(Box::new(receipt)) }
}

/// The challenge of a 402, and the offer in it; or why a 402 goes back untouched, `None` for other answers.
///
/// # Errors
/// Why the offer is not paid.
fn read_price<H: Host>(
    state: &Rc<ClientState<H>>,
    request: &Request,
    head: &Head,
    refused_guess: &mut Option<Rc<Token>>,
    was_refused: bool,
) -> Result<Result<Rc<Asked>, Option<Unpayable>>, Failure<H>> {
    if head.status != 402 {
        return Ok(Err(None));
    }
    let asked = read_offer(state, request, head)?.map(Rc::new).map_err(Some);
    if let Some(guess) = refused_guess.take_if(|_| asked.is_ok()) {
        note_refused(state, &guess, request);
    }
    // What was refused in this call may not be written yet.
    match not_honored(state, request).filter(|_| was_refused && asked.is_ok()) {
        Some(failure) => Err(failure),
        None => Ok(asked),
    }
}

/// Asks the price and never pays. `None`: the resource is free, or a known token should open it.
///
/// # Errors
/// The error that would refuse the offer, except for limits. [`Code::InvalidChallenge`] if the 402 holds no offer.
pub(crate) async fn quote<H: Host>(
    state: &Rc<ClientState<H>>,
    scope: &Scope<H>,
    call: Rc<H::Call>,
    request: Request,
) -> Result<Option<Rc<Quote>>, Failure<H>> {
    read_soon(state, &request).await;
    let is_bought = |asked: Option<&Asked>| {
        token_for(state, &request, asked).is_some_and(|token| token.rules.are_in_time(state.host.now()))
    };
    if is_bought(None) {
        return Ok(None);
    }
    let response = state.host.send(&call, Sending::default()).await.map_err(Failure::foreign)?;
    let head = state.host.head(&response);
    state.host.discard(response);
    if head.status != 402 {
        return Ok(None);
    }
    match read_offer(state, &request, &head)? {
        Ok(asked) => {
            let mut asked = with_outgoing(state, &call, Rc::new(asked)).await;
            // An open session costs nothing more.
            let answer = next(state, &request, &asked, &mut Tried::default()).await?;
            if is_bought(Some(&asked)) || matches!(answer, Some(Next::Show(_))) {
                return Ok(None);
            }
            if let (Some(Next::Pay(draw)), Some(asked)) = (answer, Rc::get_mut(&mut asked)) {
                asked.draw = Some(draw);
            }
            Ok(Some(examine(state, scope, &request, &asked).await?))
        }
        Err(reason) => {
            scope.tell(&Event::Unpayable { url: request.url.as_str(), reason, is_in_body: false });
            Err(Error::new(Code::InvalidChallenge, "the 402 holds no lightning offer to quote").into())
        }
    }
}
