//! The payment journal: one entry for each payment hash, written before the wallet is asked.
//!
//! ```text
//!            wallet asked            preimage proven, by the wallet, a lookup or resolve()
//!  (nothing) ───────────▶ pending ─────────────────────────────────────────────▶ paid
//!                           │  ╲                                                  ▲
//!        the answer was lost │   ╲ the wallet knows that nothing was paid         │ preimage proven
//!                           ▼    ╲                                                │
//!                        unknown ─────▶ failed ───────────────────────────────────┘
//! ```
//!
//! Pending and unknown entries keep amount and fee reserve counted against the limits. Only a proof of payment, or the
//! wallet's certain word that nothing moved, settles one. A failed invoice may be tried again: its entry starts anew.

use crate::challenge::Protocol;
use crate::json::Json;
use crate::policy::Spent;
use crate::{Code, Error};
use serde::Serialize;

/// The version of the stored form that this code reads and writes.
pub const VERSION: u64 = 1;
/// Where nobody can tell what became of a payment, its resource may be bought anew this long after the invoice expired.
pub const FORGOTTEN_AFTER_S: u64 = 86_400;

/// What is known of a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Handed to the wallet.
    Pending,
    /// The wallet's answer was lost; the amount stays reserved.
    Unknown,
    /// Proven.
    Paid,
    /// Nothing was paid nor will be.
    Failed,
}

impl State {
    const ALL: [(State, &'static str); 4] =
        [(State::Pending, "pending"), (State::Unknown, "unknown"), (State::Paid, "paid"), (State::Failed, "failed")];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }
}

/// A payment as users see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// Hex.
    pub payment_hash: String,
    /// Scheme, host and port.
    pub origin: String,
    /// Without fragment.
    pub url: String,
    /// How the offer was answered.
    pub protocol: Protocol,
    /// Millisatoshis, without the fee.
    pub amount_msat: u64,
    /// Millisatoshis, as the wallet reported it.
    pub fee_msat: u64,
    /// What is known of it.
    pub state: State,
    /// Unix seconds.
    pub started_at: u64,
    /// Unix seconds.
    pub settled_at: Option<u64>,
}

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

    /// Records the proof of payment, once. A fee that nobody reported stays as it was.
    pub fn settle_paid(&mut self, preimage: Option<String>, fee_msat: Option<u64>, now_ms: u64) {
        if self.payment.state != State::Paid {
            self.payment.settled_at = Some(now_ms / 1000);
        }
        self.payment.state = State::Paid;
        self.payment.fee_msat = fee_msat.unwrap_or(self.payment.fee_msat);
        self.preimage = preimage.or(self.preimage.take());
        self.token = String::new();
    }

    /// Records that nothing was paid nor will be. The token is kept: a late proof would still buy it.
    pub fn settle_failed(&mut self, now_ms: u64) {
        self.payment.state = State::Failed;
        self.payment.settled_at = Some(now_ms / 1000);
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

    fn to_json(&self) -> Json {
        let payment = &self.payment;
        Json::object([
            ("paymentHash", Json::from(payment.payment_hash.as_str())),
            ("origin", Json::from(payment.origin.as_str())),
            ("url", Json::from(payment.url.as_str())),
            ("method", Json::from(self.method.as_str())),
            ("protocol", Json::from(payment.protocol.as_str())),
            ("token", Json::from(self.token.as_str())),
            ("preimage", Json::from(self.preimage.as_deref())),
            ("amountMsat", Json::from(payment.amount_msat)),
            ("feeMsat", Json::from(payment.fee_msat)),
            ("maxFeeMsat", Json::from(self.max_fee_msat)),
            ("state", Json::from(payment.state.name())),
            ("startedAt", Json::from(self.started_at_ms)),
            ("settledAt", Json::from(payment.settled_at)),
            ("invoiceExpiresAt", Json::from(self.invoice_expires_at)),
        ])
    }

    fn from_json(json: &Json) -> Option<Self> {
        let text = |name| json.get(name)?.as_str().map(str::to_owned);
        let number = |name| json.get(name)?.as_u64();
        let state = text("state")?;
        let started_at_ms = number("startedAt")?;
        Some(Self {
            payment: Payment {
                payment_hash: text("paymentHash")?,
                origin: text("origin")?,
                url: text("url")?,
                protocol: Protocol::from_name(&text("protocol")?)?,
                amount_msat: number("amountMsat")?,
                fee_msat: number("feeMsat")?,
                state: State::ALL.iter().find(|(_, name)| *name == state)?.0,
                started_at: started_at_ms / 1000,
                settled_at: number("settledAt"),
            },
            method: text("method")?,
            token: text("token")?,
            preimage: text("preimage"),
            max_fee_msat: number("maxFeeMsat")?,
            started_at_ms,
            invoice_expires_at: number("invoiceExpiresAt")?,
        })
    }
}

/// Every payment, oldest first.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Journal {
    entries: Vec<Entry>,
}

impl Journal {
    /// Reads the stored form.
    ///
    /// # Errors
    /// [`Code::StoreFailed`] where it is damaged or of a later version: it must then never be overwritten.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let entries = stored_list(text, "payments", Entry::from_json)?;
        Ok(Self { entries })
    }

    /// The stored form.
    #[must_use]
    pub fn to_text(&self) -> String {
        Json::object([
            ("version", Json::from(VERSION)),
            ("payments", Json::Array(self.entries.iter().map(Entry::to_json).collect())),
        ])
        .to_text()
    }

    /// Every entry, oldest first.
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

    /// Adds an entry; one of the same hash is replaced and moves to the end.
    pub fn put(&mut self, entry: Entry) {
        self.remove(&entry.payment.payment_hash);
        self.entries.push(entry);
    }

    /// Changes an entry where it stands, or adds it.
    pub fn put_in_place(&mut self, entry: Entry) {
        match self.find_mut(&entry.payment.payment_hash) {
            Some(known) => *known = entry,
            None => self.entries.push(entry),
        }
    }

    /// Takes back an entry that could not be written.
    pub fn remove(&mut self, payment_hash: &str) {
        self.entries.retain(|entry| entry.payment.payment_hash != payment_hash);
    }

    /// Takes over what `newer` knows better: entries that are missing here, and what became of those that are here. Of two
    /// attempts to pay one invoice the later counts, unless the earlier is proven.
    pub fn merge(&mut self, newer: &Self) {
        for entry in &newer.entries {
            let state = entry.payment.state;
            match self.find_mut(&entry.payment.payment_hash) {
                None => self.entries.push(entry.clone()),
                Some(known) if known.payment.state == State::Paid => {}
                Some(known) if state == State::Paid => *known = entry.clone(),
                Some(known)
                    if known.is_unsettled()
                        && state != State::Pending
                        && known.started_at_ms <= entry.started_at_ms =>
                {
                    *known = entry.clone()
                }
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
        spent
    }
}

/// The rows of a stored list, `version` checked.
pub(crate) fn stored_list<T>(text: &str, name: &str, read: impl Fn(&Json) -> Option<T>) -> Result<Vec<T>, Error> {
    let damaged = || {
        Error::new(
            Code::StoreFailed,
            ["the stored ", name, " are damaged: nothing is paid and nothing overwritten; restore or move them away"]
                .concat(),
        )
    };
    let json = Json::parse(text).map_err(|_| damaged())?;
    match json.get("version").and_then(Json::as_u64) {
        Some(VERSION) => {}
        Some(version) if version > VERSION => {
            return Err(Error::new(
                Code::StoreFailed,
                ["the stored ", name, " were written by a later version of l402-fetch: update to use this store"]
                    .concat(),
            ));
        }
        _ => return Err(damaged()),
    }
    let rows = json.get(name).and_then(Json::as_array).ok_or_else(damaged)?;
    rows.iter().map(|row| read(row).ok_or_else(damaged)).collect()
}
