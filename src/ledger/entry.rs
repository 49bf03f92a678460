//! One payment in the journal: the part that users see, and everything that is needed to settle it later.

use crate::ledger::dispatch::Dispatch;
use crate::ledger::limits::DAY_MS;
use crate::ledger::payment::{Payment, State};
pub use crate::ledger::record::FORGOTTEN_AFTER_S;
use crate::text::encoding::concat;
use crate::text::json_fields::Fields;
use crate::text::json_writer::Writer;

/// A payment with everything that is needed to settle it later.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The part that users see. Its times are rounded down from those below.
    pub payment: Payment,
    /// The method of the request that was paid for.
    pub method: String,
    /// The token that the preimage turns into a credential. It is kept until the payment is proven.
    pub token: String,
    /// Hex. Absent until it is proven. A secret.
    pub preimage: Option<String>,
    /// The fee reserve, in millisatoshis.
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

    /// Whether it is too old to stand in the way of its resource. Nobody will learn what became of it.
    #[must_use]
    pub fn is_forgotten(&self, now_ms: u64) -> bool {
        now_ms / 1000 > self.invoice_expires_at.saturating_add(FORGOTTEN_AFTER_S)
    }

    /// Milliseconds since it was begun. 0 if it was begun in the future.
    #[must_use]
    pub fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.started_at_ms)
    }

    /// Whether it may be compacted: it is settled, no window counts it, and its invoice expired more than a day ago.
    /// The day is for clocks that are wrong. An offer with this invoice would be refused as expired.
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

    /// The number of the attempt at its invoice: first by failures before it, then by repeats while its outcome was
    /// open.
    fn attempt(&self) -> (u64, u64) {
        (self.started_at_ms, self.dispatch.repeats)
    }

    /// The resource that it was made for.
    #[must_use]
    pub fn resource(&self) -> String {
        resource(&self.method, self.payment.url.as_str())
    }

    /// Whether both are about the same order to the wallet.
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

    /// Records that nothing was paid or will be. The token is kept for a late proof.
    pub fn settle_failed(&mut self, now_ms: u64) {
        self.payment.state = State::Failed;
        self.payment.settled_at = Some(now_ms / 1000);
        self.dispatch = Dispatch { failures: self.dispatch.failures.saturating_add(1), ..Dispatch::default() };
    }

    /// The millisatoshis that count as spent, and those that the limits count in addition.
    pub(crate) fn sums(&self) -> (u64, u64) {
        let payment = &self.payment;
        match payment.state {
            State::Pending | State::Unknown => (payment.amount_msat, self.max_fee_msat),
            State::Paid => (payment.amount_msat.saturating_add(payment.fee_msat), 0),
            State::Failed => (0, 0),
        }
    }

    /// Whether this reading of a payment replaces another. The later of two attempts to pay one invoice replaces the
    /// earlier one, unless the earlier one is proven.
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

/// The text of a resource: method and URL.
pub(crate) fn resource(method: &str, url: &str) -> String {
    concat(&[method, " ", url])
}
