//! The ledger's rows, read by the simulation itself.

use crate::store::Store;
use l402_fetch::ledger::buckets::Amounts;
use l402_fetch::ledger::key::{OPEN, ORIGINS, SUMS};
use l402_fetch::ledger::payment::State;
use l402_fetch::text::json::Json;
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::wire::url::Url;
use std::collections::BTreeMap;

/// The row of one payment.
pub struct Record {
    pub hash: PaymentHash,
    pub origin: String,
    pub state: State,
    pub is_reserved: bool,
    pub amount_msat: u64,
    pub fee_msat: u64,
    pub max_fee_msat: u64,
    pub started_at_ms: u64,
    pub invoice_expires_at: u64,
    pub owner: String,
}

impl Record {
    pub fn is_unsettled(&self) -> bool {
        matches!(self.state, State::Pending | State::Unknown)
    }

    /// What the sums should count of it: spent, and reserved besides.
    fn amounts(&self) -> (u64, u64) {
        match self.state {
            _ if self.is_reserved => (0, self.amount_msat + self.max_fee_msat),
            State::Pending | State::Unknown => (self.amount_msat, self.max_fee_msat),
            State::Paid => (self.amount_msat + self.fee_msat, 0),
            State::Failed => (0, 0),
        }
    }
}

fn parse(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn text(row: &Json, name: &str) -> String {
    row.get(name).and_then(Json::as_str).unwrap().to_owned()
}

fn hash(row: &Json) -> PaymentHash {
    PaymentHash::parse(&text(row, "paymentHash")).unwrap()
}

/// The numbers of a member of a row of sums.
fn numbers(row: &Json, name: &str) -> Vec<u64> {
    text(row, name).split_whitespace().map(|number| number.parse().unwrap()).collect()
}

/// The rows whose key begins so.
fn rows(store: &Store, prefix: &str) -> Vec<(String, Json)> {
    let rows = store.0.borrow();
    let from = rows.range(prefix.to_owned()..);
    from.take_while(|(key, _)| key.starts_with(prefix)).map(|(key, value)| (key.clone(), parse(value))).collect()
}

pub fn records(store: &Store) -> Vec<Record> {
    let of = |(_, row): (String, Json)| {
        let number = |name: &str| row.get(name).and_then(Json::as_u64).unwrap();
        let name = text(&row, "state");
        Record {
            hash: hash(&row),
            origin: Url::of(&text(&row, "url")).origin().to_owned(),
            state: match name.as_str() {
                "paid" => State::Paid,
                "failed" => State::Failed,
                "unknown" => State::Unknown,
                _ => State::Pending,
            },
            is_reserved: name == "reserved",
            amount_msat: number("amountMsat"),
            fee_msat: number("feeMsat"),
            max_fee_msat: number("maxFeeMsat"),
            started_at_ms: number("startedAt"),
            invoice_expires_at: number("invoiceExpiresAt"),
            owner: text(&row, "owner"),
        }
    };
    rows(store, "payment/").into_iter().map(of).collect()
}

/// Whether some row of tokens holds this preimage.
pub fn is_stored(store: &Store, preimage: &str) -> bool {
    store.0.borrow().iter().any(|(key, value)| key.starts_with("token/") && value.contains(preimage))
}

/// The owners of leases.
pub fn leases(store: &Store) -> Vec<String> {
    rows(store, "lease/").into_iter().filter_map(|(key, _)| key.strip_prefix("lease/").map(str::to_owned)).collect()
}

/// Where the sums differ from the records that they are of, or a lock from what it is for.
pub fn flaw(store: &Store) -> Option<String> {
    let records = records(store);
    let mut should: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for record in &records {
        let (spent, reserved) = record.amounts();
        for key in [SUMS.to_owned(), l402_fetch::ledger::key::origin(&record.origin)] {
            let sum = should.entry(key).or_default();
            *sum = (sum.0 + spent, sum.1 + reserved);
        }
    }
    let mut are = rows(store, ORIGINS);
    are.extend(store.value(SUMS).map(|row| (SUMS.to_owned(), parse(&row))));
    for (key, row) in are {
        let of = |three: &[u64]| Amounts { spent: three[0], reserved: three[1], orders: three[2] };
        let ever = of(&numbers(&row, "ever"));
        // The newest minute, and what the past has before it.
        let mut sum = of(&numbers(&row, "minute")[1..4]);
        let past = store.value(&l402_fetch::ledger::key::past(&key)).map(|row| numbers(&parse(&row), "quarters"));
        for four in past.unwrap_or_default().chunks(4) {
            let bucket = of(&four[1..]);
            sum.spent += bucket.spent;
            sum.reserved += bucket.reserved;
        }
        let right = should.remove(&key).unwrap_or_default();
        for sum in [ever, sum] {
            if (sum.spent, sum.reserved) != right {
                return Some(format!("{key} counts {sum:?}, its records {right:?}"));
            }
        }
    }
    if let Some((key, _)) = should.first_key_value() {
        return Some(format!("{key} is missing"));
    }
    for (key, row) in rows(store, OPEN) {
        let (hash, owner) = (hash(&row), text(&row, "owner"));
        if !records.iter().any(|record| record.hash == hash && record.owner == owner && record.is_unsettled()) {
            return Some(format!("{key} locks for nobody"));
        }
    }
    None
}
