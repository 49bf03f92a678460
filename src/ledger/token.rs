//! A token that was paid for: its `Authorization` header, and the requests that it may open.

use crate::ledger::payment::{Payment, State};
use crate::ledger::resource::Resource;
use crate::text::encoding::concat;
use crate::text::members::{Members, Row};
use crate::text::scan::split_once;
use crate::wire::challenge::Protocol;
use crate::wire::macaroon::decode_parts;
use crate::wire::mpp;
use crate::wire::preimage::Preimage;
use crate::wire::url::Url;

/// A token remembers this many places that refused it. Each place takes room in the store, and time at every request.
/// Each forgotten place costs one more round trip there.
pub const MOST_REFUSALS: usize = 100;

/// How often a token was refused at a method and path.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Refusal {
    /// Method, space, path.
    pub at: String,
    /// How often in a row. 0: a request with it failed there without an answer, which says little of the token.
    pub times: u64,
}

/// A credential, and what is known of the places that it opens. It is a secret, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Token {
    /// The number of the token within this instance. It is never stored.
    pub id: u32,
    /// The payment that bought it.
    pub payment: Payment,
    /// The method of the request that it was bought for.
    pub method: String,
    /// The token, byte for byte as received.
    pub token: String,
    /// Hex. Absent if the wallet proved nothing and `proof: "none"` allowed that.
    pub preimage: Option<String>,
    /// Whether a server has ever accepted it.
    pub accepted: bool,
    /// How often in a row the resource that it was bought for refused it.
    pub own_refusals: u64,
    /// The other places that refused it.
    pub refused: Vec<Refusal>,
    /// Whether it was taken once more after it was accepted; never stored.
    pub(crate) taken_again: bool,
    pub(crate) rules: Rules,
}

/// The caveats that this crate understands, of all macaroons in the token.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Rules {
    pub(crate) expires_at: Option<u64>,
    path: Option<String>,
    method: Option<String>,
}

impl Rules {
    fn of(protocol: Protocol, token: &str, sold_at: u64) -> Self {
        let mut rules = Self::default();
        if protocol == Protocol::Mpp {
            rules.expires_at = mpp::expires_at(token);
            return rules;
        }
        // A malformed token is never bought.
        for macaroon in &decode_parts(token).unwrap_or_default() {
            if let Some(at) = macaroon.expiry_of_one_sold_at(sold_at) {
                rules.expires_at = Some(rules.expires_at.unwrap_or(at).min(at));
            }
            for caveat in &macaroon.caveats {
                let rule = match caveat.condition.as_str() {
                    "RequestPath" => &mut rules.path,
                    "RequestMethod" => &mut rules.method,
                    _ => continue,
                };
                *rule = Some(caveat.value.clone());
            }
        }
        rules
    }

    pub(crate) fn are_in_time(&self, now_ms: u64) -> bool {
        self.expires_at.is_none_or(|at| now_ms / 1000 < at)
    }

    pub(crate) fn allow(&self, method: &str, path: &str) -> bool {
        self.path.as_deref().is_none_or(|allowed| allowed == path)
            && self.method.as_deref().is_none_or(|allowed| allowed == method)
    }
}

impl Token {
    /// A token that was just bought.
    #[must_use]
    pub fn new(payment: Payment, method: String, token: String, preimage: Option<String>) -> Self {
        let rules = Rules::of(payment.protocol, &token, payment.started_at);
        Self {
            id: 0,
            payment,
            method,
            token,
            preimage,
            accepted: false,
            own_refusals: 0,
            refused: Vec::new(),
            taken_again: false,
            rules,
        }
    }

    /// The same token, as the token of another URL of its origin.
    #[must_use]
    pub fn bought_for(mut self, url: &Url) -> Self {
        self.payment.url = url.clone();
        self
    }

    /// The Unix second in which it expires. `None`: it has no expiry.
    #[must_use]
    pub fn expires_at(&self) -> Option<u64> {
        self.rules.expires_at
    }

    /// Whether a newer token of its resource makes it needless: it was refused, or expires no later. One whose proof
    /// came late may expire before those that were bought meanwhile.
    pub(crate) fn is_replaced_by(&self, newer: &Self) -> bool {
        let expires_first = self.expires_at().is_some_and(|at| newer.expires_at().is_none_or(|newest| at <= newest));
        self.own_refusals > 0 || expires_first || self.payment.payment_hash == newer.payment.payment_hash
    }

    /// The value of the `Authorization` header: `L402 token:preimage`. The scheme is `LSAT` if the challenge was. With
    /// MPP it is the credential of the charge.
    #[must_use]
    pub fn authorization(&self) -> String {
        if self.is_charge() {
            let preimage =
                self.preimage.as_deref().and_then(|hex| Preimage::prove(hex, &self.payment.payment_hash).ok());
            let credential = preimage.and_then(|preimage| mpp::credential(&self.token, &preimage));
            return credential.map_or_else(|| concat(&["Payment ", &self.token]), |credential| credential.value);
        }
        let scheme = if self.payment.protocol == Protocol::Lsat { "LSAT " } else { "L402 " };
        match &self.preimage {
            Some(preimage) => concat(&[scheme, &self.token, ":", preimage]),
            None => concat(&[scheme, &self.token]),
        }
    }

    /// What a server attests in a `Payment-Receipt`, as JSON text. `None`: it is no receipt, or not one of this
    /// payment.
    #[must_use]
    pub fn attested(&self, header: &str) -> Option<String> {
        match self.payment.protocol {
            Protocol::Mpp => mpp::attested(header, &self.token, &self.payment.payment_hash),
            _ => None,
        }
    }

    /// Whether it is of a charge. A server may sell charges for one use beside L402 for many, so neither says anything
    /// of the other.
    pub(crate) fn is_charge(&self) -> bool {
        self.payment.protocol == Protocol::Mpp
    }

    /// Whether it may be tried at this time. A charge may expire while the wallet pays: its credential is tried once
    /// then, as it was paid for.
    pub(crate) fn is_in_time(&self, now_ms: u64) -> bool {
        let is_new = !self.accepted && self.own_refusals == 0;
        self.rules.are_in_time(now_ms) || (is_new && self.is_charge())
    }

    /// Whether it was bought for this method and URL.
    #[must_use]
    pub fn is_for(&self, method: &str, url: &Url) -> bool {
        self.method == method && self.payment.url == *url
    }

    /// How often it was refused at this method and path as a token of another resource.
    pub(crate) fn refusals(&self, method: &str, path: &str) -> u64 {
        self.refused.iter().find(|refusal| is_at(&refusal.at, method, path)).map_or(0, |refusal| refusal.times)
    }

    /// Whether a request with it, as a token of another resource, failed at this method and path.
    pub(crate) fn has_failed_at(&self, method: &str, url: &Url) -> bool {
        self.refused.iter().any(|refusal| is_at(&refusal.at, method, url.path()))
    }

    /// Whether it may open a request: it has not expired, its caveats allow the request, and it was not refused there.
    /// Caveats on the path do not count at its own resource: a server behind a proxy may know its paths by other names.
    pub(crate) fn opens(&self, resource: &Resource<'_>, now_ms: u64) -> bool {
        let Resource { method, url, .. } = *resource;
        if !self.is_in_time(now_ms) {
            return false;
        }
        if self.is_for(method, url) {
            return self.own_refusals <= u64::from(!self.accepted);
        }
        self.rules.allow(method, url.path()) && self.refusals(method, url.path()) == 0
    }

    /// Whether its resource took it once and has just refused it the second time.
    pub(crate) fn is_used_up_at_once(&self) -> bool {
        self.accepted && !self.taken_again && self.own_refusals == 1
    }

    /// Notes that a request was answered 400, 401, 402 or 403 with this token. Whether that is news, which it always
    /// is.
    pub fn note_refusal(&mut self, method: &str, url: &Url) -> bool {
        if self.is_for(method, url) {
            self.own_refusals = self.own_refusals.saturating_add(1);
        } else {
            self.note_refusals(method, url, 1);
        }
        true
    }

    /// Notes that a request with it, as a token of another resource, failed. Whether that is news.
    pub(crate) fn note_failed_request(&mut self, method: &str, url: &Url) -> bool {
        let is_news = !self.has_failed_at(method, url);
        self.note_refusals(method, url, 0);
        is_news
    }

    fn note_refusals(&mut self, method: &str, url: &Url, times: u64) {
        let path = url.path();
        match self.refused.iter_mut().find(|refusal| is_at(&refusal.at, method, path)) {
            Some(refusal) => refusal.times = refusal.times.saturating_add(times),
            None => self.refused.push(Refusal { at: concat(&[method, " ", path]), times }),
        }
        self.forget_refusals();
    }

    /// Forgets the places with the fewest refusals. The latest half always stays: calls that were just refused must not
    /// try the token again and again.
    fn forget_refusals(&mut self) {
        while self.refused.len() > MOST_REFUSALS {
            let least =
                self.refused.iter().enumerate().take(MOST_REFUSALS / 2).min_by_key(|(_, refusal)| refusal.times);
            let Some((index, _)) = least else { return };
            self.refused.remove(index);
        }
    }

    /// Notes that a server accepted it. Earlier refusals came from a server that did not know of the payment yet.
    pub fn note_accepted(&mut self) {
        self.taken_again |= self.accepted;
        if !self.accepted {
            self.accepted = true;
            self.own_refusals = 0;
        }
    }

    /// Notes that it was good for one use, which it has had. It may be dropped.
    pub(crate) fn note_used_up(&mut self) {
        self.own_refusals = self.own_refusals.max(1);
    }

    /// Notes that a server accepted it, and whether that was its only use. Whether that is news.
    pub(crate) fn note_taken(&mut self, is_used_up: bool) -> bool {
        let before = (self.accepted, self.own_refusals);
        if !self.accepted {
            self.note_accepted();
        }
        if is_used_up {
            self.note_used_up();
        }
        before != (self.accepted, self.own_refusals)
    }

    /// Adds what another reading of the same token knows.
    pub(crate) fn learn(&mut self, other: &Self) {
        let taken_again = self.taken_again | other.taken_again;
        if other.accepted {
            self.note_accepted();
        }
        self.taken_again = taken_again;
        if other.accepted || !self.accepted {
            self.own_refusals = self.own_refusals.max(other.own_refusals);
        }
        for refusal in &other.refused {
            match self.refused.iter_mut().find(|known| known.at == refusal.at) {
                Some(known) => known.times = known.times.max(refusal.times),
                None => self.refused.push(refusal.clone()),
            }
        }
        self.forget_refusals();
    }
}

impl Row for Token {
    fn members(&mut self, row: &mut Members<'_>) {
        let payment = &mut self.payment;
        payment.offer(row, &mut self.method, &mut self.token, &mut self.preimage);
        payment.state = State::Paid;
        row.number("startedAt", &mut payment.started_at);
        row.optional_number("settledAt", &mut payment.settled_at);
        // For stores that have to drop tokens. What is read of it is not used.
        row.optional_number("expiresAt", &mut self.rules.expires_at);
        row.boolean("accepted", &mut self.accepted);
        row.number("ownRefusals", &mut self.own_refusals);
        row.list("refused", &mut self.refused);
        if row.is_read() {
            self.rules = Rules::of(self.payment.protocol, &self.token, self.payment.started_at);
        }
    }
}

impl Row for Refusal {
    fn members(&mut self, row: &mut Members<'_>) {
        row.text("at", &mut self.at);
        row.number("times", &mut self.times);
    }
}

fn is_at(at: &str, method: &str, path: &str) -> bool {
    split_once(at, b' ') == Some((method, path))
}
