//! The steps that end a payment, or note that nobody can tell what became of it.

use crate::ledger::begin::Buyer;
use crate::ledger::certainty::Proof;
use crate::ledger::counts::Counts;
use crate::ledger::dispatch::Dispatch;
use crate::ledger::key;
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
        // If the token was forgotten or replaced, it is made again for the caller, and not stored.
        return Ok(Settled { record, token: same.unwrap_or(bought), is_news: false });
    }
    let mut counts = Counts::read(view, record.payment.url.origin(), &record.scopes)?;
    if !was_proven {
        own::put(view, &bought, &path, &mut counts.origin)?;
    }
    change(view, known.as_ref(), &record, &mut counts, now_ms)?;
    Ok(Settled { record, token: bought, is_news: !was_proven })
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
/// [`Stop::Unread`] if rows are missing, [`crate::Code::StoreFailed`] if one is damaged.
pub fn cancel(view: &mut View, ours: &Record, now_ms: u64) -> Result<(), Stop> {
    let Some(known) = find(view, &ours.payment.payment_hash)? else { return Ok(()) };
    if known.owner != ours.owner || !known.is_unsettled() || known.dispatch.repeats > 0 {
        return Ok(());
    }
    let open_key = known.open_key();
    view.need([open_key.as_str()])?;
    let mut counts: Counts = Counts::read(view, known.payment.url.origin(), &known.scopes)?;
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
/// [`Stop::Unread`] if rows are missing, [`crate::Code::StoreFailed`] if one is damaged.
pub fn repeat(view: &mut View, abandoned: &Record, buyer: &Buyer<'_>) -> Result<Option<Record>, Stop> {
    let Some(known) = find(view, &abandoned.payment.payment_hash)? else { return Ok(None) };
    if known.owner == buyer.owner {
        return Ok(Some(known));
    }
    let most = known.payment.amount_msat.saturating_add(known.max_fee_msat);
    let is_allowed = buyer.levels.iter().all(|limits| most <= limits.per_payment);
    let lease_key = key::lease(&known.owner);
    let lease = view.text(&lease_key)?;
    let is_over = lease.is_none() || (buyer.has_lapsed)(&known.owner, lease.as_deref());
    if !known.is_unsettled() || known.owner != abandoned.owner || !is_allowed || !is_over {
        return Ok(None);
    }
    let mut record = known.clone();
    let Dispatch { wallet_id, repeats, failures, .. } = std::mem::take(&mut record.dispatch);
    record.dispatch = Dispatch { wallet_id, repeats: repeats.saturating_add(1), failures, ..Dispatch::default() };
    record.payment.state = State::Pending;
    buyer.owner.clone_into(&mut record.owner);
    view.put(&key::payment(&record.payment.payment_hash), |row| record.write(row))?;
    let open_key = record.open_key();
    view.put(&open_key, |row| {
        record.payment.payment_hash.write(row);
        row.text("owner", Some(buyer.owner));
    })?;
    view.delete(lease_key);
    view.put(&key::lease(buyer.owner), |row| {
        row.number("count", Some(0));
        row.number("lastsMs", Some(buyer.lease_ms));
    })?;
    Ok(Some(record))
}

/// The resource of a record.
#[must_use]
pub fn resource_of(record: &Record) -> Resource<'_> {
    let Record { payment, method, .. } = record;
    Resource { method, url: &payment.url, is_replayable: true }
}
