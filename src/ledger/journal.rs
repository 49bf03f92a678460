//! The payment journal: one entry for each payment hash, written before the wallet is asked.
//!
//! ```text
//!                          ┌──────────────────── proof ────────────────────┐
//!              journalled  │                                               ▼
//!   (nothing) ─────────▶ pending ── answer lost ──▶ unknown ── proof ──▶ paid ── compacted ──▶ (a sum)
//!                          │  ▲                        │                   ▲
//!                          │  └─ tried again ─┐        │                   │
//!                          │                  │        │                   │
//!                          └── certainty ──▶ failed ◀── certainty          │
//!                                             │ │                          │
//!                                             │ └────────── proof ─────────┘
//!                                             └── compacted ──▶ (nothing)
//! ```
//!
//! - *journalled*: the entry is stored before the wallet is asked. If it can't be stored, it is taken back, and nothing
//!   is paid.
//! - *proof*: a preimage that hashes to the payment hash, whoever brings it and however late. It comes from the
//!   wallet's answer, from `resolve()` or from a lookup. A lookup is made at once if the answer is lost, before a
//!   purchase that the entry stands in the way of, and before `payments()` and `spent()` answer. A stored token is a
//!   proof too: its process ended before it could write the journal.
//! - *certainty*: nothing was paid or will be. The wallet, `resolve()` or `onUnknown` says so, or a lookup shows it by
//!   the rule in [`crate::ledger::certainty`]. Or the process was frozen for too long before it asked the wallet, so it
//!   does not ask.
//! - *answer lost*: the wallet threw, was silent until the timeout, or gave no proof, and a lookup could not tell.
//! - *tried again*: a server may offer the same invoice once more. The entry then starts anew. News of the earlier
//!   attempt changes it only if it is a proof. If the process that sent an order has died, the same invoice may be
//!   handed to the same wallet again. The entry then stays open until its invoice has expired or it is proven.
//! - *compacted*: it is settled, too old to count in an hour or a day, and too old to be offered again. See
//!   [`crate::ledger::bounds`]. Its amount stays in the totals.
//!
//! The limits count amount and fee reserve of pending and unknown entries for ever, because a payment in flight can
//! settle late. Until such an entry is settled, nothing more is paid for its resource, or for its origin if tokens are
//! shared there. This ends a day after its invoice expired
//! ([`FORGOTTEN_AFTER_S`](crate::ledger::entry::FORGOTTEN_AFTER_S)).

use crate::error::Error;
use crate::ledger::compacted::Compacted;
use crate::ledger::entry::Entry;
use crate::ledger::habits::Habits;
use crate::ledger::limits::{Counted, Spent};
use crate::ledger::payment::State;
use crate::ledger::stored::{stored_json, stored_rows, stored_text};
use crate::wire::payment_hash::PaymentHash;

/// The version of the stored form while nothing is compacted.
const VERSION: u64 = 1;
/// The version with compacted sums. A reader of the earlier version would lose the sums with its next write, and exceed
/// the limits.
const VERSION_COMPACTED: u64 = 2;
/// The name of the list in the stored form.
const ROWS: &str = "payments";

/// Every payment, oldest first. Old payments are kept as sums only.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Journal {
    entries: Vec<Entry>,
    compacted: Compacted,
    pub(crate) habits: Habits,
}

impl Journal {
    /// Reads the stored form.
    ///
    /// # Errors [`crate::error::Code::StoreFailed`] if it is damaged or of a later version. It must then never be
    /// overwritten.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (json, version) = stored_json(text, ROWS, VERSION_COMPACTED)?;
        let entries = stored_rows(&json, ROWS, Entry::read)?;
        let compacted = if version == VERSION { Compacted::default() } else { Compacted::read(&json, ROWS)? };
        let habits = Habits::read(&json)?;
        Ok(Self { entries, compacted, habits })
    }

    /// The stored form.
    #[must_use]
    pub fn to_text(&self) -> String {
        let is_whole = self.compacted.is_empty();
        let version = if is_whole { VERSION } else { VERSION_COMPACTED };
        stored_text(version, ROWS, &self.entries, Entry::write, |text| {
            if !is_whole {
                self.compacted.write(text);
            }
            if !self.habits.is_empty() {
                self.habits.write(text);
            }
        })
    }

    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.compacted.is_empty() && self.habits.is_empty()
    }

    /// About how many bytes the stored form takes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.entries.iter().map(Entry::size).fold(self.compacted.size(), usize::saturating_add)
    }

    /// Compacts entries that may be compacted, oldest first, until the rest takes at most `most` bytes.
    pub fn compact(&mut self, most: usize, now_ms: u64) {
        let mut excess = self.size().saturating_sub(most);
        if excess == 0 {
            return;
        }
        let Self { entries, compacted, .. } = self;
        entries.retain(|entry| {
            let stays = excess == 0 || !entry.can_be_compacted(now_ms);
            if !stays {
                excess = excess.saturating_sub(entry.size());
                let (msat, _) = entry.sums();
                if msat > 0 {
                    compacted.add(entry.payment.url.origin(), msat, entry.started_at_ms);
                }
            }
            stays
        });
    }

    /// Whether an entry that is missing here was compacted.
    #[must_use]
    pub fn has_compacted(&self, entry: &Entry) -> bool {
        entry.payment.state == State::Paid && self.compacted.reaches(entry.started_at_ms)
    }

    /// Every entry that is not compacted, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of a payment hash.
    #[must_use]
    pub fn find(&self, payment_hash: &PaymentHash) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.payment.payment_hash == *payment_hash)
    }

    /// The same entry, to be changed.
    pub fn find_mut(&mut self, payment_hash: &PaymentHash) -> Option<&mut Entry> {
        self.entries.iter_mut().rev().find(|entry| entry.payment.payment_hash == *payment_hash)
    }

    pub(crate) fn unsettled_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut().filter(|entry| entry.is_unsettled())
    }

    /// Adds an entry at the end. It replaces one of the same hash.
    pub fn put(&mut self, entry: Entry) {
        self.entries.retain(|known| known.payment.payment_hash != entry.payment.payment_hash);
        self.entries.push(entry);
    }

    /// Replaces the entry of the same hash in its place, or adds the entry at the end.
    pub fn put_in_place(&mut self, entry: Entry) {
        match self.find_mut(&entry.payment.payment_hash) {
            Some(known) => *known = entry,
            None => self.entries.push(entry),
        }
    }

    /// Takes back an open attempt that could not be written. Returns whether it was there.
    pub fn take_back(&mut self, attempt: &Entry) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| {
            entry.payment.payment_hash != attempt.payment.payment_hash
                || !entry.is_same_order(attempt)
                || !entry.is_unsettled()
        });
        self.entries.len() < before
    }

    /// Takes over entries of `newer` that are missing here, and outcomes that are unknown here. The sums of this
    /// journal stay: they contain the old payments that are missing here.
    pub fn merge(&mut self, newer: &Self) {
        self.habits.merge(&newer.habits);
        for entry in &newer.entries {
            let was_compacted = self.has_compacted(entry);
            match self.find_mut(&entry.payment.payment_hash) {
                None if was_compacted => {}
                None => self.entries.push(entry.clone()),
                Some(known) if entry.knows_more_than(known) => *known = entry.clone(),
                Some(_) => {}
            }
        }
    }

    /// What the limits count for a payment to this origin: amounts, fees, and the fee reserves of unsettled payments.
    #[must_use]
    pub fn counted(&self, origin: &str, now_ms: u64) -> Counted {
        let of = |origin| self.sum(origin, now_ms, |(amount, reserve)| amount.saturating_add(reserve));
        Counted { all: of(None), own: of(Some(origin)) }
    }

    /// What users see as spent, for one origin or all: reported fees and amounts, also those of unsettled payments.
    #[must_use]
    pub fn spent(&self, origin: Option<&str>, now_ms: u64) -> Spent {
        self.sum(origin, now_ms, |(amount, _)| amount)
    }

    fn sum(&self, origin: Option<&str>, now_ms: u64, of: impl Fn((u64, u64)) -> u64) -> Spent {
        let mut spent = Spent::default();
        for entry in
            self.entries.iter().filter(|entry| origin.is_none_or(|origin| origin == entry.payment.url.origin()))
        {
            spent.add(of(entry.sums()), entry.started_at_ms, now_ms);
        }
        spent.total = spent.total.saturating_add(self.compacted.total(origin));
        spent
    }
}
