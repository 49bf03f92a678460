//! Which token to try on a request.

use crate::ledger::lessons::Lessons;
use crate::ledger::token::Token;
use crate::text::scan::parts;
use crate::wire::credential::Brought;
use crate::wire::url::Url;
use std::rc::Rc;

/// What a token is looked for.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    /// Upper-case.
    pub method: &'a str,
    /// The URL, without the fragment.
    pub url: &'a Url,
    /// Whether another resource's token may be tried.
    pub borrow: bool,
    /// Whether it is the first request of a call. Later requests leave out a token that its own resource refused twice.
    pub is_first: bool,
    /// What the tokens of the origin are good for.
    pub lessons: Lessons,
    /// The headers that the caller has set. A token that would go there is not tried.
    pub brought: Brought,
    /// Whether a token that is bound to one request is bound to this one.
    pub fits: &'a dyn Fn(&Token) -> bool,
    /// Unix milliseconds.
    pub now_ms: u64,
}

/// The token to try on a request, of those of its origin: the resource's own, else, where `borrow` allows it, the one
/// with the longest common path. None that a server has refused here, nor one whose caveats speak against it.
#[must_use]
pub fn choose(candidates: &[Rc<Token>], search: &Search<'_>) -> Option<Rc<Token>> {
    let Search { method, url, is_first, now_ms, .. } = *search;
    if url.is_opaque() {
        return None;
    }
    let mut best: Option<(usize, &Rc<Token>)> = None;
    let mut refused = false;
    for token in candidates {
        let own = token.is_for(method, url);
        // What made a request fail may still be what a 402 asks for.
        refused |= token.refusals(method, url.path()) > 0 || (is_first && token.has_failed_at(method, url));
        let is_refused = match token.accepted {
            true => token.own_refusals > 0,
            // Refusals say nothing yet of one that was never accepted: a call tries it first, others a second time.
            false => token.own_refusals > 1 && !is_first && !token.is_bound(),
        };
        if (own && is_refused) || (token.accepted && search.lessons.is_single_use(token.is_charge())) {
            continue;
        }
        // What it was sold for it opens: a server behind a proxy may know its paths by other names.
        let is_allowed = if own { !token.is_bound() || (search.fits)(token) } else { token.allows(method, url.path()) };
        if !token.is_in_time(now_ms) || !is_allowed || search.brought.forbids(token.field()) {
            continue;
        }
        let likeness = if own { usize::MAX } else { common_segments(token.payment.url.path(), url.path()) };
        if best.is_none_or(|(most, _)| likeness >= most) {
            best = Some((likeness, token));
        }
    }
    // Where one token of the origin was refused, the others are not tried in turn: each would cost a round trip.
    best.filter(|(likeness, _)| *likeness == usize::MAX || (search.borrow && !refused))
        .map(|(_, token)| Rc::clone(token))
}

/// How many leading path segments two paths share.
fn common_segments(a: &str, b: &str) -> usize {
    parts(a, b'/').zip(parts(b, b'/')).take_while(|(a, b)| a == b).count()
}
