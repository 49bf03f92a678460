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
use crate::encoding::concat;
use crate::json::Json;
use crate::policy::Spent;
use crate::row::{Row, Writer};
use crate::{Code, Error};

/// The version of the stored form that this code reads and writes.
pub const VERSION: u64 = 1;
/// Where nobody can tell what became of a payment, its resource may be bought anew this long after the invoice expired.
pub const FORGOTTEN_AFTER_S: u64 = 86_400;

/// What is known of a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
#[derive(Clone, PartialEq, Eq, Debug)]
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

impl Payment {
    /// As JavaScript is shown it.
    pub(crate) fn write(&self, row: &mut Writer) {
        row.text("paymentHash", Some(&self.payment_hash));
        row.text("origin", Some(&self.origin));
        row.text("url", Some(&self.url));
        row.text("protocol", Some(self.protocol.as_str()));
        row.number("amountMsat", Some(self.amount_msat));
        row.number("feeMsat", Some(self.fee_msat));
        row.text("state", Some(self.state.name()));
        row.number("startedAt", Some(self.started_at));
        row.number("settledAt", self.settled_at);
    }

    /// The JSON text of the object that JavaScript is shown.
    #[must_use]
    pub fn to_json(&self) -> String {
        Writer::object(|row| self.write(row))
    }

    /// What the rows of journal and tokens begin with.
    pub(crate) fn write_offer(&self, row: &mut Writer, method: &str, token: &str, preimage: Option<&str>) {
        row.text("paymentHash", Some(&self.payment_hash));
        row.text("origin", Some(&self.origin));
        row.text("url", Some(&self.url));
        row.text("method", Some(method));
        row.text("protocol", Some(self.protocol.as_str()));
        row.text("token", Some(token));
        row.text("preimage", preimage);
        row.number("amountMsat", Some(self.amount_msat));
        row.number("feeMsat", Some(self.fee_msat));
    }

    pub(crate) fn read(row: &mut Row<'_>, state: State, started_at: u64) -> Self {
        let protocol = Protocol::from_name(&row.text("protocol"));
        Self {
            payment_hash: row.text("paymentHash"),
            origin: row.text("origin"),
            url: row.text("url"),
            protocol: row.expect(protocol, Protocol::L402),
            amount_msat: row.number("amountMsat"),
            fee_msat: row.number("feeMsat"),
            state,
            started_at,
            settled_at: row.optional_number("settledAt"),
        }
    }
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

    /// Whether this reading of a payment takes the place of another. Of two attempts to pay one invoice the later counts,
    /// unless the earlier is proven.
    fn knows_more_than(&self, other: &Self) -> bool {
        match (other.payment.state, self.payment.state) {
            (State::Paid, State::Paid) => other.preimage.is_none() && self.preimage.is_some(),
            (State::Paid, _) => false,
            (_, State::Paid) => true,
            _ if self.started_at_ms != other.started_at_ms => self.started_at_ms > other.started_at_ms,
            (State::Pending, _) | (State::Unknown, State::Failed) => true,
            _ => false,
        }
    }

    fn write(&self, row: &mut Writer) {
        let payment = &self.payment;
        payment.write_offer(row, &self.method, &self.token, self.preimage.as_deref());
        row.number("maxFeeMsat", Some(self.max_fee_msat));
        row.text("state", Some(payment.state.name()));
        row.number("startedAt", Some(self.started_at_ms));
        row.number("settledAt", payment.settled_at);
        row.number("invoiceExpiresAt", Some(self.invoice_expires_at));
    }

    fn read(row: &mut Row<'_>) -> Self {
        let name = row.text("state");
        let state = State::ALL.iter().find(|(_, state)| *state == name).map(|(state, _)| *state);
        let state = row.expect(state, State::Unknown);
        let started_at_ms = row.number("startedAt");
        Self {
            payment: Payment::read(row, state, started_at_ms / 1000),
            method: row.text("method"),
            token: row.text("token"),
            preimage: row.optional_text("preimage"),
            max_fee_msat: row.number("maxFeeMsat"),
            started_at_ms,
            invoice_expires_at: row.number("invoiceExpiresAt"),
        }
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
        let entries = stored_list(text, "payments", Entry::read)?;
        Ok(Self { entries })
    }

    /// The stored form.
    #[must_use]
    pub fn to_text(&self) -> String {
        stored_text("payments", &self.entries, Entry::write)
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

    /// Takes over what `newer` knows better: entries that are missing here, and what became of those that are here.
    pub fn merge(&mut self, newer: &Self) {
        for entry in &newer.entries {
            match self.find_mut(&entry.payment.payment_hash) {
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
        spent
    }
}

/// The text of a stored list.
pub(crate) fn stored_text<T>(name: &str, rows: &[T], write: impl Fn(&T, &mut Writer)) -> String {
    Writer::object(|list| {
        list.number("version", Some(VERSION));
        list.rows(name, rows, write);
    })
}

/// The rows of a stored list, `version` checked.
pub(crate) fn stored_list<T>(text: &str, name: &str, read: impl Fn(&mut Row<'_>) -> T) -> Result<Vec<T>, Error> {
    let json = stored_json(text, name)?;
    let rows = json.get(name).and_then(Json::as_array).ok_or_else(|| damaged(name))?;
    let mut list = Vec::with_capacity(rows.len());
    for json in rows {
        let mut row = Row::new(json);
        list.push(read(&mut row));
        if row.is_damaged() {
            return Err(damaged(name));
        }
    }
    Ok(list)
}

fn stored_json(text: &str, name: &str) -> Result<Json, Error> {
    let json = Json::parse(text).map_err(|_| damaged(name))?;
    match json.get("version").and_then(Json::as_u64) {
        Some(VERSION) => Ok(json),
        Some(version) if version > VERSION => Err(Error::new(
            Code::StoreFailed,
            concat(&["the stored ", name, " were written by a later version of l402-fetch: update to use this store"]),
        )),
        _ => Err(damaged(name)),
    }
}

fn damaged(name: &str) -> Error {
    Error::new(
        Code::StoreFailed,
        concat(&[
            "the stored ",
            name,
            " are damaged: nothing is paid and nothing overwritten; restore or move them away",
        ]),
    )
}
