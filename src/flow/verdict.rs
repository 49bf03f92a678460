//! Reads what an answer says of the token that was sent, and notes it.

use crate::flow::driver::{take, unheard};
use crate::flow::host::{Head, Host, Request};
use crate::flow::offer::has_offer;
use crate::flow::state::ClientState;
use crate::flow::sync::Task;
use crate::ledger::key;
use crate::ledger::lessons::Lesson;
use crate::ledger::own::Said;
use crate::ledger::step::Step;
use crate::ledger::token::Token;
use crate::wire::credential::Field;
use crate::wire::refusal::Refusal;
use crate::wire::url::Url;
use std::rc::Rc;

/// What a status says of the token that was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenVerdict {
    /// It was accepted.
    Taken,
    /// It is not good here, and the server has not acted. Another token may work.
    Refused,
    /// The same, and the server says that it was used before: it did what the token was bought for.
    Spent,
    /// This is the resource's answer. If the token was bought for another resource, it may be a refusal of the token.
    Closed,
    /// The answer says nothing of the token.
    Silent,
}

/// Reads an answer. For a token of another resource every failure may be a refusal of the token.
pub(crate) fn verdict(head: &Head, token: &Token, request: &Request) -> TokenVerdict {
    let is_own = token.is_for(&request.method, &request.url);
    match head.status {
        // The server says that it took the payment, whatever it then answers.
        _ if token.is_single_use() && head.attested(token).is_some() => TokenVerdict::Taken,
        402 | 409 if token.is_single_use() && is_spent(head) => TokenVerdict::Spent,
        // The caller's own Authorization stands beside it, and is meant.
        401 if request.brought.forbids(Field::Authorization) => TokenVerdict::Silent,
        401 | 402 => TokenVerdict::Refused,
        // Servers of x402 settle only what they answer well. That nothing was modified is a good answer.
        300..=303 | 305.. if token.is_single_use() => TokenVerdict::Silent,
        // Servers of charges also refuse them with these, and offer a fresh one beside.
        404 | 409 | 422 if token.is_charge() && has_offer(head, false) => TokenVerdict::Refused,
        400 | 403 => TokenVerdict::Closed,
        408 | 429 => TokenVerdict::Silent,
        500.. if is_own => TokenVerdict::Silent,
        404.. if !is_own => TokenVerdict::Closed,
        _ => TokenVerdict::Taken,
    }
}

/// Whether a server of x402 says that a payment was shown to it before.
fn is_spent(head: &Head) -> bool {
    head.status == 409 || said_of(head).is_some_and(|refusal| refusal.is_spent)
}

fn said_of(head: &Head) -> Option<Refusal> {
    Refusal::of_x402(head.payment_response.as_deref(), head.payment_required.as_deref())
}

/// Why a server refused the credential of a charge, by its own words.
pub(crate) async fn refusal<H: Host>(
    state: &ClientState<H>,
    token: &Token,
    head: &Head,
    response: &H::Response,
) -> Option<Refusal> {
    if token.is_single_use() {
        return said_of(head);
    }
    if !token.is_charge() {
        return None;
    }
    Refusal::of_problem(&state.host.problem(response).await?)
}

/// Notes that a server accepted the token, and writes it in the background. `is_own`: the token was bought for this
/// resource.
pub(crate) fn note_accepted<H: Host>(state: &Rc<ClientState<H>>, token: &Rc<Token>, is_own: bool) {
    if note_taken(state, token, is_own, false) {
        state.host.spawn(write_accepted(state, token));
    }
}

/// Writes that a token was accepted for the first time.
pub(crate) fn write_accepted<H: Host>(state: &Rc<ClientState<H>>, token: &Rc<Token>) -> Task<'static> {
    let said = match state.owned.get(token.id) {
        // Where tokens are good for one use, the first was the last.
        Some(known) if known.own_refusals > 0 => Said::UsedUp,
        _ => Said::Accepted,
    };
    write(state, token, &token.method, &token.payment.url, said)
}

/// Notes in memory alone that a server accepted the token. Returns true if the store does not know that yet.
/// `is_priced`: the resource has asked for money before.
pub(crate) fn note_taken<H: Host>(state: &ClientState<H>, token: &Token, is_own: bool, is_priced: bool) -> bool {
    let origin = token.payment.url.origin();
    if !is_own {
        state.owned.learn(origin, if is_priced { Lesson::Opened } else { Lesson::SeemsToOpen }, token.is_charge());
        // A free resource accepts any token.
        if !is_priced {
            return false;
        }
    }
    let Some(was_accepted) = state.owned.get(token.id).map(|known| known.accepted) else { return false };
    // x402 says itself that its proofs are good for one use.
    if !token.is_single_use() {
        let lesson = if was_accepted { Lesson::TakenAgain } else { Lesson::Taken };
        state.owned.learn(origin, lesson, token.is_charge());
    }
    let is_used_up = state.owned.lessons(origin).is_single_use(token.is_charge());
    state.owned.update(token.id, &mut |token| {
        token.note_accepted();
        if is_used_up {
            token.note_used_up();
        }
    });
    state.owned.change_path(&path_key(token), &mut |path| {
        path.accepted(&token.payment.payment_hash);
    });
    !was_accepted
}

/// Notes that a token was used before, as its server says. Its answer may have been lost, so another may be bought. Two
/// such in a row are enough.
pub(crate) fn note_spent<H: Host>(state: &Rc<ClientState<H>>, sent: &Rc<Token>, request: &Request, paid_now: bool) {
    let was_refused = state.owned.get(sent.id).is_some_and(|token| token.own_refusals > 0);
    if paid_now || was_refused {
        return note_refused(state, sent, request);
    }
    state.owned.update(sent.id, &mut |token| {
        token.note_spent();
    });
    state.owned.change_path(&path_key(sent), &mut |path| {
        path.spent(&sent.payment.payment_hash);
    });
    state.host.spawn(write(state, sent, &sent.method, &sent.payment.url, Said::Spent));
}

/// Notes that the token was refused here. It is written in the background, so that a store that hangs delays no answer.
pub(crate) fn note_refused<H: Host>(state: &Rc<ClientState<H>>, sent: &Rc<Token>, request: &Request) {
    let changed = state.owned.update(sent.id, &mut |token| {
        token.note_refusal(&request.method, &request.url);
    });
    let Some(token) = changed else { return };
    let is_own = sent.is_for(&request.method, &request.url);
    if !is_own {
        state.owned.learn(sent.payment.url.origin(), Lesson::Refused, token.is_charge());
    } else if !token.is_single_use() && token.is_used_up_at_once() && token.rules.are_in_time(state.host.now()) {
        state.owned.learn(sent.payment.url.origin(), Lesson::UsedUp, token.is_charge());
    }
    let at = request.asked_for();
    let key = key::path(at.url.origin(), at.method, at.url.path());
    state.owned.change_path(&key, &mut |path| {
        // It may have been found in its own row alone, which counts its refusals as well.
        if is_own && !token.accepted {
            path.never_accepted(&token);
        } else {
            path.refused(&sent.payment.payment_hash);
        }
    });
    // Whether a token was ever honoured must survive this process, and one that is used up makes room for the next.
    if is_own || !token.accepted {
        state.host.spawn(write(state, sent, &request.method, &request.url, Said::Refused));
    }
}

/// Notes that a request with another resource's token failed. The token is not sent there any more. If the resource
/// asks for money without a token (`is_priced`), this counts as a refusal. A failure that may be chance counts only the
/// second time.
pub(crate) fn note_failure<H: Host>(
    state: &Rc<ClientState<H>>,
    sent: &Rc<Token>,
    request: &Request,
    is_priced: bool,
    is_certain: bool,
) {
    let failed_before =
        state.owned.get(sent.id).is_some_and(|token| token.has_failed_at(&request.method, &request.url));
    state.owned.update(sent.id, &mut |token| {
        token.note_failed_request(&request.method, &request.url);
    });
    if is_priced && (is_certain || failed_before) {
        note_refused(state, sent, request);
    }
}

fn path_key(token: &Token) -> String {
    key::path(token.payment.url.origin(), &token.method, token.payment.url.path())
}

/// Writes what was said of a token at a method and URL. It is told again with the next answer to this token, where it
/// could not be written.
fn write<H: Host>(state: &Rc<ClientState<H>>, token: &Rc<Token>, method: &str, url: &Url, said: Said) -> Task<'static> {
    let (token, method, url) = (Rc::clone(token), method.to_owned(), url.clone());
    unheard(take(state, Step::Note { token, method, url, said }))
}
