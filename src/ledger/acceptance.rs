//! The tokens of one method and path that were never accepted. If a server never honours a payment, nothing more is
//! bought there.

use crate::ledger::token::Token;
use crate::text::members::{Members, Row};
use crate::wire::payment_hash::PaymentHash;

/// How many of these tokens are remembered. The newest are enough for every decision.
const MOST: usize = 4;

/// A token that no server has accepted yet.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct Bought {
    payment_hash: PaymentHash,
    /// The Unix second in which it expires. `None`: it has no expiry.
    expires_at: Option<u64>,
    /// How often it was refused at this method and path.
    refusals: u64,
}

impl Bought {
    fn has_expired(&self, now_ms: u64) -> bool {
        self.expires_at.is_some_and(|at| now_ms / 1000 >= at)
    }

    /// Whether it was refused or has expired, so it will probably open nothing.
    fn is_over(&self, now_ms: u64) -> bool {
        self.refusals > 0 || self.has_expired(now_ms)
    }

    /// Whether the server took the money and will never accept the token. Two refusals show that. The first may come
    /// from a server that does not know of the payment yet. If the token has expired, one refusal is enough.
    fn is_dishonored(&self, now_ms: u64) -> bool {
        self.refusals > u64::from(!self.has_expired(now_ms))
    }
}

/// The tokens that were bought for a method and path after the last accepted one, in the order of purchase.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Unaccepted(Vec<Bought>);

impl Unaccepted {
    /// Whether there is no such token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a token that was just bought.
    pub fn bought(&mut self, payment_hash: &PaymentHash, expires_at: Option<u64>) {
        if self.0.iter().any(|known| known.payment_hash == *payment_hash) {
            return;
        }
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(Bought { payment_hash: *payment_hash, expires_at, refusals: 0 });
    }

    /// Notes that a token was accepted. It and all older ones are forgotten. Returns whether it was one of these.
    pub fn accepted(&mut self, payment_hash: &PaymentHash) -> bool {
        match self.0.iter().position(|known| known.payment_hash == *payment_hash) {
            Some(at) => {
                self.0.drain(..=at);
                true
            }
            None => false,
        }
    }

    /// Notes that a token was refused at this method and path. Returns whether it is one of these.
    pub fn refused(&mut self, payment_hash: &PaymentHash) -> bool {
        let known = self.0.iter_mut().find(|known| known.payment_hash == *payment_hash);
        if let Some(known) = known {
            known.refusals = known.refusals.saturating_add(1);
            return true;
        }
        false
    }

    /// Notes that the one use of a token was lost. It counts as one that opened nothing, and not more once it expires.
    /// Returns whether it is one of these.
    pub fn spent(&mut self, payment_hash: &PaymentHash) -> bool {
        let known = self.0.iter_mut().find(|known| known.payment_hash == *payment_hash);
        known.map(|known| (known.refusals, known.expires_at) = (1, None)).is_some()
    }

    /// Notes that a token was refused by its own resource, which has never accepted it.
    pub(crate) fn never_accepted(&mut self, token: &Token) {
        let hash = &token.payment.payment_hash;
        self.bought(hash, token.expires_at());
        self.refused(hash);
        if let Some(known) = self.0.iter_mut().find(|known| known.payment_hash == *hash) {
            known.refusals = known.refusals.max(token.own_refusals);
        }
    }

    /// Takes over what the store has. Refusals that this instance has seen count also before they are written.
    pub fn learn(&mut self, mut stored: Self) {
        for bought in &mut stored.0 {
            if let Some(own) = self.0.iter().find(|own| own.payment_hash == bought.payment_hash) {
                bought.refusals = bought.refusals.max(own.refusals);
                bought.expires_at = bought.expires_at.and(own.expires_at);
            }
        }
        *self = stored;
    }

    /// Leaves out the tokens of these payments, which are being shown for the first time: their answers may take long.
    pub(crate) fn without(&self, on_trial: &[PaymentHash]) -> Self {
        let mut rest = self.clone();
        rest.0.retain(|known| known.refusals > 0 || !on_trial.contains(&known.payment_hash));
        rest
    }

    /// The payment hash of a token that was never honoured. If there is one, nothing more is bought here. It was
    /// refused often enough, or it is the last of two or more tokens that opened nothing.
    #[must_use]
    pub fn dishonored(&self, now_ms: u64) -> Option<&PaymentHash> {
        let single = self.0.iter().rfind(|bought| bought.is_dishonored(now_ms));
        let mut over = self.0.iter().filter(|bought| bought.is_over(now_ms));
        let second = over.next().and(over.next_back());
        single.or(second).map(|bought| &bought.payment_hash)
    }
}

impl Row for Unaccepted {
    fn members(&mut self, row: &mut Members<'_>) {
        row.list("unaccepted", &mut self.0);
    }
}

impl Row for Bought {
    fn members(&mut self, row: &mut Members<'_>) {
        self.payment_hash.member(row);
        row.optional_number("expiresAt", &mut self.expires_at);
        row.number("refusals", &mut self.refusals);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::shelf;

    const NOW: u64 = 1_800_000_000_000;
    const LATER: u64 = NOW / 1000 + 10;

    fn hash(number: u8) -> PaymentHash {
        [number; 32].into()
    }

    #[test]
    fn two_refusals_or_two_purchases_that_opened_nothing_forbid_buying() {
        let (a, b) = (&hash(1), &hash(2));
        let mut path = Unaccepted::default();
        path.bought(a, Some(LATER));
        assert_eq!(path.dishonored(NOW), None);
        assert!(path.refused(a) && !path.refused(b));
        assert_eq!(path.dishonored(NOW), None, "the server may not know of the payment yet");
        assert_eq!(path.dishonored(NOW + 10_000), Some(a), "it has expired before its second try");
        path.bought(b, None);
        assert_eq!(path.dishonored(NOW), None);
        path.refused(b);
        assert_eq!(path.dishonored(NOW), Some(b), "two in a row");
        assert!(path.accepted(a) && !path.accepted(a));
        assert_eq!(path.dishonored(NOW), None);
        path.refused(b);
        assert_eq!(path.dishonored(NOW), Some(b), "refused twice");
        assert!(path.accepted(b) && path.is_empty());
    }

    #[test]
    fn a_token_that_others_have_bought_counts_with_its_own_refusals() {
        let mut refused = shelf::token(1, shelf::URL);
        let mut path = Unaccepted::default();
        refused.own_refusals = 1;
        path.never_accepted(&refused);
        assert_eq!(path.dishonored(NOW), None);
        path.never_accepted(&refused);
        assert_eq!(path.dishonored(NOW), Some(&shelf::hash(1)));
        refused.own_refusals = 2;
        let mut path = Unaccepted::default();
        path.never_accepted(&refused);
        assert_eq!(path.dishonored(NOW), Some(&shelf::hash(1)), "others have seen the first refusal");
    }

    #[test]
    fn refusals_that_are_not_written_yet_count() {
        let (a, b) = (&hash(1), &hash(2));
        let mut stored = Unaccepted::default();
        stored.bought(a, None);
        let mut own = stored.clone();
        own.bought(b, None);
        assert!(own.refused(a) && own.refused(b));
        own.learn(stored.clone());
        assert!(own.refused(a) && !own.refused(b), "what others have dropped is dropped");
        assert_eq!(own.dishonored(NOW), Some(a));
        assert!(stored.refused(a) && stored.refused(a) && stored.refused(a));
        own.learn(stored.clone());
        assert_eq!(own, stored);
    }

    #[test]
    fn only_the_newest_are_kept() {
        let mut path = Unaccepted::default();
        (0..9).for_each(|number| path.bought(&hash(number), None));
        assert!(!path.refused(&hash(4)) && path.refused(&hash(5)) && path.refused(&hash(8)));
        assert_eq!(path.dishonored(NOW), Some(&hash(8)));
        path.bought(&hash(8), None);
        assert!(path.accepted(&hash(8)) && path.is_empty());
    }
}
