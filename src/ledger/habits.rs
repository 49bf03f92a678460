//! What each wallet has reported of its payments. If a wallet has never found one, its `not found` proves nothing.

use crate::ledger::dispatch::Heard;
use crate::ledger::key;
use crate::ledger::record::Record;
use crate::ledger::view::{Stop, View};

/// It found a payment that it had made.
pub(crate) const FOUND: u64 = 1;
/// It reported a payment as pending.
pub(crate) const PENDING: u64 = 2;

/// What was seen of a wallet.
///
/// # Errors
/// [`Stop::Unread`], [`crate::Code::StoreFailed`]
pub(crate) fn seen(view: &mut View, wallet_id: &str) -> Result<u64, Stop> {
    Ok(view.read(&key::wallet(wallet_id), |row| row.number("seen"))?.unwrap_or(0))
}

/// Notes what was seen of a wallet, and, where it said that a payment of ours is on its way, that it has it. Nothing is written
/// where that is known.
///
/// # Errors
/// [`Stop::Unread`], [`crate::Code::StoreFailed`]
pub(crate) fn note(view: &mut View, wallet_id: Option<&str>, ours: &Record, what: u64) -> Result<(), Stop> {
    let payment_key = key::payment(&ours.payment.payment_hash);
    let known = view.read(&payment_key, Record::read)?;
    if let Some(wallet_id) = wallet_id {
        let before = seen(view, wallet_id)?;
        if before & what != what {
            view.put(&key::wallet(wallet_id), |row| row.number("seen", Some(before | what)))?;
        }
    }
    let is_news = |known: &Record| {
        known.is_unsettled() && known.owner == ours.owner && known.dispatch.heard != Some(Heard::HasPayment)
    };
    if let Some(mut record) = known.filter(is_news).filter(|_| what == PENDING) {
        record.dispatch.heard = Some(Heard::HasPayment);
        view.put(&payment_key, |row| record.write(row))?;
    }
    Ok(())
}
