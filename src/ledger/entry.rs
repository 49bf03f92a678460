//! One payment in the journal: what users see of it, and all that settling it later needs.

use crate::ledger::dispatch::Dispatch;
use crate::ledger::limits::DAY_MS;
use crate::ledger::payment::{Payment, State};
use crate::text::encoding::concat;
use crate::text::json_fields::Fields;
use crate::text::json_writer::Writer;

/// How many seconds after its invoice expired an open payment stops keeping its resource from being bought.
pub const FORGOTTEN_AFTER_S: u64 = 86_400;

/// A payment with all that is needed to settle it later.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The part that users see. Its times are rounded down from those below.
    pub payment: Payment,
    /// The method of the request that was paid for.
    pub method: String,
    /// The token that the preimage turns into a credential. It is kept until the payment is proven.
    pub token: String,
    /// Hex, once proven. A secret.
    pub preimage: Option<String>,
    /// Millisatoshis: what the wallet was allowed to add.
    pub max_fee_msat: u64,
    /// Unix milliseconds.
    pub started_at_ms: u64,
    /// Unix seconds.
    pub invoice_expires_at: u64,
    /// What is known of the order to the wallet.
    pub dispatch: Dispatch,
}

impl Entry {
    /// Whether the outcome is open.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        matches!(self.payment.state, State::Pending | State::Unknown)
    }

    /// Whether it is too old to keep its resource from being bought: nobody will learn any more what became of it.
    #[must_use]
    pub fn is_forgotten(&self, now_ms: u64) -> bool {
        now_ms / 1000 > self.invoice_expires_at.saturating_add(FORGOTTEN_AFTER_S)
    }

    /// Milliseconds since it was begun. 0 if that is in the future.
    #[must_use]
    pub fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.started_at_ms)
    }

    /// Whether a sum may take its place. It is settled, no window counts it, and its invoice expired more than a day
    /// ago, for clocks that are wrong. An offer with this invoice is then refused because of its age.
    #[must_use]
    pub fn can_be_compacted(&self, now_ms: u64) -> bool {
        !self.is_unsettled() && self.age_ms(now_ms) >= DAY_MS && self.is_forgotten(now_ms)
    }

    /// About how many bytes it takes in the stored form.
    #[must_use]
    pub fn size(&self) -> usize {
        let texts = self.method.len().saturating_add(self.token.len());
        self.payment.size().saturating_add(texts).saturating_add(self.dispatch.size())
    }

    /// Which of several attempts at one invoice it is: begun anew after a failure, or repeated while its outcome is
    /// open.
    fn attempt(&self) -> (u64, u64) {
        (self.started_at_ms, self.dispatch.repeats)
    }

    /// The resource that it paid for.
    #[must_use]
    pub fn resource(&self) -> String {
        resource(&self.method, self.payment.url.as_str())
    }

    /// Whether both speak of the same order to the wallet.
    #[must_use]
    pub fn is_same_order(&self, other: &Self) -> bool {
        self.payment.payment_hash == other.payment.payment_hash && self.attempt() == other.attempt()
    }

    /// Records the proof of payment. A fee that nobody reported stays as it was.
    pub fn settle_paid(&mut self, preimage: Option<String>, fee_msat: Option<u64>, now_ms: u64) {
        if self.payment.state != State::Paid {
            self.payment.settled_at = Some(now_ms / 1000);
        }
        self.payment.state = State::Paid;
        self.payment.fee_msat = fee_msat.unwrap_or(self.payment.fee_msat);
        self.preimage = preimage.or(self.preimage.take());
        self.token = String::new();
        self.dispatch = Dispatch::default();
    }

    /// Records that nothing was paid nor will be. The token is kept for a late proof.
    pub fn settle_failed(&mut self, now_ms: u64) {
        self.payment.state = State::Failed;
        self.payment.settled_at = Some(now_ms / 1000);
        self.dispatch = Dispatch { failures: self.dispatch.failures.saturating_add(1), ..Dispatch::default() };
    }

    /// What counts as spent, and what the limits count in addition.
    pub(crate) fn sums(&self) -> (u64, u64) {
        let payment = &self.payment;
        match payment.state {
            State::Pending | State::Unknown => (payment.amount_msat, self.max_fee_msat),
            State::Paid => (payment.amount_msat.saturating_add(payment.fee_msat), 0),
            State::Failed => (0, 0),
        }
    }

    /// Whether this reading of a payment takes the place of another. Of two attempts to pay one invoice the later
    /// counts, unless the earlier is proven.
    pub(crate) fn knows_more_than(&self, other: &Self) -> bool {
        match (other.payment.state, self.payment.state) {
            (State::Paid, State::Paid) => other.preimage.is_none() && self.preimage.is_some(),
            (State::Paid, _) => false,
            (_, State::Paid) => true,
            _ if !self.is_same_order(other) => self.attempt() > other.attempt(),
            (State::Pending, _) | (State::Unknown, State::Failed) => true,
            _ => false,
        }
    }

    pub(crate) fn write(&self, object: &mut Writer) {
        let payment = &self.payment;
        payment.write_offer(object, &self.method, &self.token, self.preimage.as_deref());
        object.number("maxFeeMsat", Some(self.max_fee_msat));
        object.text("state", Some(payment.state.name()));
        object.number("startedAt", Some(self.started_at_ms));
        object.number("settledAt", payment.settled_at);
        object.number("invoiceExpiresAt", Some(self.invoice_expires_at));
        self.dispatch.write(object);
    }

    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        let name = fields.text("state");
        let state = State::ALL.iter().find(|(_, state)| *state == name).map(|(state, _)| *state);
        let state = fields.expect(state, State::Unknown);
        let started_at_ms = fields.number("startedAt");
        Self {
            payment: Payment::read(fields, state, started_at_ms / 1000),
            method: fields.text("method"),
            token: fields.text("token"),
            preimage: fields.optional_text("preimage"),
            max_fee_msat: fields.number("maxFeeMsat"),
            started_at_ms,
            invoice_expires_at: fields.number("invoiceExpiresAt"),
            dispatch: Dispatch::read(fields),
        }
    }
}

/// What one purchase is for: method and URL.
pub(crate) fn resource(method: &str, url: &str) -> String {
    concat(&[method, " ", url])
}
