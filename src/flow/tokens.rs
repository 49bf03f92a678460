//! Finds the token for a request, and tells whether the last token that was bought for it was ever accepted.

use crate::error::{Code, Error};
use crate::flow::driver::{came_to_nothing, look};
use crate::flow::failure::Failure;
use crate::flow::host::{Host, Request};
use crate::flow::purchase::Asked;
use crate::flow::state::ClientState;
use crate::ledger::begin::not_honored_text;
use crate::ledger::key;
use crate::ledger::payment::Payment;
use crate::ledger::step::{Decision, Step};
use crate::ledger::token::Token;
use crate::ledger::tokens::Search;
use std::rc::Rc;

/// The token that should open a request, if one is known. None is sent to a host that is not listed, and none in
/// the place of a header of the caller's.
///
/// A token that is bound to one request is given only where a 402 has asked for its kind, and the request is its own.
pub(crate) fn token_for<H: Host>(
    state: &ClientState<H>,
    request: &Request,
    asked: Option<&Asked>,
) -> Option<Rc<Token>> {
    let unseen = |name: &str| state.host.may_add(name);
    let fits = |token: &Token| {
        asked.is_some_and(|asked| is_at_hand(state, token) && token.is_of(&asked.sent(request, &unseen)))
    };
    choose(state, request, false, &fits)
}

/// Whether a token that is good once may be shown. Its buyer goes first, however long the answer takes; one that froze
/// may never show it.
fn is_at_hand<H: Host>(state: &ClientState<H>, token: &Token) -> bool {
    let is_on_trial = || token.is_bought_here && state.purchases.trial_of(&*state.host, token).is_some();
    let is_left_alone = || token.is_left_alone(state.host.now());
    !token.is_single_use()
        || match token.is_bought_here && !state.host.wakes_only_itself() {
            true => !is_on_trial(),
            false => is_left_alone() || (token.is_bought_here && !is_on_trial()),
        }
}

/// `is_first`: for the first request of a call, which nobody has asked for money yet.
fn choose<H: Host>(
    state: &ClientState<H>,
    request: &Request,
    is_first: bool,
    fits: &dyn Fn(&Token) -> bool,
) -> Option<Rc<Token>> {
    if !request.payable {
        return None;
    }
    state.config.check(&request.url).ok()?;
    let search = Search {
        method: &request.method,
        url: &request.url,
        borrow: request.replayable,
        brought: request.brought,
        fits,
        is_first,
        lessons: state.owned.lessons(request.origin()),
        now_ms: state.host.now(),
    };
    state.owned.choose(&search)
}

/// The token to send with a new request. It may be one that its own resource has refused so far: servers learn of
/// payments late. A token that was just bought is left to the paying call until that call has its answer: the token may
/// be good for one use only.
pub(crate) fn token_to_send<H: Host>(state: &ClientState<H>, request: &Request) -> Option<Rc<Token>> {
    let token = choose(state, request, true, &|_| false);
    token.filter(|token| state.purchases.trial_of(&*state.host, token).is_none())
}

/// Whether the store has to be read before it can be told which token opens a request. Beside an Authorization of the
/// caller's few tokens can be used, so the store is read only where the server asks for money.
pub(crate) fn is_unread<H: Host>(state: &ClientState<H>, request: &Request) -> bool {
    may_have_more(state)
        && !request.brought.authorization
        && request.payable
        && !request.url.is_opaque()
        && !state.owned.is_read(&request.method, &request.url)
}

/// Whether the store may have tokens that this instance does not know.
fn may_have_more<H: Host>(state: &ClientState<H>) -> bool {
    !state.host.is_store_empty() || state.owned.was_cleared()
}

/// Whether there may be any token.
pub(crate) fn has_tokens<H: Host>(state: &ClientState<H>) -> bool {
    !state.owned.is_empty() || may_have_more(state)
}

/// The token of an id that [`token_to_send`] gave.
pub(crate) fn token<H: Host>(state: &ClientState<H>, id: u32) -> Option<Rc<Token>> {
    state.owned.get(id)
}

/// Whether a token of this origin has opened a resource that it was not bought for.
pub(crate) fn is_shared<H: Host>(state: &ClientState<H>, origin: &str) -> bool {
    state.owned.lessons(origin).is_shared()
}

/// Reads what the store has for a request.
///
/// # Errors
/// [`Code::StoreFailed`]
pub(crate) async fn read_tokens<H: Host>(state: &Rc<ClientState<H>>, request: &Request) -> Result<(), Failure<H>> {
    learn(state, request, true).await
}

/// Takes over what the store has of a request's origin and path, and of the tokens that may open it.
///
/// # Errors
/// [`Code::StoreFailed`]
pub(crate) async fn learn<H: Host>(
    state: &Rc<ClientState<H>>,
    request: &Request,
    with_tokens: bool,
) -> Result<(), Failure<H>> {
    let Request { method, url, replayable, .. } = request.clone();
    let path_key = key::path(url.origin(), &method, url.path());
    let step = Step::Sales { method, url, is_replayable: replayable, with_tokens };
    let Decision::Sales(sales) = look(state, step).await? else { return Err(came_to_nothing()) };
    state.owned.learn_origin(request.origin(), sales.origin);
    for (key, tokens) in sales.rows {
        state.owned.learn_row(&key, tokens);
    }
    state.owned.change_path(&path_key, &mut |path| path.learn(sales.path.clone()));
    Ok(())
}

/// Why nothing is bought for this method and path, where what was last paid for it was never once accepted.
pub(crate) fn not_honored<H: Host>(state: &ClientState<H>, request: &Request) -> Option<Failure<H>> {
    let resource = request.asked_for();
    let path_key = key::path(resource.url.origin(), resource.method, resource.url.path());
    let payment = state.owned.dishonored(&path_key, &state.purchases.hashes_on_trial(), state.host.now())?;
    Some(never_accepted(payment))
}

/// Why nothing is bought: what this payment has bought was never accepted.
pub(crate) fn never_accepted<H: Host>(payment: Option<Payment>) -> Failure<H> {
    Failure::raised(Error::new(Code::NotHonored, not_honored_text()), None, payment)
}
