//! Tokens that were paid for: the `Authorization` each makes, and the requests it may open.

use crate::challenge::Protocol;
use crate::encoding::concat;
use crate::journal::{stored_list, stored_text, Payment, State};
use crate::macaroon::decode_parts;
use crate::origin::Location;
use crate::row::{Row, Writer};
use crate::Error;
use std::rc::Rc;

/// Tokens that are kept for the requests that are under way with them.
const MOST_GONE: usize = 64;

/// How often a token was refused at a method and path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Method, space, path.
    pub at: String,
    /// In a row.
    pub times: u64,
}

/// A credential, and what is known of where it opens. No `Debug`: it is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Names the token within this instance; never stored.
    pub id: u32,
    /// The payment that bought it.
    pub payment: Payment,
    /// The method of the request that it was bought for.
    pub method: String,
    /// The token, byte for byte as received.
    pub token: String,
    /// Hex; absent where the wallet proved nothing and `proof: "none"` allowed that.
    pub preimage: Option<String>,
    /// Whether a server has taken it, ever.
    pub accepted: bool,
    /// How often in a row the resource that it was bought for refused it.
    pub own_refusals: u64,
    /// Where else it was refused.
    pub refused: Vec<Refusal>,
    rules: Rules,
}

/// The caveats that are understood, of all macaroons that the token holds.
#[derive(Clone, PartialEq, Eq, Default)]
struct Rules {
    expires_at: Option<u64>,
    path: Option<String>,
    method: Option<String>,
}

impl Rules {
    fn of(token: &str) -> Self {
        let mut rules = Self::default();
        for macaroon in decode_parts(token) {
            rules.expires_at = [rules.expires_at, macaroon.expires_at].into_iter().flatten().min();
            for caveat in macaroon.caveats {
                match caveat.condition.as_str() {
                    "RequestPath" => rules.path = Some(caveat.value),
                    "RequestMethod" => rules.method = Some(caveat.value),
                    _ => {}
                }
            }
        }
        rules
    }

    fn are_in_time(&self, now_ms: u64) -> bool {
        self.expires_at.is_none_or(|at| now_ms / 1000 < at)
    }

    fn allow(&self, method: &str, path: &str) -> bool {
        self.path.as_deref().is_none_or(|allowed| allowed == path)
            && self.method.as_deref().is_none_or(|allowed| allowed == method)
    }
}

impl Token {
    /// A token just bought.
    #[must_use]
    pub fn new(payment: Payment, method: String, token: String, preimage: Option<String>) -> Self {
        let rules = Rules::of(&token);
        Self { id: 0, payment, method, token, preimage, accepted: false, own_refusals: 0, refused: Vec::new(), rules }
    }

    /// The same token, known to open another URL of its origin.
    #[must_use]
    pub fn bought_for(mut self, url: &str) -> Self {
        self.payment.url = url.to_owned();
        self
    }

    /// The value of the `Authorization` header: `L402 token:preimage`, `LSAT` only where the server knows no other name.
    #[must_use]
    pub fn authorization(&self) -> String {
        let scheme = if self.payment.protocol == Protocol::Lsat { "LSAT " } else { "L402 " };
        match &self.preimage {
            Some(preimage) => concat(&[scheme, &self.token, ":", preimage]),
            None => concat(&[scheme, &self.token]),
        }
    }

    /// Whether it was bought for this very method and URL.
    #[must_use]
    pub fn is_for(&self, method: &str, url: &str) -> bool {
        self.method == method && self.payment.url == url
    }

    /// How often it was refused at this method and path as a token of another resource.
    fn refusals(&self, method: &str, path: &str) -> u64 {
        self.refused.iter().find(|refusal| is_at(&refusal.at, method, path)).map_or(0, |refusal| refusal.times)
    }

    /// Whether a server took the money for this method and path and never once took the token: two refusals say so, the
    /// first may be a server that is not yet aware of the payment.
    #[must_use]
    pub fn is_dishonored(&self, method: &str, path: &str) -> bool {
        // Elsewhere a refusal says that tokens are not shared, and requests at the same time may each bring one.
        let is_own_path = self.method == method && Location::of(&self.payment.url).is_some_and(|own| own.path == path);
        is_own_path && !self.accepted && self.own_refusals.saturating_add(self.refusals(method, path)) >= 2
    }

    /// Notes that a request was answered 400, 401, 402 or 403 with this token.
    pub fn note_refusal(&mut self, method: &str, url: &str) {
        if self.is_for(method, url) {
            self.own_refusals = self.own_refusals.saturating_add(1);
            return;
        }
        let path = Location::of(url).map_or("/", |location| location.path);
        match self.refused.iter_mut().find(|refusal| is_at(&refusal.at, method, path)) {
            Some(refusal) => refusal.times = refusal.times.saturating_add(1),
            None => self.refused.push(Refusal { at: concat(&[method, " ", path]), times: 1 }),
        }
    }

    /// Notes that a server took the token. Earlier refusals came from one that was not yet aware of the payment.
    pub fn note_accepted(&mut self) {
        if !self.accepted {
            self.accepted = true;
            self.own_refusals = 0;
        }
    }

    /// Adds what another reading of the same token knows.
    fn learn(&mut self, other: &Self) {
        if other.accepted {
            self.note_accepted();
        }
        if other.accepted || !self.accepted {
            self.own_refusals = self.own_refusals.max(other.own_refusals);
        }
        for refusal in &other.refused {
            match self.refused.iter_mut().find(|known| known.at == refusal.at) {
                Some(known) => known.times = known.times.max(refusal.times),
                None => self.refused.push(refusal.clone()),
            }
        }
    }

    fn write(&self, row: &mut Writer) {
        let payment = &self.payment;
        payment.write_offer(row, &self.method, &self.token, self.preimage.as_deref());
        row.number("startedAt", Some(payment.started_at));
        row.number("settledAt", payment.settled_at);
        row.truth("accepted", self.accepted);
        row.number("ownRefusals", Some(self.own_refusals));
        row.rows("refused", &self.refused, |refusal, row| {
            row.text("at", Some(&refusal.at));
            row.number("times", Some(refusal.times));
        });
    }

    fn read(row: &mut Row<'_>) -> Self {
        let started_at = row.number("startedAt");
        let payment = Payment::read(row, State::Paid, started_at);
        let mut token = Self::new(payment, row.text("method"), row.text("token"), row.optional_text("preimage"));
        token.accepted = row.truth("accepted");
        token.own_refusals = row.number("ownRefusals");
        token.refused = row.rows("refused", |row| Refusal { at: row.text("at"), times: row.number("times") });
        token
    }
}

fn is_at(at: &str, method: &str, path: &str) -> bool {
    at.split_once(' ') == Some((method, path))
}

/// Every token that is known.
#[derive(Clone, Default)]
pub struct Tokens {
    list: Vec<Rc<Token>>,
    /// Taken out of the list, while requests may be under way with them.
    gone: Vec<Rc<Token>>,
    last_id: u32,
}

impl Tokens {
    /// Reads the stored form.
    ///
    /// # Errors
    /// [`crate::Code::StoreFailed`] where it is damaged or of a later version.
    pub fn parse(text: &str) -> Result<Vec<Token>, Error> {
        stored_list(text, "tokens", Token::read)
    }

    /// The stored form.
    #[must_use]
    pub fn to_text(&self) -> String {
        stored_text("tokens", &self.list, |token, row| token.write(row))
    }

    /// Each of them.
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
        self.list.iter().chain(&self.gone).find(|token| token.id == id)
    }

    /// Takes tokens out; the last few of them stay known by their ids.
    fn remove(&mut self, which: impl Fn(&Token) -> bool) {
        let (out, kept) = std::mem::take(&mut self.list).into_iter().partition(|token| which(token));
        self.list = kept;
        self.gone.extend::<Vec<_>>(out);
        self.gone.drain(..self.gone.len().saturating_sub(MOST_GONE));
    }

    /// The token that this payment hash (hex) bought.
    #[must_use]
    pub fn bought_with(&self, payment_hash: &str) -> Option<&Rc<Token>> {
        self.list.iter().find(|token| token.payment.payment_hash == payment_hash)
    }

    /// The token to try on a request: the resource's own, else, where `borrow` allows it, the one of the same origin with
    /// the longest common path. None that a server has refused here, nor one whose caveats speak against it.
    #[must_use]
    pub fn choose(&self, method: &str, url: &str, borrow: bool, now_ms: u64) -> Option<&Rc<Token>> {
        let location = Location::of(url)?;
        let mut best: Option<(usize, &Rc<Token>)> = None;
        let mut refused = false;
        for token in self.list.iter().filter(|token| token.payment.origin == location.origin) {
            let own = token.is_for(method, url);
            refused |= token.refusals(method, location.path) > 0;
            // A first refusal says nothing yet of a token that was never accepted: it is tried a second time.
            if own && token.own_refusals > u64::from(!token.accepted) {
                continue;
            }
            // What it was sold for it opens: a server behind a proxy may know its paths by other names.
            if !token.rules.are_in_time(now_ms) || !(own || token.rules.allow(method, location.path)) {
                continue;
            }
            let likeness = if own {
                usize::MAX
            } else {
                Location::of(&token.payment.url).map_or(0, |there| common_segments(there.path, location.path))
            };
            if best.is_none_or(|(most, _)| likeness >= most) {
                best = Some((likeness, token));
            }
        }
        // Where one token of the origin was refused, the others are not tried in turn: each would cost a round trip.
        best.filter(|(likeness, _)| *likeness == usize::MAX || (borrow && !refused)).map(|(_, token)| token)
    }

    /// Adds a token; it takes the place of those for the same method and URL that are used up or will expire. Another that
    /// still opens it was paid for as well, by a payment whose proof came late.
    pub fn put(&mut self, mut token: Token) -> Rc<Token> {
        self.remove(|old| {
            old.is_for(&token.method, &token.payment.url) && (old.own_refusals > 0 || old.rules.expires_at.is_some())
        });
        self.last_id = self.last_id.wrapping_add(1).max(1);
        token.id = self.last_id;
        let token = Rc::new(token);
        self.list.push(Rc::clone(&token));
        token
    }

    /// Changes what is known of a token; false where it is known no more.
    pub fn update(&mut self, id: u32, change: impl FnOnce(&mut Token)) -> bool {
        match self.list.iter_mut().find(|token| token.id == id) {
            Some(token) => {
                change(Rc::make_mut(token));
                true
            }
            None => false,
        }
    }

    /// Takes over the stored tokens, keeping the ids of those that are known.
    pub fn replace(&mut self, stored: Vec<Token>) {
        let is_stored = |old: &Token| {
            stored
                .iter()
                .any(|token| token.payment.payment_hash == old.payment.payment_hash && token.token == old.token)
        };
        self.remove(|old| !is_stored(old));
        let known = std::mem::take(&mut self.list);
        for mut token in stored {
            match known
                .iter()
                .find(|old| old.payment.payment_hash == token.payment.payment_hash && old.token == token.token)
            {
                Some(old) => {
                    token.id = old.id;
                    token.learn(old);
                    self.list.push(Rc::new(token));
                }
                None => {
                    self.put(token);
                }
            }
        }
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

    /// Whether what was last bought for this method and path of an origin was never once accepted.
    #[must_use]
    pub fn is_dishonored(&self, origin: &str, method: &str, path: &str) -> bool {
        self.list.iter().any(|token| token.payment.origin == origin && token.is_dishonored(method, path))
    }

    /// Drops the tokens of one origin, or all.
    pub fn forget(&mut self, origin: Option<&str>) {
        self.remove(|token| origin.is_none_or(|origin| token.payment.origin == origin));
    }
}

/// How many leading path segments two paths share.
fn common_segments(a: &str, b: &str) -> usize {
    a.split('/').zip(b.split('/')).take_while(|(a, b)| a == b).count()
}
