//! How large the records may grow: what is dropped to make room, and what never is.
//!
//! Both values of the store are read and written as a whole, so the time of a purchase grows with their size. To make
//! room, the oldest go first. In the journal these are settled payments that no hour or day counts and whose invoice
//! can't be offered again ([`crate::ledger::entry::Entry::can_be_compacted`]). Their amounts stay in the totals. Of the
//! tokens these are those that have expired or are used up. Unsettled payments, tokens that may still open something,
//! and what is known of servers that took money for nothing always stay. If nothing can be dropped, nothing is bought.

use crate::error::{Code, Error};
use crate::ledger::entry::Entry;
use crate::ledger::records::Records;

/// Above so many bytes of either value, a purchase makes room: about 2,000 payments or 1,500 tokens. A purchase then
/// costs the core about 10 ms natively. Some stores take little in one value: 2 MB in a row of a SQLite-backed Durable
/// Object, 5 MB for an origin in some browsers.
pub const KEPT_BYTES: usize = 1_000_000;
/// Above so many bytes of either value, nothing is bought: about 8,000 payments. Each payment is remembered for a day
/// and until its invoice has expired. A client that pays for single calls makes thousands in that time.
pub const MOST_BYTES: usize = 4_000_000;

impl Records {
    /// Makes room for a payment and the token that it will bring.
    ///
    /// # Errors [`Code::StoreFailed`] if there is no room.
    pub(crate) fn make_room(&mut self, entry: &Entry, now_ms: u64) -> Result<(), Error> {
        let own = entry.size();
        // Open payments may still bring tokens, which need room too.
        let coming: usize = self.journal.entries().iter().filter(|entry| entry.is_unsettled()).map(Entry::size).sum();
        let coming = coming.saturating_add(own);
        self.journal.compact(KEPT_BYTES.saturating_sub(own), now_ms);
        self.tokens.prune(KEPT_BYTES.saturating_sub(coming), now_ms);
        let full = |what| Err(Error::new(Code::StoreFailed, what));
        if self.journal.size().saturating_add(own) > MOST_BYTES {
            return full("the journal is full of payments that must be kept: nothing more is paid; settle open ones with resolve(), or wait until their invoices have expired");
        }
        if self.tokens.size().saturating_add(coming) > MOST_BYTES {
            return full("the store is full of tokens that may still be good: nothing is paid; drop those of origins that you need no more with forget(origin)");
        }
        Ok(())
    }
}
