//! The step after an answer to a token, or after a request that failed with one.

use crate::error::{Code, Error};
use crate::flow::failure::Failure;
use crate::flow::host::{Head, Host, Request};
use crate::flow::offer::has_offer;
use crate::flow::state::ClientState;
use crate::flow::sync::within;
use crate::flow::tokens::not_honored;
use crate::flow::verdict::{note_failure, note_refused, note_spent, note_taken, write_accepted, TokenVerdict};
use crate::ledger::token::Token;
use std::rc::Rc;

/// How long a response waits until the store knows that its token was accepted.
pub(super) const ACCEPTED_MS: u64 = 5_000;

/// The step after an answer to a token.
pub(super) enum NextStep<H: Host> {
    /// The caller gets the answer. `is_news`: the store does not know yet that the token was accepted.
    HandOver { is_news: bool },
    /// The same request is sent without the token.
    SendWithoutToken,
    /// The answer is read like one to a request without a token.
    ReadChallenge,
    /// Nothing is paid here.
    Refuse(Failure<H>),
}

/// The token of the next request after one that failed: none, where this may come from another resource's token.
///
/// # Errors
/// The failure, where the request is not sent again.
pub(super) fn without<H: Host>(
    state: &Rc<ClientState<H>>,
    call: &H::Call,
    request: &Request,
    token: Option<Rc<Token>>,
    cause: H::Cause,
    paid_now: bool,
    is_priced: bool,
) -> Result<Option<Rc<Token>>, Failure<H>> {
    match token {
        Some(guess) if may_be_of(state, &guess, call, request, &cause) => {
            note_failure(state, &guess, request, is_priced, false);
            // The server may have acted. So the caller decides about a second request, which goes without the token.
            if request.is_get() {
                return Ok(None);
            }
            Err(Failure::foreign(cause))
        }
        Some(token) if paid_now && !state.host.is_aborted(call) => {
            let text = "paid, but the request failed when it was repeated: the token is kept, call again to use it";
            let error = Error::new(Code::RequestFailed, text);
            Err(Failure::raised(error, Some(cause), Some(token.payment.clone())))
        }
        _ => Err(Failure::foreign(cause)),
    }
}

/// Decides the step after an answer to a token.
pub(super) fn weigh_in<H: Host>(
    state: &Rc<ClientState<H>>,
    tried: &Rc<Token>,
    request: &Request,
    head: &Head,
    verdict: TokenVerdict,
    paid_now: bool,
    is_priced: bool,
) -> NextStep<H> {
    let is_own = tried.is_for(&request.method, &request.url);
    // The request was redirected to another origin, which never saw the token.
    let is_elsewhere = head.is_elsewhere(request);
    let mut is_news = false;
    match verdict {
        TokenVerdict::Taken => is_news = note_taken(state, tried, is_own, is_priced),
        TokenVerdict::Silent => {}
        _ if is_elsewhere => {}
        TokenVerdict::Closed if !is_own => note_failure(state, tried, request, is_priced, head.status < 500),
        TokenVerdict::Spent => note_spent(state, tried, request, paid_now),
        TokenVerdict::Refused | TokenVerdict::Closed => note_refused(state, tried, request),
    }
    let is_tried_without = match verdict {
        _ if paid_now || !request.replayable => false,
        TokenVerdict::Refused | TokenVerdict::Spent if is_elsewhere && head.status == 402 => {
            return NextStep::ReadChallenge
        }
        TokenVerdict::Refused | TokenVerdict::Spent => !is_elsewhere,
        // Without the token if the resource has asked for money before, or if no token was ever accepted here.
        TokenVerdict::Closed if is_elsewhere || !request.is_get() => false,
        TokenVerdict::Closed => !is_own || is_priced || not_honored(state, request).is_some(),
        _ => false,
    };
    if !is_tried_without {
        return NextStep::HandOver { is_news };
    }
    // A 402 with an offer is a price. A 402 without one may only refuse the token.
    match not_honored(state, request)
        .filter(|_| head.status == 402 && has_offer(head, state.config.max_deposit_msat.is_some()))
    {
        Some(failure) => NextStep::Refuse(failure),
        None => NextStep::SendWithoutToken,
    }
}

/// Writes that a token was accepted, before the response is handed over, for what runs afterwards may be cut off: to
/// whoever reads the store later a token that is used up looks like one that was never honoured, and those are not
/// bought again. A timer costs more than all else here, and without a store there is nothing to wait for.
pub(super) async fn write_before<H: Host>(state: &Rc<ClientState<H>>, tried: &Rc<Token>) {
    let writing = write_accepted(state, tried);
    if state.host.has_store() {
        within(writing, Box::pin(state.host.sleep(ACCEPTED_MS))).await;
    } else {
        state.host.spawn(writing);
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
    !guess.is_deposit()
        && !guess.is_for(&request.method, &request.url)
        && !state.host.is_aborted(call)
        && state.host.may_be_preflight(call, cause)
}
