//! How large the records may grow, and what is dropped to make room.
//!
//! Both values of the store are read and written as a whole, so the time of a purchase grows with their size. To make
//! room, the oldest records go first:
//! - Payments that are settled, count in no hour or day, and whose invoice can't be offered again
//!   ([`crate::ledger::entry::Entry::can_be_compacted`]). Their amounts stay in the totals.
//! - Tokens that have expired or are used up.
//!
//! All other payments and tokens stay. Tokens that were never accepted stay too, so that their servers are not paid
//! again. If nothing can be dropped, nothing is bought.

use crate::error::{Code, Error};
use crate::ledger::entry::Entry;
use crate::ledger::records::Records;

/// If either value has more bytes than this, a purchase makes room. That is about 2,000 payments or 1,500 tokens. At
/// this size a purchase takes the native core about 10 ms. Some stores hold little in one value: 2 MB in a row of a
/// SQLite-backed Durable Object, 5 MB for an origin in some browsers.
pub const KEPT_BYTES: usize = 1_000_000;
/// If either value has more bytes than this, nothing is bought. That is about 8,000 payments. Each payment is
/// remembered for a day and until its invoice has expired. A client that pays for single calls makes thousands in that
/// time.
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
