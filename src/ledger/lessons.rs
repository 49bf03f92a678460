//! What the tokens of an origin are good for: for one resource or many, for one use or many. The answers of the server
//! show it.

/// A token that is refused after its first use may have been revoked. Two in a row mean that tokens are good for one
/// use.
const SINGLE_USE: u64 = 2;
/// This many tokens are then used only once. The next one is tried again, since each token that is not used again costs
/// a payment. The server may have changed, or its answers were misread.
const NOT_SENT_AGAIN: u64 = 10;

/// What an answer to a token shows of its origin.
#[derive(Clone, Copy)]
pub enum Lesson {
    /// It opened a resource that it was not bought for. The resource had asked for money without it.
    Opened,
    /// A resource that it was not bought for accepted it. A free resource does that too.
    SeemsToOpen,
    /// A resource that it was not bought for refused it.
    Refused,
    /// It was accepted for the first time.
    Taken,
    /// It was accepted again.
    TakenAgain,
    /// Its own resource had accepted it once, and refused it.
    UsedUp,
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
    /// The same for charges, which a server may sell for one use beside tokens for many.
    pub charges_used_up: u64,
    /// How often something was bought here that is bound to one body, as far as that counts: 0 or 1.
    pub bound: u64,
}

impl Lessons {
    /// Whether tokens of this origin open other resources than those that they were bought for.
    #[must_use]
    pub fn is_shared(self) -> bool {
        // If another resource has refused a token, a resource that accepted one without asking for money may be free.
        self.opened || (self.seems_to_open && !self.refused)
    }

    /// Whether tokens of this origin are good for one use, or its charges.
    #[must_use]
    pub fn is_single_use(self, is_charge: bool) -> bool {
        self.used_up(is_charge) >= SINGLE_USE
    }

    /// How many tokens in a row were good for one use, or charges.
    #[must_use]
    pub fn used_up(self, is_charge: bool) -> u64 {
        if is_charge {
            self.charges_used_up
        } else {
            self.used_up
        }
    }

    /// Learns from an answer to a token, or to a charge.
    pub fn learn(&mut self, lesson: Lesson, is_charge: bool) {
        let used_up = if is_charge { &mut self.charges_used_up } else { &mut self.used_up };
        match lesson {
            Lesson::Opened => self.opened = true,
            Lesson::SeemsToOpen => self.seems_to_open = true,
            Lesson::Refused => self.refused = true,
            Lesson::Taken if *used_up >= SINGLE_USE => *used_up = used_up.saturating_sub(1),
            Lesson::Taken => {}
            Lesson::TakenAgain => *used_up = 0,
            Lesson::UsedUp if *used_up == 0 => *used_up = 1,
            Lesson::UsedUp => *used_up = SINGLE_USE.saturating_add(NOT_SENT_AGAIN),
        }
    }

    /// Adds what `own` has learnt. The counts are taken from `own`, which is newer.
    #[must_use]
    pub fn and(self, own: Self) -> Self {
        Self {
            opened: self.opened | own.opened,
            seems_to_open: self.seems_to_open | own.seems_to_open,
            refused: self.refused | own.refused,
            used_up: own.used_up,
            charges_used_up: own.charges_used_up,
            bound: self.bound | own.bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(lessons: &[Lesson]) -> Lessons {
        let mut known = Lessons::default();
        lessons.iter().for_each(|lesson| known.learn(*lesson, false));
        known
    }

    #[test]
    fn shared_is_what_was_seen_to_open_more_than_its_own() {
        use Lesson::{Opened, Refused, SeemsToOpen, Taken};
        let table: [(&[Lesson], bool); 6] = [
            (&[], false),
            (&[Taken], false),
            (&[SeemsToOpen], true),
            (&[SeemsToOpen, Refused], false),
            (&[Refused, Opened], true),
            (&[Refused], false),
        ];
        for (number, (lessons, expected)) in table.iter().enumerate() {
            assert_eq!(after(lessons).is_shared(), *expected, "{number}");
        }
    }

    #[test]
    fn that_tokens_are_good_once_is_believed_for_so_many_tokens() {
        for is_charge in [false, true] {
            let mut known = Lessons::default();
            for lesson in [Lesson::Taken, Lesson::UsedUp, Lesson::Taken] {
                known.learn(lesson, is_charge);
            }
            let is_doubtful = |known: Lessons| known.used_up(is_charge) > 0 && !known.is_single_use(is_charge);
            assert!(is_doubtful(known), "it may have been revoked");
            for _ in 0..2 {
                known.learn(Lesson::UsedUp, is_charge);
                for _ in 0..=NOT_SENT_AGAIN {
                    assert!(known.is_single_use(is_charge) && !known.is_single_use(!is_charge));
                    known.learn(Lesson::Taken, is_charge);
                }
                assert!(is_doubtful(known), "the next one is sent again");
            }
            known.learn(Lesson::TakenAgain, is_charge);
            assert_eq!(known, Lessons::default());
        }
        assert!(!after(&[Lesson::UsedUp, Lesson::TakenAgain, Lesson::UsedUp]).is_single_use(false), "two in a row");
    }

    #[test]
    fn what_others_have_learnt_is_added_to_ones_own() {
        let (stored, own) = (after(&[Lesson::Opened, Lesson::UsedUp]), after(&[Lesson::Refused]));
        let both = stored.and(own);
        assert!(both.opened && both.refused && !both.seems_to_open);
        assert_eq!(both.used_up, 0);
    }
}
