//! The payment journal: one entry for each payment hash, written before the wallet is asked.
//!
//! ```text
//!                          ┌──────────────────── proof ────────────────────┐
//!              journalled  │                                               ▼
//!   (nothing) ─────────▶ pending ── answer lost ──▶ unknown ── proof ──▶ paid ── folded ──▶ (a sum)
//!                          │  ▲                        │                   ▲
//!                          │  └─ tried again ─┐        │                   │
//!                          │                  │        │                   │
//!                          └── certainty ──▶ failed ◀── certainty          │
//!                                             │ │                          │
//!                                             │ └────────── proof ─────────┘
//!                                             └── folded ──▶ (nothing)
//! ```
//!
//! - *journalled*: the entry is stored before the wallet is asked. One that can't be stored is taken back, and nothing is paid.
//! - *proof*: a preimage that hashes to the payment hash, whoever brings it and however late: the wallet's answer, `resolve()`,
//!   or a lookup, which is made at once where the answer is lost, before the next purchase that the entry stands in the way
//!   of, and before `payments()` and `spent()` answer. A token that is stored already is one, too: the process ended before
//!   it could write the journal.
//! - *certainty*: the wallet's word that nothing was paid nor will be, `resolve()`'s or `onUnknown`'s, or what a lookup comes to
//!   by the rule in [`crate::ledger::certainty`]; and a process that was frozen for so long before it asked, and then does not.
//! - *answer lost*: the wallet threw, was silent until the timeout, or gave no proof, and a lookup could not tell.
//! - *tried again*: a server may offer the same invoice once more; the entry then starts anew, and what becomes of the
//!   earlier attempt changes it by a proof only. And where the process that sent an order is gone, the same invoice may be
//!   handed to the same wallet again: the entry then stays open until its invoice has expired, or it is proven.
//! - *folded*: settled, and too old to count in an hour or a day or to be offered again: see [`crate::ledger::bounds`]. What was paid
//!   stays in the totals.
//!
//! Pending and unknown entries keep amount and fee reserve counted against the limits for ever, for a payment in flight can
//! settle late. They keep their resource (or origin, where its tokens are shared) from being paid again until they are settled, or forgotten: a day after
//! the invoice expired ([`FORGOTTEN_AFTER_S`]) nobody will learn any more what became of them, and it may be bought anew.

use crate::error::Error;
use crate::ledger::certainty::{Dispatch, Heard};
use crate::ledger::compacted::Folded;
use crate::ledger::habits::Habits;
use crate::ledger::limits::{Spent, DAY_MS};
pub use crate::ledger::payment::{Payment, State};
use crate::ledger::stored::{stored_json, stored_rows, stored_text};
use crate::text::json_fields::Fields;
use crate::text::json_writer::Writer;

/// The version of the stored form while nothing is folded.
const VERSION: u64 = 1;
/// The version with folded sums: a reader of the earlier one would lose them with its next write, and exceed the limits.
const VERSION_FOLDED: u64 = 2;
/// What the rows are called in the stored form.
const ROWS: &str = "payments";
/// Room for the names and numbers of a [`Dispatch`].
const DISPATCH_BYTES: usize = 130;
/// Where nobody can tell what became of a payment, its resource may be bought anew this long after the invoice expired.
pub const FORGOTTEN_AFTER_S: u64 = 86_400;

/// A payment with all that settling it later needs.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The part that users see. Its times are rounded down from those below.
    pub payment: Payment,
    /// The method of the request that was paid for.
    pub method: String,
    /// The token that the preimage turns into a credential; kept until the entry is settled.
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

    /// Whether nobody will learn any more what became of it, so that its resource may be bought anew.
    #[must_use]
    pub fn is_forgotten(&self, now_ms: u64) -> bool {
        now_ms / 1000 > self.invoice_expires_at.saturating_add(FORGOTTEN_AFTER_S)
    }

    /// Milliseconds since it was begun; none where it comes from the future.
    #[must_use]
    pub fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.started_at_ms)
    }

    /// Whether a sum may take its place: it is settled, no window counts it, and its invoice has expired, with a day to spare
    /// for clocks that are wrong. From then on who brings this invoice again is refused because of its age.
    #[must_use]
    pub fn can_be_folded(&self, now_ms: u64) -> bool {
        !self.is_unsettled() && self.age_ms(now_ms) >= DAY_MS && self.is_forgotten(now_ms)
    }

    /// About how many bytes it takes in the stored form.
    #[must_use]
    pub fn size(&self) -> usize {
        let texts = self.method.len().saturating_add(self.token.len());
        self.payment.size().saturating_add(texts).saturating_add(self.dispatch.size())
    }

    /// Which of several attempts at one invoice it is: begun anew after a failure, or repeated in doubt.
    fn attempt(&self) -> (u64, u64) {
        (self.started_at_ms, self.dispatch.repeats)
    }

    /// Whether both speak of the same order to the wallet.
    #[must_use]
    pub fn is_same_order(&self, other: &Self) -> bool {
        self.payment.payment_hash == other.payment.payment_hash && self.attempt() == other.attempt()
    }

    /// Records the proof of payment, once. A fee that nobody reported stays as it was.
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

    /// Records that nothing was paid nor will be. The token is kept: a late proof would still buy it.
    pub fn settle_failed(&mut self, now_ms: u64) {
        self.payment.state = State::Failed;
        self.payment.settled_at = Some(now_ms / 1000);
        self.dispatch = Dispatch { failures: self.dispatch.failures.saturating_add(1), ..Dispatch::default() };
    }

    /// What counts as spent, and what the limits count besides.
    fn sums(&self) -> (u64, u64) {
        let payment = &self.payment;
        match payment.state {
            State::Pending | State::Unknown => (payment.amount_msat, self.max_fee_msat),
            State::Paid => (payment.amount_msat.saturating_add(payment.fee_msat), 0),
            State::Failed => (0, 0),
        }
    }

    /// Whether this reading of a payment takes the place of another. Of two attempts to pay one invoice the later counts,
    /// unless the earlier is proven.
    fn knows_more_than(&self, other: &Self) -> bool {
        match (other.payment.state, self.payment.state) {
            (State::Paid, State::Paid) => other.preimage.is_none() && self.preimage.is_some(),
            (State::Paid, _) => false,
            (_, State::Paid) => true,
            _ if !self.is_same_order(other) => self.attempt() > other.attempt(),
            (State::Pending, _) | (State::Unknown, State::Failed) => true,
            _ => false,
        }
    }

    fn write(&self, object: &mut Writer) {
        let payment = &self.payment;
        payment.write_offer(object, &self.method, &self.token, self.preimage.as_deref());
        object.number("maxFeeMsat", Some(self.max_fee_msat));
        object.text("state", Some(payment.state.name()));
        object.number("startedAt", Some(self.started_at_ms));
        object.number("settledAt", payment.settled_at);
        object.number("invoiceExpiresAt", Some(self.invoice_expires_at));
        self.dispatch.write(object);
    }

    fn read(fields: &mut Fields<'_>) -> Self {
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

impl Dispatch {
    /// Absent members are left out: most payments have none of them once they are settled.
    fn write(&self, object: &mut Writer) {
        for (name, value) in [
            ("walletId", self.wallet_id.as_deref()),
            ("heard", self.heard.map(Heard::name)),
            ("invoice", self.invoice.as_deref()),
        ] {
            if value.is_some() {
                object.text(name, value);
            }
        }
        let some = |count| Some(count).filter(|count| *count > 0);
        for (name, value) in [
            ("sentAt", self.sent_at_ms),
            ("errorAt", self.error_at_ms),
            ("repeats", some(self.repeats)),
            ("failures", some(self.failures)),
        ] {
            if value.is_some() {
                object.number(name, value);
            }
        }
    }

    fn read(fields: &mut Fields<'_>) -> Self {
        let heard = fields.optional_text("heard");
        let known = heard.as_deref().map(Heard::from_name);
        Self {
            wallet_id: fields.optional_text("walletId"),
            sent_at_ms: fields.optional_number("sentAt"),
            error_at_ms: fields.optional_number("errorAt"),
            heard: known.and_then(|known| fields.expect(known.map(Some), None)),
            invoice: fields.optional_text("invoice"),
            repeats: fields.optional_number("repeats").unwrap_or(0),
            failures: fields.optional_number("failures").unwrap_or(0),
        }
    }

    fn size(&self) -> usize {
        let texts = [&self.wallet_id, &self.invoice].map(|text| text.as_ref().map_or(0, String::len));
        texts
            .iter()
            .fold(if *self == Self::default() { 0 } else { DISPATCH_BYTES }, |size, text| size.saturating_add(*text))
    }
}

impl Heard {
    const ALL: [(Self, &'static str); 2] = [(Self::Known, "known"), (Self::Ended, "ended")];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(heard, _)| *heard == self).map_or("", |(_, name)| name)
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(heard, _)| *heard)
    }
}

/// Every payment, oldest first; of old ones the sums.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Journal {
    entries: Vec<Entry>,
    folded: Folded,
    pub(crate) habits: Habits,
}

impl Journal {
    /// Reads the stored form.
    ///
    /// # Errors
    /// [`crate::error::Code::StoreFailed`] where it is damaged or of a later version: it must then never be overwritten.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (json, version) = stored_json(text, ROWS, VERSION_FOLDED)?;
        let entries = stored_rows(&json, ROWS, Entry::read)?;
        let folded = if version == VERSION { Folded::default() } else { Folded::read(&json, ROWS)? };
        let habits = Habits::read(&json)?;
        Ok(Self { entries, folded, habits })
    }

    /// The stored form.
    #[must_use]
    pub fn to_text(&self) -> String {
        let is_whole = self.folded.is_empty();
        let version = if is_whole { VERSION } else { VERSION_FOLDED };
        stored_text(version, ROWS, &self.entries, Entry::write, |text| {
            if !is_whole {
                self.folded.write(text);
            }
            if !self.habits.is_empty() {
                self.habits.write(text);
            }
        })
    }

    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.folded.is_empty() && self.habits.is_empty()
    }

    /// About how many bytes the stored form takes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.entries.iter().map(Entry::size).fold(self.folded.size(), usize::saturating_add)
    }

    /// Folds entries that may be, oldest first, until the rest takes `most` bytes.
    pub fn fold(&mut self, most: usize, now_ms: u64) {
        let mut excess = self.size().saturating_sub(most);
        if excess == 0 {
            return;
        }
        let Self { entries, folded, .. } = self;
        entries.retain(|entry| {
            let stays = excess == 0 || !entry.can_be_folded(now_ms);
            if !stays {
                excess = excess.saturating_sub(entry.size());
                let (msat, _) = entry.sums();
                if msat > 0 {
                    folded.add(&entry.payment.origin, msat, entry.started_at_ms);
                }
            }
            stays
        });
    }

    /// Whether an entry that is missing here was folded.
    #[must_use]
    pub fn has_folded(&self, entry: &Entry) -> bool {
        entry.payment.state == State::Paid && self.folded.reaches(entry.started_at_ms)
    }

    /// Every entry that is not folded, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of a payment hash (hex).
    #[must_use]
    pub fn find(&self, payment_hash: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.payment.payment_hash == payment_hash)
    }

    /// The same, to be changed.
    pub fn find_mut(&mut self, payment_hash: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().rev().find(|entry| entry.payment.payment_hash == payment_hash)
    }

    pub(crate) fn unsettled_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut().filter(|entry| entry.is_unsettled())
    }

    /// Adds an entry; one of the same hash is replaced and moves to the end.
    pub fn put(&mut self, entry: Entry) {
        self.entries.retain(|known| known.payment.payment_hash != entry.payment.payment_hash);
        self.entries.push(entry);
    }

    /// Changes an entry where it stands, or adds it.
    pub fn put_in_place(&mut self, entry: Entry) {
        match self.find_mut(&entry.payment.payment_hash) {
            Some(known) => *known = entry,
            None => self.entries.push(entry),
        }
    }

    /// Takes back an entry that could not be written: this attempt, while it is open. Whether it was there.
    pub fn take_back(&mut self, attempt: &Entry) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| {
            entry.payment.payment_hash != attempt.payment.payment_hash
                || !entry.is_same_order(attempt)
                || !entry.is_unsettled()
        });
        self.entries.len() < before
    }

    /// Takes over what `newer` knows better: entries that are missing here, and what became of those that are here. The sums
    /// are those of this reading: what was paid long ago and is missing here has been folded into them.
    pub fn merge(&mut self, newer: &Self) {
        self.habits.merge(&newer.habits);
        for entry in &newer.entries {
            let was_folded = self.has_folded(entry);
            match self.find_mut(&entry.payment.payment_hash) {
                None if was_folded => {}
                None => self.entries.push(entry.clone()),
                Some(known) if entry.knows_more_than(known) => *known = entry.clone(),
                Some(_) => {}
            }
        }
    }

    /// What limits count, for one origin or all: amounts and fees; while unsettled, the fee reserve too.
    #[must_use]
    pub fn counted(&self, origin: Option<&str>, now_ms: u64) -> Spent {
        self.sum(origin, now_ms, |(amount, reserve)| amount.saturating_add(reserve))
    }

    /// What users see as spent, for one origin or all: amounts, unsettled ones too, and reported fees.
    #[must_use]
    pub fn spent(&self, origin: Option<&str>, now_ms: u64) -> Spent {
        self.sum(origin, now_ms, |(amount, _)| amount)
    }

    fn sum(&self, origin: Option<&str>, now_ms: u64, of: impl Fn((u64, u64)) -> u64) -> Spent {
        let mut spent = Spent::default();
        for entry in self.entries.iter().filter(|entry| origin.is_none_or(|origin| origin == entry.payment.origin)) {
            spent.add(of(entry.sums()), entry.started_at_ms, now_ms);
        }
        spent.total = spent.total.saturating_add(self.folded.total(origin));
        spent
    }
}
