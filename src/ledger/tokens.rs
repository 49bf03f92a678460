//! All known tokens, and the choice of the token for a request.

use crate::error::Error;
use crate::ledger::stored::{stored_json, stored_rows, stored_text};
use crate::ledger::token::Token;
use crate::text::scan::parts;
use crate::wire::payment_hash::PaymentHash;
use crate::wire::url::Url;
use std::cell::Cell;
use std::rc::Rc;

/// The version of the stored form.
const VERSION: u64 = 1;
/// The name of the list in the stored form.
const ROWS: &str = "tokens";
/// How many removed tokens are kept for requests that are still under way with them.
const MOST_REMOVED: usize = 64;

/// The request that needs a token.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// Upper-case.
    pub method: &'a str,
    /// The URL, without the fragment.
    pub url: &'a Url,
    /// Whether another resource's token may be tried.
    pub borrow: bool,
    /// Whether it is the first request of a call. Later requests leave out a token that its own resource refused twice.
    pub is_first: bool,
    /// Whether tokens of the origin are good for one use.
    pub single_use: bool,
    /// Unix milliseconds.
    pub now_ms: u64,
}

/// Every token that is known.
#[derive(Clone, Default)]
pub struct Tokens {
    list: Vec<Rc<Token>>,
    /// The last removed tokens. Requests may still be under way with them.
    removed: Vec<Rc<Token>>,
    last_id: u32,
}

impl Tokens {
    /// Reads the stored form.
    ///
    /// # Errors
    /// [`crate::error::Code::StoreFailed`] if it is damaged or of a later version.
    pub fn parse(text: &str) -> Result<Vec<Token>, Error> {
        let (json, _) = stored_json(text, ROWS, VERSION)?;
        stored_rows(&json, ROWS, Token::read)
    }

    /// The stored form.
    #[must_use]
    pub fn to_text(&self) -> String {
        stored_text(VERSION, ROWS, &self.list, |token, object| token.write(object), |_| {})
    }

    /// All tokens, in the order of purchase.
    pub fn iter(&self) -> impl Iterator<Item = &Token> {
        self.list.iter().map(Rc::as_ref)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The token of an id.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<&Rc<Token>> {
        self.list.iter().chain(&self.removed).find(|token| token.id == id)
    }

    /// Removes tokens. The last few of them can still be found by their ids.
    fn remove(&mut self, which: impl Fn(&Token) -> bool) {
        for token in std::mem::take(&mut self.list) {
            let list = if which(&token) { &mut self.removed } else { &mut self.list };
            list.push(token);
        }
        self.trim_removed();
    }

    fn trim_removed(&mut self) {
        self.removed = self.removed.split_off(self.removed.len().saturating_sub(MOST_REMOVED));
    }

    /// About how many bytes the stored form takes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.iter().map(Token::size).fold(0, usize::saturating_add)
    }

    /// Drops tokens that open nothing any more, oldest first, until the rest takes `most` bytes.
    pub fn prune(&mut self, most: usize, now_ms: u64) {
        let excess = Cell::new(self.size().saturating_sub(most));
        if excess.get() > 0 {
            self.remove(|token| {
                let goes = excess.get() > 0 && token.may_go(now_ms);
                excess.set(excess.get().saturating_sub(if goes { token.size() } else { 0 }));
                goes
            });
        }
    }

    /// The token that this payment bought.
    #[must_use]
    pub fn bought_with(&self, payment_hash: &PaymentHash) -> Option<&Rc<Token>> {
        self.list.iter().find(|token| token.payment.payment_hash == *payment_hash)
    }

    /// The token to try on a request. It is the resource's own. If there is none and `borrow` allows it, it is the
    /// token of the same origin with the longest common path. A token is left out if it was refused here, or if its
    /// caveats forbid the request.
    #[must_use]
    pub fn choose(&self, search: &Search<'_>) -> Option<&Rc<Token>> {
        let Search { method, url, is_first, now_ms, .. } = *search;
        let mut best: Option<(usize, &Rc<Token>)> = None;
        let mut refused = false;
        for token in self.list.iter().filter(|token| token.payment.url.origin() == url.origin()) {
            let own = token.is_for(method, url);
            // A token that made a request fail may still be tried when a 402 asks for one.
            refused |= token.refusals(method, url.path()) > 0 || (is_first && token.has_failed_at(method, url));
            let is_refused = match token.accepted {
                true => token.own_refusals > 0,
                // A server may not know of the payment yet. So the first request of each call tries a token that was
                // never accepted. Later requests try it until it was refused twice.
                false => token.own_refusals > 1 && !is_first,
            };
            if (own && is_refused) || (token.accepted && search.single_use) {
                continue;
            }
            // Caveats on the path do not count at its own resource: a server behind a proxy may know its paths by other
            // names.
            if !token.rules.are_in_time(now_ms) || !(own || token.rules.allow(method, url.path())) {
                continue;
            }
            let likeness = if own { usize::MAX } else { common_segments(token.payment.url.path(), url.path()) };
            if best.is_none_or(|(most, _)| likeness >= most) {
                best = Some((likeness, token));
            }
        }
        // If one token of the origin was refused here, the others are not tried in turn: each would cost a round trip.
        best.filter(|(likeness, _)| *likeness == usize::MAX || (search.borrow && !refused)).map(|(_, token)| token)
    }

    /// Adds a token. It replaces the tokens for the same method and URL that are used up or will expire. The others
    /// stay: they were paid for too, and their proof came late.
    pub fn put(&mut self, mut token: Token) -> Rc<Token> {
        let bought_at_ms = token.payment.settled_at.unwrap_or(token.payment.started_at).saturating_mul(1000);
        let is_same = |old: &&Rc<Token>| old.is_for(&token.method, &token.payment.url);
        token.unopened_before = self.list.iter().rfind(is_same).map_or(0, |old| old.unopened(bought_at_ms));
        self.remove(|old| {
            old.is_for(&token.method, &token.payment.url) && (old.own_refusals > 0 || old.rules.expires_at.is_some())
        });
        token.id = self.next_id();
        let token = Rc::new(token);
        self.list.push(Rc::clone(&token));
        token
    }

    fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.wrapping_add(1).max(1);
        self.last_id
    }

    /// Changes what is known of a token. Returns false if the token is not in the list.
    pub fn update(&mut self, id: u32, change: impl FnOnce(&mut Token)) -> bool {
        match self.list.iter_mut().find(|token| token.id == id) {
            Some(token) => {
                let mut changed = Token::clone(token);
                change(&mut changed);
                *token = Rc::new(changed);
                true
            }
            None => false,
        }
    }

    /// Takes over the stored tokens. Known ones keep their ids. Both lists are in the order of purchase, so most tokens
    /// are found at once.
    pub fn replace(&mut self, stored: Vec<Token>) {
        let mut known: Vec<_> = std::mem::take(&mut self.list).into_iter().map(Some).collect();
        let mut expected: usize = 0;
        for mut token in stored {
            let is_same = |old: &Option<Rc<Token>>| {
                let same = |old: &Rc<Token>| {
                    old.payment.payment_hash == token.payment.payment_hash && old.token == token.token
                };
                old.as_ref().is_some_and(same)
            };
            let found = match known.get(expected).is_some_and(is_same) {
                true => Some(expected),
                false => known.iter().position(is_same),
            };
            match found.and_then(|at| known.get_mut(at)?.take()) {
                Some(old) => {
                    token.id = old.id;
                    token.learn(&old);
                }
                None => token.id = self.next_id(),
            }
            expected = found.map_or(expected, |at| at.saturating_add(1));
            self.list.push(Rc::new(token));
        }
        for token in known.into_iter().flatten() {
            self.removed.push(token);
        }
        self.trim_removed();
    }

    /// Adds those of `others` that are missing here.
    pub fn merge(&mut self, others: &Self) {
        for token in &others.list {
            if self.bought_with(&token.payment.payment_hash).is_none() {
                self.list.push(Rc::clone(token));
            }
        }
        self.last_id = self.last_id.max(others.last_id);
    }

    /// A token for this method and path of an origin that was never honoured. It was tried often enough and never
    /// accepted, or it is the last of two tokens in a row that opened nothing.
    #[must_use]
    pub fn dishonored(&self, origin: &str, method: &str, path: &str, now_ms: u64) -> Option<&Token> {
        let mut unopened: u64 = 0;
        let mut found = None;
        for token in self.iter().filter(|token| token.payment.url.origin() == origin && token.is_of(method, path)) {
            unopened = if token.accepted { 0 } else { unopened.saturating_add(token.unopened(now_ms)) };
            if unopened > 1 || token.is_dishonored(method, path, now_ms) {
                found = Some(token);
            }
        }
        found
    }

    /// Drops the tokens of one origin, or all.
    pub fn forget(&mut self, origin: Option<&str>) {
        self.remove(|token| origin.is_none_or(|origin| token.payment.url.origin() == origin));
    }
}

/// How many leading path segments two paths share.
fn common_segments(a: &str, b: &str) -> usize {
    parts(a, b'/').zip(parts(b, b'/')).take_while(|(a, b)| a == b).count()
}
