//! The row of an origin: its sums, what its tokens are good for, and its newest tokens.

use crate::ledger::lessons::Lessons;
use crate::ledger::sums::Sums;
use crate::text::members::{Members, Row};
use crate::wire::payment_hash::PaymentHash;

/// How many of an origin's newest tokens may be tried at resources that they were not bought for.
const MOST_TOKENS: usize = 8;

/// A token that may be tried at another resource of its origin.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Sold {
    /// The key of its row.
    pub key: String,
    /// The payment that bought it.
    pub payment_hash: PaymentHash,
}

/// The row of an origin. It is never deleted.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct OriginRow {
    /// The sums of its payments.
    pub sums: Sums,
    /// What its tokens are good for.
    pub lessons: Lessons,
    /// Its newest tokens, oldest first.
    pub tokens: Vec<Sold>,
}

impl OriginRow {
    /// Adds a token that was just bought.
    pub fn sold(&mut self, key: &str, payment_hash: &PaymentHash) {
        sell(&mut self.tokens, key, payment_hash);
    }
}

/// Adds a token to an origin's newest. It takes the place of the last one of its row, or of the oldest.
pub(crate) fn sell(tokens: &mut Vec<Sold>, key: &str, payment_hash: &PaymentHash) {
    let same = tokens.iter().position(|known| known.key == key);
    let oldest = (tokens.len() >= MOST_TOKENS).then_some(0);
    if let Some(at) = same.or(oldest) {
        tokens.remove(at);
    }
    tokens.push(Sold { key: key.to_owned(), payment_hash: *payment_hash });
}

impl Row for OriginRow {
    fn members(&mut self, row: &mut Members<'_>) {
        self.sums.members(row);
        let lessons = &mut self.lessons;
        row.boolean("opened", &mut lessons.opened);
        row.boolean("seemsToOpen", &mut lessons.seems_to_open);
        row.boolean("refused", &mut lessons.refused);
        row.number("usedUp", &mut lessons.used_up);
        row.count("chargesUsedUp", &mut lessons.charges_used_up);
        row.count("bound", &mut lessons.bound);
        row.list("tokens", &mut self.tokens);
    }
}

impl Row for Sold {
    fn members(&mut self, row: &mut Members<'_>) {
        row.text("key", &mut self.key);
        self.payment_hash.member(row);
    }
}
