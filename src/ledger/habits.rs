//! What each wallet has reported of its payments. If a wallet has never found one, its `not found` proves nothing.

use crate::ledger::dispatch::Heard;
use crate::ledger::key;
use crate::ledger::record::Record;
use crate::ledger::view::View;
use crate::text::members::{Members, Row};

/// It found a payment that it had made.
pub(crate) const FOUND: u64 = 1;
/// It reported a payment as pending.
pub(crate) const PENDING: u64 = 2;

/// What was seen of a wallet.
#[derive(Default)]
struct Habits {
    seen: u64,
}

impl Row for Habits {
    fn members(&mut self, row: &mut Members<'_>) {
        row.number("seen", &mut self.seen);
    }
}

/// What was seen of a wallet.
pub(crate) fn seen(view: &mut View, wallet_id: &str) -> u64 {
    let habits: Habits = view.read(&key::wallet(wallet_id));
    habits.seen
}

/// Notes what was seen of a wallet, and, where it said that a payment of ours is on its way, that it has it. Nothing is
/// written where that is known.
pub(crate) fn note(view: &mut View, wallet_id: Option<&str>, ours: &Record, what: u64) {
    if let Some(wallet_id) = wallet_id {
        let before = seen(view, wallet_id);
        if before & what != what {
            view.put(&key::wallet(wallet_id), &mut Habits { seen: before | what });
        }
    }
    let payment_key = key::payment(&ours.payment.payment_hash);
    let Some(mut record) = view.find::<Record>(&payment_key) else { return };
    let is_open = record.is_unsettled() && record.owner == ours.owner;
    if what == PENDING && is_open && record.dispatch.heard != Some(Heard::HasPayment) {
        record.dispatch.heard = Some(Heard::HasPayment);
        view.put(&payment_key, &mut record);
    }
}
