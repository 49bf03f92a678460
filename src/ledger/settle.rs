//! The steps that end a payment, or note that nobody can tell what became of it.

use crate::ledger::certainty::Proof;
use crate::ledger::counts::{Counts, Levels};
use crate::ledger::dispatch::Dispatch;
use crate::ledger::key;
use crate::ledger::lease::grant;
use crate::ledger::own;
use crate::ledger::payment::State;
use crate::ledger::record::Record;
use crate::ledger::resource::Resource;
use crate::ledger::token::Token;
use crate::ledger::view::{Stop, View};
use crate::wire::payment_hash::PaymentHash;

/// The outcome of an order without a proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Nothing was paid or will be.
    Failed,
    /// Nobody can tell, and the wallet is done with the order.
    Unknown,
    /// Nobody can tell, and the wallet may still be paying. The lease goes on.
    Silent,
}

/// A proven payment.
pub struct Settled {
    /// Its record after this step.
    pub record: Record,
    /// The token that it bought.
    pub token: Token,
    /// Whether this is the first proof.
    pub is_news: bool,
    /// Whether the token is stored. One that was forgotten or replaced since it was proven is for whoever still waits for it.
    pub is_kept: bool,
}

fn find(view: &mut View, payment_hash: &PaymentHash) -> Result<Option<Record>, Stop> {
    view.read(&key::payment(payment_hash), Record::read)
}

/// Writes a changed record, the sums that count it, and the lock of its resource.
fn change(
    view: &mut View,
    before: Option<&Record>,
    after: &Record,
    counts: &mut Counts,
    now_ms: u64,
) -> Result<(), Stop> {
    let open_key = after.open_key();
    let open = view.read(&open_key, PaymentHash::read)?;
    counts.change(before, Some(after), 0, now_ms);
    counts.write(view)?;
    view.put(&key::payment(&after.payment.payment_hash), |row| after.write(row))?;
    if before.is_none() {
        after.indexes().into_iter().for_each(|index| view.mark(index));
    }
    if !after.is_unsettled() && open == Some(after.payment.payment_hash) {
        view.delete(open_key);
    }
    // Its owner is done with the order, so the lease ends.
    view.delete(key::lease(&after.owner));
    Ok(())
}

/// Records a proof and the token that it bought. A proof counts whoever brings it, and however late. `ours` is the
/// record that the caller knows. If the store has lost the row of the payment, it is written again from `ours`.
///
/// # Errors
/// [`Stop::Unread`] if rows are missing, [`crate::Code::StoreFailed`] if one is damaged.
pub fn settle_paid(view: &mut View, ours: &Record, proof: &Proof, now_ms: u64) -> Result<Settled, Stop> {
    let known = find(view, &ours.payment.payment_hash)?;
    let mut record = known.clone().unwrap_or_else(|| ours.clone());
    let was_proven = known.as_ref().is_some_and(|known| known.payment.state == State::Paid);
    let path = record.payment.url.path().to_owned();
    let token_key = key::token(record.payment.url.origin(), &record.method, record.payment.url.as_str());
    let keys = Counts::keys(record.payment.url.origin(), &record.scopes);
    let others = [record.open_key(), key::path(record.payment.url.origin(), &record.method, &path), token_key.clone()];
    view.need(keys.iter().chain(&others).map(String::as_str))?;
    let macaroon = if record.token.is_empty() { ours.token.clone() } else { record.token.clone() };
    record.settle_paid(proof.preimage.clone(), proof.fee_msat, now_ms);
    let bought = Token::new(record.payment.clone(), record.method.clone(), macaroon, record.preimage.clone());
    if was_proven && known.as_ref() == Some(&record) {
        let stored = view.read(&token_key, own::read)?.unwrap_or_default();
        let same = stored.into_iter().find(|token| token.payment.payment_hash == record.payment.payment_hash);
        let is_kept = same.is_some();
        return Ok(Settled { record, token: same.unwrap_or(bought), is_news: false, is_kept });
    }
    let mut counts = Counts::read(view, record.payment.url.origin(), &record.scopes)?;
    if !was_proven {
        own::put(view, &bought, &path, &mut counts.origin)?;
    }
    change(view, known.as_ref(), &record, &mut counts, now_ms)?;
    Ok(Settled { record, token: bought, is_news: !was_proven, is_kept: !was_proven })
}

/// Records what became of an order that has no proof. Settled payments and later orders for the same invoice are not
/// touched. Returns the record after this step, or `None` if there is none.
///
/// # Errors
/// [`Stop::Unread`] if rows are missing, [`crate::Code::StoreFailed`] if one is damaged.
pub fn settle_unproven(view: &mut View, ours: &Record, outcome: Outcome, now_ms: u64) -> Result<Option<Record>, Stop> {
    let Some(known) = find(view, &ours.payment.payment_hash)? else { return Ok(None) };
    if !known.is_unsettled() || known.owner != ours.owner {
        return Ok(Some(known));
    }
    let mut record = known.clone();
    match outcome {
        Outcome::Failed => record.settle_failed(now_ms),
        Outcome::Unknown | Outcome::Silent => {
            record.payment.state = State::Unknown;
            record.dispatch.learn(&ours.dispatch);
        }
    }
    let lease_key = key::lease(&record.owner);
    if outcome == Outcome::Failed {
        let mut counts = Counts::read(view, record.payment.url.origin(), &record.scopes)?;
        change(view, Some(&known), &record, &mut counts, now_ms)?;
    } else if record != known {
        view.put(&key::payment(&record.payment.payment_hash), |row| record.write(row))?;
    }
    if outcome == Outcome::Unknown && view.text(&lease_key)?.is_some() {
        view.delete(lease_key);
    }
    Ok(Some(record))
}

/// Takes back a purchase whose wallet was never asked, as if it had not begun. Its order is taken out of the sums.
///
/// # Errors
/// [`Stop::Unread`], [`crate::Code::StoreFailed`]
pub fn cancel(view: &mut View, payment_hash: &PaymentHash, owner: &str, now_ms: u64) -> Result<(), Stop> {
    let Some(known) = find(view, payment_hash)? else { return Ok(()) };
    if known.owner != owner || !known.is_unsettled() || known.dispatch.repeats > 0 {
        return Ok(());
    }
    let open_key = known.open_key();
    view.need([open_key.as_str()])?;
    let mut counts = Counts::read(view, known.payment.url.origin(), &known.scopes)?;
    counts.change(Some(&known), None, 0, now_ms);
    if !known.is_reserved {
        counts.take_back_order(known.started_at_ms);
        known.indexes().into_iter().for_each(|index| view.delete(index));
    }
    counts.write(view)?;
    for key in [open_key, key::payment(&known.payment.payment_hash), key::lease(&known.owner)] {
        view.delete(key);
    }
    Ok(())
}

/// Takes over an abandoned order, so that its invoice can be handed to the same wallet once more. The sums count it
/// already. `None` if the order has changed, if its lease has not lapsed, or if it exceeds a limit for one payment.
///
/// # Errors
/// [`Stop::Unread`], [`crate::Code::StoreFailed`]
pub fn repeat(
    view: &mut View,
    abandoned: &Record,
    owner: &str,
    levels: Levels<'_>,
    has_lapsed: &dyn Fn(&str, Option<&str>) -> bool,
    lease_ms: u64,
) -> Result<Option<Record>, Stop> {
    let Some(known) = find(view, &abandoned.payment.payment_hash)? else { return Ok(None) };
    if known.owner == owner {
        return Ok(Some(known));
    }
    let most = known.payment.amount_msat.saturating_add(known.max_fee_msat);
    let is_allowed = levels.iter().all(|limits| most <= limits.per_payment);
    let lease_key = key::lease(&known.owner);
    let lease = view.text(&lease_key)?;
    let is_over = has_lapsed(&known.owner, lease.as_deref());
    if !known.is_unsettled() || known.owner != abandoned.owner || !is_allowed || !is_over {
        return Ok(None);
    }
    let mut record = known.clone();
    let Dispatch { wallet_id, repeats, failures, .. } = std::mem::take(&mut record.dispatch);
    record.dispatch = Dispatch { wallet_id, repeats: repeats.saturating_add(1), failures, ..Dispatch::default() };
    record.payment.state = State::Pending;
    owner.clone_into(&mut record.owner);
    view.put(&key::payment(&record.payment.payment_hash), |row| record.write(row))?;
    let open_key = record.open_key();
    view.put(&open_key, |row| {
        record.payment.payment_hash.write(row);
        row.text("owner", Some(owner));
    })?;
    view.delete(lease_key);
    grant(view, &key::lease(owner), lease_ms);
    Ok(Some(record))
}

/// The resource of a record.
#[must_use]
pub fn resource_of(record: &Record) -> Resource<'_> {
    let Record { payment, method, .. } = record;
    Resource { method, url: &payment.url, is_replayable: true }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    use super::*;
    use crate::ledger::limits::{Limits, Spent, Windows};
    use crate::ledger::read::spent;
    use crate::ledger::shelf::{hash, record, Shelf, NOW, ORIGIN, URL};
    use crate::ledger::sums::Sums;

    fn proof(fee_msat: Option<u64>) -> Proof {
        Proof { preimage: Some("ab".repeat(32)), fee_msat }
    }

    fn paid(shelf: &Shelf, ours: &Record, proof: &Proof) -> Settled {
        shelf.take(|view| settle_paid(view, ours, proof, NOW + 5_000)).unwrap()
    }

    fn unproven(shelf: &Shelf, ours: &Record, outcome: Outcome) -> Option<State> {
        let known = shelf.take(|view| settle_unproven(view, ours, outcome, NOW + 5_000)).unwrap();
        known.map(|known| known.payment.state)
    }

    fn total(shelf: &Shelf) -> u64 {
        shelf.take(|view| spent(view, None, NOW)).unwrap().total
    }

    fn counted(shelf: &Shelf) -> u64 {
        let sums = shelf.take(|view| Ok(view.read(key::SUMS, Sums::read)?.unwrap_or_default())).unwrap();
        sums.counted(NOW).total
    }

    fn open(shelf: &Shelf) -> [usize; 3] {
        ["open/", "lease/", "token/"].map(|prefix| shelf.keys(prefix).len())
    }

    #[test]
    fn a_proof_is_recorded_once_and_brings_the_token() {
        let shelf = Shelf::default();
        let ours = shelf.begin(1, URL, &[]);
        let settled = paid(&shelf, &ours, &proof(Some(7)));
        assert!(settled.is_news && settled.is_kept);
        assert_eq!((total(&shelf), counted(&shelf), open(&shelf)), (10_007, 10_007, [0, 0, 1]));
        assert_eq!((settled.record.token.as_str(), settled.record.payment.settled_at), ("", Some(NOW / 1000 + 5)));
        let writes = shelf.writes.get();
        for fee_msat in [None, Some(7)] {
            let again = paid(&shelf, &ours, &proof(fee_msat));
            assert!(!again.is_news && again.is_kept && again.token == settled.token);
        }
        assert_eq!(shelf.writes.get(), writes);
        // A fee that is known later counts from then on, and the token is bought once.
        paid(&shelf, &ours, &proof(Some(9)));
        assert_eq!((total(&shelf), open(&shelf)), (10_009, [0, 0, 1]));
    }

    #[test]
    fn a_proof_wins_over_any_word_however_late() {
        for outcome in [Outcome::Failed, Outcome::Unknown, Outcome::Silent] {
            let shelf = Shelf::default();
            let ours = shelf.begin(1, URL, &[]);
            unproven(&shelf, &ours, outcome);
            let settled = paid(&shelf, &ours, &proof(None));
            assert!(settled.is_news && settled.is_kept);
            assert_eq!(unproven(&shelf, &ours, Outcome::Failed), Some(State::Paid), "{outcome:?}");
            assert_eq!((total(&shelf), counted(&shelf), open(&shelf)), (10_000, 10_000, [0, 0, 1]), "{outcome:?}");
        }
    }

    #[test]
    fn a_proof_of_a_payment_whose_row_is_lost_brings_it_back_with_its_indexes() {
        let shelf = Shelf::default();
        let ours = record(1, URL);
        let settled = paid(&shelf, &ours, &proof(None));
        assert!(settled.is_news);
        assert_eq!((total(&shelf), open(&shelf)), (10_000, [0, 0, 1]));
        assert_eq!(["payment/", "time/", "of/"].map(|prefix| shelf.keys(prefix).len()), [1; 3]);
    }

    #[test]
    fn what_is_left_without_a_proof() {
        for (outcome, state, counts, left) in [
            (Outcome::Failed, State::Failed, 0, [0, 0, 0]),
            (Outcome::Unknown, State::Unknown, 15_000, [1, 0, 0]),
            (Outcome::Silent, State::Unknown, 15_000, [1, 1, 0]),
        ] {
            let shelf = Shelf::default();
            let ours = shelf.begin(1, URL, &[]);
            for _ in 0..2 {
                assert_eq!(unproven(&shelf, &ours, outcome), Some(state));
                assert_eq!((counted(&shelf), open(&shelf)), (counts, left), "{outcome:?}");
            }
        }
        assert_eq!(unproven(&Shelf::default(), &record(1, URL), Outcome::Failed), None, "none is known");
    }

    #[test]
    fn a_word_about_an_earlier_order_does_not_end_a_later_one() {
        let shelf = Shelf::default();
        let first = shelf.begin(1, URL, &[]);
        unproven(&shelf, &first, Outcome::Failed);
        // The same invoice once more, by another purchase.
        let mut earlier = first.clone();
        earlier.owner = "earlier".into();
        let again = shelf.begin(1, URL, &[]);
        assert_eq!((again.dispatch.failures, counted(&shelf)), (1, 15_000));
        assert_eq!(unproven(&shelf, &earlier, Outcome::Failed), Some(State::Pending));
        assert_eq!((counted(&shelf), open(&shelf)), (15_000, [1, 1, 0]));
    }

    #[test]
    fn a_cancelled_purchase_leaves_nothing_in_any_sum_or_index() {
        let shelf = Shelf::default();
        let scopes = ["agent".to_owned(), "task".to_owned()];
        let ours = shelf.begin(1, URL, &scopes);
        assert_eq!(shelf.keys("in/").len(), 2);
        for owner in ["another", ours.owner.as_str(), ours.owner.as_str()] {
            shelf.take(|view| cancel(view, &ours.payment.payment_hash, owner, NOW)).unwrap();
            let is_there = owner == "another";
            assert_eq!(shelf.keys("payment/").len(), usize::from(is_there), "{owner}");
        }
        assert_eq!((counted(&shelf), open(&shelf)), (0, [0; 3]));
        assert_eq!(["time/", "of/", "in/"].map(|prefix| shelf.keys(prefix).len()), [0; 3]);
        for key in ["sums".to_owned(), key::scope("5:agent"), key::scope("5:agent4:task")] {
            let sums = shelf.take(|view| Ok(view.read(&key, Sums::read)?.unwrap())).unwrap();
            assert_eq!((sums.counted(NOW), sums.orders(NOW).day), (Spent::default(), 0), "{key}");
        }
    }

    #[test]
    fn what_is_settled_is_not_cancelled() {
        let shelf = Shelf::default();
        let ours = shelf.begin(1, URL, &[]);
        paid(&shelf, &ours, &proof(None));
        shelf.take(|view| cancel(view, &ours.payment.payment_hash, &ours.owner, NOW)).unwrap();
        assert_eq!((total(&shelf), open(&shelf)), (10_000, [0, 0, 1]));
    }

    fn take_up(shelf: &Shelf, abandoned: &Record, owner: &str, most: u64, has_lapsed: bool) -> Option<Record> {
        let levels = [Limits { per_payment: most, all: Windows::default(), per_origin: Windows::default() }];
        shelf.take(|view| repeat(view, abandoned, owner, &levels, &|_, _| has_lapsed, 150_000)).unwrap()
    }

    #[test]
    fn an_abandoned_order_is_taken_up_by_one_and_counts_once() {
        let shelf = Shelf::default();
        let ours = shelf.begin(1, URL, &[]);
        assert!(take_up(&shelf, &ours, "2", 14_999, true).is_none(), "more than one payment may cost");
        assert!(take_up(&shelf, &ours, "2", 15_000, false).is_none(), "its owner lives");
        let second = take_up(&shelf, &ours, "2", 15_000, true).unwrap();
        assert_eq!((second.owner.as_str(), second.dispatch.repeats), ("2", 1));
        assert!(take_up(&shelf, &ours, "3", 15_000, true).is_none(), "it is not as it was");
        // Run again after it was written, it finds its own.
        assert!(take_up(&shelf, &ours, "2", 15_000, true).unwrap() == second);
        assert_eq!(
            (counted(&shelf), shelf.keys("lease/"), shelf.keys("time/").len()),
            (15_000, vec!["lease/2".into()], 1)
        );
        // Neither a word of the first one nor taking it back ends the second order.
        assert_eq!(unproven(&shelf, &ours, Outcome::Failed), Some(State::Pending));
        shelf.take(|view| cancel(view, &hash(1), "2", NOW)).unwrap();
        assert_eq!((counted(&shelf), open(&shelf)), (15_000, [1, 1, 0]));
        paid(&shelf, &second, &proof(None));
        assert!(take_up(&shelf, &second, "4", 15_000, true).is_none(), "it is settled");
        assert_eq!((total(&shelf), open(&shelf)), (10_000, [0, 0, 1]));
        assert_eq!(resource_of(&second).url.origin(), ORIGIN);
    }
}
