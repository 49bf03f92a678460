//! Reads what an answer says of the token that was sent, and notes it.

use crate::flow::host::{Host, Request};
use crate::flow::state::ClientState;
use crate::ledger::origins::Lesson;
use crate::ledger::token::Token;
use std::rc::Rc;

/// What a status says of the token that was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenVerdict {
    /// It was accepted.
    Taken,
    /// It is not good here, and the server has not acted. Another token may work.
    Refused,
    /// This is the resource's answer. If the token was bought for another resource, it may be a refusal of the token.
    Closed,
    /// The answer says nothing of the token.
    Silent,
}

/// Reads a status. `is_own`: the token was bought for this resource. For a token of another resource every failure may
/// be a refusal of the token.
pub(crate) fn verdict(status: u16, is_own: bool) -> TokenVerdict {
    match status {
        401 | 402 => TokenVerdict::Refused,
        400 | 403 => TokenVerdict::Closed,
        408 | 429 => TokenVerdict::Silent,
        500.. if is_own => TokenVerdict::Silent,
        404.. if !is_own => TokenVerdict::Closed,
        _ => TokenVerdict::Taken,
    }
}

/// Notes that a server accepted the token, and writes it in the background. `is_own`: the token was bought for this
/// resource.
pub(crate) fn note_accepted<H: Host>(state: &Rc<ClientState<H>>, token: &Token, is_own: bool) {
    if note_taken(state, token, is_own, false) {
        write_beside(state);
    }
}

/// Notes in memory alone that a server accepted the token. Returns true if the store does not know that yet.
/// `is_priced`: the resource has asked for money before.
pub(crate) fn note_taken<H: Host>(state: &ClientState<H>, token: &Token, is_own: bool, is_priced: bool) -> bool {
    let origin = token.payment.url.origin();
    if !is_own {
        state.origins.learn(origin, if is_priced { Lesson::Opened } else { Lesson::SeemsToOpen });
        // A free resource accepts any token.
        if !is_priced {
            return false;
        }
    }
    let mut records = state.records.borrow_mut();
    let Some(was_accepted) = records.tokens.get(token.id).map(|known| known.accepted) else { return false };
    state.origins.learn(origin, if was_accepted { Lesson::TakenAgain } else { Lesson::Taken });
    let is_used_up = state.origins.is_single_use(origin);
    let take = |token: &mut Token| {
        token.note_accepted();
        if is_used_up {
            token.note_used_up();
        }
    };
    records.tokens.update(token.id, take) && !was_accepted
}

/// Notes that the token was refused here. It is written in the background, so that a store that hangs delays no answer.
pub(crate) fn note_refused<H: Host>(state: &Rc<ClientState<H>>, sent: &Token, request: &Request) {
    let mut records = state.records.borrow_mut();
    records.tokens.update(sent.id, |token| token.note_refusal(&request.method, &request.url));
    let Some(token) = records.tokens.get(sent.id).cloned() else { return };
    drop(records);
    if !sent.is_for(&request.method, &request.url) {
        state.origins.learn(sent.payment.url.origin(), Lesson::Refused);
    } else if token.is_used_up_at_once() && token.rules.are_in_time(state.host.now()) {
        state.origins.learn(sent.payment.url.origin(), Lesson::UsedUp);
    }
    // The store must know that a token was never accepted: others must not buy again.
    if !token.accepted {
        write_beside(state);
    }
}

/// Notes that a request with another resource's token failed. The token is not sent there any more. If the resource
/// asks for money without a token (`is_priced`), this counts as a refusal. A failure that may be chance counts only the
/// second time.
pub(crate) fn note_failure<H: Host>(
    state: &Rc<ClientState<H>>,
    sent: &Token,
    request: &Request,
    is_priced: bool,
    is_certain: bool,
) {
    let mut records = state.records.borrow_mut();
    let failed_before =
        records.tokens.get(sent.id).is_some_and(|token| token.has_failed_at(&request.method, &request.url));
    records.tokens.update(sent.id, |token| token.note_failed_request(&request.method, &request.url));
    drop(records);
    if is_priced && (is_certain || failed_before) {
        note_refused(state, sent, request);
    }
}

fn write_beside<H: Host>(state: &Rc<ClientState<H>>) {
    if state.host.has_store() {
        let own = Rc::clone(state);
        state.host.spawn(Box::pin(async move { own.records.read_again(&own.host).await.unwrap_or_default() }));
    }
}
