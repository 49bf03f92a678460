//! One payment as its row holds it, with everything that is needed to settle it later.

use crate::ledger::buckets::Amounts;
use crate::ledger::dispatch::Dispatch;
use crate::ledger::key;
use crate::ledger::payment::{Payment, State};
use crate::text::encoding::concat;
use crate::text::members::{Members, Row};

/// An open payment stands in the way of its resource until this many seconds after the expiry of its invoice.
pub const FORGOTTEN_AFTER_S: u64 = 86_400;
/// The place of a reservation among the names of states.
const RESERVED: usize = State::ALL.len();

/// What is known of a payment, and of the order that makes it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// The part that users see. Its times are rounded down from those below.
    pub payment: Payment,
    /// The method of the request that is paid for.
    pub method: String,
    /// The token that the preimage turns into a credential. It is kept until the payment is proven.
    pub token: String,
    /// Hex. Absent until it is proven. A secret.
    pub preimage: Option<String>,
    /// The fee reserve, in millisatoshis.
    pub max_fee_msat: u64,
    /// Unix milliseconds. The sums count the payment in the buckets of this time.
    pub started_at_ms: u64,
    /// Unix seconds.
    pub invoice_expires_at: u64,
    /// When its challenge expires, in Unix seconds. `None`: the challenge names no such time.
    pub expires_at: Option<u64>,
    /// What it is bound to beside method and URL: the hash of the request (x402, in hex), or the digest of the body
    /// (MPP). `None`: it is for any request of that method and URL.
    pub bound_to: Option<String>,
    /// The purchase that it belongs to. Only this purchase may hand it to the wallet.
    pub owner: String,
    /// Whether it is only a reservation. The wallet must not be asked before the step that ends the reservation.
    pub is_reserved: bool,
    /// What is known of the order to the wallet.
    pub dispatch: Dispatch,
}

impl Record {
    /// Whether the outcome is open.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        matches!(self.payment.state, State::Pending | State::Unknown)
    }

    /// Whether it is too old to stand in the way of its resource. Nobody will learn what became of it.
    #[must_use]
    pub fn is_forgotten(&self, now_ms: u64) -> bool {
        now_ms / 1000 > self.invoice_expires_at.saturating_add(FORGOTTEN_AFTER_S)
    }

    /// The amounts that the sums count of it, and its order. A reservation counts as an order until it is released.
    #[must_use]
    pub fn amounts(&self) -> Amounts {
        let Payment { amount_msat, fee_msat, refunded_msat, state, .. } = self.payment;
        let (spent, reserved) = match state {
            State::Pending | State::Unknown if self.is_reserved => (0, amount_msat.saturating_add(self.max_fee_msat)),
            State::Pending | State::Unknown => (amount_msat, self.max_fee_msat),
            State::Paid => (amount_msat.saturating_add(fee_msat).saturating_sub(refunded_msat), 0),
            State::Failed => (0, 0),
        };
        Amounts { spent, reserved, orders: 1 }
    }

    /// The Unix second from which on its order must not be handed to a wallet any more.
    #[must_use]
    pub fn last_moment(&self) -> u64 {
        self.invoice_expires_at.min(self.expires_at.unwrap_or(u64::MAX))
    }

    /// What the sums count of it, and the time at which they do.
    pub(crate) fn entry(&self) -> (u64, Amounts) {
        (self.started_at_ms, self.amounts())
    }

    /// The keys of all sums that it counts in.
    #[must_use]
    pub fn sums(&self) -> Vec<String> {
        let mut keys = vec![key::SUMS.to_owned(), key::origin(self.payment.url.origin())];
        for path in scope_paths(&self.payment.scopes) {
            keys.push(key::scope_origin(&path, self.payment.url.origin()));
            keys.push(key::scope(&path));
        }
        keys
    }

    /// The keys of the indexes that list it.
    #[must_use]
    pub fn indexes(&self) -> Vec<String> {
        let at = |index: &str| key::indexed(index, self.started_at_ms, &self.payment.payment_hash);
        let mut keys = vec![at(key::BY_TIME), at(&key::by_origin(self.payment.url.origin()))];
        for path in &scope_paths(&self.payment.scopes) {
            keys.push(at(&key::by_scope(path)));
        }
        keys
    }

    /// The key of the row that locks its resource. What is bound to one body stands in no other body's way.
    #[must_use]
    pub fn open_key(&self) -> String {
        let key = self.resource_key();
        match self.bound_to.as_ref().filter(|_| self.has_body()) {
            Some(bound_to) => key::open_of(&key, bound_to),
            None => key,
        }
    }

    /// The key of the row that locks its resource for any body. A deposit is for all resources of its origin.
    pub(crate) fn resource_key(&self) -> String {
        if self.payment.session.is_some() {
            return key::open_session(self.payment.url.origin());
        }
        key::open(self.payment.url.origin(), &self.method, self.payment.url.as_str())
    }

    /// Whether requests to its resource may differ by their bodies.
    pub(crate) fn has_body(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD")
    }

    /// Records that a payment was proven. A fee that nobody reported stays as it was.
    pub(crate) fn settle_paid(&mut self, preimage: Option<String>, fee_msat: Option<u64>, now_ms: u64) {
        if self.payment.state != State::Paid {
            self.payment.settled_at = Some(now_ms / 1000);
        }
        self.payment.state = State::Paid;
        self.payment.fee_msat = fee_msat.unwrap_or(self.payment.fee_msat);
        if preimage.is_some() {
            self.preimage = preimage;
        }
        (self.token, self.expires_at) = (String::new(), None);
        self.is_reserved = false;
        self.dispatch = Dispatch::default();
    }

    /// Records that nothing was paid or will be. The token is kept for a late proof.
    pub(crate) fn settle_failed(&mut self, now_ms: u64) {
        self.payment.state = State::Failed;
        self.payment.settled_at = Some(now_ms / 1000);
        self.is_reserved = false;
        self.dispatch = Dispatch { failures: self.dispatch.failures.saturating_add(1), ..Dispatch::default() };
    }
}

impl Row for Record {
    fn members(&mut self, row: &mut Members<'_>) {
        self.payment.offer(row, &mut self.method, &mut self.token, &mut self.preimage);
        row.number("maxFeeMsat", &mut self.max_fee_msat);
        let mut state = Some(if self.is_reserved { RESERVED } else { self.payment.state as usize });
        row.one_of("state", &mut state, &State::NAMES);
        let state = row.expect(state);
        self.is_reserved = state == RESERVED;
        self.payment.state = State::ALL.get(state).copied().unwrap_or_default();
        row.number("startedAt", &mut self.started_at_ms);
        self.payment.started_at = self.started_at_ms / 1000;
        row.optional_number("settledAt", &mut self.payment.settled_at);
        row.number("invoiceExpiresAt", &mut self.invoice_expires_at);
        row.optional_number("expiresAt", &mut self.expires_at);
        row.optional_text("boundTo", &mut self.bound_to);
        row.text("owner", &mut self.owner);
        self.dispatch.members(row);
    }
}

/// The path of names of every scope, outermost first. The length stands before each name, so that one name can't be
/// read as two.
#[must_use]
pub fn scope_paths(names: &[String]) -> Vec<String> {
    let mut path = String::new();
    let mut paths = Vec::new();
    for name in names {
        path = concat(&[&path, &name.len().to_string(), ":", name]);
        paths.push(path.clone());
    }
    paths
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]
    use super::*;
    use crate::ledger::dispatch::Heard;
    use crate::ledger::own;
    use crate::ledger::shelf::{record, token, Shelf, NOW, URL};
    use crate::ledger::view::parse;
    use crate::text::encoding::concat;
    use crate::wire::url::Url;
    use crate::{Code, Error};

    fn parsed(text: &str) -> Result<Record, Error> {
        let mut record = Record::default();
        parse(text, &mut record).map(|()| record)
    }

    fn stored(record: &Record) -> String {
        let shelf = Shelf::default();
        shelf.take(|view| view.put("payment/", &mut record.clone())).unwrap();
        shelf.row("payment/")
    }

    /// Later versions must be able to read this.
    #[test]
    fn the_stored_form_of_a_payment() {
        let mut whole = record(1, URL);
        whole.payment.payment_hash = [0xaa; 32].into();
        assert_eq!(
            stored(&whole).replace(&"aa".repeat(32), "HASH"),
            concat!(
                r#"{"v":1,"rev":1,"paymentHash":"HASH","url":"https://a.example/x?q","method":"GET","protocol":"l402","#,
                r#""token":"opaque","amountMsat":10000,"feeMsat":0,"scopes":[],"invoice":"lnbc1","maxFeeMsat":5000,"#,
                r#""state":"pending","startedAt":1800000000123,"invoiceExpiresAt":1800003600,"owner":"1","walletId":"w"}"#,
            )
        );
        let shelf = Shelf::default();
        shelf.begin(1, URL, &[]);
        assert_eq!(shelf.row("lease/"), r#"{"v":1,"rev":1,"count":1,"lastsMs":150000}"#);
        assert_eq!(
            shelf.row("open/").replace(&crate::ledger::shelf::hash(1).to_hex(), "HASH"),
            r#"{"v":1,"rev":1,"paymentHash":"HASH","owner":"1"}"#
        );
        assert_eq!(shelf.row("time/"), "");
        assert_eq!(
            shelf.row("sums"),
            concat!(
                r#"{"v":1,"rev":1,"ever":"10000 5000 1","moments":"360000000 0 0 1","#,
                r#""minute":"30000000 10000 5000 1 0 0 0 0 0 0","last":1800000000123}"#,
            )
        );
    }

    /// And this.
    #[test]
    fn the_stored_form_of_tokens() {
        let shelf = Shelf::default();
        let mut bought = token(1, URL);
        bought.payment.payment_hash = [0xaa; 32].into();
        bought.note_refusal("GET", &Url::of("https://a.example/other?q"));
        let mut origin = crate::ledger::origin_row::OriginRow::default();
        shelf.take(|view| own::put(view, &bought, "/x", &mut origin)).unwrap();
        let expected = concat!(
            r#"{"v":1,"rev":1,"tokens":[{"paymentHash":"HASH","url":"https://a.example/x?q","method":"GET","#,
            r#""protocol":"l402","token":"opaque","preimage":"PREIMAGE","amountMsat":10000,"feeMsat":0,"#,
            r#""scopes":[],"invoice":"lnbc1","startedAt":1800000000,"settledAt":1800000000,"accepted":false,"ownRefusals":0,"#,
            r#""refused":[{"at":"GET /other","times":1}]}]}"#,
        );
        assert_eq!(
            shelf.row("token/").replace(&"aa".repeat(32), "HASH"),
            expected.replace("PREIMAGE", &"ab".repeat(32))
        );
        assert_eq!(
            shelf.row("path/").replace(&"aa".repeat(32), "HASH"),
            r#"{"v":1,"rev":1,"unaccepted":[{"paymentHash":"HASH","refusals":0}]}"#
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut all = Vec::new();
        for (state, is_reserved) in [
            (State::Pending, true),
            (State::Pending, false),
            (State::Unknown, false),
            (State::Paid, false),
            (State::Failed, false),
        ] {
            let mut one = record(1, URL);
            (one.payment.state, one.is_reserved) = (state, is_reserved);
            all.push(one);
        }
        let whole = Dispatch {
            wallet_id: Some("mine".into()),
            sent_at_ms: Some(NOW),
            error_at_ms: Some(NOW),
            heard: Some(Heard::OrderEnded),
            repeats: 2,
            failures: 3,
        };
        for dispatch in [whole, Dispatch::default(), Dispatch { heard: Some(Heard::HasPayment), ..Dispatch::default() }]
        {
            all.push(Record { dispatch, ..record(2, URL) });
        }
        let scopes = vec!["agent \"7\"".to_owned(), "\u{1f600}".to_owned()];
        let description = Some("weather: \u{2600}".to_owned());
        let mut whole = Record { preimage: Some("ab".repeat(32)), ..record(3, URL) };
        (whole.payment.scopes, whole.payment.description) = (scopes, description);
        all.push(whole);
        for record in all {
            let text = stored(&record);
            assert!(parsed(&text).unwrap() == record, "{text}");
            if record.dispatch == Dispatch::default() {
                let names = ["walletId", "sentAt", "errorAt", "heard", "repeats", "failures"];
                assert!(names.iter().all(|name| !text.contains(name)), "{text}");
            }
        }
    }

    /// What can't be what was written is damage, in optional members too: a number that JavaScript would round, a
    /// preimage or a token that can't stand in a header.
    #[test]
    fn a_member_that_cant_be_is_damage() {
        let mut whole = record(1, URL);
        whole.payment.settled_at = Some(7);
        let text = stored(&Record {
            preimage: Some("ab".repeat(32)),
            dispatch: Dispatch { heard: Some(Heard::HasPayment), ..Dispatch::default() },
            ..whole
        });
        for (member, bad) in [
            ("\"amountMsat\":10000", "\"amountMsat\":9007199254740992"),
            ("\"amountMsat\":10000,", ""),
            ("\"settledAt\":7", "\"settledAt\":\"7\""),
            ("\"settledAt\":7", "\"settledAt\":-1"),
            ("\"url\":\"https:", "\"url\":\""),
            ("\"token\":\"opaque\"", "\"token\":\"to\\u0007ken\""),
            ("\"token\":\"opaque\"", "\"token\":\"to\u{2603}ken\""),
            ("\"preimage\":\"ab", "\"preimage\":\"\\nab"),
            ("\"preimage\":\"ab", "\"preimage\":5,\"x\":\"ab"),
            ("\"state\":\"pending\"", "\"state\":\"perhaps\""),
            ("\"protocol\":\"l402\"", "\"protocol\":\"l403\""),
            ("\"scopes\":[]", "\"scopes\":[1]"),
            ("\"scopes\":[]", "\"scopes\":{}"),
            ("\"owner\":\"1\"", "\"owner\":1"),
            ("\"heard\":\"known\"", "\"heard\":\"perhaps\""),
        ] {
            assert!(text.contains(member) && parsed(&text).is_ok(), "{member}: {text}");
            let error = parsed(&text.replacen(member, bad, 1)).err();
            assert_eq!(error.map(|error| error.code()), Some(Code::StoreFailed), "{bad}");
        }
        // Null is as good as absent.
        let null = text.replacen("\"settledAt\":7", "\"settledAt\":null", 1);
        assert!(parsed(&null).is_ok_and(|record| record.payment.settled_at.is_none()));
    }

    #[test]
    fn damage_is_told_from_a_later_version() {
        let text = stored(&record(1, URL));
        for (version, part) in
            [("2", "later version"), ("0", "damaged"), ("-1", "damaged"), ("\"1\"", "damaged"), ("1.5", "damaged")]
        {
            let row = text.replacen("\"v\":1", &concat(&["\"v\":", version]), 1);
            let error = parsed(&row).err().unwrap();
            assert!(error.code() == Code::StoreFailed && error.message().contains(part), "{version}: {error}");
        }
    }

    #[test]
    fn a_proof_is_recorded_once_and_a_preimage_is_never_lost() {
        let mut found = record(1, URL);
        found.settle_failed(NOW);
        assert_eq!(
            (found.amounts(), found.token.as_str()),
            (Amounts { orders: 1, ..Amounts::default() }, "opaque"),
            "a late proof would still buy it"
        );
        found.settle_paid(None, None, NOW + 5_000);
        found.settle_paid(Some("preimage".into()), Some(9), NOW + 9_000);
        found.settle_paid(None, None, NOW + 10_000);
        let settled = (found.payment.state, found.payment.settled_at, found.payment.fee_msat);
        assert_eq!(settled, (State::Paid, Some(NOW / 1000 + 5), 9));
        assert_eq!((found.preimage.as_deref(), found.token.as_str()), (Some("preimage"), ""));
    }

    #[test]
    fn secrets_of_a_token_go_nowhere_but_into_its_header() {
        use crate::wire::challenge::Protocol;
        let mut bought = token(1, URL);
        assert_eq!(bought.credential().value, concat(&["L402 opaque:", &"ab".repeat(32)]));
        bought.payment.protocol = Protocol::Lsat;
        assert_eq!(bought.credential().value, concat(&["LSAT opaque:", &"ab".repeat(32)]));
        bought.preimage = None;
        assert_eq!(bought.credential().value, "LSAT opaque");
        assert!(!format!("{:?}", bought.payment).contains("abab"));
    }
}
