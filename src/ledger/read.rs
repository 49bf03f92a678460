//! The steps that only read: what is open, what was paid, what was spent.

use crate::error::{Code, Error};
use crate::ledger::key;
use crate::ledger::lease::{lease_of, Lease};
use crate::ledger::lock::Lock;
use crate::ledger::payment::{Payment, State};
use crate::ledger::record::{scope_paths, Record};
use crate::ledger::view::{Listing, View};
use crate::text::json::Json;
use crate::text::members::Members;
use crate::wire::payment_hash::PaymentHash;
use std::rc::Rc;

/// Rows of an index that are read at once.
const PAGE: usize = 100;

/// A payment, and the lease of whoever stands behind it.
pub type Leased = (Rc<Record>, Option<Lease>);

/// A payment, and the lease of whoever stands behind it.
pub fn payment(view: &mut View, payment_hash: &PaymentHash) -> Option<Leased> {
    let record: Rc<Record> = Rc::new(view.find(&key::payment(payment_hash))?);
    let lease = lease_of(view, &record.owner);
    Some((record, lease))
}

/// Open payments that were handed to a wallet, up to a number.
pub(crate) fn open(view: &mut View, most: usize) -> Vec<Record> {
    let keys = view.list(Listing { prefix: key::OPEN.to_owned(), after: None, limit: most, reverse: false });
    let mut open = Vec::new();
    for key in &*keys {
        let Some(lock) = view.find::<Lock>(key) else { continue };
        let Some(record) = view.find::<Record>(&key::payment(&lock.payment_hash)) else { continue };
        if record.is_unsettled() && !record.is_reserved {
            open.push(record);
        }
    }
    open
}

/// Which payments are told, newest first.
#[derive(Clone, Default)]
pub struct Filter {
    /// Of this origin.
    pub origin: Option<String>,
    /// Of the scope with these names, outermost first, and of those within it. Empty: of all.
    pub scopes: Vec<String>,
    /// In this state.
    pub state: Option<State>,
    /// Begun at this time or later, in Unix seconds.
    pub since: Option<u64>,
    /// Older than this payment.
    pub before: Option<PaymentHash>,
    /// At most so many.
    pub limit: usize,
}

impl Filter {
    /// Reads the JSON text that `options.ts` makes: every member may be absent, but `limit`.
    ///
    /// # Errors
    /// [`Code::InvalidOptions`] where the text is no filter.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let json = Json::parse(text).unwrap_or(Json::Null);
        let mut row = Members::read(&json);
        let (mut filter, mut state, mut before, mut limit) = (Self::default(), None, None, 0);
        row.optional_text("origin", &mut filter.origin);
        row.words("scopes", &mut filter.scopes);
        row.one_of("state", &mut state, &State::ALL.map(State::name));
        filter.state = state.and_then(|at| State::ALL.get(at).copied());
        row.optional_number("since", &mut filter.since);
        row.optional_text("before", &mut before);
        row.number("limit", &mut limit);
        filter.limit = row.expect(usize::try_from(limit).ok());
        if row.is_damaged() {
            return Err(Error::new(Code::InvalidOptions, "the filter has a member of the wrong type"));
        }
        if let Some(hash) = before {
            filter.before = Some(PaymentHash::parse(&hash)?);
        }
        Ok(filter)
    }
}

/// A page of payments, newest first, and the key that the next page begins after. `None` there: it was the last page.
pub type Page = (Vec<Payment>, Option<String>);

/// The next page of payments. It reads so many rows and no more, so it may hold few that are asked for, or none. `None`
/// where the one that they are to be older than is not known.
pub fn payments(view: &mut View, filter: &Filter, after: Option<&String>) -> Option<Page> {
    let prefix = match (scope_paths(&filter.scopes).last(), &filter.origin) {
        (Some(scope), _) => key::by_scope(scope),
        (None, Some(origin)) => key::by_origin(origin),
        (None, None) => key::BY_TIME.to_owned(),
    };
    let mut after = after.cloned();
    if let Some(hash) = filter.before.as_ref().filter(|_| after.is_none()) {
        let record: Record = view.find(&key::payment(hash))?;
        after = Some(key::indexed(&prefix, record.started_at_ms, hash));
    }
    let keys = view.list(Listing { prefix, after, limit: PAGE, reverse: true });
    let mut found = Vec::new();
    for key in &*keys {
        let Some(record) = view.find::<Record>(&key::payment_of(key)) else { continue };
        let payment = &record.payment;
        if filter.since.is_some_and(|since| payment.started_at < since) {
            return Some((found, None));
        }
        let is_asked = filter.state.is_none_or(|state| state == payment.state)
            && filter.origin.as_ref().is_none_or(|origin| *origin == payment.url.origin());
        if is_asked {
            found.push(payment.clone());
        }
        if found.len() >= filter.limit {
            break;
        }
    }
    let next = keys.last().filter(|_| keys.len() == PAGE);
    Some((found, next.cloned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    use super::*;
    use crate::ledger::settle::{settle_unproven, Outcome};
    use crate::ledger::shelf::{hash, Shelf, NOW, URL};

    fn told(shelf: &Shelf, filter: &Filter) -> Vec<PaymentHash> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = shelf.take(|view| payments(view, filter, after.as_ref())).unwrap().unwrap();
            found.extend(page.into_iter().map(|payment| payment.payment_hash));
            after = next.filter(|_| found.len() < filter.limit);
            if after.is_none() {
                found.truncate(filter.limit);
                return found;
            }
        }
    }

    fn hashes(numbers: impl IntoIterator<Item = u64>) -> Vec<PaymentHash> {
        numbers.into_iter().map(hash).collect()
    }

    #[test]
    fn pages_of_payments_meet_without_a_gap_at_a_hundred() {
        let shelf = Shelf::default();
        for number in 1..=250 {
            shelf.begin(number, &format!("https://a.example/{number}"), &[]);
        }
        for limit in [1, 100, 101, 200, 250, 300] {
            assert_eq!(
                told(&shelf, &Filter { limit, ..Filter::default() }),
                hashes((251 - limit.min(250) as u64..=250).rev())
            );
        }
        for before in [1, 2, 101, 150, 151, 250] {
            let filter = Filter { limit: 300, before: Some(hash(before)), ..Filter::default() };
            assert_eq!(told(&shelf, &filter), hashes((1..before).rev()), "{before}");
        }
        let unknown = Filter { limit: 5, before: Some(hash(999)), ..Filter::default() };
        assert!(shelf.take(|view| payments(view, &unknown, None)).unwrap().is_none());
    }

    #[test]
    fn a_scope_tells_of_its_own_and_of_all_within_it() {
        let shelf = Shelf::default();
        let scopes = [vec![], vec!["a".to_owned()], vec!["a".to_owned(), "b".to_owned()], vec!["ab".to_owned()]];
        for (number, scopes) in (1..).zip(&scopes) {
            shelf.begin(number, &format!("https://a.example/{number}"), scopes);
        }
        let of = |names: &[String]| told(&shelf, &Filter { scopes: names.to_vec(), limit: 9, ..Filter::default() });
        assert_eq!(of(&scopes[0]), hashes([4, 3, 2, 1]));
        assert_eq!(of(&scopes[1]), hashes([3, 2]));
        assert_eq!(of(&scopes[2]), hashes([3]));
        assert_eq!(of(&scopes[3]), hashes([4]), "a name can't be mistaken for two");
        let elsewhere = Filter {
            scopes: scopes[1].clone(),
            origin: Some("https://b.example".into()),
            limit: 9,
            ..Filter::default()
        };
        assert!(told(&shelf, &elsewhere).is_empty());
    }

    #[test]
    fn an_index_whose_payment_is_lost_is_passed_over() {
        let shelf = Shelf::default();
        for number in 1..=3 {
            shelf.begin(number, &format!("https://a.example/{number}"), &[]);
        }
        shelf.rows.borrow_mut().remove(&key::payment(&hash(2)));
        assert_eq!(told(&shelf, &Filter { limit: 9, ..Filter::default() }), hashes([3, 1]));
    }

    #[test]
    fn open_is_what_was_handed_to_a_wallet_and_is_not_settled() {
        let shelf = Shelf::default();
        let first = shelf.begin(1, URL, &[]);
        shelf.begin(2, "https://b.example/", &[]);
        let open_hashes = |most| {
            let mut found: Vec<_> = shelf.take(|view| open(view, most)).unwrap();
            found.sort_by_key(|record| record.started_at_ms);
            found.into_iter().map(|record| record.payment.payment_hash).collect::<Vec<_>>()
        };
        assert_eq!(open_hashes(9), hashes([1, 2]));
        assert_eq!(open_hashes(1).len(), 1);
        shelf.take(|view| settle_unproven(view, &first, Outcome::Unknown, NOW)).unwrap();
        assert_eq!(open_hashes(9).len(), 2);
        shelf.take(|view| settle_unproven(view, &first, Outcome::Failed, NOW)).unwrap();
        assert_eq!(open_hashes(9), hashes([2]));
        let (record, lease) = shelf.take(|view| payment(view, &hash(2))).unwrap().unwrap();
        assert!(!record.is_reserved && lease.is_some());
        assert!(shelf.take(|view| payment(view, &hash(9))).unwrap().is_none());
    }
}
