//! The steps that end a payment, or note that nobody can tell what became of it.

use crate::ledger::certainty::Proof;
use crate::ledger::counts::Counts;
use crate::ledger::dispatch::Dispatch;
use crate::ledger::instance::Instance;
use crate::ledger::key;
use crate::ledger::lease::{grant, lease_of};
use crate::ledger::level::Level;
use crate::ledger::lock::Lock;
use crate::ledger::own;
use crate::ledger::payment::State;
use crate::ledger::record::Record;
use crate::ledger::resource::Resource;
use crate::ledger::session;
use crate::ledger::token::Token;
use crate::ledger::view::View;
use crate::wire::credential::Brought;
use crate::wire::payment_hash::PaymentHash;
use std::rc::Rc;

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
    /// Whether an earlier run came to the first proof. Its write may have happened though the store did not say so.
    pub was_news: bool,
    /// Whether the token is stored. One that was forgotten or replaced since it was proven is for whoever still waits
    /// for it.
    pub is_kept: bool,
}

fn find(view: &mut View, payment_hash: &PaymentHash) -> Option<Record> {
    view.find(&key::payment(payment_hash))
}

fn put(view: &mut View, record: &mut Record) {
    view.put(&key::payment(&record.payment.payment_hash), record);
}

/// Writes a changed record, the sums that count it, and the lock of its resource.
fn change(view: &mut View, before: Option<&Record>, after: &mut Record, counts: &mut Counts, now_ms: u64) {
    counts.change(view, before, Some(after), now_ms);
    counts.write(view);
    put(view, after);
    if before.is_none() {
        view.mark(&after.indexes());
    }
    if !after.is_unsettled() {
        unlock(view, after);
    }
    // Its owner is done with the order, so the lease ends.
    view.delete(&[key::lease(&after.owner)]);
}

/// Records a proof and the token that it bought. A proof counts whoever brings it, and however late. `ours` is the
/// record that the caller knows. If the store has lost the row of the payment, it is written again from `ours`.
pub fn settle_paid(view: &mut View, ours: &Record, proof: &Proof, now_ms: u64) -> Settled {
    let known = find(view, &ours.payment.payment_hash);
    let mut record = known.clone().unwrap_or_else(|| ours.clone());
    let was_proven = known.as_ref().is_some_and(|known| known.payment.state == State::Paid);
    let macaroon = if record.token.is_empty() { &ours.token } else { &record.token }.clone();
    let before = (record.payment.fee_msat, record.preimage.is_some());
    record.settle_paid(proof.preimage.clone(), proof.fee_msat, now_ms);
    let mut token = Token::new(record.payment.clone(), record.method.clone(), macaroon, record.preimage.clone());
    let token_key = own::key_of(&token);
    if was_proven && before == (record.payment.fee_msat, record.preimage.is_some()) {
        let same = match record.payment.session {
            Some(_) => session::find(view, record.payment.url.origin(), &record.payment.payment_hash)
                .map(|deposit| deposit.token),
            None => own::bought_with(view, &token_key, &record.payment.payment_hash),
        };
        let is_kept = same.is_some();
        token = same.unwrap_or(token);
        return Settled { record, token, is_news: false, was_news: false, is_kept };
    }
    let mut counts = Counts::of(view, &record, now_ms);
    if !was_proven && record.payment.session.is_some() {
        session::put(view, &token, now_ms);
    } else if !was_proven {
        own::put(view, &token, record.payment.url.path(), &mut counts.origin);
    }
    change(view, known.as_ref(), &mut record, &mut counts, now_ms);
    Settled { record, token, is_news: !was_proven, was_news: false, is_kept: !was_proven }
}

/// Records what became of an order that has no proof. Settled payments and later orders for the same invoice are not
/// touched. Returns the record after this step, or `None` if there is none.
pub fn settle_unproven(view: &mut View, ours: &Record, outcome: Outcome, now_ms: u64) -> Option<Record> {
    let known = find(view, &ours.payment.payment_hash)?;
    if !known.is_unsettled() || known.owner != ours.owner {
        return Some(known);
    }
    let mut record = known.clone();
    if outcome == Outcome::Failed {
        record.settle_failed(now_ms);
        let mut counts = Counts::of(view, &record, now_ms);
        change(view, Some(&known), &mut record, &mut counts, now_ms);
        return Some(record);
    }
    record.payment.state = State::Unknown;
    record.dispatch.learn(&ours.dispatch);
    if (record.payment.state, &record.dispatch) != (known.payment.state, &known.dispatch) {
        put(view, &mut record);
    }
    if outcome == Outcome::Unknown && lease_of(view, &record.owner).is_some() {
        view.delete(&[key::lease(&record.owner)]);
    }
    Some(record)
}

/// Takes back a purchase whose wallet was never asked, as if it had not begun. Its order is taken out of the sums.
pub fn cancel(view: &mut View, payment_hash: &PaymentHash, owner: &str, now_ms: u64) {
    let Some(known) = find(view, payment_hash) else { return };
    if known.owner != owner || !known.is_unsettled() || known.dispatch.repeats > 0 {
        return;
    }
    let mut counts = Counts::of(view, &known, now_ms);
    counts.change(view, Some(&known), None, now_ms);
    if !known.is_reserved {
        view.delete(&known.indexes());
    }
    counts.write(view);
    end(view, &known);
}

/// Deletes the rows of a payment that was never sent, and of its owner.
pub(crate) fn end(view: &mut View, record: &Record) {
    unlock(view, record);
    view.delete(&[key::payment(&record.payment.payment_hash), key::lease(&record.owner)]);
}

/// Deletes the lock of a payment. Where this one has been forgotten, the lock may belong to a later one by now.
fn unlock(view: &mut View, record: &Record) {
    let open_key = record.open_key();
    let lock: Lock = view.read(&open_key);
    if lock.payment_hash == record.payment.payment_hash {
        view.delete(&[open_key]);
    }
}

/// Takes over an abandoned order, so that its invoice can be handed to the same wallet once more. The sums count it
/// already. `None` if the order has changed, if its lease has not lapsed, or if it exceeds a limit for one payment.
pub fn repeat(
    view: &mut View,
    abandoned: &Record,
    owner: &str,
    levels: &[Rc<Level>],
    lease_ms: u64,
    here: &dyn Instance,
) -> Option<Record> {
    let mut record = find(view, &abandoned.payment.payment_hash)?;
    if record.owner == owner {
        return Some(record);
    }
    let most = record.payment.amount_msat.saturating_add(record.max_fee_msat);
    let is_allowed = levels.iter().all(|level| most <= level.limits.per_payment);
    let lease = lease_of(view, &record.owner);
    let is_over = here.has_lapsed(&record.owner, lease.as_ref());
    if !record.is_unsettled() || record.owner != abandoned.owner || !is_allowed || !is_over {
        return None;
    }
    view.delete(&[key::lease(&record.owner)]);
    let Dispatch { wallet_id, repeats, failures, .. } = std::mem::take(&mut record.dispatch);
    record.dispatch = Dispatch { wallet_id, repeats: repeats.saturating_add(1), failures, ..Dispatch::default() };
    record.payment.state = State::Pending;
    owner.clone_into(&mut record.owner);
    enter(view, &mut record, lease_ms);
    Some(record)
}

/// Writes the rows of a payment that its owner is about to make.
pub(crate) fn enter(view: &mut View, record: &mut Record, lease_ms: u64) {
    put(view, record);
    let mut lock = Lock { payment_hash: record.payment.payment_hash, owner: record.owner.clone() };
    view.put(&record.open_key(), &mut lock);
    grant(view, &record.owner, lease_ms);
}

/// The resource of a record.
#[must_use]
pub fn resource_of(record: &Record) -> Resource<'_> {
    let Record { payment, method, .. } = record;
    Resource { method, url: &payment.url, is_replayable: true, brought: Brought::default() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    use super::*;
    use crate::ledger::limits::Limits;
    use crate::ledger::shelf::{hash, record, spent, Here, Shelf, NOW, ORIGIN, URL};
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
        let sums = shelf.take(|view| view.read::<Sums>(key::SUMS)).unwrap();
        sums.counted(NOW)[2]
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
            let sums = shelf.take(|view| view.find::<Sums>(&key)).unwrap().unwrap();
            assert_eq!(sums.counted(NOW), [0; 6], "{key}");
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
        let levels = [Rc::new(Limits { per_payment: most, ..Limits::default() }.into())];
        let here = Here { all_lapsed: has_lapsed, ..Here::default() };
        shelf.take(|view| repeat(view, abandoned, owner, &levels, 150_000, &here)).unwrap()
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
