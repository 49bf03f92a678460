//! The steps that only read: what is open, what was paid, what was spent.

use crate::ledger::counts::{Counts, Levels};
use crate::ledger::key;
use crate::ledger::limits::{Remaining, Spent};
use crate::ledger::origin_row::OriginRow;
use crate::ledger::payment::{Payment, State};
use crate::ledger::record::Record;
use crate::ledger::sums::Sums;
use crate::ledger::view::{Listing, Stop, View};
use std::rc::Rc;

/// Rows of an index that are read at once.
const PAGE: usize = 100;

/// A payment, and the row of the lease of whoever stands behind it.
pub(crate) type Leased = (Record, Option<Rc<str>>);

/// A payment, and the lease of whoever stands behind it.
///
/// # Errors
/// [`Stop::Unread`], [`crate::Code::StoreFailed`]
pub(crate) fn payment(view: &mut View, payment_hash: &str) -> Result<Option<Leased>, Stop> {
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
        hashes.push(crate::ledger::view::parse(&text, |row| row.text("paymentHash"))?);
    }
    let keys: Vec<String> = hashes.iter().map(|hash| key::payment(hash)).collect();
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
    pub before: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// Payments, newest first. `None` where the one that they are to be older than is not known.
///
/// # Errors
/// [`Stop::Unread`], [`crate::Code::StoreFailed`]
pub(crate) fn payments(view: &mut View, filter: &Filter) -> Result<Option<Vec<Payment>>, Stop> {
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
        let keys: Vec<String> = page.iter().map(|(key, _)| key::payment(key::hash_of(key))).collect();
        view.need(keys.iter().map(String::as_str))?;
        for key in keys {
            let Some(record) = view.read(&key, Record::read)? else { continue };
            let payment = record.payment;
            if filter.since.is_some_and(|since| payment.started_at < since) {
                return Ok(Some(found));
            }
            let is_asked = filter.state.is_none_or(|state| state == payment.state)
                && filter.origin.as_ref().is_none_or(|origin| *origin == payment.origin);
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
pub(crate) fn spent(view: &mut View, origin: Option<&str>, now_ms: u64) -> Result<Spent, Stop> {
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
