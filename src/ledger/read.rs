//! The steps that only read: what is open, what was paid, what was spent.

use crate::error::{Code, Error};
use crate::ledger::counts::{Counts, Levels};
use crate::ledger::key;
use crate::ledger::limits::{Remaining, Spent};
use crate::ledger::origin_row::OriginRow;
use crate::ledger::payment::{Payment, State};
use crate::ledger::record::Record;
use crate::ledger::sums::Sums;
use crate::ledger::view::{Listing, Stop, View};
use crate::text::json::Json;
use crate::text::json_fields::Fields;
use crate::wire::payment_hash::PaymentHash;
use std::rc::Rc;

/// Rows of an index that are read at once.
const PAGE: usize = 100;

/// A payment, and the row of the lease of whoever stands behind it.
pub type Leased = (Record, Option<Rc<str>>);

/// A payment, and the lease of whoever stands behind it.
///
/// # Errors
/// [`Stop::Unread`], [`crate::Code::StoreFailed`]
pub fn payment(view: &mut View, payment_hash: &PaymentHash) -> Result<Option<Leased>, Stop> {
    let Some(record) = view.read(&key::payment(payment_hash), Record::read)? else { return Ok(None) };
    let lease = view.text(&key::lease(&record.owner))?;
    Ok(Some((record, lease)))
}

/// Open payments that were handed to a wallet, up to a number.
///
/// # Errors
/// [`Stop::Unread`], [`crate::Code::StoreFailed`]
pub(crate) fn open(view: &mut View, most: usize) -> Result<Vec<Record>, Stop> {
    let listing = Listing { prefix: key::OPEN.to_owned(), after: None, limit: most, reverse: false };
    let mut hashes = Vec::new();
    for (_, text) in view.list(&listing)? {
        hashes.push(crate::ledger::view::parse(&text, |row| PaymentHash::read(row))?);
    }
    let keys: Vec<String> = hashes.iter().map(key::payment).collect();
    view.need(keys.iter().map(String::as_str))?;
    let mut open = Vec::new();
    for key in keys {
        open.extend(view.read(&key, Record::read)?.filter(|record| record.is_unsettled() && !record.is_reserved));
    }
    Ok(open)
}

/// Which payments are told, newest first.
#[derive(Clone, Default)]
pub struct Filter {
    /// Of this origin.
    pub origin: Option<String>,
    /// Of the scope with this path of names.
    pub scope: Option<String>,
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
        let invalid = || Error::new(Code::InvalidOptions, "the filter has a member of the wrong type");
        let json = Json::parse(text).map_err(|_| invalid())?;
        let mut fields = Fields::new(&json);
        let state = fields.optional_text("state");
        let known = |name: &String| State::ALL.iter().find(|(_, known)| known == name).map(|(state, _)| *state);
        let filter = Self {
            origin: fields.optional_text("origin"),
            scope: fields.optional_words("scope"),
            state: state.as_ref().map(|name| known(name).ok_or_else(invalid)).transpose()?,
            since: fields.optional_number("since"),
            before: fields.optional_text("before").map(|hash| PaymentHash::parse(&hash)).transpose()?,
            limit: usize::try_from(fields.number("limit")).map_err(|_| invalid())?,
        };
        if fields.is_damaged() {
            return Err(invalid());
        }
        Ok(filter)
    }
}

/// Payments, newest first. `None` where the one that they are to be older than is not known.
///
/// # Errors
/// [`Stop::Unread`], [`crate::Code::StoreFailed`]
pub fn payments(view: &mut View, filter: &Filter) -> Result<Option<Vec<Payment>>, Stop> {
    let prefix = match (&filter.scope, &filter.origin) {
        (Some(scope), _) => key::by_scope(scope),
        (None, Some(origin)) => key::by_origin(origin),
        (None, None) => key::BY_TIME.to_owned(),
    };
    let mut after = match &filter.before {
        Some(hash) => match view.read(&key::payment(hash), Record::read)? {
            Some(record) => Some(key::indexed(&prefix, record.started_at_ms, hash)),
            None => return Ok(None),
        },
        None => None,
    };
    let mut found = Vec::new();
    loop {
        let listing = Listing { prefix: prefix.clone(), after: after.take(), limit: PAGE, reverse: true };
        let page = view.list(&listing)?;
        let keys: Vec<String> = page.iter().filter_map(|(key, _)| Some(key::payment(&key::hash_of(key)?))).collect();
        view.need(keys.iter().map(String::as_str))?;
        for key in keys {
            let Some(record) = view.read(&key, Record::read)? else { continue };
            let payment = record.payment;
            if filter.since.is_some_and(|since| payment.started_at < since) {
                return Ok(Some(found));
            }
            let is_asked = filter.state.is_none_or(|state| state == payment.state)
                && filter.origin.as_ref().is_none_or(|origin| *origin == payment.url.origin());
            if is_asked {
                found.push(payment);
            }
            if found.len() >= filter.limit {
                return Ok(Some(found));
            }
        }
        if page.len() < PAGE {
            return Ok(Some(found));
        }
        after = page.last().map(|(key, _)| key.clone());
    }
}

/// What was spent, at one origin or all.
///
/// # Errors
/// [`Stop::Unread`], [`crate::Code::StoreFailed`]
pub fn spent(view: &mut View, origin: Option<&str>, now_ms: u64) -> Result<Spent, Stop> {
    let sums = match origin {
        Some(origin) => view.read(&key::origin(origin), OriginRow::read)?.map(|row| row.sums),
        None => view.read(key::SUMS, Sums::read)?,
    };
    Ok(sums.unwrap_or_default().spent(now_ms))
}

/// What may still be spent at an origin, beside what is counted of a reservation of one's own.
///
/// # Errors
/// [`Stop::Unread`], [`crate::Code::StoreFailed`]
pub(crate) fn remaining(
    view: &mut View,
    origin: &str,
    scopes: &[String],
    levels: Levels<'_>,
    own: Option<&Record>,
    now_ms: u64,
) -> Result<Remaining, Stop> {
    let mut counts = Counts::read(view, origin, scopes)?;
    counts.change(own, None, 0, now_ms);
    let each = levels.iter().zip(counts.counted(now_ms)).map(|(limits, counted)| limits.remaining(&counted));
    Ok(each.reduce(Remaining::least).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    use super::*;
    use crate::ledger::limits::Windows;
    use crate::ledger::record::scope_paths;
    use crate::ledger::settle::{settle_unproven, Outcome};
    use crate::ledger::shelf::{hash, Shelf, NOW, ORIGIN, URL};

    fn told(shelf: &Shelf, filter: &Filter) -> Vec<PaymentHash> {
        let found = shelf.take(|view| payments(view, filter)).unwrap().unwrap();
        found.into_iter().map(|payment| payment.payment_hash).collect()
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
        assert!(shelf.take(|view| payments(view, &unknown)).unwrap().is_none());
    }

    #[test]
    fn a_scope_tells_of_its_own_and_of_all_within_it() {
        let shelf = Shelf::default();
        let scopes = [vec![], vec!["a".to_owned()], vec!["a".to_owned(), "b".to_owned()], vec!["ab".to_owned()]];
        for (number, scopes) in (1..).zip(&scopes) {
            shelf.begin(number, &format!("https://a.example/{number}"), scopes);
        }
        let scope = |names: &[String]| scope_paths(names).last().cloned();
        let of = |names: &[String]| told(&shelf, &Filter { scope: scope(names), limit: 9, ..Filter::default() });
        assert_eq!(of(&scopes[0]), hashes([4, 3, 2, 1]));
        assert_eq!(of(&scopes[1]), hashes([3, 2]));
        assert_eq!(of(&scopes[2]), hashes([3]));
        assert_eq!(of(&scopes[3]), hashes([4]), "a name can't be mistaken for two");
        let elsewhere = Filter {
            scope: scope(&scopes[1]),
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

    #[test]
    fn what_remains_is_the_least_of_all_levels_beside_ones_own() {
        let shelf = Shelf::default();
        let scopes = ["a".to_owned()];
        let own = shelf.begin(1, URL, &scopes);
        let level = |total| {
            let all = Windows { total: Some(total), ..Windows::default() };
            crate::ledger::limits::Limits { per_payment: 100_000, all, per_origin: Windows::default() }
        };
        let left = |own: Option<&Record>, levels: &[_]| {
            shelf.take(|view| remaining(view, ORIGIN, &scopes, levels, own, NOW)).unwrap().payment
        };
        for levels in [[level(50_000), level(40_000)], [level(40_000), level(50_000)]] {
            assert_eq!(left(None, &levels), 25_000, "10 and a fee of 5 are counted");
            assert_eq!(left(Some(&own), &levels), 40_000, "beside one's own");
        }
        assert_eq!(shelf.take(|view| spent(view, Some(ORIGIN), NOW)).unwrap().total, 10_000);
        assert_eq!(shelf.take(|view| spent(view, Some("https://b.example"), NOW)).unwrap(), Spent::default());
    }
}
