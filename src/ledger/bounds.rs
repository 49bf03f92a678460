//! How large the records may grow: what goes to make room, and what never does.
//!
//! Both values of the store are read and written as a whole, so their size is what a purchase costs. What makes room,
//! oldest first: of the journal, settled payments that no window of hours or days counts any more and whose invoice
//! nobody can bring again ([`crate::ledger::entry::Entry::can_be_compacted`]); their amounts stay in the totals. Of the
//! tokens, those that have expired or are used up. Unsettled payments, tokens that may still open something, and what
//! is known of servers that took money for nothing stay. A store in which nothing can go is full, and refuses to buy.

use crate::error::{Code, Error};
use crate::ledger::entry::Entry;
use crate::ledger::records::Records;

/// Bytes of either value above which what may go makes room for what is bought: about 2,000 payments or 1,500 tokens. A
/// purchase then costs the core about 10 ms natively, and stores that keep little for one value (2 MB in a row of the
/// SQLite-backed Durable Objects, 5 MB for an origin in some browsers) never see more unless they must.
pub const KEPT_BYTES: usize = 1_000_000;
/// Bytes of either value above which nothing more is bought: about 8,000 payments, for each is remembered for a day and
/// until its invoice has expired, and a client that pays for single calls makes thousands of them in this time.
pub const MOST_BYTES: usize = 4_000_000;

impl Records {
    /// Makes room for a payment and the token that it will bring.
    ///
    /// # Errors
    /// [`Code::StoreFailed`] where there is none.
    pub(crate) fn make_room(&mut self, entry: &Entry, now_ms: u64) -> Result<(), Error> {
        let own = entry.size();
        // Tokens that open payments may bring are bought as well.
        let coming: usize = self.journal.entries().iter().filter(|entry| entry.is_unsettled()).map(Entry::size).sum();
        let coming = coming.saturating_add(own);
        self.journal.compact(KEPT_BYTES.saturating_sub(own), now_ms);
        self.tokens.prune(KEPT_BYTES.saturating_sub(coming), now_ms);
        let full = |what| Err(Error::new(Code::StoreFailed, what));
        if self.journal.size().saturating_add(own) > MOST_BYTES {
            return full("the journal is full of payments that must be remembered: nothing is paid; settle open ones with resolve(), or wait until their invoices have expired");
        }
        if self.tokens.size().saturating_add(coming) > MOST_BYTES {
            return full("the store is full of tokens that may still be good: nothing is paid; drop those of origins that you need no more with forget(origin)");
        }
        Ok(())
    }
}
