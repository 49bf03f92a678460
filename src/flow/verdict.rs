//! Reads what an answer says of the token that was sent, and notes it.

use crate::flow::host::{Host, Request};
use crate::flow::ledger::take;
use crate::flow::state::ClientState;
use crate::ledger::key;
use crate::ledger::origins::Lesson;
use crate::ledger::own::Said;
use crate::ledger::step::Step;
use crate::ledger::token::Token;
use crate::wire::url::Url;
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
        note_accepted_beside(state, token);
    }
}

/// Writes in the background that a token was accepted for the first time.
pub(crate) fn note_accepted_beside<H: Host>(state: &Rc<ClientState<H>>, token: &Token) {
    write_beside(state, token, resource_of_token(token), accepted(state, token));
}

/// Where tokens are good for one use, the first was the last.
fn accepted<H: Host>(state: &ClientState<H>, token: &Token) -> Said {
    match state.owned.get(token.id) {
        Some(known) if known.own_refusals > 0 => Said::UsedUp,
        _ => Said::Accepted,
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
    let Some(was_accepted) = state.owned.get(token.id).map(|known| known.accepted) else { return false };
    state.origins.learn(origin, if was_accepted { Lesson::TakenAgain } else { Lesson::Taken });
    let is_used_up = state.origins.is_single_use(origin);
    state.owned.update(token.id, |token| {
        token.note_accepted();
        if is_used_up {
            token.note_used_up();
        }
    });
    state.owned.change_path(&path_key(token), |path| path.accepted(&token.payment.payment_hash));
    !was_accepted
}

/// Writes that a token was accepted for the first time.
pub(crate) async fn write_accepted<H: Host>(state: &Rc<ClientState<H>>, token: &Token) {
    write(state, token, resource_of_token(token), accepted(state, token)).await;
}

/// Notes that the token was refused here. It is written in the background, so that a store that hangs delays no answer.
pub(crate) fn note_refused<H: Host>(state: &Rc<ClientState<H>>, sent: &Token, request: &Request) {
    let changed = state.owned.update(sent.id, |token| {
        token.note_refusal(&request.method, &request.url);
    });
    let Some(token) = changed else { return };
    let is_own = sent.is_for(&request.method, &request.url);
    if !is_own {
        state.origins.learn(sent.payment.url.origin(), Lesson::Refused);
    } else if token.is_used_up_at_once() && token.rules.are_in_time(state.host.now()) {
        state.origins.learn(sent.payment.url.origin(), Lesson::UsedUp);
    }
    let at = request.asked_for();
    let key = key::path(at.url.origin(), at.method, at.url.path());
    state.owned.change_path(&key, |path| path.refused(&sent.payment.payment_hash));
    // Whether a token was ever honoured must survive this process, and one that is used up makes room for the next.
    if is_own || !token.accepted {
        write_beside(state, sent, own_request(request), Said::Refused);
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
    let failed_before =
        state.owned.get(sent.id).is_some_and(|token| token.has_failed_at(&request.method, &request.url));
    state.owned.update(sent.id, |token| {
        token.note_failed_request(&request.method, &request.url);
    });
    if is_priced && (is_certain || failed_before) {
        note_refused(state, sent, request);
    }
}

/// Method and URL at which something was said of a token.
type At = (String, Url);

fn resource_of_token(token: &Token) -> At {
    (token.method.clone(), token.payment.url.clone())
}

fn own_request(request: &Request) -> At {
    (request.method.clone(), request.url.clone())
}

fn path_key(token: &Token) -> String {
    key::path(token.payment.url.origin(), &token.method, token.payment.url.path())
}

fn write_beside<H: Host>(state: &Rc<ClientState<H>>, token: &Token, at: At, said: Said) {
    let (own, token) = (Rc::clone(state), token.clone());
    state.host.spawn(Box::pin(async move { write(&own, &token, at, said).await }));
}

async fn write<H: Host>(state: &Rc<ClientState<H>>, token: &Token, at: At, said: Said) {
    let (token, (method, url)) = (Box::new(token.clone()), at);
    // It is told again with the next answer to this token, where it could not be written.
    let _ = take(state, Step::Note { token, method, url, said }).await;
}
