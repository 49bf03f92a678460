//! Finds the token for a request, and tells whether the last token that was bought for it was ever accepted.

use crate::error::{Code, Error};
use crate::flow::failure::Failure;
use crate::flow::host::{Host, Request};
use crate::flow::state::ClientState;
use crate::ledger::records::Records;
use crate::ledger::token::Token;
use crate::ledger::tokens::Search;
use std::rc::Rc;

/// The token that should open a request, if one is known. None is sent to a host that is not listed, or beside the
/// caller's own Authorization.
pub(crate) fn token_for<H: Host>(state: &ClientState<H>, request: &Request) -> Option<Rc<Token>> {
    token_in(state, &state.records.borrow(), request, false)
}

/// The same with a choice. `is_first`: it is the first request of a call, and no server has asked it for money.
pub(crate) fn token_in<H: Host>(
    state: &ClientState<H>,
    records: &Records,
    request: &Request,
    is_first: bool,
) -> Option<Rc<Token>> {
    if request.authorized || !request.payable {
        return None;
    }
    state.config.check(&request.url).ok()?;
    let search = Search {
        method: &request.method,
        url: &request.url,
        borrow: request.replayable,
        is_first,
        single_use: state.origins.is_single_use(request.origin()),
        now_ms: state.host.now(),
    };
    records.tokens.choose(&search).cloned()
}

/// The token to send with a new request. It may be one that its own resource has refused so far: servers learn of
/// payments late. A token that was just bought is left to the paying call until that call has its answer: the token may
/// be good for one use only.
pub(crate) fn token_to_send<H: Host>(state: &ClientState<H>, request: &Request) -> Option<Rc<Token>> {
    let token = token_in(state, &state.records.borrow(), request, true);
    token.filter(|token| state.purchases.trial_of(&state.host, token).is_none())
}

/// Whether this instance knows any token.
pub(crate) fn has_tokens<H: Host>(state: &ClientState<H>) -> bool {
    !state.records.borrow().tokens.is_empty()
}

/// The token of an id that [`Client::token_to_send`] gave.
pub(crate) fn token<H: Host>(state: &ClientState<H>, id: u32) -> Option<Rc<Token>> {
    state.records.borrow().tokens.get(id).cloned()
}

/// Whether a token of this origin has opened a resource that it was not bought for.
pub(crate) fn is_shared<H: Host>(state: &ClientState<H>, origin: &str) -> bool {
    state.origins.is_shared(origin)
}

/// The error if nothing may be bought for this method and path, because its last token was never accepted.
pub(crate) fn not_honored<H: Host>(state: &ClientState<H>, request: &Request) -> Option<Failure<H>> {
    not_honored_in(state, &state.records.borrow(), request)
}

pub(crate) fn not_honored_in<H: Host>(
    state: &ClientState<H>,
    records: &Records,
    request: &Request,
) -> Option<Failure<H>> {
    let (url, now) = (&request.url, state.host.now());
    let payment = records.tokens.dishonored(url.origin(), &request.method, url.path(), now)?.payment.clone();
    let text = "the server never accepted the token that was last bought here: each call tries it first, \
                and nothing more is paid until it is accepted, or forget() is called for this origin";
    Some(Failure::raised(Error::new(Code::NotHonored, text), None, Some(payment)))
}
