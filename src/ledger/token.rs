//! A token that was paid for: its credential, and the requests that it may open.

use crate::ledger::payment::{Payment, State};
use crate::ledger::resource::Resource;
use crate::ledger::rules::Rules;
use crate::text::encoding::concat;
use crate::text::members::{Members, Row};
use crate::text::scan::split_once;
use crate::wire::challenge::Protocol;
use crate::wire::credential::{Credential, Field};
use crate::wire::mpp;
use crate::wire::preimage::Preimage;
use crate::wire::url::Url;
use crate::wire::x402::{self, Sent};

/// A token remembers this many places that refused it. Each place takes room in the store, and time at every request.
/// Each forgotten place costs one more round trip there.
pub const MOST_REFUSALS: usize = 100;

/// Whoever buys a proof that is good once shows it within so many seconds. Then others may.
const SHOWN_AFTER_S: u64 = 60;

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
    /// Whether this instance has bought it; never stored.
    pub(crate) is_bought_here: bool,
    /// What draws on its session in place of showing it; never stored.
    pub(crate) drawn_by: Option<Credential>,
    pub(crate) rules: Rules,
}

impl Token {
    /// A token that was just bought.
    #[must_use]
    pub fn new(payment: Payment, method: String, token: String, preimage: Option<String>) -> Self {
        let rules = Rules::of(&payment, &token);
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
            is_bought_here: false,
            drawn_by: None,
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
    /// came late may expire before those that were bought meanwhile. One for another request only if it is over.
    pub(crate) fn is_replaced_by(&self, newer: &Self) -> bool {
        if self.rules.bound_to != newer.rules.bound_to {
            let is_used = self.accepted && self.own_refusals > 0;
            return is_used || !self.rules.are_in_time(newer.payment.started_at.saturating_mul(1000));
        }
        let expires_first = !self.is_bound()
            && self.expires_at().is_some_and(|at| newer.expires_at().is_none_or(|newest| at <= newest));
        self.own_refusals > 0 || expires_first || self.payment.payment_hash == newer.payment.payment_hash
    }

    /// The header that its credential goes into.
    #[must_use]
    pub fn field(&self) -> Field {
        match self.payment.protocol {
            Protocol::X402 => Field::PaymentSignature,
            Protocol::Mpp if self.rules.has_own_header => Field::PaymentAuthorization,
            Protocol::L402 | Protocol::Lsat | Protocol::Mpp => Field::Authorization,
        }
    }

    /// The header of a request that proves the payment. With L402 its value is `L402 token:preimage`; the scheme is
    /// `LSAT` if the challenge was.
    #[must_use]
    pub fn credential(&self) -> Credential {
        if let Some(credential) = &self.drawn_by {
            return credential.clone();
        }
        let credential = self.preimage.as_deref().and_then(|preimage| self.prove(preimage));
        credential.unwrap_or_else(|| {
            let value = concat(&[self.scheme(), &self.token]);
            Credential { field: self.field(), value }
        })
    }

    fn prove(&self, preimage: &str) -> Option<Credential> {
        let proof = || Preimage::prove(preimage, &self.payment.payment_hash).ok();
        match self.payment.protocol {
            Protocol::L402 | Protocol::Lsat => {
                let value = concat(&[self.scheme(), &self.token, ":", preimage]);
                Some(Credential { field: Field::Authorization, value })
            }
            Protocol::Mpp => match mpp::Deposit::parse(&self.token) {
                Some(deposit) => deposit.credential(&proof()?),
                None => mpp::credential(&self.token, &proof()?),
            },
            Protocol::X402 => x402::credential(&self.token, &proof()?),
        }
    }

    fn scheme(&self) -> &'static str {
        match self.payment.protocol {
            Protocol::L402 => "L402 ",
            Protocol::Lsat => "LSAT ",
            Protocol::Mpp => "Payment ",
            Protocol::X402 => "",
        }
    }

    /// What a server attests of this payment, as JSON text. `None`: the header is no receipt, or not one of this
    /// payment.
    #[must_use]
    pub fn attested(&self, header: &str) -> Option<String> {
        match self.payment.protocol {
            Protocol::L402 | Protocol::Lsat => None,
            Protocol::Mpp => {
                let reference = self.payment.session.as_ref().unwrap_or(&self.payment.payment_hash);
                mpp::attested(header, &self.token, reference)
            }
            Protocol::X402 => x402::attested(header, &self.payment.payment_hash),
        }
    }

    /// Whether it is of a charge, which is for one request: of MPP or x402. A server may sell charges for one use
    /// beside L402 for many, so neither says anything of the other.
    pub(crate) fn is_charge(&self) -> bool {
        self.payment.protocol.needs_preimage()
    }

    /// Whether two are the same token of this instance. Deposits have no number.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id && self.payment.payment_hash == other.payment.payment_hash
    }

    /// Whether it is a deposit for a session.
    pub(crate) fn is_deposit(&self) -> bool {
        self.payment.session.is_some()
    }

    /// Whether it is for one request alone: for its body, and with x402 for the headers that the offer names too.
    pub(crate) fn is_bound(&self) -> bool {
        self.rules.bound_to.is_some()
    }

    /// Whether it is bound to this.
    pub(crate) fn is_bound_to(&self, what: Option<&str>) -> bool {
        what.is_some() && self.rules.bound_to.as_deref() == what
    }

    /// Whether whoever has bought it has had time enough to show it. A clock may have jumped.
    pub(crate) fn is_left_alone(&self, now_ms: u64) -> bool {
        (now_ms / 1000).abs_diff(self.payment.settled_at.unwrap_or(0)) >= SHOWN_AFTER_S
    }

    /// Whether it is good once, as x402 says of its own.
    pub(crate) fn is_single_use(&self) -> bool {
        self.payment.protocol == Protocol::X402
    }

    /// Whether it may be shown beside this request, of whose kind it is: it is not bound, or is bound to this one.
    pub(crate) fn is_of(&self, sent: &Sent<'_>) -> bool {
        match &self.rules.bound_to {
            None => true,
            Some(_) if self.is_single_use() => x402::is_for(&self.token, sent),
            Some(digest) => sent.body_hash.is_some_and(|hash| mpp::is_digest_of(digest, &hash)),
        }
    }

    /// Whether it may be tried at this time. A charge may expire while the wallet pays: its credential is tried once
    /// then, as it was paid for.
    pub(crate) fn is_in_time(&self, now_ms: u64) -> bool {
        let is_new = !self.accepted && self.own_refusals == 0;
        self.rules.are_in_time(now_ms) || (is_new && self.is_charge())
    }

    /// Whether it is good once, and was so until a time that is over.
    pub(crate) fn is_too_late(&self, now_ms: u64) -> bool {
        self.is_single_use() && !self.rules.are_in_time(now_ms)
    }

    /// Whether it was bought for this method and URL.
    #[must_use]
    pub fn is_for(&self, method: &str, url: &Url) -> bool {
        self.method == method && self.payment.url == *url
    }

    /// Whether it may be tried at another resource than its own.
    pub(crate) fn allows(&self, method: &str, path: &str) -> bool {
        !self.is_bound() && self.rules.allow(method, path)
    }

    /// How often it was refused at this method and path as a token of another resource.
    pub(crate) fn refusals(&self, method: &str, path: &str) -> u64 {
        self.refused.iter().find(|refusal| is_at(&refusal.at, method, path)).map_or(0, |refusal| refusal.times)
    }

    /// Whether a request with it, as a token of another resource, failed at this method and path.
    pub(crate) fn has_failed_at(&self, method: &str, url: &Url) -> bool {
        self.refused.iter().any(|refusal| is_at(&refusal.at, method, url.path()))
    }

    /// Whether it may open a request: it is bound to none, it has not expired, its caveats allow the request, and it
    /// was not refused there. Caveats on the path do not count at its own resource: a server behind a proxy may know
    /// its paths by other names.
    pub(crate) fn opens(&self, resource: &Resource<'_>, now_ms: u64) -> bool {
        let Resource { method, url, brought, .. } = *resource;
        if !self.is_in_time(now_ms) || brought.forbids(self.field()) || self.is_bound() {
            return false;
        }
        if self.is_for(method, url) {
            return self.own_refusals <= u64::from(!self.accepted);
        }
        self.allows(method, url.path()) && self.refusals(method, url.path()) == 0
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
            self.own_refusals = u64::from(self.is_single_use());
        }
    }

    /// Notes that it was good for one use, which it has had. It may be dropped.
    pub(crate) fn note_used_up(&mut self) {
        self.own_refusals = self.own_refusals.max(1);
    }

    /// Notes that its use was lost: a server says that it was shown before. Whether that is news.
    pub(crate) fn note_spent(&mut self) -> bool {
        let is_news = !self.accepted;
        self.accepted = true;
        self.own_refusals = self.own_refusals.max(1);
        is_news
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
        self.is_bought_here |= other.is_bought_here;
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
            self.rules = Rules::of(&self.payment, &self.token);
            // Another process may have used a charge any number of times.
            self.taken_again = self.accepted && self.is_charge();
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
