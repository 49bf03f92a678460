//! The step that drops tokens, and what is known of refused ones.

use crate::ledger::key;
use crate::ledger::lessons::Lessons;
use crate::ledger::origin_row::OriginRow;
use crate::ledger::session;
use crate::ledger::view::{Listing, View};
use std::rc::Rc;

/// Rows that are dropped at once.
const PAGE: usize = 100;

/// Drops a page of the tokens of an origin, or of all. Without an origin also what a page of origins, those after
/// `after`, knows of its tokens. Returns after which origin the next step goes on; `None` after the last one.
pub fn forget(view: &mut View, origin: Option<&str>, after: Option<&str>) -> Option<String> {
    let is_more = forget_page(view, key::tokens_of(origin)) | forget_page(view, key::paths_of(origin));
    match origin {
        Some(origin) => session::forget(view, &key::session(origin)),
        // Origins with sessions are few.
        None => forget_deposits(view),
    }
    let keys = match origin {
        Some(origin) => Rc::new(vec![key::origin(origin)]),
        None if is_more => Rc::default(),
        None => page(view, key::ORIGINS.to_owned(), after.filter(|after| !after.is_empty())),
    };
    keys.iter().for_each(|key| forget_origin(view, key));
    match keys.last() {
        _ if is_more => Some(String::new()),
        Some(last) if keys.len() == PAGE => Some(last.clone()),
        _ => None,
    }
}

fn forget_page(view: &mut View, prefix: String) -> bool {
    let keys = page(view, prefix, None);
    view.delete(&keys);
    keys.len() == PAGE
}

fn page(view: &mut View, prefix: String, after: Option<&str>) -> Rc<Vec<String>> {
    view.list(Listing { prefix, after: after.map(str::to_owned), limit: PAGE, reverse: false })
}

fn forget_deposits(view: &mut View) {
    let mut after = None;
    loop {
        let keys = page(view, key::SESSIONS.to_owned(), after.as_deref());
        keys.iter().for_each(|key| session::forget(view, key));
        after = keys.last().filter(|_| keys.len() == PAGE).cloned();
        if after.is_none() {
            return;
        }
    }
}

fn forget_origin(view: &mut View, key: &str) {
    let mut origin: OriginRow = view.read(key);
    // What is unsettled stands in the way of its body all the same.
    let lessons = Lessons { bound: origin.lessons.bound, ..Lessons::default() };
    if !origin.tokens.is_empty() || origin.lessons != lessons {
        (origin.tokens, origin.lessons) = (Vec::new(), lessons);
        view.put(key, &mut origin);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]
    use super::*;
    use crate::ledger::certainty::Proof;
    use crate::ledger::limits::Spent;
    use crate::ledger::settle::settle_paid;
    use crate::ledger::shelf::{spent, Shelf, NOW};

    /// So many tokens at each of two origins.
    fn stocked(count: u64) -> Shelf {
        let shelf = Shelf::default();
        for number in 0..count * 2 {
            let origin = if number % 2 == 0 { "https://a.example" } else { "https://b.example" };
            let record = shelf.begin(number, &format!("{origin}/{number}"), &[]);
            let proof = Proof { preimage: Some("ab".repeat(32)), fee_msat: None };
            shelf.take(|view| settle_paid(view, &record, &proof, NOW)).unwrap();
        }
        shelf
    }

    fn until_done(shelf: &Shelf, origin: Option<&str>) -> usize {
        let mut after = None;
        (1..)
            .find(|_| {
                after = shelf.take(|view| forget(view, origin, after.as_deref())).unwrap();
                after.is_none()
            })
            .unwrap()
    }

    fn total(shelf: &Shelf) -> Spent {
        shelf.take(|view| spent(view, None, NOW)).unwrap()
    }

    #[test]
    fn one_origins_tokens_go_in_pages_and_its_sums_stay() {
        for (count, pages) in [(0, 1), (1, 1), (99, 1), (100, 2), (101, 2), (230, 3)] {
            let shelf = stocked(count);
            let before = (total(&shelf), shelf.keys("payment/").len());
            assert_eq!(until_done(&shelf, Some("https://a.example")), pages, "{count}");
            assert_eq!(["token/https://a", "path/https://a"].map(|prefix| shelf.keys(prefix).len()), [0, 0]);
            assert_eq!(shelf.keys("token/https://b").len(), usize::try_from(count).unwrap());
            assert_eq!((total(&shelf), shelf.keys("payment/").len()), before);
            if count > 0 {
                assert!(!shelf.row("origin/https://a").contains("paymentHash"));
                assert!(shelf.row("origin/https://b").contains("paymentHash"));
            }
        }
    }

    #[test]
    fn all_tokens_go_and_every_payment_and_sum_stays() {
        let shelf = stocked(120);
        let before = (total(&shelf), shelf.keys("payment/"), shelf.keys("time/"));
        assert_eq!(until_done(&shelf, None), 3);
        assert_eq!(["token/", "path/"].map(|prefix| shelf.keys(prefix).len()), [0, 0]);
        assert_eq!((total(&shelf), shelf.keys("payment/"), shelf.keys("time/")), before);
        let writes = shelf.writes.get();
        until_done(&shelf, None);
        assert_eq!(shelf.writes.get(), writes, "what is forgotten is not written again");
    }

    #[test]
    fn origins_beyond_a_page_are_forgotten_too() {
        let shelf = Shelf::default();
        for number in 0..130 {
            let record = shelf.begin(number, &format!("https://shop{number}.example/"), &[]);
            let proof = Proof { preimage: None, fee_msat: None };
            shelf.take(|view| settle_paid(view, &record, &proof, NOW)).unwrap();
        }
        // While there are tokens, no origin is looked at.
        assert_eq!(shelf.take(|view| forget(view, None, None)).unwrap().as_deref(), Some(""));
        let holds = |shelf: &Shelf| shelf.rows.borrow().iter().filter(|(_, row)| row.contains("\"tokens\":[{")).count();
        assert_eq!(holds(&shelf), 130 + 30);
        until_done(&shelf, None);
        let rows = shelf.rows.borrow();
        let origins = rows.iter().filter(|(key, _)| key.starts_with("origin/"));
        assert!(origins.clone().count() == 130 && origins.clone().all(|(_, row)| !row.contains("paymentHash")));
    }
}
