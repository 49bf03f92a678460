//! What the tokens of an origin are good for: for one resource or many, for one use or many. The answers of the server
//! show it. This is kept in memory only.

use crate::ledger::origin_row::Lessons;
use crate::text::map::Map;
use std::cell::RefCell;

/// A token that is refused after its first use may have been revoked. Two in a row mean that tokens are good for one
/// use.
const SINGLE_USE: u64 = 2;
/// This many tokens are then used only once. The next one is tried again, since each token that is not used again costs
/// a payment. The server may have changed, or its answers were misread.
const NOT_SENT_AGAIN: u64 = 10;

/// What an answer to a token shows of its origin.
#[derive(Clone, Copy)]
pub(crate) enum Lesson {
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

/// Every origin of which something was learnt.
#[derive(Default)]
pub(crate) struct Origins(RefCell<Map<String, Lessons>>);

impl Origins {
    pub(crate) fn learn(&self, origin: &str, lesson: Lesson) {
        self.0.borrow_mut().change(origin.to_owned(), |known| match lesson {
            Lesson::Opened => known.opened = true,
            Lesson::SeemsToOpen => known.seems_to_open = true,
            Lesson::Refused => known.refused = true,
            Lesson::Taken if known.used_up >= SINGLE_USE => known.used_up = known.used_up.saturating_sub(1),
            Lesson::Taken => {}
            Lesson::TakenAgain => known.used_up = 0,
            Lesson::UsedUp if known.used_up == 0 => known.used_up = 1,
            Lesson::UsedUp => known.used_up = SINGLE_USE.saturating_add(NOT_SENT_AGAIN),
        });
    }

    /// What was learnt of an origin.
    pub(crate) fn lessons(&self, origin: &str) -> Lessons {
        self.0.borrow().get(origin).copied().unwrap_or_default()
    }

    /// Takes over what others have learnt, where this instance knows nothing of an origin yet.
    pub(crate) fn take_over(&self, origin: &str, stored: Lessons) {
        let mut all = self.0.borrow_mut();
        let known = all.get(origin).map_or(stored, |own| stored.and(*own));
        all.insert(origin.to_owned(), known);
    }

    /// Whether a token of this origin has opened a resource that it was not bought for.
    pub(crate) fn is_shared(&self, origin: &str) -> bool {
        self.lessons(origin).is_shared()
    }

    /// Whether a token of this origin was refused by a resource that it was not bought for.
    pub(crate) fn is_unshared(&self, origin: &str) -> bool {
        self.lessons(origin).refused
    }

    /// Whether tokens of this origin are good for one use.
    pub(crate) fn is_single_use(&self, origin: &str) -> bool {
        self.lessons(origin).used_up >= SINGLE_USE
    }

    /// Whether the last token that was sent again may have been good for one use.
    pub(crate) fn may_be_single_use(&self, origin: &str) -> bool {
        self.lessons(origin).used_up > 0
    }

    /// Drops one origin, or all.
    pub(crate) fn forget(&self, origin: Option<&str>) {
        self.0.borrow_mut().retain(|known, _| origin.is_some_and(|origin| origin != known));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "https://a.example";

    fn after(lessons: &[Lesson]) -> Origins {
        let origins = Origins::default();
        lessons.iter().for_each(|lesson| origins.learn(HERE, *lesson));
        origins
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
            assert_eq!(after(lessons).is_shared(HERE), *expected, "{number}");
            assert!(!after(lessons).is_shared("https://b.example"));
        }
    }

    #[test]
    fn that_tokens_are_good_once_is_believed_for_so_many_tokens() {
        let origins = after(&[Lesson::Taken, Lesson::UsedUp, Lesson::Taken]);
        assert!(origins.may_be_single_use(HERE) && !origins.is_single_use(HERE), "it may have been revoked");
        for _ in 0..2 {
            origins.learn(HERE, Lesson::UsedUp);
            for _ in 0..=NOT_SENT_AGAIN {
                assert!(origins.is_single_use(HERE));
                origins.learn(HERE, Lesson::Taken);
            }
            assert!(origins.may_be_single_use(HERE) && !origins.is_single_use(HERE), "the next one is sent again");
        }
        origins.learn(HERE, Lesson::TakenAgain);
        assert!(!origins.may_be_single_use(HERE));
        assert!(!after(&[Lesson::UsedUp, Lesson::TakenAgain, Lesson::UsedUp]).is_single_use(HERE), "two in a row");
    }

    #[test]
    fn one_origin_is_forgotten_or_all() {
        let origins = after(&[Lesson::Refused, Lesson::Opened]);
        origins.learn("https://b.example", Lesson::Refused);
        origins.forget(Some("https://b.example"));
        assert!(origins.is_shared(HERE) && origins.is_unshared(HERE) && !origins.is_unshared("https://b.example"));
        origins.forget(None);
        assert!(!origins.is_shared(HERE) && !origins.is_unshared(HERE));
    }
}
