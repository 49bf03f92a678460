//! The row that tells that somebody stands behind an open payment.

use crate::ledger::view::{parse, Stop, View};

/// Writes a new lease.
pub(crate) fn grant(view: &mut View, key: &str, lasts_ms: u64) {
    view.create(key, |row| {
        row.number("count", Some(0));
        row.number("lastsMs", Some(lasts_ms));
    });
}

/// For how many milliseconds a lease holds, as the text of its row says. `None`: the row is damaged.
#[must_use]
pub fn lasts_ms(row: &str) -> Option<u64> {
    parse(row, |row| row.number("lastsMs")).ok()
}

/// Counts a lease up, where it is still there.
///
/// # Errors
/// [`Stop::Unread`], [`crate::Code::StoreFailed`]
pub fn renew_lease(view: &mut View, key: &str) -> Result<(), Stop> {
    let Some((count, lasts_ms)) = view.read(key, |row| (row.number("count"), row.number("lastsMs")))? else {
        return Ok(());
    };
    view.put(key, |row| {
        row.number("count", Some(count.saturating_add(1)));
        row.number("lastsMs", Some(lasts_ms));
    })
}
