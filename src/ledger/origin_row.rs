//! The row of an origin: its sums, what its tokens are good for, and its newest tokens.

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

/// What the answers to an origin's tokens have shown. "Another resource" is one that the token was not bought for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Lessons {
    /// A token opened another resource, which had asked for money without it.
    pub opened: bool,
    /// Another resource accepted a token. A free resource does that too.
    pub seems_to_open: bool,
    /// Another resource refused a token.
    pub refused: bool,
    /// How many tokens in a row were refused after their first use. Once tokens are known to be good for one use: how
    /// many more are not sent again.
    pub used_up: u64,
}

impl Lessons {
    /// Whether tokens of this origin open other resources than those that they were bought for.
    #[must_use]
    pub fn is_shared(self) -> bool {
        // If another resource has refused a token, a resource that accepted one without asking for money may be free.
        self.opened || (self.seems_to_open && !self.refused)
    }

    /// Adds what `own` has learnt. `used_up` is taken from `own`, which is newer.
    #[must_use]
    pub fn and(self, own: Self) -> Self {
        Self {
            opened: self.opened | own.opened,
            seems_to_open: self.seems_to_open | own.seems_to_open,
            refused: self.refused | own.refused,
            used_up: own.used_up,
        }
    }
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
        self.tokens.retain(|known| known.key != key);
        if self.tokens.len() >= MOST_TOKENS {
            self.tokens.remove(0);
        }
        self.tokens.push(Sold { key: key.to_owned(), payment_hash: *payment_hash });
    }
}

impl Row for OriginRow {
    fn members(&mut self, row: &mut Members<'_>) {
        self.sums.members(row);
        let lessons = &mut self.lessons;
        row.boolean("opened", &mut lessons.opened);
        row.boolean("seemsToOpen", &mut lessons.seems_to_open);
        row.boolean("refused", &mut lessons.refused);
        row.number("usedUp", &mut lessons.used_up);
        row.list("tokens", &mut self.tokens);
    }
}

impl Row for Sold {
    fn members(&mut self, row: &mut Members<'_>) {
        row.text("key", &mut self.key);
        self.payment_hash.member(row);
    }
}
